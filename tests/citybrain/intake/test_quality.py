"""A sensor that repeats itself while the others' traffic flows is stuck; a quiet one is not; it is believed again when it moves."""

from collections.abc import Callable

import numpy as np
import pytest

from citybrain.intake.batch import IntakeError, Samples
from citybrain.intake.catalogue import CODE, Catalogue, Kind
from citybrain.intake.quality import IMPOSSIBLE_SAMPLES, Flag, Quality, groups_of
from signals.types import Network


class Traffic:
    """Poisson counts of every movement each second, and queues that move."""

    def __init__(self, network: Network, catalogue: Catalogue, veh_s: float = 0.15) -> None:
        self.quality, self.catalogue = Quality(network, catalogue), catalogue
        self.rng, self.veh_s, self.now_s = np.random.default_rng(4), veh_s, 0.0
        self.counts = np.flatnonzero(catalogue.kind == CODE[Kind.COUNT])
        self.queues = np.flatnonzero(catalogue.kind == CODE[Kind.QUEUE])
        self.stuck: dict[int, float] = {}
        self.silent: set[int] = set()
        self.flow = 1.0

    def run(self, minutes: int) -> set[int]:
        """Sensors that were ever flagged as stuck."""
        found: set[int] = set()
        for _ in range(60 * minutes):
            self.now_s += 1.0
            value = np.zeros(len(self.catalogue), np.float32)
            value[self.counts] = self.rng.poisson(self.veh_s * self.flow, len(self.counts))
            value[self.queues] = self.rng.integers(0, 9, len(self.queues)) * (self.flow > 0.0)
            for sensor, at in self.stuck.items():
                value[sensor] = at
            heard = np.array([s for s in [*self.counts, *self.queues] if s not in self.silent], np.int32)
            self.quality.note(Samples("s", heard, np.full(len(heard), self.now_s), value[heard]))
            if self.quality.close(self.now_s):
                found |= set(np.flatnonzero(self.flags() == Flag.STUCK).tolist())
        return found

    def flags(self) -> np.ndarray:
        """As of now, everything heard."""
        n = len(self.catalogue)
        return self.quality.flags(self.now_s, np.full(n, self.now_s), np.zeros(n, np.uint8))


@pytest.fixture
def traffic(grid: Network, catalogue: Catalogue) -> Traffic:
    """Half an hour of traffic has gone by."""
    one = Traffic(grid, catalogue)
    assert one.run(30) == set()
    return one


@pytest.mark.parametrize("value", [0.0, 1.0], ids=["at nothing", "at one a second"])
def test_a_count_that_repeats_itself_while_others_move_is_stuck_within_minutes_and_believed_again_when_it_moves(
    traffic: Traffic, value: float
) -> None:
    sensor = int(traffic.counts[3])
    traffic.stuck = {sensor: value}
    assert traffic.run(12) == {sensor}
    traffic.stuck = {}
    traffic.run(2)
    assert (traffic.flags() == Flag.GOOD).all()


def test_when_all_traffic_ends_no_count_is_stuck(traffic: Traffic) -> None:
    traffic.flow = 0.0
    assert traffic.run(40) == set()


def test_a_queue_that_stays_while_traffic_flows_is_stuck_at_zero_too(traffic: Traffic) -> None:
    first, second = (int(s) for s in traffic.queues[:2])
    traffic.stuck = {first: 5.0, second: 0.0}
    assert traffic.run(12) == {first, second}


def test_a_queue_that_stays_while_nobody_passes_is_believed(traffic: Traffic) -> None:
    traffic.flow, traffic.stuck = 0.0, {int(traffic.queues[0]): 5.0}
    assert traffic.run(30) == set()


def test_a_sensor_that_is_silent_is_flagged_and_not_taken_for_stuck(traffic: Traffic) -> None:
    traffic.silent = {int(traffic.counts[0])}
    assert traffic.run(20) == set()
    last_s = np.full(len(traffic.catalogue), traffic.now_s)
    last_s[[0, 1]] -= [61.0, 59.0]
    flags = traffic.quality.flags(traffic.now_s, last_s, np.zeros(len(last_s), np.uint8))
    assert flags[:2].tolist() == [Flag.SILENT, Flag.GOOD]


def test_a_sensor_of_many_impossible_samples_is_flagged(traffic: Traffic) -> None:
    impossible = np.zeros(len(traffic.catalogue), np.uint8)
    impossible[:2] = IMPOSSIBLE_SAMPLES + 1, IMPOSSIBLE_SAMPLES
    flags = traffic.quality.flags(traffic.now_s, np.full(len(impossible), traffic.now_s), impossible)
    assert flags[:2].tolist() == [Flag.IMPOSSIBLE, Flag.GOOD]


@pytest.mark.parametrize("jump_s", [-5000.0, 5000.0])
def test_a_clock_that_jumps_makes_nobody_stuck(traffic: Traffic, jump_s: float) -> None:
    traffic.now_s += jump_s
    assert traffic.run(15) == set()


def test_minutes_are_judged_once_each(grid: Network, catalogue: Catalogue, sampled: Callable[..., Samples]) -> None:
    quality = Quality(grid, catalogue)
    closed = []
    for second in range(200):
        quality.note(sampled([0], float(second), 1.0))
        closed += [second] if quality.close(float(second)) else []
    assert closed == [60, 120, 180]


def test_a_few_queues_that_go_uncounted_find_a_quiet_count_that_is_stuck_at_zero(grid: Network, catalogue: Catalogue) -> None:
    one = Traffic(grid, catalogue)
    sensor, after = int(one.counts[3]), None
    for minute in range(80):
        for second in range(60):
            one.now_s += 1.0
            value = np.zeros(len(catalogue), np.float32)
            value[one.queues] = 2.0 * ((one.queues + minute) % 5 == 0) * (second < 20)  # a queue every five minutes
            value[one.queues + 1] = value[one.queues] * second  # who stands, waits
            value[one.counts] = ((one.counts + 1 + minute) % 5 == 0) * (second in (21, 23))
            value[sensor] *= minute < 40
            one.quality.note(Samples("s", np.arange(len(catalogue), dtype=np.int32), np.full(len(catalogue), one.now_s), value))
            one.quality.close(one.now_s)
        found = np.flatnonzero(one.flags() == Flag.STUCK).tolist()
        assert found in ([], [sensor])
        after = minute - 40 if found and after is None else after
    assert after is not None and 10 <= after <= 25


def test_what_is_usual_outlasts_a_restart(traffic: Traffic, grid: Network, catalogue: Catalogue) -> None:
    sensor = int(traffic.counts[3])
    found = {}
    for name, quality in (("restored", Quality(grid, catalogue).restored(traffic.quality.arrays())), ("new", Quality(grid, catalogue))):
        one = Traffic(grid, catalogue)
        one.quality, one.now_s, one.stuck = quality, traffic.now_s, {sensor: 0.0}
        found[name] = one.run(6)
    assert found == {"restored": {sensor}, "new": set()}


def test_what_others_sensors_knew_is_refused_whole(traffic: Traffic, grid: Network, catalogue: Catalogue) -> None:
    kept = traffic.quality.arrays()
    fresh = Quality(grid, catalogue)
    for wrong in ({**kept, "pool": kept["pool"][:1]}, {name: kept[name] for name in kept if name != "trials"}):
        with pytest.raises(IntakeError, match="other sensors: no fitting column"):
            fresh.restored(wrong)
    assert all((one == other).all() for one, other in zip(fresh.arrays().values(), Quality(grid, catalogue).arrays().values(), strict=True))


def test_a_forecast_finds_a_count_that_never_counted(grid: Network, catalogue: Catalogue) -> None:
    found = []
    for known in (False, True):
        one = Traffic(grid, catalogue)
        one.silent = {int(s) for s in one.queues}
        one.stuck = {int(one.counts[3]): 0.0}
        if known:
            one.quality.expect(np.full(catalogue.movements, 3600.0 * one.veh_s))
        found.append(one.run(9))
    assert found == [set(), {int(one.counts[3])}]


def test_sensors_of_the_same_movements_make_a_group(catalogue: Catalogue) -> None:
    members, group = groups_of(catalogue)
    movement = np.zeros(len(catalogue), int)
    movement[catalogue.link_sensor] = catalogue.link_movement
    assert members.shape == (len(catalogue) // 4, 4)
    assert all(len(set(movement[row])) == 1 and catalogue.kind[row].tolist() == [0, 1, 2, 3] for row in members)
    assert (members[group, catalogue.kind] == np.arange(len(catalogue))).all()

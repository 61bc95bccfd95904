"""What the loop observes: sums of known sensors, NaN where one is silent or doubted, counts of the time since the last read."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from citybrain.intake.batch import Samples, Tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.senses import Senses
from signals.types import Network, Observation

Sampled = Callable[..., Samples]
Tracked = Callable[..., Tracks]
COUNT, QUEUE, WAIT, EXIT = range(4)


class Reader:
    """Senses of the grid, read without caring for the lights."""

    def __init__(self, network: Network, catalogue: Catalogue) -> None:
        self.senses = Senses(network, catalogue)
        n = len(network.signals)
        self.lights = np.zeros(n, np.int64), np.zeros(n), np.zeros(catalogue.movements)

    def read(self, now_s: float) -> Observation:
        """What is known now."""
        return self.senses.read(now_s, *self.lights)


@pytest.fixture
def reader(grid: Network, catalogue: Catalogue) -> Reader:
    """Nothing heard yet."""
    return Reader(grid, catalogue)


def test_counts_are_of_the_time_since_the_last_read(reader: Reader, sampled: Sampled) -> None:
    told = []
    for now_s in range(10, 14):
        for part_s in (0.0, 0.5):
            reader.senses.take(sampled([COUNT], now_s - 0.5 + part_s, 1.0))
        told.append(reader.read(float(now_s)).counts_veh[0])
    assert told == [pytest.approx(np.nan, nan_ok=True), 2.0, 2.0, 2.0]


@pytest.mark.parametrize(("kind", "name"), [(QUEUE, "queue_veh"), (WAIT, "wait_s"), (EXIT, "exit_veh")])
def test_a_value_stays_until_its_sensor_is_silent_for_too_long(reader: Reader, sampled: Sampled, kind: int, name: str) -> None:
    reader.senses.take(sampled([kind], 10.0, 4.0))
    assert [getattr(reader.read(now_s), name)[0] for now_s in (10.0, 13.0)] == [4.0, 4.0]
    assert np.isnan(getattr(reader.read(13.1), name)[0])


def test_after_a_silence_the_first_count_is_not_told_for_nobody_knows_since_when_it_is(reader: Reader, sampled: Sampled) -> None:
    told = []
    for now_s in range(10, 25):
        if not 13 <= now_s < 20:
            reader.senses.take(sampled([COUNT], float(now_s), 50.0 if now_s == 20 else 1.0))
        told.append(reader.read(float(now_s)).counts_veh[0])
    # Heard at 12 for the last time: believed for three seconds more.
    np.testing.assert_array_equal(told, [np.nan, 1, 1, 0, 0, 0, np.nan, np.nan, np.nan, np.nan, np.nan, 1, 1, 1, 1])


def test_what_comes_late_but_is_new_counts_and_what_comes_twice_does_not(reader: Reader, sampled: Sampled) -> None:
    reader.senses.take(sampled([COUNT], 10.0, 0.0))
    reader.read(10.0)
    reader.senses.take(sampled([COUNT] * 3, [11.0, 11.0, 10.5], [1.0, 1.0, 9.0]))
    reader.senses.take(sampled([COUNT], 10.8, 1.0), late=True)
    assert reader.read(11.0).counts_veh[0] == 2.0


def test_a_doubted_sensor_is_silent_until_it_is_believed_again(reader: Reader, catalogue: Catalogue, sampled: Sampled) -> None:
    doubted = np.zeros(len(catalogue), np.bool_)
    doubted[QUEUE] = True
    reader.senses.take(sampled([QUEUE, 4 + QUEUE], 10.0, 4.0))
    reader.senses.doubt(doubted)
    np.testing.assert_array_equal(reader.read(10.0).queue_veh[:3], [np.nan, 4.0, np.nan])
    reader.senses.doubt(~doubted)
    np.testing.assert_array_equal(reader.read(10.0).queue_veh[:2], [4.0, np.nan])


def test_movements_share_sensors_and_one_silent_sensor_makes_its_movements_unknown(
    grid: Network, catalogue: Catalogue, sampled: Sampled
) -> None:
    # The second movement's queue and wait are those of its own sensors and of a quarter of the first movement's.
    links = [(QUEUE, 0, 0.75), (QUEUE, 1, 0.25), (4 + QUEUE, 1, 1.0), (WAIT, 0, 0.5), (WAIT, 1, 0.5), (4 + WAIT, 1, 1.0)]
    sensor, movement, share = zip(*links, strict=True)
    shared = replace(
        catalogue,
        link_sensor=np.array(sensor, np.int32),
        link_movement=np.array(movement, np.int32),
        link_share=np.array(share, np.float32),
    )
    reader = Reader(grid, shared)
    reader.senses.take(sampled([QUEUE, 4 + QUEUE, WAIT, 4 + WAIT], 10.0, [8.0, 1.0, 30.0, 20.0]))
    found = reader.read(10.0)
    assert (found.queue_veh[:2].tolist(), found.wait_s[:2].tolist()) == ([6.0, 3.0], [30.0, 30.0])
    reader.senses.take(sampled([QUEUE, WAIT], 12.0, 8.0))
    found = reader.read(14.0)
    assert found.queue_veh[0] == 6.0 and np.isnan(found.queue_veh[1]) and np.isnan(found.wait_s[1])


def test_a_queue_without_a_sensor_is_seen_in_the_snapshots(grid: Network, catalogue: Catalogue, tracked: Tracked) -> None:
    blind = replace(catalogue, kind=np.where(catalogue.kind == QUEUE, EXIT, catalogue.kind).astype(np.int32))
    reader = Reader(grid, blind)
    reader.senses.take(tracked(10.0, {0: [(0, 0, 3.0, 0.0), (0, 0, 10.0, 1.9), (0, 1, 20.0, 9.0)]}))
    found = reader.read(11.0)
    np.testing.assert_array_equal(found.queue_veh[:3], [2.0, 0.0, 0.0])
    assert np.isnan(found.queue_veh[len(grid.signals[0].movements) :]).all()
    assert np.isnan(reader.read(14.0).queue_veh).all()


def test_nothing_heard_is_nothing_known(reader: Reader) -> None:
    found = reader.read(0.0)
    for name in ("queue_veh", "counts_veh", "wait_s", "exit_veh"):
        assert np.isnan(getattr(found, name)).all()
    assert len(found.vehicle_lane) == 0


def test_when_the_streets_clock_goes_back_what_was_heard_before_is_forgotten(reader: Reader, sampled: Sampled, tracked: Tracked) -> None:
    reader.senses.take(sampled([QUEUE], 9000.0, 4.0))
    reader.senses.take(tracked(9000.0, {0: [(0, 0, 3.0, 0.0)]}))
    assert len(reader.read(9000.0).vehicle_lane) == 1
    found = reader.read(10.0)
    assert np.isnan(found.queue_veh[0]) and len(found.vehicle_lane) == 0
    reader.senses.take(sampled([QUEUE], 11.0, 2.0))
    reader.senses.take(tracked(11.0, {0: [(0, 0, 3.0, 0.0)] * 2}))
    found = reader.read(11.0)
    assert (found.queue_veh[0], len(found.vehicle_lane)) == (2.0, 2)


def test_samples_of_nothing_and_of_no_number_are_passed_over(reader: Reader, catalogue: Catalogue, sampled: Sampled) -> None:
    reader.senses.take(sampled([-1, len(catalogue), 2**31 - 1], 10.0, 1.0))
    reader.senses.take(sampled([QUEUE] * 4, [10.0, np.nan, np.inf, 10.0], [np.nan, 1.0, 1.0, -1.0]))
    assert np.isnan(reader.read(10.0).queue_veh).all()

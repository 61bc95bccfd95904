"""The played street behaves enough like one to load the service: lights obey, queues grow at red and drain at green."""

import numpy as np
import pytest

from benchmarks.played_street import PlayedStreet
from citybrain.intake.catalogue import Catalogue
from signals.errors import ConfigError
from signals.rules import RULES, envelope
from signals.safety import adopt, vet
from signals.site import sites
from signals.types import ApprovedPlan, Network, Observation, Stage, TimingPlan
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario


@pytest.fixture(scope="module")
def grid() -> Network:
    return read_network(scenario("grid_2x2").net, RULES["street"])


@pytest.fixture
def street(grid: Network) -> PlayedStreet:
    return PlayedStreet(grid, Catalogue.of(grid), np.random.default_rng(3))


def seconds(street: PlayedStreet, number: int) -> Observation:
    """The last of so many observed seconds."""
    for _ in range(number):
        for batch in street.play():
            street.senses.take(batch)
        seen = street.observe(street.now_s)
    return seen


def held(street: PlayedStreet, seen: Observation, phase: int) -> tuple[ApprovedPlan, ...]:
    """Plans that switch every signal that can change to a phase, as safety lets them pass."""
    limits = tuple(envelope(s, RULES["street"]) for s in street.network.signals)
    wish = []
    for i, site in enumerate(sites(street.network, limits)):
        green_s = 10.0 if phase == seen.phase[i] else site.min_green_s[phase]
        wish.append(TimingPlan(site.signal.id, (Stage(phase, green_s),), seen.now_s, seen.now_s + 30.0))
    return vet(tuple(wish), adopt(street.network, seen.now_s), seen, street.network, limits)


def test_a_second_is_told_by_every_sensor_and_every_camera(street: PlayedStreet, grid: Network) -> None:
    samples, tracks = street.play()
    assert len(samples) == len(street.catalogue)
    assert tracks.signal.tolist() == list(range(len(grid.signals)))
    assert (samples.at_s == 1.0).all() and (tracks.at_s == 1.0).all()


def test_what_is_told_is_what_is_observed(street: PlayedStreet) -> None:
    seen = seconds(street, 3)
    assert not np.isnan(seen.queue_veh).any() and not np.isnan(seen.counts_veh).any()
    assert seen.vehicle_lane.size > 0 and (np.diff(seen.vehicle_lane) >= 0).all()


def test_queues_grow_only_at_red_and_drain_at_green(street: PlayedStreet) -> None:
    green = street.layout.codes_now(*lights(seconds(street, 1))) > 0
    passed = np.zeros(street.layout.movements)
    for _ in range(20):
        passed += seconds(street, 1).counts_veh
    assert passed[~green].sum() == 0.0 and passed[green].sum() > 0.0


def lights(seen: Observation) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Phases and ages."""
    return seen.phase, seen.age_s


def test_a_pushed_change_begins_its_intergreen_and_then_the_phase_is_green(street: PlayedStreet) -> None:
    seen = seconds(street, 60)
    street.push(adopt(street.network, seen.now_s))
    before = street.pushes
    plans = held(street, seen, 1)
    street.push(plans)
    turned = np.flatnonzero([p.plan.stages[0].phase == 1 and not p.plan.repeats for p in plans] & (seen.phase != 1))
    assert turned.size > 0
    at_once = street.observe(street.now_s)
    assert (at_once.phase[turned] == 1).all() and (at_once.age_s[turned] < 0.0).all()
    later = seconds(street, 12)
    assert (later.phase[turned] == 1).all() and (later.age_s[turned] > 0.0).all()
    street.push(plans)
    assert street.pushes - before == len(plans) - sum(p.plan is s.base for p, s in zip(plans, street.network.signals, strict=True))


def test_a_camera_s_snapshot_is_of_its_own_lanes(street: PlayedStreet) -> None:
    seconds(street, 30)
    tracks = street.snapshot(2, 30.5)
    first, last = street.layout.lane_start[2], street.layout.lane_start[3]
    assert tracks.at_s.tolist() == [30.5] and len(tracks.lane) == tracks.vehicles[0] > 0
    assert ((tracks.lane >= first) & (tracks.lane < last)).all()


def test_nothing_can_be_broken_and_all_is_well(street: PlayedStreet) -> None:
    assert not street.health().any() and street.fenced() == 0 and street.reason_of(0) == ""
    with pytest.raises(ConfigError, match="a played street has none"):
        street.fault("dead", 0.3, "")

"""Claims about signals that decide together, on Ingolstadt's interchange: two signals 15 m apart, each with left turns that yield."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from signals.planners import groups
from signals.planners.groups import Group, groups_of, settle
from signals.rules import RULES
from signals.types import Network, Observation
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

pytestmark = pytest.mark.sumo

WEST, EAST = "30503246", "30624898"
MAIN, LEFTS, SIDE = range(3)


@pytest.fixture(scope="module")
def ingolstadt() -> Network:
    return read_network(scenario("resco/ingolstadt21").net, RULES["resco"])


@pytest.fixture(scope="module")
def interchange(ingolstadt: Network) -> Group:
    wanted = {ingolstadt.index(WEST), ingolstadt.index(EAST)}
    return next(g for g in groups_of(ingolstadt) if set(g.signals) == wanted)


def standing_on(observed: Observation, lane: int, vehicles: int) -> Observation:
    return replace(
        observed,
        vehicle_lane=np.full(vehicles, lane, dtype=np.int64),
        vehicle_movement=np.zeros(vehicles, dtype=np.int64),
        vehicle_distance_m=np.arange(vehicles) * 7.5,
        vehicle_speed_mps=np.zeros(vehicles),
    )


def test_left_turns_of_both_signals_never_yield_to_each_others_blocked_traffic(interchange: Group) -> None:
    # Both on their main phase: each left turn waits for traffic that stands behind the other left turn.
    assert [MAIN, MAIN] not in interchange.choices.tolist()
    assert [MAIN, LEFTS] in interchange.choices.tolist()


def test_every_phase_has_a_partner_that_cannot_lock_it(ingolstadt: Network) -> None:
    found = groups_of(ingolstadt)
    assert len(found) == 3
    for group in found:
        for k, i in enumerate(group.signals):
            assert set(group.choices[:, k].tolist()) == set(range(len(ingolstadt.signals[i].phases)))


def test_far_signals_decide_alone(ingolstadt: Network) -> None:
    assert groups_of(ingolstadt, near_m=5.0) == ()


def test_a_group_takes_the_cheapest_joint_choice_that_is_safe(
    ingolstadt: Network, interchange: Group, observe: Callable[..., Observation]
) -> None:
    west, east = interchange.signals
    costs_s = np.full((len(ingolstadt.signals), 8), 50.0)
    costs_s[west, :3], costs_s[east, :3] = (0.0, 30.0, 60.0), (0.0, 10.0, 60.0)
    wanted = np.full(len(ingolstadt.signals), 7, dtype=np.int64)
    settled = settle((interchange,), costs_s, wanted, observe(ingolstadt))
    assert (settled[west], settled[east]) == (MAIN, LEFTS)  # 10 s dearer than both on main, which is not safe
    assert (np.delete(settled, interchange.signals) == 7).all()


def test_a_signal_that_cannot_change_now_is_taken_as_it_is(
    ingolstadt: Network, interchange: Group, observe: Callable[..., Observation]
) -> None:
    west, east = interchange.signals
    costs_s = np.zeros((len(ingolstadt.signals), 8))
    costs_s[west] = np.nan
    observed = observe(ingolstadt)
    observed = replace(observed, phase=np.where(np.arange(len(observed.phase)) == west, MAIN, observed.phase))
    settled = settle((interchange,), costs_s, np.zeros(len(observed.phase), dtype=np.int64), observed)
    assert (settled[west], settled[east]) == (MAIN, LEFTS)


def test_a_full_short_street_gets_protected_green_even_where_that_is_dearer(
    ingolstadt: Network, interchange: Group, observe: Callable[..., Observation]
) -> None:
    _, east = interchange.signals
    costs_s = np.full((len(ingolstadt.signals), 8), 500.0)
    costs_s[:, MAIN], costs_s[:, LEFTS] = 0.0, 100.0
    costs_s[interchange.signals[0], :2] = 100.0, 0.0  # west: left turns; east: its main phase, on which left turns yield
    wanted = np.zeros(len(ingolstadt.signals), dtype=np.int64)
    free = settle((interchange,), costs_s, wanted, observe(ingolstadt))
    assert free[east] == MAIN
    yielding = interchange.choices[:, 1] == MAIN
    lane = int(interchange.lanes[np.flatnonzero(interchange.yielding[yielding].any(axis=0) & (interchange.room_veh < 3.0))[-1]])
    full = settle((interchange,), costs_s, wanted, standing_on(observe(ingolstadt), lane, 2))
    assert full[east] == LEFTS
    rolling = replace(standing_on(observe(ingolstadt), lane, 2), vehicle_speed_mps=np.full(2, 9.0))
    assert settle((interchange,), costs_s, wanted, rolling)[east] == LEFTS  # it holds two: they will stand there
    roomy = replace(interchange, room_veh=np.maximum(interchange.room_veh, 3.0))
    assert settle((roomy,), costs_s, wanted, rolling)[east] == MAIN


def test_a_group_with_too_many_joint_phases_is_cut(monkeypatch: pytest.MonkeyPatch, ingolstadt: Network) -> None:
    monkeypatch.setattr(groups, "MOST_CHOICES", 3)
    assert groups_of(ingolstadt) == ()

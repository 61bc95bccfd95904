"""What a plan means: capacity, saturation and delay per lane group against numbers worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from citybrain.plan_sheet import Sheet, capacity_share, gap_share, grade_of, group_figures, mean_delay_s, sheet
from citybrain.planning import standing, unhurried
from signals.kernels import delay, webster
from signals.lane_groups import demand_of
from signals.rules import RULES, envelope
from signals.safety import adopt, vet
from signals.types import Floats, Network, Turn

# The grid's signals have per approach: right and through on one lane, through on another, a left turn that yields in its own
# approach's stage and is protected in the next one. Base plan: 31, 8, 31, 8 s of green, 3 s of yellow, cycle 90 s.
RIGHT, SHARED, THROUGH, LEFT = 0, 1, 2, 3


def flows(**veh_h: float) -> Floats:
    """[movement] of the first approach: right, shared, through, left; nothing elsewhere [veh/h]."""
    found = np.zeros(16)
    for name, value in veh_h.items():
        found[{"right": RIGHT, "shared": SHARED, "through": THROUGH, "left": LEFT}[name]] = value
    return found


def test_a_lone_movement_has_capacity_s_g_over_c(grid: Network) -> None:
    signal = grid.signals[0]
    (group,) = group_figures(signal, signal.base, flows(through=500.0))
    saturation = signal.movements[THROUGH].saturation_veh_h
    assert group.capacity_veh_h == pytest.approx(saturation * 29.0 / 90.0)  # 31 s of green, 2 s of start-up
    assert group.degree == pytest.approx(500.0 / group.capacity_veh_h)
    assert group.delay_s == pytest.approx(delay.control_delay_s(500.0, saturation, 29.0, 90.0))
    assert group.grade == grade_of(group.delay_s, group.degree)


def test_movements_on_one_lane_share_its_green(grid: Network) -> None:
    signal = grid.signals[0]
    (group,) = group_figures(signal, signal.base, flows(right=200.0, shared=300.0))
    assert group.movements == (RIGHT, SHARED) and group.flow_veh_h == 500.0
    ratio = 200.0 / signal.movements[RIGHT].saturation_veh_h + 300.0 / signal.movements[SHARED].saturation_veh_h
    assert group.degree == pytest.approx(ratio * 90.0 / 29.0)


def test_a_left_turn_gains_what_the_gaps_leave_it_beside_its_own_stage(grid: Network) -> None:
    signal, demand = grid.signals[0], demand_of(grid.signals[0])
    assert signal.movements[LEFT].turn is Turn.LEFT
    free = capacity_share(signal, signal.base, demand, LEFT, flows(left=50.0))
    assert free == pytest.approx((31.0 + 3.0 + 8.0 - 2.0) / 90.0)  # nobody opposes: both stages and the change between them count
    opposed = flows(left=50.0)
    opposed[8:11] = 300.0  # right, shared and through of the opposite approach
    foes = signal.yields_to[LEFT] & (np.arange(16) < 12) & (np.arange(16) >= 8)
    assert foes.any()
    gaps = gap_share(signal, signal.base, demand, LEFT, opposed)
    most = max(opposed[m] / signal.movements[m].saturation_veh_h for m in np.flatnonzero(foes))
    own = signal.movements[LEFT].saturation_veh_h
    assert gaps * own == pytest.approx(webster.permissive_saturation_veh_h(float(opposed[foes].sum()), most, own))
    assert 8.0 / 90.0 < capacity_share(signal, signal.base, demand, LEFT, opposed) < free


def test_the_farthest_queue_is_longer_than_the_mean_and_set_against_the_room(grid: Network) -> None:
    signal = grid.signals[0]
    (group,) = group_figures(signal, signal.base, flows(through=500.0))
    assert 500.0 * 59.0 / 3600.0 < group.back_veh < group.back_95_veh  # at least who comes during red
    room_veh = next(
        min(lane.storage_veh, lane.sensed_m / 7.5) for lane, used in zip(signal.lanes, signal.uses[:, THROUGH], strict=True) if used
    )
    assert group.storage_share == pytest.approx(group.back_95_veh / room_veh)


def test_the_signals_delay_is_weighted_by_flow(grid: Network) -> None:
    signal = grid.signals[0]
    groups = group_figures(signal, signal.base, flows(through=600.0, left=30.0))
    expected = sum(g.flow_veh_h * g.delay_s for g in groups) / 630.0
    assert mean_delay_s(groups) == pytest.approx(expected) and np.isnan(mean_delay_s(()))


def based(grid: Network, flow_veh_h: Floats) -> Sheet:
    """The base plan of the grid's first signal, for these flows."""
    limits = unhurried(tuple(envelope(s, RULES["resco"]) for s in grid.signals))
    wishes = tuple(replace(s.base, starts_s=0.0) for s in grid.signals)
    return sheet(grid.signals[0], vet(wishes, adopt(grid, 0.0), standing(grid), grid, limits)[0], flow_veh_h)


def test_the_binding_group_is_the_fullest_one(grid: Network) -> None:
    full = based(grid, flows(through=900.0, left=20.0))
    assert full.binding is not None and full.binding.movements == (THROUGH,)
    assert full.binding.degree == np.nanmax(full.degree) > 1.0 and full.grade == "F"
    assert full.reasons().binding.endswith(" through") and full.reasons().offset_s is None
    assert np.isfinite(full.delay_s).tolist() == (flows(through=900.0, left=20.0) > 0.0).tolist()


def test_without_flows_nothing_binds(grid: Network) -> None:
    idle = based(grid, np.zeros(16))
    assert idle.binding is None and idle.grade == "-" and np.isnan(idle.mean_delay_s) and idle.reasons().binding == ""

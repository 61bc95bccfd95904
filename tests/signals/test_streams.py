"""Streams of example junctions: who shares lanes, who waits for gaps, and who feeds whom."""

from dataclasses import replace

import numpy as np
import pytest

from signals.planners.streams import Stream, flows_by_signal, links_of, movement_feeds, streams_of
from signals.types import Floats, Network

BASE = (0, 1, 2, 3)
EAST_THROUGH, WEST_THROUGH, NORTH_LEFT, SOUTH_THROUGH = 4, 10, 2, 7


def linked(pair: Network) -> Network:
    """The pair, with the approaches between `W` and `E` traced to each other's exits."""
    west, east = pair.signals
    fed = {"E": ("w_in", "e_out_0"), "W": ("e_in", "w_out_0")}
    signals = []
    for signal in (west, east):
        arm, exit_lane = fed[signal.id]
        lanes = tuple(replace(lane, upstream=(exit_lane,)) if lane.id.startswith(arm) else lane for lane in signal.lanes)
        signals.append(replace(signal, lanes=lanes))
    return replace(pair, signals=tuple(signals))


def stream_with(streams: list[Stream], movement: int) -> Stream:
    """The stream that a movement is part of."""
    return next(s for s in streams if movement in s.movements)


def flow_of(**veh_h: float) -> Floats:
    """Flows [movement] of one four-arm junction; `m4=300.0` is movement 4."""
    flows = np.zeros(12)
    for name, value in veh_h.items():
        flows[int(name[1:])] = value
    return flows


def test_movements_of_one_lane_with_the_same_stages_are_one_stream(four_arm: Network) -> None:
    streams = streams_of(0, four_arm.signals[0], BASE, flow_of(m6=100.0, m7=300.0))
    shared = stream_with(streams, SOUTH_THROUGH)
    assert (shared.movements, shared.lanes, shared.flow_veh_h) == ((6, 7), 1, 400.0)
    # 400 / (100 / 1600 + 300 / 1800) = 1745 veh/h while its stage is green
    assert shared.saturation_veh_h == pytest.approx([1745.0, 0.0, 0.0, 0.0], abs=1.0)


def test_a_permissive_turn_yields_and_a_protected_one_does_not(four_arm: Network) -> None:
    left = stream_with(streams_of(0, four_arm.signals[0], BASE, np.full(12, 100.0)), NORTH_LEFT)
    assert left.yielding.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert left.saturation_veh_h == pytest.approx([1600.0, 1600.0, 0.0, 0.0])


def test_a_turn_on_red_after_a_stop_has_half_its_saturation_flow(four_arm: Network) -> None:
    right = stream_with(streams_of(0, four_arm.signals[0], (0, 1), flow_of(m3=100.0)), 3)  # "s" in the second stage
    assert right.saturation_veh_h == pytest.approx([0.0, 800.0], rel=0.02)


def test_who_yields_comes_after_whom_it_waits_for_and_knows_it(four_arm: Network) -> None:
    links = links_of(four_arm, (BASE,), np.full(12, 100.0))
    for k in range(links.signal.size):
        foes = links.foe[links.foe_start[k] : links.foe_start[k + 1]]
        assert (foes < k).all()
        assert bool(foes.size) == bool(links.yielding[k].any())
    assert links.foe.size >= 4


def test_what_a_signal_lets_go_reaches_the_next_in_the_shares_of_its_movements(pair: Network) -> None:
    network = linked(pair)
    flows = [np.zeros(12), np.zeros(12)]
    flows[0][WEST_THROUGH] = 300.0  # through W towards E
    flows[1][WEST_THROUGH], flows[1][11] = 200.0, 100.0
    feeds = movement_feeds(network, flows)
    assert {at: round(part[0]) for at, part in feeds.items()} == {(0, 10, 1, 10): 200, (0, 10, 1, 11): 100}
    length_m, speed_mps = feeds[0, 10, 1, 10][1:]
    assert length_m == 300.0 + network.signals[0].movements[10].crossing_m
    assert speed_mps == pytest.approx(50.0 / 3.6)


@pytest.mark.parametrize(("here", "fed"), [(500.0, 300.0), (120.0, 120.0)], ids=["the rest arrives evenly", "no more than it carries"])
def test_no_link_is_fed_more_than_it_carries(pair: Network, here: float, fed: float) -> None:
    flows = np.concatenate((flow_of(m10=300.0), flow_of(m10=here)))
    links = links_of(linked(pair), (BASE, BASE), flows)
    assert links.source_flow_veh_s.sum() * 3600.0 == pytest.approx(fed)
    at = int(np.flatnonzero(np.diff(links.source_start))[0])
    assert links.flow_veh_s[at] * 3600.0 == pytest.approx(here)
    assert links.storage_veh[at] == pytest.approx((300.0 + 24.0) / 7.5)
    assert at in links.member[links.member_start[0] : links.member_start[1]]  # a change at W changes what E's link gets


def test_without_a_trace_everything_arrives_evenly(pair: Network) -> None:
    assert links_of(pair, (BASE, BASE), np.full(24, 200.0)).source.size == 0


def test_what_no_lane_carries_is_no_flow(with_crossing: Network) -> None:
    flows = flows_by_signal(with_crossing, np.full(13, np.nan))
    assert np.isnan(flows[0][:12]).all()
    dead = replace(with_crossing.signals[0], movements=tuple(replace(m, lanes=()) for m in with_crossing.signals[0].movements))
    assert flows_by_signal(Network("dead", (dead,)), np.full(13, np.nan))[0].tolist() == [0.0] * 13

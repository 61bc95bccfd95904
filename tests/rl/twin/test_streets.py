"""Legs and lanes: routes that end alike share their legs, and a lane is chosen from which the route goes on."""

import numpy as np
import pytest

from rl.twin.streets import NOWHERE, Legs
from rl.twin.twin import Twin
from sumo_nets.link_graph import Link, LinkGraph, RoadLane

FORK = LinkGraph(
    lanes=(
        RoadLane("in_0", "in", 0, 100.0, 14.0),
        RoadLane("in_1", "in", 1, 100.0, 14.0),
        RoadLane("stub_0", "stub", 0, 10.0, 14.0),
        RoadLane("stub_1", "stub", 1, 10.0, 14.0),
        RoadLane("left_0", "left", 0, 300.0, 14.0),
        RoadLane("right_0", "right", 0, 300.0, 14.0),
    ),
    links=(
        Link(0, 2, "", -1, True, 1.0, 14.0, ()),
        Link(1, 3, "", -1, True, 1.0, 14.0, ()),
        Link(2, 5, "s", 0, False, 10.0, 8.0, ()),
        Link(3, 4, "s", 1, False, 10.0, 8.0, (2,)),
    ),
)
"""Two lanes, a stub of ten metres before the line, the right lane to the right and the left one to the left."""


@pytest.mark.parametrize(("way", "lane", "link"), [("right", 0, 0), ("left", 1, 1)])
def test_who_turns_behind_a_short_street_is_in_the_right_lane_before_it(way: str, lane: int, link: int) -> None:
    legs = Legs(FORK)
    assert legs.choices(legs.number(("in", "stub", way))) == [(lane, link)]


def test_at_the_end_of_a_route_any_lane_will_do() -> None:
    legs = Legs(FORK)
    assert legs.choices(legs.number(("in",))) == [(0, NOWHERE), (1, NOWHERE)]


@pytest.mark.parametrize("edges", [("in", "left"), ("nowhere",), ("left", "in")])
def test_a_route_that_does_not_hang_together_has_no_leg(edges: tuple[str, ...]) -> None:
    assert Legs(FORK).number(edges) == NOWHERE


def test_routes_that_end_alike_share_their_legs() -> None:
    legs = Legs(FORK)
    legs.number(("in", "stub", "left"))
    before = len(legs.rows)
    legs.number(("stub", "left"))
    assert len(legs.rows) == before == 3


def test_every_leg_leads_from_lanes_of_its_own_edge_to_the_next(twin: Twin) -> None:
    streets = twin.streets
    for leg, after in enumerate(streets.next_leg.tolist()):
        here = slice(streets.choice_start[leg], streets.choice_start[leg + 1])
        links = streets.choice_link[here]
        assert links.size
        if after < 0:
            assert (links == NOWHERE).all()
            continue
        np.testing.assert_array_equal(streets.from_lane[links], streets.choice_lane[here])
        if streets.next_movement[leg] >= 0:
            assert streets.beyond_m[leg] > 0.0


def test_what_the_twin_takes_for_a_stop_lane_is_one(twin: Twin) -> None:
    streets, lay = twin.streets, twin.layout
    lit = np.flatnonzero(streets.movement >= 0)
    lanes = streets.stop_lane[streets.from_lane[lit]]
    assert (lanes >= 0).all()
    np.testing.assert_array_equal(lay.signal_of_lane[lanes], lay.signal_of[streets.movement[lit]])

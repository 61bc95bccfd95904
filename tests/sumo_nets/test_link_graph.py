"""The graph of links: it hangs together, knows its signals, and agrees with what planners read of the same net."""

from pathlib import Path

import pytest

from signals.errors import ScenarioError
from signals.rules import RULES
from sumo_nets.link_graph import LinkGraph, read_links
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

NET = scenario("grid_2x2").net


@pytest.fixture(scope="module")
def graph() -> LinkGraph:
    """Of our 2 x 2 grid."""
    return read_links(NET)


def test_every_link_of_a_signal_is_the_movement_of_the_same_lanes(graph: LinkGraph) -> None:
    signals = {s.id: s for s in read_network(NET, RULES["resco"]).signals}
    lit = [link for link in graph.links if link.signal]
    assert {link.signal for link in lit} == set(signals)
    for link in lit:
        movement = signals[link.signal].movements[link.lamp]
        assert graph.lanes[link.from_lane].id in movement.lanes
        assert graph.lanes[link.to_lane].id in movement.exits


def test_links_yield_only_to_links_of_their_own_junction_and_some_do(graph: LinkGraph) -> None:
    pairs = [(link, graph.links[k]) for link in graph.links for k in link.yields_to]
    assert pairs
    assert all(one.signal == other.signal for one, other in pairs)


def test_lanes_inside_junctions_are_ways_not_lanes(graph: LinkGraph) -> None:
    assert not any(lane.id.startswith(":") for lane in graph.lanes)
    assert all(link.inside_m > 0.0 and link.inside_mps > 0.0 for link in graph.links if link.signal)


def test_a_file_that_is_no_net_is_an_error(tmp_path: Path) -> None:
    wrong = tmp_path / "net.xml"
    wrong.write_text("<net", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"net\.xml"):
        read_links(wrong)

"""Claims about the flows that a demand file brings to the stop lines."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signals.layout import lay_out
from signals.links.sumo import SumoLink
from signals.rules import RULES
from signals.types import Network
from sumo_nets.counting import departures, expected_counts, fastest_way, journeys, movements_by_turn
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, from_files, scenario
from sumo_nets.session import start

BEGIN_S = 1000.0


@pytest.fixture(scope="module")
def network() -> Network:
    return read_network(scenario("grid_2x2").net, RULES["resco"])


def demand(folder: Path, text: str, end_s: float = BEGIN_S + 1800.0) -> Scenario:
    routes = folder / "some.rou.xml"
    routes.write_text(f"<routes>{text}</routes>", encoding="utf-8")
    return from_files(scenario("grid_2x2").net, (routes,), BEGIN_S, end_s)


def a_way(network: Network) -> tuple[str, str, str, str]:
    """Edges of a way over two signals: its entry, the street between them, which widens before the second, its exit."""
    turns = movements_by_turn(network)
    return next((a, b, c, d) for a, b in turns for c, d in turns if c.startswith(f"{b}.") and a[:2] != d[2:])


def test_vehicles_count_at_each_stop_line_in_the_bin_of_their_free_flow_arrival(network: Network, tmp_path: Path) -> None:
    way = a_way(network)
    text = f'<vehicle id="{{}}" depart="{{}}"><route edges="{" ".join(way)}"/></vehicle>'
    both = text.format("a", BEGIN_S + 5.0) + text.format("b", BEGIN_S + 898.0)
    counts_veh = expected_counts(demand(tmp_path, both), network)
    turns = movements_by_turn(network)
    assert counts_veh.shape == (2, lay_out(network).movements)
    for turn in (way[:2], way[2:]):
        # One at once, one in the next bin, as it takes more than 2 s to the first stop line.
        assert counts_veh[:, turns[turn]].sum(axis=1).tolist() == pytest.approx([1.0, 1.0])
    assert counts_veh.sum() == pytest.approx(4.0)


def test_trips_take_the_fastest_way_and_pass_their_via_edges(network: Network, tmp_path: Path) -> None:
    import sumolib

    way = a_way(network)
    trip = f'<trip id="t" depart="{BEGIN_S}" from="{way[0]}" via="{way[1]}" to="{way[3]}"/>'
    counts_veh = expected_counts(demand(tmp_path, trip), network)
    turns = movements_by_turn(network)
    assert counts_veh[0, turns[way[:2]]].sum() == pytest.approx(1.0)
    net = sumolib.net.readNet(str(scenario("grid_2x2").net))
    assert fastest_way(net, (way[0], way[1], way[3])) == way
    assert fastest_way(net, (way[3], way[0])) == (way[3], way[0])  # no way back: only the stops


def test_nobody_counts_who_is_due_before_the_begin_or_after_the_end(network: Network, tmp_path: Path) -> None:
    way = a_way(network)
    text = f'<vehicle id="{{}}" depart="{{}}"><route edges="{" ".join(way)}"/></vehicle>'
    both = text.format("early", BEGIN_S - 1.0) + text.format("late", BEGIN_S + 1800.0)
    assert expected_counts(demand(tmp_path, both), network).sum() == 0.0


def test_named_routes_and_flows_are_followed(network: Network, tmp_path: Path) -> None:
    way = a_way(network)
    text = f'<route id="r" edges="{" ".join(way)}"/>'
    text += f'<flow id="f" begin="{BEGIN_S}" end="{BEGIN_S + 600}" vehsPerHour="360" route="r"/>'
    counts_veh = expected_counts(demand(tmp_path, text), network)
    assert counts_veh.sum() == pytest.approx(2 * 60.0)
    found = list(journeys(tmp_path / "some.rou.xml", BEGIN_S, BEGIN_S + 1800.0))
    assert [(one.edges, one.routed, len(one.departs_s)) for one in found] == [(way, True, 60)]


@pytest.mark.parametrize(
    ("tag", "attributes", "expected_s"),
    [
        ("vehicle", {"depart": "12.5"}, [12.5]),
        ("trip", {"depart": "00:00:20"}, [20.0]),
        ("trip", {"depart": "triggered"}, []),
        ("vehicle", {"depart": "9"}, []),
        ("vehicle", {"depart": "40"}, []),
        ("flow", {"begin": "0", "end": "100", "number": "10"}, [10.0, 20.0, 30.0]),
        ("flow", {"begin": "10", "end": "31", "period": "10"}, [10.0, 20.0, 30.0]),
        ("flow", {"begin": "10", "period": "exp(0.1)"}, [10.0, 20.0, 30.0]),
        ("flow", {"begin": "20", "vehsPerHour": "360"}, [20.0, 30.0]),
        ("flow", {"begin": "20", "probability": "0.1"}, [20.0, 30.0]),
        ("flow", {"begin": "0", "end": "100"}, []),
    ],
)
def test_departures_are_as_stated_within_begin_and_end(tag: str, attributes: Mapping[str, str], expected_s: list[float]) -> None:
    assert departures(tag, attributes, 10.0, 40.0) == pytest.approx(expected_s)


def test_each_turn_belongs_to_the_movements_from_edge_to_edge(network: Network) -> None:
    turns = movements_by_turn(network)
    movements = [m for s in network.signals for m in s.movements]
    for (before, after), found in turns.items():
        for m in found:
            assert movements[m].approach == before
            assert any(lane.startswith(f"{after}_") for lane in movements[m].exits)
    assert sorted(m for found in turns.values() for m in found) == list(range(len(movements)))


@pytest.mark.sumo
def test_what_is_expected_comes_in_a_simulation_too() -> None:
    one = scenario("arterial_5")
    one = replace(one, end_s=one.begin_s + 900.0)
    street = read_network(one.net, RULES["resco"])
    counted = np.zeros(lay_out(street).movements)
    with start(one, 106) as session:
        link = SumoLink(session.sumo, street)
        while session.now_s < one.end_s:
            session.advance()
            if session.now_s % 10.0 == 0.0:
                counted += np.nan_to_num(link.observe(session.now_s).counts_veh)
    expected = expected_counts(one, street).sum(axis=0)
    # At red and in the queues of the end some are still under way: fewer than expected, never more.
    assert 0.8 * expected.sum() < counted.sum() < expected.sum()
    assert np.corrcoef(expected, counted)[0, 1] > 0.95

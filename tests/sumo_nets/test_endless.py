"""Claims about demand without an end: it follows the day, never exceeds the hour it was made of, and nothing grows with time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signals.types import Floats
from sumo_nets.counting import BIN_S
from sumo_nets.day import Hour, read_hour
from sumo_nets.demand import DAY_S
from sumo_nets.endless import MORNING_S, Arrivals, Endless, Leaving, arrivals, file_ends_s, named_routes
from sumo_nets.scenario import Scenario, scenario
from sumo_nets.session import start

PROFILE = 1.0 + 0.8 * np.sin(np.arange(96) / 96.0 * 2.0 * np.pi - 0.5)  # busiest at 7:54
TRIPS = """<routes>
    <vType id="car"/>
    <route id="by name" edges="a b c"/>
    <vehicle id="1" type="car" route="by name" depart="25200" departLane="best"/>
    <vehicle id="2" depart="25300"><route edges="a b"/></vehicle>
    <trip id="3" type="car" depart="25400" from="a" to="c"/>
    <trip id="4" type="car" depart="25500" from="a" via="b" to="c"/>
    <trip id="5" type="car" depart="25600" from="a" to="a"/>
</routes>"""


@pytest.fixture(scope="module")
def hour() -> Hour:
    """Our grid's, 7 to 8."""
    return read_hour(scenario("grid_2x2"))


def per_hour(found: list[Leaving], begin_s: float, hours: int) -> Floats:
    """Departures of each hour, in times of the grid's own 4400."""
    edges_s = begin_s + 3600.0 * np.arange(hours + 1)
    return np.asarray(np.histogram([one.depart_s for one in found], edges_s)[0] / 4400.0)


def test_it_follows_the_day_in_order_and_is_the_same_however_it_is_asked(hour: Hour) -> None:
    begin_s = hour.scenario.end_s
    whole = Endless(hour, PROFILE, 1, begin_s).due(begin_s + DAY_S)
    assert all(a.depart_s <= b.depart_s for a, b in pairwise(whole))
    course = per_hour(whole, begin_s, 24)
    assert max(course) < 1.25 and course[0] > 0.8 and course[12] < 0.35 and course[-1] > 0.8
    steps = Endless(hour, PROFILE, 1, begin_s)
    assert [one for k in range(1, 3601) for one in steps.due(begin_s + k)] == [one for one in whole if one.depart_s < begin_s + 3600.0]
    assert steps.drawn_s <= begin_s + 3600.0 + BIN_S
    assert Endless(hour, PROFILE, 2, begin_s).due(begin_s + 60.0)[0] != whole[0]


def test_an_hour_that_counts_from_zero_stands_for_the_morning(hour: Hour) -> None:
    shifted = replace(hour, scenario=replace(hour.scenario, begin_s=0.0, end_s=3600.0))
    early, late = Endless(shifted, PROFILE, 1, 3600.0).due(3600.0 + DAY_S), Endless(hour, PROFILE, 1, MORNING_S + 3600.0)
    assert [one.depart_s + MORNING_S for one in early] == pytest.approx([one.depart_s for one in late.due(MORNING_S + 3600.0 + DAY_S)])


def test_it_begins_where_the_files_end(tmp_path: Path) -> None:
    one = scenario("grid_2x2")
    assert file_ends_s(one) == one.end_s
    assert file_ends_s(replace(one, end_s=one.begin_s + 60.0)) == pytest.approx(28798.6)


class Sumo:
    """Notes who is let in; refuses whoever has no type."""

    def __init__(self) -> None:
        self.vehicle = self.route = self.simulation = self
        self.routes: dict[str, list[str]] = {}
        self.let_in: list[tuple[str, tuple[str, ...], str]] = []
        self.edges: tuple[str, ...] = ()

    def add(self, name: str, what: Any, kind: str = "", depart: str = "", **how: str) -> None:
        if isinstance(what, list):
            assert name not in self.routes
            self.routes[name] = what
        elif kind == "DEFAULT_VEHTYPE":
            raise RuntimeError("no such type")
        else:
            self.let_in.append((name, tuple(self.routes[what]), how["departLane"]))

    def findRoute(self, here: str, there: str, kind: str) -> Any:
        self.edges = (here, there)
        return self


def test_ways_are_routes_made_once_and_who_is_refused_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "t.rou.xml"
    file.write_text(TRIPS, encoding="utf-8")
    hour = read_hour(Scenario("t", tmp_path / "none", (file,), 25200.0, 28800.0))
    assert named_routes(hour) == {"by name": ("a", "b", "c")}
    sumo = Sumo()
    let = Arrivals(sumo, hour, Endless(hour, np.full(96, 1.0), 1, 28800.0))
    let.let_in(28800.0 + 100 * 3600.0)
    assert let.vehicles == len(sumo.let_in) + let.refused == pytest.approx(500, abs=120)
    assert len({name for name, *_ in sumo.let_in}) == len(sumo.let_in) and 50 < let.refused < 150
    assert sorted(sumo.routes.values()) == [["a"], ["a", "b"], ["a", "b", "c"], ["a", "c"]]
    assert {lane for _, edges, lane in sumo.let_in if edges == ("a", "b", "c")} == {"best", "first"}


@pytest.mark.sumo
@pytest.mark.parametrize("name", ["grid_2x2", "resco/cologne8", "resco/grid4x4"])
def test_sumo_lets_them_in_after_the_scenario_s_end(name: str) -> None:
    one = scenario(name)
    ends_s = file_ends_s(one)
    with start(replace(one, begin_s=ends_s - 5.0, end_s=ends_s), 101) as session:
        let = arrivals(session, one, np.full(96, 1.0), 101)
        seen: set[str] = set()
        for _ in range(120):
            let.let_in(session.now_s + 1.0)
            session.advance()
            seen |= set(session.sumo.vehicle.getIDList())
        assert session.now_s == ends_s + 115.0
        assert let.refused == 0 and len({v for v in seen if v.startswith("again.")}) > 0.7 * let.vehicles > 10

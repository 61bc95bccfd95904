"""Claims about reading what a demand file uses, and when."""

import math
from pathlib import Path

import pytest

from signals.errors import ScenarioError
from sumo_nets.demand_file import read_demand, stated_s


def written(folder: Path, body: str) -> Path:
    path = folder / "demand.xml"
    path.write_text(f"<routes>{body}</routes>", encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "expected_s"), [("25205.00", 25205.0), ("07:00:05", 25205.0), ("1:07:00:05", 111605.0), ("-3", -3.0)])
def test_times_are_read_in_each_of_sumos_notations(text: str, expected_s: float) -> None:
    assert stated_s(text, "here") == expected_s


@pytest.mark.parametrize("text", ["soon", "7:00", "", "nan", "inf", "1:2:3:4:5"])
def test_a_time_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"here is .* expected seconds or hh:mm:ss"):
        stated_s(text, "here")


@pytest.mark.parametrize(
    ("body", "span_s"),
    [
        ("", None),
        ('<vType id="car"/><route id="r" edges="a b"/>', None),
        ('<trip id="1" depart="30"/><trip id="0" depart="10.5"/>', (10.5, 30.0)),
        ('<vehicle id="1" depart="triggered"/><person id="2" depart="00:01:00"/>', (60.0, 60.0)),
        ('<flow id="f" begin="100" end="200"/>', (100.0, 200.0)),
        ('<flow id="f" vehsPerHour="10"/>', (0.0, math.inf)),
    ],
)
def test_the_span_runs_from_the_first_to_the_last_departure(tmp_path: Path, body: str, span_s: tuple[float, float] | None) -> None:
    assert read_demand(written(tmp_path, body)).span_s == span_s


def test_every_edge_is_found_with_its_first_user(tmp_path: Path) -> None:
    body = (
        '<trip id="t" depart="0" from="a" to="b" via="c d"/><flow id="f" begin="0" end="9" from="e" to="a"/>'
        '<route id="r" edges="g h"/><vehicle id="v" depart="1"><route edges="i j"/>'
        '<stop lane="k_l_0" duration="5"/></vehicle>'
        '<person id="p" depart="2"><walk edges="m"/><personTrip from="n" to="o"/></person>'
    )
    edges = read_demand(written(tmp_path, body)).edges
    assert sorted(edges) == ["a", "b", "c", "d", "e", "g", "h", "i", "j", "k_l", "m", "n", "o"]
    assert (edges["a"], edges["h"], edges["j"], edges["o"]) == ("trip 't'", "route 'r'", "vehicle 'v'", "person 'p'")


def test_a_wrong_departure_names_its_vehicle(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"demand\.xml: trip '7': depart is 'noon'"):
        read_demand(written(tmp_path, '<trip id="7" depart="noon"/>'))

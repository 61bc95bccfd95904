"""Approaches by compass point, read from the roads' shapes."""

from dataclasses import replace
from pathlib import Path

import pytest

from signals.errors import ScenarioError
from signals.rules import RULES
from sumo_nets.bearings import POINTS, arm_names, bearings_deg
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario


@pytest.mark.parametrize(
    ("shape", "degrees"),
    [
        ("0,100 0,0", 0.0),  # southbound: it comes from the north
        ("100,100 0,0", 45.0),
        ("100,0,3 0,0,3", 90.0),
        ("0,-50 0,0", 180.0),
        ("-50,0 0,0", 270.0),
        ("-900,0 0,40 0,0", 0.0),  # the last 30 m count
        ("0,0", 0.0),
    ],
)
def test_a_road_comes_from_where_its_last_stretch_begins(shape: str, degrees: float, tmp_path: Path) -> None:
    net = tmp_path / "net.xml"
    net.write_text(
        '<net><edge id=":x" function="internal"><lane shape="0,0 1,0"/></edge>'
        f'<edge id="a"><lane id="a_0" shape="{shape}"/><lane id="a_1" shape="0,0 0,9"/></edge></net>'
    )
    assert bearings_deg(net) == {"a": pytest.approx(degrees)}


def test_the_arms_of_the_grid_are_the_four_winds() -> None:
    found = scenario("grid_2x2")
    bearings = bearings_deg(found.net)
    for signal in read_network(found.net, RULES["resco"]).signals:
        assert sorted(arm_names(signal, bearings).values()) == ["E", "N", "S", "W"]


def test_approaches_of_one_compass_point_keep_their_names() -> None:
    found = scenario("grid_2x2")
    signal = read_network(found.net, RULES["resco"]).signals[0]
    approaches = list(dict.fromkeys(m.approach for m in signal.movements))
    names = arm_names(signal, dict(zip(approaches, (0.0, 5.0, 100.0, 350.0), strict=True)))
    assert names == {a: f"N ({a})" if k != 2 else "E" for k, a in enumerate(approaches)}
    assert arm_names(replace(signal, movements=()), {}) == {} and len(POINTS) == 8


def test_a_shape_that_is_no_list_of_points_is_one_clear_error(tmp_path: Path) -> None:
    net = tmp_path / "net.xml"
    net.write_text('<net><edge id="a"><lane id="a_0" shape="north"/></edge></net>')
    with pytest.raises(ScenarioError, match="not a list of points"):
        bearings_deg(net)

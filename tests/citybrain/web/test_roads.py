"""Roads out of a net.xml: lines in the middle of their lanes, sidewalks none, and a shape that is none told."""

from pathlib import Path

import numpy as np
import pytest

from citybrain.web.geometry import CityDrawing
from citybrain.web.roads import lanes_of, middle, points_m, read_roads, straight_lines, wanted_lanes
from signals.errors import ScenarioError
from signals.types import Network


@pytest.mark.parametrize("shape", ["", "1,2 3", "1,2 x,y", "nan,1 2,3", "1,2 inf,0"])
def test_a_shape_that_is_none_is_one_clear_error(shape: str, tmp_path: Path, grid: Network) -> None:
    with pytest.raises(ScenarioError, match=r"net\.xml: a lane's shape"):
        points_m(shape, "net.xml")
    net = tmp_path / "net.xml"
    net.write_text(f'<net><edge id="e"><lane id="e_0" shape="{shape or "?"}"/></edge></net>', encoding="utf-8")
    with pytest.raises(ScenarioError, match="a lane's shape"):
        CityDrawing(grid, net)


def test_a_road_is_drawn_in_the_middle_of_its_lanes_and_sidewalks_are_none(tmp_path: Path) -> None:
    net = tmp_path / "net.xml"
    net.write_text(
        '<net><edge id="e"><lane id="e_0" allow="pedestrian" shape="0,9 50,9"/><lane id="e_1" shape="0,0 50,0"/>'
        '<lane id="e_2" shape="0,4 50,4"/></edge><edge id=":x" function="internal"><lane id=":x_0" shape="50,0 60,5"/></edge></net>',
        encoding="utf-8",
    )
    roads = read_roads(net, frozenset({":x_0"}))
    assert roads.lanes == [2]
    assert roads.lines[0].tolist() == [[0.0, 2.0], [50.0, 2.0]]
    assert roads.shapes == {":x_0": "50,0 60,5"}
    assert middle("0,0 9,0", "0,4 5,4 9,4", net).tolist() == [[0.0, 0.0], [9.0, 0.0]]


def test_the_wanted_lanes_are_those_at_stop_lines_and_inside_junctions(grid: Network, grid_net: Path) -> None:
    signal = grid.signals[0]
    lanes = lanes_of(signal)
    assert len(set(lanes)) == len(lanes) and set(lanes) <= wanted_lanes(grid)
    assert {lane.id for lane in signal.lanes} | {lane for m in signal.movements for lane in m.inside} <= set(lanes)
    assert set(read_roads(grid_net, wanted_lanes(grid)).of(signal)) == set(lanes)


def test_straight_lines_run_from_signal_to_signal(grid: Network) -> None:
    lines, lanes = straight_lines(grid)
    places = {s.id: (s.x_m, s.y_m) for s in grid.signals}
    expected = np.array([(places[s.from_signal], places[s.to_signal]) for s in grid.streets])
    assert np.array_equal(lines, expected) and lanes == [max(s.lanes, 1) for s in grid.streets]

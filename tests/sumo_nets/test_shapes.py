"""Roads as polylines: which lanes, which points, and how a wrong shape is told."""

from pathlib import Path

import numpy as np
import pytest

from signals.errors import ScenarioError
from sumo_nets.scenario import scenario
from sumo_nets.shapes import road_lines, simplified

NET = """<net>
  <edge id=":j_0" function="internal"><lane id=":j_0_0" shape="0,0 1,1"/></edge>
  <edge id="a">
    <lane id="a_0" allow="pedestrian" shape="0,9 100,9"/>
    <lane id="a_1" disallow="pedestrian" shape="0,0,5 50,0.01,5 100,0,5"/>
    <lane id="a_2" shape="0,-3 100,-3"/>
  </edge>
  <edge id="path"><lane id="path_0" allow="pedestrian bicycle" shape="0,50 9,50"/></edge>
</net>"""


def written(folder: Path, text: str) -> Path:
    """The text as a net file."""
    path = folder / "net.xml"
    path.write_text(text)
    return path


def test_a_road_is_its_first_lane_for_vehicles_without_heights_or_idle_points(tmp_path: Path) -> None:
    lines = road_lines(written(tmp_path, NET))
    assert [line.tolist() for line in lines] == [[[0.0, 0.0], [100.0, 0.0]]]


def test_a_shape_that_is_no_list_of_points_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="not a list of points"):
        road_lines(written(tmp_path, NET.replace("0,9 100,9", "0,9").replace("0,0,5 50", "x,y 50")))


def test_a_net_without_roads_has_no_lines(tmp_path: Path) -> None:
    assert road_lines(written(tmp_path, "<net/>")) == []


@pytest.mark.parametrize(("tolerance_m", "points"), [(0.5, 4), (1.5, 3), (20.0, 2)])
def test_points_within_the_tolerance_are_left_out(tolerance_m: float, points: int) -> None:
    line = np.array([[0.0, 0.0], [5.0, 1.0], [10.0, 0.0], [10.0, 10.0]])
    assert len(simplified(line, tolerance_m)) == points


def test_the_ends_stay_even_of_a_loop() -> None:
    loop = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 0.0]])
    assert simplified(loop, 1.0)[[0, -1]].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert len(simplified(loop, 1.0)) == 4


def test_our_own_grid_has_its_streets() -> None:
    lines = road_lines(scenario("grid_2x2").net)
    assert len(lines) >= 8
    assert all(line.shape[1] == 2 and len(line) >= 2 for line in lines)

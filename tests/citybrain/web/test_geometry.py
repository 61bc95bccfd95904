"""What the page's map is given: places from the net, lamps from the phases, columns that fit together and stay small."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.assemble import CONTROLLERS
from citybrain.web.geometry import PARTLY, Arms, CityDrawing, arms_of, lamp_codes, packed, starts, stop_line, stop_lines, straight_roads
from citybrain.web.roads import points_m, read_roads, wanted_lanes
from signals.errors import ConfigError
from signals.types import Network, Serves

KINDS = {"xy_dm": "<i4", "start": "<u4", "heading_ddeg": "<i2", "phases": "<u1", "lanes": "<u1", "code": "<u1"}


def columns(part: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """A part of the city, its columns read as the page does."""
    return {key: np.frombuffer(base64.b64decode(text), KINDS[key]) for key, text in part.items() if key in KINDS}


@pytest.fixture(scope="module")
def drawing(grid: Network, grid_net: Path) -> CityDrawing:
    """The 2 x 2 grid."""
    return CityDrawing(grid, grid_net, site="grid")


@pytest.fixture(scope="module")
def city(drawing: CityDrawing) -> dict[str, Any]:
    """As the page gets it: through JSON."""
    found: dict[str, Any] = json.loads(json.dumps(drawing.city(), allow_nan=False))
    return found


def test_signals_stand_where_the_net_has_them(city: dict[str, Any], grid: Network) -> None:
    assert city["signals"]["id"] == [s.id for s in grid.signals]
    xy_m = columns(city["signals"])["xy_dm"].reshape(-1, 2) / 10.0
    assert xy_m == pytest.approx(np.array([(s.x_m, s.y_m) for s in grid.signals]), abs=0.05)


@pytest.mark.parametrize("part", ["roads", "areas", "stops", "lamps"])
def test_the_parts_of_a_column_end_where_the_column_ends(city: dict[str, Any], part: str) -> None:
    found = columns(city[part])
    values = found["code"] if part == "lamps" else found["xy_dm"].reshape(-1, 2)
    assert found["start"][0] == 0
    assert (np.diff(found["start"].astype(np.int64)) >= 0).all()
    assert found["start"][-1] == len(values) > 0


def test_everything_lies_within_the_bounds(city: dict[str, Any]) -> None:
    west, south, east, north = city["bounds_m"]
    for part in ("signals", "roads", "stops"):
        xy_m = columns(city[part])["xy_dm"].reshape(-1, 2) / 10.0
        assert (xy_m >= [west - 0.1, south - 0.1]).all(), part
        assert (xy_m <= [east + 0.1, north + 0.1]).all(), part


def test_every_stop_line_is_near_its_signal_and_its_traffic_drives_towards_it(city: dict[str, Any], grid: Network) -> None:
    found = columns(city["stops"])
    xy_m, heading = found["xy_dm"].reshape(-1, 2) / 10.0, np.radians(found["heading_ddeg"] / 10.0)
    for i, signal in enumerate(grid.signals):
        own = slice(found["start"][i], found["start"][i + 1])
        to_signal = np.array([signal.x_m, signal.y_m]) - xy_m[own]
        ahead = (to_signal * np.column_stack((np.sin(heading[own]), np.cos(heading[own])))).sum(axis=1)
        assert own.stop - own.start == len(signal.lanes)
        assert (ahead > 0.0).all()
        assert (np.hypot(*to_signal.T) < 40.0).all()


def test_a_lane_is_lit_by_the_best_of_its_movements_and_told_apart_where_others_stay_red(grid: Network, grid_net: Path) -> None:
    roads = read_roads(grid_net, wanted_lanes(grid))
    for signal in grid.signals:
        stops = stop_lines(signal, roads.of(signal))
        codes = np.array(list(lamp_codes(signal, stops))).reshape(len(signal.phases), len(stops))
        for p, phase in enumerate(signal.phases):
            for k, stop in enumerate(stops):
                lights = [phase.lights[m] for m, movement in enumerate(signal.movements) if stop.lane in movement.lanes]
                best = Serves.PROTECTED if "G" in lights else Serves.PERMISSIVE if "g" in lights else Serves.NOT
                if best != Serves.NOT:
                    assert codes[p, k] == best + (PARTLY if set(lights) - {"G", "g"} else 0), (signal.id, p, stop.lane)
                else:
                    assert codes[p, k] in (0, 3)


def test_a_signal_from_close_by_names_arms_by_the_compass_and_paths_that_cross_the_junction(drawing: CityDrawing, grid: Network) -> None:
    signal = grid.signals[0]
    found = json.loads(json.dumps(drawing.signal(signal.id), allow_nan=False))
    assert {m["arm"] for m in found["movements"]} == {"N", "E", "S", "W"}
    assert found["phases"] == [p.lights for p in signal.phases]
    assert np.shape(found["intergreen_s"]) == (len(signal.phases), len(signal.phases))
    for one, movement in zip(found["movements"], signal.movements, strict=True):
        assert one["turn"] == movement.turn.value
        assert len(one["stops"]) == len(movement.lanes)
        ends = np.array(one["path"][0][0]), np.array(one["path"][-1][-1])
        assert all(np.hypot(*(end - [signal.x_m, signal.y_m])) < 40.0 for end in ends)
    with pytest.raises(KeyError):
        drawing.signal("nowhere")


def test_without_a_net_streets_are_straight_and_no_stop_line_is_made_up(grid: Network) -> None:
    bare = CityDrawing(grid)
    found = bare.city()
    assert len(columns(found["roads"])["start"]) == len(grid.streets) + 1
    assert columns(found["stops"])["xy_dm"].size == 0
    assert bare.signal(grid.signals[0].id)["lanes"] == []
    roads = straight_roads(grid)
    assert all(line.shape == (2, 2) for line in roads.lines)


def test_a_city_of_thousands_takes_few_bytes_a_signal(grid: Network, grid_net: Path) -> None:
    n = 2000
    many = tuple(replace(grid.signals[k % 4], id=f"S{k}", x_m=float(k)) for k in range(n))
    text = json.dumps(CityDrawing(Network("many", many), grid_net).city())
    assert len(text) < 700 * n


def test_more_signals_than_two_bytes_can_count_are_refused(grid: Network) -> None:
    with pytest.raises(ConfigError, match="65536 signals; the page shows at most 65535"):
        CityDrawing(Network("huge", grid.signals[:1] * 65536))


def test_the_page_may_offer_every_controller_that_plans(city: dict[str, Any]) -> None:
    assert [name for name, _ in city["controllers"]] == [c.name for c in CONTROLLERS.values() if c.make is not None]


def test_explanations_name_the_arms_that_the_page_names(drawing: CityDrawing, grid: Network) -> None:
    arms = Arms(grid, drawing)
    assert list(arms) == [s.id for s in grid.signals] and len(arms) == len(grid.signals)
    for signal in grid.signals:
        shown = {m["arm"] for m in drawing.signal(signal.id)["movements"]}
        assert set(arms[signal.id].values()) == shown
    assert arms.get("nowhere", {}) == {} and arms_of(grid.signals[0], {}) == {}


@pytest.mark.parametrize(
    ("line", "heading_deg"), [("0,0 0,9", 0.0), ("0,0 9,0", 90.0), ("0,9 0,0", 180.0), ("9,0 0,0", 270.0), ("5,5 5,5", 0.0)]
)
def test_the_heading_at_a_stop_line_is_by_the_compass(line: str, heading_deg: float) -> None:
    assert stop_line("a", points_m(line, "here")).heading_deg == pytest.approx(heading_deg)


def test_columns_survive_the_way_to_the_page() -> None:
    assert np.frombuffer(base64.b64decode(packed([-1.6, 0.4, 70000.0], "<i4")), "<i4").tolist() == [-2, 0, 70000]
    assert starts(iter([2, 0, 3])) == [0, 2, 2, 5]

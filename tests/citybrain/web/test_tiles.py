"""A large city in tiles: nothing is lost, nothing is in the wrong place, and the overview is small."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.web import tiles as tiles_module
from citybrain.web.geometry import Shapes, lamp_codes, stop_lines
from citybrain.web.roads import Roads, read_roads, wanted_lanes
from citybrain.web.tiles import Grid, by_tile, near_m, overview, shut, tiles
from signals.types import Network

Tile = dict[str, Any]


def column(text: str, kind: str) -> np.ndarray[Any, Any]:
    """Numbers as the page reads them."""
    return np.frombuffer(base64.b64decode(text), kind)


@pytest.fixture
def roads(grid: Network, grid_net: Path) -> Roads:
    """Of the 2 x 2 grid."""
    return read_roads(grid_net, wanted_lanes(grid))


@pytest.fixture
def shapes(grid: Network, roads: Roads) -> list[Shapes]:
    """[signal]"""
    return [roads.of(s) for s in grid.signals]


@pytest.fixture
def cut(grid: Network, roads: Roads, shapes: list[Shapes], monkeypatch: pytest.MonkeyPatch) -> dict[int, Tile]:
    """Tiles of 100 m, of which a grid of 2 x 2 has many."""
    monkeypatch.setattr(tiles_module, "TILE_M", 100.0)
    return {number: json.loads(gzip.decompress(body)) for number, body in tiles(grid, roads, shapes)}


def test_every_signal_is_in_one_tile_with_its_stop_lines_and_lamps(grid: Network, cut: dict[int, Tile], shapes: list[Shapes]) -> None:
    found = [(number, k, i) for number, tile in cut.items() for k, i in enumerate(column(tile["signals"], "<u2").tolist())]
    assert sorted(i for *_, i in found) == list(range(len(grid.signals)))
    assert len({number for number, *_ in found}) == len(grid.signals)
    for number, k, i in found:
        stops, lamps = cut[number]["stops"], cut[number]["lamps"]
        own = slice(*column(stops["start"], "<u4")[[k, k + 1]])
        expected = stop_lines(grid.signals[i], shapes[i])
        places = column(stops["xy_dm"], "<i4").reshape(-1, 2)[own] / 10.0
        assert places == pytest.approx(np.array([(s.x_m, s.y_m) for s in expected]), abs=0.051)
        lit = slice(*column(lamps["start"], "<u4")[[k, k + 1]])
        assert column(lamps["code"], "<u1")[lit].tolist() == list(lamp_codes(grid.signals[i], expected))


def test_every_road_is_in_every_tile_that_it_runs_through(grid: Network, roads: Roads, cut: dict[int, Tile]) -> None:
    area = Grid.around(grid)
    for line in roads.lines:
        for share in np.linspace(0.0, 1.0, 30):
            x_m, y_m = line[0] + share * (line[1] - line[0])
            tile = cut[area.number(area.at(float(x_m), float(y_m)))]["roads"]
            points, start = column(tile["xy_dm"], "<i4").reshape(-1, 2) / 10.0, column(tile["start"], "<u4")
            assert any(np.abs(points[a] - line[0]).max() < 0.06 for a in start[:-1])
            assert len(column(tile["lanes"], "<u1")) == len(start) - 1


def test_what_lies_outside_is_in_the_outermost_tile(grid: Network) -> None:
    area = Grid.around(grid)
    assert area.at(-1e6, -1e6) == (0, 0) and area.at(1e6, 1e6) == (area.columns - 1, area.rows - 1)
    assert by_tile(area, [np.array([[-1e6, -1e6], [-1e6, -1e6 - 1.0]])]) == {0: [0]}
    west, south, east, north = area.bounds_m
    assert all(west < s.x_m < east and south < s.y_m < north for s in grid.signals)
    assert area.as_json() == {"size_m": tiles_module.TILE_M, "columns": area.columns, "rows": area.rows}


def test_from_afar_a_road_is_one_line_and_the_widest_are_kept(roads: Roads, monkeypatch: pytest.MonkeyPatch) -> None:
    there, bend = np.array([[0.0, 0.0], [1000.0, 4.0], [2000.0, 0.0]]), np.array([[0.0, 0.0], [500.0, 90.0], [3000.0, 0.0]])
    some = Roads([there, there[::-1] + 3.0, bend, there[:1].repeat(2, axis=0)], [1, 2, 3, 9])
    found = overview(some)
    assert column(found["lanes"], "<u1").tolist() == [3, 2]
    assert np.diff(column(found["start"], "<u4")).tolist() == [3, 2]
    monkeypatch.setattr(tiles_module, "MOST_LINES", 1)
    assert column(overview(some)["lanes"], "<u1").tolist() == [3]
    assert len(column(overview(roads)["lanes"], "<u1")) == 1


def test_a_tile_is_the_same_bytes_every_time() -> None:
    assert shut({"a": 1}) == shut({"a": 1}) and near_m(np.array([[0.04, 1.26]])).tolist() == [[0.0, 1.3]]

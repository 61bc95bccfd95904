"""What a route is given, and how it answers."""

import gzip
import json
import math
from pathlib import Path

import pytest

from citybrain.web.geometry import CityDrawing
from citybrain.web.served import City, answer
from signals.types import Network


@pytest.mark.parametrize(
    ("value", "told"), [(math.nan, None), (math.inf, None), ([1.5, -math.inf], [1.5, None]), ({"x": (1,)}, {"x": [1]})]
)
def test_an_answer_has_no_number_that_json_does_not_know(value: object, told: object) -> None:
    assert json.loads(bytes(answer(value).body)) == told


def test_half_a_surrogate_pair_does_not_break_an_answer() -> None:
    assert b"\\ud800" in bytes(answer({"name": "\ud800"}).body)


def test_the_city_is_packed_once_and_the_same_for_all(grid: Network, grid_net: Path) -> None:
    one, other = City(CityDrawing(grid, grid_net)), City(CityDrawing(grid, grid_net))
    mark, packed = one.packed()
    assert one.packed()[1] is packed and (mark, packed) == other.packed() and len(mark) == 34
    assert json.loads(gzip.decompress(packed))["signals"]["id"] == [s.id for s in grid.signals]


def test_a_drawing_that_has_become_another_is_packed_anew(grid: Network, grid_net: Path) -> None:
    drawing = CityDrawing(grid)
    city = City(drawing)
    straight = city.packed()
    drawing.__dict__.update(CityDrawing(grid, grid_net).__dict__)
    assert city.packed() == straight
    drawing.edition += 1
    assert city.packed()[0] != straight[0]

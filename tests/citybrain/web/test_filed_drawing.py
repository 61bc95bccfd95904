"""A large city's drawing: made once by another process, found by the next start, straight until then and where it cannot be made."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from citybrain.web.filed_drawing import FiledDrawing, Source, forget_others, straight_columns
from citybrain.web.geometry import CityDrawing
from signals.rules import RULES
from signals.types import Network

Draw = Callable[[Path], FiledDrawing]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the state lies."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def draw(grid: Network, folder: Path) -> Iterator[Draw]:
    """`draw(net)`, not started yet."""
    made: list[FiledDrawing] = []

    def make(net: Path) -> FiledDrawing:
        made.append(FiledDrawing(grid, Source(net, RULES["resco"], folder), site="grid"))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_streets_are_straight_until_the_file_is_there_and_then_as_the_net_has_them(draw: Draw, grid: Network, grid_net: Path) -> None:
    drawing, name = draw(grid_net), grid.signals[0].id
    before = drawing.city()
    assert before["pending"] and before["tiles"] is None and drawing.tile(0) is None and drawing.arms(name) == {}
    assert drawing.signal(name)["lanes"] == [] and drawing.edition == 0
    drawing.start()
    assert drawing.wait_drawn(60.0) and drawing.edition == 1
    after = drawing.city()
    assert not after["pending"] and after["tiles"] == {"size_m": 2000.0, "columns": 1, "rows": 1} and drawing.tile(0) is not None
    assert {key: before[key] for key in ("bounds_m", "signals", "site")} == {key: after[key] for key in ("bounds_m", "signals", "site")}
    whole = CityDrawing(grid, grid_net)
    for signal in grid.signals:
        assert drawing.arms(signal.id) == whole.arms(signal.id)
        near, exact = drawing.signal(signal.id), whole.signal(signal.id)
        assert {key: near[key] for key in ("phases", "base", "id")} == {key: exact[key] for key in ("phases", "base", "id")}
        for one, other in zip(near["movements"], exact["movements"], strict=True):
            assert one["stops"] == other["stops"] and abs(one["from_deg"] - other["from_deg"]) <= 1
            ends = [np.array([m["path"][0][0], m["path"][-1][-1]]) for m in (one, other)]
            assert np.abs(ends[0] - ends[1]).max() <= 0.11


def test_the_next_start_finds_the_file_and_removes_old_ones(draw: Draw, grid_net: Path, folder: Path) -> None:
    (folder / "drawing-old.db").write_bytes(b"old")
    file = Source(grid_net, RULES["resco"], folder).file()
    first = draw(grid_net)
    first.start()
    assert first.wait_drawn(60.0)
    made = file.stat().st_mtime_ns
    second = draw(grid_net)
    second.start()
    assert second.wait_drawn(20.0) and file.stat().st_mtime_ns == made and list(folder.glob("drawing-*.db")) == [file]
    forget_others(file)
    assert file.is_file()


def test_a_net_that_cannot_be_drawn_is_told_once_and_its_streets_stay_straight(
    draw: Draw, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    net = tmp_path / "net.xml"
    net.write_text("<routes/>", encoding="utf-8")
    drawing = draw(net)
    with caplog.at_level(logging.WARNING):
        drawing.start()
        assert not drawing.wait_drawn(60.0)
    assert not drawing.city()["pending"] and drawing.city()["tiles"] is None
    assert [one for one in caplog.messages if "drawn straight" in one and "no signal" in one] == caplog.messages


def test_nothing_is_made_before_its_time_and_an_end_does_not_wait(draw: Draw, grid_net: Path, folder: Path) -> None:
    asked: list[float] = []
    file = Source(grid_net, RULES["resco"], folder).file()
    file.unlink(missing_ok=True)
    drawing = draw(grid_net)
    drawing.start(lambda timeout_s: bool(asked.append(timeout_s)))
    drawing.stop()
    assert asked and not file.exists() and drawing.city()["tiles"] is None


def test_straight_streets_are_columns(grid: Network) -> None:
    found = straight_columns(np.zeros((3, 2, 2)), [1, 2, 300])
    assert set(found) == {"start", "xy_dm", "lanes"}

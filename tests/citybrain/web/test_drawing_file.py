"""A city's drawing in a file: lines to the decimetre, whole or not at all, and damage told in one sentence."""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from citybrain.web.drawing_file import DrawingFile, fine, loosed, pressed, write
from citybrain.web.roads import lanes_of, read_roads, wanted_lanes
from signals.errors import ConfigError, ScenarioError
from signals.types import Network


@pytest.fixture(scope="module")
def written(grid: Network, grid_net: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the 2 x 2 grid."""
    file = tmp_path_factory.mktemp("drawing") / "deep" / "drawing.db"
    write(grid, grid_net, file)
    return file


@pytest.fixture
def opened(written: Path, grid: Network) -> Iterator[DrawingFile]:
    """Open for a test."""
    found = DrawingFile(written, grid)
    yield found
    found.close()


def test_every_lane_is_found_again_to_the_decimetre(opened: DrawingFile, grid: Network, grid_net: Path) -> None:
    roads = read_roads(grid_net, wanted_lanes(grid))
    for i, signal in enumerate(grid.signals):
        lines, before = opened.shapes(i, signal), roads.of(signal)
        assert list(lines) == [lane for lane in lanes_of(signal) if lane in before]
        for lane, line in lines.items():
            assert np.abs(line[[0, -1]] - before[lane][[0, -1]]).max() <= 0.051
            far = np.abs(before[lane][:, None, :] - line[None]).sum(axis=2).min(axis=1)
            assert len(line) <= len(before[lane]) and np.median(far) < 0.2


def test_an_overview_and_tiles_are_there_as_they_are_sent(opened: DrawingFile) -> None:
    assert set(opened.overview()) == {"start", "xy_dm", "lanes"}
    tile = opened.tile(0)
    assert tile is not None and set(json.loads(gzip.decompress(tile))) == {"signals", "roads", "areas", "stops", "lamps"}
    assert opened.tile(99) is None


def test_lanes_without_a_line_are_left_out_and_anothers_record_is_told(grid: Network) -> None:
    signal = grid.signals[0]
    lanes = lanes_of(signal)
    line = np.array([[-5.0, 7.2], [1e5, 3.3]])
    record = pressed(lanes, {lanes[2]: line})
    assert {lane: one.tolist() for lane, one in loosed(signal, record).items()} == {lanes[2]: line.tolist()}
    assert loosed(signal, pressed(lanes, {})) == {}
    for broken in (b"", b"x", record[:-3], pressed(lanes[:-1], {lanes[2]: line})):
        with pytest.raises(ConfigError, match=f"{signal.id}: its drawing is damaged"):
            loosed(signal, broken)
    assert len(fine({"a": np.array([[0.0, 0.0], [1.0, 0.01], [2.0, 0.0]])})["a"]) == 2


@pytest.mark.parametrize("damage", ["text", "cut", "layout", "other", "empty"])
def test_a_damaged_file_or_one_of_another_city_is_one_sentence(written: Path, grid: Network, tmp_path: Path, damage: str) -> None:
    file = tmp_path / "drawing.db"
    data = written.read_bytes()
    file.write_bytes({"text": b"no drawing" * 100, "cut": data[: len(data) // 2], "empty": b""}.get(damage, data))
    if damage == "layout":
        with sqlite3.connect(file) as db:
            db.execute("UPDATE head SET value = ? WHERE name = 'about'", (b'{"layout": 0}',))
        db.close()
    city = Network("one", grid.signals[:1]) if damage == "other" else grid
    with pytest.raises(ConfigError, match=r"drawing\.db: (holds|cannot be read)"):
        DrawingFile(file, city)
    with pytest.raises(ConfigError, match="no such file"):
        DrawingFile(tmp_path / "none.db", grid)


def test_a_net_that_is_none_leaves_nothing_behind(grid: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = tmp_path / "net.xml"
    net.write_text('<net><edge id="e"><lane id="e_0" shape="?"/></edge></net>', encoding="utf-8")
    with pytest.raises(ScenarioError, match="a lane's shape"):
        write(grid, net, tmp_path / "drawing.db")
    net.write_text("<net/>", encoding="utf-8")

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ConfigError, match=r"cannot be written .*No space left"):
        write(grid, net, tmp_path / "drawing.db")
    assert [one.name for one in tmp_path.iterdir()] == ["net.xml"]

"""A city's own sensors from CSV; a mistake is named with its line."""

from pathlib import Path

import numpy as np
import pytest

from citybrain.intake import catalogue_file
from citybrain.intake.catalogue import Catalogue, Kind
from citybrain.intake.catalogue_file import read_catalogue
from signals.errors import ConfigError
from signals.types import Network

HEAD = "sensor,kind,signal,movement,share,period_s,largest\n"


def read(tmp_path: Path, network: Network, text: str) -> Catalogue:
    """The catalogue in a text, in which S0 stands for the first signal."""
    path = tmp_path / "sensors.csv"
    path.write_text(text.replace("S0", network.signals[0].id), encoding="utf-8")
    return read_catalogue(path, network)


def test_sensors_are_numbered_as_they_come_and_may_speak_of_several_movements(tmp_path: Path, grid: Network) -> None:
    first, second = grid.signals[0].movements[:2]
    text = f"{HEAD}loop a,count,S0,{first.id},0.75,60,\ncam,queue,S0,1,,,33\nloop a,count,S0,{second.id},0.25,60,\n"
    found = read(tmp_path, grid, text)
    assert ([found.names[k] for k in range(len(found))], found.names.find("cam")) == (["loop a", "cam"], 1)
    assert (found.period_s.tolist(), found.largest.tolist()) == ([60.0, 1.0], [62.0, 33.0])
    sensor, movement, share = found.links(Kind.COUNT)
    assert (sensor.tolist(), movement.tolist(), share.tolist()) == ([0, 0], [0, 1], [0.75, 0.25])
    assert found.links(Kind.QUEUE)[1].tolist() == [1]


def test_columns_may_be_left_out_and_come_in_any_order(tmp_path: Path, grid: Network) -> None:
    found = read(tmp_path, grid, "\ufeffmovement, signal,kind,sensor\n0,S0,wait,w\n")
    assert (found.names[0], found.period_s[0], found.largest[0]) == ("w", 1.0, 7200.0)


def test_the_default_written_as_a_file_is_the_default(tmp_path: Path, grid: Network, catalogue: Catalogue) -> None:
    lines = [HEAD.replace(",share,period_s,largest", "")]
    for k in range(len(catalogue)):
        signal, kind, place = catalogue.names[k].split("/")
        lines.append(f"{catalogue.names[k]},{kind},{signal},{place}\n")
    found = read(tmp_path, grid, "".join(lines))
    for name in ("kind", "period_s", "largest", "link_sensor", "link_movement", "link_share"):
        np.testing.assert_array_equal(getattr(found, name), getattr(catalogue, name))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "columns ; expected sensor,kind,signal,movement"),
        ("sensor,kind\n", "columns sensor,kind; expected"),
        (HEAD.replace("share", "shore"), "expected sensor,kind,signal,movement and perhaps"),
        (HEAD, "no sensor in it"),
        (f"{HEAD}a,count,S0\n", "line 2: 3 cells; expected 7"),
        (f"{HEAD}a,speed,S0,0,,,\n", "line 2: kind 'speed'; expected count, queue, wait, exit"),
        (f"{HEAD}a,count,nowhere,0,,,\n", "line 2: no movement '0' of signal 'nowhere' in this network"),
        (f"{HEAD}a,count,S0,999,,,\n", "line 2: no movement '999' of signal"),
        (f"{HEAD}a,count,S0,0,1.5,,\n", "line 2: share is '1.5'; expected a number over 0 and at most 1"),
        (f"{HEAD}a,count,S0,0,,0,\n", "line 2: period_s is '0'"),
        (f"{HEAD}a,count,S0,0,,1_0,\n", "line 2: period_s is '1_0'"),
        (f"{HEAD}a,count,S0,0,,,nan\n", "line 2: largest is 'nan'"),
        (f"{HEAD},count,S0,0,,,\n", "line 2: sensor ''; expected a printable name"),
        (f"{HEAD}a,count,S0,0,,,\na,count,S0,0,,,\n", "line 3: sensor a speaks of this movement twice"),
        (f"{HEAD}a,count,S0,0,,,\na,queue,S0,1,,,\n", "line 3: sensor a is of another kind or period"),
        (f'{HEAD}"a,count,S0,0,,,\n', "no catalogue can be read"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(tmp_path: Path, grid: Network, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=rf"sensors.csv.*{sentence}"):
        read(tmp_path, grid, text)


def test_a_file_that_is_not_there_is_no_text_or_is_too_large_is_one_error(
    tmp_path: Path, grid: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="no catalogue can be read"):
        read_catalogue(tmp_path / "none.csv", grid)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="no catalogue can be read"):
        read_catalogue(tmp_path / "bytes.csv", grid)
    monkeypatch.setattr(catalogue_file, "LARGEST_BYTES", 10)
    with pytest.raises(ConfigError, match="expected at most 10"):
        read(tmp_path, grid, HEAD)

"""A TOML file becomes a frozen dataclass, or one sentence that names file, key and what was expected."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from citybrain.config import configured, read_toml
from citybrain.street import StreetSpec
from signals.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Example:
    """One field of each kind that the project's configurations have."""

    name: str
    seed: int = 1
    speed: float = 1.0
    loud: bool = False
    seeds: tuple[int, ...] = ()
    out: Path = Path("out")
    end_s: float | None = None


def written(folder: Path, text: str) -> Path:
    """A file with this text."""
    path = folder / "some.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_kind_of_field_is_read(tmp_path: Path) -> None:
    text = 'name = "a"\nseed = 7\nspeed = 2\nloud = true\nseeds = [1, 2]\nout = "b/c"\nend_s = 60\n'
    found = configured(written(tmp_path, text), Example)
    assert found == Example("a", 7, 2.0, True, (1, 2), Path("b/c"), 60.0)
    assert isinstance(found.speed, float) and isinstance(found.end_s, float)


def test_what_is_not_said_keeps_its_default(tmp_path: Path) -> None:
    assert configured(written(tmp_path, 'name = "a"'), Example) == Example("a")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name = "a"\nsped = 1.0', "unknown key 'sped'; did you mean 'speed'?"),
        ('name = "a"\nzzz = 1', "unknown key 'zzz'; known are end_s, loud"),
        ("seed = 1", "a key is missing; expected also .*name"),
        ('name = "a"\nseed = 1.5', "seed is 1.5; expected int"),
        ('name = "a"\nseed = "1"', "seed is '1'; expected int"),
        ('name = "a"\nseed = true', "seed is True; expected int"),
        ("name = 1", "name is 1; expected str"),
        ('name = "a"\nloud = 1', "loud is 1; expected bool"),
        ('name = "a"\nseeds = 1', "seeds is 1; expected tuple"),
        ('name = "a"\nseeds = [1, "b"]', r"seeds\[1\] is .b.; expected int"),
        ('name = "a"\nspeed = nan', "speed is nan; expected a finite number"),
        ('name = "a"\n[seeds]\nx = 1', r"seeds is \{'x': 1\}; expected tuple"),
        ("name = ", "not readable TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        configured(written(tmp_path, text), Example)
    assert str(caught.value).startswith(str(tmp_path / "some.toml"))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="not readable"):
        read_toml(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError, match="not readable"):
        read_toml(tmp_path / "latin.toml")


def test_a_street_is_configured_with_the_options_names(tmp_path: Path) -> None:
    text = 'net = "a.net.xml"\nport = 8813\nclock = "wall"\nspeed = 2\njournal = "ticks.sqlite"\n'
    found = configured(written(tmp_path, text), StreetSpec)
    assert found == StreetSpec("a.net.xml", 8813, clock="wall", speed=2.0, journal="ticks.sqlite")

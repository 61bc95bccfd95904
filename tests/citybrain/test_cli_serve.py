"""`citybrain serve`: what it will not begin with is one sentence and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from citybrain.cli_serve import say_reloaded
from citybrain.service.settings import city_settings
from signals.errors import ConfigError


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "expected a city's file, or --demo"),
        (["--demo", "x.toml"], "expected a city's file, or --demo"),
        (["nowhere.toml"], "no such file"),
        (["--demo", "--controller", "lerned"], "did you mean 'learned'"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "citybrain", "serve", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60.0, check=False
    )
    assert done.returncode == 2 and said in " ".join(done.stderr.split()) and "Traceback" not in done.stderr


class Running:
    """A service that notes what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def reload(self, settings: object) -> str:
        """Noted."""
        self.told.append(type(settings).__name__)
        return "settings taken over"


def test_a_wrong_file_changes_nothing_when_it_is_read_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running, path = Running(), tmp_path / "city.toml"
    path.write_text("[street", encoding="utf-8")
    say_reloaded(running, path, city_settings)
    assert not running.told and "settings not taken over" in capsys.readouterr().out
    path.write_text('[street]\nnet = "n"\nat = "tcp:a:1"\n', encoding="utf-8")
    say_reloaded(running, path, city_settings)
    assert running.told == ["CitySettings"]
    with pytest.raises(ConfigError):
        city_settings(tmp_path / "none.toml")

"""Claims about `citybrain leaderboard`: what is typed arrives, and what is wrong is one sentence before anything runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import leaderboard
from citybrain.assemble import CONTROLLERS
from citybrain.conditions import CONDITIONS
from sumo_nets.scenario import catalogue


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the command was called with, in place of running it."""
    found: list[Any] = []

    def note(*words: Any, **options: Any) -> int:
        found.extend([*words, options])
        return 0

    monkeypatch.setattr(leaderboard, "leaderboard", note)
    return found


def test_without_options_it_is_everybody_everywhere_under_everything(asked: list[Any], command: Callable[..., Any]) -> None:
    assert command("leaderboard").code == 0
    assert asked[0] == [one.name for one in catalogue() if one.available]
    assert asked[1] == list(CONTROLLERS)
    assert asked[2] == list(CONDITIONS.values())
    assert asked[3] == list(range(1, 11))
    assert asked[7] == ["rolling_horizon", "actuated"]


def test_what_is_typed_arrives(asked: list[Any], command: Callable[..., Any]) -> None:
    words = ("--scenarios", "grid_2x2", "--controllers", "fixed,policy:x", "--conditions", "incident,clean", "--seeds", "101-102")
    command("leaderboard", *words, "--out", "o", "--jobs", "1", "--rules", "free", "--against", "fixed", "--forecast", "none")
    assert asked[:2] == [["grid_2x2"], ["fixed", "policy:x"]]
    assert [one.name for one in asked[2]] == ["incident", "clean"]
    assert asked[3:8] == [[101, 102], 1, Path("o"), "free", ["fixed"]]
    assert asked[9] == {"forecast": "none"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--conditions", "heavy"), "did you mean 'heavy_20'"),
        (("--seeds", "x"), "--seeds 'x'"),
        (("--scenarios", "grid_2x3"), "grid_2x3"),
        (("--controllers", "fixd"), "did you mean 'fixed'"),
        (("--controllers", "fixed"), "baseline 'rolling_horizon'"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    words: tuple[str, ...], sentence: str, command: Callable[..., Any], tmp_path: Path
) -> None:
    ran = command("leaderboard", *words, "--out", str(tmp_path / "new"))
    assert ran.code == 2 and sentence in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (tmp_path / "new").exists()

"""The long chaos on paper: what its rounds hold, that it goes on where it was, and that nothing wrong is lost on the way to the summary."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chaos import campaign
from benchmarks.chaos.rig import broker_program
from benchmarks.chaos.scenes import SCENES


def made(number: int, kills: int, folder: Path, told: Callable[[str], None]) -> dict[str, Any]:
    """A round that took no time."""
    told(f"round {number}")
    (folder / "something").write_text("x", encoding="utf-8")
    wrong = ["A0 at 5 s: wrong"] if number == 1 else []
    return {**dict.fromkeys(campaign.SUMS, 2), "round": number, "kills": kills, "restart_s": [1.0 + number], "wrong": wrong}


def test_the_rounds_hold_200_kills_and_every_other_scene_twice() -> None:
    scenes = Counter(name for k in range(campaign.ROUNDS) for name in campaign.script(k, campaign.KILLS))
    assert scenes.pop("killed") == 200
    missing = {"broker_killed"} if broker_program() is None else set()
    assert scenes == dict.fromkeys(SCENES.keys() - {"killed"} - missing, 2)
    for k, own in enumerate(campaign.shares()):
        assert 3 <= len(own) <= 5 and all(campaign.NEEDS.get(name, campaign.anywhere)(k) for name in own)
    assert campaign.script(3, 20) == campaign.script(3, 20)


def test_a_campaign_goes_on_where_it_was_and_one_wrong_sentence_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []

    def counted(number: int, kills: int, folder: Path, told: Callable[[str], None]) -> dict[str, Any]:
        asked.append(number)
        return made(number, kills, folder, told)

    monkeypatch.setattr(campaign, "round_of", counted)
    words = ["--out", str(tmp_path), "--kills", "7", "--json", str(tmp_path / "chaos.json")]
    assert campaign.main([*words, "--rounds", "1"]) == 0
    with (tmp_path / "rounds.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"code": "cut o')
        file.write("\n")
    assert campaign.main([*words, "--rounds", "3"]) == 1
    assert asked == [0, 1, 2]
    told = json.loads((tmp_path / "chaos.json").read_text(encoding="utf-8"))
    assert told["summary"]["kills"] == 21 and told["summary"]["restart_max_s"] == 3.0
    assert told["summary"]["wrong"] == ["round 2: A0 at 5 s: wrong"] and len(told["rounds"]) == 3
    assert (tmp_path / "round1" / "something").is_file() and not (tmp_path / "round0").exists()
    assert '"kills": 21' in capsys.readouterr().out

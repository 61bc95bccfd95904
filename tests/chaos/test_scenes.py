"""The table of scenes, and that what a scene finds is told with the lights' own trouble."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from benchmarks.chaos import on_field, on_service, scenes
from signals.errors import LinkError


def test_every_scene_is_in_the_table_and_told_in_a_sentence() -> None:
    written = {
        name: one
        for module in (on_field, on_service)
        for name, one in vars(module).items()
        if getattr(one, "__module__", "") == module.__name__ and "rng" in getattr(one, "__annotations__", {})
    }
    assert written == scenes.SCENES and scenes.SCENES.keys() >= scenes.DISORDERLY
    assert all((one.__doc__ or "").strip().endswith(".") for one in written.values())


@dataclass
class Stage:
    """A rig on which nothing runs."""

    figures: dict[str, Any] = field(default_factory=dict)

    def new_day(self) -> None:
        self.figures["days"] = self.figures.get("days", 0) + 1

    def lights_wrong(self) -> list[str]:
        return ["A0 at 5 s: both green"]


def test_what_a_scene_finds_or_dies_of_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(rig: Any, rng: random.Random) -> list[str]:
        raise LinkError("the service has ended")

    monkeypatch.setitem(scenes.SCENES, "breaks", breaks)
    monkeypatch.setitem(scenes.SCENES, "finds", lambda rig, rng: ["lost"])
    monkeypatch.setattr(scenes, "well", lambda rig: ["not well"])
    stage: Any = Stage()
    assert scenes.played(stage, "breaks", random.Random(1)) == ["breaks: the service has ended", "breaks: A0 at 5 s: both green"]
    assert scenes.played(stage, "finds", random.Random(1)) == ["finds: lost", "finds: not well", "finds: A0 at 5 s: both green"]
    assert stage.figures["days"] == 2 and len(stage.figures["scene_s"]["finds"]) == 1

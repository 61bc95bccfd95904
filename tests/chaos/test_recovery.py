"""Promises and health, asked of a service that lies about both."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.chaos import recovery
from benchmarks.chaos.ledger import Promise
from citybrain.service import audit
from citybrain.service.client import Answer
from citybrain.service.store import Store
from signals.errors import LinkError


@dataclass
class Service:
    """Says what it is told to."""

    state: Path
    shown: list[dict[str, Any]]
    asked: list[str] = field(default_factory=list)

    @property
    def client(self) -> Any:
        return self

    def get(self, path: str) -> Any:
        if path == "/v1/signals":
            return self.shown
        raise LinkError("nobody")

    def command(self, name: str, body: dict[str, Any]) -> Answer:
        self.asked.append(name)
        return Answer(200, {"accepted": True})


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    """A trail of one override, and a service that says so."""
    with Store(tmp_path / "city.db", durable=False) as store, store.transaction() as db:
        audit.append(db, "service", "begin", {"mode": "automatic"}, "began", 0.0)
        audit.append(db, "chaos", "override", {"signal": "A0", "reason": "chaos 1"}, "held", 0.0)
    shown = [{"id": "A0", "mode": "automatic", "health": "ok", "override": {"reason": "chaos 1"}}]
    promises = [Promise(2, "override", {"reason": "chaos 1"}, "held")]
    return SimpleNamespace(service=Service(tmp_path, shown), ledger=SimpleNamespace(promises=promises))


def test_kept_promises_are_kept(rig: Any) -> None:
    assert recovery.promises_kept(rig) == []
    assert recovery.healths(rig.service) == {"ok"} and recovery.by_signal(rig.service) == {"A0": "ok"}


def test_an_override_that_is_gone_after_a_restart_is_told(rig: Any) -> None:
    rig.service.shown[0]["override"] = None
    assert recovery.promises_kept(rig) == ["A0: stands on None; the trail says 'chaos 1'"]


def test_a_record_that_was_changed_or_lost_is_told(rig: Any) -> None:
    rig.ledger.promises.append(Promise(3, "lift", {"reason": "chaos 2"}, "follows its mode again"))
    with closing(sqlite3.connect(rig.service.state / "city.db")) as db:
        db.execute("UPDATE audit SET who = 'somebody' WHERE number = 2")
        db.commit()
    told = recovery.promises_kept(rig)
    assert len(told) == 2 and told[0].startswith("record 2 is not what was written") and "no such record" in told[1]


def test_calm_lifts_what_stands(rig: Any) -> None:
    recovery.calm(rig)
    assert rig.service.asked == ["set_mode", "lift"]


def test_who_does_not_answer_has_no_health(rig: Any) -> None:
    def nobody() -> object:
        raise LinkError("nobody")

    assert not recovery.with_luck(nobody) and recovery.with_luck(lambda: None)

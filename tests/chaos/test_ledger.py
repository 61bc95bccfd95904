"""A promise that was broken is found: a record that is missing, another one in its place, something else that stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.chaos.ledger import SOURCE, Ledger, Promise, broken_promises, differences, expected, lost_deliveries, trail
from citybrain.intake.batch import Samples
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import encode
from citybrain.intake.sample_log import SampleLog
from citybrain.service import audit
from citybrain.service.client import Answer
from citybrain.service.store import Store
from signals.errors import ConfigError, LinkError
from signals.rules import RULES
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

SAID: list[tuple[str, dict[str, Any], str]] = [
    ("begin", {"mode": "automatic"}, "began"),
    ("set_mode", {"mode": "shadow", "signals": ["A0"], "reason": "one"}, "A0: mode shadow"),
    ("override", {"signal": "A1", "reason": "two"}, "held"),
    ("override", {"signal": "B0", "reason": "three"}, "refused: B0: phase 9"),
    ("roll_back", {"signal": "B1", "reason": "four"}, "back on plan 4"),
    ("expire", {"signals": ["A1"]}, "over"),
    ("lift", {"signal": "B1", "reason": "five"}, "follows its mode again"),
    ("override", {"signal": "A1", "reason": "six"}, "held"),
]


@pytest.fixture
def records(tmp_path: Path) -> list[dict[str, Any]]:
    """A trail, as the service writes it."""
    with Store(tmp_path / "city.db", durable=False) as store, store.transaction() as db:
        for what, args, outcome in SAID:
            audit.append(db, "chaos", what, args, outcome, 0.0)
    return trail(tmp_path / "city.db")


def test_what_stands_is_worked_out_from_the_trail(records: list[dict[str, Any]]) -> None:
    found = expected(records)
    assert (found.mode, found.modes, found.stands) == ("automatic", {"A0": "shadow"}, {"A1": "six"})
    shown = [
        {"id": "A0", "mode": "shadow", "override": None},
        {"id": "A1", "mode": "automatic", "override": {"reason": "six"}},
        {"id": "B0", "mode": "automatic", "override": None},
    ]
    assert differences(found, shown) == []
    shown[0]["mode"], shown[1]["override"], shown[2]["override"] = "automatic", None, {"reason": "three"}
    assert [one.split(":")[0] for one in differences(found, shown)] == ["A0", "A1", "B0"]


def test_a_receipt_without_its_record_is_a_broken_promise(records: list[dict[str, Any]]) -> None:
    kept = Promise(2, "set_mode", {"reason": "one"}, "A0: mode shadow")
    lost = Promise(9, "lift", {"reason": "seven"}, "follows its mode again")
    other = Promise(3, "override", {"reason": "somebody's"}, "held")
    assert broken_promises([kept], records) == []
    assert [said.split(" (")[0] for said in broken_promises([kept, lost, other], records)] == ["lift", "override"]


class Service:
    """Takes, refuses, dies."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def command(self, name: str, body: dict[str, Any]) -> Answer:
        self.asked.append((name, body))
        if len(self.asked) == 3:
            raise ConfigError("refused")
        if len(self.asked) == 30:
            raise LinkError("gone")
        return Answer(200, {"number": len(self.asked), "accepted": True, "sentence": "done", "found": {}})


def test_an_acknowledged_sample_that_the_log_has_not_is_told(tmp_path: Path) -> None:
    network = read_network(scenario("grid_2x2").net, RULES["street"])
    ledger, key = Ledger(network, 1), Catalogue.of(network).key
    with SampleLog(tmp_path) as log:

        class Service:
            def ask(self, method: str, path: str, body: bytes) -> Answer:
                told = json.loads(body)
                samples = Samples(told["source"], np.zeros(1, np.int32), np.array([told["samples"]["at_s"]]), np.zeros(1, np.float32))
                return Answer(200, {"position": log.append(encode(samples, None, key), 5.0)})

        assert ledger.deliver(Service()) and ledger.deliver(Service())  # type: ignore[arg-type]
    assert len(ledger.deliveries) == 2 and lost_deliveries(ledger.deliveries, tmp_path) == []
    (position, at_s), *_ = ledger.deliveries.items()
    wrong = {position: at_s + 100.0, 77: 1.0}
    assert [said.rpartition("stands ")[2] for said in lost_deliveries(wrong, tmp_path)] == [SOURCE, "nothing"]


def test_commands_are_of_every_kind_and_only_what_was_acknowledged_is_promised() -> None:
    network = read_network(scenario("grid_2x2").net, RULES["street"])
    ledger, service = Ledger(network, 1), Service()
    while ledger.hand_in(service):  # type: ignore[arg-type]
        pass
    assert {name for name, _ in service.asked} == {"set_mode", "override", "lift", "roll_back"}
    assert (len(ledger.promises), ledger.refused, ledger.unsure) == (28, 1, 1)
    assert len({body["reason"] for _, body in service.asked}) == 30
    ledger.forget()
    assert (ledger.promises, ledger.kept) == ([], 28)

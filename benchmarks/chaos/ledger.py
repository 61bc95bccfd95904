"""Commands and samples handed in to a service that may die at any moment, and what was promised of them: a receipt is a promise.

Whatever was acknowledged must be in the audit trail under its number, word for word, and must stand after a restart. What was under way
when the service died may have happened or not; the trail says which, and what stands must agree with it.
"""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import decode
from citybrain.intake.sample_log import SampleLog
from citybrain.service import audit
from citybrain.service.client import Client
from signals.errors import ConfigError, LinkError
from signals.types import Network

MODES = ("automatic", "automatic", "automatic", "shadow", "advise", "observe")
PAUSE_S = 0.03  # of the wall, between two commands
LONGEST_HOLD_S = 90.0
SOURCE = "chaos loops"  # and the name of the key that hands its samples in


@dataclass(frozen=True, slots=True)
class Promise:
    """A receipt, and what it was for."""

    number: int
    what: str
    args: dict[str, Any]
    outcome: str


@dataclass(slots=True)
class Expected:
    """What stands of the trail's records, worked out apart from the service."""

    mode: str = ""
    modes: dict[str, str] = field(default_factory=dict)
    stands: dict[str, str] = field(default_factory=dict)
    """signal → reason of what a person has put it on"""


class Ledger:
    """Lives as long as a service's folder. One thread hands in at a time."""

    def __init__(self, network: Network, seed: int) -> None:
        self._phases = {s.id: len(s.phases) for s in network.signals}
        self._plans = {s.id: k + 1 for k, s in enumerate(network.signals)}  # its base plan is in the archive from the beginning
        self._random, self._k = random.Random(seed), 0
        self._sensor = Catalogue.of(network).names[0]
        self.promises: list[Promise] = []
        self.kept = 0  # promises that were looked after for a while, and are no more
        self.deliveries: dict[int, float] = {}
        """Position in the sample log that was acknowledged → the time of its one sample, by which it is known"""
        self.unsure = 0  # under way when the service died
        self.refused = self.kept_deliveries = 0

    def hand_in(self, client: Client) -> bool:
        """One command; False where nobody answered."""
        name, body = self._command()
        try:
            answer = client.command(name, body)
        except ConfigError:
            self.refused += 1
            return True
        except LinkError:
            self.unsure += 1
            return False
        told = answer.body
        if told["accepted"]:
            self.promises.append(Promise(int(told["number"]), name, body, str(told["sentence"])))
        return True

    def deliver(self, sensor: Client) -> bool:
        """A sample of long ago, which is kept and heeded by nobody; False where nobody answered."""
        self._k += 1
        body = {"source": SOURCE, "samples": {"sensor": [self._sensor], "at_s": float(self._k), "value": [0]}}
        try:
            answer = sensor.ask("POST", "/v1/ingest", json.dumps(body).encode())
        except LinkError:
            return False
        if answer.status == 200:
            self.deliveries[int(answer.body["position"])] = float(self._k)
        return True

    def forget(self) -> None:
        """The disk has lost what it had promised to keep: begin anew."""
        self.kept_deliveries += len(self.deliveries)
        self.deliveries.clear()
        self.kept += len(self.promises)
        self.promises.clear()

    def _command(self) -> tuple[str, dict[str, Any]]:
        """Any command, with a reason of its own to know it by."""
        draw = self._random
        self._k += 1
        signal, reason = draw.choice(sorted(self._phases)), f"chaos {self._k}"
        kind = draw.choices(("set_mode", "override", "lift", "roll_back"), (4, 3, 2, 1))[0]
        if kind == "set_mode":
            return kind, {"mode": draw.choice(MODES), "signals": [signal], "reason": reason}
        if kind == "override":
            for_s = round(draw.uniform(10.0, LONGEST_HOLD_S), 1)
            return kind, {"signal": signal, "phase": draw.randint(1, self._phases[signal]), "for_s": for_s, "reason": reason}
        if kind == "lift":
            return kind, {"signal": signal, "reason": reason}
        return kind, {"signal": signal, "plan": self._plans[signal], "reason": reason}


class Submitting:
    """A thread that hands commands and samples in until nobody answers, or until it is told to end."""

    def __init__(self, ledger: Ledger, client: Client, sensor: Client) -> None:
        self._ledger, self._client, self._sensor, self._ended = ledger, client, sensor, threading.Event()
        self._thread = threading.Thread(target=self._run, name="commands", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """No more; what is under way is finished."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while self._ledger.hand_in(self._client) and self._ledger.deliver(self._sensor) and not self._ended.wait(PAUSE_S):
            pass


def trail(store: Path) -> list[dict[str, Any]]:
    """Every audit record of a service's store, read beside it."""
    with closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0)) as db:
        return audit.records(db, 1, 2**31)


def broken_promises(promises: list[Promise], records: list[dict[str, Any]]) -> list[str]:
    """Acknowledged commands that the trail does not have as they were acknowledged."""
    known = {record["number"]: record for record in records}
    lost = []
    for one in promises:
        found = known.get(one.number)
        if found is None:
            lost.append(f"{one.what} ({one.args['reason']}) was acknowledged as {one.number}; the trail has no such record")
        elif (found["what"], found["args"]["reason"], found["outcome"]) != (one.what, one.args["reason"], one.outcome):
            lost.append(f"{one.what} ({one.args['reason']}) was acknowledged as {one.number}; there stands {found['what']}")
    return lost


def lost_deliveries(deliveries: dict[int, float], folder: Path) -> list[str]:
    """Acknowledged samples that the sample log does not have at their position; while no service runs on it."""
    with SampleLog(folder) as log:
        found = {one.number: decode(one.payload).samples for one in log.records()}
    lost = []
    for position, at_s in deliveries.items():
        there = found.get(position)
        if there is None or there.source != SOURCE or there.at_s.tolist() != [at_s]:
            lost.append(f"a sample was acknowledged at {position}; there stands {'nothing' if there is None else there.source}")
    return lost


def expected(records: list[dict[str, Any]]) -> Expected:
    """What the records of a trail come to."""
    found = Expected()
    for one in records:
        what, args = one["what"], one["args"]
        if one["outcome"].startswith("refused: "):
            continue
        if what == "begin":
            found.mode = args["mode"]
        elif what == "set_mode":
            named = dict.fromkeys(args["signals"], args["mode"])
            found.mode, found.modes = (found.mode, found.modes | named) if named else (args["mode"], {})
        elif what in ("override", "roll_back"):
            found.stands[args["signal"]] = args["reason"]
        elif what == "lift":
            found.stands.pop(args["signal"], None)
        elif what == "expire":
            for signal in args["signals"]:
                found.stands.pop(signal, None)
    return found


def differences(of: Expected, shown: list[dict[str, Any]]) -> list[str]:
    """Where what the service says of its signals is not what the trail comes to."""
    wrong = []
    for one in shown:
        name, override = one["id"], one.get("override")
        mode, reason = of.modes.get(name, of.mode), of.stands.get(name)
        if one["mode"] != mode:
            wrong.append(f"{name}: is in mode {one['mode']}; the trail says {mode}")
        held = None if override is None else override["reason"]
        if held != reason:
            wrong.append(f"{name}: stands on {held!r}; the trail says {reason!r}")
    return wrong

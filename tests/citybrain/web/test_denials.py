"""Denied requests in the audit trail: one record a minute, asker and reason, whoever asks however often."""

import threading
from typing import Any

import pytest

from citybrain.web import denials
from citybrain.web.denials import DAY_S, MOST_KEPT, MOST_RECORDS, OTHERS, Denials
from signals.errors import ConfigError

Record = tuple[str, str, dict[str, Any], str]


class Trail:
    """Records that were written, and a clock."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.now_s, self.full = 0.0, False

    def write(self, who: str, what: str, args: dict[str, Any], outcome: str) -> None:
        if self.full:
            raise ConfigError("disk full")
        self.records.append((who, what, args, outcome))


@pytest.fixture
def trail() -> Trail:
    """Nothing written."""
    return Trail()


@pytest.fixture
def counted(trail: Trail) -> Denials:
    """Written to the trail when a test says so."""
    return Denials(trail.write, lambda: trail.now_s)


def test_a_million_requests_of_one_are_one_record(counted: Denials, trail: Trail) -> None:
    for k in range(10_000):
        counted.note(403, "eve (0123)", "10.0.0.1", "POST /v1/commands/override" if k else "GET /v1/audit")
    counted.note(401, "", "10.0.0.2", "GET /v1/kpi")
    counted.flush()
    counted.flush()
    assert trail.records == [
        (
            "eve (0123)", "denied",
            {
                "status": 403, "number": 10_000, "addresses": {"10.0.0.1": 10_000},
                "routes": {"GET /v1/audit": 1, "POST /v1/commands/override": 9999},
            },
            "denied 10000 times: not allowed (403)",
        ),
        (
            "address 10.0.0.2", "denied", {"status": 401, "number": 1, "routes": {"GET /v1/kpi": 1}, "addresses": {"10.0.0.2": 1}},
            "denied once: no living key (401)",
        ),
    ]  # fmt: skip


def test_very_many_askers_are_a_sum_and_a_stolen_key_is_never_lost_among_them(counted: Denials, trail: Trail) -> None:
    asked = 3 * MOST_KEPT
    for k in range(asked):
        for _ in range(2):
            counted.note(401, "", f"10.0.{k // 256}.{k % 256}", f"GET /{k}")
        if k == 2 * MOST_KEPT:
            counted.note(403, "eve (0123)", "10.9.9.9", "POST /v1/commands/fault")
    assert len(counted._kept) <= MOST_KEPT + 2
    counted.flush()
    assert len(trail.records) == MOST_RECORDS + 1 and trail.records[0][0] == "eve (0123)"
    who, _, args, _ = trail.records[-1]
    assert who == OTHERS and sum(one[2]["number"] for one in trail.records) == 2 * asked + 1
    assert len(args["routes"]) <= denials.MOST_NAMES + 1 and len(args["addresses"]) <= denials.MOST_NAMES + 1


def test_a_day_of_it_does_not_fill_the_disk(counted: Denials, trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "MOST_A_DAY", 25)
    for minute in range(100):
        for k in range(20):
            counted.note(401, "", f"10.0.{minute}.{k}", "GET /")
        counted.flush()
    assert len(trail.records) <= 25 + MOST_RECORDS + 100 and sum(one[2]["number"] for one in trail.records) == 2000
    trail.now_s = DAY_S
    counted.note(401, "", "10.1.1.1", "GET /")
    counted.flush()
    assert trail.records[-1][0] == "address 10.1.1.1"


def test_a_full_disk_stops_nothing_and_is_told_in_the_log(counted: Denials, trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    counted.note(429, "", "\ud800", "GET /")
    trail.full = True
    counted.flush()
    assert "not in the audit trail: disk full" in caplog.text
    trail.full = False
    counted.note(429, "", "\ud800", "GET /")
    counted.flush()
    assert [one[0] for one in trail.records] == [r"address \ud800"]


def test_what_is_left_is_written_at_the_end(counted: Denials, trail: Trail) -> None:
    ending = threading.Event()
    writer = threading.Thread(target=counted.write_until, args=(ending,))
    writer.start()
    counted.note(401, "", "10.0.0.1", "GET /")
    ending.set()
    writer.join(5.0)
    assert len(trail.records) == 1 and not writer.is_alive()

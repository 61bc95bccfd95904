"""Claims about the line to a server: whoever hangs at its other end is waited for so long, and no longer."""

import os
import signal
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing
from typing import Any

import pytest

from citybrain.service import audit, pg
from citybrain.service.pg import Connection
from citybrain.service.pg_wire import joined, limited
from citybrain.service.store import Store
from signals.errors import ConfigError


def exchange(turns: int) -> Generator[str, bool, list[bool]]:
    """Steps that wait for the line so often, and tell what they heard."""
    heard = []
    for _ in range(turns):
        heard.append((yield "read"))
    return heard


def answered(steps: Any, answers: list[bool], pause_s: float = 0.0) -> Any:
    """What the steps come to, the line being ready or not at each turn."""
    said = iter(answers)
    wanted = next(steps)
    try:
        while wanted == "read":
            time.sleep(pause_s)
            wanted = steps.send(next(said))
    except StopIteration as ended:
        return ended.value


def test_an_exchange_that_goes_on_is_left_alone() -> None:
    assert answered(limited(exchange(3), 0.0), [True, True, True]) == [True, True, True]
    assert answered(limited(exchange(4), 0.05), [True, False, True, True], 0.03) == [True, False, True, True]


def test_an_exchange_in_which_nothing_comes_is_given_up() -> None:
    with pytest.raises(TimeoutError, match=r"has not answered for 0\.05 s"):
        answered(limited(exchange(9), 0.05), [False] * 9, 0.02)


@pytest.mark.parametrize(("setting", "value"), [("statement_timeout", "5s"), ("idle_in_transaction_session_timeout", "5s")])
def test_the_server_gives_up_too(url: str, setting: str, value: str) -> None:
    with closing(joined(url, durable=True, patience_s=5.0)) as wire:
        assert wire.execute(f"SHOW {setting}").fetchone() == (value,)


def test_a_server_that_hangs_costs_its_patience_and_is_asked_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg, "AGAIN_S", 0.0)
    with Store(url, durable=True) as store, closing(Connection(url, durable=True, patience_s=0.2)) as hasty:
        store.db.close()
        monkeypatch.setattr(store, "db", hasty)
        (number,) = hasty.execute("SELECT pg_backend_pid()").fetchall()[0]
        os.kill(number, signal.SIGSTOP)
        try:
            with (
                pytest.raises(ConfigError, match=r"nothing was written: the server has not answered for 0\.2 s"),
                store.transaction() as db,
            ):
                audit.append(db, "ada", "lift", {}, "lost", 1.0)
        finally:
            os.kill(number, signal.SIGCONT)
        with store.transaction() as db:
            assert audit.append(db, "ada", "lift", {}, "done", 2.0) == 1


def test_a_statement_that_the_server_works_on_for_too_long_is_an_error_of_the_store(url: str) -> None:
    with closing(Connection(url, durable=True, patience_s=0.1)) as hasty, pytest.raises(sqlite3.OperationalError, match="has not answered"):
        hasty.execute("SELECT pg_sleep(3)")
    with closing(Connection(url, durable=True, patience_s=5.0)) as patient:
        assert patient.execute("SELECT 1 FROM pg_sleep(0.3)").fetchone() == (1,)

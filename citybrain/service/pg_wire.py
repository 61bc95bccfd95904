"""The line to a PostgreSQL server: how long either end waits for the other. Whoever plans for a city waits for no server that hangs."""

from __future__ import annotations

import importlib
import time
from collections.abc import Generator
from functools import lru_cache
from typing import Any

TIMEOUT_MS = 5000
CONNECT_S = 2  # the engine's thread waits for no longer
LOST_S = 5  # a line on which nothing comes through is given up by both ends after a few of these
PATIENCE_S = 7.0  # a server that is well has given a statement up by then, and said so
Steps = Generator[Any, Any, Any]


def joined(url: str, *, durable: bool, patience_s: float) -> Any:
    """A connection of psycopg's; its own errors where nobody answers. A statement fails once nothing has come for `patience_s`."""
    server = {
        "synchronous_commit": "on" if durable else "off",
        "statement_timeout": TIMEOUT_MS,
        "lock_timeout": TIMEOUT_MS,
        # Nobody else waits for a transaction, or for the claim, of a process or a machine that is gone.
        "idle_in_transaction_session_timeout": TIMEOUT_MS,
        "tcp_keepalives_idle": LOST_S,
        "tcp_keepalives_interval": LOST_S,
        "tcp_keepalives_count": 3,
    }
    wire = patient_kind().connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_S,
        application_name="citybrain",
        options=" ".join(f"-c {name}={value}" for name, value in server.items()),
        keepalives_idle=LOST_S,
        keepalives_interval=LOST_S,
        keepalives_count=3,
        tcp_user_timeout=1000 * LOST_S,
    )
    wire.patience_s = patience_s
    return wire


@lru_cache(maxsize=1)
def patient_kind() -> Any:
    """psycopg's connection, but that it does not wait for ever; psycopg is loaded when it is wanted."""
    psycopg: Any = importlib.import_module("psycopg")

    def wait(self: Any, steps: Steps, *more: Any, **named: Any) -> Any:
        try:
            return psycopg.Connection.wait(self, limited(steps, self.patience_s), *more, **named)
        except TimeoutError as error:
            self.close()  # what it would say later is nobody's any more
            raise psycopg.OperationalError(str(error)) from error

    return type("Patient", (psycopg.Connection,), {"wait": wait, "patience_s": PATIENCE_S})


def limited(steps: Steps, patience_s: float) -> Steps:
    """The steps of an exchange, each waiting for the line; TimeoutError once nothing has come for so long."""
    heard_s, ready = time.monotonic(), None
    while True:
        try:
            wanted = steps.send(ready)
        except StopIteration as ended:
            return ended.value
        ready = yield wanted
        if ready:
            heard_s = time.monotonic()
        elif time.monotonic() - heard_s > patience_s:
            raise TimeoutError(f"the server has not answered for {patience_s:g} s")

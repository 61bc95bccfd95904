"""How much anybody may have: requests a second by token buckets, bytes of a body as they come in, seconds to send it."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citybrain.web.problems import problem
from citybrain.web.settings import Rate, WebSettings

MOST_BUCKETS = 10_000


class Buckets:
    """A token bucket per name; the names that were quiet longest are forgotten, so memory is bounded."""

    def __init__(self, rate: Rate, clock: Callable[[], float], most: int = MOST_BUCKETS) -> None:
        self._rate, self._clock, self._most = rate, clock, most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name -> tokens left, when
        self._guard = threading.Lock()

    def wait_s(self, name: str) -> float:
        """Take a token: 0 where there was one, else how long until there will be."""
        now_s = self._clock()
        with self._guard:
            tokens, then_s = self._levels.pop(name, (self._rate.burst, now_s))
            tokens = min(tokens + max(now_s - then_s, 0.0) * self._rate.per_s, self._rate.burst)
            short = max(1.0 - tokens, 0.0)
            self._levels[name] = (tokens if short else tokens - 1.0, now_s)
            while len(self._levels) > self._most:
                self._levels.popitem(last=False)
        return short / self._rate.per_s

    def __len__(self) -> int:
        return len(self._levels)


class RateLimit:
    """Refuses addresses that ask too often, before anything else is done for them."""

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self._app, self._buckets = app, buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait_s = self._buckets.wait_s(scope["state"]["address"]) if scope["type"] == "http" else 0.0
        if wait_s > 0.0:
            await too_many(wait_s)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def too_many(wait_s: float) -> ASGIApp:
    """429, and when to come again."""
    return problem(429, "too many requests", {"Retry-After": str(int(wait_s) + 1)})


class BodyLimit:
    """Counts a body's bytes as they come, whatever Content-Length says, and does not wait for ever."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._settings.ingest_bytes if scope["path"] == "/v1/ingest" else self._settings.body_bytes
        if declared(scope) > most:
            await problem(413, f"the body is over {most} bytes")(scope, receive, send)
            return
        await self._app(scope, limited(receive, most, self._settings.body_s), send)


def declared(scope: Scope) -> int:
    """What Content-Length claims; 0 where it says nothing of use."""
    said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(said) if said.isdigit() and len(said) < 20 else 0


def limited(receive: Receive, most: int, within_s: float) -> Receive:
    """A receive that raises 413 past `most` bytes, and 408 when the body has not come in time."""
    taken, whole, due_s = 0, False, asyncio.get_running_loop().time() + within_s

    async def one() -> Message:
        nonlocal taken, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(due_s):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, f"the body has not come within {within_s:g} s") from error
        taken += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if taken > most:
            raise HTTPException(413, f"the body is over {most} bytes")
        return message

    return one

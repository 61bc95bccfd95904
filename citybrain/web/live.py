"""Live events: one server-sent stream a viewer, made of bytes that the board has made once for all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from citybrain.service.board import Board
from citybrain.service.desk import Role
from citybrain.service.keys import Purpose
from citybrain.web.access import Access, Asker, access_of, need
from citybrain.web.problems import REFUSALS
from citybrain.web.served import Parts

BEAT = b": \n\n"  # keeps proxies from hanging up
BEAT_EVERY = 5  # turns without an event
TURN_S = 1.0
RETRY = b"retry: 2000\n\n"

router = APIRouter(prefix="/v1", tags=["reading"], responses=REFUSALS)
viewer = Depends(need(Role.VIEWER, Purpose.SERVE))


@router.get("/events", response_class=StreamingResponse)
async def events(request: Request, served: Parts, asker: Asker = viewer) -> Response:
    """What changes, as it changes: w (all signals), d (those that changed), c (congestion), k (figures), a (alarms)."""
    access = access_of(request)
    if served.service.board.watchers >= access.settings.viewers:
        raise HTTPException(503, f"{served.service.board.watchers} watch already", {"Retry-After": "10"})
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(stream(served.service.board, access, asker), media_type="text/event-stream", headers=headers)


async def stream(board: Board, access: Access, asker: Asker) -> AsyncIterator[bytes]:
    """The board's events for one viewer, until they leave, their key or session ends, or the service stops."""
    some, loop = asyncio.Event(), asyncio.get_running_loop()

    def wake() -> None:
        # The engine's thread calls this; a loop that is closing is no concern of the engine's.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(some.set)

    watch, quiet = board.subscribe(), 0
    watch.wake = wake
    try:
        yield RETRY
        while not access.stopping.is_set() and still_welcome(access, asker):
            some.clear()
            event = watch.get(0.0)
            quiet = 0 if event is not None else quiet + 1
            if event is not None:
                yield event
                continue
            if quiet % BEAT_EVERY == 0:
                yield BEAT
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TURN_S):
                    await some.wait()
    finally:
        watch.close()


def still_welcome(access: Access, asker: Asker) -> bool:
    """Whether the key still lives, and the session, where there is one, is still on."""
    if asker.session is not None:
        return access.sessions.open_still(asker.session)
    return access.keys.by_id(asker.key.id) is not None

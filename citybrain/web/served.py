"""What the web layer needs of the service; and how a route comes by it."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from citybrain.service.service import CityService
from citybrain.service.showing import Showing
from citybrain.web.geometry import CityDrawing
from citybrain.wire import finite

Take = Callable[[bytes, str, str], dict[str, Any]]
"""payload, kind (frame or json), source -> what became of it; it is on disk when this returns"""


@dataclass(frozen=True, slots=True)
class Served:
    """What the application is made over; all of it may be used from any thread."""

    service: CityService
    showing: Showing
    take: Take | None  # None: this service hears its sensors by other ways only


class City:
    """The static drawing, made when it is first asked for and kept as it is sent."""

    def __init__(self, drawing: CityDrawing) -> None:
        self.drawing = drawing
        self._guard = threading.Lock()
        self._packed: bytes | None = None
        self.mark = ""

    def packed(self) -> bytes:
        """The city as gzipped JSON."""
        with self._guard:
            if self._packed is None:
                plain = json.dumps(finite(self.drawing.city()), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
                self.mark = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
                self._packed = gzip.compress(plain, 6, mtime=0)
            return self._packed


def served_of(request: Request) -> Served:
    """What the application was made over."""
    found: Served = request.app.state.served
    return found


def city_of(request: Request) -> City:
    """The application's drawing."""
    found: City = request.app.state.city
    return found


def known_signal(request: Request, signal: Annotated[str, Path(max_length=300, description="a signal's id")]) -> str:
    """The signal of the path; 404 where there is none of that name."""
    if signal not in request.app.state.signals:
        raise HTTPException(404, "there is no signal of that name")
    return signal


Parts = Annotated[Served, Depends(served_of)]
Drawing = Annotated[City, Depends(city_of)]
Signal = Annotated[str, Depends(known_signal)]


def answer(body: Any, status: int = 200) -> Response:
    """JSON; a number that is not one is null."""
    text = json.dumps(finite(body), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text.encode("utf-8", "backslashreplace"), status, media_type="application/json")

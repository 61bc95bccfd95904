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

from citybrain.service.keys import Key
from citybrain.service.service import CityService
from citybrain.service.showing import Showing
from citybrain.web.geometry import Drawing as Drawn
from citybrain.wire import finite

Take = Callable[[bytes, str, Key], dict[str, Any]]
"""payload, kind (frame or json), who hands it in -> what became of it; it is on disk when this returns"""


@dataclass(frozen=True, slots=True)
class Served:
    """What the application is made over; all of it may be used from any thread."""

    service: CityService
    showing: Showing
    take: Take | None  # None: this service hears its sensors by other ways only


class City:
    """The static drawing, packed when it is first asked for and kept as it is sent; anew when it has become another."""

    def __init__(self, drawing: Drawn) -> None:
        self.drawing = drawing
        self._guard = threading.Lock()
        self._packed: tuple[int, str, bytes] | None = None

    def packed(self) -> tuple[str, bytes]:
        """The city's mark, and itself as gzipped JSON."""
        edition = self.drawing.edition
        with self._guard:
            if self._packed is None or self._packed[0] != edition:
                plain = json.dumps(finite(self.drawing.city()), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
                self._packed = edition, f'"{hashlib.sha256(plain).hexdigest()[:32]}"', gzip.compress(plain, 6, mtime=0)
            return self._packed[1:]


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

"""The web application: routes over the service, and around them who may come in and how much they may have."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from citybrain.service.keys import KeyRing
from citybrain.service.locks import EditLocks
from citybrain.web import commanding, front, live, reading
from citybrain.web.access import Access
from citybrain.web.denials import Denials
from citybrain.web.ended import Ended
from citybrain.web.exposition import Requests
from citybrain.web.geometry import Drawing
from citybrain.web.headers import Guard, KnownHosts
from citybrain.web.limits import BodyLimit, Buckets, RateLimit
from citybrain.web.problems import add_handlers
from citybrain.web.served import City, Served
from citybrain.web.sessions import Sessions, session_secret
from citybrain.web.settings import WebSettings, check
from signals.types import Network

DESCRIPTION = (
    "Plans for a city's traffic signals: read, propose, approve, override, roll back, hand in data, export. Times ending in _s are seconds "
    "of field time unless said otherwise; phases count from 1; a value that is not known is null."
)


def access_to(
    folder: Path,
    network: Network,
    settings: WebSettings,
    wall: Callable[[], float] = time.time,
    steady: Callable[[], float] = time.monotonic,
) -> Access:
    """Keys and sessions as this folder keeps them; ConfigError where the settings would open the service to strangers.

    `wall` tells when a key ends, `steady` how long a lock or a limit lasts.
    """
    check(settings)
    keys = KeyRing(folder / "keys.json", wall)
    keys.all()  # a broken file is told now, not to the first who asks
    sessions = Sessions(session_secret(folder / "session.secret"), keys, wall, settings.session_s, Ended(folder / "session.ended"))
    locks = EditLocks((s.id for s in network.signals), steady)
    return Access(settings, keys, sessions, locks, Buckets(settings.per_key, steady), Buckets(settings.refusals, steady), threading.Event())


def create_app(served: Served, access: Access, drawing: Drawing, steady: Callable[[], float] = time.monotonic) -> FastAPI:
    """The application."""
    settings, requests, denials = access.settings, Requests(), Denials(served.service.note, steady)
    app = FastAPI(
        title="City Brain",
        version="1",
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # these two load scripts from elsewhere
        redoc_url=None,
        middleware=[
            Middleware(Guard, settings=settings, requests=requests, denials=denials),
            Middleware(KnownHosts, settings=settings),
            Middleware(RateLimit, buckets=Buckets(settings.per_address, steady)),
            Middleware(BodyLimit, settings=settings),
        ],
    )
    app.state.served, app.state.access, app.state.requests, app.state.denials = served, access, requests, denials
    app.state.city, app.state.signals = City(drawing), frozenset(s.id for s in served.service.network.signals)
    for router in (reading.router, live.router, commanding.router, front.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=front.STATIC), name="static")
    add_handlers(app)
    return app

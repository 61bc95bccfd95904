"""Who asks, and whether they may: every route but the open ones depends on one of the needs made here."""

from __future__ import annotations

import hmac
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from citybrain.service.desk import Role
from citybrain.service.keys import Key, KeyRing, Purpose
from citybrain.service.locks import EditLocks
from citybrain.web.ended import Session
from citybrain.web.headers import host_of
from citybrain.web.limits import Buckets
from citybrain.web.log import log
from citybrain.web.sessions import COOKIE, Sessions
from citybrain.web.settings import WebSettings

CSRF = "x-csrf-token"
SAFE = ("GET", "HEAD")
bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key: `citybrain keys add`.")
cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, scheme_name="session",
    description="The page's session (POST /v1/session). What changes anything also needs the session's token in X-CSRF-Token.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Access:
    """All that decides who may do what."""

    settings: WebSettings
    keys: KeyRing
    sessions: Sessions
    locks: EditLocks
    per_key: Buckets
    refusals: Buckets
    stopping: threading.Event  # set when open streams should end


@dataclass(frozen=True, slots=True)
class Asker:
    """Who sent a request: a key, by itself or through a session."""

    key: Key
    session: Session | None

    @property
    def who(self) -> str:
        """How records name them."""
        return self.key.who


Need = Callable[..., Asker]


def need(role: Role, *purposes: Purpose) -> Need:
    """A dependency: the asker, where the key has the role and one of the purposes (none named: to serve)."""
    wanted = purposes or (Purpose.SERVE,)

    def allowed(
        request: Request,
        credentials: HTTPAuthorizationCredentials | None = Security(bearer),  # noqa: B008 - how FastAPI declares it
        session: str | None = Security(cookie),
    ) -> Asker:
        asker = asker_of(request, credentials.credentials if credentials else None, session)
        request.state.who = asker.who
        wait_s = access_of(request).per_key.wait_s(asker.key.id)
        if wait_s > 0.0:
            raise HTTPException(429, "this key asks too often", {"Retry-After": str(math.ceil(wait_s))})
        if not asker.key.may(role, *wanted):
            raise HTTPException(
                403, f"this key has the role {asker.key.role} and is to {asker.key.purpose}; needed is {role} to {wanted[0]}"
            )
        return asker

    return allowed


def access_of(request: Request) -> Access:
    """The application's."""
    found: Access = request.app.state.access
    return found


def asker_of(request: Request, token: str | None, session_cookie: str | None) -> Asker:
    """Who this is; 401 for nobody we know, 403 for a session's request that another site may have sent."""
    access = access_of(request)
    if token is not None:
        key = access.keys.find(token)
        if key is not None and not key.one_time:
            return Asker(key, None)
    elif session_cookie is not None:
        session = access.sessions.read(session_cookie)
        if session is not None:
            if request.method not in SAFE:
                from_our_page(request, session)
            return Asker(session.key, session)
    raise stranger(request)


def stranger(request: Request) -> HTTPException:
    """401, with less and less ado for an address that goes on trying."""
    access, address = access_of(request), request.state.address
    wait_s = access.refusals.wait_s(address)
    if wait_s > 0.0:
        return HTTPException(429, "too many requests without a living key", {"Retry-After": str(math.ceil(wait_s))})
    log.warning("no living key", extra={"fields": {"address": address, "path": request.url.path[:200]}})
    return HTTPException(401, "expected a living key: Authorization: Bearer cb_...", {"WWW-Authenticate": "Bearer"})


def from_our_page(request: Request, session: Session) -> None:
    """403 unless the request carries its session's token and comes from our own origin: a cookie alone proves nothing."""
    same_origin(request)
    if not hmac.compare_digest(request.headers.get(CSRF, "").encode(), session.csrf.encode()):
        raise HTTPException(403, "a session's request that changes anything needs the session's token in X-CSRF-Token")


def same_origin(request: Request) -> None:
    """403 where the browser says that another site sent this."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin", "none") or (origin is not None and not ours(origin, request)):
        raise HTTPException(403, "requests from other sites are refused")


def ours(origin: str, request: Request) -> bool:
    """Whether an Origin is the host that was asked."""
    try:
        split = urlsplit(origin)
    except ValueError:
        return False
    return (
        split.scheme in ("http", "https")
        and split.netloc.lower() == request.headers.get("host", "").lower()
        and bool(host_of(request.scope))
    )

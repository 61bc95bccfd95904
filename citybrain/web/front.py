"""The open routes (is it alive, is it ready, the page) and the door: sessions of the page; and Prometheus' figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response

from citybrain.service.desk import Role
from citybrain.service.keys import Key, Purpose
from citybrain.web.access import Access, Asker, access_of, bearer, need, same_origin, stranger
from citybrain.web.ended import Session
from citybrain.web.exposition import CONTENT_TYPE, Requests, prometheus_text
from citybrain.web.problems import REFUSALS
from citybrain.web.served import Parts, answer
from citybrain.web.sessions import COOKIE
from signals.errors import ConfigError

STATIC = Path(__file__).with_name("static")
router = APIRouter(responses=REFUSALS)
Ways = Annotated[Access, Depends(access_of)]
Viewer = Annotated[Asker, Depends(need(Role.VIEWER))]


class Ready(BaseModel):
    """Whether the service decides."""

    ready: bool


class Present(BaseModel):
    """Who is there. What changes anything must carry `csrf` in the header X-CSRF-Token."""

    who: str
    role: Role
    expires_s: float  # Unix time
    csrf: str


@router.get("/healthz", tags=["health"])
def alive() -> Response:
    """The process answers."""
    return answer({"alive": True})


@router.get("/readyz", tags=["health"], response_model=Ready, responses={503: {"model": Ready, "description": "it does not decide"}})
def ready(served: Parts) -> Response:
    """Whether the service decides; 503 where it does not. Which checks fail is told to viewers, at /v1/health."""
    well = bool(served.showing.health()["ready"])
    return answer({"ready": well}, 200 if well else 503)


@router.get("/metrics", tags=["health"], response_class=Response)
def metrics(request: Request, served: Parts, _: Viewer) -> Response:
    """Figures for Prometheus; scrape with a viewer's key (`authorization: credentials_file`)."""
    requests: Requests = request.app.state.requests
    return Response(prometheus_text([*served.showing.metrics(), *requests.samples()]), headers={"Content-Type": CONTENT_TYPE})


@router.post("/v1/session", tags=["session"], response_model=Present)
def sign_in(
    request: Request,
    ways: Ways,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)] = None,
) -> Response:
    """Open a session for a key, which is sent in the Authorization header; the cookie is kept from scripts and from other sites."""
    same_origin(request)
    return with_cookie(ways, request, credentials.credentials if credentials else "", None)


@router.get("/open", include_in_schema=False)
def open_once(request: Request, ways: Ways, key: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The link that `serve --demo` prints: a one-time key, good for one session and spent by it."""
    same_origin(request)
    found = ways.keys.find(key)
    try:
        if found is None or not found.one_time:
            raise stranger(request)
        return with_cookie(ways, request, key, RedirectResponse("/", 303))
    except HTTPException as refused:
        if refused.status_code == 401 and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/?spent", 303)  # people get the page: it knows them already, or asks for a key
        raise


def with_cookie(ways: Access, request: Request, token: str, base: Response | None) -> Response:
    """The answer that brings the session's cookie, where this key may have one."""
    key: Key | None = ways.keys.find(token)
    if key is None:
        raise stranger(request)
    if not key.may(Role.VIEWER, Purpose.SERVE):
        raise HTTPException(403, f"this key is to {key.purpose}; a session needs one to serve")
    if key.one_time and not ways.keys.spend(key.id):
        raise stranger(request)
    cookie, session = ways.sessions.open(key)
    request.state.who = key.who
    found = base or answer(present(session).model_dump())
    found.set_cookie(
        COOKIE, cookie, max_age=int(ways.settings.session_s), path="/",
        httponly=True, samesite="strict", secure=ways.settings.behind_tls_proxy,
    )  # fmt: skip
    return found


@router.get("/v1/session", tags=["session"], response_model=Present)
def who(asker: Viewer) -> Response:
    """Who one is, and the session's token; for a page that was loaded again. A key has no session: its token is empty."""
    if asker.session is not None:
        return answer(present(asker.session).model_dump())
    return answer(Present(who=asker.who, role=asker.key.role, expires_s=asker.key.expires_s, csrf="").model_dump())


@router.delete("/v1/session", tags=["session"], status_code=204)
def sign_out(asker: Viewer, ways: Ways) -> Response:
    """End the session; its cookie opens nothing any more, also not after a restart of the service."""
    if asker.session is not None:
        try:
            ways.sessions.end(asker.session)
        except ConfigError as error:
            raise HTTPException(503, f"the session is ended, but only until the service starts again: {error}") from error
    gone = Response(status_code=204)
    gone.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=ways.settings.behind_tls_proxy)
    return gone


def present(session: Session) -> Present:
    """What the page is told of a session."""
    return Present(who=session.key.who, role=session.key.role, expires_s=session.expires_s, csrf=session.csrf)


@router.get("/", include_in_schema=False)
def page() -> Response:
    """The page: it holds no data, and asks for them like everybody else."""
    return FileResponse(STATIC / "index.html", media_type="text/html")

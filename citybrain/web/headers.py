"""What stands around every request: whose host name it may come by, the headers that keep browsers strict, one line in the log.

What was denied is also counted for the audit trail."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citybrain.web.denials import DENIED, Denials
from citybrain.web.exposition import Requests
from citybrain.web.log import log
from citybrain.web.problems import problem
from citybrain.web.settings import LOOPBACK_NAMES, WebSettings

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
STRICT: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guard:
    """The outermost room: names the request and its address, answers what nobody foresaw with 500, and writes it down."""

    def __init__(
        self, app: ASGIApp, settings: WebSettings, requests: Requests, denials: Denials, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app, self._settings, self._requests, self._denials, self._clock = app, settings, requests, denials, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["address"], state["request"] = address_of(scope, self._settings.behind_tls_proxy), secrets.token_hex(6)
        status, began_s = 0, self._clock()

        async def strict_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                hardened(message, scope["path"], self._settings.behind_tls_proxy)
                if status in DENIED:  # counted before it is told
                    self._denials.note(status, state.get("who", ""), state["address"], f"{method_of(scope)} {route_of(scope)}")
            await send(message)

        try:
            await self._app(scope, receive, strict_send)
        except Exception:
            log.exception("request %s failed", state["request"], extra={"fields": {"request": state["request"]}})
            if status == 0:
                answer = problem(500, f"something went wrong here; the log tells of it under {state['request']}")
                await answer(scope, receive, strict_send)
        finally:
            took_s = self._clock() - began_s
            self._requests.count(scope["method"], route_of(scope), status, took_s)
            if noteworthy(scope, status):
                log.info("%s %s %d", scope["method"], scope["path"][:200], status, extra={"fields": written(scope, took_s)})


def written(scope: Scope, took_s: float) -> dict[str, object]:
    """A request's line in the log: never its query, its headers or its body."""
    state = scope["state"]
    return {"request": state["request"], "address": state["address"], "who": state.get("who", ""), "took_ms": round(took_s * 1e3, 1)}


def noteworthy(scope: Scope, status: int) -> bool:
    """Whether somebody will ask: what changes something, what was refused; reading well is counted only."""
    return status >= 400 or (scope["method"] not in ("GET", "HEAD") and scope["path"] != "/v1/ingest")


def route_of(scope: Scope) -> str:
    """The route's pattern; not the path, of which there are as many as strangers care to make up."""
    return str(getattr(scope.get("route"), "path_format", "other"))


def method_of(scope: Scope) -> str:
    """The method, where it is one of HTTP's own."""
    return str(scope["method"]) if scope["method"] in METHODS else "other"


def hardened(message: Message, path: str, behind_tls: bool) -> None:
    """Add the strict headers to an answer."""
    headers = MutableHeaders(scope=message)
    for name, value in STRICT.items():
        headers.setdefault(name, value)
    if behind_tls:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    headers.setdefault("Cache-Control", "no-cache" if path == "/" or path.startswith("/static/") else "no-store")


def address_of(scope: Scope, behind_proxy: bool) -> str:
    """Who asks: the peer, or behind our own proxy the last address that the proxy itself added."""
    if behind_proxy:
        told = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        if told:
            return str(told[-1].decode("latin-1").rsplit(",", maxsplit=1)[-1].strip()[:64])
    return str((scope.get("client") or ("unknown", 0))[0])


class KnownHosts:
    """Refuses requests by other host names: a page elsewhere whose name is bent to 127.0.0.1 reaches nothing."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in (*LOOPBACK_NAMES, *settings.names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and host_of(scope) not in self._names:
            await problem(421, "this service is not reached by that host name; `names` in its configuration lists those it is")(
                scope, receive, send
            )
        else:
            await self._app(scope, receive, send)


def host_of(scope: Scope) -> str:
    """The one Host header without its port; empty where there is none, or more than one."""
    told: list[str] = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
    if len(told) != 1:
        return ""
    name, colon, port = told[0].rpartition(":")
    return name if colon and port.isdigit() else told[0]

"""Live events: a whole picture first, then what changes; a stream ends with its key, its session or the service."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from citybrain.web.sessions import COOKIE
from citybrain.web.settings import WebSettings


def events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(kind, data) of a stream's events."""
    kind = ""
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))


def test_a_viewer_sees_the_whole_and_then_what_changes(site: Any) -> None:
    with site.client.stream("GET", "/v1/events", headers=site.auth("viewer")) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream") and answer.headers["x-accel-buffering"] == "no"
        seen = events(answer.iter_lines())
        kind, whole = next(seen)
        assert kind == "w" and len(base64.b64decode(whole["b"])) == 4 * len(site.service.network.signals)
        site.tick()
        kind, body = next((kind, body) for kind, body in seen if kind == "d")
        assert body["n"] == whole["n"] + 1 and len(base64.b64decode(body["b"])) % 4 == 0


def test_who_leaves_is_forgotten(site: Any) -> None:
    with site.client.stream("GET", "/v1/events", headers=site.auth("viewer")) as answer:
        seen = events(answer.iter_lines())
        assert next(seen)[0] == "w" and site.service.board.watchers == 1
    assert settled(lambda: site.service.board.watchers == 0)


def settled(done: Any) -> bool:
    """Whether it comes true before long."""
    deadline_s = time.monotonic() + 10.0
    while not done() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return bool(done())


@pytest.mark.parametrize("by_session", [False, True])
def test_a_stream_ends_with_its_key(fresh: Any, by_session: bool) -> None:
    cookie = fresh.client.post("/v1/session", headers=fresh.auth("viewer")).cookies[COOKIE]
    fresh.client.cookies.clear()
    headers = {"Cookie": f"{COOKIE}={cookie}"} if by_session else fresh.auth("viewer")
    with fresh.client.stream("GET", "/v1/events", headers=headers) as answer:
        seen = events(answer.iter_lines())
        next(seen)
        fresh.access.keys.revoke(fresh.access.keys.find(fresh.tokens["viewer"]).id)
        assert len(list(seen)) < 5


def test_a_service_that_stops_ends_its_streams(fresh: Any) -> None:
    with fresh.client.stream("GET", "/v1/events", headers=fresh.auth("viewer")) as answer:
        seen = events(answer.iter_lines())
        next(seen)
        threading.Timer(0.05, fresh.access.stopping.set).start()
        assert len(list(seen)) < 5


def test_too_many_viewers_are_told_to_come_later_and_training_never_watches(make_site: Any) -> None:
    site = make_site(WebSettings(port=0, viewers=1))
    assert site.client.get("/v1/events", headers=site.auth("train")).status_code == 403
    with site.client.stream("GET", "/v1/events", headers=site.auth("viewer")) as answer:
        seen = events(answer.iter_lines())
        assert next(seen)[0] == "w"
        with site.client.stream("GET", "/v1/events", headers=site.auth("viewer")) as second:
            assert second.status_code == 503 and second.headers["retry-after"] == "10"

"""The server: answers come at once, and it ends with streams open."""

import time
from typing import Any

from citybrain.web.server import STOP_S, WebServer


def test_the_address_is_what_a_browser_wants(site: Any) -> None:
    server = WebServer(site.app, site.access)
    try:
        assert server.address.startswith("http://127.0.0.1:") and not server.address.endswith(":0")
    finally:
        server._socket.close()


def test_answers_are_not_held_back_for_more(site: Any) -> None:
    # With delayed acknowledgements in the way, each of these would take 40 ms.
    took_s = []
    for _ in range(20):
        began_s = time.perf_counter()
        site.client.get("/healthz")
        took_s.append(time.perf_counter() - began_s)
    assert sorted(took_s)[3] < 0.03


def test_it_ends_while_somebody_watches(site: Any) -> None:
    server = WebServer(site.app, site.access)
    with server:
        url = f"{server.address}/v1/events"
        with site.client.stream("GET", url, headers=site.auth("viewer")) as answer:
            seen = answer.iter_lines()
            next(seen)
            began_s = time.monotonic()
            server.stop()
            assert time.monotonic() - began_s < STOP_S
            list(seen)
    site.access.stopping.clear()

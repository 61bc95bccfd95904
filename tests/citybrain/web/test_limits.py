"""Limits: so many requests, so many bytes, so long; and bounded memory for who asks under many names."""

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.types import Message

from citybrain.web.limits import Buckets, declared, limited
from citybrain.web.settings import Rate, WebSettings


class Steady:
    """A clock to be moved."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Steady()
    buckets = Buckets(Rate(2.0, 3.0), clock)
    assert [buckets.wait_s("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.wait_s("b") == 0.0
    clock.now_s = 0.5
    assert buckets.wait_s("a") == 0.0 and buckets.wait_s("a") == 0.5


@given(steps=st.lists(st.floats(-5.0, 50.0), max_size=60))
def test_no_bucket_gives_more_than_burst_and_rate_however_the_clock_goes(steps: list[float]) -> None:
    clock = Steady()
    buckets = Buckets(Rate(0.5, 4.0), clock)
    given_out, passed_s = 0, 0.0
    for step in steps:
        clock.now_s += step
        passed_s += max(step, 0.0)
        given_out += buckets.wait_s("a") == 0.0
    assert given_out <= 4.0 + 0.5 * passed_s + 1e-6


def test_names_without_number_are_forgotten_oldest_first() -> None:
    buckets = Buckets(Rate(1.0, 1.0), Steady(), most=10)
    for k in range(1000):
        buckets.wait_s(str(k))
    assert len(buckets) == 10 and buckets.wait_s("999") > 0.0 and buckets.wait_s("0") == 0.0


def test_an_address_that_asks_too_often_is_refused_before_anything_is_done(make_site: Any) -> None:
    site = make_site(WebSettings(port=0, per_address=Rate(1.0, 5.0)))
    codes = [site.client.get("/healthz").status_code for _ in range(7)]
    assert codes == [200] * 5 + [429] * 2
    site.steady.now_s += 2.0
    assert site.client.get("/healthz").status_code == 200


def chunks(count: int, size: int) -> Iterator[bytes]:
    """A body of unknown length."""
    yield from (b"x" * size for _ in range(count))


def test_a_body_is_counted_as_it_comes_whatever_its_length_claims(make_site: Any) -> None:
    site = make_site(WebSettings(port=0, ingest_bytes=10_000, body_bytes=1000))
    headers = {**site.auth("ingest"), "Content-Type": "application/json"}
    assert site.client.post("/v1/ingest", content=chunks(9, 1000), headers=headers).status_code == 200
    assert site.client.post("/v1/ingest", content=chunks(11, 1000), headers=headers).status_code == 413
    assert site.client.post("/v1/ingest", content=b"x" * 10_001, headers=headers).status_code == 413
    operator = {**site.auth("operator"), "Content-Type": "application/json"}
    found = site.client.post("/v1/commands/lift", content=chunks(3, 1000), headers=operator)
    assert found.status_code == 413 and "over 1000 bytes" in found.json()["error"] and len(site.taken) == 1


def test_a_body_that_never_ends_is_not_waited_for(make_site: Any) -> None:
    site = make_site(WebSettings(port=0, body_s=0.2))
    with socket.create_connection((site.client.base_url.host, site.client.base_url.port), timeout=10.0) as slow:
        head = f"POST /v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {site.tokens['ingest']}\r\n"
        slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\nabc".encode())
        began_s = time.monotonic()
        assert b" 408 " in slow.recv(4096).split(b"\r\n")[0] + b" " and time.monotonic() - began_s < 10.0


def test_after_the_body_there_is_no_hurry() -> None:
    messages: list[Message] = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.request", "body": b"b"}]

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    async def whole() -> list[Message]:
        one = limited(receive, 2, 0.02)
        return [await one(), await one(), await one()]

    assert [m["type"] for m in asyncio.run(whole())] == ["http.request", "http.request", "http.disconnect"]


def test_the_byte_over_the_limit_is_too_many() -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"abc", "more_body": False}

    async def take() -> Message:
        return await limited(receive, 2, 1.0)()

    with pytest.raises(HTTPException) as refused:
        asyncio.run(take())
    assert refused.value.status_code == 413


@pytest.mark.parametrize(("said", "bytes_"), [(b"12", 12), (b"-1", 0), (b"x", 0), (b"9" * 30, 0), (b"", 0)])
def test_a_length_that_says_nothing_is_not_believed(said: bytes, bytes_: int) -> None:
    assert declared({"headers": [(b"content-length", said)]}) == bytes_

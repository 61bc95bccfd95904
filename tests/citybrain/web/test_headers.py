"""Around every request: strict headers on every answer, only known host names, one honest line in the log."""

import logging
import time
from typing import Any

import pytest

from citybrain.web.headers import STRICT, address_of, host_of, noteworthy
from citybrain.web.settings import WebSettings


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/kpi", "/static/nothing.js", "/nowhere", "/v1/openapi.json"])
def test_every_answer_carries_the_strict_headers(site: Any, path: str) -> None:
    found = site.client.get(path)
    assert {name: found.headers.get(name) for name in STRICT} == dict(STRICT)
    assert "server" not in found.headers and "strict-transport-security" not in found.headers


def test_the_policy_lets_no_script_in_but_files_of_ours() -> None:
    policy = dict(part.strip().split(" ", 1) for part in STRICT["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == "'self'" and policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in STRICT["Content-Security-Policy"] and "http" not in STRICT["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("host", "code"),
    [("127.0.0.1", 200), ("localhost:8080", 200), ("[::1]:1", 200), ("LOCALHOST", 200), ("evil.example", 421),
     ("127.0.0.1.evil.example", 421),
     ("", 421), ("localhost:x", 421), ("user@localhost", 421)],
)  # fmt: skip
def test_a_host_name_bent_to_this_machine_reaches_nothing(site: Any, host: str, code: int) -> None:
    assert site.client.get("/healthz", headers={"Host": host}).status_code == code


def test_two_host_headers_are_none() -> None:
    assert host_of({"headers": [(b"host", b"localhost"), (b"host", b"evil")]}) == "" == host_of({"headers": []})


@pytest.mark.parametrize(
    ("told", "behind", "address"),
    [
        ([], True, "10.0.0.1"),
        ([b"1.1.1.1"], False, "10.0.0.1"),
        ([b"6.6.6.6, 2.2.2.2"], True, "2.2.2.2"),
        ([b"6.6.6.6", b"3.3.3.3"], True, "3.3.3.3"),
    ],
)
def test_an_address_is_believed_only_from_our_own_proxy(told: list[bytes], behind: bool, address: str) -> None:
    scope = {"headers": [(b"x-forwarded-for", one) for one in told], "client": ("10.0.0.1", 5)}
    assert address_of(scope, behind) == address


def test_the_log_tells_of_changes_and_refusals_never_of_queries_or_keys(make_site: Any, caplog: pytest.LogCaptureFixture) -> None:
    site = make_site(WebSettings(port=0))
    with caplog.at_level(logging.INFO, logger="citybrain"):
        site.client.get("/open", params={"key": site.tokens["admin"]})
        site.client.get("/v1/kpi", headers=site.auth("viewer"))
        site.client.post("/v1/commands/lift", json={"signal": "A0", "reason": "why not"}, headers=site.auth("operator"))
        # The line is written when the answer is gone.
        deadline_s = time.monotonic() + 10.0
        while not any("lift" in record.getMessage() for record in caplog.records) and time.monotonic() < deadline_s:
            time.sleep(0.005)
    lines = [record.getMessage() for record in caplog.records if record.name == "citybrain"]
    assert "GET /open 401" in lines and "POST /v1/commands/lift 422" in lines and not any("kpi" in line for line in lines)
    whole = " ".join(f"{record.getMessage()} {getattr(record, 'fields', '')}" for record in caplog.records)
    assert "why not" not in whole and not any(token in whole for token in site.tokens.values())
    assert any(getattr(record, "fields", {}).get("who", "").startswith("operator") for record in caplog.records)


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [("GET", "/", 200, False), ("POST", "/v1/ingest", 200, False), ("POST", "/v1/x", 200, True), ("GET", "/", 404, True)],
)
def test_what_is_worth_a_line(method: str, path: str, status: int, told: bool) -> None:
    assert noteworthy({"method": method, "path": path}, status) == told

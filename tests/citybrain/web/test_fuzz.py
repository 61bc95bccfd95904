"""Requests that schemathesis makes up from the API's own description: no 5xx, answers as described, and nothing without a key.

Fifteen cases a route in CI; two hundred, chosen anew each time, by `pytest --hypothesis-profile=default`.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from citybrain.web.settings import Rate, WebSettings

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (extra dev)")
from schemathesis import checks  # noqa: E402 - after the question whether it is there

ENDLESS = "/v1/events"  # a stream that does not end is test_live's
OPEN = ("/healthz", "/readyz")
EXPECTED = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)
QUICK = settings(
    max_examples=15, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
DEEP = settings(QUICK, max_examples=200, derandomize=False)
CHOSEN = DEEP if any(word.startswith("--hypothesis-profile") for word in sys.argv) else QUICK


@pytest.fixture(scope="module")
def tough(make_shared_site: Any) -> Any:
    """An application that lets itself be asked without end."""
    endless = Rate(1e9, 1e9)
    return make_shared_site(WebSettings(port=0, per_address=endless, per_key=endless, refusals=endless))


def operations(site: Any) -> Iterator[Any]:
    """Every operation of the description but the endless one."""
    schema = schemathesis.openapi.from_dict(site.app.openapi())
    schema.config.update(base_url=str(site.client.base_url))
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path != ENDLESS:
            yield operation


def tried(operation: Any, ask: Any) -> None:
    """Ask with made-up cases, some of which fit and some of which do not."""
    CHOSEN(given(case=operation.as_strategy())(ask))()


def send(site: Any, case: Any, headers: dict[str, str]) -> Any:
    """The case over the wire; None for one that is no HTTP at all."""
    try:
        return case.call(headers=headers)
    except (UnicodeError, ValueError):
        return None


def test_no_request_breaks_the_service_and_every_answer_is_as_described(tough: Any) -> None:
    codes: Counter[int] = Counter()

    def ask(case: Any) -> None:
        found = send(tough, case, tough.auth("ingest" if case.path == "/v1/ingest" else "admin"))
        if found is not None:
            codes[found.status_code] += 1
            case.validate_response(found, checks=EXPECTED)

    for operation in operations(tough):
        tough.tick()
        tried(operation, ask)
    assert codes[200] > 25 and codes[422] > 25 and codes[404] > 5, codes
    tough.tick()
    assert tough.client.get("/readyz").status_code == 200, tough.client.get("/v1/health", headers=tough.auth("viewer")).text


def test_no_request_without_a_key_is_answered(tough: Any) -> None:
    codes: Counter[int] = Counter()
    before = tough.snapshot()

    def ask(case: Any) -> None:
        found = send(tough, case, {"Authorization": "Bearer nobody"})
        if found is not None:
            codes[found.status_code] += 1
            assert found.status_code in (400, 401, 403, 404, 405, 422), (case.method, case.path, found.status_code)

    for operation in operations(tough):
        if operation.path not in OPEN:
            tried(operation, ask)
    assert codes[401] > 0.7 * codes.total() > 50 and tough.snapshot() == before

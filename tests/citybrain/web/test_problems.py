"""Refusals have one shape, and any text can be told in them."""

import json
from typing import Any

import pytest

from citybrain.web.problems import printable, problem
from signals.errors import LinkError


@pytest.mark.parametrize("sentence", ["no", "不行", "half a pair \ud83d", "\x00"])
def test_any_sentence_can_be_told(sentence: str) -> None:
    answer = problem(422, sentence, {"Retry-After": "1"})
    assert json.loads(bytes(answer.body)) == {"error": printable(sentence)} and answer.headers["retry-after"] == "1"


def test_routes_and_methods_that_are_not_there_have_it_too(site: Any) -> None:
    for found in (site.client.get("/nowhere"), site.client.put("/v1/kpi"), site.client.get("/v1/commands/lift")):
        assert found.status_code in (404, 405) and set(found.json()) == {"error"}


def test_a_street_that_does_not_answer_is_not_the_askers_fault(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(signal: str) -> dict[str, Any]:
        raise LinkError("the street is gone")

    monkeypatch.setattr(site.app.state.served.showing, "detail", gone)
    found = site.client.get("/v1/signals/A0", headers=site.auth("viewer"))
    assert (found.status_code, found.json()) == (503, {"error": "the street is gone"})

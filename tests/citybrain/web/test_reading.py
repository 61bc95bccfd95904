"""What viewers read: every answer is JSON without NaN, times and units in the names, unknown signals are 404."""

import base64
import csv
import json
from typing import Any
from xml.etree import ElementTree

import pytest

PATHS = ["city", "city/A0", "state", "signals", "signals/A0", "signals/A0/history?seconds=600", "signals/A0/arterial",
         "signals/A0/plans", "proposals", "alarms", "kpi", "health"]  # fmt: skip


def no_constant(name: str) -> None:
    """JSON has neither NaN nor Infinity."""
    raise AssertionError(name)


@pytest.mark.parametrize("path", PATHS)
def test_every_route_answers_with_json_that_browsers_read(site: Any, path: str) -> None:
    found = site.client.get(f"/v1/{path}", headers=site.auth("viewer"))
    assert found.status_code == 200 and found.headers["content-type"] == "application/json"
    assert json.loads(found.content, parse_constant=no_constant) is not None
    assert found.headers["cache-control"] in ("no-store", "private, no-cache")


@pytest.mark.parametrize("path", ["city/Z9", "signals/Z9", "signals/Z9/history", "signals/Z9/arterial", "signals/%F0%9F%9A%A6/plans"])
def test_a_signal_that_is_not_there_is_404(site: Any, path: str) -> None:
    assert site.client.get(f"/v1/{path}", headers=site.auth("viewer")).status_code == 404


@pytest.mark.parametrize("query", ["seconds=0", "seconds=-1", "seconds=nan", "seconds=inf", "seconds=1e9", "seconds=x"])
def test_a_span_that_cannot_be_is_refused(site: Any, query: str) -> None:
    assert site.client.get(f"/v1/signals/A0/history?{query}", headers=site.auth("viewer")).status_code == 422


def test_the_state_goes_on_in_the_order_of_the_city(site: Any) -> None:
    city = site.client.get("/v1/city", headers=site.auth("viewer")).json()
    state = site.client.get("/v1/state", headers=site.auth("viewer")).json()
    assert city["signals"]["id"] == [s.id for s in site.service.network.signals]
    assert len(state["light"]) == len(state["congestion_15"]) == len(city["signals"]["id"])
    assert len(base64.b64decode(city["signals"]["xy_dm"])) == 8 * len(city["signals"]["id"])


def test_the_city_is_packed_once_and_not_sent_again_while_it_is_the_same(site: Any) -> None:
    first = site.client.get("/v1/city", headers=site.auth("viewer"))
    assert first.headers["content-encoding"] == "gzip"
    again = site.client.get("/v1/city", headers={**site.auth("viewer"), "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = site.client.get("/v1/city", headers={**site.auth("viewer"), "Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.json() == first.json()


def test_exports_are_files_that_programs_read(site: Any) -> None:
    found = {
        name: site.client.get(f"/v1/export/{name}", headers=site.auth("viewer")) for name in ("plans.csv", "plans.add.xml", "journal.csv")
    }
    assert all(name in one.headers["content-disposition"] for name, one in found.items())
    assert {row["signal"] for row in csv.DictReader(found["plans.csv"].text.splitlines())} == {s.id for s in site.service.network.signals}
    assert len(ElementTree.fromstring(found["plans.add.xml"].text).findall("tlLogic")) == len(site.service.network.signals)
    assert found["journal.csv"].text.startswith("now_s,signal,phase")


def test_more_than_a_day_of_the_journal_is_not_given_at_once(site: Any) -> None:
    found = site.client.get("/v1/export/journal.csv?from_s=0&to_s=1e6", headers=site.auth("viewer"))
    assert found.status_code == 422 and "expected at most 86400 s" in found.json()["error"]


def test_the_trail_is_for_engineers_from_a_number_on_or_the_newest(site: Any) -> None:
    assert site.client.get("/v1/audit", headers=site.auth("viewer")).status_code == 403
    assert site.client.get("/v1/audit", headers=site.auth("train")).status_code == 403
    first = site.client.get("/v1/audit?from=1&limit=1", headers=site.auth("engineer")).json()
    assert [one["number"] for one in first] == [1] and first[0]["what"] == "begin"
    newest = site.client.get("/v1/audit?limit=1", headers=site.auth("engineer")).json()
    assert newest[0]["number"] >= 1 and len(newest) == 1

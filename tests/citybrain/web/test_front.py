"""The open routes tell nothing that matters; a session's cookie is kept from scripts; a one-time link works once."""

from typing import Any

import pytest

from citybrain.service.desk import Role
from citybrain.web.settings import WebSettings


def test_alive_and_ready_are_open_and_say_no_more(site: Any) -> None:
    assert site.client.get("/healthz").json() == {"alive": True}
    assert (site.client.get("/readyz").status_code, site.client.get("/readyz").json()) == (200, {"ready": True})


def test_a_service_that_does_not_decide_is_not_ready(fresh: Any) -> None:
    fresh.service.alarms_raised.raise_("street", "", 1.0, "gone")
    found = fresh.client.get("/readyz")
    assert (found.status_code, found.json()) == (503, {"ready": False})
    told = fresh.client.get("/v1/health", headers=fresh.auth("viewer")).json()
    assert any(not check["ok"] and "gone" in check["sentence"] for check in told["checks"])


def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(fresh: Any) -> None:
    found = fresh.client.post("/v1/session", headers=fresh.auth("engineer"))
    attributes = found.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(attributes) and "Secure" not in attributes
    assert (found.json()["role"], len(found.json()["csrf"])) == ("engineer", 43)
    here = fresh.client.get("/v1/session").json()
    assert here == found.json()
    assert fresh.client.delete("/v1/session").status_code == 403
    assert fresh.client.delete("/v1/session", headers={"X-CSRF-Token": here["csrf"]}).status_code == 204
    old = {"Cookie": found.headers["set-cookie"].split(";")[0]}
    assert fresh.client.get("/v1/session", headers=old).status_code == 401


def test_behind_tls_the_cookie_never_leaves_it(make_site: Any) -> None:
    site = make_site(WebSettings(port=0, behind_tls_proxy=True, names=("city.example",)))
    found = site.client.post("/v1/session", headers=site.auth("viewer"))
    assert "Secure" in found.headers["set-cookie"] and "strict-transport-security" in found.headers


@pytest.mark.parametrize("holder", ["ingest", "train"])
def test_only_keys_to_serve_open_sessions(site: Any, holder: str) -> None:
    found = site.client.post("/v1/session", headers=site.auth(holder))
    assert found.status_code == 403 and "set-cookie" not in found.headers


def test_another_site_cannot_sign_somebody_in(site: Any) -> None:
    headers = {**site.auth("viewer"), "Origin": "https://evil.example"}
    assert site.client.post("/v1/session", headers=headers).status_code == 403


def test_a_one_time_link_opens_one_session(fresh: Any) -> None:
    token, _ = fresh.access.keys.add("demo", Role.OPERATOR, one_time=True)
    found = fresh.client.get("/open", params={"key": token})
    assert (found.status_code, found.headers["location"]) == (303, "/")
    assert fresh.client.get("/v1/session").json()["role"] == "operator"
    fresh.client.cookies.clear()
    assert fresh.client.get("/open", params={"key": token}).status_code == 401
    assert fresh.client.get("/open", params={"key": fresh.tokens["admin"]}).status_code == 401
    again = fresh.client.get("/open", params={"key": token}, headers={"Accept": "text/html"})
    assert (again.status_code, again.headers["location"], "set-cookie" in again.headers) == (303, "/?spent", False)


def test_a_key_asks_who_it_is(site: Any) -> None:
    found = site.client.get("/v1/session", headers=site.auth("admin")).json()
    assert (found["role"], found["csrf"]) == ("admin", "")


def test_figures_for_prometheus_need_a_key_and_count_by_route(site: Any) -> None:
    assert site.client.get("/metrics").status_code == 401
    site.client.get("/v1/signals/A0", headers=site.auth("viewer"))
    found = site.client.get("/metrics", headers=site.auth("viewer"))
    assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'citybrain_http_requests_total{method="GET",route="/v1/signals/{signal}",status="200"}' in found.text
    assert f"\ncitybrain_ticks_total {site.service.state.ticks}.0\n" in found.text

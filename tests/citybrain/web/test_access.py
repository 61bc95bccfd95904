"""Who asks: keys and sessions are told apart, other sites' requests are refused, strangers wear out their welcome."""

from typing import Any

import pytest
from starlette.requests import Request

from citybrain.service.desk import Role
from citybrain.web.access import ours
from citybrain.web.sessions import COOKIE

COMMAND = "/v1/commands/set_mode"


@pytest.fixture
def session(site: Any) -> dict[str, str]:
    """An operator's session: cookie and token."""
    found = site.client.post("/v1/session", headers=site.auth("operator"))
    cookie = found.cookies[COOKIE]
    site.client.cookies.clear()
    return {"cookie": f"{COOKIE}={cookie}", "csrf": found.json()["csrf"], "origin": str(site.client.base_url).rstrip("/")}


def test_a_session_with_its_token_may_do_what_its_key_may(site: Any, session: dict[str, str], bodies: dict[str, Any]) -> None:
    headers = {"Cookie": session["cookie"], "X-CSRF-Token": session["csrf"], "Origin": session["origin"], "Sec-Fetch-Site": "same-origin"}
    found = site.client.post(COMMAND, json=bodies["set_mode"], headers=headers)
    assert found.status_code == 200 and found.json()["accepted"] is True
    records = site.client.get("/v1/audit", headers={"Cookie": session["cookie"]}).json()
    assert (records[-1]["what"], records[-1]["who"].split(" ")[0]) == ("set_mode", "operator")
    assert site.client.post("/v1/commands/fault", json=bodies["fault"], headers=headers).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "A" * 43},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[bad"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_cookie_that_another_site_makes_the_browser_send_changes_nothing(
    site: Any, session: dict[str, str], bodies: dict[str, Any], change: dict[str, str]
) -> None:
    before = site.snapshot()
    headers = {"Cookie": session["cookie"], "X-CSRF-Token": session["csrf"], "Origin": session["origin"], **change}
    assert site.client.post(COMMAND, json=bodies["set_mode"], headers=headers).status_code == 403
    assert site.snapshot() == before


def test_a_wrong_key_is_not_made_good_by_a_session(site: Any, session: dict[str, str]) -> None:
    headers = {"Cookie": session["cookie"], "Authorization": "Bearer cb_000000000000_" + "A" * 43}
    assert site.client.get("/v1/kpi", headers=headers).status_code == 401


def test_a_revoked_key_and_its_sessions_end_at_once(fresh: Any) -> None:
    cookie = fresh.client.post("/v1/session", headers=fresh.auth("operator")).cookies[COOKIE]
    fresh.client.cookies.clear()
    by_session, by_key = {"Cookie": f"{COOKIE}={cookie}"}, fresh.auth("operator")
    assert [fresh.client.get("/v1/kpi", headers=h).status_code for h in (by_session, by_key)] == [200, 200]
    fresh.access.keys.revoke(fresh.access.keys.find(fresh.tokens["operator"]).id)
    assert [fresh.client.get("/v1/kpi", headers=h).status_code for h in (by_session, by_key)] == [401, 401]


def test_a_one_time_key_is_no_key_for_anything_else(fresh: Any) -> None:
    token, _ = fresh.access.keys.add("demo", Role.ADMIN, one_time=True)
    assert fresh.client.get("/v1/kpi", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_who_tries_keys_is_soon_not_even_told_why_and_others_are_not_hindered(site: Any) -> None:
    codes = [site.client.get("/v1/kpi", headers={"Authorization": f"Bearer {k}"}).status_code for k in range(14)]
    assert codes[:10] == [401] * 10 and codes[10:] == [429] * 4
    assert site.client.get("/v1/kpi", headers=site.auth("viewer")).status_code == 200


def test_a_key_that_asks_too_often_waits_and_other_keys_do_not(site: Any) -> None:
    codes = {site.client.get("/readyz").status_code}
    found = [site.client.get("/v1/alarms", headers=site.auth("viewer")) for _ in range(201)]
    codes = {one.status_code for one in found[:200]}
    assert codes == {200} and found[200].status_code == 429 and int(found[200].headers["retry-after"]) >= 1
    assert site.client.get("/v1/alarms", headers=site.auth("engineer")).status_code == 200


@pytest.mark.parametrize(
    ("origin", "same"),
    [("http://a:80", True), ("https://a:80", True), ("http://a", False), ("http://a:80.evil", False), ("file://a:80", False), ("", False)],
)
def test_an_origin_is_ours_where_it_is_the_host_that_was_asked(origin: str, same: bool) -> None:
    request = Request({"type": "http", "headers": [(b"host", b"a:80")], "method": "POST", "path": "/"})
    assert ours(origin, request) == same

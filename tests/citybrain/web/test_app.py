"""The application as a whole: every route that is not open asks for a key, and a stolen key of the lowest role changes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from citybrain.service.desk import COMMANDS, Role
from citybrain.service.showing import Showing
from citybrain.web.app import access_to
from citybrain.web.settings import WebSettings
from signals.errors import ConfigError

OPEN = {("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/v1/session"), ("GET", "/open"), ("GET", "/")}


def operations(site: Any) -> Iterator[tuple[str, str]]:
    """Every method and path of the API, from its own description."""
    for path, methods in site.app.openapi()["paths"].items():
        yield from ((method.upper(), path) for method in methods)


def filled(path: str) -> str:
    """A path of a signal that is there."""
    return path.replace("{signal}", "A0")


def test_the_description_lists_every_route_but_the_pages_own(site: Any) -> None:
    routes = {(method, route.path) for route in site.app.routes if isinstance(route, APIRoute) for method in route.methods}
    described = set(operations(site))
    assert {f"/v1/commands/{name}" for name in COMMANDS} <= {path for _, path in described}
    assert routes <= described | {("GET", "/open"), ("GET", "/")}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic YTpi"}, {"Cookie": "citybrain_session=x"}])
def test_without_a_living_key_every_route_but_the_open_ones_answers_401(site: Any, headers: dict[str, str], bodies: dict[str, Any]) -> None:
    asked = 0
    before = site.snapshot()
    for method, path in operations(site):
        if (method, path) in OPEN:
            continue
        site.steady.now_s += 60.0  # the limits are another test's
        body = bodies.get(path.rsplit("/", maxsplit=1)[-1]) if method == "POST" else None
        found = site.client.request(method, filled(path), headers=headers, json=body)
        assert found.status_code == 401 and found.headers["www-authenticate"] == "Bearer", (method, path, found.text)
        asked += 1
    assert asked >= 25 and site.snapshot() == before


def test_a_stolen_viewers_key_tries_everything_and_changes_nothing(site: Any, bodies: dict[str, Any]) -> None:
    before, key_file = site.snapshot(), site.access.keys.all()
    thief = site.auth("viewer")
    refused = []
    for method, path in operations(site):
        if method != "GET" and path != "/v1/session":
            body = bodies.get(path.rsplit("/", maxsplit=1)[-1])
            found = site.client.request(method, filled(path), headers=thief, json=body)
            assert found.status_code == 403, (method, path, found.text)
            refused.append(path)
    assert len(refused) == len(COMMANDS) + 3
    assert site.client.get("/v1/audit", headers=thief).status_code == 403
    assert site.snapshot() == before and site.access.keys.all() == key_file
    site.app.state.denials.flush()
    found = site.client.get("/v1/audit", headers=site.auth("engineer"), params={"limit": 20}).json()
    tried = [one for one in found if one["what"] == "denied" and one["who"].startswith("viewer (") and one["args"]["status"] == 403]
    assert len(tried) == 1 and tried[0]["args"]["number"] == len(refused) + 1
    assert tried[0]["args"]["addresses"] == {"127.0.0.1": len(refused) + 1}
    assert set(tried[0]["args"]["routes"]) > {"POST /v1/commands/set_mode"} and "not allowed (403)" in tried[0]["outcome"]


def test_denials_are_counted_by_key_or_address_and_by_reason(fresh: Any) -> None:
    for _ in range(12):
        fresh.client.get("/v1/kpi", headers={"Authorization": "Bearer nobody"})
    fresh.client.request("BREW", "/v1/commands/" + "x" * 500, headers={"Host": "elsewhere"})
    fresh.app.state.denials.flush()
    found = fresh.client.get("/v1/audit", headers=fresh.auth("engineer")).json()
    denied = [(one["who"], one["args"]["status"], one["args"]["number"]) for one in found if one["what"] == "denied"]
    assert denied == [("address 127.0.0.1", 401, 10), ("address 127.0.0.1", 429, 2)]


@pytest.mark.parametrize("name", list(COMMANDS))
@pytest.mark.parametrize("holder", ["viewer", "engineer", "operator", "admin", "train", "ingest"])
def test_a_command_is_for_its_role_and_those_above(site: Any, name: str, holder: str, bodies: dict[str, Any]) -> None:
    roles = [role.value for role in Role]
    may = holder in roles and roles.index(holder) >= roles.index(COMMANDS[name][1].value)
    before = site.snapshot()
    found = site.client.post(f"/v1/commands/{name}", json=bodies[name], headers=site.auth(holder))
    assert (found.status_code != 403) == may, found.text
    assert may or site.snapshot() == before


def test_training_reads_and_never_commands_and_sensors_hand_in_and_never_read(site: Any) -> None:
    assert site.client.get("/v1/export/journal.csv", headers=site.auth("train")).status_code == 200
    assert site.client.get("/v1/signals", headers=site.auth("train")).status_code == 200
    assert site.client.post("/v1/ingest", json={}, headers=site.auth("train")).status_code == 403
    assert site.client.get("/v1/signals", headers=site.auth("ingest")).status_code == 403
    assert site.client.post("/v1/ingest", json={}, headers=site.auth("ingest")).status_code == 200
    assert site.client.post("/v1/ingest", json={}, headers=site.auth("admin")).status_code == 403


def test_what_nobody_foresaw_is_a_500_without_details_and_the_service_goes_on(
    site: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Showing) -> list[Any]:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(Showing, "proposals", broken)
    found = site.client.get("/v1/proposals", headers=site.auth("viewer"))
    assert found.status_code == 500 and "secret inside" not in found.text and "x-content-type-options" in found.headers
    request = found.json()["error"].rsplit(" ", maxsplit=1)[-1]
    assert any(request in record.getMessage() and record.exc_info for record in caplog.records)
    assert site.client.get("/v1/signals", headers=site.auth("viewer")).status_code == 200


def test_no_page_from_elsewhere_is_part_of_it(site: Any) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert site.client.get(path).status_code == 404
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"):
        url = site.client.base_url.copy_with(raw_path=path.encode())
        assert site.client.get(url).status_code == 404


def test_settings_that_would_open_it_to_strangers_are_refused(make_site: Any) -> None:
    with pytest.raises(ConfigError, match="is not loopback"):
        make_site(WebSettings(host="0.0.0.0", port=0))
    client = make_site(WebSettings(port=0, behind_tls_proxy=True, names=("city.example",))).client
    assert client.get("/healthz", headers={"Host": "city.example"}).status_code == 200


@pytest.mark.parametrize(("name", "sentence"), [("keys.json", "is no file of keys"), ("session.secret", "is no session secret")])
def test_a_broken_file_of_keys_or_secret_is_told_at_the_start(make_site: Any, name: str, sentence: str) -> None:
    site = make_site()
    path = site.folder / name
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        access_to(site.folder, site.service.network, WebSettings())

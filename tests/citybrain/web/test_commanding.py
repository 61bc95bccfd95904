"""Commands are on record when they are answered; a lock keeps others off; batches are taken under the name of their key."""

from typing import Any

import pytest

FRAME = "application/vnd.citybrain.frame"


def test_a_command_answers_with_its_record_and_is_in_force(fresh: Any, bodies: dict[str, Any]) -> None:
    found = fresh.client.post("/v1/commands/override", json=bodies["override"], headers=fresh.auth("operator"))
    done = found.json()
    assert found.status_code == 200 and done["accepted"] and "held by hand for 60 s" in done["sentence"]
    record = fresh.client.get(f"/v1/audit?from={done['number']}", headers=fresh.auth("engineer")).json()[0]
    assert (record["what"], record["args"]["signal"], record["who"].split(" ")[0]) == ("override", "A0", "operator")
    detail = fresh.client.get("/v1/signals/A0", headers=fresh.auth("viewer")).json()
    assert detail["override"]["reason"] == "works" and detail["override"]["owner"].startswith("operator")


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("override", {"signal": "Z9"}, "none of that name"),
        ("override", {"phase": 99}, "expected 1 to"),
        ("override", {"reason": "  "}, "needs a reason"),
        ("override", {"for_s": 0.0}, "expected over 0"),
        ("roll_back", {"plan": 10**15}, "none of that number"),
        ("approve", {"proposal": 77}, "none of that number waits"),
        ("set_controller", {"controller": "magic"}, "no such controller"),
        ("fault", {"kind": "earthquake"}, "no such fault"),
        ("override", {"phase": "1"}, "body.phase: Input should be a valid integer"),
    ],
)
def test_a_command_that_cannot_be_is_one_sentence(
    site: Any, bodies: dict[str, Any], name: str, change: dict[str, Any], sentence: str
) -> None:
    found = site.client.post(f"/v1/commands/{name}", json={**bodies[name], **change}, headers=site.auth("admin"))
    assert found.status_code == 422 and sentence in found.json()["error"], found.text


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"nul", b'"x"', b"\xff\xfe", b'{"mode": "automatic", "mode": }', b"1" * 5000])
def test_a_body_that_is_no_json_is_refused(site: Any, body: bytes) -> None:
    headers = {**site.auth("operator"), "Content-Type": "application/json"}
    found = site.client.post("/v1/commands/set_mode", content=body, headers=headers)
    assert found.status_code in (400, 422) and "error" in found.json()


def test_an_edit_lock_keeps_others_off_until_it_runs_out(fresh: Any, bodies: dict[str, Any]) -> None:
    mine, other = fresh.auth("engineer"), fresh.auth("operator")
    taken = fresh.client.post("/v1/locks/A0", headers=mine).json()
    assert taken["who"].startswith("engineer") and taken["left_s"] == 120.0
    found = fresh.client.post("/v1/commands/override", json=bodies["override"], headers=other)
    assert found.status_code == 409 and "engineer" in found.json()["error"] and "120 s more" in found.json()["error"]
    for blocked in ("lift", "set_mode", "roll_back", "propose"):
        assert fresh.client.post(f"/v1/commands/{blocked}", json=bodies[blocked], headers=other).status_code == 409
    elsewhere = {**bodies["override"], "signal": "B1"}
    assert fresh.client.post("/v1/commands/override", json=elsewhere, headers=other).status_code == 200
    assert fresh.client.post("/v1/locks/A0", headers=other).status_code == 409
    fresh.steady.now_s += 120.0
    assert fresh.client.post("/v1/commands/override", json=bodies["override"], headers=other).status_code == 200


def test_a_proposal_is_locked_with_its_signal(fresh: Any, bodies: dict[str, Any]) -> None:
    fresh.client.post("/v1/locks/A0", headers=fresh.auth("engineer"))
    made = fresh.client.post("/v1/commands/propose", json=bodies["propose"], headers=fresh.auth("engineer"))
    assert made.status_code == 200, made.text
    number = {"proposal": made.json()["found"]["proposal"]}
    assert fresh.client.post("/v1/commands/approve", json=number, headers=fresh.auth("operator")).status_code == 409
    assert fresh.client.post("/v1/commands/approve", json=number, headers=fresh.auth("engineer")).status_code == 200


def test_a_lock_is_given_back_by_its_holder_or_an_admin(site: Any) -> None:
    site.client.post("/v1/locks/B0", headers=site.auth("engineer"))
    assert site.client.delete("/v1/locks/B0", headers=site.auth("operator")).status_code == 409
    assert site.client.delete("/v1/locks/B0", headers=site.auth("admin")).status_code == 204
    assert site.client.post("/v1/locks/B0", headers=site.auth("operator")).status_code == 200
    assert site.client.delete("/v1/locks/B0", headers=site.auth("operator")).status_code == 204
    assert site.client.post("/v1/locks/Z9", headers=site.auth("operator")).status_code == 404


def test_a_batch_is_taken_under_the_name_of_its_key(site: Any) -> None:
    headers = {**site.auth("ingest"), "Content-Type": FRAME}
    assert site.client.post("/v1/ingest", content=b"CBFr...", headers=headers).json()["taken"] == 7
    assert site.taken[-1] == (b"CBFr...", "frame", "ingest")
    site.client.post("/v1/ingest", json={"a": 1}, headers=site.auth("ingest"))
    assert site.taken[-1][1] == "json"
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert site.client.post("/v1/ingest", content=b"x", headers={**headers, "Content-Type": kind}).status_code == 415

"""Logs are JSON lines, and what opens doors is blotted out wherever it appears."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from citybrain.web.log import BLOT, JsonLines, blotted, log_to

KEY = "cb_0123456789ab_" + "m7jjqQ42riln8epyL9-rKuZGUap2IPIbaavYaXXXDQA"  # no key of anybody: tests are named by it
COOKIE = "cbs1.WyJhYmMiXQ==." + "48Rm8dFnKRVtHIdQ2MNLTzN3lNoicKQVCyRkP8-RLNE"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the logs go; and the root logger as it was."""
    root, text = logging.getLogger(), io.StringIO()
    level = root.level
    handler = log_to(text)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"key {KEY} found", KEY),
        (f"Authorization: Bearer {KEY}", KEY),
        ("Authorization: Bearer s3cr3t-of-another-kind", "s3cr3t-of-another-kind"),
        ("authorization: basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        (f"Cookie: citybrain_session={COOKIE}; a=b", COOKIE),
        ("('x-csrf-token', 'abcdef')", "abcdef"),
        ("X-CSRF-Token: abcdef", "abcdef"),
        ("postgresql://city:hunter2@db/brain", "hunter2"),
        ("mqtt password=hunter2 ok", "hunter2"),
        ('{"MQTT_PASSWORD": "hunter2"}', "hunter2"),
        (f"/open?key={KEY}", KEY),
    ],
)
def test_a_secret_is_blotted_out(text: str, secret: str, stream: io.StringIO) -> None:
    assert secret not in blotted(text) and BLOT in blotted(text)
    logging.getLogger("uvicorn.error").warning("%s", text, extra={"fields": {"note": text}})
    assert secret not in stream.getvalue() and len(stream.getvalue().splitlines()) == 1
    entry = json.loads(stream.getvalue())
    assert entry["level"] == "warning" and BLOT in entry["note"]


def test_a_trace_is_blotted_too(stream: io.StringIO) -> None:
    try:
        raise RuntimeError(f"no way in with {KEY}")
    except RuntimeError:
        logging.getLogger("citybrain").exception("failed")
    entry = json.loads(stream.getvalue())
    assert KEY not in stream.getvalue() and "RuntimeError" in entry["trace"] and entry["message"] == "failed"


@pytest.mark.parametrize("text", ["GET /v1/signals/A0 200", "施工 phase 3 held by hand", "a\nb", "passwords are secret"])
def test_what_is_no_secret_is_left_and_a_record_is_one_line(text: str) -> None:
    record = logging.LogRecord("citybrain", logging.INFO, "", 0, text, None, None)
    line = JsonLines().format(record)
    assert json.loads(line)["message"] == text and "\n" not in line


def test_the_time_is_told_with_its_zone() -> None:
    record = logging.LogRecord("citybrain", logging.INFO, "", 0, "x", None, None)
    record.created = 0.0
    assert json.loads(JsonLines().format(record))["at"] == "1970-01-01T00:00:00.000+00:00"
    assert "trace" not in json.loads(JsonLines().format(record)) and sys.exc_info() == (None, None, None)

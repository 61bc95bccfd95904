"""Claims about the client: keys come from private files and go to this machine or over TLS alone; refusals are the service's own words."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from citybrain.service import client as module
from citybrain.service.client import Client, address_of, key_in, own_key
from citybrain.service.desk import Role
from citybrain.service.keys import KeyRing, Purpose, write_private
from citybrain.web.settings import WebSettings
from signals.errors import ConfigError, LinkError

NOW_S = 1_800_000_000.0
TOKEN = "cb_0123456789ab_" + "k" * 43


class Told(http.server.BaseHTTPRequestHandler):
    """Answers what the test has laid down for a path, and notes what it was asked."""

    answers: ClassVar[dict[str, tuple[int, str, bytes]]] = {}
    asked: ClassVar[list[tuple[str, str, str | None, bytes]]] = []

    def do_GET(self) -> None:
        """As for every other method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.command, self.path, self.headers.get("Authorization"), body))
        status, kind, data = self.answers[self.path.partition("?")[0]]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if 300 <= status < 400:
            self.send_header("Location", "http://example.org/")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def address() -> Iterator[str]:
    """A server that says what it was told to."""
    Told.answers.clear()
    Told.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Told) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_question_carries_the_key_in_its_header_and_nowhere_else(address: str) -> None:
    Told.answers["/v1/signals"] = 200, "application/json", b'[{"id": "A0"}]'
    assert Client(address, TOKEN).get("/v1/signals", limit=3, after=None) == [{"id": "A0"}]
    assert Told.asked == [("GET", "/v1/signals?limit=3", f"Bearer {TOKEN}", b"")]


def test_without_a_key_none_is_sent(address: str) -> None:
    Told.answers["/healthz"] = 200, "application/json", b'{"alive": true}'
    assert Client(address).get("/healthz") == {"alive": True}
    assert Told.asked[0][2] is None


def test_a_command_is_one_post_and_its_receipt_comes_back(address: str) -> None:
    receipt = {"number": 7, "accepted": True, "sentence": "A0: lifted", "found": {}}
    Told.answers["/v1/commands/lift"] = 200, "application/json; charset=utf-8", json.dumps(receipt).encode()
    answer = Client(address, TOKEN).command("lift", {"signal": "A0", "reason": "红灯"})
    assert (answer.body, answer.sentence) == (receipt, "A0: lifted")
    assert json.loads(Told.asked[0][3]) == {"signal": "A0", "reason": "红灯"}


def test_a_command_that_was_judged_and_refused_is_a_receipt_too(address: str) -> None:
    Told.answers["/v1/commands/lift"] = 409, "application/json", b'{"number": 8, "accepted": false, "sentence": "no", "found": {}}'
    assert Client(address, TOKEN).command("lift", {"signal": "A0"}).body["accepted"] is False


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (401, b'{"error": "expected a living key"}', ConfigError, "refused: expected a living key"),
        (403, b'{"error": "this key has the role viewer"}', ConfigError, "the role viewer"),
        (409, b'{"error": "A0: bob works on it"}', ConfigError, "bob works on it"),
        (422, b'{"error": "phase 9; expected 1 to 4"}', ConfigError, "phase 9"),
        (503, b'{"error": "the street does not answer"}', LinkError, "cannot answer now: the street"),
        (200, b"{not json", LinkError, "no readable JSON"),
        (302, b"{}", ConfigError, "status 302"),
    ],
)
def test_every_refusal_is_one_sentence(address: str, status: int, body: bytes, error: type[Exception], words: str) -> None:
    Told.answers["/v1/commands/lift"] = status, "application/json", body
    with pytest.raises(error, match=words):
        Client(address, TOKEN).command("lift", {"signal": "A0"})
    assert len(Told.asked) == 1, "nothing was followed or tried again"


def test_an_answer_without_end_is_not_swallowed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_BYTES", 100)
    Told.answers["/v1/city"] = 200, "text/plain", b"x" * 101
    with pytest.raises(LinkError, match="over 100 bytes"):
        Client(address).get("/v1/city")


def test_nobody_there_is_one_sentence() -> None:
    with pytest.raises(LinkError, match="no service answers there"):
        Client("http://127.0.0.1:1", TOKEN, timeout_s=2.0).get("/v1/signals")


@pytest.mark.parametrize("address", ["http://signals.example", "http://10.0.0.5:8080", "http://8.8.8.8"])
def test_a_key_does_not_cross_a_network_in_the_clear(address: str) -> None:
    with pytest.raises(ConfigError, match="in the clear"):
        Client(address, TOKEN)
    Client(address)  # without a key there is nothing to lose
    Client(address.replace("http:", "https:"), TOKEN)


@pytest.mark.parametrize(
    "address", ["", "signals.example", "ftp://x", "http://", "http://u:p@x", "http://x:99999", "http://[x", "http://x?q=1"]
)
def test_what_is_no_address_is_one_sentence(address: str) -> None:
    with pytest.raises(ConfigError, match="expected a service's address"):
        Client(address)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_private(path, TOKEN + "\n")
    assert key_in(path) == TOKEN
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"open to others \(mode 0640\)"):
        key_in(path)


@pytest.mark.parametrize("text", ["", "secret", TOKEN[:-1], f"{TOKEN}\n{TOKEN}", f"key = {TOKEN}", "cb_\xff" * 2000])
def test_a_file_that_holds_no_key_is_refused_without_showing_what_it_holds(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    write_private(path, text)
    with pytest.raises(ConfigError, match="holds no key") as refused:
        key_in(path)
    assert not text or text not in str(refused.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        key_in(tmp_path / "none")


def test_the_address_is_what_the_service_has_put_down_or_what_its_settings_say(tmp_path: Path) -> None:
    assert address_of(WebSettings(), tmp_path) == "http://127.0.0.1:8080"
    assert address_of(WebSettings(host="0.0.0.0", behind_tls_proxy=True, names=("x",)), tmp_path) == "http://127.0.0.1:8080"
    assert address_of(WebSettings(host="::1"), tmp_path) == "http://[::1]:8080"
    with pytest.raises(ConfigError, match="port 0"):
        address_of(WebSettings(port=0), tmp_path)
    (tmp_path / "address").write_text("http://127.0.0.1:4711\n")
    assert address_of(WebSettings(port=0), tmp_path) == "http://127.0.0.1:4711"
    (tmp_path / "address").write_text("http://evil.example/")
    assert address_of(WebSettings(), tmp_path) == "http://127.0.0.1:8080", "a key goes to no other machine because of a file"


def test_the_own_key_of_a_simulated_street_is_made_once_and_again_when_it_ends(tmp_path: Path) -> None:
    now_s = [NOW_S]
    ring = KeyRing(tmp_path / "keys.json", lambda: now_s[0])
    first = own_key(tmp_path, ring, now_s[0])
    assert own_key(tmp_path, ring, now_s[0]) == first and len(ring.all()) == 1
    assert (tmp_path / "ask.key").stat().st_mode & 0o777 == 0o600
    found = ring.find(first)
    assert found is not None and found.may(Role.ADMIN, Purpose.SERVE)
    now_s[0] += 86400.0 - 60.0
    second = own_key(tmp_path, ring, now_s[0])
    assert second != first and ring.find(second) is not None
    ring.revoke(ring.all()[-1].id)
    assert own_key(tmp_path, ring, now_s[0]) not in (first, second)

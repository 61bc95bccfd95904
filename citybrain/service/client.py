"""A running service, asked over HTTP: for the command line, and for programs that act for people.

A key is read from a file that is its owner's alone, never from the command line, where everybody on the machine could see it. It is sent
to this machine, or over TLS, and nowhere else.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from citybrain.service.desk import Role
from citybrain.service.keys import TOKEN, KeyRing, Purpose, write_private
from citybrain.web.settings import WebSettings, is_loopback
from signals.errors import ConfigError, LinkError

TIMEOUT_S = 15.0  # of the wall, for one answer
LARGEST_BYTES = 64 * 2**20
LONGEST_KEY_FILE = 4096
ADDRESS = "address"  # in the service's folder, where the service has put it
OWN_KEY, OWN_NAME, OWN_DAYS, OWN_LEFT_S = "ask.key", "ask", 1.0, 600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the JSON or text of the body."""

    status: int
    body: Any = field(repr=False)

    @property
    def sentence(self) -> str:
        """What the service says of it."""
        told = self.body.get("sentence") or self.body.get("error") if isinstance(self.body, dict) else None
        return str(told or f"status {self.status}")


class Client:
    """One service; a connection a question. `token` empty: only what is open to everybody."""

    def __init__(self, address: str, token: str = "", timeout_s: float = TIMEOUT_S) -> None:
        parts = parted(address)
        if token and parts.scheme != "https" and not is_loopback(parts.host):
            raise ConfigError(f"{address}: a key must not cross a network in the clear; expected https, or an address of this machine")
        self.address, self._parts, self._token, self._timeout_s = address.rstrip("/"), parts, token, timeout_s

    def get(self, path: str, **query: str | float | None) -> Any:
        """What a route shows; ConfigError in the service's words where it refuses, LinkError where nobody answers."""
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        return shown(self.ask("GET", path + (f"?{asked}" if asked else "")))

    def command(self, name: str, body: Mapping[str, Any]) -> Answer:
        """Hand a command in; its receipt, or ConfigError in the service's words."""
        answer = self.ask("POST", f"/v1/commands/{quote(name, safe='')}", json.dumps(body, allow_nan=False).encode())
        if not (answer.status == 409 and isinstance(answer.body, dict) and "number" in answer.body):
            shown(answer)
        return answer

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """One question, one answer, whatever it says."""
        wire = self._connection()
        headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if body is not None else {})}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            wire.request(method, self._parts.base + path, body, headers)
            response = wire.getresponse()
            data = response.read(LARGEST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise LinkError(f"{self.address}: no service answers there ({plain(error)})") from error
        finally:
            wire.close()
        if len(data) > LARGEST_BYTES:
            raise LinkError(f"{self.address}: an answer of over {LARGEST_BYTES} bytes; expected less")
        return Answer(response.status, readable(data, response.headers.get_content_type()))

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.host, self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)


@dataclass(frozen=True, slots=True)
class Parts:
    """An address, taken apart."""

    scheme: str
    host: str
    port: int | None
    base: str


def parted(address: str) -> Parts:
    """http://127.0.0.1:8080 and the like; ConfigError for what is no address of a service."""
    try:
        split = urlsplit(address)
        host, port = split.hostname, split.port
    except ValueError:
        host, port = None, None
    else:
        if split.scheme in ("http", "https") and host and not (split.username or split.password or split.query or split.fragment):
            return Parts(split.scheme, host, port, split.path.rstrip("/"))
    raise ConfigError(f"{address[:80]!r}: expected a service's address, such as http://127.0.0.1:8080")


def plain(error: Exception) -> str:
    """An error of the wire in a few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def readable(data: bytes, kind: str) -> Any:
    """JSON as what it says, anything else as text."""
    text = data.decode("utf-8", "replace")
    if kind != "application/json":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LinkError("the answer is no readable JSON; is it a service of citybrain?") from error


def shown(answer: Answer) -> Any:
    """The body of a good answer; ConfigError with the service's own sentence for any other."""
    if answer.status >= 500:
        raise LinkError(f"the service cannot answer now: {answer.sentence}")
    if not 200 <= answer.status < 300:
        raise ConfigError(f"refused: {answer.sentence}")
    return answer.body


def key_in(path: Path) -> str:
    """The key that a file holds, and nothing else; ConfigError where others may read it."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(LONGEST_KEY_FILE).decode("ascii", "replace").strip()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); expected a file with a key") from error
    if mode & 0o077:
        raise ConfigError(f"{path}: is open to others (mode {mode:04o}); expected 0600")
    if not TOKEN.fullmatch(text):
        raise ConfigError(f"{path}: holds no key; expected one line cb_..., as `citybrain keys add` shows it once")
    return text


def address_of(web: WebSettings, folder: Path) -> str:
    """Where the service of these settings answers on this machine; ConfigError where only the service itself knows its port."""
    with suppress(OSError, ValueError, ConfigError):
        told = (folder / ADDRESS).read_text(encoding="ascii").strip()
        if is_loopback(parted(told).host):
            return told
    if web.port == 0:
        raise ConfigError("web: port 0 is any that is free; expected --at with the address that the service said at its start")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{web.port}"


def own_key(folder: Path, keys: KeyRing, now_s: float) -> str:
    """A key of this folder's simulated service, made anew when the last one is about to end. Who may write here may make keys anyway."""
    path = folder / OWN_KEY
    with suppress(ConfigError):
        token = key_in(path)
        found = keys.find(token)
        if found is not None and found.may(Role.ADMIN, Purpose.SERVE) and found.expires_s - now_s > OWN_LEFT_S:
            return token
    token, _ = keys.add(OWN_NAME, Role.ADMIN, days=OWN_DAYS)
    write_private(path, token + "\n")
    return token

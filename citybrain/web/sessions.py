"""Sessions of the page: a signed cookie that names a key, so that they outlive a restart and end with their key.

The signing secret lies in a file of its own beside the keys; to end every session, remove it and restart. Which sessions were ended
before their time lies beside it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from citybrain.service.keys import Key, KeyRing, write_private
from citybrain.web.ended import Ended, Session
from signals.errors import ConfigError

COOKIE = "citybrain_session"
PREFIX = "cbs1."  # so that logs can blot out what follows


class Sessions:
    """Opens and reads cookies; remembers, over a restart, which were ended before their time."""

    def __init__(self, secret: bytes, keys: KeyRing, clock: Callable[[], float], lasts_s: float, ended: Ended) -> None:
        self._secret, self._keys, self._clock, self._lasts_s = secret, keys, clock, lasts_s
        self._ended = ended

    def open(self, key: Key) -> tuple[str, Session]:
        """A cookie for a key's holder; never longer than the key."""
        now_s = self._clock()
        expires_s = min(now_s + self._lasts_s, key.expires_s)
        body = base64.urlsafe_b64encode(json.dumps([key.id, now_s, expires_s, secrets.token_hex(12)]).encode()).decode()
        cookie = f"{PREFIX}{body}.{self._signed('cookie', body)}"
        return cookie, Session(key, now_s, expires_s, self._signed("csrf", body), self._mark(cookie))

    def read(self, cookie: str) -> Session | None:
        """The session that a cookie opens; None for one that is forged, over, ended, or of a key that is."""
        matched = re.fullmatch(re.escape(PREFIX) + r"([A-Za-z0-9_=-]{1,300})\.([A-Za-z0-9_-]{43})", cookie)
        if matched is None or not hmac.compare_digest(matched[2], self._signed("cookie", matched[1])):
            return None
        told = json.loads(base64.urlsafe_b64decode(matched[1]))
        if len(told) != 4:
            return None  # of an older version of this service
        key_id, opened_s, expires_s, _ = told
        key = self._keys.by_id(key_id)
        if key is None:
            return None
        session = Session(key, opened_s, expires_s, self._signed("csrf", matched[1]), self._mark(cookie))
        return session if self.open_still(session) else None

    def open_still(self, session: Session) -> bool:
        """Whether a session that was read before is still on."""
        over = self._clock() >= session.expires_s or self._ended.has(session)
        return not over and self._keys.by_id(session.key.id) is not None

    def end(self, session: Session) -> None:
        """Close a session before its time, for good; ConfigError where that cannot be written down."""
        self._ended.add(session, self._clock(), self._lasts_s)

    def _signed(self, use: str, body: str) -> str:
        digest = hmac.digest(self._secret, f"{use}:{body}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    @staticmethod
    def _mark(cookie: str) -> str:
        return hashlib.sha256(cookie.encode()).hexdigest()[:32]


def session_secret(path: Path) -> bytes:
    """The secret in this file, made where there is none; ConfigError where it is not what was written."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = secrets.token_hex(32)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the sessions' secret cannot be read ({error})") from error
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ConfigError(f"{path}: is no session secret; expected 64 hexadecimal digits (remove it to have a new one made)")
    return bytes.fromhex(text)

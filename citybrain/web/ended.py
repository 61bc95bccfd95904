"""Sessions that were ended before their time, in a file beside the secret that signs them: a sign-out outlives a restart.

Bounded: of a key that ends very many sessions, all that were opened until now are ended at once, and that is one moment to remember.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from citybrain.service.keys import Key, write_private
from signals.errors import ConfigError

MOST_MARKS = 50  # of a key
MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Session:
    """Who is there, until when [Unix s], and what their requests must carry beside the cookie to change anything."""

    key: Key
    opened_s: float
    expires_s: float
    csrf: str
    mark: str  # names this session among those of its key


@dataclass(slots=True)
class Gone:
    """What was ended of one key: these sessions, by their marks, each until it is over; and all that were opened up to a moment."""

    until_s: dict[str, float]
    opened_by_s: float = float("-inf")
    over_s: float = 0.0  # when the last of those is over by itself


class Ended:
    """The file is written before a sign-out is answered, whole or not at all. Any thread may use it."""

    def __init__(self, path: Path) -> None:
        """ConfigError where the file is not what was written."""
        self._path, self._guard = path, threading.Lock()
        self._gone = read(path)

    def has(self, session: Session) -> bool:
        """Whether the session was ended."""
        gone = self._gone.get(session.key.id)
        return gone is not None and (session.mark in gone.until_s or session.opened_s <= gone.opened_by_s)

    def add(self, session: Session, now_s: float, lasts_s: float) -> None:
        """End a session for good; ConfigError where that cannot be written down: it is ended until the service ends, then."""
        with self._guard:
            found = {key: left for key, one in self._gone.items() if (left := still(one, now_s)) is not None}
            gone = found.setdefault(session.key.id, Gone({}))
            if len(gone.until_s) < MOST_MARKS:
                gone.until_s[session.mark] = session.expires_s
            else:
                found[session.key.id] = Gone({}, now_s, now_s + lasts_s)
            self._gone = found
            table = {key: [one.until_s, one.opened_by_s if one.over_s else None, one.over_s] for key, one in found.items()}
            write_private(self._path, json.dumps({"version": 1, "ended": table}))


def still(gone: Gone, now_s: float) -> Gone | None:
    """What of it must be remembered."""
    left = {mark: end_s for mark, end_s in gone.until_s.items() if end_s > now_s}
    if gone.over_s > now_s:
        return Gone(left, gone.opened_by_s, gone.over_s)
    return Gone(left) if left else None


def read(path: Path) -> dict[str, Gone]:
    """By key; nothing where there is no file. ConfigError where it is not what was written: who signed out must not be back."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: the ended sessions cannot be read ({error.strerror})") from error
    try:
        return {
            key: Gone({str(mark): float(end_s) for mark, end_s in marks.items()}, float("-inf" if by_s is None else by_s), float(over_s))
            for key, (marks, by_s, over_s) in json.loads(text)["ended"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{path}: is no list of ended sessions (remove it together with session.secret to end all)") from error

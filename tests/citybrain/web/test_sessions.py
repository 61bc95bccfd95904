"""Sessions: signed, ended with their key, outliving a restart, and never forged."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.service.desk import Role
from citybrain.service.keys import DAY_S, Key, KeyRing
from citybrain.web.ended import Ended
from citybrain.web.sessions import PREFIX, Sessions, session_secret
from signals.errors import ConfigError


class Wall:
    """A wall clock to be set."""

    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def wall() -> Wall:
    """Some day."""
    return Wall()


@pytest.fixture
def ring(tmp_path: Path, wall: Wall) -> KeyRing:
    """An empty ring."""
    return KeyRing(tmp_path / "keys.json", wall)


@pytest.fixture
def key(ring: KeyRing) -> Key:
    """An operator's."""
    return ring.add("op", Role.OPERATOR, days=1.0)[1]


@pytest.fixture
def ended(tmp_path: Path) -> Ended:
    """Nobody has signed out yet."""
    return Ended(tmp_path / "session.ended")


def test_a_session_outlives_a_restart_and_ends_with_its_time(ring: KeyRing, key: Key, wall: Wall, tmp_path: Path) -> None:
    sessions = Sessions(session_secret(tmp_path / "secret"), ring, wall, 3600.0, Ended(tmp_path / "ended"))
    cookie, opened = sessions.open(key)
    again = Sessions(session_secret(tmp_path / "secret"), ring, wall, 3600.0, Ended(tmp_path / "ended"))
    assert again.read(cookie) == opened and again.open_still(opened)
    wall.now_s += 3600.0
    assert again.read(cookie) is None and not again.open_still(opened)


def test_a_session_never_outlives_its_key(ring: KeyRing, key: Key, wall: Wall, ended: Ended) -> None:
    sessions = Sessions(b"s", ring, wall, 100.0 * DAY_S, ended)
    cookie, opened = sessions.open(key)
    assert opened.expires_s == key.expires_s
    ring.revoke(key.id)
    assert sessions.read(cookie) is None and not sessions.open_still(opened)


def test_a_session_that_was_ended_stays_so_and_others_do_not_care(ring: KeyRing, key: Key, wall: Wall, ended: Ended) -> None:
    sessions = Sessions(b"s", ring, wall, 3600.0, ended)
    (first, one), (second, _) = sessions.open(key), sessions.open(key)
    assert first != second
    sessions.end(one)
    assert sessions.read(first) is None and sessions.read(second) is not None


def test_who_signed_out_is_not_back_after_a_restart(ring: KeyRing, key: Key, wall: Wall, tmp_path: Path) -> None:
    def started() -> Sessions:
        return Sessions(session_secret(tmp_path / "secret"), ring, wall, 3600.0, Ended(tmp_path / "session.ended"))

    sessions = started()
    (first, one), (second, _) = sessions.open(key), sessions.open(key)
    sessions.end(one)
    again = started()
    assert again.read(first) is None and not again.open_still(one) and again.read(second) is not None
    wall.now_s += 1.0
    third = again.open(ring.add("other", Role.VIEWER)[1])
    again.end(third[1])
    assert started().read(first) is None and started().read(third[0]) is None and started().read(second) is not None


def test_another_secret_opens_nothing_and_tokens_differ_from_cookies(ring: KeyRing, key: Key, wall: Wall, ended: Ended) -> None:
    cookie, opened = Sessions(b"one", ring, wall, 60.0, ended).open(key)
    assert Sessions(b"two", ring, wall, 60.0, ended).read(cookie) is None
    assert opened.csrf not in cookie


@given(place=st.integers(0, 200), letter=st.characters(codec="utf-8"), junk=st.text(max_size=40))
def test_a_changed_or_made_up_cookie_opens_nothing(place: int, letter: str, junk: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    wall = Wall()
    folder = tmp_path_factory.mktemp("ring")
    ring, ended = KeyRing(folder / "keys.json", wall), Ended(folder / "ended")
    sessions = Sessions(b"s", ring, wall, 60.0, ended)
    cookie, _ = sessions.open(ring.add("op", Role.ADMIN)[1])
    at = place % len(cookie)
    changed = cookie[:at] + letter + cookie[at + 1 :]
    assert changed == cookie or sessions.read(changed) is None
    assert (sessions.read(PREFIX + junk) is None and sessions.read(cookie + junk) is None) or junk == ""


@pytest.mark.parametrize("text", ["", "x" * 64, "00", "0" * 65])
def test_a_secret_that_is_none_is_told_and_not_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text, encoding="ascii")
    with pytest.raises(ConfigError, match="is no session secret"):
        session_secret(path)
    assert path.read_text(encoding="ascii") == text


def test_a_new_secret_is_its_owners_alone(tmp_path: Path) -> None:
    assert len(session_secret(tmp_path / "a" / "secret")) == 32
    assert (tmp_path / "a" / "secret").stat().st_mode & 0o777 == 0o600

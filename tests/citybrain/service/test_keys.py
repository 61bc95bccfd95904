"""Keys: only hashes are kept, only their owner may read the file, and a key opens what its role and purpose say until it ends."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.service.desk import Role
from citybrain.service.keys import DAY_S, TOKEN, Key, KeyRing, Purpose, digest_of, key_from, read_keys, write_private
from signals.errors import ConfigError

NOW_S = 1_800_000_000.0


class Wall:
    """A wall clock to be set."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def wall() -> Wall:
    """Some day."""
    return Wall()


@pytest.fixture
def ring(tmp_path: Path, wall: Wall) -> KeyRing:
    """No keys yet."""
    return KeyRing(tmp_path / "state" / "keys.json", wall)


def test_nothing_is_there_until_somebody_makes_it(ring: KeyRing, tmp_path: Path) -> None:
    assert ring.all() == () and not (tmp_path / "state").exists()
    assert ring.find("admin") is None and ring.find("") is None


def test_a_key_is_found_by_its_whole_text_and_the_file_does_not_hold_it(ring: KeyRing, tmp_path: Path) -> None:
    token, key = ring.add("Li Wei", Role.OPERATOR)
    assert ring.find(token) == key and key.who == f"Li Wei ({key.id})"
    text = (tmp_path / "state" / "keys.json").read_text(encoding="utf-8")
    secret = token.split("_", 2)[2]
    assert secret not in text and key.digest in text and len(secret) == 43
    for wrong in (token[:-1], token + "A", token.replace("cb_", "cb-"), f"cb_{key.id}_{'A' * 43}", token.upper()):
        assert ring.find(wrong) is None


def test_the_file_is_its_owners_alone_whatever_the_umask(ring: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "state" / "keys.json"
    before = os.umask(0)
    try:
        ring.add("one", Role.VIEWER)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"open to others \(mode 0644\); expected 0600"):
        KeyRing(path, lambda: NOW_S).all()


def test_a_key_ends_by_the_calendar(ring: KeyRing, wall: Wall) -> None:
    token, key = ring.add("short", Role.VIEWER, days=2.0)
    wall.now_s = NOW_S + 2.0 * DAY_S - 1.0
    assert ring.find(token) == key
    wall.now_s += 1.0
    assert ring.find(token) is None and ring.by_id(key.id) is None


def test_a_key_revoked_by_another_process_ends_at_once(ring: KeyRing, tmp_path: Path, wall: Wall) -> None:
    token, key = ring.add("leaver", Role.ADMIN)
    other = KeyRing(tmp_path / "state" / "keys.json", wall)
    assert ring.find(token) is not None
    assert other.revoke(key.id).revoked_s == NOW_S
    assert ring.find(token) is None
    with pytest.raises(ConfigError, match="no key 'abc'"):
        other.revoke("abc")


def test_a_one_time_key_is_spent_once_even_by_many_at_once(ring: KeyRing) -> None:
    _, key = ring.add("demo", Role.OPERATOR, one_time=True)
    spent: list[bool] = []
    threads = [threading.Thread(target=lambda: spent.append(ring.spend(key.id))) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(spent) == [False] * 5 + [True] and ring.spend("0" * 12) is False


@pytest.mark.parametrize("purpose", [Purpose.INGEST, Purpose.TRAIN])
@pytest.mark.parametrize("role", [Role.ENGINEER, Role.OPERATOR, Role.ADMIN])
def test_a_key_to_train_or_to_hand_in_data_cannot_be_given_a_commanding_role(ring: KeyRing, purpose: Purpose, role: Role) -> None:
    with pytest.raises(ConfigError, match="it commands nothing"):
        ring.add("gpu", role, purpose)
    assert ring.all() == ()


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("purpose", Purpose)
def test_a_key_opens_its_own_role_and_those_below_for_its_own_purpose(role: Role, purpose: Purpose) -> None:
    key = Key("0" * 12, "x", role, purpose, "0" * 64, 0.0, 1.0)
    for k, wanted in enumerate(Role):
        assert key.may(wanted, purpose) == (k <= list(Role).index(role))
        assert not key.may(wanted, *(other for other in Purpose if other is not purpose))


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", 'a"b', "<b>"])
def test_odd_names_and_endless_keys_are_refused(ring: KeyRing, name: str) -> None:
    with pytest.raises(ConfigError, match="key name"):
        ring.add(name, Role.VIEWER)
    for days in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(ConfigError, match="expected more than 0"):
            ring.add("fine", Role.VIEWER, days=days)


def test_a_failed_change_leaves_the_file_and_no_leftover(ring: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring.add("first", Role.VIEWER)
    path = tmp_path / "state" / "keys.json"
    before = path.read_bytes()

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ConfigError, match="No space left"):
        ring.add("second", Role.VIEWER)
    assert path.read_bytes() == before


def test_too_many_keys_are_refused_and_long_ended_ones_make_room(ring: KeyRing, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citybrain.service.keys.MOST_KEYS", 2)
    ring.add("a", Role.VIEWER, days=1.0)
    ring.add("b", Role.VIEWER, days=100.0)
    with pytest.raises(ConfigError, match="expected fewer than 2"):
        ring.add("c", Role.VIEWER)
    wall.now_s += 32.0 * DAY_S
    ring.add("c", Role.VIEWER)
    assert [key.name for key in ring.all()] == ["b", "c"]


@settings(max_examples=60, deadline=None)
@given(data=st.one_of(st.binary(max_size=80), st.recursive(st.none() | st.integers() | st.text(max_size=3), st.lists).map(json.dumps)))
def test_a_file_that_is_no_file_of_keys_is_one_sentence(data: bytes | str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "replace"))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is no file of keys"):
        read_keys(path)


@pytest.mark.parametrize(
    ("entry", "value"),
    [("role", "god"), ("purpose", ""), ("expires_s", "never"), ("digest", "x"), ("id", "../../etc"), ("one_time", 1), ("name", "a\nb")],
)
def test_an_entry_that_was_tampered_with_is_refused(ring: KeyRing, tmp_path: Path, entry: str, value: object) -> None:
    ring.add("one", Role.VIEWER)
    path = tmp_path / "state" / "keys.json"
    table = json.loads(path.read_text(encoding="utf-8"))["keys"][0]
    assert key_from(table) == ring.all()[0]
    with pytest.raises((ValueError, TypeError)):
        key_from({**table, entry: value})
    write_private(path, json.dumps({"version": 1, "keys": [{**table, entry: value}]}))
    with pytest.raises(ConfigError, match="is no file of keys"):
        ring.all()


def test_a_key_to_hand_in_data_says_for_which_sensors_and_the_file_keeps_it(ring: KeyRing, tmp_path: Path, wall: Wall) -> None:
    limited, _ = ring.add("radar", Role.VIEWER, Purpose.INGEST, sensors=("A0", "*/count/*"))
    free, _ = ring.add("camera", Role.VIEWER, Purpose.INGEST)
    person, _ = ring.add("ana", Role.OPERATOR)
    again = KeyRing(tmp_path / "state" / "keys.json", wall)
    found = [again.find(token) for token in (limited, free, person)]
    assert [one.sensors for one in found if one is not None] == [("A0", "*/count/*"), ("*",), ()]
    with pytest.raises(ConfigError, match="sensors are for a key to ingest, not to serve"):
        ring.add("bo", Role.VIEWER, sensors=("A0",))
    for wrong in ((), ("",), ("a\nb",), ("x" * 201,), ("a",) * 51):
        with pytest.raises(ConfigError, match="expected 1 to 50 printable patterns"):
            ring.add("radar", Role.VIEWER, Purpose.INGEST, sensors=wrong)


def test_keys_of_before_there_were_limits_stay_unlimited(ring: KeyRing, tmp_path: Path) -> None:
    ring.add("camera", Role.VIEWER, Purpose.INGEST, sensors=("A0",))
    ring.add("ana", Role.OPERATOR)
    path = tmp_path / "state" / "keys.json"
    tables = json.loads(path.read_text(encoding="utf-8"))["keys"]
    old = [{name: value for name, value in one.items() if name != "sensors"} for one in tables]
    assert [key_from(one).sensors for one in old] == [("*",), ()]
    for wrong in ("A0", [1], [""], None, {"A0": 1}):
        with pytest.raises((ValueError, TypeError)):
            key_from({**tables[0], "sensors": wrong})


def test_keys_are_long_and_never_the_same(ring: KeyRing) -> None:
    tokens = {ring.add("x", Role.VIEWER)[0] for _ in range(20)}
    assert len(tokens) == 20 and all(TOKEN.fullmatch(token) for token in tokens)
    assert len({digest_of(token) for token in tokens}) == 20

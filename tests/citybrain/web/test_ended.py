"""Sessions that were ended: remembered until they would be over anyway, in a file of a bounded size."""

from pathlib import Path

import pytest

from citybrain.service.desk import Role
from citybrain.service.keys import Key, Purpose
from citybrain.web.ended import MOST_MARKS, Ended, Gone, Session, read, still
from signals.errors import ConfigError

NOW_S, LASTS_S = 1000.0, 3600.0


def session(k: int, opened_s: float = NOW_S, holder: int = 0) -> Session:
    """The k-th of a key."""
    key = Key(f"{holder:012x}", "op", Role.OPERATOR, Purpose.SERVE, "0" * 64, 0.0, 1e9)
    return Session(key, opened_s, opened_s + LASTS_S, "csrf", f"{k:032x}")


def test_what_was_ended_is_remembered_until_it_is_over(tmp_path: Path) -> None:
    path = tmp_path / "ended"
    Ended(path).add(session(1), NOW_S, LASTS_S)
    assert path.stat().st_mode & 0o777 == 0o600
    again = Ended(path)
    assert again.has(session(1)) and not again.has(session(2)) and not again.has(session(1, holder=1))
    again.add(session(3, holder=1), NOW_S + LASTS_S, LASTS_S)
    assert list(read(path)) == [f"{1:012x}"]


def test_who_ends_very_many_ends_all_of_their_own_and_nobody_elses(tmp_path: Path) -> None:
    ended = Ended(tmp_path / "ended")
    ended.add(session(0, holder=1), NOW_S, LASTS_S)
    for k in range(MOST_MARKS + 1):
        ended.add(session(k), NOW_S + k, LASTS_S)
    size = (tmp_path / "ended").stat().st_size
    later = NOW_S + MOST_MARKS
    for one in (ended, Ended(tmp_path / "ended")):
        assert all(one.has(session(k)) for k in range(MOST_MARKS + 1)) and one.has(session(999, later))
        assert not one.has(session(999, later + 0.1)) and not one.has(session(999, holder=1))
    for k in range(3 * MOST_MARKS):
        ended.add(session(k, later + 1.0), later + 1.0, LASTS_S)
    assert ended.has(session(5)) and (tmp_path / "ended").stat().st_size <= size + 60 * MOST_MARKS


def test_a_moment_is_forgotten_once_all_its_sessions_are_over() -> None:
    assert still(Gone({"a": 5.0}, 3.0, 9.0), 6.0) == Gone({}, 3.0, 9.0)
    assert still(Gone({"a": 5.0}, 3.0, 9.0), 9.0) is None and still(Gone({"a": 5.0}), 4.0) == Gone({"a": 5.0})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ended": {"a": 1}}', '{"ended": {"a": [{"m": "x"}, 0, 0]}}'])
def test_a_file_that_is_none_is_told_at_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "ended").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="is no list of ended sessions"):
        Ended(tmp_path / "ended")


def test_a_full_disk_is_told_and_the_session_is_ended_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    ended = Ended(tmp_path / "ended")
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ConfigError, match="No space left"):
        ended.add(session(1), NOW_S, LASTS_S)
    assert ended.has(session(1))

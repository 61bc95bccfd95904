"""The audit trail: part of what it tells of, checked record by record, and any tampering is found and named."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from citybrain.service import audit
from citybrain.service.audit import Anchor, anchored, append, create, head, records, verify
from signals.errors import ConfigError

RECORDS = 8


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """Eight records."""
    path = tmp_path / "city.sqlite"
    connection = opened(path)
    for k in range(RECORDS):
        write(connection, k)
    connection.close()
    return path


def opened(path: Path) -> sqlite3.Connection:
    """A connection as the service's store has it."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    connection.execute("PRAGMA journal_mode=WAL")
    create(connection)
    return connection


def write(connection: sqlite3.Connection, k: int) -> int:
    """One record, committed."""
    connection.execute("BEGIN IMMEDIATE")
    number = append(connection, f"ana {k}", "override", {"signal": "A0", "for_s": 60.0 + k, "reason": "施工"}, "accepted", 100.0 + k)
    connection.execute("COMMIT")
    return number


def test_a_whole_trail_is_good_and_says_its_head(trail: Path) -> None:
    verdict = verify(trail)
    assert (verdict.records, verdict.first_bad, verdict.head.number) == (RECORDS, None, RECORDS)
    with opened(trail) as connection:
        assert head(connection) == verdict.head
        assert [one["number"] for one in records(connection, 3, 2)] == [3, 4]
        assert records(connection, 3, 1)[0]["args"] == {"signal": "A0", "for_s": 62.0, "reason": "施工"}
    connection.close()


TAMPERED: dict[str, tuple[str, int]] = {
    "another name": ("UPDATE audit SET who = 'bo' WHERE number = 4", 4),
    "another moment": ("UPDATE audit SET at_s = at_s + 0.001 WHERE number = 1", 1),
    "another outcome": ("UPDATE audit SET outcome = 'refused' WHERE number = 8", 8),
    "other arguments": ("UPDATE audit SET args = replace(args, 'A0', 'B0') WHERE number = 5", 5),
    "bytes for text": ("UPDATE audit SET what = x'ff' WHERE number = 6", 6),
    "no hash": ("UPDATE audit SET hash = '' WHERE number = 2", 2),
    "bytes for a hash": ("UPDATE audit SET hash = x'00' WHERE number = 2", 2),
    "one taken out": ("DELETE FROM audit WHERE number = 3", 3),
    "the first taken out": ("DELETE FROM audit WHERE number = 1", 1),
    "the end cut off": ("DELETE FROM audit WHERE number > 6", 7),
    "all taken out": ("DELETE FROM audit", 1),
    "one put in before": ("INSERT INTO audit VALUES (0, 1.0, 'x', 'y', '{}', 'z', 'w')", 0),
    "one put in after": ("INSERT INTO audit VALUES (9, 1.0, 'x', 'y', '{}', 'z', 'w')", 9),
    "two exchanged": ("UPDATE audit SET number = CASE number WHEN 4 THEN -5 WHEN 5 THEN 4 END WHERE number IN (4, 5)", -5),
    "the head taken away": ("DELETE FROM audit_head", 8),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_tampered_trail_is_found_at_its_first_bad_record(how: str, trail: Path) -> None:
    statement, first_bad = TAMPERED[how]
    with sqlite3.connect(trail) as connection:
        connection.execute(statement)
    connection.close()
    verdict = verify(trail)
    assert verdict.first_bad == first_bad, verdict.sentence
    assert f"record {first_bad} " in verdict.sentence


def test_whoever_rewrites_the_whole_chain_is_found_by_an_anchor(trail: Path) -> None:
    noted = verify(trail).head
    with sqlite3.connect(trail) as connection:
        connection.execute("DELETE FROM audit")
        connection.execute("DELETE FROM audit_head")
    connection.close()
    connection = opened(trail)
    for k in range(RECORDS):
        write(connection, k + (k == 2))
    connection.close()
    assert verify(trail).first_bad is None
    verdict = verify(trail, noted)
    assert verdict.first_bad == RECORDS and "hash noted for it" in verdict.sentence
    assert verify(trail, Anchor(RECORDS + 5, noted.hash)).first_bad == RECORDS + 1


def test_a_record_and_what_it_tells_of_are_written_together_or_not_at_all(trail: Path) -> None:
    connection = opened(trail)
    with pytest.raises(ConfigError, match="belongs to the transaction"):
        append(connection, "ana", "lift", {}, "accepted", 1.0)
    connection.execute("BEGIN IMMEDIATE")
    append(connection, "ana", "lift", {}, "accepted", 1.0)
    connection.execute("ROLLBACK")
    assert head(connection).number == RECORDS and write(connection, 9) == RECORDS + 1
    connection.close()
    assert verify(trail).first_bad is None


def test_values_that_are_no_json_are_written_as_null(trail: Path) -> None:
    connection = opened(trail)
    connection.execute("BEGIN IMMEDIATE")
    append(connection, "ana", "set", {"for_s": float("nan"), "until_s": float("inf")}, "accepted", 5)
    connection.execute("COMMIT")
    assert records(connection, RECORDS + 1)[0]["args"] == {"for_s": None, "until_s": None}
    connection.close()
    assert verify(trail).first_bad is None


def test_the_check_runs_while_others_write(trail: Path) -> None:
    def keep_writing(count: int) -> None:
        connection = opened(trail)
        for k in range(count):
            write(connection, k)
        connection.close()

    writers = [threading.Thread(target=keep_writing, args=(40,)) for _ in range(2)]
    for one in writers:
        one.start()
    seen = [verify(trail) for _ in range(10)]
    for one in writers:
        one.join()
    assert all(verdict.first_bad is None for verdict in seen)
    assert verify(trail).records == RECORDS + 80


@pytest.mark.parametrize(
    "spoil",
    [lambda p: p.unlink(), lambda p: p.write_bytes(b"no database " * 100), lambda p: sqlite3.connect(p).execute("DROP TABLE audit")],
    ids=["missing", "something else", "no trail"],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_where_there_is_no_trail_that_is_one_sentence(spoil: Callable[[Path], object], trail: Path) -> None:
    spoil(trail)
    with pytest.raises(ConfigError, match=r"no such file|holds no readable audit trail"):
        verify(trail)


def test_an_anchor_is_read_as_it_is_written(trail: Path) -> None:
    noted = verify(trail).head
    assert anchored(str(noted)) == noted
    for wrong in ("", "1", "1:zz", "-1:" + "0" * 64, "1:" + "0" * 63):
        with pytest.raises(ConfigError, match="expected a record's number and hash"):
            anchored(wrong)


def test_no_two_records_share_a_writing() -> None:
    one = audit.chained(audit.START, 1, 0.0, "a", "b", "c", "d")
    assert one != audit.chained(audit.START, 1, 0.0, "ab", "", "c", "d")
    assert one != audit.chained(one, 1, 0.0, "a", "b", "c", "d")

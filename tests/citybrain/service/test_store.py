"""Claims about the service's store: older files are brought up to date, others refused, and what was acknowledged survives what comes."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from citybrain.service import audit
from citybrain.service.store import Store, add_plan, set_state

WRITER = """
import json, resource, signal, sys
from pathlib import Path
from citybrain.service import audit
from citybrain.service.store import Store, add_plan, set_state
from signals.errors import ConfigError

path, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
kept = Store(path, durable=True)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
refused = 0
for k in range(1, 100_000):
    try:
        with kept.transaction() as db:
            number = audit.append(db, "ada", "override", {"k": k, "why": "x" * 300}, "done", float(k))
            set_state(db, "orders", {"k": k})
    except ConfigError as error:
        refused += 1
        sys.stdout.write(f"refused {error}\\n")
        if refused == 3:
            break
        continue
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
sys.stdout.write("end\\n")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store is to be."""
    return tmp_path / "state" / "city.db"


def written(path: Path, number: int) -> None:
    """A store with so many records."""
    with Store(path, durable=True) as kept:
        for k in range(number):
            with kept.transaction() as db:
                audit.append(db, "ada", "lift", {"k": k}, "done", float(k))


def writer(path: Path, limit: int = 0) -> subprocess.Popen[str]:
    """A process that commits record after record and tells each one's number when it is acknowledged."""
    words = [sys.executable, "-c", WRITER, str(path), str(limit)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})


def test_a_transaction_that_fails_leaves_nothing_behind(path: Path) -> None:
    with Store(path, durable=True) as kept:
        with pytest.raises(ZeroDivisionError), kept.transaction() as db:
            set_state(db, "orders", {"mode": "automatic"})
            audit.append(db, "ada", "set_mode", {}, "done", 1.0)
            _ = 1 / 0
        assert kept.state("orders") is None and audit.head(kept.db).number == 0
        with kept.transaction() as db:  # and the next one finds the way free
            set_state(db, "orders", {"mode": "shadow"})


def test_a_plan_that_runs_on_is_archived_once(path: Path) -> None:
    with Store(path, durable=True) as kept, kept.transaction() as db:
        stages = ((0, 30.0), (1, 20.0))
        numbers = [add_plan(db, "A0", float(k), "ada", "again", stages, 0.0) for k in range(3)]
        numbers.append(add_plan(db, "A0", 4.0, "ada", "another", stages, 7.0))
        numbers.append(add_plan(db, "A0", 5.0, "ada", "back", stages, 0.0))
        assert numbers == [1, 1, 1, 2, 3]
        assert [one.number for one in kept.plans("A0")] == [3, 2, 1]


def test_a_killed_service_leaves_its_folder_free_and_no_acknowledged_commit_is_lost(path: Path) -> None:
    process, acknowledged = writer(path), 0
    try:
        assert process.stdout is not None
        for line in process.stdout:  # what it said before it died is read to the end
            acknowledged = int(line)
            if acknowledged == 40:
                process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert acknowledged >= 40
    verdict = audit.verify(path)
    assert verdict.first_bad is None and verdict.records >= acknowledged
    with Store(path, durable=True) as kept:
        stands = kept.state("orders")
        assert stands is not None and stands["k"] == verdict.records, "a change and its record are there together"


@pytest.mark.parametrize("torn", ["half a frame more", "noise", "cut in the last frame"])
def test_a_torn_end_of_the_write_ahead_log_costs_at_most_what_was_not_on_the_disk(path: Path, tmp_path: Path, torn: str) -> None:
    copy = tmp_path / "copy" / "city.db"
    copy.parent.mkdir()
    with Store(path, durable=True) as kept:
        for k in range(5):
            with kept.transaction() as db:
                audit.append(db, "ada", "lift", {"k": k}, "done", float(k))
        for suffix in ("", "-wal"):  # as a power cut would leave them: both files, at one moment
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    log = Path(f"{copy}-wal")
    whole = log.read_bytes()
    assert len(whole) > 4096
    log.write_bytes({"half a frame more": whole + whole[-2000:], "noise": whole + os.urandom(9000)}.get(torn, whole[:-100]))
    with Store(copy, durable=True) as found:
        expected = 4 if torn == "cut in the last frame" else 5
        assert audit.judged(found.db, None).first_bad is None
        assert audit.head(found.db).number == expected
        assert found.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        with found.transaction() as db:
            assert audit.append(db, "ada", "lift", {}, "done", 9.0) == expected + 1


def test_a_full_disk_refuses_in_a_sentence_and_nothing_acknowledged_is_lost(path: Path) -> None:
    Store(path, durable=True).close()
    process = writer(path, limit=300_000)
    try:
        said = process.communicate(timeout=60)[0].splitlines()
    finally:
        process.kill()
        process.wait()
    numbers = [int(line) for line in said if line.isdigit()]
    refusals = [line for line in said if line.startswith("refused")]
    assert said[-1] == "end" and len(refusals) == 3 and numbers
    assert all(f"{path}: nothing was written" in line for line in refusals)
    verdict = audit.verify(path)
    assert verdict.first_bad is None and verdict.records == numbers[-1]
    with Store(path, durable=True) as kept, kept.transaction() as db:  # there is room again
        assert audit.append(db, "ada", "lift", {}, "done", 1.0) == numbers[-1] + 1


def test_minutes_and_ticks_are_read_back_by_their_span(path: Path) -> None:
    with Store(path, durable=False) as kept:
        with kept.transaction() as db:
            for k in range(1, 6):
                db.execute("INSERT INTO tick (now_s, shard, record) VALUES (?, 0, ?)", (float(k), bytes([k])))
                db.execute("INSERT INTO minute (ends_s, figures) VALUES (?, ?)", (60.0 * k, f'{{"k": {k}}}'))
        assert [blob for _, blob in kept.piece(2.0, 4.0, 0)] == [b"\2", b"\3"]
        assert [blob for _, blob in kept.piece(0.0, 9.0, 3)] == [b"\4", b"\5"]
        assert [one["k"] for one in kept.minutes(60.0, 180.0)] == [2, 3]

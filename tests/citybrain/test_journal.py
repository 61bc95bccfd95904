"""Every tick is written once and read back as it left; the file outlives whoever wrote it."""

import os
import signal
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from citybrain.journal import Journal
from citybrain.wire import tick_json
from signals.errors import ConfigError
from signals.safety import adopt
from signals.types import Network, Observation, Tick


@pytest.fixture
def ticks(grid: Network, seen: Observation) -> list[Tick]:
    """Six ticks, ten seconds apart."""
    return [Tick(t, replace(seen, now_s=t), None, adopt(grid, 0.0)) for t in (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)]


def test_a_range_is_read_back_as_the_wire_says_it(tmp_path: Path, grid: Network, ticks: list[Tick]) -> None:
    with Journal(tmp_path / "j.sqlite", grid) as journal:
        for tick in ticks:
            journal.append(tick)
        assert list(journal.between(10.0, 40.0)) == [tick_json(t, grid) for t in ticks[1:4]]
        assert list(journal.between(60.0, 90.0)) == []


def test_a_second_run_appends_to_the_first(tmp_path: Path, grid: Network, ticks: list[Tick]) -> None:
    path = tmp_path / "new" / "folder" / "j.sqlite"
    for part in (ticks[:2], ticks[2:]):
        with Journal(path, grid) as journal:
            for tick in part:
                journal.append(tick)
    with Journal(path) as reader:
        assert [r["now_s"] for r in reader.between(0.0, 100.0)] == [t.now_s for t in ticks]


def test_what_was_appended_survives_a_killed_writer(tmp_path: Path, grid: Network, ticks: list[Tick]) -> None:
    path = tmp_path / "j.sqlite"
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        journal = Journal(path, grid)
        for tick in ticks[:3]:
            journal.append(tick)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with Journal(path, grid) as journal:
        journal.append(ticks[3])
        assert [r["now_s"] for r in journal.between(0.0, 100.0)] == [0.0, 10.0, 20.0, 30.0]


def test_a_reader_may_look_while_the_writer_writes(tmp_path: Path, grid: Network, ticks: list[Tick]) -> None:
    with Journal(tmp_path / "j.sqlite", grid) as writer, Journal(tmp_path / "j.sqlite") as reader:
        writer.append(ticks[0])
        assert len(list(reader.between(0.0, 1.0))) == 1
        writer.append(ticks[1])
        assert len(list(reader.between(0.0, 11.0))) == 2


def test_a_file_that_is_no_journal_is_one_sentence_and_stays_as_it_is(tmp_path: Path, grid: Network) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 100, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"letter\.txt: cannot be opened as a journal"):
        Journal(path, grid)
    assert path.read_bytes() == before


def test_a_database_of_somebody_else_is_refused(tmp_path: Path, grid: Network, ticks: list[Tick]) -> None:
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE tick (price REAL)")
    other.close()
    with pytest.raises(ConfigError, match=r"other\.sqlite: .*journal"):
        Journal(tmp_path / "other.sqlite", grid)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, grid: Network) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be opened as a journal"):
        Journal(tmp_path / "file" / "j.sqlite", grid)


def test_a_reader_does_not_append(tmp_path: Path, ticks: list[Tick]) -> None:
    with Journal(tmp_path / "j.sqlite") as journal, pytest.raises(ConfigError, match="opened for reading"):
        journal.append(ticks[0])

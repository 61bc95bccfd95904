from pathlib import Path
from typing import IO

import pytest

from forecasting import durable


def test_a_write_that_is_cut_short_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    durable.write_text(path, "old")

    def fails(out: IO[bytes]) -> None:
        out.write(b"half of the n")
        raise InterruptedError

    with pytest.raises(InterruptedError):
        durable.write(path, fails)
    assert path.read_text() == "old"
    durable.write_text(path, "new")
    assert path.read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["state"]


def test_a_line_follows_what_was_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    durable.append_line(path, "one")
    with path.open("a") as out:
        out.write("tw")  # its writer was killed here
    durable.append_line(path, "three")
    assert path.read_text() == "one\nthree\n"


def test_a_folders_files_can_be_forced_to_the_disk(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    durable.sync_all(tmp_path)
    assert (tmp_path / "one").read_text() == "1"

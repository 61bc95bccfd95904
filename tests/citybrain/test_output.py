"""A file that cannot be written is said before the work begins; a failed run leaves none behind."""

from pathlib import Path

import pytest

from citybrain.output import nothing_left_behind, writable, write_text
from signals.errors import ConfigError


def test_a_place_is_writable_or_refused_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    writable(tmp_path / "new" / "deep" / "t.xml")
    writable(tmp_path / "file")
    for wrong in (tmp_path, tmp_path / "file" / "t.xml", tmp_path / "file" / "a" / "t.xml", Path("/proc/none/t.xml")):
        with pytest.raises(ConfigError, match="cannot be written"):
            writable(wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_text_is_written_with_its_folders_or_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.json", "{}\n")
    assert (tmp_path / "a" / "b.json").read_text(encoding="utf-8") == "{}\n"
    with pytest.raises(ConfigError, match=r"b\.json.*cannot be written"):
        write_text(tmp_path / "a" / "b.json" / "c.json", "{}\n")


def test_only_the_file_of_a_failed_run_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "t.xml"
    path.write_text("<tripinfos>", encoding="utf-8")
    with nothing_left_behind(path):
        pass
    assert path.is_file()
    with pytest.raises(KeyboardInterrupt), nothing_left_behind(path):
        raise KeyboardInterrupt
    assert not path.exists()

"""A name leads to a file in the folder, or nowhere."""

from pathlib import Path

import pytest

from citybrain.intake.confined import confined
from signals.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, and a secret beside it."""
    (tmp_path / "secret.csv").write_text("x")
    data = tmp_path / "data"
    (data / "may").mkdir(parents=True)
    (data / "may" / "counts.csv").write_text("x")
    (data / "in.csv").symlink_to(data / "may" / "counts.csv")
    (data / "out.csv").symlink_to(tmp_path / "secret.csv")
    (data / "loop.csv").symlink_to(data / "loop.csv")
    return data


@pytest.mark.parametrize("name", ["may/counts.csv", "./may/../may/counts.csv", "in.csv"])
def test_a_file_in_the_folder_is_found(folder: Path, name: str) -> None:
    assert confined(folder, name) == (folder / "may" / "counts.csv").resolve()


@pytest.mark.parametrize(
    "name", ["", ".", "may", "none.csv", "../secret.csv", "may/../../secret.csv", "out.csv", "loop.csv", "/etc/passwd", "a\0b", "x" * 5000]
)
def test_a_name_that_leads_elsewhere_is_refused_in_one_sentence(folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="no such file in the folder for data"):
        confined(folder, name)


def test_without_a_folder_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        confined(tmp_path / "none", "a.csv")

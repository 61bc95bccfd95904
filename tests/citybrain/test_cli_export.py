"""Claims about `citybrain export`; a whole export is in test_cli_train, which has a run to export."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the train extra")

Command = Callable[..., Any]
pytestmark = pytest.mark.train


def test_a_folder_that_is_no_run_is_one_sentence(command: Command, tmp_path: Path) -> None:
    for words in (("export", str(tmp_path)), ("train", "--resume", str(tmp_path))):
        ran = command(*words)
        assert ran.code == 2
        assert "expected a training run's folder" in ran.err


def test_a_zip_has_weights_and_nothing_else_to_ask_for(command: Command, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as packed:
        packed.writestr("data", b"never opened")
    ran = command("export", str(tmp_path / "model.zip"))
    assert (ran.code, "holds no policy.pth" in ran.err) == (2, True)
    ran = command("export", str(tmp_path / "model.zip"), "--checkpoint", "3")
    assert (ran.code, "a zip has no checkpoints" in ran.err) == (2, True)

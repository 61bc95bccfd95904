"""What is usual for each sensor outlasts a restart; a file that is broken, or of others, is a line in the log and nothing else."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from citybrain.intake.batch import IntakeError, Samples
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.intake import Intake
from citybrain.service.kept_state import QUALITY, KeptQuality, load, save
from signals.types import Network

KEY = 2**63 + 1


@pytest.fixture
def made(grid: Network) -> Callable[[], Intake]:
    """An intake that has learned nothing yet, of always the same sensors."""
    catalogue = Catalogue.of(grid)
    return lambda: Intake(grid, catalogue, lambda: 1000.0)


def learned(intake: Intake) -> Intake:
    """Twenty minutes of counts."""
    n = len(intake.catalogue)
    for second in range(1200):
        values = np.full(n, float(second % 3), np.float32)
        intake.quality.close(second)
        intake.quality.note(Samples("s", np.arange(n, dtype=np.int32), np.full(n, float(second)), values))
    return intake


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {"one": np.arange(6, dtype=np.uint16).reshape(2, 3), "two": np.array([np.nan, np.inf])}
    save(tmp_path / "kept", KEY, arrays)
    found = load(tmp_path / "kept", KEY)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data[: len(data) // 2], "no state can be read"),
        (lambda data: b"", "no state can be read"),
        (lambda data: b"not an archive at all", "no state can be read"),
        (lambda data: data, "kept with other sensors"),
    ],
    ids=["torn", "empty", "something else", "of another catalogue"],
)
def test_a_file_that_is_none_or_of_others_is_refused_in_a_sentence(tmp_path: Path, spoil: Callable[[bytes], bytes], said: str) -> None:
    path = tmp_path / "kept"
    save(path, KEY, {"one": np.ones(3)})
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(IntakeError, match=said):
        load(path, KEY - 2)


def test_what_was_learned_is_known_after_a_restart(tmp_path: Path, made: Callable[[], Intake]) -> None:
    first = KeptQuality(learned(made()), tmp_path)
    first.start()
    first.stop()
    again = made()
    KeptQuality(again, tmp_path)
    before, after = first._intake.known(), again.known()
    assert before["minutes"].max() > 10.0
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_broken_file_is_a_line_in_the_log_and_all_is_learned_anew(
    tmp_path: Path, made: Callable[[], Intake], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / QUALITY).write_bytes(b"torn")
    with caplog.at_level(logging.WARNING, "citybrain"):
        kept = KeptQuality(made(), tmp_path)
    assert [record.message for record in caplog.records] == ["what is usual for each sensor is learned anew"]
    kept.keep()
    assert load(tmp_path / QUALITY, kept._intake.catalogue.key)["minutes"].max() == 0.0


def test_a_disk_without_room_is_a_line_in_the_log(tmp_path: Path, made: Callable[[], Intake], caplog: pytest.LogCaptureFixture) -> None:
    kept = KeptQuality(made(), tmp_path / "not there")
    with caplog.at_level(logging.WARNING, "citybrain"):
        kept.keep()
    assert [record.message for record in caplog.records] == ["what is usual for each sensor is not kept"]


def test_the_judge_is_told_what_the_forecaster_expects_where_somebody_forecasts(tmp_path: Path, made: Callable[[], Intake]) -> None:
    intake = made()
    KeptQuality(intake, tmp_path).look()
    assert np.isnan(intake.quality._expected_veh).all()
    KeptQuality(intake, tmp_path, lambda: np.full(intake.catalogue.movements, 600.0)).look()
    assert (intake.quality._expected_veh == 10.0).all()

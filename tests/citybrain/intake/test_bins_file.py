"""Open bins outlive a killed service: what the file and the log behind it hold is counted once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from citybrain.intake.batch import IntakeError, Samples
from citybrain.intake.bins_file import KeptBins
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.group_commit import GroupCommit
from citybrain.intake.intake import Intake
from citybrain.intake.sample_log import SampleLog
from signals.types import Network

Sampled = Callable[..., Samples]


class Street:
    """An intake over a log, with a clock that is set and bins of a minute."""

    def __init__(self, network: Network, catalogue: Catalogue, log: SampleLog, path: Path) -> None:
        self.now_s, self.log = 600.0, log
        self.group = GroupCommit(log)
        self.intake = Intake(network, catalogue, lambda: self.now_s, self.group, 60.0)
        self.bins = KeptBins(self.intake, path, log)

    def count(self, sampled: Sampled, until_s: float) -> None:
        """A vehicle a second at the first sensor."""
        while self.now_s < until_s:
            self.now_s += 1.0
            self.intake.take(sampled([0], self.now_s, 1.0))

    def killed(self) -> None:
        """What was acknowledged is on the disk; nothing else was said."""
        self.group.close()


@pytest.fixture
def street(grid: Network, catalogue: Catalogue, log: SampleLog, tmp_path: Path) -> Street:
    return Street(grid, catalogue, log, tmp_path / "bins.npz")


@pytest.mark.parametrize("limit_s", [10.0, 0.0])
def test_a_bin_goes_on_where_the_killed_service_was(
    limit_s: float, street: Street, grid: Network, catalogue: Catalogue, log: SampleLog, sampled: Sampled, tmp_path: Path
) -> None:
    street.bins.due(600.0)
    street.count(sampled, 630.0)
    street.bins.keep()
    street.count(sampled, 642.0)
    street.killed()
    later = Street(grid, catalogue, log, tmp_path / "bins.npz")
    try:
        assert later.bins.take_up(limit_s) == (12 if limit_s else 0)
        later.now_s = 642.0
        later.intake.take(sampled([0], 642.0, 1.0))  # a source that had no acknowledgement sends again
        later.count(sampled, 660.0)
        (told,) = later.bins.due(660.0)
        # Where there was no time to read the log, the minute is scaled up from what was heard of it.
        assert told.counts_veh[0] == pytest.approx(60.0)
    finally:
        later.group.close()


def test_what_is_no_file_of_these_bins_changes_nothing(street: Street, sampled: Sampled, tmp_path: Path) -> None:
    path = tmp_path / "bins.npz"
    street.count(sampled, 610.0)
    street.bins.keep()
    good = path.read_bytes()
    before = street.intake.bins.arrays()
    with np.load(path) as opened:
        arrays = dict(opened)
    np.savez(path, **{**arrays, "head": np.array([7, 0], np.uint64)})
    with pytest.raises(IntakeError, match="bins of other sensors"):
        street.bins.take_up(1.0)
    for broken in (b"", b"PK", good[: len(good) // 2]):
        path.write_bytes(broken)
        with pytest.raises(IntakeError, match="no bins can be read"):
            street.bins.take_up(1.0)
    for name, array in street.intake.bins.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    street.killed()


def test_a_disk_without_room_is_told(street: Street, tmp_path: Path) -> None:
    street.bins._path = tmp_path / "nowhere" / "bins.npz"
    with pytest.raises(IntakeError, match="the open bins cannot be kept"):
        street.bins.keep()
    street.killed()

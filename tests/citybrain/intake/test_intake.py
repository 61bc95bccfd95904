"""From the wire to the disk and to what is observed: nothing acknowledged is lost, nothing heeded twice; a full disk blinds nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.intake import flow_bins, frame, gate, quality, sample_log, sense_kernels, stuck_evidence
from citybrain.intake.batch import IntakeError, Samples, Tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.group_commit import GroupCommit
from citybrain.intake.intake import Intake, warm_up
from citybrain.intake.quality import Flag
from citybrain.intake.sample_log import Record, SampleLog
from signals.types import Network, Observation

Sampled = Callable[..., Samples]
QUEUE = 1


class Street:
    """An intake with a log, and a clock that is set."""

    def __init__(self, network: Network, catalogue: Catalogue, log: GroupCommit | None) -> None:
        self.now_s = 100.0
        self.intake = Intake(network, catalogue, lambda: self.now_s, log)
        self.lights = np.zeros(len(network.signals), np.int64), np.zeros(len(network.signals)), np.zeros(catalogue.movements)

    def read(self) -> Observation:
        """What is known now."""
        return self.intake.read(self.now_s, *self.lights)


@pytest.fixture
def street(grid: Network, catalogue: Catalogue, log: SampleLog) -> Iterator[Street]:
    """With a log on the disk."""
    with GroupCommit(log) as group:
        yield Street(grid, catalogue, group)


def test_a_frame_is_heeded_and_acknowledged_once_it_is_on_the_disk(
    street: Street, catalogue: Catalogue, log: SampleLog, sampled: Sampled
) -> None:
    data = frame.encode(sampled([QUEUE, -1], 100.0, 3.0), None, catalogue.key)
    receipt = street.intake.take_frame(data)
    assert receipt.words() == {"good": 1, "unknown": 1}
    assert receipt.kept is not None and log.holds(receipt.kept.result(10.0))
    assert street.read().queue_veh[0] == 3.0
    assert [one.payload for one in log.records()] == [data]


def test_a_frame_that_is_decoded_already_is_kept_as_it_came(
    street: Street, catalogue: Catalogue, log: SampleLog, sampled: Sampled, tracked: Callable[..., Tracks], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = frame.encode(sampled([QUEUE], 100.0, 3.0), tracked(100.0, {0: [(0, 0, 5.0, 1.0)]}, "loops"), catalogue.key)
    found, foreign = frame.decode(data), frame.encode(sampled([QUEUE], 100.0, 9.0), None, 7)
    for work in ("encode", "decode"):
        monkeypatch.setattr(frame, work, lambda *words: pytest.fail("once is enough"))
    receipt = street.intake.take_decoded(found, data)
    assert receipt.words() == {"good": 1} and receipt.kept is not None
    receipt.kept.result(10.0)
    assert street.read().queue_veh[0] == 3.0 and street.read().vehicle_lane.tolist() == [0]
    monkeypatch.undo()
    with pytest.raises(IntakeError, match="its numbers are of catalogue"):
        street.intake.take_decoded(frame.decode(foreign), foreign)
    assert [one.payload for one in log.records()] == [data], "samples and snapshots in one record"


def test_what_the_log_holds_is_heeded_again_after_a_restart(
    grid: Network, catalogue: Catalogue, street: Street, log: SampleLog, sampled: Sampled
) -> None:
    receipts = [street.intake.take(sampled([QUEUE], 100.0 + k, float(k))) for k in range(3)]
    for receipt in receipts:
        assert receipt.kept is not None
        receipt.kept.result(10.0)
    street.intake.take_frame(frame.encode(sampled([QUEUE], 103.0, 3.0), None, 0))
    other = frame.encode(sampled([QUEUE], 104.0, 9.0), None, 1)
    again = Street(grid, catalogue, None)
    again.now_s = 103.0
    assert again.intake.recall([*log.records(), Record(9, 104.0, other), Record(10, 105.0, b"nothing")]) == 4
    assert again.read().queue_veh[0] == 3.0
    # Whose numbers a sender without a key has meant is known from now on.
    assert [frame.decode(one.payload).key for one in log.records()] == [catalogue.key] * 4


def test_what_is_sent_again_is_acknowledged_again_and_heeded_once(street: Street, catalogue: Catalogue, sampled: Sampled) -> None:
    street.intake.take(sampled([0], 99.0, 1.0))
    street.read()
    data = frame.encode(sampled([0], 100.0, 2.0), None, catalogue.key)
    words = []
    for _ in range(3):
        receipt = street.intake.take_frame(data)
        assert receipt.kept is not None and receipt.kept.result(10.0) >= 0
        words.append(receipt.words())
    assert words == [{"good": 1}, {"duplicate": 1}, {"duplicate": 1}]
    assert street.read().counts_veh[0] == 2.0


def test_a_full_disk_blinds_nobody_and_acknowledges_nothing(
    street: Street, log: SampleLog, sampled: Sampled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sample_log.os, "writev", refused)
        with pytest.raises(IntakeError, match="is there room"):
            street.intake.take(sampled([QUEUE], 100.0, 3.0))
    assert street.read().queue_veh[0] == 3.0
    assert list(log.records()) == []
    receipt = street.intake.take(sampled([QUEUE], 100.0, 3.0))
    assert receipt.kept is not None and log.holds(receipt.kept.result(10.0))


@pytest.mark.parametrize("key", [0, 1])
def test_a_frame_of_another_catalogue_is_refused_and_one_that_does_not_say_is_taken(street: Street, sampled: Sampled, key: int) -> None:
    data = frame.encode(sampled([QUEUE], 100.0, 3.0), None, key)
    if key == 0:
        assert street.intake.take_frame(data).words() == {"good": 1}
        return
    with pytest.raises(IntakeError, match="frame of loops: its numbers are of catalogue 0000000000000001"):
        street.intake.take_frame(data)
    assert street.intake.refused == {"": 1}
    street.intake.take(sampled([0], 100.0, 1.0))
    with pytest.raises(IntakeError, match="frame of loops"):
        street.intake.take_frame(data)
    assert street.intake.refused == {"": 1, "loops": 1}
    assert np.isnan(street.read().queue_veh).all()


def test_what_is_no_frame_is_refused_counted_and_not_written_down(street: Street, log: SampleLog) -> None:
    with pytest.raises(IntakeError, match="frame of 4 bytes"):
        street.intake.take_frame(b"CBFr")
    assert (street.intake.refused, list(log.records())) == ({"": 1}, [])


def test_a_sensor_of_many_impossible_samples_is_not_believed(street: Street, sampled: Sampled) -> None:
    for k in range(8):
        street.intake.take(sampled([QUEUE, QUEUE], [100.0 + k, 100.5 + k], [3.0 if k == 7 else -1.0, -1.0]))
    street.now_s = 107.0
    assert np.isnan(street.read().queue_veh[0])
    assert street.intake.flags[QUEUE] == Flag.IMPOSSIBLE


def test_snapshots_and_bins_come_through_too(street: Street, sampled: Sampled, tracked: Callable[..., Tracks]) -> None:
    street.intake.take(tracked(100.0, {0: [(0, 0, 5.0, 1.0)]}))
    assert street.read().vehicle_distance_m.tolist() == [5.0]
    assert street.intake.bins_due(100.0) == ()
    for _ in range(10):
        street.now_s += 100.0
        times_s = [street.now_s - k for k in range(99, -1, -1)]
        street.intake.take(sampled([0] * 100, times_s, 1.0))
    (told,) = street.intake.bins_due(1100.0)
    assert told.counts_veh[0] == pytest.approx(900.0)


COMPILED = [
    (sense_kernels, ("take_samples", "heard", "flagged", "told", "take_views", "in_view", "slow_vehicles")),
    (gate, ("judge",)),
    (quality, ("stuck_scores",)),
    (stuck_evidence, ("noted", "judged")),
    (flow_bins, ("filled",)),
]


def test_warming_up_calls_all_that_is_compiled(grid: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[str] = set()

    def noting(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            called.add(name)
            return kernel(*arguments)

        return call

    for module, names in COMPILED:
        for name in names:
            monkeypatch.setattr(module, name, noting(name, getattr(module, name)))
    warm_up(grid)
    assert called == {name for _, names in COMPILED for name in names}


def test_without_a_log_nothing_is_acknowledged(grid: Network, catalogue: Catalogue, sampled: Sampled, tmp_path: Path) -> None:
    assert Street(grid, catalogue, None).intake.take(sampled([QUEUE], 100.0, 3.0)).kept is None
    assert list(tmp_path.iterdir()) == []

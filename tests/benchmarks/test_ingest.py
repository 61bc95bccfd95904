"""The ingest figures: what is timed is taken in and held, and every load is there."""

import json
from pathlib import Path

import pytest

from benchmarks import ingest
from benchmarks.ingest import FRAME_SAMPLES, OPEN_LOOP, main, row, town
from citybrain.intake import frame


def test_frames_say_every_sensor_once_a_second() -> None:
    of = town(2)
    found = [frame.decode(data).samples for data in of.frames(30, 10)]
    told = [(s, t) for one in found for s, t in zip(one.sensor.tolist(), one.at_s.tolist(), strict=True)]
    assert len(told) == len(set(told)) == 300
    assert sorted(s for s, t in told if t == 1001.0) == list(range(len(of.catalogue)))


@pytest.mark.parametrize("offered", [0, 20_000])
def test_a_row_counts_what_the_log_holds(tmp_path: Path, offered: int) -> None:
    found = row(town(2), tmp_path, 40, 25, offered)
    assert found["samples"] == 1000
    assert 0.0 < float(found["p50_ms"]) <= float(found["p99_ms"]) <= float(found["p999_ms"])
    assert list(tmp_path.iterdir()) == []


def test_samples_that_are_not_all_taken_are_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BEGIN_S", -1e9)
    of = town(1)
    frames = of.frames(10, 1)
    monkeypatch.setattr(ingest, "BEGIN_S", 1000.0)
    monkeypatch.setattr(ingest.Town, "frames", lambda self, samples, number: frames)
    with pytest.raises(RuntimeError, match=r"not all samples were taken: \{'too_late': 10\}"):
        row(of, tmp_path, 10, 1)


def test_every_load_is_told_and_written_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ingest.json"
    assert main(["--json", str(out), "--folder", str(tmp_path), "--signals", "3", "--seconds", "0.01", "--samples", "200"]) == 0
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told["sensors"] == 144
    assert [one["samples_per_frame"] for one in told["rows"]] == [*FRAME_SAMPLES, *(n for _, n in OPEN_LOOP)]
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(told["rows"])

"""The times of forecasts: what is timed does its work, and every row is there."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import forecasting_speed
from benchmarks.forecasting_speed import BIN_S, DAY_BINS, fit_row, main, memory_mb, online_row, synthetic, tiled
from forecasting.interval import ends_s, recent
from forecasting.models import fit_forecaster
from forecasting.tracker import Tracker


def test_made_up_counts_have_peaks_weekends_and_gaps() -> None:
    history = synthetic(40, 14, np.random.default_rng(1))
    by_day = np.nanmean(history.counts_veh.reshape(14, DAY_BINS, 40), axis=2)
    assert history.bin_s == BIN_S and by_day[0].argmax() in range(26, 38)
    assert by_day[5].mean() < 0.85 * by_day[:5].mean()
    assert 0.0 < np.isnan(history.counts_veh).mean() < 0.1


@pytest.mark.parametrize("name", ["profile", "ridge"])
def test_a_large_city_forecasts_what_the_small_one_does_that_it_is_made_of(name: str) -> None:
    history = synthetic(11, 5, np.random.default_rng(2))
    first = 4 * DAY_BINS
    small = fit_forecaster(history.between(0, first), name)
    window_veh = recent(history, first, small.model.window_bins)
    one = Tracker(small, ends_s(history, first), window_veh)
    place = np.arange(20) % 11
    large = Tracker(tiled(small, 20), ends_s(history, first), window_veh[:, place], takes_over=True)
    np.testing.assert_allclose(large.forecast().flow_veh_h, one.forecast().flow_veh_h[:, place], rtol=0.2)
    np.testing.assert_allclose(large.forecast().high_veh_h, one.forecast().high_veh_h[:, place], rtol=0.3)
    large.observe(history.counts_veh[first, place])
    assert np.isfinite(large.forecast().flow_veh_h).mean() > 0.8


def test_an_online_row_has_times_ratios_and_memory() -> None:
    row = online_row("profile", 60, bins=3, small=11, days=4)
    assert row["detectors"] == 60.0
    for what in ("forecast", "update"):
        assert 0.0 < float(row[f"{what}_ms"]) <= float(row[f"{what}_worst_ms"])
        assert float(row[f"{what}_ratio"]) > 0.0
    assert np.isfinite(float(row["memory_mb"]))


def test_a_fit_row_says_both_fits() -> None:
    row = fit_row("profile", 5, days=4)
    assert 0.0 <= float(row["fit_s"]) <= float(row["fit_and_calibrate_s"])


def test_memory_that_is_taken_is_seen() -> None:
    before_mb = memory_mb()
    taken = np.ones(4_000_000)
    assert memory_mb() - before_mb > 20.0 or taken.sum() == 0.0


def test_rows_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setattr(
        forecasting_speed, "alone", lambda measure, *given: measure(*given, *((2, 11, 4) if measure is online_row else (4,)))
    )
    file = tmp_path / "speed.json"
    assert main(["--model", "last", "--sizes", "30,40", "--fit-sizes", "5", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert [row["detectors"] for row in found["online"]] == [30.0, 40.0] and len(found["fit"]) == 1
    assert "benchmarks.forecasting_speed --model last" in found["provenance"]["command"]
    assert "forecast_worst_ms" in capsys.readouterr().out

import os
from pathlib import Path

import numpy as np
import pytest

from forecasting import odot
from forecasting.backtest import BacktestResult, run_backtest
from forecasting.history import FlowHistory, read


def test_the_odot_table_is_what_its_source_note_says() -> None:
    history = odot.load()
    assert (history.bins, len(history.detectors), history.bin_s) == (2496, 22, 900.0)
    assert history.start == np.datetime64("2024-04-18T00:00")
    gaps = np.isnan(history.counts_veh)
    assert gaps.sum() == 4 * 22
    missing = [str(history.time(int(i)))[:16] for i in np.flatnonzero(gaps.any(axis=1))]
    assert missing == ["2024-04-18T04:30", "2024-04-18T04:45", "2024-04-18T05:00", "2024-05-07T04:45"]


def backtest(history: FlowHistory, fit: str, test: str, end: str) -> BacktestResult:
    return run_backtest(history, ("residual",), np.datetime64(fit), np.datetime64(test), np.datetime64(end))


def wapes(result: BacktestResult) -> dict[str, float]:
    return {str(row["model"]): float(row["wape"]) for row in result.rows}


def test_the_default_beats_the_profile_on_real_counts() -> None:
    result = backtest(odot.load(), "2024-05-04", "2024-05-07", "2024-05-14")
    found = wapes(result)
    assert found["last"] == pytest.approx(22.6, abs=0.05)  # rows without a free choice: these counts have one answer
    assert found["week"] == pytest.approx(25.0, abs=0.05)
    assert result.poisson_floor_wape == pytest.approx(13.5, abs=0.05)
    assert found["profile"] < 19.3
    assert found["residual"] < 18.0
    assert float(result.rows[3]["coverage_80"]) == pytest.approx(80.0, abs=4.0)


def shared_counts() -> Path:
    """The Melbourne table beside the project, for measurement only."""
    root = Path(__file__).parents[2]
    shared = Path(os.environ.get("CITYBRAIN_SHARED", root.parent / "shared"))
    return shared / "data" / "melbourne_scats_2006" / "flow_15min_wide.csv"


@pytest.mark.shared
def test_the_default_beats_the_profile_in_melbourne_too() -> None:
    path = shared_counts()
    if not path.exists():
        pytest.skip("the Melbourne counts are not beside the project (set CITYBRAIN_SHARED)")
    found = wapes(backtest(read(path), "2006-10-22", "2006-10-25", "2006-11-01"))
    assert found["last"] == pytest.approx(14.7, abs=0.1)
    assert found["profile"] < 10.7
    assert found["residual"] < 10.0

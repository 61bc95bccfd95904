import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.forecast_figures import HOUR_BLOCKS, ODOT_SPLIT, main
from forecasting import odot
from forecasting.backtest import run_backtest
from forecasting.models import DEFAULT, MODELS

COMMITTED = Path(__file__).parents[2] / "benchmarks" / "baselines" / "forecast_odot.json"
WITHOUT_TREES = ("last", "week", "profile", "residual", "ridge")


def test_the_committed_figures_come_out_again() -> None:
    """Without trees: these may split otherwise on another machine."""
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))
    spans = [np.datetime64(day, "s") for day in ODOT_SPLIT]
    again = run_backtest(odot.load(), WITHOUT_TREES, spans[0], spans[1], spans[2]).as_json()
    assert committed["poisson_floor_wape"] == pytest.approx(again["poisson_floor_wape"])
    then = {row["model"]: row for row in committed["rows"]}
    assert set(then) == set(MODELS)
    for now in again["rows"]:
        for score in ("wape", "mae", "rmse", "pinball", "coverage_80"):
            assert then[now["model"]][score] == pytest.approx(now[score], rel=1e-3), (now["model"], score)


def test_the_committed_default_beats_every_other_row_of_the_issue() -> None:
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))
    wape = {row["model"]: row["wape"] for row in committed["rows"]}
    assert wape[DEFAULT] < 17.0 < wape["residual"] < wape["profile"]
    assert committed["default"] == DEFAULT


def test_the_file_says_how_it_is_made(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert main(["--counts", "odot", "--models", "residual", "--newcomer-days", "", "--out", str(out)]) == 0
    made = json.loads(out.read_text(encoding="utf-8"))
    assert made["command"].startswith("python -m benchmarks.forecast_figures --counts odot")
    assert {row["model"] for row in made["rows_with_blanks"]} == {row["model"] for row in made["rows"]}
    assert all("wape_silent" in row for row in made["rows_with_blanks"])
    blocks = made["coverage_80_by_hours"]["residual"]
    assert len(blocks) == len(HOUR_BLOCKS)
    assert all(70.0 < share < 90.0 for share in blocks.values())


def test_a_wrong_day_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--test-from", "someday", "--out", str(tmp_path / "out.json")]) == 2
    assert "Traceback" not in capsys.readouterr().err

import json
from pathlib import Path

import pytest

from forecasting.odot.baseline import COMMAND, odot_backtest, write

COMMITTED = Path(__file__).parents[2] / "benchmarks" / "baselines" / "forecast_odot.json"


def test_the_committed_figures_come_out_again() -> None:
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))
    again = odot_backtest().as_json()
    assert committed["poisson_floor_wape"] == pytest.approx(again["poisson_floor_wape"])
    rows = again["rows"]
    assert isinstance(rows, list)
    for then, now in zip(committed["rows"], rows, strict=True):
        assert then["model"] == now["model"]
        for score in ("wape", "mae", "rmse", "pinball", "coverage_80"):
            assert then[score] == pytest.approx(now[score], rel=1e-6), (then["model"], score)


def test_the_file_says_how_it_is_made(tmp_path: Path) -> None:
    write(tmp_path / "out.json")
    made = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert made["command"] == COMMAND
    assert {row["model"] for row in made["rows_with_blanks"]} == {row["model"] for row in made["rows"]}
    assert all("wape_silent" in row for row in made["rows_with_blanks"])

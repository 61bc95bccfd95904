"""The committed back-test on the ODOT counts, and how it is made again: python -m forecasting.odot.baseline FILE."""

import json
import sys
from pathlib import Path

import numpy as np

from forecasting.backtest import BacktestResult, run_backtest
from forecasting.models import MODELS
from forecasting.odot.table import load

COMMAND = "python -m forecasting.odot.baseline benchmarks/baselines/forecast_odot.json"
FIT_UNTIL, TEST_FROM, TEST_UNTIL = (np.datetime64(day, "s") for day in ("2024-05-04", "2024-05-07", "2024-05-14"))
BLANK = 0.15


def odot_backtest(blank: float = 0.0) -> BacktestResult:
    """Fit to 3 May, calibrate on 4 to 6 May, test on 7 to 13 May 2024; every model of the table."""
    return run_backtest(load(), tuple(MODELS), FIT_UNTIL, TEST_FROM, TEST_UNTIL, blank=blank)


def write(path: Path) -> None:
    """The result with its command, and the same with a share of the inputs hidden."""
    result = {
        "command": COMMAND,
        "source": "forecasting/odot/SOURCE.md",
        **odot_backtest().as_json(),
        "rows_with_blanks": odot_backtest(BLANK).as_json()["rows"],
        "blank_of_rows_with_blanks": BLANK,
    }
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))

"""A small comparison and trace by hand, for pictures and reports."""

from collections.abc import Callable
from math import nan
from typing import Any

import pytest

from citybrain.comparison import Cell, Change, Comparison, Difference, Estimate
from signals.metrics import METRICS

Trace = dict[str, Any]


def hand_comparison(scenario: str = "here", baseline: str = "fixed", rival: str = "clever") -> Comparison:
    """Two controllers, two seeds: delay 40.5 against 20.25 s/veh."""

    def cell(name: str, delay_s: float, change: dict[str, Difference]) -> Cell:
        figures = {key: Estimate(1.25, 1.2, 1.3, 1.3, 102) for key in METRICS}
        figures["delay_s_per_veh"] = Estimate(delay_s, delay_s - 1.0, delay_s + 1.0, delay_s + 1.0, 102)
        return Cell(scenario, name, (101, 102), figures, change, 0, ())

    change = {"delay_s_per_veh": Difference(-20.25, -21.0, -19.0, -50.0, -52.5, -47.5, 2)}
    overall = {rival: {"delay_s_per_veh": Change(-50.0, nan, nan, 1)}}
    cells = (cell(baseline, 40.5, {}), cell(rival, 20.25, change))
    return Comparison(baseline, (scenario,), (baseline, rival), cells, overall)


def hand_trace(signals: int = 2, ticks: int = 120, forecasts: bool = True) -> Trace:
    """Twenty minutes, a tick every 10 s; the second signal has the longer queue; one detector with 1 veh a tick."""
    times_s = [10.0 * i for i in range(ticks)]
    made = [60.0 * i for i in range(4)] if forecasts else []
    return {
        "seed": 101,
        "signals": [{"id": f"s{i}", "x_m": 100.0 * i, "y_m": 0.0, "phases": 2} for i in range(signals)],
        "streets": [],
        "times_s": times_s,
        "queue_veh": [[float(1 + i) for i in range(signals)] for _ in times_s],
        "phase": [[(n // 3) % 2 for _ in range(signals)] for n in range(ticks)],
        "detectors": [
            {
                "movement": "s0/0",
                "counts_veh": [1.0] * ticks,
                "forecasts": [
                    {
                        "made_at_s": t,
                        "start_s": t,
                        "bin_s": 900.0,
                        "flow_veh_h": 360.0,
                        "low_veh_h": 300.0,
                        "high_veh_h": 420.0,
                    }
                    for t in made
                ],
            }
        ],
    }


@pytest.fixture
def comparison() -> Callable[..., Comparison]:
    """The maker of a comparison."""
    return hand_comparison


@pytest.fixture
def trace() -> Callable[..., Trace]:
    """The maker of a trace."""
    return hand_trace

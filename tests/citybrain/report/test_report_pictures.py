"""Which pictures a scenario gets from what is known of it."""

from collections.abc import Callable
from typing import Any

import pytest

from citybrain.comparison import Comparison
from citybrain.report_pictures import interval_figure, scenario_figures

Trace = dict[str, Any]
ROWS = [
    {
        "scenario": "here",
        "controller": name,
        "seed": 101,
        "begin_s": 25200.0,
        "delay_by_minute": [[0, 10.0, 1], [1, 20.0, 1]],
    }
    for name in ("fixed", "clever")
]


def test_with_traces_a_scenario_has_five_pictures_each_called_simulated(
    comparison: Callable[..., Comparison], trace: Callable[..., Trace]
) -> None:
    figures = scenario_figures(comparison(), "here", 0, ROWS, {"fixed": trace(), "clever": trace()})
    titles = ["Delay over time", "Where the queues stand", "Queues over time", "Phases of the busiest signal"]
    assert [f.title for f in figures] == [*titles, "The forecast against what came"]
    assert all("Simulated" in f.caption and f.svg.startswith("<svg") for f in figures)
    assert all("seed 101" in f.caption for f in figures[1:])


def test_without_a_forecaster_there_is_no_picture_of_forecasts(comparison: Callable[..., Comparison], trace: Callable[..., Trace]) -> None:
    figures = scenario_figures(comparison(), "here", 0, ROWS, {"fixed": trace(forecasts=False)})
    assert [f.title for f in figures][-1] == "Phases of the busiest signal"


@pytest.mark.parametrize(("rows", "pictures"), [(ROWS, 1), ([], 0)])
def test_without_traces_only_the_delay_is_drawn(comparison: Callable[..., Comparison], rows: list[dict[str, Any]], pictures: int) -> None:
    assert len(scenario_figures(comparison(), "here", 0, rows, {})) == pictures


def test_the_interval_figure_says_what_its_bars_are(comparison: Callable[..., Comparison]) -> None:
    assert "95 % bootstrap interval" in interval_figure(comparison()).caption

"""Dots and bars: every controller has its row, an unknown value is said to be unknown."""

from collections.abc import Callable
from dataclasses import replace
from math import nan

from citybrain.comparison import Comparison, Estimate
from citybrain.drawing_intervals import interval_plot

KEYS = ("delay_s_per_veh", "congestion_index")


def test_every_controller_scenario_and_unit_is_named(comparison: Callable[..., Comparison]) -> None:
    svg = interval_plot(comparison(), KEYS)
    for word in (
        ">fixed<",
        ">clever<",
        ">here<",
        "delay [s/veh], lower is better",
        "congestion index, lower is better",
    ):
        assert word in svg


def test_a_metric_without_any_value_says_unknown(comparison: Callable[..., Comparison]) -> None:
    found = comparison()
    blank = {**found.cells[0].figures, "congestion_index": Estimate(nan, nan, nan, nan, 101)}
    cells = tuple(replace(cell, figures=blank) for cell in found.cells)
    assert ">unknown<" in interval_plot(replace(found, cells=cells), KEYS)
    assert ">unknown<" not in interval_plot(found, KEYS)


def test_a_single_seed_has_a_dot_without_a_bar(comparison: Callable[..., Comparison]) -> None:
    found = comparison()
    single = {key: Estimate(2.0, nan, nan, 2.0, 101) for key in found.cells[0].figures}
    cells = tuple(replace(cell, figures=single) for cell in found.cells)
    assert "nan" not in interval_plot(replace(found, cells=cells), KEYS)

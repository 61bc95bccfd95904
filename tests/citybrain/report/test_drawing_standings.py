"""Delay over the baseline's: every rival has its row, every network its ring, and what is unknown is left out."""

from collections.abc import Callable
from dataclasses import replace
from math import nan

from citybrain.comparison import Change, Comparison
from citybrain.drawing_standings import ratio_plot

CONTROLLERS = ("fixed", "clever")


def known(comparison: Comparison, change: Change) -> Comparison:
    return replace(comparison, overall={"clever": {"delay_s_per_veh": change}})


def test_rivals_and_the_baseline_are_named_and_the_axis_says_which_way_is_good(comparison: Callable[..., Comparison]) -> None:
    svg = ratio_plot(known(comparison(), Change(-50.0, -55.0, -45.0, 1)), CONTROLLERS, "chart0")
    assert ">clever<" in svg and ">fixed<" not in svg
    assert "delay / delay of fixed, lower is better" in svg
    assert 'role="img"' in svg and "multiple of fixed" in svg
    assert ">0.5<" in svg and ">1<" in svg


def test_an_interval_has_a_bar_and_a_single_seed_has_none(comparison: Callable[..., Comparison]) -> None:
    with_bar = ratio_plot(known(comparison(), Change(-50.0, -55.0, -45.0, 1)), CONTROLLERS, "c")
    without = ratio_plot(known(comparison(), Change(-50.0, nan, nan, 1)), CONTROLLERS, "c")
    assert with_bar.count("<use") == without.count("<use") + 2  # the ends of the bar
    assert "nan" not in without


def test_what_is_unknown_is_left_out(comparison: Callable[..., Comparison]) -> None:
    svg = ratio_plot(known(comparison(), Change(nan, nan, nan, 1)), CONTROLLERS, "c")
    assert ">clever<" in svg and "nan" not in svg

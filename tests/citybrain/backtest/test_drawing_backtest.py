"""Pictures of a back-test name their models, detectors and units, and survive what a table may hold."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from citybrain.drawing_backtest import (
    DOTS,
    coverage_by_hour,
    detector_dots,
    detector_word,
    error_by_hour,
    follow_plot,
    middles,
    model_styles,
    wape_bars,
)
from citybrain.forecast_breakdown import breakdown, detector_wapes, floor_wapes
from forecasting.backtest import BacktestResult, Rolled

Result = Callable[..., BacktestResult]


def test_the_bars_are_in_order_with_their_figures_and_the_floor(result: Result) -> None:
    svg = wape_bars(result())
    places = [svg.index(f">{model}<") for model in ("residual", "profile", "week", "last")]
    assert places == sorted(places)
    for word in (">13.3<", ">26.6<", ">39.9<", ">53.2<", "WAPE [%]", "Poisson floor"):
        assert word in svg


def test_a_model_without_a_score_has_no_bar_and_comes_last(result: Result) -> None:
    whole = result()
    rows = tuple(row | {"wape": np.nan} if row["model"] == "residual" else row for row in whole.rows)
    svg = wape_bars(replace(whole, rows=rows))
    assert svg.index(">last<") < svg.index(">residual<")
    assert ">13.3<" not in svg


def test_the_forecast_is_shown_over_the_busiest_days(result: Result) -> None:
    svg = follow_plot(result(), 0, "follow")
    for word in ("Fri 2024-05-10", "Sat 2024-05-11", "in the next 60 min [veh]", "forecast (residual)", "80 % interval", "came", "north"):
        assert word in svg
    assert "hidden" not in svg


def test_hidden_counts_are_marked(result: Result) -> None:
    assert "counts hidden from the models" in follow_plot(result(silent=True), 1, "follow")


def test_errors_have_a_column_for_each_type_of_day_tested(result: Result) -> None:
    whole = result()
    svg = error_by_hour({name: breakdown(whole, name) for name in whole.rolled}, floor_wapes(whole), whole)
    for word in (">Weekday<", ">Saturday<", "WAPE [%]", "[veh per 60 min]", ">last<", ">residual<", "Poisson floor"):
        assert word in svg
    assert "Sunday" not in svg


def test_coverage_has_its_band(result: Result) -> None:
    whole = result()
    svg = coverage_by_hour({name: breakdown(whole, name) for name in whole.rolled}, whole)
    for word in ("78-82 %", "inside the interval [%]", "time of day [h]", ">week<"):
        assert word in svg


def test_a_test_without_any_count_is_drawn_empty(result: Result) -> None:
    whole = result()
    empty = replace(whole, truth_veh=np.full_like(whole.truth_veh, np.nan))
    parts = {"residual": breakdown(empty, "residual")}
    assert error_by_hour(parts, floor_wapes(empty), empty).startswith("<svg")
    assert coverage_by_hour(parts, empty).startswith("<svg")


def test_detectors_are_dots_with_the_marked_ones_named(result: Result) -> None:
    svg = detector_dots(result(), *detector_wapes(result(), "residual"), {"worst": 1, "median": 0})
    for word in (">worst<", ">median<", "mean count [veh per 60 min]", "its Poisson floor", "2 of 2 detectors"):
        assert word in svg


def test_of_a_whole_city_only_some_are_drawn_and_the_marked_are_among_them(result: Result) -> None:
    many, whole = 5 * DOTS, result()
    truth_veh = np.tile(whole.truth_veh[:, :1], (1, many))
    rolled = {"residual": Rolled(0.9 * truth_veh, 0.0 * truth_veh, 2.0 * truth_veh, 0.0, 0.0)}
    city = replace(whole, truth_veh=truth_veh, rolled=rolled, names=tuple(f"d{k}" for k in range(many)))
    svg = detector_dots(city, *detector_wapes(city, "residual"), {"worst": many - 1})
    assert f"{DOTS + 1} of {many} detectors" in svg
    assert ">worst<" in svg


def test_a_long_name_is_shortened(result: Result) -> None:
    assert len(detector_word(result(names=("x" * 200, "b", "c")), 0)) <= 60


def test_every_model_has_a_style_and_the_subject_is_black(result: Result) -> None:
    found = model_styles(result())
    assert set(found) == set(result().rolled)
    assert found["residual"].colour == "#000000"


def test_hours_are_drawn_in_their_middles() -> None:
    assert middles()[[0, 23]].tolist() == [0.5, 23.5]

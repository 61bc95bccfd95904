"""Errors by hour, day type and detector, by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from citybrain.forecast_breakdown import (
    breakdown,
    busiest_days,
    by_type_and_hour,
    day_type,
    detector_wapes,
    floor_wapes,
    hours,
    percent,
    subject,
    worst_and_median,
)
from forecasting.backtest import BacktestResult
from forecasting.scores import poisson_floor_wape

Result = Callable[..., BacktestResult]
SUM_OFF = (100 * 0.1 + 50 * 0.2 + 2 * 0.1) / 152  # of the residual model


def test_errors_are_split_by_hour_and_type_of_day(result: Result) -> None:
    found = breakdown(result(), "residual")
    assert found.wape[0] == pytest.approx(np.full(24, 100.0 * SUM_OFF))  # Friday
    assert found.wape[1] == pytest.approx(np.full(24, 100.0 * SUM_OFF))  # Saturday
    assert np.isnan(found.wape[2]).all()
    assert found.mae_veh[0, [3, 12]] == pytest.approx([15.2 * SUM_OFF / 3.0, 152.0 * SUM_OFF / 3.0])


def test_coverage_is_split_by_hour(result: Result) -> None:
    found = breakdown(result(), "residual").coverage
    assert found[4] == 0.0
    assert np.delete(found, 4) == pytest.approx(np.full(23, 100.0))


def test_what_was_not_counted_or_not_forecast_is_left_out(result: Result) -> None:
    whole = result()
    truth_veh = whole.truth_veh.copy()
    truth_veh[:, 1] = np.nan
    found = breakdown(replace(whole, truth_veh=truth_veh), "residual")
    assert found.wape[0] == pytest.approx(np.full(24, 10.0))
    nothing = breakdown(replace(whole, truth_veh=np.full_like(truth_veh, np.nan)), "residual")
    assert np.isnan(nothing.wape).all()
    assert np.isnan(nothing.coverage).all()


def test_an_hour_without_traffic_has_no_relative_error(result: Result) -> None:
    whole = result()
    empty = replace(whole, truth_veh=0.0 * whole.truth_veh)
    assert np.isnan(breakdown(empty, "residual").wape).all()
    assert np.isnan(floor_wapes(empty)).all()


def test_the_floor_is_that_of_the_counts_of_each_hour(result: Result) -> None:
    found = floor_wapes(result())
    assert found[0, 12] == pytest.approx(poisson_floor_wape(np.array([100.0, 50.0, 2.0])))
    assert found[0, 3] > found[0, 12]
    assert np.isnan(found[2]).all()


def test_a_share_of_nothing_is_unknown() -> None:
    np.testing.assert_array_equal(percent(np.array([1.0, 0.0]), np.array([2.0, 0.0])), [50.0, np.nan])


def test_origins_are_sorted_by_type_of_day_and_hour(result: Result) -> None:
    found = by_type_and_hour(result().origins)
    assert len(found) == 48
    assert found[0, 5].tolist() == [5]
    assert found[1, 5].tolist() == [29]


def test_moments_have_an_hour_and_a_type_of_day() -> None:
    when = np.array(["2024-05-10T23:45", "2024-05-11T00:00", "2024-05-12T07:15", "1969-12-29T05:00"], dtype="datetime64[s]")
    assert hours(when).tolist() == [23, 0, 7, 5]
    assert day_type(when).tolist() == [0, 1, 2, 0]


def test_the_worst_and_the_median_are_among_detectors_with_flow(result: Result) -> None:
    wape, mean_veh = detector_wapes(result(), "residual")
    assert wape[:2] == pytest.approx([10.0, 20.0])
    assert np.isnan(wape[2])  # 1.55 against 39.3 veh on average
    assert mean_veh == pytest.approx([77.5, 38.75, 1.55])
    assert worst_and_median(wape) == (1, 0)


@pytest.mark.parametrize(
    ("wape", "expected"),
    [([5.0, 9.0, 7.0], (1, 2)), ([np.nan, 4.0], (1,)), ([np.nan], ()), ([1.0, 2.0, 3.0, 4.0], (3, 1)), ([6.0, 6.0], (1, 0))],
)
def test_the_worst_is_the_highest_and_the_median_the_middle(wape: list[float], expected: tuple[int, ...]) -> None:
    assert worst_and_median(np.array(wape)) == expected


def test_the_busiest_days_come_in_their_order() -> None:
    origins = np.datetime64("2024-05-06T00:00", "s") + np.arange(4 * 24) * np.timedelta64(3600, "s")
    truth_veh = np.repeat([3.0, 9.0, 5.0, 7.0], 24)
    truth_veh[30] = np.nan
    assert [str(day) for day in busiest_days(origins, truth_veh, 2)] == ["2024-05-07", "2024-05-09"]
    assert len(busiest_days(origins, truth_veh, 9)) == 4


def test_the_subject_is_the_services_model_or_the_best_tested(result: Result) -> None:
    assert subject(result(default="profile")) == "profile"
    assert subject(result(default="unheard of")) == "residual"

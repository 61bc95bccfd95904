"""The forecast against what came, counted by hand."""

from collections.abc import Callable
from math import isnan
from typing import Any

import numpy as np
import pytest

from citybrain.drawing_forecast import Judged, forecast_plot, judged

Trace = dict[str, Any]


def test_counts_of_the_bin_after_the_forecast_are_what_came(trace: Callable[..., Trace]) -> None:
    one = trace()
    found = judged(one["detectors"][0], one["times_s"])
    # A tick counts the 10 s before it: 90 of them make the 15 minutes; 360 veh/h are 90 veh.
    assert found.came_veh == pytest.approx([90.0] * 4)
    assert found.forecast_veh == pytest.approx([90.0] * 4)
    assert found.low_veh == pytest.approx([75.0] * 4)
    assert (found.within, found.error) == (1.0, 0.0)


def test_a_forecast_whose_bin_has_not_ended_is_not_judged(trace: Callable[..., Trace]) -> None:
    one = trace(ticks=98)  # the last tick is at 970 s: of the bins that end at 900, 960, 1020 … two are over
    assert judged(one["detectors"][0], one["times_s"]).made_at_s.tolist() == [0.0, 60.0]


def test_share_within_the_band_and_error_by_hand() -> None:
    found = Judged(
        "m",
        900.0,
        np.zeros(4),
        np.array([10.0, 10.0, 10.0, 10.0]),
        np.full(4, 8.0),
        np.full(4, 12.0),
        np.array([8.0, 12.0, 13.0, 7.0]),
    )
    assert found.within == 0.5
    assert found.error == pytest.approx(10.0 / 40.0)


def test_nothing_to_judge_is_unknown_and_draws_nothing(trace: Callable[..., Trace]) -> None:
    one = trace(forecasts=False)
    found = judged(one["detectors"][0], one["times_s"])
    assert isnan(found.within)
    assert isnan(found.error)
    assert forecast_plot(one, 0.0) is None


def test_the_picture_names_movement_units_and_share(trace: Callable[..., Trace]) -> None:
    svg = forecast_plot(trace(), 0.0)
    assert svg is not None
    for word in ("s0/0: 100 % within the band", "in the next 15 min [veh]", ">came<", ">forecast, 80 % band<"):
        assert word in svg

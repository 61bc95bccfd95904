"""Curves over time: smoothing by trips, minutes, names and units on the axes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from citybrain.drawing import styles
from citybrain.drawing_time import by_minute, delay_over_time, queue_over_time, smoothed_delay, start_word

STYLE = styles(["fixed", "clever"], "fixed")


def test_smoothing_weighs_minutes_by_their_trips() -> None:
    # Minutes 0-2 see minute 2's three trips of 10 s and minute 0's one of 50 s; minute 4 sees only the three.
    found = smoothed_delay([[[0, 50.0, 1], [2, 10.0, 3]]], 8)
    assert found[:3] == pytest.approx([20.0, 20.0, 20.0])
    assert found[3:5] == pytest.approx([10.0, 10.0])
    assert np.isnan(found[5:]).all()


def test_runs_are_taken_together() -> None:
    assert smoothed_delay([[[0, 10.0, 1]], [[0, 40.0, 2]]], 1) == pytest.approx([30.0])


def test_values_are_averaged_within_each_minute() -> None:
    middle, mean = by_minute(np.array([0.0, 0.5, 1.0, 3.2]), np.array([1.0, 3.0, 5.0, 7.0]))
    assert middle == pytest.approx([0.5, 1.5, 3.5])
    assert mean == pytest.approx([2.0, 5.0, 7.0])


@pytest.mark.parametrize(("time_s", "word"), [(25200.0, "07:00"), (59400.0, "16:30"), (0.0, "the begin"), (7.5, "the begin")])
def test_a_begin_that_is_a_time_of_day_is_shown_as_one(time_s: float, word: str) -> None:
    assert start_word(time_s) == word


def test_the_delay_picture_names_controllers_and_units() -> None:
    svg = delay_over_time({"fixed": [[[0, 10.0, 1], [1, 12.0, 2]]], "clever": [[[0, 5.0, 1]]]}, STYLE, 25200.0)
    for word in (">fixed<", ">clever<", "delay [s/veh]", "minutes after 07:00 [min]"):
        assert word in svg


def test_the_queue_picture_names_controllers_and_units(trace: Callable[..., dict[str, Any]]) -> None:
    svg = queue_over_time({"fixed": trace(), "clever": trace()}, STYLE, 0.0)
    for word in (">fixed<", ">clever<", "queued, all signals [veh]"):
        assert word in svg

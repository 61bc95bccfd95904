"""Delay formulas: published examples, limits, and no answer where there is none."""

from collections.abc import Callable
from math import isnan

import numpy as np
import pytest

from signals.kernels import delay

NAN = float("nan")
COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])


def kernel(name: str, plain: bool) -> Callable[..., float]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(delay, name)
    chosen: Callable[..., float] = function.py_func if plain else function
    return chosen


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("flow", "saturation", "green_s", "cycle_s", "delay_s"),
    [
        # D/D/1 example of the wikibook Fundamentals of Transportation, "Traffic Signals": 29.41 s.
        (500.0, 3000.0, 30.0, 100.0, 29.4),
        # Indian GATE examination: 20 and 50 vehicles a minute, 30 s green of 60 s: 12.5 s.
        (1200.0, 3000.0, 30.0, 60.0, 12.5),
        # Oversaturated: every vehicle waits half the red on top of the overflow, 0.5 C (1 - g/C).
        (2000.0, 1800.0, 30.0, 60.0, 15.0),
        (0.0, 1800.0, 30.0, 60.0, 7.5),
        (900.0, 1800.0, 60.0, 60.0, 0.0),
    ],
)
def test_uniform_delay_is_as_published(flow: float, saturation: float, green_s: float, cycle_s: float, delay_s: float, plain: bool) -> None:
    degree = kernel("saturation_degree", plain)(flow, saturation, green_s, cycle_s)
    assert kernel("uniform_delay_s", plain)(cycle_s, green_s, degree) == pytest.approx(delay_s, abs=0.05)


@COMPILED_AND_PLAIN
def test_control_delay_of_an_oversaturated_lane_group_is_as_worked_by_hand(plain: bool) -> None:
    # Roess and Prassas, Traffic Engineering: v 800, c 775, g/C 0.40, C 90 s, T 0.25 h. d1 = 45 * 0.36 / 0.6 = 27.0;
    # X - 1 = 0.03226; d2 = 225 (0.03226 + sqrt(0.001041 + 4 * 1.03226 / 193.75)) = 225 (0.03226 + 0.14950) = 40.9.
    found_s = kernel("control_delay_s", plain)(800.0, 775.0 / 0.40, 36.0, 90.0)
    assert found_s == pytest.approx(27.0 + 40.9, abs=0.05)
    assert kernel("incremental_delay_s", plain)(800.0 / 775.0, 775.0, 0.25, 0.5, 1.0) == pytest.approx(40.9, abs=0.05)


@COMPILED_AND_PLAIN
def test_good_progression_lowers_only_the_uniform_part(plain: bool) -> None:
    control_s = kernel("control_delay_s", plain)
    even_s, banded_s = (control_s(400.0, 1800.0, 30.0, 60.0, 0.25, 0.5, 1.0, pf) for pf in (1.0, 0.5))
    degree = 400.0 / 900.0
    assert even_s - banded_s == pytest.approx(0.5 * kernel("uniform_delay_s", plain)(60.0, 30.0, degree))


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("initial_veh", "degree", "lasts_h", "delay_s"),
    [
        (0.0, 0.8, 0.0, 0.0),
        # c 800, X 0.8: 160 veh/h to spare clear 20 vehicles in 0.125 h; 1800 * 20 * 0.125 / (800 * 0.25) = 22.5 s.
        (20.0, 0.8, 0.125, 22.5),
        # 80 vehicles: 40 go within the period, u = 1 - 40 / 80; 1800 * 80 * 1.5 * 0.25 / 200 = 270 s.
        (80.0, 0.8, 0.25, 270.0),
        # Oversaturated, the queue stays behind everybody, u = 1: 1800 * 20 * 2 * 0.25 / 200 = 90 s, 20 vehicles at 800 veh/h.
        (20.0, 1.2, 0.25, 90.0),
        (NAN, 0.8, NAN, NAN),
        (20.0, NAN, NAN, NAN),
    ],
)
def test_a_queue_from_before_delays_as_worked_by_hand(
    initial_veh: float, degree: float, lasts_h: float, delay_s: float, plain: bool
) -> None:
    assert kernel("unserved_h", plain)(initial_veh, 800.0, degree, 0.25) == pytest.approx(lasts_h, nan_ok=True)
    assert kernel("initial_queue_delay_s", plain)(initial_veh, 800.0, degree, 0.25) == pytest.approx(delay_s, nan_ok=True)


@COMPILED_AND_PLAIN
def test_while_a_queue_lasts_the_uniform_delay_is_that_of_saturation(plain: bool) -> None:
    control_s = kernel("control_delay_s", plain)
    # c 800 = 1600 * 0.5, X 0.8, C 60: d1 is 0.5 * 60 * 0.25 / 0.6 = 12.5 s alone, 15 s at saturation; the queue lasts half the period.
    without_s = control_s(640.0, 1600.0, 30.0, 60.0)
    with_s = control_s(640.0, 1600.0, 30.0, 60.0, 0.25, 0.5, 1.0, 1.0, 20.0)
    assert with_s - without_s == pytest.approx(0.5 * (15.0 - 12.5) + 22.5)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("delay_s", "degree", "grade"),
    [
        *[(s, 0.9, g) for s, g in ((0.0, 0), (10.0, 0), (10.1, 1), (20.1, 2), (35.0, 2), (35.1, 3), (55.1, 4), (80.1, 5))],
        (5.0, 1.01, 5),
        (NAN, 0.5, -1),
        (5.0, NAN, -1),
    ],
)
def test_the_level_of_service_goes_by_delay_and_falls_to_f_beyond_capacity(delay_s: float, degree: float, grade: int, plain: bool) -> None:
    assert kernel("level_of_service", plain)(delay_s, degree) == grade


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(("flow", "wait_s"), [(0.0, 0.0), (900.0, 1.0), (1620.0, 9.0), (1800.0, NAN), (2000.0, NAN), (NAN, NAN)])
def test_the_queue_with_even_service_waits_as_pollaczek_says(flow: float, wait_s: float, plain: bool) -> None:
    # mu = 0.5 / s: rho / (2 mu (1 - rho)) = 0.5 / 0.5 = 1 s at half load, 0.9 / 0.1 = 9 s at nine tenths.
    assert kernel("md1_wait_s", plain)(flow, 1800.0) == pytest.approx(wait_s, nan_ok=True)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("green_s", "cycle_s", "saturation"),
    [
        (0.0, 60.0, 1800.0),
        (-5.0, 60.0, 1800.0),
        (70.0, 60.0, 1800.0),
        (30.0, 0.0, 1800.0),
        (30.0, 60.0, 0.0),
        (NAN, 60.0, 1800.0),
    ],
)
def test_an_impossible_signal_has_no_delay_rather_than_a_wrong_one(green_s: float, cycle_s: float, saturation: float, plain: bool) -> None:
    for name in ("control_delay_s", "webster_delay_s"):
        found_s = kernel(name, plain)(400.0, saturation, green_s, cycle_s)
        assert isnan(found_s)


@COMPILED_AND_PLAIN
def test_webster_has_no_answer_at_saturation_and_the_uniform_one_without_flow(plain: bool) -> None:
    webster_s = kernel("webster_delay_s", plain)
    assert isnan(webster_s(900.0, 1800.0, 30.0, 60.0))
    assert webster_s(0.0, 1800.0, 30.0, 60.0) == 7.5


@COMPILED_AND_PLAIN
def test_the_mean_delay_leaves_out_whom_nothing_serves_and_whom_a_group_counts(plain: bool) -> None:
    mean_s = kernel("mean_control_delay_s", plain)
    within, greens_s = np.array([[True, False], [True, True]]), np.array([20.0, 25.0])
    flow, saturation = np.array([400.0, 300.0, 200.0, 900.0]), np.full(4, 1800.0)
    class_of, counted = np.array([0, 1, -1, 0]), np.array([True, True, True, False])
    # The first has 20 s of green, the second 45 s; the third is never served, the last stands in a group.
    one_s, other_s = (delay.control_delay_s(q, 1800.0, g, 60.0) for q, g in ((400.0, 20.0), (300.0, 45.0)))
    found_s = mean_s(flow, saturation, class_of, within, counted, greens_s, 60.0, 0.25)
    assert found_s == pytest.approx((400.0 * one_s + 300.0 * other_s) / 700.0)
    assert mean_s(np.zeros(4), saturation, class_of, within, counted, greens_s, 60.0, 0.25) == 0.0
    assert isnan(mean_s(np.full(4, NAN), saturation, class_of, within, counted, greens_s, 60.0, 0.25))

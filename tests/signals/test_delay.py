"""Delay formulas: published examples, limits, and no answer where there is none."""

from collections.abc import Callable
from math import isnan

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

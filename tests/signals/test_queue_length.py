"""Queues in closed form: numbers worked by hand, limits, and no answer where there is none."""

from collections.abc import Callable

import pytest

from signals.kernels import queue_length

NAN = float("nan")
COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])


def kernel(name: str, plain: bool) -> Callable[..., float]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(queue_length, name)
    chosen: Callable[..., float] = function.py_func if plain else function
    return chosen


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("degree", "overflow_veh"),
    [
        # c 900 veh/h, C 80 s: 20 vehicles a green, X_o = 0.67 + 20 / 600 = 0.7033; c T = 225.
        (0.70, 0.0),
        # 56.25 (-0.05 + sqrt(0.0025 + 12 * 0.24667 / 225)) = 56.25 (-0.05 + 0.12512) = 4.23
        (0.95, 4.23),
        # 56.25 sqrt(12 * 0.29667 / 225) = 7.08
        (1.0, 7.08),
        # 56.25 (0.2 + sqrt(0.04 + 12 * 0.49667 / 225)) = 56.25 (0.2 + 0.25784) = 25.75: half of 45 over, and chance
        (1.2, 25.75),
        (NAN, NAN),
    ],
)
def test_the_overflow_queue_is_as_akcelik_writes_it(degree: float, overflow_veh: float, plain: bool) -> None:
    assert kernel("overflow_queue_veh", plain)(degree, 900.0, 80.0, 0.25) == pytest.approx(overflow_veh, abs=0.01, nan_ok=True)


@COMPILED_AND_PLAIN
def test_the_back_of_queue_by_akcelik_adds_what_red_gathers_to_the_overflow(plain: bool) -> None:
    back_veh = kernel("akcelik_back_veh", plain)
    # q 540, s 1800, g 40 of 80 s: X 0.6 without overflow; 0.15 * 40 / (1 - 0.3) = 8.571
    assert back_veh(540.0, 1800.0, 40.0, 80.0, 0.25) == pytest.approx(8.571, abs=0.001)
    # X 0.95: q 855, 0.2375 * 40 / 0.525 = 18.10, and 4.23 of overflow
    assert back_veh(855.0, 1800.0, 40.0, 80.0, 0.25) == pytest.approx(22.33, abs=0.01)


@COMPILED_AND_PLAIN
def test_the_back_of_queue_of_the_manual_is_as_worked_by_hand(plain: bool) -> None:
    # v 540, c 900, C 80: Q1 = 12 * 0.5 / (1 - 0.6 * 0.5) = 8.571.
    assert kernel("first_term_veh", plain)(540.0, 1800.0, 40.0, 80.0) == pytest.approx(8.571, abs=0.001)
    # k_B = 0.12 * 20^0.7 = 0.9770; c T = 225: 56.25 (-0.4 + sqrt(0.16 + 8 * 0.9770 * 0.6 / 225)) = 56.25 * 0.02525 = 1.420
    second_veh = kernel("second_term_veh", plain)
    assert second_veh(0.6, 900.0, 80.0, 0.25, 0.0, 1.0, False) == pytest.approx(1.420, abs=0.002)
    assert kernel("back_of_queue_veh", plain)(540.0, 1800.0, 40.0, 80.0) == pytest.approx(9.991, abs=0.003)
    # Actuated: k_B = 0.10 * 20^0.6 = 0.6034: 56.25 (-0.4 + sqrt(0.16 + 0.012872)) = 56.25 * 0.015779 = 0.888
    assert second_veh(0.6, 900.0, 80.0, 0.25, 0.0, 1.0, True) == pytest.approx(0.888, abs=0.002)
    # Ten vehicles from before: 16 * 0.9770 * 10 / 225^2 = 0.003088 more under the root, 56.25 * 0.028871 = 1.624
    assert second_veh(0.6, 900.0, 80.0, 0.25, 10.0, 1.0, False) == pytest.approx(1.624, abs=0.002)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(
    ("percent", "none", "many"), [(70.0, 1.3, 1.2), (85.0, 1.7, 1.4), (90.0, 2.0, 1.5), (95.0, 2.6, 1.6), (98.0, 3.2, 1.7)]
)
def test_short_queues_scatter_more_than_long_ones(percent: float, none: float, many: float, plain: bool) -> None:
    factor = kernel("percentile_factor", plain)
    assert factor(0.0, percent) == pytest.approx(none)
    assert factor(1000.0, percent) == pytest.approx(many)
    assert factor(0.0, percent) > factor(5.0, percent) > factor(20.0, percent)


@COMPILED_AND_PLAIN
def test_what_is_not_known_has_no_queue(plain: bool) -> None:
    for name in ("akcelik_back_veh", "back_of_queue_veh"):
        for flow, saturation, green_s, cycle_s in ((NAN, 1800.0, 30.0, 60.0), (500.0, 0.0, 30.0, 60.0), (500.0, 1800.0, 61.0, 60.0)):
            assert kernel(name, plain)(flow, saturation, green_s, cycle_s, 0.25) != kernel(name, plain)(500.0, 1800.0, 30.0, 60.0, 0.25)
            assert str(kernel(name, plain)(flow, saturation, green_s, cycle_s, 0.25)) == "nan"
    assert str(kernel("percentile_factor", plain)(5.0, 50.0)) == str(kernel("percentile_factor", plain)(NAN, 95.0)) == "nan"


@COMPILED_AND_PLAIN
def test_a_queue_over_its_storage_spills_back(plain: bool) -> None:
    assert kernel("storage_ratio", plain)(12.0, 8.0) == 1.5
    assert str(kernel("storage_ratio", plain)(12.0, 0.0)) == "nan"

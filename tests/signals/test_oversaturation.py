"""Greens beyond capacity: the queues that grow share the green, the heavier discharge first, minimums kept."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from signals.kernels import oversaturation, webster
from signals.types import Floats

COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])
ONE_EACH = np.eye(2, dtype=np.int64) * 2


def greens_s(flow: list[float], saturation: list[float], least_s: float = 7.0, plain: bool = False) -> Floats:
    """Greens of two phases with a movement each, 60 s to share out of a cycle of 72 s."""
    function = oversaturation.least_overflow_greens_s
    chosen: Callable[..., Floats] = function.py_func if plain else function
    class_of, within = webster.classes_of(ONE_EACH)
    arrays = (np.array(flow), np.array(saturation), class_of, within, np.ones(2, dtype=np.bool_))
    return chosen(*arrays, 72.0, 12.0, np.full(2, least_s), 1.0)


@COMPILED_AND_PLAIN
def test_equal_streams_share_equally_and_a_lighter_one_is_not_starved(plain: bool) -> None:
    np.testing.assert_array_equal(greens_s([1200.0, 1200.0], [1800.0, 1800.0], plain=plain), [30.0, 30.0])
    # 24 and 16 vehicles come, 30 leave: 5 of each are left over.
    np.testing.assert_array_equal(greens_s([1200.0, 800.0], [1800.0, 1800.0], plain=plain), [38.0, 22.0])


@COMPILED_AND_PLAIN
def test_of_equal_streams_the_one_that_discharges_faster_has_the_smaller_queue(plain: bool) -> None:
    found_s = greens_s([2000.0, 2000.0], [3600.0, 1800.0], plain=plain)
    class_of, within = webster.classes_of(ONE_EACH)
    left_of = oversaturation.left_over_veh.py_func if plain else oversaturation.left_over_veh
    left_veh = left_of(np.full(2, 2000.0), np.array([3600.0, 1800.0]), class_of, within, found_s, 72.0)
    # The slopes s * left meet: 1 veh/s * left_1 = 0.5 veh/s * left_2, to a step.
    assert left_veh[0] < left_veh[1]
    assert left_veh[0] == pytest.approx(0.5 * left_veh[1], abs=1.0)


def test_no_other_greens_leave_a_smaller_sum_of_squares() -> None:
    flow, saturation = [1500.0, 900.0], [2400.0, 1700.0]
    class_of, within = webster.classes_of(ONE_EACH)

    def squares(first_s: float) -> float:
        both_s = np.array([first_s, 60.0 - first_s])
        return float((oversaturation.left_over_veh(np.array(flow), np.array(saturation), class_of, within, both_s, 72.0) ** 2).sum())

    found_s = greens_s(flow, saturation)
    assert found_s.sum() == 60.0
    assert squares(float(found_s[0])) == pytest.approx(min(squares(float(g)) for g in range(7, 54)))


@COMPILED_AND_PLAIN
@pytest.mark.parametrize("least_s", [7.0, 20.0, 29.5])
def test_minimums_hold_however_light_the_flow(least_s: float, plain: bool) -> None:
    found_s = greens_s([3000.0, 10.0], [1800.0, 1800.0], least_s, plain)
    assert found_s[1] == np.ceil(least_s)
    assert found_s.sum() == 60.0


@COMPILED_AND_PLAIN
def test_green_that_nobody_needs_is_not_given(plain: bool) -> None:
    np.testing.assert_array_equal(greens_s([100.0, 100.0], [1800.0, 1800.0], plain=plain), [7.0, 7.0])


@COMPILED_AND_PLAIN
def test_an_unknown_flow_has_no_greens(plain: bool) -> None:
    assert np.isnan(greens_s([float("nan"), 100.0], [1800.0, 1800.0], plain=plain)).all()


def test_queues_grow_less_unevenly_than_with_greens_in_proportion_to_the_ratios() -> None:
    """Over five cycles at 1.2 times capacity, the longest queue is shorter and more vehicles are served."""
    flow, saturation = np.array([1800.0, 900.0]), np.array([3600.0, 1200.0])
    class_of, within = webster.classes_of(ONE_EACH)
    proportional_s = webster.proportional_greens_s(flow / saturation, 60.0, np.full(2, 7.0))
    ours_s = greens_s(flow.tolist(), saturation.tolist())
    left_veh = [oversaturation.left_over_veh(flow, saturation, class_of, within, g, 72.0) for g in (proportional_s, ours_s)]
    for proportional, ours in itertools.pairwise(left_veh):
        assert (ours**2).sum() < (proportional**2).sum()
        assert ours.sum() < proportional.sum()

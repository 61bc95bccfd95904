"""Aspects second by second: yellow before red, green only after the intergreen, the minimum green kept."""

import numpy as np
import pytest

from rl.twin import lights
from rl.twin.lights import AMBER, CLOSED, GONE_AMBER, PROTECTED
from signals.types import Ints

SERVES = np.array([[[2, 0, 2], [0, 2, 2]]], dtype=np.int64)
INTERGREEN_S = np.array([[[0.0, 3.0], [3.0, 0.0]]])


def towards(wanted: int, age_s: float, compiled: bool = True) -> tuple[Ints, int, float]:
    """Eight seconds of one signal, standing in phase 0: its aspects [second, movement], and its phase and age after them."""
    phase, before, ages_s = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.array([age_s])
    function = lights.towards if compiled else lights.towards.py_func
    found = function(
        np.array([wanted]), 8, phase, before, ages_s, np.array([[5.0, 5.0]]), SERVES, INTERGREEN_S, np.array([0, 3], dtype=np.int64)
    )
    return found, int(phase[0]), float(ages_s[0])


@pytest.mark.parametrize("compiled", [True, False])
def test_who_loses_green_sees_yellow_and_who_gains_it_waits_for_its_end(compiled: bool) -> None:
    shown, phase, age_s = towards(1, 5.0, compiled)
    assert shown[:, 0].tolist() == [AMBER, GONE_AMBER, GONE_AMBER, *[CLOSED] * 5]
    assert shown[:, 1].tolist() == [CLOSED] * 3 + [PROTECTED] * 5
    assert shown[:, 2].tolist() == [PROTECTED] * 8
    assert (phase, age_s) == (1, 5.0)


def test_a_green_below_its_minimum_goes_on() -> None:
    shown, phase, age_s = towards(1, 4.0)
    assert (shown == SERVES[0, 0]).all()
    assert (phase, age_s) == (0, 12.0)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_end_of_the_last_green_second_is_remembered(compiled: bool) -> None:
    shown, _, _ = towards(1, 5.0)
    green_s = np.zeros(3)
    (lights.remember_green if compiled else lights.remember_green.py_func)(shown, 100.0, green_s)
    assert green_s.tolist() == [0.0, 108.0, 108.0]

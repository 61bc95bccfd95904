"""Counts are gathered until they are asked for; silence is not zero."""

import numpy as np

from citybrain.service.counted import Counted, gather

NONE = np.nan


def test_counts_add_up_until_they_are_taken() -> None:
    counted = Counted(3)
    counted.add(np.array([1.0, NONE, NONE]))
    counted.add(np.array([2.0, 4.0, NONE]))
    assert np.array_equal(counted.taken(np.array([2, 0])), [NONE, 3.0], equal_nan=True)
    counted.add(np.array([5.0, 6.0, 0.0]))
    assert np.array_equal(counted.taken(), [5.0, 10.0, 0.0])
    assert np.isnan(counted.taken()).all()


def test_the_kernel_in_python_gathers_the_same() -> None:
    compiled, plain = np.array([NONE, 1.0, 2.0, NONE]), np.array([NONE, 1.0, 2.0, NONE])
    counts = np.array([3.0, 4.0, NONE, NONE])
    gather(compiled, counts)
    gather.py_func(plain, counts)
    assert np.array_equal(compiled, [3.0, 5.0, 2.0, NONE], equal_nan=True)
    assert np.array_equal(plain, compiled, equal_nan=True)

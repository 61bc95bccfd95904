import numpy as np
import pytest

from forecasting.normal_equations import NormalEquations, add_rows

INPUTS = 4


def test_coefficients_that_lean_on_nobody_are_those_of_numpys_lstsq() -> None:
    rng = np.random.default_rng(1)
    sums = NormalEquations.none(3, INPUTS)
    x = rng.standard_normal((400, 3, INPUTS)).astype(np.float32)
    truth = rng.standard_normal((3, INPUTS))
    y = (x * truth).sum(axis=2) + 0.1 * rng.standard_normal((400, 3))
    weight = rng.uniform(0.5, 2.0, (400, 3))
    for row in range(400):
        sums.learn(x[row], y[row], weight[row])
    found = sums.solved(np.arange(3), sums.common(), 1e-6)
    for d in range(3):
        root = np.sqrt(weight[:, d])
        expected = np.linalg.lstsq(root[:, None] * x[:, d], root * y[:, d], rcond=None)[0]
        np.testing.assert_allclose(found[d], expected, atol=2e-4)


def test_who_has_few_rows_leans_on_all_and_who_has_many_does_not() -> None:
    rng = np.random.default_rng(2)
    sums = NormalEquations.none(20, 1)
    for row in range(3000):
        x = rng.standard_normal((20, 1)).astype(np.float32)
        weight = np.ones(20)
        weight[1] = 1.0 if row < 30 else 0.0
        y = x[:, 0] * np.where(np.arange(20) < 2, 0.9, 0.2)
        sums.learn(x, y, weight)
    found = sums.solved(np.arange(20), sums.common(), 300.0)[:, 0]
    assert found[0] == pytest.approx(0.9, abs=0.1)
    assert found[1] == pytest.approx(found[5], abs=0.15)


def test_nothing_learned_says_nothing() -> None:
    sums = NormalEquations.none(2, INPUTS)
    np.testing.assert_array_equal(sums.solved(np.arange(2), sums.common(), 100.0), np.zeros((2, INPUTS)))


def test_the_kernel_adds_the_lower_triangle_and_leaves_out_who_weighs_nothing() -> None:
    rng = np.random.default_rng(3)
    x, y, weight = rng.standard_normal((2, INPUTS)).astype(np.float32), rng.standard_normal(2), np.array([2.0, 0.0])
    for kernel in (add_rows, add_rows.py_func):
        gram, moment = np.zeros((2, 10), np.float32), np.zeros((2, INPUTS), np.float32)
        kernel(gram, moment, x, y, weight)
        np.testing.assert_allclose(gram[0], 2.0 * np.outer(x[0], x[0])[np.tril_indices(INPUTS)], rtol=1e-5)
        np.testing.assert_allclose(moment[0], 2.0 * x[0] * y[0], rtol=1e-5)
        assert not gram[1].any() and not moment[1].any()


def test_sums_are_stored_and_others_are_refused() -> None:
    sums = NormalEquations.none(2, INPUTS)
    sums.learn(np.ones((2, INPUTS), np.float32), np.ones(2), np.ones(2))
    again = NormalEquations.from_arrays(sums.arrays())
    assert again.rows == 2.0 and again.weight == 2.0
    with pytest.raises(ValueError, match="sums of shapes"):
        NormalEquations.from_arrays({**sums.arrays(), "gram": np.zeros((2, 9))})

import numpy as np
import pytest

from forecasting.singular import singular


@pytest.mark.parametrize("shape", [(5, 40), (40, 5), (12, 12)])
def test_it_finds_what_numpys_decomposition_finds(shape: tuple[int, int]) -> None:
    table = np.random.default_rng(1).standard_normal(shape)
    left, size = singular(table)
    expected_left, expected, _ = np.linalg.svd(table, full_matrices=False)
    np.testing.assert_allclose(size[: min(shape)], expected, rtol=1e-7)
    np.testing.assert_allclose(np.abs((left[:, : min(shape)] * expected_left).sum(axis=0)), 1.0, rtol=1e-7)

"""Singular vectors of a table by the eigenvalues of its smaller Gram matrix: quick where one side is short."""

import numpy as np

from signals.types import Floats


def singular(table: Floats) -> tuple[Floats, Floats]:
    """Left singular vectors [row, k] and singular values [k] of `table` [row, column], largest first."""
    rows, columns = table.shape
    if rows <= columns:
        values, left = np.linalg.eigh(table @ table.T)
        return left[:, ::-1], np.sqrt(np.maximum(values[::-1], 0.0))
    values, right = np.linalg.eigh(table.T @ table)
    size = np.sqrt(np.maximum(values[::-1], 0.0))
    return table @ right[:, ::-1] / np.maximum(size, 1e-9), size

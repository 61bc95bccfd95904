"""Least squares for many detectors at once, learned row by row: each one's own sums, leaning on those of all.

a_d = (X'X + k S)^-1 (X'y + k S a), with S all detectors' mean X'X a row and a their common solution.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from forecasting.base import Arrays
from signals.types import Floats, Ints

Table = npt.NDArray[np.float32]
RIDGE = 3e-4
FEW_ROWS = 2000.0  # the common solution itself leans on zero by as many rows of variance 1


@njit(cache=True, nogil=True)
def add_rows(gram: Table, moment: Table, inputs: Table, target: Floats, weight: Floats) -> None:
    """gram [detector, pair], moment [detector, input] += weight x'x and weight x'y; pairs are the lower triangle by rows."""
    for d in range(inputs.shape[0]):
        if weight[d] > 0.0:
            k = 0
            for i in range(inputs.shape[1]):
                scaled = weight[d] * inputs[d, i]
                moment[d, i] += scaled * target[d]
                for j in range(i + 1):
                    gram[d, k] += scaled * inputs[d, j]
                    k += 1


@dataclass(slots=True)
class NormalEquations:
    """Sums a detector."""

    gram: Table = field(repr=False)
    """[detector, pair] lower triangle of X'WX"""
    moment: Table = field(repr=False)
    """[detector, input] X'Wy"""
    weight: float = 0.0
    rows: float = 0.0
    """of all detectors together"""

    @classmethod
    def none(cls, detectors: int, inputs: int) -> Self:
        """Nothing learned yet."""
        return cls(np.zeros((detectors, inputs * (inputs + 1) // 2), np.float32), np.zeros((detectors, inputs), np.float32))

    def learn(self, inputs: Table, target: Floats, weight: Floats) -> None:
        """Add a row a detector: inputs [detector, input], target and weight [detector]; weight 0 leaves it out."""
        add_rows(self.gram, self.moment, inputs, target, weight)
        self.weight += float(weight.sum())
        self.rows += float((weight > 0.0).sum())

    def common(self) -> tuple[Floats, Floats]:
        """Mean X'WX a weight [input, input] of all detectors, and their common solution [input]."""
        number = self.moment.shape[1]
        if self.weight <= 0.0:
            return np.eye(number), np.zeros(number)
        mean = self.gram.sum(axis=0, dtype=np.float64) / self.weight
        square = _square(mean[None], number)[0] + RIDGE * np.eye(number)
        target = self.moment.sum(axis=0, dtype=np.float64) / self.weight
        return square, np.linalg.solve(square + FEW_ROWS / max(self.rows, 1.0) * np.eye(number), target)

    def solved(self, detectors: Ints, common: tuple[Floats, Floats], lean_rows: float) -> Floats:
        """Coefficients [detector, input] that lean on the common ones by `lean_rows` rows of a mean detector."""
        square, solution = common
        lean = lean_rows * self.weight / max(self.rows, 1.0) if self.rows else 1.0
        left = _square(self.gram[detectors].astype(np.float64), self.moment.shape[1]) + lean * square
        right = self.moment[detectors].astype(np.float64) + lean * (square @ solution)
        return np.asarray(np.linalg.solve(left, right[..., None])[..., 0])

    def arrays(self) -> dict[str, Any]:
        """The sums."""
        return {"gram": self.gram, "moment": self.moment, "rows": np.array([self.weight, self.rows])}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The sums again; ValueError where they do not fit."""
        gram, moment = np.asarray(arrays["gram"], np.float32), np.asarray(arrays["moment"], np.float32)
        number = moment.shape[1]
        if gram.shape != (len(moment), number * (number + 1) // 2):
            raise ValueError(f"sums of shapes {gram.shape} and {moment.shape}")
        weight, rows = arrays["rows"]
        return cls(gram, moment, float(weight), float(rows))


def _square(triangle: Floats, number: int) -> Floats:
    """Symmetric [.., input, input] of lower triangles [.., pair]."""
    out = np.empty((len(triangle), number, number))
    rows, columns = np.tril_indices(number)
    out[:, rows, columns] = triangle
    out[:, columns, rows] = triangle
    return out

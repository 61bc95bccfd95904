"""Regression trees as flat arrays, evaluated by Numba: what serves a boosted forecaster without the library that fitted it.

Numeric splits only: x <= threshold goes to the first child, and NaN the way that the split says. The two children of a node
lie side by side, so a step is an addition; four rows walk a tree together, which hides the time that loads take.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from forecasting.base import Arrays
from signals.errors import ForecastError
from signals.types import Bools, Floats, Ints

Table = npt.NDArray[np.float32]
BLOCK_ROWS = 256


@dataclass(frozen=True, slots=True)
class Forest:
    """The sum of many trees; a leaf is its own first child."""

    threshold: Table = field(repr=False)
    """[node]"""
    feature: Ints = field(repr=False)
    """[node]"""
    child: Ints = field(repr=False)
    """[node] the first child; the second follows it"""
    value: Floats = field(repr=False)
    """[node] 0 where it is no leaf"""
    nan_first: Bools = field(repr=False)
    """[node] whether NaN goes to the first child"""
    start: Ints = field(repr=False)
    """[tree] root"""

    @classmethod
    def none(cls) -> Self:
        """A forest without a tree: it says zero."""
        no = np.zeros(0, dtype=np.int64)
        return cls(np.zeros(0, np.float32), no, no, np.zeros(0), np.zeros(0, np.bool_), no)

    def values(self, rows: Table) -> Floats:
        """Sum of the trees [row] at `rows` [row, feature]."""
        out = np.zeros(len(rows))
        walk(
            np.ascontiguousarray(rows, dtype=np.float32), self.threshold, self.feature, self.child, self.value, self.nan_first,
            self.start, out, BLOCK_ROWS,
        )  # fmt: skip
        return out

    def arrays(self) -> Arrays:
        """The tables."""
        return {
            "tree_threshold": self.threshold,
            "tree_feature": self.feature,
            "tree_child": self.child,
            "tree_value": self.value,
            "tree_nan_first": self.nan_first.astype(np.float64),
            "tree_start": self.start,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, features: int) -> Self:
        """The forest again; ValueError where a node leads out of its tables or asks for an unknown feature."""
        threshold = np.asarray(arrays["tree_threshold"], dtype=np.float32)
        feature, child, start = (np.asarray(arrays[f"tree_{name}"]).astype(np.int64) for name in ("feature", "child", "start"))
        value, nan_first = np.asarray(arrays["tree_value"], np.float64), np.asarray(arrays["tree_nan_first"]) > 0.5
        nodes = np.arange(len(threshold))
        if not len(threshold) == len(feature) == len(child) == len(value) == len(nan_first):
            raise ValueError("trees whose tables differ in length")
        leaf = child == nodes
        # Children always lie behind their parent, so that every walk ends.
        if (feature < 0).any() or (feature >= features).any() or not (leaf | ((child > nodes) & (child + 1 < len(nodes)))).all():
            raise ValueError("trees that lead out of their tables")
        if (start < 0).any() or (start >= len(nodes)).any():
            raise ValueError("trees without their roots")
        return cls(threshold, feature, child, value, nan_first, start)


@njit(cache=True, nogil=True)
def walk(
    rows: Table, threshold: Table, feature: Ints, child: Ints, value: Floats, nan_first: Bools, start: Ints, out: Floats, block: int
) -> None:
    """Add every tree's value at rows [row, feature] to out [row]; tree by tree within blocks of rows."""
    number = rows.shape[0]
    for first in range(0, number, block):
        last = min(first + block, number)
        for k in range(len(start)):
            root = start[k]
            i = first
            while i + 4 <= last:
                a, b, c, d = root, root, root, root
                going = True
                while going:
                    p, q, r, s = rows[i, feature[a]], rows[i + 1, feature[b]], rows[i + 2, feature[c]], rows[i + 3, feature[d]]
                    e = child[a] + (not ((p <= threshold[a]) | (np.isnan(p) & nan_first[a])))
                    f = child[b] + (not ((q <= threshold[b]) | (np.isnan(q) & nan_first[b])))
                    g = child[c] + (not ((r <= threshold[c]) | (np.isnan(r) & nan_first[c])))
                    h = child[d] + (not ((s <= threshold[d]) | (np.isnan(s) & nan_first[d])))
                    going = (e != a) | (f != b) | (g != c) | (h != d)
                    a, b, c, d = e, f, g, h
                out[i] += value[a]
                out[i + 1] += value[b]
                out[i + 2] += value[c]
                out[i + 3] += value[d]
                i += 4
            while i < last:
                a = root
                while child[a] != a:
                    p = rows[i, feature[a]]
                    a = child[a] + (not ((p <= threshold[a]) | (np.isnan(p) & nan_first[a])))
                out[i] += value[a]
                i += 1


def from_dump(dumps: Sequence[Mapping[str, Any]], share: float = 1.0) -> Forest:
    """A forest of LightGBM boosters as `Booster.dump_model` tells them, each tree's value times `share`."""
    nodes: list[tuple[float, int, int, float, bool]] = []
    start = []
    for dump in dumps:
        for tree in dump["tree_info"]:
            start.append(len(nodes))
            nodes.extend(_laid_out(tree["tree_structure"], len(nodes), share))
    threshold, feature, child, value, nan_first = zip(*nodes, strict=True)
    return Forest(
        _floor32(np.array(threshold)),
        np.array(feature, dtype=np.int64),
        np.array(child, dtype=np.int64),
        np.array(value),
        np.array(nan_first),
        np.array(start, dtype=np.int64),
    )


def _laid_out(root: Mapping[str, Any], base: int, share: float) -> list[tuple[float, int, int, float, bool]]:
    """The nodes of one tree breadth first: (threshold, feature, first child, value, NaN goes there)."""
    out: list[tuple[float, int, int, float, bool]] = []
    waiting: deque[Mapping[str, Any]] = deque([root])
    laid = 1
    while waiting:
        node = waiting.popleft()
        here = base + len(out)
        if "split_index" not in node:
            out.append((np.inf, 0, here, share * float(node["leaf_value"]), True))
            continue
        if node["decision_type"] != "<=":
            raise ForecastError(f"a tree splits by {node['decision_type']!r}, expected '<='")
        threshold = float(node["threshold"])
        # Where no value was missing in training, LightGBM reads NaN as 0.
        first = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0.0
        out.append((threshold, int(node["split_feature"]), base + laid, 0.0, first))
        waiting.extend((node["left_child"], node["right_child"]))
        laid += 2
    return out


def _floor32(threshold: Floats) -> Table:
    """The largest float32 not above: for a float32 x, x <= t and x <= floor(t) are the same."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    return np.where(near.astype(np.float64) > threshold, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)

"""When a plan is green: neighbouring stages join, a green over the cycle's end is one green, and start-up is lost once a green."""

import numpy as np
import pytest

from citybrain.green_times import Span, changes_s, effective_green_s, green_spans, stage_starts_s
from signals.types import Network

GRID_STARTS_S = [0.0, 34.0, 45.0, 79.0]  # of the grid's base plan: 31, 8, 31 and 8 s of green, 3 s of yellow after each


def test_stages_begin_after_the_greens_and_changes_before_them(grid: Network) -> None:
    signal = grid.signals[0]
    assert stage_starts_s(signal, signal.base) == GRID_STARTS_S
    assert changes_s(signal, signal.base) == [3.0] * 4


@pytest.mark.parametrize(
    ("served", "spans"),
    [
        ((1, 0, 0, 0), [(0.0, 31.0)]),
        ((1, 1, 0, 0), [(0.0, 42.0)]),
        ((1, 0, 1, 0), [(0.0, 31.0), (45.0, 76.0)]),
        ((1, 0, 0, 1), [(79.0, 121.0)]),  # over the cycle's end of 90 s
        ((1, 1, 0, 1), [(79.0, 132.0)]),
        ((1, 1, 1, 1), [(0.0, 90.0)]),
        ((0, 0, 0, 0), []),
    ],
)
def test_greens_of_neighbouring_stages_are_one(served: tuple[int, ...], spans: list[tuple[float, float]], grid: Network) -> None:
    signal = grid.signals[0]
    found = green_spans(signal, signal.base, np.array(served, dtype=bool))
    assert [(s.start_s, s.end_s) for s in found] == spans


def test_each_green_loses_its_start_up_and_one_without_end_nothing() -> None:
    assert effective_green_s([Span(0.0, 31.0), Span(45.0, 76.0)], 90.0, 2.0) == 58.0
    assert effective_green_s([Span(0.0, 90.0)], 90.0, 2.0) == 90.0
    assert effective_green_s([], 90.0, 2.0) == 0.0

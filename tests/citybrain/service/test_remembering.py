"""The congestion index's memory: means move by their weights; silence is nothing, an intergreen serves nobody."""

from typing import Any

import numpy as np
import pytest

from citybrain.service.remembering import remember

SERVES = np.array([[[2, 1], [0, 2]], [[2, 0], [1, 0]]])
START = np.array([0, 2, 3])
USABLE = np.array([0.0, 0.5, 1.0])


@pytest.mark.parametrize("kernel", [remember, remember.py_func], ids=["compiled", "python"])
def test_means_move_by_their_weights(kernel: Any) -> None:
    queue, heard, flow, share = np.array([1.0, 1.0]), np.array([False, True]), np.full(3, 0.1), np.full(3, 0.2)
    kernel(
        np.array([4.0, np.nan, np.nan]), np.array([2.0, np.nan, 4.0]), np.array([0, 1]), np.array([3.0, -2.0]), SERVES, START, USABLE,
        (0.5, 0.25, 0.1), 2.0, queue, heard, flow, share,
    )  # fmt: skip
    assert queue == pytest.approx([2.5, 0.5]) and heard.tolist() == [True, False]
    assert flow == pytest.approx([0.1 + 0.25 * 0.9, 0.075, 0.1 + 0.25 * 1.9])
    assert share == pytest.approx([0.28, 0.23, 0.18])


@pytest.mark.parametrize("phase", [-1, 2])
def test_an_unknown_phase_serves_nobody(phase: int) -> None:
    queue, heard, flow, share = np.zeros(2), np.zeros(2, dtype=bool), np.zeros(3), np.ones(3)
    nothing = np.zeros(3)
    remember(nothing, nothing, np.array([phase, 0]), np.ones(2), SERVES, START, USABLE, (1.0, 1.0, 1.0), 1.0, queue, heard, flow, share)
    assert share.tolist() == [0.0, 0.0, 1.0]

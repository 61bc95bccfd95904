"""Claims about the order of loops on a way."""

import numpy as np
import pytest

from signals.links.detectors import Detector, Way
from signals.links.loop_order import LoopOrder

LOOPS = (
    Detector("far", "a_0", 100.0, 20.0, 20.0, "advance", (Way(0, 100.0, "middle"),)),
    Detector("middle", "b_0", 100.0, 20.0, 20.0, "advance", (Way(0, 0.0, "near"),)),
    Detector("near", "b_0", 100.0, 60.0, 60.0, "advance", (Way(0, 0.0),)),
    Detector("twin", "b_1", 100.0, 62.0, 62.0, "advance", (Way(1, 0.0),)),
)


@pytest.mark.parametrize(
    ("silent", "expected"),
    [
        ([], {("far", 0): (1, 80.0), ("middle", 0): (2, 40.0)}),
        ([1], {("far", 0): (2, 40.0), ("middle", 0): (2, 40.0)}),
        ([2], {("far", 0): (1, 80.0)}),
        ([1, 2], {}),
    ],
)
def test_silent_loops_are_passed_over(silent: list[int], expected: dict[tuple[str, int], tuple[int, float]]) -> None:
    mute = np.zeros(4, dtype=np.bool_)
    mute[silent] = True
    assert LoopOrder(LOOPS, mute).following == expected


def test_loops_side_by_side_stand_in_for_each_other() -> None:
    order = LoopOrder(LOOPS, np.zeros(4, dtype=np.bool_))
    assert order.beside["near"].tolist() == [2, 3]
    assert order.beside["middle"].tolist() == [1]

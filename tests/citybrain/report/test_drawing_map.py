"""Queues on the map: mean over the run, the same scale on both sides, a bar of a round length."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from citybrain.drawing_map import queue_map, queue_maps

Trace = dict[str, Any]
ROADS = [np.array([[-500.0, 0.0], [500.0, 0.0]]), np.array([[0.0, -200.0], [0.0, 300.0]])]


def circles(svg: str) -> list[str]:
    """Fill colours of the circles, in the order of drawing."""
    return re.findall(r'style="fill: (#[0-9a-f]{6}); stroke: #333333', svg)


def test_the_queue_of_a_panel_is_the_mean_over_the_run(trace: Callable[..., Trace]) -> None:
    half = trace(ticks=4)
    half["queue_veh"] = [[0.0, 8.0], [2.0, 8.0], [4.0, 0.0], [6.0, 0.0]]
    assert queue_map("x", half).queue_veh == pytest.approx([3.0, 4.0])


def test_each_signal_has_a_circle_and_long_queues_their_number(trace: Callable[..., Trace]) -> None:
    svg = queue_maps([queue_map("fixed", trace()), queue_map("clever", trace())], ROADS)
    assert len(circles(svg)) == 4
    for word in (">1.0<", ">2.0<", ">fixed<", ">clever<", "mean queue [veh]", ">100 m<"):
        assert word in svg


def test_equal_queues_have_equal_colours_on_both_sides(trace: Callable[..., Trace]) -> None:
    longer = trace()
    longer["queue_veh"] = [[2.0, 9.0] for _ in longer["times_s"]]
    left, right = queue_map("fixed", trace()), queue_map("clever", longer)
    first, second, third, fourth = circles(queue_maps([left, right], ROADS))  # longest queue first: 2, 1 and 9, 2
    assert first == fourth
    assert len({first, second, third}) == 3


@pytest.mark.parametrize("signals", [1, 2])
def test_a_net_without_roads_or_with_one_signal_or_without_queues_is_drawn(trace: Callable[..., Trace], signals: int) -> None:
    empty = trace(signals)
    empty["queue_veh"] = [[0.0] * signals for _ in empty["times_s"]]
    assert len(circles(queue_maps([queue_map("fixed", empty)], []))) == signals

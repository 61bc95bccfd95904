"""Phases over time: where a stretch begins and ends, and which signal is shown."""

from collections.abc import Callable
from typing import Any

import pytest

from citybrain.drawing import styles
from citybrain.drawing_phases import busiest_signal, green_spans, phase_diagram


@pytest.mark.parametrize(
    ("phases", "spans"),
    [
        ([0, 0, 1], [(0, 0.0, 20.0), (1, 20.0, 30.0)]),
        ([0, -1, 0], [(0, 0.0, 10.0), (0, 20.0, 30.0)]),
        ([-1, -1, -1], []),
    ],
)
def test_ticks_of_one_phase_are_one_stretch_and_intergreens_are_gaps(phases: list[int], spans: list[tuple[int, float, float]]) -> None:
    assert green_spans([0.0, 10.0, 20.0], phases) == spans


def test_no_ticks_have_no_stretch() -> None:
    assert green_spans([], []) == []


def test_the_busiest_signal_has_the_longest_mean_queue(trace: Callable[..., dict[str, Any]]) -> None:
    assert busiest_signal(trace()) == 1


def test_the_diagram_has_a_panel_a_controller_a_row_a_phase_and_the_queue(trace: Callable[..., dict[str, Any]]) -> None:
    both = {"fixed": trace(), "clever": trace()}
    svg = phase_diagram(both, 1, styles(["fixed", "clever"], "fixed"), 0.0)
    assert svg.count(">phase 0<") == svg.count(">phase 1<") == 2
    assert "queue [veh]" in svg
    assert "Phases of signal s1" in svg

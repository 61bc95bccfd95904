"""The bar chart of a plan: every second of the cycle has its lights, and groups that show the same share a row."""

from itertools import pairwise

import pytest

from citybrain.drawing_plan import light_spans, plan_bars, signal_groups
from signals.explain import movement_names
from signals.types import Network


def test_the_lights_fill_the_cycle_without_a_gap(grid: Network) -> None:
    signal = grid.signals[0]
    spans = light_spans(signal, signal.base)
    assert spans[0][0] == 0.0 and sum(length for _, length, _ in spans) == pytest.approx(signal.base.cycle_s)
    assert all(b[0] == pytest.approx(a[0] + a[1]) for a, b in pairwise(spans))
    assert [lights for _, _, lights in spans if "y" not in lights] == [signal.phases[s.phase].lights for s in signal.base.stages]


def test_movements_that_always_show_the_same_stand_in_one_row(grid: Network) -> None:
    signal = grid.signals[0]
    spans = light_spans(signal, signal.base)
    rows = signal_groups(signal, movement_names(signal), spans)
    assert len(rows) == 4  # north-south and its left turns, east-west and its left turns
    assert {"".join(lights[first] for _, _, lights in spans) for _, first in rows} == {
        "".join(lights[m] for _, _, lights in spans) for m in range(len(signal.movements))
    }


def test_the_chart_is_one_labelled_picture_with_its_rows(grid: Network) -> None:
    signal = grid.signals[0]
    svg = plan_bars(signal, signal.base, movement_names(signal), "bars-0")
    assert svg.startswith('<svg role="img"') and "cycle 90 s, stages of 31 s, 8 s, 31 s, 8 s" in svg
    assert svg.count(" left") == 2
    assert "1: 31 s" in svg and "4: 8 s" in svg

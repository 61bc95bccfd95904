"""The page of plan sheets: every signal with its figures, every name escaped, nothing fetched from elsewhere."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from citybrain.arterials import arterials
from citybrain.plan_page import Origin, group_row, page_html, stage_rows, total_words, write_page
from citybrain.plan_sheet import Sheet
from citybrain.planning import plan_sheets
from signals.errors import ConfigError
from signals.explain import explain_plan, movement_names
from signals.layout import lay_out
from signals.rules import RULES, envelope
from signals.types import Network

ORIGIN = Origin("grid <2 x 2>", "webster plans for flows made up", "citybrain plan grid_2x2")


@pytest.fixture(scope="module")
def sheets(grid: Network) -> tuple[Sheet, ...]:
    """Plans in one cycle for even flows; the first movement carries far more than fits."""
    flow_veh_h = np.full(lay_out(grid).movements, 120.0)
    flow_veh_h[2] = 2000.0
    return plan_sheets(grid, tuple(envelope(s, RULES["resco"]) for s in grid.signals), flow_veh_h, cycle_s=90.0)


@pytest.fixture(scope="module")
def page(grid: Network, sheets: tuple[Sheet, ...]) -> str:
    """The page of these plans, approaches named by compass in the first signal."""
    arms = {grid.signals[0].id: {grid.signals[0].movements[0].approach: "N"}}
    return page_html(grid, sheets, arterials(grid, np.concatenate([s.flow_veh_h for s in sheets])), ORIGIN, arms)


def test_every_signal_has_its_sentence_its_chart_and_its_figures(page: str, sheets: tuple[Sheet, ...]) -> None:
    assert page.count('aria-label="Plan of signal') == len(sheets)
    for sheet in sheets[1:]:
        assert explain_plan(sheet.reasons()) in page and explain_plan(sheet.reasons("zh"), "zh") in page
        for group in sheet.groups:
            assert f"<td>{group.capacity_veh_h:.0f}</td>" in page and f"<td>{group.delay_s:.1f}</td>" in page


def test_every_arterial_has_a_diagram(page: str) -> None:
    assert page.count('aria-label="Time-space diagram of') == 4


def test_names_are_escaped_and_nothing_comes_from_elsewhere(page: str) -> None:
    assert "grid &lt;2 x 2&gt;" in page and "<2 x 2>" not in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page) and "http" not in page


def test_approaches_are_called_by_the_names_given(page: str, grid: Network) -> None:
    assert "<td>N through</td>" in page and f"<td>{grid.signals[1].movements[0].approach}" in page


def test_what_is_past_its_capacity_is_marked(page: str, sheets: tuple[Sheet, ...]) -> None:
    binding = sheets[0].binding
    assert binding is not None and binding.degree > 1.0 and group_row(binding, movement_names(sheets[0].signal))[-1] is True
    assert f'<td class="bad">{binding.degree:.2f}</td>' in page


def test_the_total_is_weighted_by_flow_and_silent_without_any(sheets: tuple[Sheet, ...]) -> None:
    groups = [g for s in sheets for g in s.groups]
    mean_s = sum(g.flow_veh_h * g.delay_s for g in groups) / sum(g.flow_veh_h for g in groups)
    assert total_words(sheets).startswith(f"All 4 signals: {mean_s:.1f} s/veh over ")
    assert total_words(tuple(replace(s, groups=()) for s in sheets)) == ""


def test_the_stages_begin_where_the_ones_before_end(sheets: tuple[Sheet, ...]) -> None:
    for sheet in sheets:
        rows = stage_rows(sheet, movement_names(sheet.signal))
        ends = [float(r[2]) + float(r[3]) + float(r[5]) + float(r[6]) for r in rows]
        assert [float(r[2]) for r in rows[1:]] == ends[:-1] and ends[-1] == sheet.plan.cycle_s


def test_a_page_that_cannot_be_written_is_one_sentence(grid: Network, sheets: tuple[Sheet, ...], tmp_path: Path) -> None:
    assert write_page(tmp_path / "new" / "plans.html", grid, sheets[:1], (), ORIGIN).is_file()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_page(tmp_path / "file" / "plans.html", grid, sheets[:1], (), ORIGIN)

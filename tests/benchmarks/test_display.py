"""What a bench prints: every figure with its interval, within 80 columns, names taken literally."""

import io
from collections.abc import Callable
from math import nan
from typing import Any

import pytest
from rich.console import Console

from benchmarks import display
from benchmarks.compare import compare
from citybrain.comparison import Change, Difference, Estimate
from citybrain.episode import EpisodeSpec

MakeRow = Callable[..., dict[str, Any]]


def printed(rows: list[dict[str, Any]], baseline: str = "fixed") -> str:
    """The tables of these rows, as a terminal of 80 columns shows them."""
    out = io.StringIO()
    console = Console(file=out, width=80)
    for table in display.result_tables(compare(rows, baseline)):
        console.print(table)
    return out.getvalue()


def test_the_table_shows_mean_interval_worst_seed_and_change(make_row: MakeRow) -> None:
    rows = [make_row("a", "fixed", s, d) for s, d in ((101, 40.0), (102, 60.0))]
    rows += [make_row("a", "clever", s, d) for s, d in ((101, 20.0), (102, 30.0))]
    text = printed(rows)
    for part in ("simulated", "2 seeds", "[s/veh]", "[veh/h]", "25.00", "20.00–30.00", "30.00", "(102)", "-50.0 %"):
        assert part in text


def test_the_table_of_the_widest_usual_figures_fits_80_columns_uncut(make_row: MakeRow) -> None:
    wide = {"throughput_veh_h": 4099.0, "congestion_index": 9.123}
    rows = [make_row("resco/ingolstadt21", c, s, d, **wide) for c, d in (("fixed", 99.0), ("rolling_horizon", 38.0)) for s in (101, 102)]
    text = printed(rows)
    assert "…" not in text
    assert "rolling_horizon" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_several_scenarios_have_a_table_over_all(make_row: MakeRow) -> None:
    rows = [make_row(s, c, 101, d) for s in ("a", "b") for c, d in (("fixed", 40.0), ("clever", 20.0))]
    assert "all scenarios" in printed(rows)
    assert "all scenarios" not in printed(rows[:2])


def test_missing_seeds_and_controllers_without_a_result_are_told(make_row: MakeRow) -> None:
    broken = {"error": {"kind": "LinkError", "sentence": "SUMO hangs", "text": ""}}
    rows = [make_row("a", "fixed", 101), make_row("a", "fixed", 102)]
    text = printed([*rows, {**make_row("a", "clever", 101), **broken}, {**make_row("a", "clever", 102), **broken}])
    assert "0 of 2 seeds" in text


def test_names_with_brackets_are_names_and_not_markup(make_row: MakeRow) -> None:
    assert "[red]x[/red]" in printed([make_row("[b]", "[red]x[/red]", 101)], "[red]x[/red]")


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (Estimate(2.0, 1.0, 3.0, 3.0, 101), "2.0\n1.0–3.0"),
        (Estimate(2.0, nan, nan, 2.0, 101), "2.0"),
        (Estimate(nan, nan, nan, nan, 101), "–"),
    ],
)
def test_an_unknown_interval_is_left_out(figure: Estimate, expected: str) -> None:
    assert display.with_interval(figure, 1) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (None, "–"),
        (Change(nan, nan, nan, 2), "–"),
        (Change(-5.0, nan, nan, 2), "-5.0 %"),
        (Difference(1.0, 1.0, 1.0, 5.0, 4.0, 6.0, 3), "+5.0 %\n+4.0 to +6.0"),
    ],
)
def test_a_change_has_its_sign_and_interval(change: Difference | Change | None, expected: str) -> None:
    assert display.change_lines(change) == expected


def test_the_bars_count_what_is_finished() -> None:
    specs = [EpisodeSpec(scenario="[a]", controller="fixed", seed=s) for s in (101, 102)]
    with display.EpisodeBars(Console(file=io.StringIO(), force_terminal=True, width=80), 2) as bars:
        for spec, share in ((specs[0], 0.0), (specs[0], 0.5), (specs[0], 1.0), (specs[1], 1.0)):
            bars.tell(spec, share)
        assert bars.finished == 2

"""Claims about the leaderboard's page: nothing from elsewhere, every figure with its interval, no figure where there is none."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from math import nan
from typing import Any

import pytest

from citybrain.comparison import Cell, Change, Comparison, Difference, Estimate
from citybrain.conditions import CONDITIONS
from citybrain.leaderboard_page import change_cell, page_html
from citybrain.standings import Field, Incidence, Leaderboard, Standing
from signals.metrics import METRICS

KEY = "delay_s_per_veh"
META = {"command": "citybrain leaderboard", "date": "2024-05-01", "sumo_options": {"net": ["--seed", "1"]}}
CHANGE = Difference(5.0, 4.0, 6.0, 25.0, 20.0, 30.0, 2)


def cell(controller: str, delay_s: float, changed: bool, **others: Any) -> Cell:
    figures = {key: Estimate(1.25, 1.2, 1.3, 1.3, 102) for key in METRICS}
    figures[KEY] = Estimate(delay_s, delay_s - 1.0, delay_s + 1.0, delay_s + 1.5, 102)
    return replace(Cell("net<b>", controller, (101, 102), figures, {KEY: CHANGE} if changed else {}, 0, ()), **others)


def comparison(baseline: str, *cells: Cell) -> Comparison:
    overall = {c.controller: {KEY: Change(25.0, 20.0, 30.0, 1)} for c in cells if c.controller != baseline}
    return Comparison(baseline, ("net<b>",), tuple(c.controller for c in cells), cells, overall)


def board(**others: Any) -> Leaderboard:
    """Two conditions: all three run under the first; actuated has no sensors for the second."""
    ours, theirs, plain = cell("rolling_horizon", 20.0, False), cell("actuated", 40.0, False), cell("webster", 25.0, True)
    clean_against = {
        "rolling_horizon": comparison("rolling_horizon", ours, cell("actuated", 40.0, True), plain),
        "actuated": comparison("actuated", cell("rolling_horizon", 20.0, True), theirs, plain),
    }
    clean = Field(CONDITIONS["clean"], clean_against["rolling_horizon"], clean_against, {}, {})
    poor = comparison("rolling_horizon", ours, plain)
    incidents = {"net<b>": Incidence("a_0", 50.0, 100.0, 200.0, 2, 300, 4.0, ("webster, seed 102",))}
    dead = Field(CONDITIONS["dead_30"], poor, {"rolling_horizon": poor}, {"actuated": "runs inside SUMO"}, incidents)
    standing = Standing(Change(25.0, 20.0, 30.0, 2), CHANGE, "net<b>", "dead_30", 2, 2)
    standings = {"rolling_horizon": {"actuated": replace(standing, cells=1), "webster": standing}, "actuated": {"webster": standing}}
    made = Leaderboard(("rolling_horizon", "actuated"), ("rolling_horizon", "actuated", "webster"), (clean, dead), standings)
    return replace(made, **others)


class Seen(HTMLParser):
    """Tags that are open at the end, ids, where links and scripts point to, and the cells of each table by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.sources: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.sources += [value or "" for key, value in attrs if key in ("src", "href")]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in ("meta", "br", "use", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "br", "use", "path"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


def test_the_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    seen = Seen(page_html(board(), META))
    assert seen.open == []
    assert len(seen.ids) == len(set(seen.ids))
    assert all(source.startswith("#") and source[1:] in seen.ids for source in seen.sources)


def test_every_row_of_a_table_has_a_cell_below_every_heading() -> None:
    tables = Seen(page_html(board(), META)).tables
    assert len(tables) == 4
    for table in tables:
        assert {len(row) for row in table} == {len(table[0])}


def test_names_are_escaped() -> None:
    text = page_html(board(), META)
    assert "net<b>" not in text and "net&lt;b&gt;" in text


def test_who_has_no_sensors_is_told_so_and_has_no_figure() -> None:
    page = page_html(board(), META)
    against, _, clean, dead = Seen(page).tables
    assert "n/a: actuated runs inside SUMO" in page
    (row,) = (row for row in dead if row[1] == "actuated")
    assert row[0] == "all" and set(row[2:]) == {"n/a"}
    assert [row[2] for row in against if row[0] == "actuated"] == ["n/a"]
    assert not any("n/a" in word for row in clean for word in row)


def test_a_figure_stands_with_its_interval_its_worst_seed_and_its_changes() -> None:
    clean = Seen(page_html(board(), META)).tables[2]
    (row,) = (row for row in clean if row[1] == "webster")
    assert row[2] == "25.00[24.00, 26.00]"
    assert row[3] == "26.50seed 102"
    assert row[4] == row[5] == "▲ +25.0 %[+20.0, +30.0]"


def test_the_standings_name_the_worst_and_count_what_is_too_bad() -> None:
    table = Seen(page_html(board(), META)).tables[0]
    (row,) = (row for row in table if row[0] == "webster")
    assert row[-2] == "▲ +25.0 %net<b>, dead_30" and row[-1] == "2 of 2"


def test_the_incident_is_named_with_who_never_met_it() -> None:
    text = page_html(board(), META)
    for words in (
        "lane a_0, one of 2, closed at 50 m from 100 s to 200 s; 300 trips",
        "for 4 s at most",
        "never came in: webster, seed 102",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("others", "words"),
    [({"safety_violations": 3}, "saw 3 violations"), ({"failures": ("seed 103: SUMO refused",)}, "webster, seed 103: SUMO refused")],
)
def test_violations_and_failures_are_said(others: dict[str, Any], words: str) -> None:
    assert words not in page_html(board(), META)
    one = comparison("rolling_horizon", cell("rolling_horizon", 20.0, False), cell("webster", 25.0, True, **others))
    field = Field(CONDITIONS["clean"], one, {"rolling_horizon": one}, {}, {})
    assert words in page_html(board(fields=(field,)), META)


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        (Change(-5.0, -9.0, -1.0, 3), "better"),
        (Change(5.0, 1.0, 9.0, 3), "worse"),
        (Change(5.0, -1.0, 9.0, 3), "alike"),
        (Change(5.0, nan, nan, 3), ""),  # one seed tells nothing
        (Difference(1.0, 0.5, 2.0, 5.0, -1.0, 9.0, 3), "alike"),
        (None, ""),
    ],
)
def test_a_change_is_marked_only_where_its_interval_leaves_no_doubt(change: Change | Difference | None, mark: str) -> None:
    assert change_cell(change)["mark"] == mark


def test_sorting_works_by_keyboard_and_is_read_aloud() -> None:
    text = page_html(board(), META)
    heads = re.findall(r'<th scope="col">(.*?)</th>', text, re.DOTALL)
    assert heads and all(head.startswith('<button type="button"') for head in heads)
    assert 'aria-live="polite"' in text and "aria-sort" in text
    assert 'role="img" aria-label="worse">▲' in text  # a sign beside the colour


def test_an_empty_condition_has_no_chart_and_says_why() -> None:
    empty = Field(CONDITIONS["loops"], None, {}, {"actuated": "runs inside SUMO"}, {})
    text = page_html(board(fields=(empty,)), META)
    assert "there is no chart" in text and "<svg" not in text

"""The back-test's page: well-formed, self-contained, every figure with its unit, hostile names harmless."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from citybrain.forecast_report import backtest_figures, finding, report_html, shown_columns, write_forecast_report
from forecasting.backtest import BacktestResult
from signals.errors import ConfigError

Result = Callable[..., BacktestResult]
ORIGIN = {"table": "counts.csv", "command": "citybrain forecast backtest --counts counts.csv"}
VOID = {"meta", "br", "link", "img"}


class Page(HTMLParser):
    """What a browser makes of a page: text, attributes, and elements that are not closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it as open."""
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without contents closes itself."""
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """It must be the last that was opened."""
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        """Collect what a reader sees."""
        self.words += data


@pytest.fixture(scope="module")
def text(result: Result) -> str:
    """The page of a back-test with hidden counts."""
    return report_html(result(silent=True), ORIGIN)


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(text: str) -> None:
    page = Page(text)
    assert (page.wrong, page.open) == ([], [])
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert re.findall(r"https?:|//[a-z]|@import|<script", text) == []
    assert not any(name in ("src", "srcset") for name, _ in page.attributes)
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert len(labels) == text.count("<svg") == text.count("<figure>") == 6
    assert all(labels)


@pytest.mark.parametrize(
    "word",
    [
        "residual, which the service uses, is off by 13.29 % of the traffic, the daily profile by 26.58 %",
        "held 95.8 % of the counts", "the week one", "39.87", "1.25", "[ms]", "Poisson floor", "WAPE = 100 sum|y - m| / sum y",
        "The worst detector: south", "The median detector: north", "Coverage by hour", "Error by hour and type of day", "soon to late",
        "citybrain forecast backtest --counts counts.csv", "60 min, forecast 60 min ahead", "48 of each detector by each model",
        "15 % of six-hour stretches, seed 3",
    ],
)  # fmt: skip
def test_the_page_shows_each_figure_unit_and_origin(word: str, text: str) -> None:
    assert word in Page(text).words


def test_hostile_names_are_shown_and_not_obeyed(result: Result) -> None:
    evil = '"><script>alert(1)</script>{{ 7*7 }}$x$'
    text = report_html(result(names=(evil, evil + "2", "lane")), {"table": evil})
    page = Page(text)
    assert "<script" not in text
    assert (page.wrong, page.open) == ([], [])
    assert evil in page.words
    assert "49" not in re.findall(r"\{\{.*?\}\}|49", page.words)


def test_only_columns_that_some_row_has_are_shown(result: Result) -> None:
    assert "wape_silent" not in [key for key, *_ in shown_columns(result())]
    whole = result()
    rows = (*whole.rows[:-1], whole.rows[-1] | {"wape_silent": 12.34})
    page = Page(report_html(replace(whole, rows=rows), ORIGIN)).words
    assert "WAPE of silent detectors" in page
    assert "12.34" in page


def test_where_the_services_model_was_not_tested_the_best_is_shown(result: Result) -> None:
    said = finding(result(default="mixed"))
    assert said.startswith("residual, the best of those tested (the service uses mixed)")
    assert "mixed" in Page(report_html(result(default="mixed"), ORIGIN)).words


def test_a_table_without_traffic_has_a_page_without_detectors(result: Result) -> None:
    whole = result()
    rows = tuple(row | {"wape": np.nan} for row in whole.rows)
    empty = replace(whole, truth_veh=0.0 * whole.truth_veh, rows=rows, poisson_floor_wape=np.nan)
    titles = [figure.title for figure in backtest_figures(empty)]
    assert titles == ["Models", "Error by hour and type of day", "Coverage by hour"]
    assert "–" in Page(report_html(empty, ORIGIN)).words


def test_the_page_is_written_where_it_should_be(result: Result, tmp_path: Path) -> None:
    path = write_forecast_report(tmp_path / "deep" / "report.html", result(), ORIGIN)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_forecast_report(path / "under" / "a_file.html", result(), ORIGIN)

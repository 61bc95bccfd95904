"""The report as a page: well-formed, self-contained, every number with its unit, hostile names harmless."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from citybrain import report
from citybrain.comparison import Cell, Comparison
from signals.errors import ConfigError

Trace = dict[str, Any]
META: dict[str, Any] = {
    "command": "citybrain bench --seeds 2",
    "date": "2024-05-01T00:00:00+00:00",
    "rules": "resco",
    "sumo_version": "1.28.0",
    "git_commit": "abc123+",
    "code_version": "0123456789ab",
    "python_version": "3.11.2",
    "package_versions": {"numpy": "2.0"},
    "machine": {"cpu": "Abacus 3000", "cores": 2, "system": "Linux x86_64"},
    "sumo_options": {"here": ["--time-to-teleport", "-1"]},
}
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Tags(HTMLParser):
    """Checks that every element that is opened is closed in turn; collects attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

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
        self.text += data


def rows(scenario: str, *controllers: str) -> list[dict[str, Any]]:
    """A finished episode for each controller."""
    fields = {"scenario": scenario, "seed": 101, "begin_s": 0.0, "delay_by_minute": [[0, 10.0, 1], [1, 20.0, 1]]}
    return [{**fields, "controller": name} for name in controllers]


def page(comparison: Comparison, traces: dict[tuple[str, str], Trace]) -> tuple[str, Tags]:
    """The report's text, and what a parser finds in it."""
    text = report.report_html(comparison, rows(comparison.scenarios[0], *comparison.controllers), traces, META)
    tags = Tags()
    tags.feed(text)
    tags.close()
    return text, tags


def both(trace: Callable[..., Trace], comparison: Comparison) -> dict[tuple[str, str], Trace]:
    """A trace for each controller."""
    return {(comparison.scenarios[0], name): trace() for name in comparison.controllers}


def test_the_page_is_well_formed_and_its_ids_are_its_own(comparison: Callable[..., Comparison], trace: Callable[..., Trace]) -> None:
    _, tags = page(comparison(), both(trace, comparison()))
    assert tags.wrong == []
    assert tags.open == []
    ids = [value for name, value in tags.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_page_needs_nothing_from_elsewhere(comparison: Callable[..., Comparison], trace: Callable[..., Trace]) -> None:
    text, tags = page(comparison(), both(trace, comparison()))
    assert re.findall(r"https?:|//[a-z]|@import", text) == []
    assert not any(name in ("src", "srcset") for name, _ in tags.attributes)
    assert all(value.startswith("#") for name, value in tags.attributes if name == "href")
    assert "<script" not in text


@pytest.mark.parametrize(
    "word",
    [
        "simulated", "40.50", "20.25", "-50.0 %", "[-52.5, -47.5]", "[19.25, 21.25]", "[s/veh]", "[veh/h]", "[km/h]",
        "通行效率", "拥堵指数", "seed 102", "101, 102", "1.28.0", "abc123+", "Abacus 3000, 2 cores", "resco",
        "citybrain bench --seeds 2", "--time-to-teleport -1", "2 paired seeds",
    ],
)  # fmt: skip
def test_the_page_shows_each_number_unit_and_origin(comparison: Callable[..., Comparison], word: str) -> None:
    assert word in page(comparison(), {})[1].text


def test_every_picture_has_a_label(comparison: Callable[..., Comparison], trace: Callable[..., Trace]) -> None:
    text, tags = page(comparison(), both(trace, comparison()))
    labels = [value for name, value in tags.attributes if name == "aria-label"]
    assert len(labels) == text.count("<svg") == text.count("<figure>") == 6
    assert all(labels)


def test_hostile_names_are_shown_and_not_obeyed(comparison: Callable[..., Comparison], trace: Callable[..., Trace]) -> None:
    evil = '"><script>alert(1)</script>{{ 7*7 }}$x$'
    found = comparison(scenario=evil + "s", rival=evil)
    text, tags = page(found, both(trace, found))
    assert "<script" not in text
    assert tags.wrong == []
    assert tags.open == []
    assert evil in tags.text
    assert "49" not in re.findall(r"\{\{.*?\}\}|49", tags.text)


def test_without_traces_the_page_says_what_is_missing(comparison: Callable[..., Comparison], trace: Callable[..., Trace]) -> None:
    assert report.NO_TRACES in page(comparison(), {})[1].text
    assert report.NO_TRACES not in page(comparison(), both(trace, comparison()))[1].text


def test_failures_and_violations_are_not_hidden(comparison: Callable[..., Comparison]) -> None:
    found = comparison()
    broken = Cell("here", "broken", (), {}, {}, 0, ("seed 101: SUMO hangs",))
    unsafe = replace(found.cells[0], safety_violations=3)
    text = page(replace(found, controllers=("fixed", "broken"), cells=(unsafe, broken)), {})[1].text
    assert "broken, seed 101: SUMO hangs" in text
    assert "saw 3 violations" in text


def test_a_page_without_any_origin_is_still_a_page(comparison: Callable[..., Comparison]) -> None:
    text = report.report_html(comparison(), [], {}, {})
    assert "outside a checkout" in text


def test_the_page_is_written_and_is_small(tmp_path: Path, comparison: Callable[..., Comparison], trace: Callable[..., Trace]) -> None:
    path = tmp_path / "report.html"
    report.write_report(path, comparison(), rows("here", "fixed", "clever"), both(trace, comparison()), META)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert path.stat().st_size < 1_000_000


def test_a_page_that_cannot_be_written_is_one_clear_error(tmp_path: Path, comparison: Callable[..., Comparison]) -> None:
    with pytest.raises(ConfigError, match="cannot write there"):
        report.write_report(tmp_path / "none" / "report.html", comparison(), [], {}, META)


def test_the_missing_extra_is_found_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    report.require_extra()
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(ConfigError, match=r"pip install 'citybrain\[report\]'"):
        report.require_extra()

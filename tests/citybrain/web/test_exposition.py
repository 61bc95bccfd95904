"""Prometheus' text: read back by Prometheus' own parser; and every metric of the Grafana dashboard is one that is told."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import citybrain.web
from citybrain.web.exposition import Requests, Sample, prometheus_text, written

LABELS = st.dictionaries(st.sampled_from(["signal", "mode"]), st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=2)


def read_back(text: str) -> list[tuple[str, dict[str, str], float]]:
    """As Prometheus' own client reads it."""
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus_client is not installed")
    return [(s.name, s.labels, s.value) for family in parser.text_string_to_metric_families(text) for s in family.samples]


@given(labels=LABELS, value=st.floats())
def test_what_is_told_is_what_was_meant(labels: dict[str, str], value: float) -> None:
    sample: Sample = ("citybrain_x", "gauge", "Any \\ help\nof two lines.", labels, value)
    [(name, found, number)] = read_back(prometheus_text([sample]))
    assert (name, found) == ("citybrain_x", labels) and (number == value or (math.isnan(number) and math.isnan(value)))


def test_a_name_is_explained_once_and_its_samples_stand_together() -> None:
    text = prometheus_text([("a", "gauge", "A.", {"k": "1"}, 1.0), ("b", "counter", "B.", {}, 2.0), ("a", "gauge", "A.", {"k": "2"}, 3.0)])
    assert text == '# HELP a A.\n# TYPE a gauge\na{k="1"} 1.0\na{k="2"} 3.0\n# HELP b B.\n# TYPE b counter\nb 2.0\n'


def test_numbers_that_are_none_are_written_as_prometheus_reads_them() -> None:
    assert [written(v) for v in (math.nan, math.inf, -math.inf, 1e21)] == ["NaN", "+Inf", "-Inf", "1e+21"]


def test_requests_are_counted_by_route_and_status() -> None:
    requests = Requests()
    for status in (200, 200, 403):
        requests.count("GET", "/v1/kpi", status, 0.5)
    requests.count("BREW", "other", 405, 0.0)
    found = {(name, *sorted(labels.values())): value for name, _, _, labels, value in requests.samples()}
    assert found["citybrain_http_requests_total", "/v1/kpi", "200", "GET"] == 2.0
    assert found["citybrain_http_seconds_total", "/v1/kpi"] == 1.5
    assert ("citybrain_http_requests_total", "405", "other", "other") in found


def test_the_dashboard_asks_for_nothing_that_is_not_told(site: Any) -> None:
    text = (Path(citybrain.web.__file__).parent / "grafana.json").read_text(encoding="utf-8")
    board = json.loads(text)
    asked = {
        name for panel in board["panels"] for target in panel.get("targets", []) for name in re.findall(r"citybrain_\w+", target["expr"])
    }
    site.service.state.kpi.update(congestion=1.2, congestion_15=1.3, throughput_veh_h=1.0, delay_s_per_veh=1.0, queue_veh=1.0)
    site.client.get("/healthz")
    told = site.client.get("/metrics", headers=site.auth("viewer")).text
    assert asked and asked <= {name for name, _, _ in read_back(told)}

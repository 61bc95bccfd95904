"""Prometheus' text format, and the web layer's own figures. Twenty lines here spare a dependency."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Iterable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[str, str, str, dict[str, str], float]
"""name, kind (counter or gauge), help, labels, value"""
ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def prometheus_text(samples: Iterable[Sample]) -> str:
    """Samples by name, each name's help and kind once. Exposition format 0.0.4."""
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for one in samples:
        by_name[one[0]].append(one)
    lines: list[str] = []
    for name, group in by_name.items():
        _, kind, told, _, _ = group[0]
        lines += [f"# HELP {name} {told.translate(ESCAPES)}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{labelled(labels)} {written(value)}" for _, _, _, labels, value in group]
    return "\n".join(lines) + "\n"


def labelled(labels: dict[str, str]) -> str:
    """`{signal="A0"}`; nothing for none."""
    inside = ",".join(f'{name}="{str(value).translate(ESCAPES)}"' for name, value in sorted(labels.items()))
    return f"{{{inside}}}" if inside else ""


def written(value: float) -> str:
    """A number as Prometheus reads it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))


class Requests:
    """Counts requests by route; routes are few and known, so memory is bounded."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = defaultdict(int)
        self._seconds: dict[str, float] = defaultdict(float)
        self._guard = threading.Lock()

    def count(self, method: str, route: str, status: int, took_s: float) -> None:
        """One more."""
        method = method if method in ("GET", "HEAD", "POST", "DELETE") else "other"
        with self._guard:
            self._counts[(method, route, str(status))] += 1
            self._seconds[route] += took_s

    def samples(self) -> list[Sample]:
        """For `prometheus_text`."""
        with self._guard:
            counts, seconds = dict(self._counts), dict(self._seconds)
        told = "Requests answered, by route and status."
        found: list[Sample] = [
            ("citybrain_http_requests_total", "counter", told, {"method": method, "route": route, "status": status}, float(n))
            for (method, route, status), n in sorted(counts.items())
        ]
        told = "Time spent on answers, by route (of event streams: how long they stood)."
        found += [("citybrain_http_seconds_total", "counter", told, {"route": route}, sum_s) for route, sum_s in sorted(seconds.items())]
        return found

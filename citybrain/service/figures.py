"""Figures of the city by the minute, and what a change was worth: before against after, with an interval.

Stopped delay per vehicle: seconds that vehicles stood in the minute over vehicles that passed a stop line (Little 1961). Whether a
change of traffic, not of plans, made the difference, two spans of one day cannot tell; the sentence says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from citybrain.service.congestion import Indices
from citybrain.service.setting_words import setting_words
from signals.types import Floats, Observation

LONGEST_SPAN_S = 3600.0
LEAST_MINUTES = 10
MISSED_S = 5.0  # of a minute that counts as one
BLOCK_MINUTES = 5  # neighbouring minutes are alike: the bootstrap draws them together
DRAWS = 2000
DRAWS_SEED = 7


@dataclass(frozen=True, slots=True)
class Minute:
    """The city in one minute, and under what it stood."""

    ends_s: float
    queue_veh: float  # mean
    passed_veh: float
    congestion: float
    congestion_15: float
    setting: str  # controller, and how many signals followed it

    @property
    def stopped_s(self) -> float:
        """Seconds that vehicles stood."""
        return 60.0 * self.queue_veh

    def as_json(self) -> dict[str, Any]:
        """For the store."""
        return {name: getattr(self, name) for name in self.__slots__}


class Meter:
    """Gathers a minute; lives as long as the service."""

    def __init__(self) -> None:
        self._queue_veh, self._passed_veh, self._looks = 0.0, 0.0, 0
        self._since_s = math.inf

    def see(self, seen: Observation) -> None:
        """Take a tick."""
        self._since_s = min(self._since_s, seen.now_s)
        self._queue_veh += float(np.nansum(seen.queue_veh))
        self._passed_veh += float(np.nansum(seen.counts_veh))
        self._looks += 1

    def close(self, ends_s: float, indices: Indices, setting: str) -> Minute:
        """The minute that ends now; the next one begins."""
        now, soon = city_index(indices.now, indices.flow_veh_s), city_index(indices.soon, indices.flow_veh_s)
        minute = Minute(ends_s, self._queue_veh / max(self._looks, 1), self._passed_veh, now, soon, setting)
        self._queue_veh, self._passed_veh, self._looks = 0.0, 0.0, 0
        self._since_s = ends_s
        return minute

    def whole(self, ends_s: float) -> bool:
        """Whether the minute that ends now was seen (almost) from its beginning on; a part of one says little."""
        return ends_s - self._since_s >= 60.0 - MISSED_S


def city_index(index: Floats, flow_veh_s: Floats) -> float:
    """The signals' index by the vehicles that pass them; 1 where nobody drives, NaN where nobody knows."""
    known = ~np.isnan(index)
    if not known.any():
        return float("nan")
    weight = flow_veh_s[known]
    return float((index[known] * weight).sum() / weight.sum()) if weight.sum() > 0.0 else 1.0


def spans(minutes: list[Minute]) -> tuple[list[Minute], list[Minute]]:
    """The minutes before the last change of setting and those since, at most an hour each, equally long where both last.

    The first minute after a change is left out: it is of both.
    """
    if not minutes:
        return [], []
    k = len(minutes)
    while k > 0 and minutes[k - 1].setting == minutes[-1].setting:
        k -= 1
    after = [m for m in minutes[k + (k > 0) :] if m.ends_s > minutes[-1].ends_s - LONGEST_SPAN_S]
    before = [m for m in minutes[:k] if m.ends_s > minutes[k - 1].ends_s - LONGEST_SPAN_S] if k else []
    return before, after


def summary(minutes: list[Minute]) -> dict[str, Any]:
    """Means over a span."""
    passed_veh = sum(m.passed_veh for m in minutes)
    return {
        "minutes": len(minutes),
        "from_s": minutes[0].ends_s - 60.0 if minutes else None,
        "to_s": minutes[-1].ends_s if minutes else None,
        "setting": minutes[-1].setting if minutes else "",
        "setting_words": setting_words(minutes[-1].setting if minutes else ""),
        "delay_s_per_veh": sum(m.stopped_s for m in minutes) / passed_veh if passed_veh else None,
        "throughput_veh_h": passed_veh / len(minutes) * 60.0 if minutes else None,
        "congestion": float(np.mean([m.congestion for m in minutes])) if minutes else None,
    }


def comparison(minutes: list[Minute]) -> dict[str, Any]:
    """Before the last change of setting against after it: the difference of stopped delay in per cent, with its 95 % interval."""
    before, after = spans(minutes)
    found: dict[str, Any] = {"before": summary(before), "after": summary(after), "difference": None}
    if min(len(before), len(after)) < LEAST_MINUTES:
        lacking = f"{len(before)} minutes before and {len(after)} after the last change; expected at least {LEAST_MINUTES} of each"
        return {
            **found,
            "sentence": {"en": f"no comparison yet: {lacking}", "zh": f"尚不能比较:改变前 {len(before)} 分钟,之后 {len(after)} 分钟"},
        }
    ratios = 100.0 * (resampled(after, 1) / resampled(before, 0) - 1.0)
    value = 100.0 * (delay(after) / delay(before) - 1.0)
    low, high = (float(q) for q in np.percentile(ratios, [2.5, 97.5]))
    en = (
        f"stopped delay {value:+.1f} % [{low:+.1f}, {high:+.1f}] in the last {len(after)} minutes ({after[-1].setting})"
        f" against the {len(before)} before the change ({before[-1].setting}); traffic may have changed as well"
    )
    zh = (
        f"最近 {len(after)} 分钟({zh_of(after)})对比改变前 {len(before)} 分钟({zh_of(before)}):"
        f"停车延误 {value:+.1f} % [{low:+.1f}, {high:+.1f}];交通量也可能有变化"
    )
    return {**found, "difference": {"value": value, "low": low, "high": high}, "sentence": {"en": en, "zh": zh}}


def zh_of(minutes: list[Minute]) -> str:
    """Under what the last of these minutes stood."""
    return setting_words(minutes[-1].setting)["zh"]


def delay(minutes: list[Minute]) -> float:
    """Stopped delay over a span [s/veh]."""
    return sum(m.stopped_s for m in minutes) / max(sum(m.passed_veh for m in minutes), 1.0)


def resampled(minutes: list[Minute], stream: int) -> Floats:
    """Stopped delay [draw] of spans put together from blocks of neighbouring minutes (moving-block bootstrap, Künsch 1989)."""
    rng = np.random.default_rng([DRAWS_SEED, stream])
    n = len(minutes)
    stopped_s, passed_veh = np.array([m.stopped_s for m in minutes]), np.array([m.passed_veh for m in minutes])
    first = rng.integers(0, max(n - BLOCK_MINUTES + 1, 1), (DRAWS, -(-n // BLOCK_MINUTES)))
    at = (first[:, :, None] + np.arange(min(BLOCK_MINUTES, n))).reshape(DRAWS, -1)[:, :n]
    return np.asarray(stopped_s[at].sum(axis=1) / np.maximum(passed_veh[at].sum(axis=1), 1.0))

"""Before against after: spans of one setting each, and an interval that covers what is true."""

import math
import re

import numpy as np
import pytest

from citybrain.service.congestion import Indices
from citybrain.service.figures import LEAST_MINUTES, Meter, Minute, city_index, comparison, delay, resampled, spans, summary


def minutes(count: int, setting: str, queue_veh: float, first: int = 0, noise: float = 0.0, seed: int = 1) -> list[Minute]:
    """Minutes in a row."""
    rng = np.random.default_rng(seed)
    return [
        Minute(60.0 * (first + k + 1), queue_veh * float(np.exp(noise * rng.standard_normal())), 60.0, 1.5, 1.6, setting)
        for k in range(count)
    ]


def test_the_minute_of_the_change_is_of_neither_span() -> None:
    before, after = spans([*minutes(20, "a", 10.0), *minutes(15, "b", 5.0, 20)])
    assert (len(before), len(after)) == (20, 14)
    assert {m.setting for m in before} == {"a"} and after[0].ends_s == 22 * 60.0


def test_only_the_last_change_counts() -> None:
    before, after = spans([*minutes(20, "a", 10.0), *minutes(15, "b", 5.0, 20), *minutes(12, "a", 9.0, 35)])
    assert {m.setting for m in before} == {"b", "a"} - {"a"} or before[-1].setting == "b"
    assert {m.setting for m in after} == {"a"}


def test_a_difference_needs_ten_minutes_of_each() -> None:
    found = comparison([*minutes(LEAST_MINUTES - 1, "a", 10.0), *minutes(30, "b", 5.0, 9)])
    assert found["difference"] is None and "9 minutes before" in found["sentence"]["en"]
    assert comparison([])["difference"] is None


def test_half_the_queue_is_half_the_delay() -> None:
    found = comparison([*minutes(30, "a", 10.0), *minutes(31, "b", 5.0, 30)])
    assert found["difference"] == pytest.approx({"value": -50.0, "low": -50.0, "high": -50.0})
    assert "-50.0 %" in found["sentence"]["en"] and "traffic may have changed" in found["sentence"]["en"]


def test_the_chinese_sentence_says_its_settings_in_chinese() -> None:
    found = comparison([*minutes(30, "base plans", 10.0), *minutes(31, "learned, 8 of 8 automatic", 5.0, 30)])
    assert "(learned, 8 of 8 automatic)" in found["sentence"]["en"]
    assert not re.search("[A-Za-z]", found["sentence"]["zh"]) and "基础方案" in found["sentence"]["zh"]
    assert found["before"]["setting_words"] == {"en": "base plans", "zh": "基础方案"}


def test_the_interval_covers_no_difference_where_there_is_none() -> None:
    covered = 0
    for seed in range(60):
        found = comparison([*minutes(40, "a", 10.0, 0, 0.4, seed), *minutes(41, "b", 10.0, 40, 0.4, 1000 + seed)])
        covered += found["difference"]["low"] <= 0.0 <= found["difference"]["high"]
    assert covered >= 50  # of 60 at 95 %: the moving-block bootstrap of 40 minutes is a little narrow


def test_a_minute_is_gathered_second_by_second(grid: object) -> None:
    meter = Meter()

    class Seen:
        now_s = 0.0
        queue_veh = np.array([1.0, np.nan, 2.0])
        counts_veh = np.array([0.5, 0.5, np.nan])

    assert not meter.whole(60.0)
    for k in range(60):
        Seen.now_s = float(k)
        meter.see(Seen())  # type: ignore[arg-type]
    one = np.array([2.0, 1.0])
    assert meter.whole(60.0) and not meter.whole(50.0)
    made = meter.close(60.0, Indices(one, one, one, np.array([3.0, 1.0])), "a")
    assert (made.queue_veh, made.passed_veh, made.stopped_s, made.congestion) == (3.0, 60.0, 180.0, 1.75)
    assert meter.close(120.0, Indices(one, one, one, one), "a").passed_veh == 0.0


def test_the_city_s_index_is_that_of_its_vehicles() -> None:
    assert city_index(np.array([1.0, 3.0]), np.array([3.0, 1.0])) == 1.5
    assert city_index(np.array([2.0, 2.0]), np.zeros(2)) == 1.0
    assert math.isnan(city_index(np.array([np.nan]), np.ones(1)))


def test_a_bootstrap_s_mean_is_the_sample_s() -> None:
    some = minutes(40, "a", 10.0, 0, 0.3)
    assert resampled(some, 0).mean() == pytest.approx(delay(some), rel=0.03)
    assert summary(some)["minutes"] == 40 and summary([])["delay_s_per_veh"] is None

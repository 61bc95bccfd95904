"""Alarms: raised once, kept until well, worst first, in both languages."""

import numpy as np
import pytest

from citybrain.service.alarms import WORDS, Alarms
from citybrain.service.fitness import Fitness
from citybrain.service.street import DEGRADED, FLASH, SILENT
from signals.types import Network


@pytest.mark.parametrize("kind", WORDS)
def test_every_alarm_has_its_words(grid: Network, kind: str) -> None:
    alarms = Alarms(grid)
    alarms.raise_(kind, "A0", 5.0, "so it is")
    (one,) = alarms.as_json()
    assert (
        one["level"] in ("critical", "warning")
        and one["sentence"]["en"] != one["sentence"]["zh"]
        and "{" not in one["sentence"]["en"] + one["sentence"]["zh"]
    )


def test_an_alarm_keeps_its_beginning_and_is_news_once(grid: Network) -> None:
    alarms = Alarms(grid)
    assert alarms.news() == []
    alarms.raise_("store", "", 5.0, "full")
    assert [a["since_s"] for a in alarms.news() or []] == [5.0]
    alarms.raise_("store", "", 9.0, "full")
    assert alarms.news() is None
    alarms.raise_("store", "", 9.0, "still full")
    assert [a["since_s"] for a in alarms.news() or []] == [5.0]
    alarms.clear("store")
    assert alarms.news() == [] and alarms.news() is None


@pytest.mark.parametrize(("code", "kind"), [(SILENT, "silent"), (FLASH, "flash")])
def test_a_controller_in_trouble_is_an_alarm_at_once(grid: Network, code: int, kind: str) -> None:
    alarms, fitness = Alarms(grid), Fitness(grid)
    fitness.health = np.array([0, code, 0, 0], dtype=np.uint8)
    alarms.see(fitness, 7.0, str)
    assert [(a["kind"], a["signal"]) for a in alarms.as_json()] == [(kind, grid.signals[1].id)]
    fitness.health = np.zeros(4, dtype=np.uint8)
    alarms.see(fitness, 8.0, str)
    assert not alarms.as_json()


def test_a_degraded_signal_is_an_alarm_once_it_is_unfit(grid: Network) -> None:
    alarms, fitness = Alarms(grid), Fitness(grid)
    fitness.health = np.array([0, 0, DEGRADED, 0], dtype=np.uint8)
    alarms.see(fitness, 7.0, str)
    assert not alarms.as_json()
    fitness.fit = np.array([True, True, False, True])
    alarms.see(fitness, 22.0, str)
    assert [a["kind"] for a in alarms.as_json()] == ["degraded"]


def test_a_controller_that_refuses_is_one_alarm_with_its_reason_until_it_takes_a_plan(grid: Network) -> None:
    alarms, fitness = Alarms(grid), Fitness(grid)
    fitness.health = np.array([0, 0, DEGRADED, 0], dtype=np.uint8)
    fitness.fit = np.array([True, True, False, True])
    for now_s, why in ((7.0, "green too short"), (8.0, "green too short"), (9.0, "red too long")):
        alarms.see(fitness, now_s, str, {2: why})
        (one,) = alarms.as_json()
        assert (one["kind"], one["signal"], one["since_s"]) == ("refused", grid.signals[2].id, 7.0)
        assert why in one["sentence"]["en"]
    fitness.health = np.zeros(4, dtype=np.uint8)
    alarms.see(fitness, 10.0, str)
    assert not alarms.as_json()


def test_the_critical_and_the_oldest_come_first(grid: Network) -> None:
    alarms = Alarms(grid)
    alarms.raise_("slow", "", 1.0, "2 s")
    alarms.raise_("street", "", 9.0, "gone")
    alarms.raise_("store", "", 3.0, "full")
    assert [a["kind"] for a in alarms.as_json()] == ["store", "street", "slow"]

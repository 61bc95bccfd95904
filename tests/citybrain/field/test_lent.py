"""What is lent to whom; how it plays out with real cabinets is in `test_field_link.py`."""

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest

from citybrain.field.lent import AGAIN_S, ASK_S, MOST_TRIES, REPEATING_LEASE_S, Health, Lent, same_as_base, worst
from signals.lease import Ack, Lease
from signals.types import Stage, TimingPlan

HOLD = TimingPlan("A0", (Stage(0, 30.0),), 100.0, 130.0)


def yes(lease: Lease, **change: Any) -> Ack:
    return replace(Ack(lease.signal, lease.epoch, lease.seq, lease.content_id, True, "", 100.0), **change)


@pytest.fixture
def lent(grid: Any) -> Lent:
    """Nothing yet."""
    return Lent(grid, epoch=3)


def test_a_lease_that_nobody_answers_is_sent_again_as_it_is_while_it_is_of_use(lent: Lent) -> None:
    lease = lent.lend(0, HOLD, 100.0, 0.0)
    assert lent.due(101.0) == ([], []) and lent.due(100.0 + AGAIN_S) == ([], [0]) and lent.lease[0] is lease
    assert lent.due(108.0) == ([], []) and lent.verdict[0] == Health.UNANSWERED


def test_it_is_not_sent_for_ever(lent: Lent) -> None:
    lent.lend(0, None, 100.0, 0.0)
    again = sum(len(lent.due(100.0 + AGAIN_S * k)[1]) for k in range(1, 50))
    assert again == MOST_TRIES - 1 and lent.verdict[0] == Health.UNANSWERED


def test_who_refused_even_the_base_plan_is_asked_again_and_is_well_when_it_says_yes(lent: Lent) -> None:
    lease = lent.lend(0, None, 100.0, 0.0)
    lent.answered(0, yes(lease, accepted=False, reason="no"), 100.0)
    assert lent.verdict[0] == Health.REFUSED and lent.due(100.0 + ASK_S - 1.0) == ([], [])
    assert lent.due(100.0 + ASK_S) == ([0], [])
    lent.answered(0, yes(lent.lend(0, None, 110.0, 0.0)), 110.0)
    assert lent.verdict[0] == Health.OK and lent.due(300.0) == ([], [])


def test_an_answer_ends_it_and_the_answer_to_another_lease_does_not(lent: Lent) -> None:
    lease = lent.lend(0, HOLD, 100.0, 0.0)
    for other in ({"seq": 77}, {"epoch": 2}, {"content_id": "x"}):
        lent.answered(0, yes(lease, **other), 100.0)
        assert not lent.acked[0]
    lent.answered(0, yes(lease), 100.0)
    assert lent.acked[0] and lent.due(200.0) == ([], [])


def test_a_plan_that_repeats_is_lent_for_a_while_at_a_time(lent: Lent, grid: Any) -> None:
    plan = replace(grid.signals[1].base, offset_s=5.0)
    lease = lent.lend(1, plan, 100.0, 0.0)
    assert plan.valid_until_s == inf and lease.plan is not None and lease.plan.valid_until_s == 100.0 + REPEATING_LEASE_S
    lent.answered(1, yes(lease), 100.0)
    assert lent.due(150.0)[0] == [] and lent.due(161.0)[0] == [1]
    assert lent.lend(1, plan, 161.0, 0.0).content_id == lease.content_id
    assert lent.holds(200.0).tolist() == [False, True, False, False]


def test_a_plan_is_told_in_the_controllers_own_time(lent: Lent, grid: Any) -> None:
    told = lent.lend(0, HOLD, 100.0, -3600.0).plan
    assert told is not None and (told.starts_s, told.valid_until_s) == (-3500.0, -3470.0)
    base = replace(grid.signals[1].base, offset_s=5.0)
    turned = lent.lend(1, base, 100.0, 7.0).plan
    assert turned is not None and turned.offset_s == pytest.approx(12.0 % base.cycle_s)


def test_the_base_plan_is_known_by_what_it_shows(grid: Any) -> None:
    base = grid.signals[0].base
    assert same_as_base(grid.signals[0], base) and same_as_base(grid.signals[0], replace(base, valid_until_s=5.0))
    assert not same_as_base(grid.signals[0], replace(base, offset_s=base.offset_s + 1.0))


def test_what_is_worse_hides_what_is_less_so() -> None:
    verdict = np.array([Health.OK, Health.REFUSED, Health.FENCED, Health.DIFFERS], dtype=np.int64)
    codes = worst(verdict, np.array([False, True, True, False]), np.array([True, False, True, False]))
    assert codes.tolist() == [Health.SILENT, Health.FLASH, Health.SILENT, Health.DIFFERS]

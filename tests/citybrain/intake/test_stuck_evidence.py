"""Trials of sensors by those beside them: what is one, who failed it, and that a sensor's own past says how much a failure means."""

import math
from typing import Any

import numpy as np
import pytest

from citybrain.intake import stuck_evidence
from citybrain.intake.stuck_evidence import COUNT, FAILED, LEAST_P, PASSED, QUEUE, TRIALS, WAIT

N = 4  # one group of a sensor a kind


class Group:
    """Count, queue, wait and exit of one movement; `minute` takes a row of 60 values a kind."""

    def __init__(self, compiled: bool = True) -> None:
        def f32(of: float) -> np.ndarray[Any, np.dtype[np.float32]]:
            return np.full(N, of, np.float32)

        self.kind, self.group = np.arange(N, dtype=np.int32), np.zeros(N, np.int32)
        self.sums, self.number, self.least, self.most = f32(0.0), f32(0.0), f32(np.inf), f32(-np.inf)
        self.last, self.held, self.same, self.score = f32(np.nan), f32(np.nan), np.zeros(N, np.int32), f32(0.0)
        self.times = [np.full(1, -np.inf) for _ in range(5)]
        self.peak, self.cleared = np.zeros(1, np.float32), np.zeros(1, np.float32)
        self.trials = np.zeros((N, TRIALS, 2), np.uint16)
        self.open = np.zeros((N, TRIALS), np.uint8)
        self.pool = np.tile(np.array([19.0, 1.0]), (N, TRIALS, 1))
        self.stuck = np.zeros(N, np.bool_)
        self.now_s = 0.0
        self.noted = stuck_evidence.noted if compiled else stuck_evidence.noted.py_func
        self.judged = stuck_evidence.judged if compiled else stuck_evidence.judged.py_func

    def minute(self, **rows: list[float]) -> None:
        """Values by the second of count, queue, wait, exit; what is not named is 0."""
        counted, seen, began, from_s, at_s = self.times
        table = [(rows.get(name, []) + [0.0] * 60)[:60] for name in ("count", "queue", "wait", "exit")]
        for values in zip(*table, strict=True):
            self.now_s += 1.0
            self.noted(
                np.arange(N, dtype=np.int32), np.full(N, self.now_s), np.array(values, np.float32), self.kind, self.group,
                self.sums, self.number, self.least, self.most, self.last, self.same, counted, seen, began, self.peak, self.cleared,
                from_s, at_s,
            )  # fmt: skip
        self.judged(
            self.now_s, np.arange(N, dtype=np.int32)[None], np.full(N, 60.0, np.float32), self.sums, self.number, self.least, self.most,
            self.held, self.stuck, counted, self.cleared, from_s, at_s, self.trials, self.open, self.pool, self.score,
        )  # fmt: skip
        self.held[:] = self.last
        self.sums[:] = self.number[:] = 0.0
        self.least[:], self.most[:] = np.inf, -np.inf

    def tried(self, kind: int) -> list[tuple[int, int]]:
        """(trial, outcome) that a sensor has had."""
        return [(level, outcome) for level in range(TRIALS) for outcome in (PASSED, FAILED) if self.trials[kind, level, outcome]]


STOOD = [0.0] * 5 + [3.0] * 20
COUNTED = [0.0] * 26 + [1.0, 0.0, 1.0]
WAITED = [0.0] * 5 + [float(s) for s in range(20)]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
@pytest.mark.parametrize(("counted", "outcome"), [(COUNTED, PASSED), ([], FAILED)], ids=["counted", "not counted"])
def test_a_queue_that_is_gone_has_been_counted_or_the_count_has_failed(counted: list[float], outcome: int, compiled: bool) -> None:
    one = Group(compiled)
    one.minute(queue=STOOD, count=counted, wait=WAITED)
    assert one.tried(COUNT) == [(1, outcome)]
    assert (one.score[COUNT] < 0.0) == (outcome == FAILED)


def test_a_queue_that_still_stands_or_has_just_gone_is_no_trial_yet() -> None:
    one = Group()
    one.minute(queue=[3.0] * 60)
    assert one.tried(COUNT) == []
    one.minute(queue=[3.0] * 50)
    assert one.tried(COUNT) == []
    one.minute()
    assert one.tried(COUNT) == [(1, FAILED)]


def test_a_queue_at_zero_while_somebody_waits_has_failed_and_one_that_moves_has_not() -> None:
    one = Group()
    one.minute()
    one.minute(wait=WAITED)
    assert one.tried(QUEUE) == [(2, FAILED)] and one.score[QUEUE] < -1.0
    one.minute(wait=WAITED, queue=STOOD)
    assert one.tried(QUEUE) == [(2, PASSED), (2, FAILED)] and one.score[QUEUE] == 0.0


@pytest.mark.parametrize(("frozen", "suspect", "spared"), [("queue", QUEUE, WAIT), ("wait", WAIT, QUEUE), ("count", COUNT, QUEUE)])
def test_who_repeats_a_value_accuses_nobody(frozen: str, suspect: int, spared: int) -> None:
    one = Group()
    for _ in range(4):
        one.minute(**{frozen: [2.0] * 60})
    assert one.score[spared] == 0.0
    assert one.score[suspect] < -3.0 or one.same[suspect] == 239


def test_a_sensor_that_fails_half_of_its_trials_in_order_needs_many_and_one_that_never_does_a_few() -> None:
    minutes = {}
    for name, own in (("odd", (50, 50)), ("sure", (100, 0))):
        one = Group()
        one.trials[COUNT, 1] = own
        minutes[name] = 0
        while one.score[COUNT] > math.log(1e-6):
            one.minute(queue=STOOD)
            minutes[name] += 1
    assert minutes["sure"] == math.ceil(math.log(1e-6) / math.log(LEAST_P)) + 1 or minutes["sure"] <= 5
    assert minutes["odd"] >= 20


def test_failures_stop_counting_as_usual_once_the_sensor_is_found_stuck() -> None:
    one = Group()
    one.stuck[:] = True
    one.minute(queue=STOOD)
    assert one.tried(COUNT) == [] and one.score[COUNT] < 0.0
    one.minute(queue=STOOD, count=COUNTED)
    assert one.tried(COUNT) == [(1, PASSED)] and one.score[COUNT] == 0.0

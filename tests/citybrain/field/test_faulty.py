"""Faults on purpose: which sensors fall silent or stick, and orders that are none."""

from typing import Any

import numpy as np
import pytest

from citybrain.field.faulty import Fault, FaultyAnswers, FaultySensors, fault_of
from citybrain.intake.batch import Samples, Tracks
from signals.errors import ConfigError
from signals.lease import Ack


def said(at_s: float) -> tuple[Samples, Tracks]:
    """Ten sensors, and two signals with one and two vehicles; every value tells the time."""
    n = np.arange(10, dtype=np.int32)
    few = np.array([0, 1, 1], dtype=np.int32)
    tracks = Tracks(
        "street", np.array([0, 1], np.int32), np.full(2, at_s), np.array([1, 2], np.int32), few, few,
        np.full(3, at_s, np.float32), np.zeros(3, np.float32),
    )  # fmt: skip
    return Samples("street", n, np.full(10, at_s), np.full(10, at_s, np.float32)), tracks


def test_dead_sensors_say_nothing_the_same_ones_for_a_seed() -> None:
    faults = FaultySensors(10, 2)
    faults.obey(Fault("dead", share=0.3, seed=5))
    samples, _ = faults.heard(*said(1.0))
    again, tracks = faults.heard(*said(2.0))
    assert len(samples) == 7 and samples.sensor.tolist() == again.sensor.tolist()
    assert len(tracks.lane) == int(tracks.vehicles.sum())
    faults.obey(Fault("dead", share=1.0))
    samples, tracks = faults.heard(*said(3.0))
    assert len(samples) == len(tracks) == 0
    faults.obey(Fault("heal"))
    assert len(faults.heard(*said(4.0))[0]) == 10


def test_stuck_sensors_repeat_themselves_as_if_it_were_news() -> None:
    faults = FaultySensors(10, 2)
    faults.obey(Fault("stuck", share=0.5, seed=1))
    faults.heard(*said(1.0))
    samples, tracks = faults.heard(*said(9.0))
    assert sorted(samples.value.tolist()) == [1.0] * 5 + [9.0] * 5 and set(samples.at_s.tolist()) == {9.0}
    assert set(tracks.at_s.tolist()) == {9.0} and set(tracks.distance_m.tolist()) == {1.0, 9.0}


def test_answers_that_are_held_back_come_in_their_time() -> None:
    answers = FaultyAnswers()
    answers.obey(Fault("late", "A0", seconds=4.0))
    ack = Ack("A0", 1, 1, "x", True, "", 10.0)
    answers.hold_back(ack)
    assert answers.does("A0") == "late" and answers.due(13.0) == [] and answers.due(14.0) == [ack] and answers.due(15.0) == []


WRONG: list[tuple[Any, str]] = [
    (b"{", "not readable as JSON"),
    (b"[]", "expected an object"),
    (b'{"do": "explode"}', "did you mean|expected one of"),
    (b'{"do": "dead", "share": "half"}', "share is 'half'; expected float"),
    (b'{"do": "dead", "share": 1.5}', "share 1.5"),
    (b'{"do": "dead", "share": 1e999}', "expected float"),
    (b'{"do": "dead", "seed": true}', "seed is 'True'; expected int"),
    (b'{"do": "dead", "more": 1}', "expected an object with some of"),
    (b"[" * 3000, "not readable as JSON"),
]


@pytest.mark.parametrize(("payload", "words"), WRONG, ids=[str(w[0][:30]) for w in WRONG])
def test_an_order_that_is_none_is_one_sentence(payload: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fault_of(payload)


def test_an_order_is_read() -> None:
    assert fault_of(b'{"do": "late", "signal": "A0", "seconds": 3}') == Fault("late", "A0", seconds=3)

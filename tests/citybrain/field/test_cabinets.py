"""All controllers of a street: who hears what, and when they speak. Under faults: `test_field_link.py`."""

from typing import Any

import numpy as np
import pytest

from citybrain.field.faulty import Fault
from citybrain.field.transport import Message, lease_topic, signal_of
from signals.errors import LinkError
from signals.lease import decode_ack, decode_status, encode_lease, lease_of


def test_everybody_speaks_every_second_and_whoever_changes_at_once(town: Any) -> None:
    town.cabinets.tell(town.now_s, town.kerb)
    town.centre.receive()
    town.cabinets.tell(town.now_s + 0.1, town.kerb)
    assert town.centre.receive() == []
    town.cabinets.tell(town.now_s + 1.0, town.kerb)
    said = [decode_status(m.payload) for m in town.centre.receive() if signal_of(m.topic)[1] == "status"]
    assert [s.signal for s in said] == [s.id for s in town.network.signals] and {s.now_s for s in said} == {town.now_s + 1.0}


def test_a_lease_reaches_its_own_cabinet_and_rubbish_reaches_nobody(town: Any) -> None:
    first = town.network.signals[0].id
    lease = encode_lease(lease_of(first, None, 4, 1, 0.0))
    for topic, payload in ((lease_topic(first), lease), (lease_topic(first), b"{"), (lease_topic("x"), lease), ("sense", lease)):
        town.cabinets.hear(Message(topic, payload), town.now_s, town.kerb)
    answers = [decode_ack(m.payload) for m in town.centre.receive() if signal_of(m.topic)[1] == "ack"]
    assert [(a.signal, a.accepted) for a in answers] == [(first, True)] and town.cabinets.refused == 1
    assert [one.memory.epoch for one in town.cabinets.of.values()] == [4, 0, 0, 0]


def test_a_lease_of_one_signal_on_the_topic_of_another_is_refused(town: Any) -> None:
    first, second = (s.id for s in town.network.signals[:2])
    town.cabinets.hear(Message(lease_topic(second), encode_lease(lease_of(first, None, 4, 1, 0.0))), town.now_s, town.kerb)
    (answer,) = [decode_ack(m.payload) for m in town.centre.receive() if signal_of(m.topic)[1] == "ack"]
    assert not answer.accepted and answer.reason == f"is for {first}; this is {second}"


def test_detectors_that_are_blind_call_for_everybody(town: Any) -> None:
    sizes = [len(s.movements) for s in town.network.signals]
    queue_veh = np.zeros(sum(sizes))
    queue_veh[0], queue_veh[1], queue_veh[sizes[0]] = np.nan, 3.0, 1.0
    town.cabinets.hear_calls(queue_veh)
    called = [[m for m, call in enumerate(one._called) if call] for one in town.cabinets.of.values()]
    assert called == [[0, 1], [0], [], []]


def test_a_fault_of_nobody_is_an_error(town: Any) -> None:
    with pytest.raises(LinkError, match="no signal 'nobody' here"):
        town.cabinets.obey(Fault("lie", "nobody"), town.now_s)

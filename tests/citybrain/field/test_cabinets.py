"""All controllers of a street: who hears what, and when they speak. Under faults: `test_field_link.py`."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from citybrain.field.cabinets import VOICES, Cabinets
from citybrain.field.faulty import Fault
from citybrain.field.transport import Message, lease_topic, signal_of
from signals.errors import LinkError
from signals.lease import HEARTBEAT_S, Status, decode_ack, decode_status, encode_lease, lease_of
from signals.rules import RULES


def statuses(town: Any) -> list[Status]:
    return [decode_status(m.payload) for m in town.centre.receive() if signal_of(m.topic)[1] == "status"]


def test_who_has_news_speaks_at_once_and_everybody_now_and_then(town: Any) -> None:
    ids, spoke_s = [s.id for s in town.network.signals], dict.fromkeys((s.id for s in town.network.signals), town.now_s)
    shown: dict[str, tuple[object, ...]] = {}
    town.centre.receive()
    for k in range(200):
        town.cabinets.step(town.now_s)
        town.now_s += 1.0
        news = {i: town.cabinets.of[i].news(town.now_s) for i in ids}
        town.cabinets.tell(town.now_s, town.kerb)
        told = statuses(town)
        assert k == 0 or {i for i in ids if news[i] != shown[i]} <= {s.signal for s in told}
        assert len(told) >= VOICES and {s.now_s for s in told} == {town.now_s}, "the field's time goes on"
        spoke_s |= {s.signal: s.now_s for s in told}
        shown = news
        assert max(town.now_s - at_s for at_s in spoke_s.values()) < HEARTBEAT_S + 1.0
    town.cabinets.tell(town.now_s, town.kerb)
    assert statuses(town) == []


def test_a_city_says_less_than_every_second_and_not_all_together(town: Any, grid: Any) -> None:
    many = replace(grid, signals=tuple(replace(grid.signals[k % 4], id=f"S{k}") for k in range(200)))
    cabinets, sizes = Cabinets(many, RULES["resco"], 0.0, 1.0), list[int]()
    for k in range(60):
        cabinets.step(float(k))
        cabinets.tell(float(k + 1), town.kerb)
        sizes.append(len(statuses(town)))
    for one in cabinets.of.values():
        one.news = lambda now_s: ()  # type: ignore[method-assign]
    cabinets.tell(60.0, town.kerb)
    statuses(town)
    cabinets.tell_all(60.0, town.kerb)
    assert len(statuses(town)) == 200
    beats = []
    for k in range(61, 61 + 3 * int(HEARTBEAT_S)):
        cabinets.tell(float(k), town.kerb)
        beats.append(len(statuses(town)))
    assert sum(sizes[20:]) < 0.6 * 200 * 40
    assert beats == [pytest.approx(200 / HEARTBEAT_S, abs=2)] * len(beats), "spread over the time that one may be silent"


def test_who_is_mute_takes_nobody_s_turn_to_speak(town: Any) -> None:
    for signal in town.network.signals[:3]:
        town.fault("mute", signal.id)
    for one in town.cabinets.of.values():
        one.news = lambda now_s: ()
    town.centre.receive()
    for k in range(20):
        town.cabinets.tell(town.now_s + k, town.kerb)
        said = [s.signal for s in statuses(town)]
        assert k == 0 or said == [town.network.signals[3].id]


def test_who_comes_anew_is_told_everything_once(town: Any) -> None:
    town.cabinets.tell(town.now_s, town.kerb)
    town.centre.receive()
    town.cabinets.tell_all(town.now_s, town.kerb)
    assert [s.signal for s in statuses(town)] == [s.id for s in town.network.signals]


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

"""The link to cabinets that run by themselves: what is lent, answered and read back; what is wrong is that signal's health alone."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from citybrain.field.lent import Health
from citybrain.field.link import FieldLink
from citybrain.field.transport import GONE, Message, online_topic, status_topic
from citybrain.intake.batch import Samples
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import Frame, encode
from citybrain.intake.senses import Senses
from signals.errors import LinkError
from signals.lease import decode_lease, encode_status
from signals.safety import adopt
from signals.types import TimingPlan


def others(town: Any) -> list[Health]:
    """Health of all but the first signal."""
    return [Health(int(code)) for code in town.link.health()[1:]]


def test_plans_are_lent_acknowledged_and_followed_by_every_cabinet(town: Any) -> None:
    town.seconds(120)
    assert town.modes() == {"adaptive"} and town.monitor.violations == []
    assert set(town.link.health().tolist()) == {Health.OK} and town.link.malformed == 0
    held = [one.status(town.now_s).content_id for one in town.cabinets.of.values()]
    assert held == [lease.content_id for lease in town.link.lent.lease]


def test_what_is_observed_is_what_the_cabinets_show(town: Any) -> None:
    for _ in range(80):
        town.cabinets.tell(town.now_s, town.kerb)
        observed = town.link.observe(town.now_s)
        states = [one.status(town.now_s) for one in town.cabinets.of.values()]
        assert observed.phase.tolist() == [s.phase for s in states] and observed.age_s.tolist() == [s.age_s for s in states]
        assert observed.red_s.tolist() == [red_s for s in states for red_s in s.red_s]
        assert np.isnan(observed.queue_veh).all()  # no sensor has spoken
        town.second()


def test_between_two_statuses_the_centre_counts_on_to_the_second(town: Any, grid: Any) -> None:
    told = town.kerb.send
    number = [0]

    def counted(topic: str, payload: bytes, retain: bool = False) -> bool:
        number[0] += topic.endswith("/status")
        return bool(told(topic, payload, retain))

    town.kerb.send = counted
    for k in range(400):
        if k in (97, 203):
            town.fault("restart", grid.signals[k % 4].id)
        if k == 260:
            town.thinking = False  # leases run out, base plans come
        town.cabinets.tell(town.now_s, town.kerb)
        town.link.listen()
        phase, age_s, red_s = town.link.standing.where(town.now_s)
        states = [one.status(town.now_s) for one in town.cabinets.of.values()]
        assert phase.tolist() == [s.phase for s in states] and age_s.tolist() == [s.age_s for s in states], k
        assert red_s.tolist() == [red_s for s in states for red_s in s.red_s], k
        assert town.link.standing.lights == [s.lights for s in states] and town.link.now_s == town.now_s
        town.second(decide=k % 10 == 0)
    assert number[0] < 0.9 * 4 * 400  # four signals are few: three speak every second


def test_only_what_changed_or_is_due_is_sent(town: Any) -> None:
    town.loop.planner.idle = True
    town.seconds(200)
    # A hold of 30 s is renewed at every second decision of 10 s: four signals, ten times each at most.
    assert 4 * 5 <= town.link.sent <= 4 * 11


def test_a_centre_that_falls_silent_leaves_the_cabinets_on_their_base_plans_and_takes_over_again(town: Any) -> None:
    town.seconds(60)
    town.thinking = False
    town.seconds(90)
    assert town.modes() == {"base"}
    town.thinking = True
    town.seconds(60)
    assert town.modes() == {"adaptive"} and town.monitor.violations == []


def test_a_wire_that_loses_doubles_and_delays_messages_costs_no_safety_and_not_the_service(town: Any) -> None:
    rng, late = np.random.default_rng(3), []

    def bad(message: Message) -> list[Message]:
        late.append(message)
        if rng.random() < 0.3:
            return []
        return [message] * int(rng.integers(1, 3)) + ([late.pop(int(rng.integers(len(late))))] if rng.random() < 0.4 else [])

    town.centre.carried = town.kerb.carried = bad
    adaptive = 0
    for k in range(600):
        town.second(decide=k % 10 == 0)
        adaptive += "adaptive" in town.modes()
    assert town.monitor.violations == [] and adaptive > 300
    town.centre.carried = town.kerb.carried = lambda message: [message]
    town.seconds(60)
    assert set(town.link.health().tolist()) == {Health.OK}


WRONGS = {
    "refuse": (Health.REFUSED, "refuses everything"),
    "mute": (Health.SILENT, "nothing heard since"),
    "lie": (Health.DIFFERS, "acknowledged was"),
    "flash": (Health.FLASH, "until a person resets it"),
}


@pytest.mark.parametrize("do", WRONGS)
def test_a_bad_controller_is_its_own_health_and_nobody_elses(do: str, town: Any, grid: Any) -> None:
    first = grid.signals[0].id
    town.seconds(40)
    town.fault(do, first)
    town.seconds(80)
    health, said = WRONGS[do]
    assert Health(int(town.link.health()[0])) is health and said in town.link.reason_of(0) and first in town.link.reason_of(0)
    assert others(town) == [Health.OK] * 3 and town.link.reason_of(1) == ""
    assert (town.link.refused().keys() == {0}) == (do == "refuse")
    town.fault("reset", first, by="Ines") if do == "flash" else town.fault("heal", first)
    town.seconds(80)
    assert set(town.link.health().tolist()) == {Health.OK}


def test_a_controller_that_answers_late_is_asked_again_and_believed_when_it_answers(town: Any, grid: Any) -> None:
    town.fault("late", grid.signals[0].id, seconds=3.0)
    town.seconds(100)
    cabinet = town.cabinets.of[grid.signals[0].id]
    assert cabinet.status(town.now_s).mode == "adaptive" and others(town) == [Health.OK] * 3
    assert town.link.health()[0] == Health.OK


def test_an_answer_that_never_comes_is_said(town: Any, grid: Any) -> None:
    signal = grid.signals[0].id
    town.kerb.carried = lambda message: [] if message.topic.endswith(f"{signal}/ack") else [message]
    town.seconds(60)
    assert town.link.health()[0] == Health.UNANSWERED and "no answer" in town.link.reason_of(0)


def test_two_centres_at_once_the_newer_one_rules_and_the_older_one_knows_it(town: Any, grid: Any) -> None:
    town.seconds(60)
    newer = FieldLink(town.centre, grid, Senses(grid, Catalogue.of(grid)), epoch=town.link.newest_epoch + 1)
    older, town.link, town.loop.link = town.link, newer, newer
    town.seconds(60)
    town.link, town.loop.link = older, older
    town.seconds(30)
    assert set(older.health().tolist()) == {Health.FENCED} and "epoch 2; this is epoch 1" in older.reason_of(0)
    assert {one.memory.epoch for one in town.cabinets.of.values()} == {2} and town.monitor.violations == []
    sent = older.sent
    town.seconds(20)
    assert older.sent == sent  # what would be refused is not sent
    older.claim(older.newest_epoch + 1)
    town.seconds(30)
    assert {one.memory.epoch for one in town.cabinets.of.values()} == {3} and set(older.health().tolist()) == {Health.OK}


def test_a_clock_that_is_wrong_gets_its_leases_in_its_own_time(town: Any, grid: Any) -> None:
    signal = grid.signals[2].id
    town.fault("clock", signal, seconds=-7200.0)
    town.seconds(60)
    assert town.modes() == {"adaptive"}
    assert set(town.link.health().tolist()) == {Health.OK} and town.monitor.violations == []
    assert town.link.clock.offset_s.tolist() == [0.0, 0.0, -7200.0, 0.0]


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 86400.0])
def test_when_all_clocks_jump_the_centre_goes_with_them(jump_s: float, town: Any) -> None:
    town.seconds(60)
    town.fault("clock", seconds=jump_s)
    town.seconds(90)
    assert town.link.now_s == town.now_s - 1.0 + jump_s and town.modes() == {"adaptive"}
    assert set(town.link.health().tolist()) == {Health.OK} and town.monitor.violations == []


def test_a_cabinet_that_lost_its_power_is_lent_its_plan_anew(town: Any, grid: Any) -> None:
    base = tuple(replace(s.base, offset_s=11.0, starts_s=town.now_s) for s in grid.signals)
    approved = adopt(replace(grid, signals=tuple(replace(s, base=b) for s, b in zip(grid.signals, base, strict=True))), town.now_s)
    town.link.listen()
    for k in range(400):
        town.cabinets.tell(town.now_s, town.kerb)
        town.link.listen()
        town.link.push(approved)
        for message in town.kerb.receive():
            town.cabinets.hear(message, town.now_s, town.kerb)
        town.cabinets.step(town.now_s)
        town.now_s += 1.0
        if k == 150:
            town.fault("restart", grid.signals[0].id)
        if k == 170:
            assert town.modes() == {"adaptive"}
    assert town.modes() == {"adaptive"} and 4 * 6 < town.link.sent < 4 * 10
    assert [lease.plan.offset_s for lease in town.link.lent.lease] == [11.0] * 4


def test_release_gives_every_signal_back(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citybrain.field.link.RELEASE_S", 0.0)
    town.seconds(60)
    town.link.release()
    town.thinking = False
    town.seconds(15)
    assert town.modes() == {"base"} and town.monitor.violations == []


def test_a_controller_that_says_it_leaves_is_silent_at_once(town: Any, grid: Any) -> None:
    town.seconds(20)
    town.kerb.send(online_topic(grid.signals[1].id), GONE)
    town.link.listen()
    assert town.link.health().tolist() == [0, Health.SILENT, 0, 0]
    _, age_s, _ = town.link.standing.where(town.link.now_s)
    assert np.isnan(age_s).tolist() == [False, True, False, False]


def test_what_is_malformed_is_counted_and_changes_nothing(town: Any, grid: Any) -> None:
    town.seconds(20)
    before = town.link.standing.where(town.link.now_s)
    status = town.cabinets.of[grid.signals[0].id].status(town.now_s)
    signal = grid.signals[0].id
    for topic, payload in (
        (status_topic(signal), b"{"),
        (status_topic(signal), encode_status(replace(status, phase=77))),
        (status_topic(signal), encode_status(replace(status, red_s=(1.0,)))),
        (status_topic("nobody"), encode_status(status)),
        ("sense", b"CBFr and nothing"),
        ("weather", b"rain"),
    ):
        town.kerb.send(topic, payload)
    town.link.listen()
    assert town.link.malformed == 6
    for now, then in zip(town.link.standing.where(town.link.now_s), before, strict=True):
        assert np.array_equal(now, then, equal_nan=True)


def test_a_frame_of_the_sensors_is_handed_on_with_its_bytes_as_they_came(town: Any, grid: Any) -> None:
    catalogue, heard = Catalogue.of(grid), list[tuple[Frame, bytes]]()
    town.link._senses.hear = lambda found, data: heard.append((found, data))
    data = encode(Samples("loops", np.zeros(1, np.int32), np.array([town.now_s]), np.ones(1, np.float32)), None, catalogue.key)
    town.kerb.send("sense", data)
    town.link.listen()
    ((found, kept),) = heard
    assert kept is data and found.key == catalogue.key and found.samples.value.tolist() == [1.0] and town.link.malformed == 0


@dataclass(frozen=True)
class Unapproved:
    """A plan that nobody vetted."""

    plan: TimingPlan


def test_plans_that_do_not_fit_or_that_nobody_approved_are_an_error(town: Any, grid: Any) -> None:
    with pytest.raises(LinkError, match="3 plans for 4 signals"):
        town.link.push(adopt(grid, 0.0)[:3])
    with pytest.raises(LinkError, match="Unapproved is not an ApprovedPlan"):
        town.link.push(tuple(Unapproved(s.base) for s in grid.signals))
    assert town.link.sent == 0


def test_leases_are_retained_as_the_wire_understands_it(town: Any) -> None:
    kept: list[bool] = []
    send = town.centre.send
    town.centre.send = lambda topic, payload, retain=False: (kept.append(retain), decode_lease(payload), send(topic, payload, retain))[2]
    town.seconds(20)
    assert kept and all(kept)

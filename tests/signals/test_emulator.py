"""The emulated cabinet: safe alone, whatever it is sent; follows what it has accepted; falls back by itself."""

from dataclasses import dataclass, replace
from math import isnan

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals.emulator import PATIENCE, STARTING_RED_S, EmulatedController
from signals.errors import LinkError
from signals.lease import Lease, Status, content_id, lease_of
from signals.monitor import LightsMonitor, monitor_for
from signals.rules import RULES, Rules, envelope, intergreens
from signals.seam import NO_CALL_S, Seen, Served, timeline
from signals.site import Site, longest_base_red_s, sites
from signals.types import Intersection, Network, Stage, TimingPlan

FREE, STREET = RULES["free"], RULES["street"]
LONG_S = 1.0e6  # a clock's hour does not matter


@dataclass(slots=True)
class Kerb:
    """A cabinet, what it shows, and a monitor of ours that watches the true time; `skew_s` is the error of the cabinet's clock."""

    cabinet: EmulatedController
    monitor: LightsMonitor
    site: Site
    true_s: float = LONG_S
    skew_s: float = 0.0
    shown: str = ""

    @property
    def now_s(self) -> float:
        return self.true_s + self.skew_s

    def step(self) -> str:
        self.shown = self.cabinet.step(self.now_s)
        self.monitor.watch(self.true_s, [self.shown])
        self.true_s += 1.0
        return self.shown

    def until_green(self, phase: int, least_s: float = 0.0, limit: int = 400) -> None:
        """Step until that phase is green for so long."""
        for _ in range(limit):
            status = self.cabinet.status(self.now_s)
            if status.phase == phase and status.age_s >= least_s:
                return
            self.step()
        raise AssertionError(f"phase {phase} is not green for {least_s} s within {limit} s")


def kerb(network: Network, rules: Rules) -> Kerb:
    (signal,) = network.signals
    site = sites(network, (envelope(signal, rules),))[0]
    return Kerb(EmulatedController(signal, rules, LONG_S), monitor_for(network, rules), site)


@pytest.fixture
def corner(four_arm: Network) -> Kerb:
    """The four-arm signal under the rules `free`, its phase 0 green for 10 s."""
    one = kerb(four_arm, FREE)
    one.until_green(0, 10.0)
    return one


def with_intergreens(signal: Intersection, rules: Rules) -> Intersection:
    """The signal with the intergreens that these rules ask for, and a base cycle that they fit into."""
    yellow_s, all_red_s = intergreens(signal, rules)
    stages = signal.base.stages
    around = zip(stages, stages[1:] + stages[:1], strict=True)
    cycle_s = sum(a.green_s + float((yellow_s + all_red_s)[a.phase, b.phase]) for a, b in around)
    return replace(signal, yellow_s=yellow_s, all_red_s=all_red_s, base=replace(signal.base, cycle_s=cycle_s))


def hold(phase: int, now_s: float, green_s: float) -> TimingPlan:
    return TimingPlan("A0", (Stage(phase, green_s),), now_s, now_s + green_s)


def change(phase: int, now_s: float, green_s: float) -> TimingPlan:
    return TimingPlan("A0", (Stage(phase, green_s),), now_s, now_s + green_s + 3.0)


def send(one: Kerb, plan: TimingPlan | None, epoch: int = 1, seq: int = 1) -> str:
    """Why it was refused; empty if it was not."""
    ack = one.cabinet.receive(lease_of("A0", plan, epoch, seq, one.now_s), one.now_s)
    assert ack.accepted is (not ack.reason)
    return ack.reason


def test_it_comes_up_all_red_and_then_runs_its_base_plan_in_step(four_arm: Network) -> None:
    one, base = kerb(four_arm, FREE), four_arm.signals[0].base
    assert [one.step() for _ in range(int(STARTING_RED_S))] == ["r" * 12] * int(STARTING_RED_S)
    assert one.step() == four_arm.signals[0].phases[0].lights
    for _ in range(int(12 * base.cycle_s)):
        one.step()
    one.until_green(3), one.until_green(0)
    assert (one.true_s - base.offset_s) % base.cycle_s == pytest.approx(0.0)
    assert one.monitor.violations == [] and one.cabinet.status(one.now_s).mode == "base"


def test_a_hold_lasts_as_long_as_it_is_lent_and_then_the_base_plan_goes_on(corner: Kerb) -> None:
    assert send(corner, hold(0, corner.now_s, 40.0)) == ""
    lights = [corner.step() for _ in range(50)]
    assert {*lights[:40]} == {corner.site.signal.phases[0].lights} and "y" in lights[40]
    status = corner.cabinet.status(corner.now_s)
    assert (status.mode, status.content_id, status.phase) == ("base", "", 1) and corner.monitor.violations == []


def test_a_change_starts_on_receipt_with_its_whole_intergreen(corner: Kerb) -> None:
    plan = change(2, corner.now_s, 12.0)
    assert send(corner, plan) == ""
    lights = [corner.step() for _ in range(15)]
    assert all("y" in one for one in lights[:3]) and {*lights[3:]} == {corner.site.signal.phases[2].lights}
    status = corner.cabinet.status(corner.now_s)
    assert status.mode == "adaptive" and status.content_id == content_id("A0", plan)


def test_a_late_hold_has_lost_what_the_message_took(corner: Kerb) -> None:
    assert send(corner, replace(hold(0, corner.now_s - 4.0, 20.0), valid_until_s=corner.now_s + 40.0)) == ""
    lights = [corner.step() for _ in range(17)]
    assert "y" not in "".join(lights[:16]) and "y" in lights[16]


def test_a_change_asked_during_the_minimum_green_is_refused_and_the_end_of_a_lease_waits_for_it(four_arm: Network) -> None:
    one = kerb(four_arm, FREE)
    one.until_green(1, 0.0)
    assert "expected its minimum 5.0 s" in send(one, change(0, one.now_s, 10.0))
    assert send(one, hold(1, one.now_s, 1.0), seq=2) == ""
    lights = [one.step() for _ in range(6)]
    assert "y" not in "".join(lights[:5]) and "y" in lights[5] and one.monitor.violations == []


def test_a_lease_that_ends_in_the_midst_of_an_intergreen_lets_it_end_and_gives_the_green_its_minimum(corner: Kerb) -> None:
    assert send(corner, replace(change(2, corner.now_s, 30.0), valid_until_s=corner.now_s + 2.0)) == ""
    lights = [corner.step() for _ in range(9)]
    assert {*lights[3:8]} == {corner.site.signal.phases[2].lights} and "y" in lights[8]
    assert corner.monitor.violations == []


def test_renewing_a_plan_lends_it_for_longer_without_starting_it_again(corner: Kerb) -> None:
    base = corner.site.signal.base
    plan = replace(base, starts_s=corner.now_s, valid_until_s=corner.now_s + 30.0, offset_s=7.0)
    assert send(corner, plan) == ""
    for k in range(20):
        for _ in range(20):
            corner.step()
        assert send(corner, replace(plan, valid_until_s=corner.now_s + 30.0), seq=2 + k) == ""
        assert corner.cabinet.status(corner.now_s).content_id == content_id("A0", plan)
    corner.until_green(3), corner.until_green(0)
    assert (corner.true_s - plan.offset_s) % plan.cycle_s == pytest.approx(0.0)
    assert send(corner, None, seq=99) == ""
    corner.until_green(1)
    assert corner.cabinet.status(corner.now_s).mode == "base" and corner.monitor.violations == []


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "an unknown phase": ({"stages": (Stage(9, 20.0),)}, "not one of the site's"),
    "a green too short": ({"stages": (Stage(0, 20.0), Stage(2, 2.0))}, "expected 5.0 to 300.0 s"),
    "a green too long": ({"stages": (Stage(0, 20.0), Stage(2, 301.0))}, "expected 5.0 to 300.0 s"),
    "a negative green": ({"stages": (Stage(0, -3.0),)}, "expected 0.0 to 300.0 s"),
    "a phase twice": ({"stages": (Stage(0, 20.0), Stage(0, 20.0))}, "follows itself"),
    "a lease that is over": ({"valid_until_s": LONG_S}, "lent for"),
    "a lease too long": ({"valid_until_s": LONG_S + 500.0}, "at most 60.0 s"),
    "a sequence from long ago": ({"starts_s": LONG_S}, "at most 5.0 s ago"),
    "a sequence from the future": ({"starts_s": LONG_S + 99.0}, "1.0 s ahead"),
    "a cycle too long": ({"repeats": True, "cycle_s": 9e9, "offset_s": 0.0}, "expected 20.0 to 300.0 s"),
    "a cycle that does not add up": ({"repeats": True, "cycle_s": 99.0, "offset_s": 0.0}, "add up to 20.0 s"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_the_site_must_not_show_is_refused_and_changes_nothing(wrong: str, corner: Kerb) -> None:
    fields, said = WRONG[wrong]
    before = corner.cabinet.status(corner.now_s)
    assert said in send(corner, replace(hold(0, corner.now_s, 20.0), **fields))  # type: ignore[arg-type]
    assert replace(corner.cabinet.status(corner.now_s), seq=0, epoch=0) == replace(before, seq=0, epoch=0)


def test_a_phase_with_conflicting_greens_is_refused(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    foes = signal.conflicts.copy()
    foes[1, 7] = foes[7, 1] = True  # north and south through, both green in phase 0
    one = EmulatedController(replace(signal, conflicts=foes), FREE, 0.0)
    assert "green together" in one.receive(lease_of("A0", hold(0, 0.0, 20.0), 1, 1, 0.0), 0.0).reason


def test_a_repeating_plan_that_leaves_somebody_out_is_refused(corner: Kerb) -> None:
    plan = TimingPlan("A0", (Stage(0, 20.0), Stage(2, 20.0)), corner.now_s, corner.now_s + 60.0, True, 46.0, 0.0)
    assert send(corner, replace(plan, stages=(Stage(1, 20.0), Stage(3, 20.0)))) == "n_right is never green in the cycle"


def test_messages_count_once_and_in_order_and_an_older_centre_is_fenced_off(corner: Kerb) -> None:
    first = lease_of("A0", hold(0, corner.now_s, 20.0), 4, 7, 0.0)
    assert corner.cabinet.receive(first, corner.now_s).accepted
    for _ in range(10):
        corner.step()
    again = corner.cabinet.receive(first, corner.now_s)
    assert again.accepted and corner.cabinet.status(corner.now_s).content_id == first.content_id
    later = hold(0, corner.now_s, 21.0)
    assert "not newer than 7" in send(corner, later, 4, 7) and "not newer than 7" in send(corner, later, 4, 3)
    assert "epoch 3 is over" in send(corner, later, 3, 99)
    assert send(corner, later, 5, 0) == "" and "epoch 4 is over" in send(corner, later, 4, 99)
    assert "this is A0" in corner.cabinet.receive(lease_of("B7", None, 9, 9, 0.0), corner.now_s).reason
    garbled = Lease("A0", 9, 9, "0" * 16, later, 0.0)
    assert "not that of its plan" in corner.cabinet.receive(garbled, corner.now_s).reason
    assert corner.cabinet.status(corner.now_s).epoch == 5


def test_the_epoch_outlives_a_power_cut_and_the_lease_does_not(corner: Kerb) -> None:
    lent = lease_of("A0", hold(0, corner.now_s, 50.0), 4, 7, 0.0)
    assert corner.cabinet.receive(lent, corner.now_s).accepted
    corner.step()
    corner.cabinet.restart(corner.now_s)
    assert [corner.cabinet.step(corner.now_s + k) for k in range(6)] == ["r" * 12] * 6
    status = corner.cabinet.status(corner.now_s + 6.0)
    assert (status.mode, status.epoch, status.seq) == ("base", 4, 7)
    assert "epoch 3 is over" in send(corner, None, 3, 1)


def test_wrong_lamps_latch_flash_until_a_person_resets_the_cabinet(four_arm: Network) -> None:
    stuck: list[str] = []
    signal = four_arm.signals[0]
    one = EmulatedController(signal, FREE, 0.0, lamps=lambda lights: "G" * 12 if stuck else lights)
    for t in range(20):
        one.step(float(t))
    stuck.append("a welded relay")
    assert one.step(20.0) == "o" * 12 and "green together" in one.violations[0]
    stuck.clear()
    assert one.step(21.0) == "o" * 12
    for seq, plan in enumerate((None, hold(0, 22.0, 20.0))):
        assert "until a person resets it" in one.receive(lease_of("A0", plan, 9, seq, 22.0), 22.0).reason
    status = one.status(22.0)
    assert (status.mode, status.latched) == ("flash", True) and isnan(status.age_s)
    one.restart(23.0)
    assert one.step(23.0) == "o" * 12
    with pytest.raises(LinkError, match="expected the name of who looked"):
        one.reset(24.0, " ")
    one.reset(24.0, "Ines")
    assert one.step(24.0) == "r" * 12 and not one.status(25.0).latched


def test_a_centre_that_forgets_somebody_is_overruled_until_he_was_served(corner: Kerb) -> None:
    patience_s = PATIENCE * max(corner.site.max_red_s)
    worst_s, refused = 0.0, set()
    for seq in range(int(2.5 * patience_s)):
        status = corner.cabinet.status(corner.now_s)
        if status.phase in (0, 1) and status.age_s >= 5.0:
            refused.add(send(corner, hold(status.phase, corner.now_s, 30.0), seq=seq)[:14])
        corner.step()
        worst_s = max(worst_s, *status.red_s)
    assert refused == {"", "somebody has w"}
    assert patience_s <= worst_s <= patience_s + 60.0 and corner.monitor.violations == []


def test_whoever_does_not_call_is_not_forgotten(corner: Kerb) -> None:
    served = corner.site.serves[0] | corner.site.serves[1]
    corner.cabinet.hear_calls(tuple(m in served for m in range(12)))
    for seq in range(int(1.5 * PATIENCE * max(corner.site.max_red_s))):
        status = corner.cabinet.status(corner.now_s)
        if status.phase in (0, 1) and status.age_s >= 5.0:
            assert send(corner, hold(status.phase, corner.now_s, 30.0), seq=seq) == ""
        corner.step()
    corner.cabinet.hear_calls((True,) * 12)  # now somebody does, and is not forgotten yet
    corner.step()
    assert send(corner, hold(corner.cabinet.status(corner.now_s).phase, corner.now_s, 30.0), seq=9999) == ""
    assert corner.monitor.violations == []


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 0.7, -0.7, 86400.0 * 365])
def test_a_clock_that_jumps_shortens_no_interval(jump_s: float, four_arm: Network) -> None:
    one = kerb(replace(four_arm, signals=(with_intergreens(four_arm.signals[0], STREET),)), STREET)
    seq = 0
    for t in range(900):
        if t % 7 == 3:
            one.skew_s += jump_s * (1 if t % 2 else -1)
        status = one.cabinet.status(one.now_s)
        if status.age_s >= 10.0:
            seq += 1
            send(one, change((status.phase + 1 + t % 2) % 4, one.now_s, 20.0), seq=seq)
        one.step()
    assert one.monitor.violations == [] and seq > 10


@dataclass(frozen=True, slots=True)
class Word:
    """A message in the making: sent at a second, delivered so much later, so many times."""

    sent_at: int
    late: int
    copies: int
    kind: str
    phases: tuple[int, ...]
    green_s: float
    lent_s: float
    epoch: int
    seq: int


WORDS = st.builds(
    Word,
    sent_at=st.integers(0, 299),
    late=st.integers(0, 9),
    copies=st.integers(1, 3),
    kind=st.sampled_from(["hold", "hold", "change", "change", "change", "sequence", "repeating", "base", "blind"]),
    phases=st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple),
    green_s=st.one_of(st.integers(1, 60).map(float), st.floats(-1.0, 400.0)),
    lent_s=st.one_of(st.just(30.0), st.floats(0.0, 70.0)),
    epoch=st.sampled_from([1, 1, 1, 1, 2]),
    seq=st.integers(0, 400),
)
JUMPS = st.dictionaries(st.integers(0, 299), st.floats(-5000.0, 5000.0), max_size=3)


def plan_of(word: Word, one: Kerb) -> TimingPlan | None:
    """What a centre that knows the street now might say, or one that knows nothing."""
    status, now_s = one.cabinet.status(one.now_s), one.now_s
    until_s = now_s + word.lent_s
    if word.kind == "base":
        return None
    if word.kind == "repeating":
        base = one.site.signal.base
        return replace(base, starts_s=now_s, valid_until_s=until_s, offset_s=word.green_s % base.cycle_s)
    if word.kind == "hold":
        return TimingPlan("A0", (Stage(status.phase, word.green_s),), now_s, until_s)
    if word.kind == "change":
        return TimingPlan("A0", (Stage(word.phases[0], max(word.green_s, 7.0)),), now_s, until_s)
    stages = tuple(Stage(p, word.green_s if word.kind == "blind" else 7.0 + k + p) for k, p in enumerate(word.phases))
    return TimingPlan("A0", stages, now_s, until_s, word.kind == "blind" and word.seq % 2 == 0, word.green_s, 0.0)


def promised(plan: TimingPlan, before: Status, one: Kerb) -> list[Served]:
    """What must be shown for a sequence from now on, worked out by `signals.seam`, which the cabinet does not use."""
    late_s, first = max(before.now_s - plan.starts_s, 0.0), plan.stages[0]
    if first.phase == before.phase:
        least_s = one.site.min_green_s[first.phase] - before.age_s
        plan = replace(plan, stages=(replace(first, green_s=max(first.green_s - late_s, least_s)), *plan.stages[1:]))
    reds_s = [NO_CALL_S] * len(one.site.signal.movements)
    return timeline(plan, one.site, Seen(before.now_s, before.phase, before.age_s, reds_s, one.site.signal.base))


def keeps(lights: str, served: list[Served], since_s: float, signal: Intersection) -> bool:
    """Whether the stages that are green for the whole second which begins then are shown."""
    lit = [s.phase for s in served if s.on_s <= since_s and since_s + 1.0 <= s.off_s]
    return all(lights == signal.phases[phase].lights for phase in lit)


@pytest.mark.parametrize("rules", [FREE, STREET], ids=lambda one: one.name)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(WORDS, max_size=50), jumps=JUMPS)
def test_whatever_it_is_sent_its_lights_are_safe_and_what_it_accepts_it_does(
    rules: Rules, words: list[Word], jumps: dict[int, float], four_arm: Network
) -> None:
    timed = replace(four_arm, signals=(with_intergreens(four_arm.signals[0], rules),))
    one, signal = kerb(timed, rules), timed.signals[0]
    post: dict[int, list[Lease]] = {}
    served: list[Served] = []
    begun_s, newest = 0.0, (0, -1)
    for t in range(300):
        if t in jumps:
            one.skew_s, served = jumps[t], []
        for word in words:
            if word.sent_at == t:
                lease = lease_of("A0", plan_of(word, one), word.epoch, word.seq, one.now_s)
                for copy in range(word.copies):
                    post.setdefault(t + word.late + 3 * copy, []).append(lease)
        for lease in post.get(t, []):
            before, order = one.cabinet.status(one.now_s), (lease.epoch, lease.seq)
            accepted = one.cabinet.receive(lease, one.now_s).accepted
            assert not accepted or order >= newest
            if accepted and order > newest:
                plan = lease.plan
                renewed = before.content_id == lease.content_id
                whole = plan is not None and not plan.repeats and all(s.green_s % 1.0 == 0.0 for s in plan.stages)
                served = promised(plan, before, one) if plan is not None and whole and not renewed else []
                begun_s = one.true_s
            after = one.cabinet.status(one.now_s)
            newest = (after.epoch, after.seq)
        assert keeps(one.step(), served, one.true_s - 1.0 - begun_s, signal)
    reds_s = longest_base_red_s(signal)
    for _ in range(int(60.0 + 2.0 * signal.base.cycle_s)):
        one.step()
        last = one.cabinet.status(one.now_s)
    assert one.monitor.violations == [] and one.cabinet.violations == []
    assert last.mode == "base" and max(last.red_s) <= max(reds_s) + 0.2 * signal.base.cycle_s + 1.0


def test_it_notices_when_the_promise_is_not_kept(corner: Kerb) -> None:
    before, plan = corner.cabinet.status(corner.now_s), hold(2, corner.now_s, 20.0)
    served = promised(plan, before, corner)
    assert not keeps(corner.site.signal.phases[0].lights, served, 5.0, corner.site.signal)
    assert keeps(corner.site.signal.phases[2].lights, served, 5.0, corner.site.signal)

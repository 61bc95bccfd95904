"""Claims about the link to SUMO: what was approved is what the lights do, and letting go is safe."""

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signals.errors import LinkError
from signals.links.sumo import MOST_GREENS, PROGRAM_ID, SumoLink
from signals.monitor import monitor_for
from signals.planners.sequence import keep, switch
from signals.rules import RULES, envelope
from signals.safety import adopt, vet
from signals.types import ApprovedPlan, Intersection, Network, SafetyEnvelope, Stage, TimingPlan
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario
from sumo_nets.session import RunFiles, Session, start

pytestmark = pytest.mark.sumo
SEED = 104
DECISION_S, YELLOW_S, HOLD_S = 10.0, 3.0, 27.0
needs_resco = pytest.mark.skipif(
    importlib.util.find_spec("sumo_rl") is None,
    reason="the RESCO nets need the bench extra (sumo-rl), not installed here",
)


@dataclass
class Run:
    """A simulation with a link, and a watch over its lights."""

    session: Session
    network: Network
    limits: tuple[SafetyEnvelope, ...]
    link: SumoLink
    running: tuple[ApprovedPlan, ...]

    def decide(self, wishes: Sequence[TimingPlan]) -> tuple[ApprovedPlan, ...]:
        """Observe, vet and push; nothing may be objected to."""
        observed = self.link.observe(self.session.now_s)
        self.running = vet(tuple(wishes), self.running, observed, self.network, self.limits)
        assert [o.sentence for a in self.running for o in a.objections] == []
        self.link.push(self.running)
        return self.running

    def shown(self) -> list[str]:
        return [self.session.sumo.trafficlight.getRedYellowGreenState(s.id) for s in self.network.signals]

    def drive(self, seconds: int) -> list[list[str]]:
        """The lights [second][signal] of so many steps."""
        lights = []
        for _ in range(seconds):
            self.session.advance()
            lights.append(self.shown())
        return lights


def limits_of(network: Network) -> tuple[SafetyEnvelope, ...]:
    """RESCO's rules, without the largest red: the choices of these tests are not a planner's."""
    return tuple(replace(envelope(s, RULES["resco"]), max_red_s=1e6) for s in network.signals)


def all_green(sumo: Any, network: Network) -> bool:
    """Every signal has shown one of its phases for the minimum green."""
    for s in network.signals:
        shown = sumo.trafficlight.getRedYellowGreenState(s.id)
        if shown not in {p.lights for p in s.phases} or sumo.trafficlight.getSpentDuration(s.id) < 7.0:
            return False
    return True


def begun(one: Scenario, session: Session) -> Run:
    network = read_network(one.net, RULES["resco"])
    while not all_green(session.sumo, network):
        session.advance()
    running = adopt(network, session.now_s)
    return Run(session, network, limits_of(network), SumoLink(session.sumo, network), running)


@pytest.fixture(params=["grid_2x2", "arterial_5"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    one = scenario(request.param)
    with start(one, SEED) as session:
        yield begun(one, session)


def choices(network: Network, decisions: int) -> np.ndarray[Any, Any]:
    """A phase for each decision and signal, by chance, the same for the same network [decision, signal]."""
    rng = np.random.default_rng(SEED)
    return np.array([[rng.integers(len(s.phases)) for s in network.signals] for _ in range(decisions)])


def wished(signal: Intersection, before: int, target: int, now_s: float) -> TimingPlan:
    if target == before:
        return keep(signal.id, before, now_s, 30.0)
    return switch(signal.id, target, now_s, HOLD_S, float(signal.intergreen_s[before, target]))


def by_link(session: Session, network: Network, decisions: int) -> None:
    """Carry the choices out as approved plans."""
    run = Run(session, network, limits_of(network), SumoLink(session.sumo, network), adopt(network, session.now_s))
    for targets in choices(network, decisions):
        observed = run.link.observe(session.now_s)
        phases = observed.phase.tolist()
        run.decide([wished(s, p, q, session.now_s) for s, p, q in zip(network.signals, phases, targets, strict=True)])
        run.drive(int(DECISION_S))


def by_hand(session: Session, network: Network, decisions: int) -> None:
    """The same choices by setting lamps: yellow for whoever loses green, then the new phase."""
    lights = session.sumo.trafficlight
    for targets in choices(network, decisions):
        new = [s.phases[q].lights for s, q in zip(network.signals, targets, strict=True)]
        for s, after in zip(network.signals, new, strict=True):
            before = lights.getRedYellowGreenState(s.id)
            pairs = zip(before, after, strict=True)
            yellow = "".join("y" if a in "gG" and b not in "gG" else a for a, b in pairs)
            lights.setRedYellowGreenState(s.id, yellow if "y" in yellow else after)
        for k in range(int(DECISION_S)):
            if k == YELLOW_S:
                for s, after in zip(network.signals, new, strict=True):
                    lights.setRedYellowGreenState(s.id, after)
            session.advance()


@needs_resco
@pytest.mark.parametrize("name", ["resco/cologne1", "resco/cologne3"])
def test_plans_through_the_link_move_traffic_exactly_as_lamps_set_by_hand(tmp_path: Path, name: str) -> None:
    one = scenario(name)
    network = read_network(one.net, RULES["resco"])
    ways: dict[str, Callable[[Session, Network, int], None]] = {"link": by_link, "hand": by_hand}
    found = {}
    for way, carry_out in ways.items():
        tripinfo = tmp_path / f"{way}.xml"
        with start(one, SEED, RunFiles(tripinfo), "traci") as session:  # a process of its own each: exactly repeatable
            while not all_green(session.sumo, network):
                session.advance()
            carry_out(session, network, 58)
        found[way] = tripinfo.read_text(encoding="utf-8").partition("-->")[2]
    assert found["link"].count("<tripinfo ") > 200
    assert found["link"] == found["hand"]


def test_the_lights_show_the_sequence_and_the_read_back_phase_and_age_say_so(run: Run) -> None:
    network = run.network
    before = run.link.observe(run.session.now_s).phase.tolist()
    targets = [(p + 1) % len(s.phases) for s, p in zip(network.signals, before, strict=True)]
    run.decide([wished(s, p, q, run.session.now_s) for s, p, q in zip(network.signals, before, targets, strict=True)])
    lost_s = [float(s.intergreen_s[p, q]) for s, p, q in zip(network.signals, before, targets, strict=True)]
    for k in range(25):
        observed = run.link.observe(run.session.now_s)
        assert observed.phase.tolist() == targets
        assert observed.age_s.tolist() == [k - lost for lost in lost_s]
        shown = run.drive(1)[0]
        for i, s in enumerate(network.signals):
            assert (shown[i] == s.phases[targets[i]].lights) == (k >= lost_s[i])


def test_a_held_green_ages_on_through_every_renewal(run: Run) -> None:
    observed = run.link.observe(run.session.now_s)
    phases, ages_s = observed.phase.tolist(), observed.age_s
    for k in range(6):
        observed = run.link.observe(run.session.now_s)
        assert observed.phase.tolist() == phases
        assert observed.age_s.tolist() == (ages_s + 10.0 * k).tolist()
        run.decide([keep(s.id, p, run.session.now_s, 30.0) for s, p in zip(run.network.signals, phases, strict=True)])
        shown = run.drive(10)
        expected = [s.phases[p].lights for s, p in zip(run.network.signals, phases, strict=True)]
        assert all(lights == expected for lights in shown)


def test_a_sequence_that_is_not_renewed_goes_on_with_the_base_plans_stages(run: Run) -> None:
    now_s, network = run.session.now_s, run.network
    before = run.link.observe(now_s).phase.tolist()
    targets = [(p + 2) % len(s.phases) for s, p in zip(network.signals, before, strict=True)]
    run.decide([wished(s, p, q, now_s) for s, p, q in zip(network.signals, before, targets, strict=True)])
    monitor = monitor_for(network, RULES["resco"])
    lights = run.drive(300)
    for k, shown in enumerate(lights):
        monitor.watch(float(k), shown)
    assert monitor.violations == []
    for i, s in enumerate(network.signals):
        index = {p.lights: k for k, p in enumerate(s.phases)}
        greens = [index[x[i]] for x in lights if x[i] in index]
        order = [p for k, p in enumerate(greens) if k == 0 or p != greens[k - 1]]
        base = [stage.phase for stage in s.base.stages]
        first = (base.index(targets[i]) + 1) % len(base) if targets[i] in base else 0
        assert len(order) > 4
        assert order[0] == targets[i]
        assert order[1:9] == [base[(first + k) % len(base)] for k in range(len(order[1:9]))]
        lone = [x[i] for x in lights].index(s.phases[order[1]].lights)
        assert lone == s.intergreen_s[before[i], targets[i]] + HOLD_S + s.intergreen_s[targets[i], order[1]]


def test_released_signals_come_back_to_the_base_plans_cycle_and_offset_through_intergreens(run: Run) -> None:
    network, session = run.network, run.session
    for targets in choices(network, 5):
        phases = run.link.observe(session.now_s).phase.tolist()
        run.decide([wished(s, p, q, session.now_s) for s, p, q in zip(network.signals, phases, targets, strict=True)])
        run.drive(10)
    monitor = monitor_for(network, RULES["resco"])
    phases = run.link.observe(session.now_s).phase.tolist()
    other = [(p + 1) % len(s.phases) for s, p in zip(network.signals, phases, strict=True)]
    run.decide([wished(s, p, q, session.now_s) for s, p, q in zip(network.signals, phases, other, strict=True)])
    run.drive(2)  # in the midst of an intergreen
    run.link.release()
    from_s, lights = session.now_s, run.drive(420)
    for k, shown in enumerate(lights):
        monitor.watch(from_s + k, shown)
    assert monitor.violations == []
    for i, s in enumerate(network.signals):
        first = s.phases[s.base.stages[0].phase].lights
        shown_here = [x[i] for x in lights]
        starts_s = [from_s + k for k in range(1, 420) if shown_here[k - 1] != first == shown_here[k]]
        # The intergreen in which it was released may lead to the first stage, whose green then dwells until its time.
        assert [(t - s.base.offset_s) % s.base.cycle_s for t in starts_s[-2:]] == [0.0, 0.0]
        cycle = int(s.base.cycle_s)
        for stage in s.base.stages:
            assert shown_here[-cycle:].count(s.phases[stage.phase].lights) == stage.green_s


def test_keeping_the_running_plan_pushes_nothing_new(run: Run) -> None:
    run.link.observe(run.session.now_s)
    run.link.push(run.running)
    made = run.session.sumo.trafficlight.getAllProgramLogics(run.network.signals[0].id)
    spent_s = run.session.sumo.trafficlight.getSpentDuration(run.network.signals[0].id)
    run.drive(1)
    run.link.observe(run.session.now_s)
    run.link.push(run.running)
    after = run.session.sumo.trafficlight.getAllProgramLogics(run.network.signals[0].id)
    assert [len(x.phases) for x in after] == [len(x.phases) for x in made]
    assert run.session.sumo.trafficlight.getSpentDuration(run.network.signals[0].id) == spent_s + 1.0
    assert run.session.sumo.trafficlight.getProgram(run.network.signals[0].id) == PROGRAM_ID


def test_only_approved_plans_one_for_each_signal_are_taken(run: Run) -> None:
    shown = run.shown()
    bare = tuple(approved.plan for approved in run.running)
    with pytest.raises(LinkError, match=r"TimingPlan is not an ApprovedPlan"):
        run.link.push(bare)  # type: ignore[arg-type]
    n = len(run.running)
    with pytest.raises(LinkError, match=rf"{n - 1} plans for {n} signals"):
        run.link.push(run.running[1:])
    assert run.shown() == shown


class Part:
    """Passes everything on to the real thing, but for what a subclass does differently."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class DeafLights(Part):
    """A controller that answers, and does not do what it was told."""

    def setProgramLogic(self, signal: str, logic: Any) -> None:
        return None

    def setPhase(self, signal: str, index: int) -> None:
        return None


class CountedLights(Part):
    """Counts the programs that are pushed."""

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self.programs = 0

    def setProgramLogic(self, signal: str, logic: Any) -> None:
        self.programs += 1
        self._real.setProgramLogic(signal, logic)


class StuckLights(Part):
    """A controller that takes the program, and stays where it is in it."""

    def setPhase(self, signal: str, index: int) -> None:
        return None


class Street(Part):
    """SUMO with other lights."""

    def __init__(self, real: Any, lights: Any) -> None:
        super().__init__(real)
        self.trafficlight = lights


@pytest.mark.parametrize("fault", [DeafLights, StuckLights])
def test_a_controller_that_does_not_hold_what_was_pushed_is_an_error(run: Run, fault: type[Part]) -> None:
    sumo = run.session.sumo
    run.link = SumoLink(Street(sumo, fault(sumo.trafficlight)), run.network)
    now_s = run.session.now_s
    phases = run.link.observe(now_s).phase.tolist()
    wishes = [wished(s, p, (p + 1) % len(s.phases), now_s) for s, p in zip(run.network.signals, phases, strict=True)]
    with pytest.raises(LinkError, match=rf"{run.network.signals[0].id}: pushed .*y.*, but the controller shows"):
        run.decide(wishes)


def test_a_program_of_somebody_else_that_shows_none_of_our_phases_is_an_error(run: Run) -> None:
    first = run.network.signals[0]
    strange = replace(first, phases=tuple(replace(p, lights="r" * len(p.lights)) for p in first.phases))
    with pytest.raises(LinkError, match=rf"{first.id}: program .* shows none of the"):
        SumoLink(run.session.sumo, replace(run.network, signals=(strange, *run.network.signals[1:])))


def test_a_sumo_that_is_gone_is_an_error_in_every_call() -> None:
    one = scenario("grid_2x2")
    session = start(one, SEED, None, "traci")
    run = begun(one, session)
    session.sumo._process.kill()
    with pytest.raises(LinkError, match=r"SUMO does not answer at"):
        run.link.observe(session.now_s)
    with pytest.raises(LinkError, match=r"SUMO refused the plan"):
        run.link.push(adopt(run.network, 0.0))
    with pytest.raises(LinkError, match=r"its signals go on with what was pushed last"):
        run.link.release()
    session.close()


def test_stages_of_a_longer_sequence_come_in_turn(run: Run) -> None:
    now_s, s = run.session.now_s, run.network.signals[0]
    phases = run.link.observe(now_s).phase.tolist()
    wishes = [keep(x.id, p, now_s, 60.0) for x, p in zip(run.network.signals, phases, strict=True)]
    p = phases[0]
    a, b = (p + 1) % len(s.phases), (p + 2) % len(s.phases)
    wishes[0] = TimingPlan(s.id, (Stage(p, 5.0), Stage(a, 8.0), Stage(b, 12.0)), now_s, now_s + 40.0)
    run.decide(wishes)
    shown = [x[0] for x in run.drive(25 + int(s.intergreen_s[p, a] + s.intergreen_s[a, b]))]
    assert [shown.count(s.phases[k].lights) for k in (p, a, b)] == [5, 8, 12]


@pytest.mark.parametrize("stages", [1, 2])
def test_an_intergreen_that_ends_at_the_very_tick_is_over_whatever_is_pushed(run: Run, stages: int) -> None:
    now_s = run.session.now_s
    phases = run.link.observe(now_s).phase.tolist()
    targets = [(p + 1) % len(s.phases) for s, p in zip(run.network.signals, phases, strict=True)]
    run.decide([wished(s, p, q, now_s) for s, p, q in zip(run.network.signals, phases, targets, strict=True)])
    lost_s = [round(float(s.intergreen_s[p, q])) for s, p, q in zip(run.network.signals, phases, targets, strict=True)]
    i = int(np.argmax(lost_s))
    assert lost_s[i] > 0
    run.drive(lost_s[i])
    for k in range(3):
        s, at_s = run.network.signals[i], run.session.now_s
        assert run.link.observe(at_s).age_s[i] == k
        others = [one.plan for one in run.running]
        after = Stage((targets[i] + 1) % len(s.phases), 10.0)
        sequence = (Stage(targets[i], 12.0 - k), after)[:stages]
        others[i] = TimingPlan(s.id, sequence, at_s, at_s + 30.0)
        run.decide(others)
        assert run.drive(1)[0][i] == s.phases[targets[i]].lights


def change_all(run: Run) -> list[str]:
    """Every signal goes on to its next phase, and that has turned green; the lights shown."""
    now_s = run.session.now_s
    phases = run.link.observe(now_s).phase.tolist()
    run.decide([wished(s, p, (p + 1) % len(s.phases), now_s) for s, p in zip(run.network.signals, phases, strict=True)])
    return run.drive(int(DECISION_S))[-1]


def test_all_changes_of_a_kind_are_one_program(run: Run) -> None:
    lights = CountedLights(run.session.sumo.trafficlight)
    run.link = SumoLink(Street(run.session.sumo, lights), run.network)
    phases = run.link.observe(run.session.now_s).phase.tolist()
    for k in range(1, 7):
        due = [s.phases[(p + k) % len(s.phases)].lights for s, p in zip(run.network.signals, phases, strict=True)]
        assert change_all(run) == due
    assert lights.programs == len(run.network.signals)


def test_a_signal_that_somebody_else_took_over_is_an_error_at_its_next_change(run: Run) -> None:
    change_all(run)
    first, lights, now_s = run.network.signals[0], run.session.sumo.trafficlight, run.session.now_s
    observed = run.link.observe(now_s)
    wishes = [wished(s, p, (p + 1) % len(s.phases), now_s) for s, p in zip(run.network.signals, observed.phase.tolist(), strict=True)]
    approved = vet(tuple(wishes), run.running, observed, run.network, run.limits)
    lights.setRedYellowGreenState(first.id, lights.getRedYellowGreenState(first.id))
    with pytest.raises(LinkError, match=f"^{first.id}: "):
        run.link.push(approved)


def test_a_planner_of_many_greens_gets_new_boards_and_the_lights_it_asked_for(run: Run) -> None:
    first = run.network.signals[0]
    phase = int(run.link.observe(run.session.now_s).phase[0])
    for k in range(20):
        stage = Stage((phase + 1) % len(first.phases), 10.0 + k)
        run.link._change(0, phase, stage)
        program = run.link._programs[0]
        start = run.session.sumo.trafficlight.getPhase(first.id)
        assert program.segments[program.leads[start]].duration_s == stage.green_s
        phase = stage.phase
    assert len(run.link._ways[0]) <= (MOST_GREENS + 1) * len(first.phases) ** 2

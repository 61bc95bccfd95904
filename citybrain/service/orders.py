"""What people have ordered and what still stands of it: modes, overrides, fixed plans, proposals. Values only; nothing here acts.

`ordered` turns one command and what stands into what stands afterwards, or says in a sentence why not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from citybrain.assemble import controller, nearest
from citybrain.service.desk import (
    Approve,
    Command,
    Fault,
    Lift,
    Mode,
    Override,
    Propose,
    Reject,
    RollBack,
    SetController,
    SetMode,
)
from signals.errors import ConfigError
from signals.safety import lasting_objection
from signals.site import Site
from signals.types import Intersection, Network, Stage, TimingPlan

LONGEST_OVERRIDE_S = 3600.0
MOST_PROPOSALS = 1000
Stages = tuple[tuple[int, float], ...]  # (phase from 0, green)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person has put a signal on: a phase by hand until a moment, or a repeating plan until it is lifted."""

    owner: str
    reason: str
    phase: int = -1  # from 0; -1: a plan
    until_s: float = math.inf
    stages: Stages = ()
    offset_s: float = 0.0
    plan: int = 0  # its number in the archive

    @property
    def by_hand(self) -> bool:
        """A phase held by hand, not a plan."""
        return self.phase >= 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """A repeating plan that waits for an engineer."""

    number: int
    signal: str
    stages: Stages
    offset_s: float
    by: str
    reason: str
    made_at_s: float


@dataclass(frozen=True, slots=True)
class Orders:
    """All that stands. `modes` names the signals that are not in `mode`, the mode of all others."""

    controller: str
    mode: Mode = Mode.SHADOW
    modes: dict[str, Mode] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)
    proposals: dict[int, Proposal] = field(default_factory=dict)
    next_proposal: int = 1

    def mode_of(self, signal: str) -> Mode:
        """The mode of a signal."""
        return self.modes.get(signal, self.mode)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a command is judged by: the sites, the field's time, who asks, and earlier plans by their numbers."""

    sites: Mapping[str, Site]
    now_s: float
    who: str
    simulated: bool
    archived: dict[int, tuple[str, Stages, float]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What stands after a command; and one sentence that says what happened."""

    orders: Orders
    sentence: str
    found: dict[str, Any] = field(default_factory=dict)


def ordered(orders: Orders, command: Command, scene: Scene) -> Outcome:
    """What stands after a command; ConfigError where it cannot be."""
    return JUDGES[type(command)](orders, command, scene)


def with_mode(orders: Orders, command: SetMode, scene: Scene) -> Outcome:
    """Signals in another mode; naming none means all, also those that are in a mode of their own."""
    for name in command.signals:
        known(scene, name)
    if not command.signals:
        return Outcome(replace(orders, mode=command.mode, modes={}), f"all {len(scene.sites)} signals are in mode {command.mode}")
    modes = {**orders.modes, **dict.fromkeys(command.signals, command.mode)}
    modes = {name: mode for name, mode in modes.items() if mode != orders.mode}
    named = command.signals[0] if len(command.signals) == 1 else f"{len(command.signals)} signals"
    return Outcome(replace(orders, modes=modes), f"{named}: mode {command.mode}")


def overridden(orders: Orders, command: Override, scene: Scene) -> Outcome:
    """A phase held by hand for a while; another one's override is not taken over silently."""
    signal = known(scene, command.signal)
    phase = phase_of(signal, command.phase)
    if not 0.0 < command.for_s <= LONGEST_OVERRIDE_S:
        raise ConfigError(f"{signal.id}: override for {command.for_s:g} s; expected over 0 and at most {LONGEST_OVERRIDE_S:g} s")
    if not command.reason.strip():
        raise ConfigError(f"{signal.id}: an override needs a reason")
    stands = orders.standing.get(signal.id)
    if stands is not None and stands.by_hand and stands.until_s > scene.now_s and stands.owner != scene.who:
        raise ConfigError(f"{signal.id}: {stands.owner} holds phase {stands.phase + 1} by hand ({stands.reason}); lift that first")
    one = Standing(scene.who, command.reason, phase, scene.now_s + command.for_s)
    sentence = f"{signal.id}: phase {command.phase} is held by hand for {command.for_s:g} s, as far as safety allows"
    return Outcome(replace(orders, standing={**orders.standing, signal.id: one}), sentence)


def lifted(orders: Orders, command: Lift, scene: Scene) -> Outcome:
    """The signal without its override or fixed plan."""
    signal = known(scene, command.signal)
    if signal.id not in orders.standing:
        raise ConfigError(f"{signal.id}: nothing stands that could be lifted; expected an override or a fixed plan")
    left = {name: one for name, one in orders.standing.items() if name != signal.id}
    return Outcome(replace(orders, standing=left), f"{signal.id}: follows its mode again ({orders.mode_of(signal.id)})")


def proposed(orders: Orders, command: Propose, scene: Scene) -> Outcome:
    """A plan of somebody's own, put forward."""
    signal = known(scene, command.signal)
    stages = tuple((phase_of(signal, phase), float(green_s)) for phase, green_s in command.stages)
    if len(stages) < 1 or not all(0.0 < green_s < 600.0 for _, green_s in stages):
        raise ConfigError(f"{signal.id}: stages {list(command.stages)}; expected at least one, with greens over 0 and under 600 s")
    return put_forward(orders, signal, stages, command.offset_s, scene, command.reason)


def put_forward(orders: Orders, signal: Intersection, stages: Stages, offset_s: float, scene: Scene, reason: str) -> Outcome:
    """A proposal beside those that wait; one of the same owner for the same signal is replaced."""
    plan = repeating(signal, stages, offset_s, scene.now_s, math.inf)
    objection = lasting_objection(plan, scene.sites[signal.id], scene.now_s)
    if objection is not None:
        raise ConfigError(f"the plan would be refused ({objection.rule}): {objection.sentence}")
    cycle_s = plan.cycle_s
    kept = {k: p for k, p in orders.proposals.items() if not (p.signal == signal.id and p.by == scene.who)}
    if len(kept) >= MOST_PROPOSALS:
        raise ConfigError(f"{len(kept)} proposals wait already; expected them to be approved or turned down first")
    number = orders.next_proposal
    one = Proposal(number, signal.id, stages, offset_s, scene.who, reason, scene.now_s)
    after = replace(orders, proposals={**kept, number: one}, next_proposal=number + 1)
    return Outcome(after, f"{signal.id}: proposal {number}, a cycle of {cycle_s:g} s, waits for approval", {"proposal": number})


def approved(orders: Orders, command: Approve, scene: Scene) -> Outcome:
    """A proposal put in force, until it is lifted."""
    one = waiting(orders, command.proposal)
    stands = Standing(scene.who, one.reason or command.reason, stages=one.stages, offset_s=one.offset_s)
    left = {k: p for k, p in orders.proposals.items() if k != one.number}
    after = replace(orders, proposals=left, standing={**orders.standing, one.signal: stands})
    return Outcome(after, f"{one.signal}: proposal {one.number} of {one.by} is in force")


def rolled_back(orders: Orders, command: RollBack, scene: Scene) -> Outcome:
    """A signal back on a plan of the archive, until it is lifted."""
    signal = known(scene, command.signal)
    if command.plan not in scene.archived:
        raise ConfigError(f"{signal.id}: plan {command.plan}: there is none of that number in the archive")
    of, stages, offset_s = scene.archived[command.plan]
    if of != signal.id:
        raise ConfigError(f"{signal.id}: plan {command.plan} is of {of}; expected one of its own")
    one = Standing(scene.who, command.reason or f"rolled back to plan {command.plan}", stages=stages, offset_s=offset_s, plan=command.plan)
    return Outcome(replace(orders, standing={**orders.standing, signal.id: one}), f"{signal.id}: back on plan {command.plan}")


def rejected(orders: Orders, command: Reject, scene: Scene) -> Outcome:
    """A proposal turned down."""
    one = waiting(orders, command.proposal)
    left = {k: p for k, p in orders.proposals.items() if k != one.number}
    return Outcome(replace(orders, proposals=left), f"{one.signal}: proposal {one.number} was turned down")


def steered_by(orders: Orders, command: SetController, scene: Scene) -> Outcome:
    """Another controller for all signals."""
    if controller(command.controller).make is None:
        raise ConfigError(f"controller {command.controller!r} runs inside SUMO; expected one that plans")
    return Outcome(replace(orders, controller=command.controller), f"plans are made by {command.controller} from now on")


def broken(orders: Orders, command: Fault, scene: Scene) -> Outcome:
    """A fault of a simulated street; nothing stands of it."""
    if not scene.simulated:
        raise ConfigError("faults are made in a simulated street of our own only; this one is not")
    return Outcome(orders, f"fault {command.kind} asked of the street")


JUDGES: dict[type[Any], Callable[[Orders, Any, Scene], Outcome]] = {
    SetMode: with_mode,
    Override: overridden,
    Lift: lifted,
    Propose: proposed,
    Approve: approved,
    Reject: rejected,
    RollBack: rolled_back,
    SetController: steered_by,
    Fault: broken,
}


def without_past(orders: Orders, now_s: float) -> tuple[Orders, list[str]]:
    """What stands without the overrides that are over, and their signals."""
    over = [name for name, one in orders.standing.items() if not one.until_s > now_s]
    if not over:
        return orders, []
    return replace(orders, standing={name: one for name, one in orders.standing.items() if name not in over}), over


def moved_holds(orders: Orders, by_s: float, now_s: float) -> tuple[Orders, list[str]]:
    """What stands when the street's clock has jumped, and the signals held: for as long as was asked, and no longer than can be asked."""
    latest_s = now_s + LONGEST_OVERRIDE_S
    held = {
        name: replace(one, until_s=until_s)
        for name, one in orders.standing.items()
        if one.by_hand and (until_s := min(one.until_s + by_s, latest_s)) != one.until_s
    }
    return replace(orders, standing={**orders.standing, **held}), sorted(held)


def repeating(signal: Intersection, stages: Stages, offset_s: float, starts_s: float, valid_until_s: float) -> TimingPlan:
    """The repeating plan of these stages; its cycle is their greens and the intergreens between them."""
    between_s = signal.intergreen_s
    phases = [phase for phase, _ in stages]
    lost_s = sum(float(between_s[p, q]) for p, q in zip(phases, phases[1:] + phases[:1], strict=True))
    cycle_s = lost_s + sum(green_s for _, green_s in stages)
    return TimingPlan(
        signal.id, tuple(Stage(phase, green_s) for phase, green_s in stages), starts_s, valid_until_s, True, cycle_s, offset_s
    )


def known(scene: Scene, name: str) -> Intersection:
    """The signal of a name; ConfigError with the nearest one."""
    if name not in scene.sites:
        raise ConfigError(f"signal {name[:80]!r}: there is none of that name; {nearest(name[:80], list(scene.sites)[:500])}")
    return scene.sites[name].signal


def phase_of(signal: Intersection, number: int) -> int:
    """A phase from 0 for a number from 1."""
    if not 1 <= number <= len(signal.phases):
        raise ConfigError(f"{signal.id}: phase {number}; expected 1 to {len(signal.phases)}")
    return number - 1


def waiting(orders: Orders, number: int) -> Proposal:
    """The proposal of a number."""
    if number not in orders.proposals:
        raise ConfigError(f"proposal {number}: none of that number waits")
    return orders.proposals[number]


def orders_json(orders: Orders) -> dict[str, Any]:
    """For the store."""
    return {
        "controller": orders.controller,
        "mode": orders.mode.value,
        "modes": {name: mode.value for name, mode in orders.modes.items()},
        "standing": {name: standing_json(one) for name, one in orders.standing.items()},
        "proposals": [proposal_json(one) for one in orders.proposals.values()],
        "next_proposal": orders.next_proposal,
    }


def standing_json(one: Standing) -> dict[str, Any]:
    """One standing order; phases from 0, no end is null."""
    return {
        "owner": one.owner,
        "reason": one.reason,
        "phase": one.phase,
        "until_s": one.until_s if math.isfinite(one.until_s) else None,
        "stages": [list(stage) for stage in one.stages],
        "offset_s": one.offset_s,
        "plan": one.plan,
    }


def proposal_json(one: Proposal) -> dict[str, Any]:
    """One proposal; phases from 0."""
    return {
        "number": one.number,
        "signal": one.signal,
        "stages": [list(stage) for stage in one.stages],
        "offset_s": one.offset_s,
        "by": one.by,
        "reason": one.reason,
        "made_at_s": one.made_at_s,
    }


def orders_from(stored: dict[str, Any], network: Network) -> Orders:
    """What `orders_json` wrote; orders for signals that the network no longer has are left out."""
    names = {s.id for s in network.signals}
    standing = {}
    for name, one in stored["standing"].items():
        if name in names:
            until_s = math.inf if one["until_s"] is None else float(one["until_s"])
            stages = tuple((int(p), float(g)) for p, g in one["stages"])
            standing[name] = Standing(one["owner"], one["reason"], one["phase"], until_s, stages, one["offset_s"], one["plan"])
    proposals = {}
    for one in stored["proposals"]:
        if one["signal"] in names:
            stages = tuple((int(p), float(g)) for p, g in one["stages"])
            proposals[one["number"]] = Proposal(
                one["number"], one["signal"], stages, one["offset_s"], one["by"], one["reason"], one["made_at_s"]
            )
    modes = {name: Mode(mode) for name, mode in stored["modes"].items() if name in names}
    return Orders(stored["controller"], Mode(stored["mode"]), modes, standing, proposals, stored["next_proposal"])

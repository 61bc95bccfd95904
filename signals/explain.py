"""One sentence with its numbers for every plan and every choice of a phase: what bound it, what else there was, and by how much.

Pure functions of what was seen and priced; the words stand in one table, a column a language. Phases are counted from 1 as
engineers do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from signals.types import Floats, Intersection, Observation, Serves, Turn

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "plan": "{signal}: cycle {cycle:.0f} s{offset}: binding {movement} {flow:.0f} veh/h at v/c {degree:.2f},"
        " mean delay {delay:.1f} s/veh",
        "offset": ", offset {offset:.0f} s",
        "over": "; past capacity by {over:.0f} veh/h",
        "other": "{cycle:.0f} s would cost {extra:+.1f} s/veh (v/c {degree:.2f})",
        "gain": "{cycle:.0f} s would save {saved:.1f} s/veh but runs at v/c {degree:.2f}",
        "then": "; ",
        "and": ", ",
        "none": "no other cycle is allowed",
        "idle": "{signal}: cycle {cycle:.0f} s: nobody is expected, so nothing binds its greens",
        "phase": "phase {number} ({movements})",
        "more": "{shown} and {rest} more",
        "switch": "{signal}: {chosen} now: {queue} waiting, {kind} {own} against {other} for staying in {running} ({margin})",
        "stay": "{signal}: stays in {running}: {queue} waiting, {kind} {own} against {other} for {best} ({margin})",
        "queues": "{signal}: {chosen} now: {queue} waiting, {others} in {running}",
        "together": "; chosen together with {neighbours}",
        "alone": "{signal}: stays in {running}, green for {age:.0f} s",
        "rest": "{signal}: rests in {running}: nobody waits or comes",
        "despite": "{signal}: {chosen} although its {kind} is {own} against {other} for {best} ({margin}): {queue} waiting",
        "forced": "{signal}: {chosen} must come: {movement} red for {red:.0f} s of at most {limit:.0f} s, {queue} waiting",
        "forced_green": "{signal}: {chosen} must come: {running} green for {age:.0f} s of at most {limit:.0f} s, {queue} waiting",
        "short": "{signal}: holds {running}: green for {age:.0f} s of at least {limit:.0f} s",
        "change": "{signal}: changes to {running}: green in {left:.0f} s",
        "refused": "{signal}: wish refused, {running} goes on: {reason}",
        "vehicle": "{n:.0f} vehicle",
        "vehicles": "{n:.0f} vehicles",
        "price": "price",
        "price_value": "{value:.0f} s",
        "price_margin": "{margin:+.0f} s",
        "pressure": "pressure",
        "pressure_value": "{value:.1f} veh²/s",
        "pressure_margin": "{margin:+.1f}",
        "left": "left",
        "through": "through",
        "right": "right",
        "u_turn": "u-turn",
        "crossing": "crossing",
        "dead": "no lane",
    },
    "zh": {
        "plan": "{signal}:周期 {cycle:.0f} 秒{offset}:控制流向 {movement} {flow:.0f} 辆/时,饱和度 {degree:.2f},平均延误 {delay:.1f} 秒/车",
        "offset": ",相位差 {offset:.0f} 秒",
        "over": ";超出通行能力 {over:.0f} 辆/时",
        "other": "若用 {cycle:.0f} 秒则 {extra:+.1f} 秒/车(饱和度 {degree:.2f})",
        "gain": "若用 {cycle:.0f} 秒可省 {saved:.1f} 秒/车,但饱和度达 {degree:.2f}",
        "then": ";",
        "and": ",",
        "none": "没有其他允许的周期",
        "idle": "{signal}:周期 {cycle:.0f} 秒:预计无车辆,绿灯时间不受任何流向控制",
        "phase": "相位 {number}({movements})",
        "more": "{shown}等 {rest} 个",
        "switch": "{signal}:立即转为{chosen}:{queue}等待,{kind} {own},继续{running}为 {other}({margin})",
        "stay": "{signal}:保持{running}:{queue}等待,{kind} {own},转为{best}为 {other}({margin})",
        "queues": "{signal}:立即转为{chosen}:{queue}等待,{running}为 {others}",
        "together": ";与 {neighbours} 一起决定",
        "alone": "{signal}:保持{running}:已绿 {age:.0f} 秒",
        "rest": "{signal}:停在{running}:无车等待或到达",
        "despite": "{signal}:{chosen},虽然其{kind} {own},而{best}为 {other}({margin}):{queue}等待",
        "forced": "{signal}:{chosen}必须放行:{movement} 已红 {red:.0f} 秒,上限 {limit:.0f} 秒,{queue}等待",
        "forced_green": "{signal}:{chosen}必须放行:{running}已绿 {age:.0f} 秒,上限 {limit:.0f} 秒,{queue}等待",
        "short": "{signal}:保持{running}:已绿 {age:.0f} 秒,最短 {limit:.0f} 秒",
        "change": "{signal}:正在转为{running}:{left:.0f} 秒后变绿",
        "refused": "{signal}:方案被否决,{running}继续:{reason}",
        "vehicle": "{n:.0f} 辆车",
        "vehicles": "{n:.0f} 辆车",
        "price": "代价",
        "price_value": "{value:.0f} 秒",
        "price_margin": "{margin:+.0f} 秒",
        "pressure": "压力",
        "pressure_value": "{value:.1f} 辆²/秒",
        "pressure_margin": "{margin:+.1f}",
        "left": "左转",
        "through": "直行",
        "right": "右转",
        "u_turn": "掉头",
        "crossing": "行人过街",
        "dead": "无车道",
    },
}
"""By language, then by key: sentences and the words in them."""
NAMED = 4  # arms of a phase that a sentence names
LOWER_IS_BETTER = {"price": True, "pressure": False}
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """A cycle that was not taken, and what it would do: extra delay [s/veh] over the plan's, highest degree of saturation."""

    cycle_s: float
    extra_s: float
    degree: float


@dataclass(frozen=True, slots=True)
class PlanReasons:
    """Why a repeating plan is as it is: its binding lane group, and the cycles beside it."""

    signal: str
    cycle_s: float
    offset_s: float | None  # None: nobody coordinates it
    binding: str  # the lane group of the highest saturation; empty where nobody is expected
    flow_veh_h: float
    degree: float
    delay_s: float  # mean of all vehicles at the signal
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """What was seen at one signal when it decided."""

    signal: Intersection
    phase: int
    age_s: float
    queue_veh: Floats
    """[movement]"""
    red_s: Floats
    """[movement]"""
    names: Names  # [movement]
    language: str = "en"


def moment(signal: Intersection, index: int, first: int, observed: Observation, names: Names, language: str = "en") -> Moment:
    """One signal's part of an observation; `first` is its first movement on the flat axis."""
    own = slice(first, first + len(signal.movements))
    phase, age_s = int(observed.phase[index]), float(observed.age_s[index])
    return Moment(signal, phase, age_s, observed.queue_veh[own], observed.red_s[own], names, language)


def movement_names(signal: Intersection, language: str = "en", arms: dict[str, str] | None = None) -> Names:
    """[movement] the arm it comes from and its turn: `N1 left`; `arms` gives approaches a better name, such as a bearing."""
    words = WORDS[language]
    return tuple(
        f"{(arms or {}).get(m.approach, m.approach)} {words[m.turn.value]}" if m.lanes or m.turn is Turn.CROSSING else words["dead"]
        for m in signal.movements
    )


def group_name(names: Names, movements: tuple[int, ...]) -> str:
    """A lane group in words: the turns of one arm together, `N1 left+through`."""
    turns: dict[str, list[str]] = {}
    for m in movements:
        arm, _, turn = names[m].rpartition(" ")
        if turn not in turns.setdefault(arm, []):
            turns[arm].append(turn)
    return ", ".join(f"{arm} {'+'.join(some)}".strip() for arm, some in turns.items())


def explain_plan(reasons: PlanReasons, language: str = "en") -> str:
    """Cycle, binding lane group and saturation of a repeating plan, and what the cycles beside it would cost."""
    words = WORDS[language]
    if not reasons.binding:
        return words["idle"].format(signal=reasons.signal, cycle=reasons.cycle_s)
    offset = "" if reasons.offset_s is None else words["offset"].format(offset=reasons.offset_s)
    sentence = words["plan"].format(
        signal=reasons.signal, cycle=reasons.cycle_s, offset=offset, movement=reasons.binding, flow=reasons.flow_veh_h,
        degree=reasons.degree, delay=reasons.delay_s,
    )  # fmt: skip
    if reasons.degree > 1.0:
        sentence += words["over"].format(over=reasons.flow_veh_h * (1.0 - 1.0 / reasons.degree))
    others = [_other(one, words) for one in reasons.alternatives]
    return sentence + words["then"] + (words["and"].join(others) if others else words["none"])


def _other(one: Alternative, words: dict[str, str]) -> str:
    key = "gain" if one.extra_s < 0.0 else "other"
    return words[key].format(cycle=one.cycle_s, extra=one.extra_s, saved=-one.extra_s, degree=one.degree)


def explain_choice(seen: Moment, values: Floats, chosen: int, kind: str = "price", neighbours: str = "") -> str:
    """Why a phase was taken or kept: its price or pressure [phase] against the best other one; NaN values were not on offer.

    `neighbours`: signals that decided jointly with this one, for a choice that is not the best for it alone.
    """
    words, running = WORDS[seen.language], seen.phase
    fill = {"signal": seen.signal.id, "running": phase_name(seen, running), "chosen": phase_name(seen, chosen), "age": seen.age_s}
    best = _best_other(values, chosen, kind)
    if best is None:
        return words["alone"].format(**fill)
    if not values[np.isfinite(values)].any() and not np.nan_to_num(seen.queue_veh).any():
        return words["rest"].format(**fill)
    # Who leaves a phase is told what staying would have cost; who stays, what the best change would have.
    against = running if chosen != running and math.isfinite(values[running]) else best
    cost = float(values[against] - values[chosen])
    worse = (values[best] < values[chosen]) if LOWER_IS_BETTER[kind] else (values[best] > values[chosen])
    against, cost = (best, float(values[best] - values[chosen])) if worse else (against, cost)
    key = "despite" if worse else "switch" if chosen != running else "stay"
    sentence = words[key].format(
        **fill, best=phase_name(seen, against), queue=waiting(seen, chosen), kind=words[kind],
        own=words[f"{kind}_value"].format(value=values[chosen]), other=words[f"{kind}_value"].format(value=values[against]),
        margin=words[f"{kind}_margin"].format(margin=cost),
    )  # fmt: skip
    return sentence + (words["together"].format(neighbours=neighbours) if worse and neighbours else "")


def explain_queues(seen: Moment, chosen: int) -> str:
    """A choice whose reasons are nobody's numbers, such as a learned score: who waits for it and who for the running phase."""
    words = WORDS[seen.language]
    fill = {"signal": seen.signal.id, "running": phase_name(seen, seen.phase), "chosen": phase_name(seen, chosen), "age": seen.age_s}
    if chosen == seen.phase:
        return words["alone"].format(**fill) + f"; {waiting(seen, chosen)}"
    return words["queues"].format(**fill, queue=waiting(seen, chosen), others=waiting(seen, seen.phase))


def _best_other(values: Floats, chosen: int, kind: str) -> int | None:
    """The best phase on offer beside the chosen one."""
    sign = 1.0 if LOWER_IS_BETTER[kind] else -1.0
    others = [p for p in range(values.size) if p != chosen and math.isfinite(values[p])]
    return min(others, key=lambda p: sign * float(values[p]), default=None) if math.isfinite(values[chosen]) else None


def explain_forced(seen: Moment, chosen: int, max_red_s: float, max_green_s: float) -> str:
    """Why a phase comes whatever the planner wants: somebody called is red too long, or the running green lasts too long."""
    words = WORDS[seen.language]
    served = np.flatnonzero((seen.signal.serves[chosen] > Serves.NOT) & ~(seen.queue_veh <= 0.0))
    fill = {"signal": seen.signal.id, "running": phase_name(seen, seen.phase), "chosen": phase_name(seen, chosen), "age": seen.age_s}
    longest = max(served.tolist(), key=lambda m: float(np.nan_to_num(seen.red_s[m], nan=np.inf)), default=None)
    if longest is None or (max_green_s - seen.age_s < max_red_s - seen.red_s[longest]):
        return words["forced_green"].format(**fill, limit=max_green_s, queue=waiting(seen, chosen))
    return words["forced"].format(
        **fill, movement=seen.names[longest], red=seen.red_s[longest], limit=max_red_s, queue=waiting(seen, chosen)
    )


def explain_hold(seen: Moment, min_green_s: float) -> str:
    """Why nothing could be chosen: an intergreen runs, or the green is younger than its minimum."""
    words = WORDS[seen.language]
    fill = {"signal": seen.signal.id, "running": phase_name(seen, seen.phase), "age": seen.age_s}
    if seen.age_s < 0.0:
        return words["change"].format(**fill, left=-seen.age_s)
    if not seen.age_s >= min_green_s:
        return words["short"].format(**fill, limit=min_green_s)
    return words["alone"].format(**fill)


def explain_refusal(seen: Moment, reason: str) -> str:
    """A wish that safety refused, and the objection."""
    return WORDS[seen.language]["refused"].format(signal=seen.signal.id, running=phase_name(seen, seen.phase), reason=reason)


def phase_name(seen: Moment, phase: int) -> str:
    """`phase 3 (S, N left)`: its number, and the arms it serves, longest queue first; an arm that it serves whole without its turns."""
    words, lit = WORDS[seen.language], seen.signal.serves[phase] > Serves.NOT
    queue_veh = np.nan_to_num(seen.queue_veh)
    arms: dict[str, list[int]] = {}
    for m in np.flatnonzero(lit).tolist():
        arms.setdefault(seen.names[m].rpartition(" ")[0], []).append(m)
    whole = {arm: all(lit[m] for m, name in enumerate(seen.names) if name.rpartition(" ")[0] == arm) for arm in arms}
    order = sorted(arms, key=lambda arm: -float(queue_veh[arms[arm]].sum()))
    named = [arm if whole[arm] and arm else group_name(seen.names, tuple(arms[arm])) for arm in order]
    shown = ", ".join(named[:NAMED])
    if len(named) > NAMED:
        shown = words["more"].format(shown=shown, rest=len(named) - NAMED)
    return words["phase"].format(number=phase + 1, movements=shown)


def waiting(seen: Moment, phase: int) -> str:
    """Vehicles queued for a phase, in words; a silent sensor counts nobody."""
    n = float(np.nansum(seen.queue_veh[seen.signal.serves[phase] > Serves.NOT]))
    return WORDS[seen.language]["vehicle" if n == 1.0 else "vehicles"].format(n=n)

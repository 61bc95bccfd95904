"""Flows of a network in, a timing plan per signal out: Webster's for each on its own, or one clock for the network; or your cycle."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from citybrain.assemble import nearest
from citybrain.plan_sheet import Sheet, group_figures, mean_delay_s, sheet
from signals.errors import ConfigError
from signals.explain import Alternative
from signals.lane_groups import demand_of
from signals.layout import lay_out
from signals.planners.coordinated import timing_for
from signals.planners.network_timing import CYCLES_S, plan_of
from signals.planners.webster import LONGEST_CYCLE_S, lost_time_s, target_greens_s
from signals.safety import adopt, vet
from signals.types import Floats, Intersection, Network, Observation, SafetyEnvelope, Stage, TimingPlan

SEED = 1  # of the restarts of the search
CYCLE_STEP_S = 5.0
TRACED_M = 3000.0  # how far up lanes are followed: whole streets, up to the signal before
BESIDE = (0.8, 1.25)  # of the cycle: the shorter and the longer one that a plan is compared with


def plan_sheets(
    network: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats, method: str = "webster", cycle_s: float | None = None
) -> tuple[Sheet, ...]:
    """A sheet for every signal: plans by a method for these flows [movement], of the cycle given or the method's own."""
    if method not in METHODS:
        raise ConfigError(f"no method {method!r}; {nearest(method, list(METHODS))}")
    if cycle_s is not None and not 0.0 < cycle_s < float("inf"):
        raise ConfigError(f"cycle {cycle_s} s: expected a time from some seconds up")
    wishes = METHODS[method](network, limits, flow_veh_h, cycle_s)
    return sheets_of(network, limits, flow_veh_h, wishes, method == "coordinated")


def isolated(network: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats, cycle_s: float | None) -> tuple[TimingPlan, ...]:
    """Webster's cycle (or the one given) and splits, each signal on its own."""
    flows = by_signal(network, flow_veh_h)
    return tuple(webster_plan(s, limit, flow, cycle_s) for s, limit, flow in zip(network.signals, limits, flows, strict=True))


def coordinated(network: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats, cycle_s: float | None) -> tuple[TimingPlan, ...]:
    """One clock for all signals: common cycle (or the one given; half of it where that is better), splits and offsets."""
    for signal, flow in zip(network.signals, by_signal(network, flow_veh_h), strict=True):
        if np.isnan(flow[demand_of(signal).saturation_veh_h > 0.0]).any():
            raise ConfigError(f"{signal.id}: no plan; a flow is missing")
    cycles_s = CYCLES_S if cycle_s is None else (round(cycle_s),)
    found = timing_for(network, limits, flow_veh_h, np.random.default_rng(SEED), cycles_s)
    if found is None:
        raise ConfigError(f"no common cycle among {', '.join(map(str, cycles_s))} s has room for all minimum greens and intergreens")
    return tuple(plan_of(signal, found, i) for i, signal in enumerate(network.signals))


def webster_plan(signal: Intersection, limit: SafetyEnvelope, flow_veh_h: Floats, cycle_s: float | None = None) -> TimingPlan:
    """Webster's plan on the stages of the base plan, without an offset; ConfigError where there is none, or none of that cycle."""
    lost_s, demand, bound = lost_time_s(signal), demand_of(signal), limit
    if cycle_s is not None:
        least_s = lost_s + float(sum(limit.min_green_s[stage.phase] for stage in signal.base.stages))
        if cycle_s < least_s:
            raise ConfigError(f"{signal.id}: no plan of {cycle_s:g} s; its minimum greens and intergreens take {least_s:g} s")
        bound = replace(limit, min_cycle_s=cycle_s, max_cycle_s=cycle_s)
    greens_s = target_greens_s(demand, flow_veh_h, lost_s, bound, signal)
    if np.isnan(greens_s).any() or np.isnan(flow_veh_h[demand.saturation_veh_h > 0.0]).any():
        raise ConfigError(f"{signal.id}: no plan; a flow is missing, or its intergreens of {lost_s:.0f} s fill the longest cycle")
    stages = tuple(Stage(s.phase, float(g)) for s, g in zip(signal.base.stages, greens_s, strict=True))
    total_s = float(greens_s.sum()) + lost_s
    if cycle_s is not None and abs(total_s - cycle_s) > limit.step_s / 2.0:
        raise ConfigError(f"{signal.id}: no plan of {cycle_s:g} s; the nearest one has {total_s:g} s")
    return TimingPlan(signal.id, stages, 0.0, float("inf"), True, total_s, 0.0)


def sheets_of(
    network: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats, wishes: tuple[TimingPlan, ...], coordinated: bool = False
) -> tuple[Sheet, ...]:
    """The plans with their figures, vetted as if put in force at a standing base plan; ConfigError where one is not allowed."""
    approved = vet(wishes, adopt(network, 0.0), standing(network), network, unhurried(limits))
    for one, wish in zip(approved, wishes, strict=True):
        if one.plan is not wish:
            raise ConfigError(f"{wish.signal}: the plan for these flows is not allowed here: {one.objections[0].sentence}")
    return tuple(
        sheet(signal, one, flows, alternatives(signal, limit, flows, one.plan), coordinated)
        for signal, limit, flows, one in zip(network.signals, limits, by_signal(network, flow_veh_h), approved, strict=True)
    )


def by_signal(network: Network, flow_veh_h: Floats) -> list[Floats]:
    """The flat movement axis cut into one piece a signal."""
    return np.split(flow_veh_h, lay_out(network).movement_start[1:-1])


def alternatives(signal: Intersection, limit: SafetyEnvelope, flow_veh_h: Floats, plan: TimingPlan) -> tuple[Alternative, ...]:
    """A shorter and a longer cycle of the same stages, splits cut anew, with the delay they would add; none that the limits forbid."""
    staged = replace(signal, base=plan)
    if not flow_veh_h.any():
        return ()
    own_s, found = mean_delay_s(group_figures(signal, plan, flow_veh_h)), []
    longest_s = min(LONGEST_CYCLE_S, limit.max_cycle_s)
    for factor in BESIDE:
        cycle_s = min(max(CYCLE_STEP_S * round(plan.cycle_s * factor / CYCLE_STEP_S), limit.min_cycle_s), longest_s)
        try:
            other = webster_plan(staged, limit, flow_veh_h, cycle_s)
        except ConfigError:  # its minimum greens need more
            continue
        groups = group_figures(signal, other, flow_veh_h)
        if groups and abs(other.cycle_s - plan.cycle_s) >= CYCLE_STEP_S / 2.0:
            found.append(Alternative(other.cycle_s, mean_delay_s(groups) - own_s, max(g.degree for g in groups)))
    return tuple(found)


def unhurried(limits: tuple[SafetyEnvelope, ...]) -> tuple[SafetyEnvelope, ...]:
    """The limits without the rate of change: a plan sheet is not a step from what runs tonight."""
    return tuple(replace(one, max_green_change_s=float("inf")) for one in limits)


def standing(network: Network) -> Observation:
    """An observation of an empty network whose base plans have just begun."""
    n, m = len(network.signals), lay_out(network).movements
    none = np.zeros(0)
    return Observation(
        0.0, np.array([s.base.stages[0].phase for s in network.signals], dtype=np.int64), np.full(n, 1000.0),
        np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(m), none.astype(np.int64), none.astype(np.int64), none, none,
    )  # fmt: skip


def read_flows(path: Path, network: Network) -> Floats:
    """Flows [movement] from a CSV with the columns movement and flow_veh_h; movements not named carry nothing [veh/h]."""
    names = [m.id for s in network.signals for m in s.movements]
    index = {name: k for k, name in enumerate(names)}
    flow_veh_h = np.zeros(len(names))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    if not rows or not {"movement", "flow_veh_h"} <= rows[0].keys():
        raise ConfigError(f"{path}: expected rows under a header with the columns movement and flow_veh_h")
    named: set[str] = set()
    for number, row in enumerate(rows, 2):
        if row["movement"] not in index:
            raise ConfigError(f"{path}, line {number}: no movement {row['movement']!r}; {nearest(row['movement'], names[:40])}")
        if row["movement"] in named:
            raise ConfigError(f"{path}, line {number}: movement {row['movement']!r} is there twice")
        named.add(row["movement"])
        try:
            value = float(row["flow_veh_h"])
        except ValueError:
            value = float("nan")
        if not 0.0 <= value < 100_000.0:
            raise ConfigError(f"{path}, line {number}: flow_veh_h is {row['flow_veh_h']!r}, expected a number from 0 up")
        flow_veh_h[index[row["movement"]]] = value
    return flow_veh_h


METHODS: dict[str, Callable[[Network, tuple[SafetyEnvelope, ...], Floats, float | None], tuple[TimingPlan, ...]]] = {
    "webster": isolated,
    "coordinated": coordinated,
}
"""By name: who makes the plans, from flows [movement] and a cycle or None."""

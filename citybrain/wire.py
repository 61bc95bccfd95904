"""Nouns ↔ JSON: the one place that knows how a tick looks outside the process. NaN and infinity become null."""

from __future__ import annotations

import math
from typing import Any

from signals.types import ApprovedPlan, Floats, Network, Tick, TimingPlan


def numbers(values: Floats, digits: int = 2) -> list[float | None]:
    """A list for JSON."""
    return [round(v, digits) if math.isfinite(v) else None for v in values.tolist()]


def finite(value: Any) -> Any:
    """Lists and tables with every number that is not finite replaced by None: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plan_json(plan: TimingPlan) -> dict[str, Any]:
    """A timing plan: stages as [phase, green_s]; phases are counted from 1 as engineers do."""
    return {
        "signal": plan.signal,
        "stages": [[s.phase + 1, s.green_s] for s in plan.stages],
        "starts_s": plan.starts_s,
        "valid_until_s": plan.valid_until_s if math.isfinite(plan.valid_until_s) else None,
        "repeats": plan.repeats,
        "cycle_s": plan.cycle_s,
        "offset_s": plan.offset_s,
    }


def approved_json(approved: ApprovedPlan) -> dict[str, Any]:
    """An approved plan with the objections to the wish it stands in for."""
    objections = [{"rule": o.rule, "sentence": o.sentence} for o in approved.objections]
    return {**plan_json(approved.plan), "objections": objections}


def tick_json(tick: Tick, network: Network) -> dict[str, Any]:
    """Everything of one pass, by signal and movement."""
    observed, forecast = tick.observed, tick.forecast
    return {
        "now_s": tick.now_s,
        "signals": [s.id for s in network.signals],
        "phase": [int(p) + 1 for p in observed.phase],
        "age_s": numbers(observed.age_s),
        "queue_veh": numbers(observed.queue_veh),
        "counts_veh": numbers(observed.counts_veh),
        "plans": [approved_json(p) for p in tick.plans],
        "forecast": None
        if forecast is None
        else {
            "made_at_s": forecast.made_at_s,
            "start_s": forecast.start_s,
            "bin_s": forecast.bin_s,
            "flow_veh_h": [numbers(row, 1) for row in forecast.flow_veh_h],
            "low_veh_h": [numbers(row, 1) for row in forecast.low_veh_h],
            "high_veh_h": [numbers(row, 1) for row in forecast.high_veh_h],
            "rung": list(forecast.rung),
        },
    }

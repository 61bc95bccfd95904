"""Advice: a better timing plan for a signal in advise mode, for an engineer to approve. Webster's, for the flows of the next 15 minutes.

It is put forward where HCM's delay falls by enough to be worth somebody's look; never twice the same, and nothing for a signal on which
a person's phase stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from citybrain.plan_sheet import group_figures, mean_delay_s
from citybrain.planning import webster_plan
from citybrain.service.desk import Mode
from citybrain.service.engine import Engine
from citybrain.service.orders import Orders, Scene, Stages, put_forward, repeating
from signals.errors import ConfigError
from signals.types import Floats, Intersection, SafetyEnvelope, TimingPlan

EVERY_S = 300.0
AT_ONCE = 200  # signals advised in one tick: an engineer looks at fewer
WORTH_S = 1.0  # of delay a vehicle
WORTH_SHARE = 0.05
WHO = "adviser"


@dataclass(frozen=True, slots=True)
class Advice:
    """A plan, and why."""

    signal: str
    stages: Stages
    reason: str


def advice(signal: Intersection, limit: SafetyEnvelope, flow_veh_h: Floats, running: TimingPlan) -> Advice | None:
    """The better plan for these flows [movement]; None where there is none, or none that is worth a change."""
    flow_veh_h = np.nan_to_num(flow_veh_h)
    if not flow_veh_h.sum() > 0.0:
        return None
    try:
        plan = webster_plan(signal, limit, flow_veh_h)
    except ConfigError:
        return None
    own_s, new_s = (mean_delay_s(group_figures(signal, one, flow_veh_h)) for one in (running, plan))
    saved_s = own_s - new_s
    if not saved_s >= max(WORTH_S, WORTH_SHARE * own_s):
        return None
    stages = tuple((stage.phase, stage.green_s) for stage in plan.stages)
    reason = (
        f"for the {flow_veh_h.sum():.0f} veh/h expected: cycle {plan.cycle_s:.0f} instead of {running.cycle_s:.0f} s, "
        f"delay {new_s:.1f} instead of {own_s:.1f} s/veh (computed, HCM)"
    )
    return Advice(signal.id, stages, reason)


def advised(orders: Orders, engine: Engine, scene: Scene) -> tuple[Orders, list[str]]:
    """The orders with what is put forward now, and the signals concerned."""
    found = []
    for i in concerned(orders, engine):
        signal, forecast = engine.network.signals[i], engine.forecast(i)
        if forecast is None:
            continue
        stands = orders.standing.get(signal.id)
        running = repeating(signal, stands.stages, stands.offset_s, scene.now_s, np.inf) if stands is not None else signal.base
        one = advice(signal, engine.limits[i], forecast.flow_veh_h[0], running)
        if one is None or any(p.signal == signal.id and p.by == WHO and p.stages == one.stages for p in orders.proposals.values()):
            continue
        try:
            orders = put_forward(orders, signal, one.stages, 0.0, replace(scene, who=WHO), one.reason).orders
        except ConfigError:  # its site forbids the plan, or too many wait
            continue
        found.append(signal.id)
    return orders, found


def concerned(orders: Orders, engine: Engine) -> Iterator[int]:
    """Signals in advise mode on which no phase is held by hand; a share of a large city."""
    count = 0
    for i, signal in enumerate(engine.network.signals):
        stands = orders.standing.get(signal.id)
        if orders.mode_of(signal.id) is Mode.ADVISE and not (stands is not None and stands.by_hand):
            yield i
            count += 1
            if count >= AT_ONCE:
                return

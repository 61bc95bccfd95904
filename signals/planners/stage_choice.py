"""Which stages a signal's plan has: the fewest seconds lost against the protection that turning flows need, judged by the platoon model.

A network's own program often has a stage for every turn. A plan may leave stages out as long as every movement keeps a green; what
then only yields is taken at the saturation flow that the gaps leave it.
"""

import numpy as np

from signals.planners.network_timing import judged, subject, webster_timing
from signals.stage_sets import stage_sets
from signals.types import Floats, Intersection, Network, SafetyEnvelope, Serves

MORE_STAGES = 1  # than the fewest that are enough
CROSS_PRODUCT = 50_000.0
GAIN = 0.05  # of the cost, under which the base plan's own stages stay


def protects(signal: Intersection, phases: tuple[int, ...], flow_veh_h: Floats) -> bool:
    """Whether every movement that the base plan protects and these phases do not can live on gaps.

    A turn needs a green of its own where its flow times the opposing flow is over 50,000 (veh/h)^2 a lane, two lanes at most.
    Cross-product rule: FHWA Signal Timing Manual 2008, sec. 4.4.2.
    """
    own = [stage.phase for stage in signal.base.stages]
    kept = list(phases)
    lost = (signal.serves[own].max(axis=0) == Serves.PROTECTED) & (signal.serves[kept].max(axis=0) == Serves.PERMISSIVE)
    for m in np.flatnonzero(lost):
        for phase in kept:
            foes = signal.yields_to[m] & (signal.serves[phase] > Serves.NOT)
            lanes = min(int(signal.uses[:, foes].any(axis=1).sum()), 2)
            if signal.serves[phase, m] > Serves.NOT and flow_veh_h[m] * flow_veh_h[foes].sum() > CROSS_PRODUCT * lanes:
                return False
    return True


def candidates(signal: Intersection, flow_veh_h: Floats) -> list[tuple[int, ...]]:
    """The base plan's stages, and all subsets of its phases in their order that serve and protect whom they must."""
    own, *others = [one.phases for one in stage_sets(signal)]
    found = [some for some in others if protects(signal, some, flow_veh_h)]
    fewest = min((len(some) for some in found), default=0)
    return [own, *(some for some in found if len(some) <= fewest + MORE_STAGES)]


def isolated_costs(
    signal: Intersection, limit: SafetyEnvelope, phases: tuple[int, ...], flow_veh_h: Floats, cycles_s: tuple[int, ...]
) -> Floats:
    """Cost of a signal by itself under these stages at each cycle [cycle, standing vehicles]; inf where they do not fit."""
    one = subject(Network(signal.id, (signal,)), (limit,), (phases,), flow_veh_h)
    starts = [webster_timing(one, c) for c in cycles_s]
    return np.array([np.inf if t is None else judged(one, t, c).cost for t, c in zip(starts, cycles_s, strict=True)])


def chosen_stages(
    signal: Intersection, limit: SafetyEnvelope, flow_veh_h: Floats, cycles_s: tuple[int, ...]
) -> tuple[tuple[int, ...] | None, ...]:
    """The cheapest stages for these flows [movement] at each cycle, None where none fit; the base plan's own where little is gained."""
    options = candidates(signal, flow_veh_h)
    costs = np.array([isolated_costs(signal, limit, phases, flow_veh_h, cycles_s) for phases in options])
    costs[1:] /= max(1.0 - GAIN, 1e-9)
    best = costs.argmin(axis=0)
    return tuple(options[b] if np.isfinite(costs[b, c]) else None for c, b in enumerate(best.tolist()))

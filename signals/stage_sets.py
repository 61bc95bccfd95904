"""Which stages a plan may have: the base plan's own, or fewer of its phases as long as every movement keeps a green.

A network's own program often has a stage for every turn, and each stage costs its lost time. What then only yields is taken at the
saturation flow that the gaps leave it.
"""

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from signals.kernels import delay
from signals.lane_groups import Demand, demand_of
from signals.types import Floats, Intersection, Serves, Stage

MORE_STAGES = 2  # than the fewest that serve everybody
MOST_PHASES = 10  # of a base plan whose subsets are gone through


@dataclass(frozen=True, slots=True)
class StageSet:
    """Phases in the order of their stages, the loads on them, and the intergreens of their cycle."""

    phases: tuple[int, ...]
    demand: Demand
    lost_s: float

    def mean_delay_s(self, flow_veh_h: Floats, effective_green_s: Floats, cycle_s: float, period_h: float) -> float:
        """Control delay over all vehicles under greens [stage] [s/veh]; NaN where a flow is unknown. HCM 2000, eq. 16-14."""
        flows_veh_h, saturations_veh_h = self.demand.loads(flow_veh_h)
        classes = self.demand.classes
        found: float = delay.mean_control_delay_s(
            flows_veh_h, saturations_veh_h, *classes, self.demand.counted, effective_green_s, cycle_s, period_h
        )
        return found


def stage_sets(signal: Intersection) -> tuple[StageSet, ...]:
    """The base plan's stages first, then its phases' subsets that serve everybody, the smallest first; at most a few stages more."""
    own = tuple(stage.phase for stage in signal.base.stages)
    found = [own]
    if len(set(own)) == len(own) <= MOST_PHASES:
        enough = [n for n in range(1, len(own)) if any(serves_everybody(signal, some) for some in combinations(own, n))]
        for n in range(max(enough[0], 2), min(enough[0] + MORE_STAGES + 1, len(own))) if enough else ():
            found += [some for some in combinations(own, n) if serves_everybody(signal, some)]
    return tuple(stage_set(signal, phases) for phases in found)


def serves_everybody(signal: Intersection, phases: tuple[int, ...]) -> bool:
    """Whether every movement that the base plan serves is green in one of these phases."""
    own = [stage.phase for stage in signal.base.stages]
    served = (signal.serves[own] > Serves.NOT).any(axis=0)
    return not bool((served & ~(signal.serves[list(phases)] > Serves.NOT).any(axis=0)).any())


def stage_set(signal: Intersection, phases: tuple[int, ...]) -> StageSet:
    """These phases as the stages of a repeating plan."""
    stages = tuple(Stage(phase, 1.0) for phase in phases)
    at = np.array(phases)
    lost_s = float(signal.intergreen_s[at, np.roll(at, -1)].sum())
    return StageSet(phases, demand_of(replace(signal, base=replace(signal.base, stages=stages))), lost_s)

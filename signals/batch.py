"""A whole city at once: its signals' base stages as padded arrays, planned and judged by `signals.kernels.city` in one call each.

Use it where plans are cut for thousands of signals, or tried out by the thousand; a plan that is to be pushed still passes
`signals.safety.vet`, which alone approves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numba
import numpy as np
import numpy.typing as npt

from signals.kernels import city, webster
from signals.lane_groups import Demand, demand_of
from signals.site import sites
from signals.types import Bools, Floats, Ints, Network, SafetyEnvelope, Serves

Kind = TypeVar("Kind", bound=np.generic)
WORTH_ALL_CORES = 2048  # signals: fewer are done before another core has woken up


@dataclass(frozen=True, slots=True)
class Loads:
    """The demand side: of every signal what `signals.lane_groups.Demand` says of its base stages."""

    saturation_veh_h: Floats
    """[signal, movement]"""
    foes: Ints
    """[signal, foe] as `webster.foe_lists` has them"""
    foe_end: Ints
    """[signal, movement]"""
    group_of: Ints
    """[signal, movement]"""
    lanes: Floats
    """[signal, movement]"""
    group_lanes: Floats
    """[signal, group]"""
    class_of: Ints
    """[signal, movement + group]"""
    within: Bools
    """[signal, class, stage]"""
    counted: Bools
    """[signal, movement + group]"""
    groups: Ints
    """[signal]"""
    classes: Ints
    """[signal]"""


@dataclass(frozen=True, slots=True)
class City:
    """Every signal's loads, stages and limits; `start_s`-like times of plans are arguments of the functions below."""

    loads: Loads
    stages: Ints
    """[signal] number of stages of the base plan"""
    phases: Ints
    """[signal]"""
    movements: Ints
    """[signal]"""
    stage_phase: Ints
    """[signal, stage]"""
    lost_s: Floats
    """[signal] intergreens of the base plan's cycle"""
    stage_min_green_s: Floats
    """[signal, stage]"""
    green: Bools
    """[signal, phase, movement] the phase serves the movement, yielding or not"""
    clash: Bools
    """[signal, phase] shows conflicting greens"""
    intergreen_s: Floats
    """[signal, phase, phase]"""
    min_green_s: Floats
    """[signal, phase]"""
    max_red_s: Floats
    """[signal, movement]"""
    max_green_s: Floats
    """[signal]"""
    min_cycle_s: Floats
    """[signal]"""
    max_cycle_s: Floats
    """[signal]"""
    max_change_s: Floats
    """[signal]"""
    step_s: Floats
    """[signal]"""

    def rows(self, signals: Ints) -> City:
        """The city that consists of these signals, in this order; any of them may come several times."""
        picked = {name: getattr(self, name)[signals] for name in self.__slots__ if name != "loads"}
        return City(Loads(**{name: getattr(self.loads, name)[signals] for name in Loads.__slots__}), **picked)


@dataclass(frozen=True, slots=True)
class CityPlans:
    """A repeating plan a signal: shown greens [signal, stage], NaN past the last stage, and the cycle [signal]."""

    greens_s: Floats
    cycle_s: Floats


@contextmanager
def cores_for(signals: int) -> Iterator[None]:
    """One core for few signals, all for many; as it was before afterwards.

    With GNU's OpenMP beneath Numba, a process that has used several cores must not fork any more.
    """
    before = numba.get_num_threads()
    numba.set_num_threads(1 if signals < WORTH_ALL_CORES else before)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def padded(rows: list[npt.NDArray[Kind]]) -> npt.NDArray[Kind]:
    """Arrays of one dimension count in one array, filled up with zeros to the largest of each axis [row, ...]."""
    shape = np.max([row.shape for row in rows], axis=0)
    out = np.zeros((len(rows), *shape.tolist()), dtype=rows[0].dtype)
    for i, row in enumerate(rows):
        corner = tuple(slice(size) for size in row.shape)
        out[i][corner] = row
    return out


def loads_of(demands: tuple[Demand, ...]) -> Loads:
    """The demands of all signals, padded."""
    foes = [webster.foe_lists(d.opposed_by) for d in demands]
    classes = [webster.classes_of(d.serves) for d in demands]
    return Loads(
        saturation_veh_h=padded([d.saturation_veh_h for d in demands]),
        foes=padded([one for one, _ in foes]),
        foe_end=padded([end for _, end in foes]),
        group_of=padded([d.group_of for d in demands]),
        lanes=padded([d.lanes for d in demands]),
        group_lanes=padded([d.group_lanes for d in demands]),
        class_of=padded([of for of, _ in classes]),
        within=padded([within for _, within in classes]),
        counted=padded([d.counted for d in demands]),
        groups=np.array([d.group_lanes.size for d in demands], dtype=np.int64),
        classes=np.array([len(within) for _, within in classes], dtype=np.int64),
    )


def city_of(network: Network, limits: tuple[SafetyEnvelope, ...]) -> City:
    """The network's signals and limits as arrays."""
    at = sites(network, limits)
    stage_phase = [np.array([s.phase for s in signal.base.stages], dtype=np.int64) for signal in network.signals]
    between_s = [signal.intergreen_s for signal in network.signals]
    return City(
        loads=loads_of(tuple(demand_of(signal) for signal in network.signals)),
        stages=np.array([row.size for row in stage_phase], dtype=np.int64),
        phases=np.array([len(signal.phases) for signal in network.signals], dtype=np.int64),
        movements=np.array([len(signal.movements) for signal in network.signals], dtype=np.int64),
        stage_phase=padded(stage_phase),
        lost_s=np.array([float(b[row, np.roll(row, -1)].sum()) for b, row in zip(between_s, stage_phase, strict=True)]),
        stage_min_green_s=padded([limit.min_green_s[row] for limit, row in zip(limits, stage_phase, strict=True)]),
        green=padded([signal.serves > Serves.NOT for signal in network.signals]),
        clash=padded([np.array([word is not None for word in site.clash]) for site in at]),
        intergreen_s=padded(between_s),
        min_green_s=padded([limit.min_green_s for limit in limits]),
        max_red_s=padded([np.array(site.max_red_s) for site in at]),
        max_green_s=np.array([limit.max_green_s for limit in limits]),
        min_cycle_s=np.array([limit.min_cycle_s for limit in limits]),
        max_cycle_s=np.array([limit.max_cycle_s for limit in limits]),
        max_change_s=np.array([limit.max_green_change_s for limit in limits]),
        step_s=np.array([limit.step_s for limit in limits]),
    )


def city_plans(of: City, flow_veh_h: Floats, startup_s: float, longest_cycle_s: float) -> CityPlans:
    """A Webster plan a signal for flows [signal, movement]; the same greens as the planner aims at, all in one call."""
    x = of.loads
    with cores_for(len(of.stages)):
        greens_s, cycle_s = city.plans(
            flow_veh_h, x.saturation_veh_h, x.foes, x.foe_end, x.group_of, x.lanes, x.group_lanes, x.class_of, x.within, x.counted,
            of.stages, of.movements, x.groups, x.classes, of.lost_s, startup_s, of.stage_min_green_s, of.max_green_s, of.min_cycle_s,
            np.minimum(of.max_cycle_s, longest_cycle_s), of.step_s,
        )  # fmt: skip
    return CityPlans(greens_s, cycle_s)


def city_verdicts(
    of: City, plans: CityPlans, offset_s: Floats, starts_s: Floats, valid_until_s: Floats, now_s: float, running_s: Floats, called: Bools
) -> Ints:
    """What safety says of each plan [signal]: 0 approved, k + 1 refused by `signals.kernels.city.OBJECTIONS[k]`, -1 malformed.

    `running_s` [signal, stage]: greens of the plan that runs, NaN where it has other stages; `called` [signal, movement].
    """
    with cores_for(len(of.stages)):
        found: Ints = city.verdicts(
            of.stages, of.stage_phase, plans.greens_s, plans.cycle_s, offset_s, starts_s, valid_until_s, now_s, running_s, called,
            of.phases, of.movements, of.green, of.clash, of.intergreen_s, of.min_green_s, of.max_green_s, of.max_red_s, of.min_cycle_s,
            of.max_cycle_s, of.max_change_s, of.step_s,
        )  # fmt: skip
    return found

"""Lane groups: which loads on a signal's stages must be met, when movements share lanes and left turns yield.

A lane that two movements share carries both: taken one by one, each would look half empty. HCM 2000, chapter 16.
"""

from dataclasses import dataclass

import numpy as np

from signals.kernels import webster
from signals.types import Bools, Floats, Intersection, Ints, Serves, Turn


@dataclass(frozen=True, slots=True)
class Demand:
    """The loads of one signal: its movements one by one, then its lanes that several movements share."""

    saturation_veh_h: Floats
    """[movement]"""
    opposed_by: Bools
    """[movement, movement] the row's movement, never protected in these stages, yields to the column's"""
    shared: Bools
    """[group, movement] movements that leave from the same lanes in the same stages"""
    lanes: Floats
    """[movement] stop lanes it may leave from"""
    group_lanes: Floats
    """[group] stop lanes of the group"""
    serves: Ints
    """[stage, movement + group] codes of `Serves`"""

    def loads(self, flow_veh_h: Floats) -> tuple[Floats, Floats]:
        """Flow and saturation flow [movement + group]; a group's flow counts its yielding vehicles at their equivalents.

        An unknown flow of a movement that no lane carries, a crossing's, is none.
        """
        flow_veh_h = np.where(self.saturation_veh_h > 0.0, flow_veh_h, 0.0)
        saturation_veh_h = self.saturation_veh_h.copy()
        for m in np.flatnonzero(self.opposed_by.any(axis=1)):
            foes = self.opposed_by[m] & (self.saturation_veh_h > 0.0)
            ratio = float((flow_veh_h[foes] / self.saturation_veh_h[foes]).max(initial=0.0))
            saturation_veh_h[m] = webster.permissive_saturation_veh_h(float(flow_veh_h[foes].sum()), ratio, saturation_veh_h[m])
        per_lane_veh_h = np.divide(saturation_veh_h, self.lanes, out=np.ones_like(self.lanes), where=self.lanes > 0.0)
        # The share of an hour's green of one lane that the group's vehicles need, in units of a vehicle per hour.
        group_load = self.shared @ (flow_veh_h / np.maximum(per_lane_veh_h, 1.0))
        return np.concatenate((flow_veh_h, group_load)), np.concatenate((saturation_veh_h, self.group_lanes))


def demand_of(signal: Intersection) -> Demand:
    """The loads on the stages of a signal's base plan."""
    serves = signal.serves[[stage.phase for stage in signal.base.stages]]
    never_protected = (serves.max(axis=0) == Serves.PERMISSIVE)[:, None]
    together = ((serves[:, :, None] > Serves.NOT) & (serves[:, None, :] > Serves.NOT)).any(axis=0)
    groups = lane_groups(signal.uses, serves)
    shared = np.array(groups, dtype=np.bool_).reshape(-1, len(signal.movements))
    group_serves = np.array([serves[:, g].min(axis=1) for g in shared], dtype=np.int64)
    return Demand(
        saturation_veh_h=np.array([0.0 if m.turn is Turn.CROSSING else m.saturation_veh_h for m in signal.movements]),
        opposed_by=signal.yields_to & never_protected & together,
        shared=shared,
        lanes=signal.uses.sum(axis=0).astype(np.float64),
        group_lanes=np.array([float(signal.uses[:, g].any(axis=1).sum()) for g in shared]),
        serves=np.concatenate((serves, group_serves.reshape(-1, len(serves)).T), axis=1),
    )


def lane_groups(uses: Bools, serves: Ints) -> list[Bools]:
    """Sets of movements [movement] joined by shared lanes and served in the same stages, more than one each."""
    signatures = (serves > Serves.NOT).T
    groups: list[Bools] = []
    left = [m for m in range(uses.shape[1]) if uses[:, m].any() and signatures[m].any()]
    while left:
        group = {left.pop(0)}
        grown = True
        while grown:
            lanes = uses[:, sorted(group)].any(axis=1)
            one = min(group)
            joined = {m for m in left if uses[lanes, m].any() and (signatures[m] == signatures[one]).all()}
            group |= joined
            left = [m for m in left if m not in joined]
            grown = bool(joined)
        if len(group) > 1:
            groups.append(np.isin(np.arange(uses.shape[1]), sorted(group)))
    return groups

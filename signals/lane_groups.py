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

    @property
    def counted(self) -> Bools:
        """[movement + group] loads that name every vehicle once: groups, and movements that stand in none."""
        return np.concatenate((~self.shared.any(axis=0), np.ones(len(self.shared), dtype=np.bool_)))

    @property
    def classes(self) -> tuple[Ints, Bools]:
        """[movement + group] class of each load, and [class, stage] the stages that serve it, as `webster.classes_of`."""
        found: tuple[Ints, Bools] = webster.classes_of(self.serves)
        return found

    @property
    def group_of(self) -> Ints:
        """[movement] the one group it stands in, or -1."""
        found = np.full(self.saturation_veh_h.size, -1, dtype=np.int64)
        for g, members in enumerate(self.shared):
            found[members] = g
        return found

    def loads(self, flow_veh_h: Floats) -> tuple[Floats, Floats]:
        """Flow and saturation flow [movement + group]; a group's saturation flow is that of its mix of vehicles.

        s = lanes * v / sum (v_m / s_m), s_m of one lane: a yielding movement makes the whole lane slower. An unknown flow of a
        movement that no lane carries, a crossing's, is none. HCM 2000, chapter 16, appendix C.
        """
        found: tuple[Floats, Floats] = webster.loads(
            flow_veh_h, self.saturation_veh_h, *webster.foe_lists(self.opposed_by), self.group_of, self.lanes, self.group_lanes
        )
        return found


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

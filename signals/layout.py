"""A network as padded arrays, for kernels: made once a network, read at every tick."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from signals.types import Codes, Floats, Ints, Network, Turn

LARGE = 64  # signals from which on a network's layout is remembered and shared
KEPT = 32  # networks: a large city with its shards
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class Layout:
    """`[signal, ...]` arrays are padded to the largest signal; `*_start` give the offsets into network-wide flat axes."""

    phases: Ints
    """[signal] number of phases"""
    movement_start: Ints
    """[signal + 1] first movement of each signal on the flat movement axis"""
    lane_start: Ints
    """[signal + 1] first stop lane of each signal on the flat lane axis"""
    serves: Codes
    """[signal, phase, movement]"""
    intergreen_s: Floats
    """[signal, phase, phase]"""
    lane_speed_mps: Floats
    """[lane] flat"""
    lane_sensed_m: Floats
    """[lane] flat"""
    lane_storage_veh: Floats
    """[lane] flat"""
    movement_saturation_veh_h: Floats
    """[movement] flat"""
    movement_exit_storage_veh: Floats
    """[movement] flat"""
    movement_turn: Ints
    """[movement] flat: 0 through, 1 right, 2 left, 3 u-turn, 4 crossing"""
    signal_of: Ints
    """[movement] flat: index of its signal"""
    place_of: Ints
    """[movement] flat: its index among its signal's movements"""
    signal_of_lane: Ints
    """[lane] flat: index of its signal"""
    network: Network = field(repr=False)

    @cached_property
    def yields_to(self) -> Codes:
        """[signal, movement, movement] 1 where the row's movement waits for the column's; made when it is first asked for."""
        most = self.serves.shape[2]
        return stacked([s.yields_to for s in self.network.signals], (most, most), np.int8)

    @cached_property
    def uses(self) -> Codes:
        """[signal, lane, movement] 1 where the movement may leave from the lane; made when it is first asked for."""
        most = int(np.diff(self.lane_start).max(initial=0))
        return stacked([s.uses for s in self.network.signals], (most, self.serves.shape[2]), np.int8)

    @property
    def movements(self) -> int:
        """Number of movements of the whole network."""
        return int(self.movement_start[-1])

    @property
    def lanes(self) -> int:
        """Number of stop lanes of the whole network."""
        return int(self.lane_start[-1])

    def codes_in(self, phase: Ints) -> Ints:
        """How a phase [signal] serves each movement [movement], codes of `Serves`."""
        return self.serves[self.signal_of, phase[self.signal_of], self.place_of].astype(np.int64)

    def codes_now(self, phase: Ints, age_s: Floats) -> Ints:
        """How the running green serves each movement [movement]; in an intergreen it serves nobody."""
        return np.where(age_s[self.signal_of] >= 0.0, self.codes_in(phase), 0)


def street_of(lane: str) -> str:
    """The street that a lane belongs to, as its name says."""
    return lane.rpartition("_")[0]


TURN_CODES = {Turn.THROUGH: 0, Turn.RIGHT: 1, Turn.LEFT: 2, Turn.U_TURN: 3, Turn.CROSSING: 4}


def starts(sizes: Sequence[int] | Ints) -> Ints:
    """Offsets [n + 1] of consecutive blocks of these sizes."""
    return np.concatenate(([0], np.cumsum(np.array(sizes, dtype=np.int64)))).astype(np.int64)


def blocks(start: Ints, members: Ints) -> Ints:
    """The places of the members' blocks on a flat axis, one block after the other."""
    size = start[members + 1] - start[members]
    ends = np.cumsum(size)
    found: Ints = np.arange(ends[-1] if ends.size else 0) + np.repeat(start[members] - ends + size, size)
    return found


def stacked(matrices: Sequence[npt.NDArray[np.generic]], shape: tuple[int, int], kind: type[Number]) -> npt.NDArray[Number]:
    """[matrix, row, column] padded with zeros to `shape`; what is the same object in many places is read once."""
    number: dict[int, int] = {}
    which = [number.setdefault(id(one), len(number)) for one in matrices]
    found = np.zeros((len(number), *shape), dtype=kind)
    for one in matrices:
        k = number.pop(id(one), None)
        if k is not None:
            found[k, : one.shape[0], : one.shape[1]] = one
    return found if len(found) == len(which) else found[which]


_KNOWN: dict[int, Layout] = {}


def lay_out(network: Network) -> Layout:
    """The network's arrays, padded with zeros; a large network's are made once and shared by all who ask."""
    if len(network.signals) < LARGE:
        return laid_out(network)
    known = _KNOWN.get(id(network))
    return remembered(laid_out(network) if known is None else known)


def remembered(layout: Layout) -> Layout:
    """Keep it as the newest of a few: whoever asks for its network's layout is given this one."""
    # The layout holds its network, so that the identity cannot pass to another one while it is remembered.
    if id(layout.network) in _KNOWN:
        del _KNOWN[id(layout.network)]
    while len(_KNOWN) >= KEPT:
        del _KNOWN[next(iter(_KNOWN))]
    _KNOWN[id(layout.network)] = layout
    return layout


@dataclass(frozen=True, slots=True)
class Flat:
    """What a layout takes from every lane and movement, one after the other."""

    sizes: Sequence[int]
    """[signal] number of movements"""
    lane_sizes: Sequence[int]
    """[signal] number of stop lanes"""
    lane_speed_mps: Floats
    lane_sensed_m: Floats
    lane_storage_veh: Floats
    movement_saturation_veh_h: Floats
    movement_exit_storage_veh: Floats
    movement_turn: Ints


def flat_of(network: Network) -> Flat:
    """From the nouns."""
    movements = list(chain.from_iterable(s.movements for s in network.signals))
    lanes = list(chain.from_iterable(s.lanes for s in network.signals))
    return Flat(
        sizes=[len(s.movements) for s in network.signals],
        lane_sizes=[len(s.lanes) for s in network.signals],
        lane_speed_mps=np.array([lane.speed_mps for lane in lanes], dtype=np.float64),
        lane_sensed_m=np.array([lane.sensed_m for lane in lanes], dtype=np.float64),
        lane_storage_veh=np.array([lane.storage_veh for lane in lanes], dtype=np.float64),
        movement_saturation_veh_h=np.array([one.saturation_veh_h for one in movements], dtype=np.float64),
        movement_exit_storage_veh=np.array([one.exit_storage_veh for one in movements], dtype=np.float64),
        movement_turn=np.array([TURN_CODES[one.turn] for one in movements], dtype=np.int64),
    )


def laid_out(network: Network, flat: Flat | None = None) -> Layout:
    """The network's arrays, made anew; `flat`: its columns, where they are known already."""
    signals, flat = network.signals, flat or flat_of(network)
    phases = np.array([len(s.phases) for s in signals], dtype=np.int64)
    p, m = int(phases.max()), max(flat.sizes)
    movement_start = starts(flat.sizes)
    signal_of = np.repeat(np.arange(len(signals)), flat.sizes)
    yellow_s, all_red_s = ([getattr(s, name) for s in signals] for name in ("yellow_s", "all_red_s"))
    return Layout(
        phases=phases,
        movement_start=movement_start,
        lane_start=starts(flat.lane_sizes),
        serves=stacked([s.serves for s in signals], (p, m), np.int8),
        intergreen_s=stacked(yellow_s, (p, p), np.float64) + stacked(all_red_s, (p, p), np.float64),
        lane_speed_mps=flat.lane_speed_mps,
        lane_sensed_m=flat.lane_sensed_m,
        lane_storage_veh=flat.lane_storage_veh,
        movement_saturation_veh_h=flat.movement_saturation_veh_h,
        movement_exit_storage_veh=flat.movement_exit_storage_veh,
        movement_turn=flat.movement_turn,
        signal_of=signal_of,
        place_of=np.arange(len(signal_of)) - movement_start[signal_of],
        signal_of_lane=np.repeat(np.arange(len(signals)), flat.lane_sizes),
        network=network,
    )


def part_of(whole: Layout, network: Network, members: Ints) -> Layout:
    """The layout of a network that consists of these signals of the whole one, in this order."""
    lanes, movements = blocks(whole.lane_start, members), blocks(whole.movement_start, members)
    flat = Flat(
        sizes=np.diff(whole.movement_start)[members].tolist(),
        lane_sizes=np.diff(whole.lane_start)[members].tolist(),
        lane_speed_mps=whole.lane_speed_mps[lanes],
        lane_sensed_m=whole.lane_sensed_m[lanes],
        lane_storage_veh=whole.lane_storage_veh[lanes],
        movement_saturation_veh_h=whole.movement_saturation_veh_h[movements],
        movement_exit_storage_veh=whole.movement_exit_storage_veh[movements],
        movement_turn=whole.movement_turn[movements],
    )
    return laid_out(network, flat)

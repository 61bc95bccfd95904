"""A network as padded arrays, for kernels: made once a network, read at every tick."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from signals.types import Floats, Ints, Network, Turn

LARGE = 64  # signals from which on a network's layout is remembered and shared
KEPT = 8  # networks


@dataclass(frozen=True)
class Layout:
    """`[signal, ...]` arrays are padded to the largest signal; `*_start` give the offsets into network-wide flat axes."""

    phases: Ints
    """[signal] number of phases"""
    movement_start: Ints
    """[signal + 1] first movement of each signal on the flat movement axis"""
    lane_start: Ints
    """[signal + 1] first stop lane of each signal on the flat lane axis"""
    serves: Ints
    """[signal, phase, movement]"""
    intergreen_s: Floats
    """[signal, phase, phase]"""
    lane_speed_mps: Floats
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
    def yields_to(self) -> Ints:
        """[signal, movement, movement]; made when it is first asked for, as a city's takes 30 MB."""
        most = self.serves.shape[2]
        found = np.zeros((len(self.phases), most, most), dtype=np.int64)
        for i, s in enumerate(self.network.signals):
            m = len(s.movements)
            found[i, :m, :m] = s.yields_to
        return found

    @cached_property
    def uses(self) -> Ints:
        """[signal, lane, movement]; made when it is first asked for."""
        most = max(len(s.lanes) for s in self.network.signals)
        found = np.zeros((len(self.phases), most, self.serves.shape[2]), dtype=np.int64)
        for i, s in enumerate(self.network.signals):
            found[i, : len(s.lanes), : len(s.movements)] = s.uses
        return found

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
        return self.serves[self.signal_of, phase[self.signal_of], self.place_of]

    def codes_now(self, phase: Ints, age_s: Floats) -> Ints:
        """How the running green serves each movement [movement]; in an intergreen it serves nobody."""
        return np.where(age_s[self.signal_of] >= 0.0, self.codes_in(phase), 0)


def street_of(lane: str) -> str:
    """The street that a lane belongs to, as its name says."""
    return lane.rpartition("_")[0]


TURN_CODES = {Turn.THROUGH: 0, Turn.RIGHT: 1, Turn.LEFT: 2, Turn.U_TURN: 3, Turn.CROSSING: 4}


def starts(sizes: list[int]) -> Ints:
    """Offsets [n + 1] of consecutive blocks of these sizes."""
    return np.concatenate(([0], np.cumsum(np.array(sizes, dtype=np.int64)))).astype(np.int64)


_KNOWN: dict[int, Layout] = {}


def lay_out(network: Network) -> Layout:
    """The network's arrays, padded with zeros; a large network's are made once and shared by all who ask."""
    if len(network.signals) < LARGE:
        return laid_out(network)
    # The layout holds its network, so that the identity cannot pass to another one while it is remembered.
    known = _KNOWN.pop(id(network), None) or laid_out(network)
    while len(_KNOWN) >= KEPT:
        _KNOWN.pop(next(iter(_KNOWN)))
    _KNOWN[id(network)] = known
    return known


def laid_out(network: Network) -> Layout:
    """The network's arrays, made anew."""
    n = len(network.signals)
    p_max = max(len(s.phases) for s in network.signals)
    m_max = max(len(s.movements) for s in network.signals)
    serves = np.zeros((n, p_max, m_max), dtype=np.int64)
    intergreen_s = np.zeros((n, p_max, p_max))
    for i, s in enumerate(network.signals):
        p, m = len(s.phases), len(s.movements)
        serves[i, :p, :m] = s.serves
        intergreen_s[i, :p, :p] = s.intergreen_s
    movements = [m for s in network.signals for m in s.movements]
    movement_start = starts([len(s.movements) for s in network.signals])
    lane_start = starts([len(s.lanes) for s in network.signals])
    signal_of = np.repeat(np.arange(n), np.diff(movement_start))
    return Layout(
        phases=np.array([len(s.phases) for s in network.signals], dtype=np.int64),
        movement_start=movement_start,
        lane_start=lane_start,
        serves=serves,
        intergreen_s=intergreen_s,
        lane_speed_mps=np.array([lane.speed_mps for s in network.signals for lane in s.lanes]),
        movement_saturation_veh_h=np.array([m.saturation_veh_h for m in movements]),
        movement_exit_storage_veh=np.array([m.exit_storage_veh for m in movements]),
        movement_turn=np.array([TURN_CODES[m.turn] for m in movements], dtype=np.int64),
        signal_of=signal_of,
        place_of=np.arange(len(movements)) - movement_start[signal_of],
        signal_of_lane=np.repeat(np.arange(n), np.diff(lane_start)),
        network=network,
    )

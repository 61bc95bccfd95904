"""What is fixed at a signal for the judging of plans: its limits, foes and the waits of its base plan, worked out once.

`signals.safety` asks these facts at every tick; planners may ask `base_wait_s` to know how long they can hold a phase.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from signals.types import Bools, Floats, Intersection, Network, SafetyEnvelope, Serves

Grid = tuple[tuple[float, ...], ...]
KEPT = 16  # networks whose facts are remembered: training runs several in one process
KEPT_SMALL = 512  # and so many of few signals: a service plans single ones between its ticks
SMALL = 8


@dataclass(frozen=True, slots=True, eq=False)  # one object a signal and envelope: compared and hashed as itself
class Site:
    """One signal and its limits as plain numbers, which Python reads faster than arrays."""

    signal: Intersection
    limits: SafetyEnvelope
    movement_start: int  # of its movements on the network's flat axis
    movement_end: int
    min_green_s: tuple[float, ...]  # [phase]
    intergreen_s: Grid  # [phase][phase]
    serves: tuple[frozenset[int], ...]  # [phase] its green movements
    served: frozenset[int]  # movements that any phase serves
    clash: tuple[str | None, ...]  # [phase] its conflicting greens, as words
    base_wait_s: Grid  # [phase][movement]
    longest_wait_s: tuple[float, ...]  # [phase] the longest of its base waits
    max_red_s: tuple[float, ...]  # [movement]


def allowed_together(signal: Intersection) -> Bools:
    """[movement, movement] the site, as built, may show both green whatever the conflict table says."""
    allowed = np.zeros((len(signal.movements),) * 2, dtype=np.bool_)
    for m, n in signal.exceptions:
        allowed[m, n] = allowed[n, m] = True
    return allowed


def clashes(signal: Intersection) -> list[tuple[int, int, int]]:
    """(phase, movement, movement) of every pair of conflicting greens that neither yields nor is a listed exception."""
    found = []
    foes = np.triu((signal.conflicts | signal.conflicts.T) & ~allowed_together(signal), 1)
    for p, row in enumerate(signal.serves):
        permissive = row == Serves.PERMISSIVE
        yields = signal.yields_to & permissive[:, None]
        green = row > Serves.NOT
        bad = foes & green[:, None] & green[None, :] & ~(yields | yields.T)
        found += [(p, int(m), int(n)) for m, n in np.argwhere(bad)]
    return found


def base_wait_s(signal: Intersection) -> Floats:
    """[phase, movement] time from the end of a phase's green until the base plan, entered there, serves a movement [s].

    The base goes on with the stage after that phase, or with its first stage where it lacks the phase. Zero for a
    movement that stays green, and for one that the base plan never serves: of that nothing can be said.
    """
    green = signal.serves > Serves.NOT
    between_s = signal.intergreen_s
    base = signal.base.stages
    wait_s = np.zeros(green.shape)
    for p in range(len(signal.phases)):
        # Where the base shows the phase twice, which of the two goes on is not known: the longer wait counts.
        for entry in [i + 1 for i, stage in enumerate(base) if stage.phase == p] or [0]:
            at_s, before = 0.0, p
            open_wait = np.ones(green.shape[1], dtype=np.bool_)
            for k in range(len(base)):
                stage = base[(entry + k) % len(base)]
                at_s += between_s[before, stage.phase]
                reached = green[stage.phase] & open_wait
                open_wait &= ~green[stage.phase]
                if k == 0:
                    reached &= ~green[p]
                wait_s[p, reached] = np.maximum(wait_s[p, reached], at_s)
                at_s += stage.green_s
                before = stage.phase
    return wait_s


def longest_base_red_s(signal: Intersection, waits: Floats | None = None) -> Floats:
    """[movement] longest red in a cycle of the base plan [s]; 0 where it never serves the movement. `waits`: `base_wait_s`, if known."""
    waits = base_wait_s(signal) if waits is None else waits
    green = signal.serves > Serves.NOT
    red_s = np.zeros(len(signal.movements))
    stages = signal.base.stages
    for stage, after in pairwise((*stages, stages[0])):
        loses = green[stage.phase] & ~green[after.phase]
        red_s[loses] = np.maximum(red_s[loses], waits[stage.phase, loses])
    return red_s


def _alike(signal: Intersection, limits: SafetyEnvelope) -> Hashable:
    """What the facts of a signal follow from, names of movements apart: signals of one key share theirs."""
    matrices = (signal.serves, signal.conflicts, signal.yields_to, signal.yellow_s, signal.all_red_s)
    return id(limits), signal.base.stages, signal.exceptions, *(part for m in matrices for part in (m.shape, m.tobytes()))


def _site(signal: Intersection, limits: SafetyEnvelope, start: int, like: Site | None = None) -> Site:
    """The facts of one signal; those of one that is alike in all but names are shared, which keeps a large city small."""
    if like is not None and not any(like.clash):  # clashes are told by the movements' names
        return replace(like, signal=signal, movement_start=start, movement_end=start + signal.serves.shape[1])
    words: list[str | None] = [None] * len(signal.phases)
    for p, m, n in clashes(signal):
        words[p] = f"{signal.movements[m].id} and {signal.movements[n].id}"
    waits = base_wait_s(signal)
    red_s = np.maximum(longest_base_red_s(signal, waits), limits.max_red_s)
    green = signal.serves > Serves.NOT
    return Site(
        signal=signal,
        limits=limits,
        movement_start=start,
        movement_end=start + len(signal.movements),
        min_green_s=tuple(limits.min_green_s.tolist()),
        intergreen_s=tuple(tuple(row) for row in signal.intergreen_s.tolist()),
        serves=tuple(frozenset(np.flatnonzero(row).tolist()) for row in green),
        served=frozenset(np.flatnonzero(green.any(axis=0)).tolist()),
        clash=tuple(words),
        base_wait_s=tuple(tuple(row) for row in waits.tolist()),
        longest_wait_s=tuple(waits.max(axis=1, initial=0.0).tolist()),
        max_red_s=tuple(red_s.tolist()),
    )


def _same(signal: Intersection, limits: SafetyEnvelope) -> Hashable:
    """As `_alike`, of signals that hold the very same objects; quick, and good for as long as these live."""
    parts = signal.serves, signal.conflicts, signal.yields_to, signal.yellow_s, signal.all_red_s, signal.base.stages, signal.exceptions
    return id(limits), *map(id, parts)


def _shared(kinds: dict[Hashable, Site], signal: Intersection, limits: SafetyEnvelope, start: int) -> Site:
    """The facts of one signal, from those of the first of its kind."""
    same = _same(signal, limits)
    like = kinds.get(same)
    if like is None:
        key = _alike(signal, limits)
        like = kinds.get(key)
        kinds[same] = found = _site(signal, limits, start, like)
        kinds.setdefault(key, found)
        return found
    return _site(signal, limits, start, like)


_KNOWN: dict[tuple[int, int], tuple[Network, tuple[SafetyEnvelope, ...], tuple[Site, ...]]] = {}


def sites(network: Network, limits: tuple[SafetyEnvelope, ...]) -> tuple[Site, ...]:
    """The facts of every signal, remembered for as long as the same two objects are asked for."""
    key = (id(network), id(limits))
    known = _KNOWN.get(key)
    if known is None:
        # The entry holds both objects, so that their identities cannot pass to others while it lives.
        starts = np.cumsum([0] + [s.serves.shape[1] for s in network.signals]).tolist()
        kinds: dict[Hashable, Site] = {}
        made = tuple(_shared(kinds, s, e, a) for s, e, a in zip(network.signals, limits, starts[:-1], strict=True))
        known = (network, limits, made)
        alike = [k for k, one in _KNOWN.items() if (len(one[2]) <= SMALL) == (len(made) <= SMALL)]
        if len(alike) >= (KEPT_SMALL if len(made) <= SMALL else KEPT):
            _KNOWN.pop(alike[0])
        _KNOWN[key] = known
    return known[2]

"""How greens ended, in the words of signal engineers: gapped out, maxed out, forced off, by hand; and which phases were skipped.

Noted when a green ends is what was programmed then, who still stood, and whether a person held the signal. Max-out: the longest green that
the site allows. Force-off: the plan ended it, at the programmed time or with vehicles still standing that the next phase does not serve.
Gap-out: it ended earlier, with nobody left. Bytes in rings, so that a city's memory does not grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signals.layout import lay_out
from signals.types import ApprovedPlan, Bools, Floats, Intersection, Ints, Network, TimingPlan

UNKNOWN, MOST = 255, 127
BY_HAND = 128  # added to who is left
UNKNOWN_LEFT = MOST
STEP_S = 1.0  # lights are seen once a second
STOOD_VEH = 0.5
Bytes = npt.NDArray[np.uint8]
Split = tuple[int, float | None, float, str, int | None]
"""Phase from 1, programmed and actual green [s], how it ended, vehicles that still stood; None: not known, or nothing was programmed."""


@dataclass(frozen=True, slots=True)
class Under:
    """What greens ended under: the plans in force until then [signal] (none: not known), and the signals held by hand [signal]."""

    plans: Sequence[ApprovedPlan] = ()
    by_hand: frozenset[int] = frozenset()


NOTHING = Under()


class Endings:
    """Lives as long as the service; rings [signal, place] beside those of the greens."""

    def __init__(self, network: Network, places: int) -> None:
        self._layout = lay_out(network)
        n = len(network.signals)
        self._programmed_s, self._left = (np.full((n, places), UNKNOWN, dtype=np.uint8) for _ in range(2))

    def note(self, signals: Ints, place: Ints, phase: Ints, follows: Ints, queue_veh: Floats, under: Under) -> None:
        """Greens of these phases [green] have ended at these signals; `follows` [green]: the phase that comes."""
        self._left[signals, place] = left_bytes(self.left_veh(signals, phase, follows, queue_veh))
        if under.by_hand:
            held: Bools = np.isin(signals, list(under.by_hand))
            self._left[signals[held], place[held]] |= BY_HAND
        if under.plans:
            programmed = [programmed_s(under.plans[i].plan, p) for i, p in zip(signals.tolist(), phase.tolist(), strict=True)]
            self._programmed_s[signals, place] = [UNKNOWN if s is None else min(round(s), UNKNOWN - 1) for s in programmed]
        else:
            self._programmed_s[signals, place] = UNKNOWN

    def left_veh(self, signals: Ints, phase: Ints, follows: Ints, queue_veh: Floats) -> Floats:
        """Who stands [green] before lights that were green and will not be, or not as freely; NaN where no sensor speaks."""
        of = self._layout
        at = of.movement_start[signals][:, None] + np.arange(of.serves.shape[2])
        code, code_next = of.serves[signals, phase], of.serves[signals, follows]
        # Who may go on, and need not yield all of a sudden, is nobody's end.
        own = (code > 0) & ((code_next < code) | (phase == follows)[:, None])
        standing = np.where(own, queue_veh[np.minimum(at, of.movements - 1)], np.nan)
        heard = np.isfinite(standing).any(axis=1)
        return np.where(heard | ~own.any(axis=1), np.nansum(standing, axis=1), np.nan)

    def split(self, i: int, place: int, green: tuple[int, float, float], longest_s: float) -> Split:
        """A green (phase from 0, on, off) that has ended."""
        phase, on_s, off_s = green
        programmed, left = int(self._programmed_s[i, place]), int(self._left[i, place])
        programmed_s = None if programmed == UNKNOWN else float(programmed)
        by_hand, left_veh = left != UNKNOWN and left >= BY_HAND, left % BY_HAND
        known = None if left_veh == UNKNOWN_LEFT else left_veh
        return phase + 1, programmed_s, off_s - on_s, how(off_s - on_s, programmed_s, known, longest_s, by_hand=by_hand), known


def how(green_s: float, programmed_s: float | None, left_veh: int | None, longest_s: float, *, by_hand: bool) -> str:
    """How a green ended: hand, max_out, force_off, gap_out, or ended where no sensor says whether anybody was left."""
    if by_hand:
        return "hand"
    if green_s >= longest_s - STEP_S:
        return "max_out"
    if programmed_s is not None and green_s >= programmed_s - STEP_S:
        return "force_off"
    if left_veh is None:
        return "ended"
    return "force_off" if left_veh else "gap_out"


def with_skipped(splits: Sequence[Split], site: Intersection) -> list[Split]:
    """The greens that ended, with the phases of the base plan between them that were passed over."""
    order = list(dict.fromkeys(stage.phase + 1 for stage in site.base.stages))
    found: list[Split] = []
    for split in splits:
        if found and {found[-1][0], split[0]} <= set(order):
            last, now = order.index(found[-1][0]), order.index(split[0])
            between = [order[(last + k) % len(order)] for k in range(1, (now - last) % len(order) or 1)]
            found += [(phase, programmed_s(site.base, phase - 1), 0.0, "skipped", None) for phase in between]
        found.append(split)
    return found


def programmed_s(plan: TimingPlan, phase: int) -> float | None:
    """The green of a phase in a plan that repeats; one that is made anew all the time programmes none."""
    return next((stage.green_s for stage in plan.stages if stage.phase == phase), None) if plan.repeats else None


def left_bytes(left_veh: Floats) -> Bytes:
    """Whole vehicles; UNKNOWN_LEFT where nobody knows."""
    whole = np.minimum(np.ceil(np.nan_to_num(left_veh) - STOOD_VEH), MOST - 1)
    return np.where(np.isnan(left_veh), UNKNOWN_LEFT, np.maximum(whole, 0.0)).astype(np.uint8)

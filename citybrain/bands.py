"""Green bands along an arterial: the departures from its first stop line that meet green at every signal of a way.

Little 1966: a band is what is left of the first green when each further green, moved back by the travel time to it, is laid over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citybrain.arterials import Way
from citybrain.green_times import Span, green_spans
from signals.types import Network, Serves, TimingPlan

NARROWEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Band:
    """A platoon's room: it passes signals `first` to `last` of the way (places on it) on green, leaving `first` from `start_s`."""

    first: int
    last: int
    start_s: float
    width_s: float


def common_cycle_s(plans: list[TimingPlan]) -> float:
    """The longest cycle, if every other fits into it a whole number of times; NaN where it does not [s]."""
    longest_s = max(plan.cycle_s for plan in plans)
    turns = [longest_s / plan.cycle_s for plan in plans]
    return longest_s if all(abs(t - round(t)) < 1e-6 for t in turns) else float("nan")


def way_greens(network: Network, way: Way, plans: tuple[TimingPlan, ...]) -> list[list[Span]]:
    """[signal of the way] its greens by the common clock, offsets included; `plans` are in the network's order."""
    found = []
    for i, lit in zip(way.signals, way.movements, strict=True):
        signal, plan = network.signals[i], plans[i]
        served = np.array([bool((signal.serves[stage.phase, lit] > Serves.NOT).any()) for stage in plan.stages])
        found.append([Span(s.start_s + plan.offset_s, s.end_s + plan.offset_s) for s in green_spans(signal, plan, served)])
    return found


def bands(network: Network, way: Way, plans: tuple[TimingPlan, ...]) -> tuple[Band, ...]:
    """The widest band through the whole way; where there is none, through the longest stretches one after the other."""
    cycle_s = common_cycle_s([plans[i] for i in way.signals])
    if not cycle_s > 0.0:
        return ()
    repeated = [
        [
            Span(s.start_s + k * plans[i].cycle_s, s.end_s + k * plans[i].cycle_s)
            for k in range(round(cycle_s / plans[i].cycle_s))
            for s in spans
        ]
        for i, spans in zip(way.signals, way_greens(network, way, plans), strict=True)
    ]
    found, first = [], 0
    while first < len(way.signals) - 1:
        last, room = first, cut(repeated[first], 0.0, cycle_s)
        for k in range(first + 1, len(way.signals)):
            travel_s = float(way.travel_s[k] - way.travel_s[first])
            left = overlap(room, cut(repeated[k], travel_s, cycle_s))
            if widest(left, cycle_s).length_s < NARROWEST_S:
                break
            last, room = k, left
        best = widest(room, cycle_s)
        if last > first:
            found.append(Band(first, last, best.start_s, best.length_s))
        first = max(last, first + 1)
    return tuple(found)


def through_width_s(found: tuple[Band, ...], way: Way) -> float:
    """Width of the band through the whole way; 0 where no band goes so far [s]."""
    return max((b.width_s for b in found if b.first == 0 and b.last == len(way.signals) - 1), default=0.0)


def cut(spans: list[Span], back_s: float, cycle_s: float) -> list[Span]:
    """The spans moved back in time and laid into one cycle from 0, those over its end in two pieces."""
    pieces = []
    for span in spans:
        start_s = (span.start_s - back_s) % cycle_s
        end_s = start_s + min(span.length_s, cycle_s)
        pieces.append(Span(start_s, min(end_s, cycle_s)))
        if end_s > cycle_s:
            pieces.append(Span(0.0, end_s - cycle_s))
    return pieces


def overlap(one: list[Span], other: list[Span]) -> list[Span]:
    """What both have in common."""
    pairs = [Span(max(a.start_s, b.start_s), min(a.end_s, b.end_s)) for a in one for b in other]
    return [span for span in pairs if span.length_s > 1e-9]


def widest(pieces: list[Span], cycle_s: float) -> Span:
    """The longest of the pieces, two that meet at the cycle's end taken as one; of length 0 where there is none."""
    joined = list(pieces)
    for a in pieces:
        for b in pieces:
            if a is not b and a.end_s >= cycle_s - 1e-9 and b.start_s <= 1e-9:
                joined.append(Span(a.start_s, a.end_s + b.length_s))
    return max(joined, key=lambda s: s.length_s, default=Span(0.0, 0.0))

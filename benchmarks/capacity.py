"""Capacity: the largest demand under which queues stay bounded, told from the backlog of late trips in the second half of a run.

A network is stable under a demand if the time average of its queues stays finite, and its capacity is the largest such demand
(Tassiulas and Ephremides 1992; Varaiya 2013, section 3). An hour is short, so growth is judged: the backlog is V(t) - D(t), trips that
would have arrived at free flow but have not (Daganzo 1997, section 2.2), and it grows for good where more become late than are served.
The first half of the run fills the network and is left out; where demand falls after a peak, the question is whether what the peak left
is worked off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.results import Row, failed
from signals.errors import ConfigError

QUARTERS = 4
LEAST_LET_IN = 0.98
"""Share of the due trips that must get into the network: a queue outside is a queue."""
NOISE = 0.02
"""Share of the due trips by which the backlog may grow from the third quarter of the run to the last and still count as bounded."""


def growth_share(late_by_minute: Sequence[Sequence[float]]) -> float:
    """(min(L4, Lend) - L3) / D: growth of the mean backlog from the third quarter of the run to the last, over the trips due in between.

    0: all are served as they come; 1: nobody is. Lend, the last twelfth of the run, tells growth from a wave that has passed by then; D is
    the mean of the two quarters' due trips. `late_by_minute`: [minute, late, due].
    """
    minutes = len(late_by_minute)
    if minutes < QUARTERS:
        raise ConfigError(f"a run of {minutes} minutes: expected one a quarter or more, to tell whether queues grow")
    third, fourth = late_by_minute[minutes // 2 : 3 * minutes // 4], late_by_minute[3 * minutes // 4 :]
    ending = late_by_minute[minutes - max(minutes // 12, 1) :]
    due = 0.5 * sum(row[2] for row in (*third, *fourth))
    before, after, at_end = (fmean(row[1] for row in part) for part in (third, fourth, ending))
    return (min(after, at_end) - before) / max(due, 1.0)


def let_in_share(row: Row) -> float:
    """Share of the due trips that got into the network; 1 without trips."""
    return 1.0 - float(row["undeparted_veh"]) / max(float(row["due_veh"]), 1.0)


def bounded(row: Row) -> bool:
    """Whether the queues of one run stayed bounded: `LEAST_LET_IN` got in, and the backlog grew by no more than `NOISE`."""
    return not failed(row) and let_in_share(row) >= LEAST_LET_IN and growth_share(row["late_by_minute"]) <= NOISE


@dataclass(frozen=True, slots=True)
class Capacity:
    """Between which of the demands that were tried the capacity lies."""

    largest: float | None  # bounded on every seed, as are all smaller ones that were tried; None: not even the smallest is
    beyond: float | None  # the next one, which is not; None: none was tried that is not


def capacity(rows_by_demand: Mapping[float, Sequence[Row]]) -> Capacity:
    """The largest demand up to which no seed's queues grow."""
    largest = None
    for demand in sorted(rows_by_demand):
        if not all(bounded(row) for row in rows_by_demand[demand]):
            return Capacity(largest, demand)
        largest = demand
    return Capacity(largest, None)


@dataclass(frozen=True, slots=True)
class Gain:
    """How much more demand a controller carries than another [%]; None where the demands that were tried cannot tell."""

    percent: float | None  # of the largest bounded demands
    least_percent: float | None  # what is certain however the capacity lies between the demands that were tried


def gain(ours: Capacity, theirs: Capacity) -> Gain:
    """C / C0 - 1 of two capacities: by the largest bounded demands, and at least ours over the first that is too much for them."""
    if ours.largest is None or (ours.beyond is None and theirs.beyond is None):
        return Gain(None, None)
    percent = None if theirs.largest is None else 100.0 * (ours.largest / theirs.largest - 1.0)
    return Gain(percent, None if theirs.beyond is None else 100.0 * (ours.largest / theirs.beyond - 1.0))

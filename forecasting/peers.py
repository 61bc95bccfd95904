"""Which detectors depart from the usual together: neighbours as the counts themselves show them, without any map.

A road closed empties its peers too; a detector that fails, fails alone.
"""

import numpy as np

from forecasting.fault_days import known_median
from signals.types import Floats, Ints

PEERS = 6  # of each detector, at most
LEAST_CORRELATION = 0.2
LEAST_SD = 4.0  # and as many standard errors of a correlation by chance
CLIP_SD = 2.5  # one wild hour makes no peers
LEAST_LEVEL = 0.1  # of the usual: a day below says nothing
LARGEST_HOURS = 1344  # eight weeks tell who moves with whom
BLOCK = 1000
LARGEST = 20_000  # detectors within which peers are looked for


def peers_of(counts_veh: Floats, usual_veh: Floats, bins_per_hour: int) -> Ints:
    """Peers [detector, place] by correlation of hourly departures on the root scale, best first; -1 where there is none.

    `usual_veh` is what a bin would count with the common departure in it: who only follows the whole city has no peers.
    """
    detectors = counts_veh.shape[1]
    peers = np.full((detectors, PEERS), -1, dtype=np.int64)
    for first in range(0, detectors, LARGEST):
        part = slice(first, min(first + LARGEST, detectors))
        found = _within(departures(counts_veh[:, part], usual_veh[:, part], bins_per_hour))
        peers[part, : found.shape[1]] = np.where(found >= 0, found + first, -1)
    return peers


def departures(counts_veh: Floats, usual_veh: Floats, bins_per_hour: int) -> Floats:
    """Standardised hourly departures [hour, detector] (single precision), clipped; 0 where an hour was not seen whole.

    The level of each day and the departure of all detectors are taken out: two that drift by themselves would look alike.
    """
    hours = min(len(counts_veh) // bins_per_hour, LARGEST_HOURS)
    shape = (hours, bins_per_hour, counts_veh.shape[1])
    newest = slice(len(counts_veh) - hours * bins_per_hour, None)
    seen_veh = counts_veh[newest].reshape(shape).sum(axis=1)
    due_veh = usual_veh[newest].reshape(shape).sum(axis=1)
    for first in range(0, hours, 24):
        day = slice(first, first + 24)
        level = known_median((seen_veh[day] + 1.0) / (due_veh[day] + 1.0))
        due_veh[day] *= np.where(level > LEAST_LEVEL, level, np.nan)
    out = (np.sqrt(seen_veh + 0.375) - np.sqrt(due_veh + 0.375)).astype(np.float32)
    known = np.isfinite(out)
    scale = np.nan_to_num(1.4826 * known_median(np.where(known, np.abs(out), np.nan)), nan=1.0)
    out = np.where(known, np.clip(out / np.maximum(scale, 0.05), -CLIP_SD, CLIP_SD), 0.0).astype(np.float32)
    out -= out.mean(axis=1, keepdims=True)
    length = np.sqrt((out**2).sum(axis=0))
    return np.asarray(out / np.maximum(length, 1e-6))


def _within(standard: Floats) -> Ints:
    """Peers [detector, place] of standardised departures [hour, detector]."""
    hours, detectors = standard.shape
    places = min(PEERS, detectors - 1)
    least = max(LEAST_CORRELATION, LEAST_SD / np.sqrt(max(hours, 1)))
    out = np.full((detectors, places), -1, dtype=np.int64)
    if places < 1 or hours < 1:
        return out
    for first in range(0, detectors, BLOCK):
        rows = np.arange(first, min(first + BLOCK, detectors))
        alike = standard[:, rows].T @ standard
        alike[np.arange(len(rows)), rows] = -1.0
        best = np.argpartition(-alike, places - 1, axis=1)[:, :places]
        value = np.take_along_axis(alike, best, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        best, value = np.take_along_axis(best, order, axis=1), np.take_along_axis(value, order, axis=1)
        out[rows] = np.where(value >= least, best, -1)
    return out

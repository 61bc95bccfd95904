"""One pass over samples or vehicles each, compiled: nothing is done a sample in Python.

Numbers out of range are passed over, so that no batch, judged or not, reaches beyond an array.
"""

# mypy: disallow-untyped-decorators=False

import numpy as np
import numpy.typing as npt
from numba import njit

from signals.types import Bools, Floats, Ints

Int32s = npt.NDArray[np.int32]
Float32s = npt.NDArray[np.float32]
Flags = npt.NDArray[np.uint8]

SLOW_MPS = 2.0


@njit(cache=True, nogil=True)
def take_samples(
    sensor: Int32s, at_s: Floats, value: Float32s, late: bool, last_s: Floats, last_value: Float32s, pending: Float32s
) -> None:
    """Newest value and its time, and what came since the last read, [sensor] each; `late`: older than the newest, but not yet known."""
    for k in range(sensor.shape[0]):
        s = sensor[k]
        if s < 0 or s >= last_s.shape[0] or not 0.0 <= value[k] < np.inf or not -np.inf < at_s[k] < np.inf:
            continue
        if at_s[k] > last_s[s]:
            last_s[s], last_value[s] = at_s[k], value[k]
            pending[s] += value[k]
        elif late:
            pending[s] += value[k]


@njit(cache=True, nogil=True)
def heard(now_s: float, latest_s: float, last_s: Floats, stale_s: Floats, doubted: Bools, whole: Bools) -> Bools:
    """Which sensors [sensor] are known now and were at the last look: their counts since then are whole. `whole` becomes who is known now.

    A time in `last_s` beyond `latest_s` is of before the street's clock went back, and is forgotten.
    """
    counted = np.empty(last_s.shape[0], dtype=np.bool_)
    for s in range(last_s.shape[0]):
        if last_s[s] > latest_s:
            last_s[s] = -np.inf
        known = now_s - last_s[s] <= stale_s[s] and not doubted[s]
        counted[s], whole[s] = known and whole[s], known
    return counted


@njit(cache=True, nogil=True)
def flagged(
    now_s: float, last_s: Floats, period_s: Float32s, silent_s: float, silent: int, stuck: tuple[Bools, int], impossible: tuple[Bools, int]
) -> Flags:
    """[sensor] 0, or the number that stands for what is wrong with it: no word for `silent_s`, or for three periods; or what was found."""
    flags = np.zeros(last_s.shape[0], dtype=np.uint8)
    for s in range(last_s.shape[0]):
        if impossible[0][s]:
            flags[s] = impossible[1]
        elif stuck[0][s]:
            flags[s] = stuck[1]
        elif now_s - last_s[s] > max(silent_s, 3.0 * period_s[s]):
            flags[s] = silent
    return flags


@njit(cache=True, nogil=True)
def told(longest: bool, sensor: Int32s, movement: Int32s, share: Float32s, value: Float32s, known: Bools, movements: int) -> Floats:
    """What the links [link] of a kind of sensor say [movement]: the sum of shares, or the longest; NaN where none, or one is not known."""
    found = np.full(movements, np.nan)
    silent = np.zeros(movements, dtype=np.bool_)
    for k in range(sensor.shape[0]):
        s, m = sensor[k], movement[k]
        if not known[s]:
            silent[m] = True
        elif np.isnan(found[m]):
            found[m] = value[s] if longest else value[s] * share[k]
        else:
            found[m] = max(found[m], value[s]) if longest else found[m] + value[s] * share[k]
    for m in range(movements):
        if silent[m]:
            found[m] = np.nan
    return found


@njit(cache=True, nogil=True)
def take_views(
    signal: Int32s, at_s: Floats, vehicles: Int32s, lane: Int32s, movement: Int32s, distance_m: Float32s, speed_mps: Float32s,
    view_s: Floats, begin: Ints, number: Ints, room: Ints, used: int,
    kept_lane: Int32s, kept_movement: Int32s, kept_distance_m: Float32s, kept_speed_mps: Float32s,
    lane_start: Ints, movement_start: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Each newer snapshot in the place of its signal's last one; (rows in use, vehicles dropped because no such lane or movement is).

    `begin`, `number`, `room` [signal]: where its rows are kept; a snapshot that has no room there goes to the end, up to the room
    that `kept_*` have: the caller sees to that. Rows come to lie by lane, nearest first.
    """
    row, dropped = 0, 0
    for k in range(signal.shape[0]):
        i, first, row = signal[k], row, row + vehicles[k]
        if i < 0 or i >= view_s.shape[0] or not at_s[k] > view_s[i] or not at_s[k] < np.inf:
            continue
        if vehicles[k] > room[i]:
            begin[i], room[i] = used, vehicles[k]
            used += vehicles[k]
        n, at = 0, begin[i]
        for v in range(first, row):
            lane_fits = lane_start[i] <= lane[v] < lane_start[i + 1]
            movement_fits = movement_start[i] <= movement[v] < movement_start[i + 1]
            if not (lane_fits and movement_fits and -1e4 < distance_m[v] < 1e5 and 0.0 <= speed_mps[v] < 100.0):
                dropped += 1
                continue
            w = at + n
            while w > at and (kept_lane[w - 1], kept_distance_m[w - 1]) > (lane[v], distance_m[v]):
                kept_lane[w], kept_movement[w] = kept_lane[w - 1], kept_movement[w - 1]
                kept_distance_m[w], kept_speed_mps[w] = kept_distance_m[w - 1], kept_speed_mps[w - 1]
                w -= 1
            kept_lane[w], kept_movement[w] = lane[v], movement[v]
            kept_distance_m[w], kept_speed_mps[w] = distance_m[v], speed_mps[v]
            n += 1
        view_s[i], number[i] = at_s[k], n
    return used, dropped


@njit(cache=True, nogil=True)
def in_view(
    fresh: Bools, begin: Ints, number: Ints,
    kept_lane: Int32s, kept_movement: Int32s, kept_distance_m: Float32s, kept_speed_mps: Float32s,
) -> tuple[Ints, Ints, Floats, Floats]:  # fmt: skip
    """Lane, movement, distance and speed [vehicle] of all fresh snapshots, signal by signal."""
    rows = 0
    for i in range(fresh.shape[0]):
        rows += number[i] if fresh[i] else 0
    lane, movement = np.empty(rows, dtype=np.int64), np.empty(rows, dtype=np.int64)
    distance_m, speed_mps = np.empty(rows), np.empty(rows)
    n = 0
    for i in range(fresh.shape[0]):
        if fresh[i]:
            for k in range(begin[i], begin[i] + number[i]):
                lane[n], movement[n] = kept_lane[k], kept_movement[k]
                distance_m[n], speed_mps[n] = kept_distance_m[k], kept_speed_mps[k]
                n += 1
    return lane, movement, distance_m, speed_mps


@njit(cache=True, nogil=True)
def slow_vehicles(movement: Ints, speed_mps: Floats, movements: int) -> Floats:
    """Vehicles in view that stand or crawl [movement]."""
    queue_veh = np.zeros(movements)
    for v in range(movement.shape[0]):
        if speed_mps[v] < SLOW_MPS:
            queue_veh[movement[v]] += 1.0
    return queue_veh

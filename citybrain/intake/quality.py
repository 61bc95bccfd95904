"""Which sensors are not to be believed: stuck, impossible or silent; judged once a minute, said of each sensor as a flag.

A count that repeats itself is judged as in `forecasting.fault_watch`: by how improbable that is under what the sensor usually counts
and what the others of its signal do meanwhile. Any other value is stuck when it stays for minutes while its movement's traffic flows.
The forecaster judges its own bins once more, by its profile of days and weeks.
"""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt
from numba import njit

from citybrain.intake.batch import Float32s, Float64s, Int32s, Samples
from citybrain.intake.catalogue import CODE, Catalogue, Kind
from forecasting.fault_evidence import IMPROBABLE
from forecasting.fault_watch import stuck_scores
from forecasting.recording import HALF, scaled_up
from signals.layout import lay_out
from signals.types import Bools, Floats, Network

MINUTE_S = 60.0
RECENT = 5  # minutes by which the others are judged
SIZE = 3.0  # of the negative binomial: counts of minutes are rougher than Poisson's, for lights make platoons
REPEATS = 0.1
USUAL_MINUTES = 240.0  # over which what is usual is learned
LEARNED = 10.0  # minutes after which it may be held against a sensor
PEERS_VEH = 5.0  # that the others must usually count meanwhile
HELD_S, HELD_VEH = 300.0, 10.0  # a value that stays this long while so many pass is stuck
IMPOSSIBLE_SAMPLES = 5  # more than so many, of late: the sensor is out of order
SILENT_S = 60.0


class Flag(IntEnum):
    """What is wrong with a sensor."""

    GOOD = 0
    SILENT = 1
    STUCK = 2
    IMPOSSIBLE = 3


class Quality:
    """Lives as long as the service; one caller at a time."""

    def __init__(self, network: Network, catalogue: Catalogue) -> None:
        n, movements = len(catalogue), catalogue.movements
        self._catalogue = catalogue
        self._counts = np.flatnonzero(catalogue.kind == CODE[Kind.COUNT])
        self._counters = catalogue.links(Kind.COUNT)
        signal_of = np.zeros(n, np.int64)
        signal_of[catalogue.link_sensor] = lay_out(network).signal_of[catalogue.link_movement]
        self._signal = signal_of[self._counts]
        self._watched = np.bincount(self._counters[1], minlength=movements) > 0
        self._due = np.maximum(MINUTE_S / catalogue.period_s, 1.0).astype(np.float64)  # samples a minute
        self._sum, self._number = np.zeros(n), np.zeros(n)  # of this minute
        self._held, self._held_since_s = np.full(n, np.nan, np.float32), np.full(n, np.inf)
        self._passed_veh = np.zeros(n)
        k = len(self._counts)
        self._usual_veh, self._minutes = np.zeros(k), np.zeros(k)
        self._recent_veh, self._recent_usual_veh = np.zeros((RECENT, k)), np.zeros((RECENT, k))
        self._value, self._score = np.full(k, np.nan), np.zeros(k)
        self._stuck = np.zeros(n, np.bool_)
        self._closes_s = -np.inf

    def note(self, samples: Samples) -> None:
        """Take in accepted samples."""
        noted(samples.sensor, samples.at_s, samples.value, self._sum, self._number, self._held, self._held_since_s, self._passed_veh)

    def close(self, now_s: float) -> bool:
        """Judge, where a minute has passed since the last time; whether it was so."""
        if self._closes_s - MINUTE_S <= now_s < self._closes_s:
            return False
        late = now_s - self._closes_s
        self._closes_s = (np.floor(now_s / MINUTE_S) + 1.0) * MINUTE_S
        if not 0.0 <= late < MINUTE_S:
            # The first call, or the clock jumped: nobody knows of how long the sums are.
            self._sum[:] = self._number[:] = 0.0
            return False
        own = self._counts
        counts_veh = scaled_up(self._sum[own], np.minimum(self._number[own] / self._due[own], 1.0), HALF)
        self._stuck[:] = False
        self._stuck[self._counts] = self._stuck_counts(counts_veh)
        self._stuck |= self._held_values(now_s)
        self._sum[:] = self._number[:] = 0.0
        return True

    def flags(self, now_s: float, last_s: Float64s, impossible: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """`Flag` [sensor], of newest times and recent impossible samples [sensor]."""
        flags = np.zeros(len(last_s), np.uint8)
        flags[now_s - last_s > np.maximum(SILENT_S, 3.0 * self._catalogue.period_s)] = Flag.SILENT
        flags[self._stuck] = Flag.STUCK
        flags[impossible > IMPOSSIBLE_SAMPLES] = Flag.IMPOSSIBLE
        return flags

    def _stuck_counts(self, counts_veh: Floats) -> Bools:
        """Which counting sensors [count sensor] repeat themselves too often, after one more minute."""
        heard = np.isfinite(counts_veh)
        for ring, new in ((self._recent_veh, counts_veh), (self._recent_usual_veh, self._usual_veh)):
            ring[:-1] = ring[1:]
            ring[-1] = np.where(heard, new, 0.0)
        least_veh = self._usual_veh * self._flowing()
        least_veh[self._minutes < LEARNED] = np.nan
        size, repeats = np.full(len(counts_veh), SIZE), np.full(len(counts_veh), REPEATS)
        self._value, self._score = stuck_scores(self._value, self._score, counts_veh, least_veh, size, repeats)
        stuck = self._score < IMPROBABLE
        learning = heard & ~stuck
        self._minutes += learning
        step = np.maximum(1.0 / np.maximum(self._minutes, 1.0), 1.0 / USUAL_MINUTES)
        self._usual_veh += np.where(learning, step * (np.nan_to_num(counts_veh) - self._usual_veh), 0.0)
        return np.asarray(stuck & heard)

    def _flowing(self) -> Floats:
        """[count sensor] how much of the usual the others of its signal have counted of late, at most 1; NaN where they say nothing."""
        veh, usual_veh = self._recent_veh.sum(axis=0), self._recent_usual_veh.sum(axis=0)
        all_veh, all_usual_veh = (np.bincount(self._signal, one)[self._signal] - one for one in (veh, usual_veh))
        few = all_usual_veh < PEERS_VEH
        all_veh[few], all_usual_veh[few] = float(veh.sum()) - veh[few], float(usual_veh.sum()) - usual_veh[few]
        return np.where(all_usual_veh >= PEERS_VEH, np.minimum(all_veh / np.maximum(all_usual_veh, PEERS_VEH), 1.0), np.nan)

    def _held_values(self, now_s: float) -> Bools:
        """Which values over zero [sensor] stay though traffic flows, after one more minute."""
        sensor, movement, share = self._counters
        veh = np.bincount(movement, self._sum[sensor] * share, minlength=self._catalogue.movements)
        c = self._catalogue
        passed_veh = np.bincount(c.link_sensor, np.where(self._watched, veh, 0.0)[c.link_movement], minlength=len(c))
        self._passed_veh += passed_veh
        held = (self._held > 0.0) & (now_s - self._held_since_s >= HELD_S) & (self._passed_veh >= HELD_VEH)
        held[self._counts] = False
        return np.asarray(held)


@njit(cache=True, nogil=True)
def noted(
    sensor: Int32s, at_s: Float64s, value: Float32s, sums: Floats, number: Floats, held: Float32s, held_since_s: Floats, passed_veh: Floats
) -> None:
    """Sums and numbers of samples, and since when each value is what it is [sensor]."""
    for k in range(sensor.shape[0]):
        s = sensor[k]
        sums[s] += value[k]
        number[s] += 1.0
        if value[k] != held[s]:
            held[s], held_since_s[s], passed_veh[s] = value[k], at_s[k], 0.0

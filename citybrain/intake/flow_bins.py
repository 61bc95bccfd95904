"""Counts by movement in aligned bins, for the forecaster: whatever comes late, within the ring, goes to the bin it belongs to.

A bin is told once every source has told its part of it, or a grace has passed, and told again, corrected, where more comes. Its time is
the street's; `forecasting.local_time` knows what the local clock showed then.
"""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit

from citybrain.intake.batch import Float32s, Float64s, Int32s, IntakeError, Samples
from citybrain.intake.catalogue import Catalogue, Kind
from citybrain.intake.names import NONE
from forecasting.recording import HALF, scaled_up
from signals.types import Bools, Floats, Ints

BIN_S = 900.0
RING_BINS = 8
GRACE_S = 60.0  # nobody is waited for longer
BACK_S = 60.0  # a clock that steps back by more has become another one


@dataclass(frozen=True, slots=True)
class FlowBin:
    """One bin as known now."""

    start_s: float
    counts_veh: Floats = field(repr=False)
    """[movement] scaled up where heard in part, NaN where hardly"""
    corrected: bool  # it was told before


class FlowBins:
    """Lives as long as the service; one caller at a time."""

    def __init__(self, catalogue: Catalogue, bin_s: float = BIN_S, ring_bins: int = RING_BINS) -> None:
        if bin_s <= 0.0 or ring_bins < 2:
            raise IntakeError(f"{ring_bins} bins of {bin_s:g} s; expected at least 2 of some length")
        self.bin_s, self._ring_bins = bin_s, ring_bins
        self._movements = catalogue.movements
        sensor, self._movement, self._share = catalogue.links(Kind.COUNT)
        counts, self._place = np.unique(sensor, return_inverse=True)
        self._row = np.full(len(catalogue), NONE, np.int32)  # [sensor] its place among those that count
        self._row[counts] = np.arange(len(counts), dtype=np.int32)
        self._period_s = catalogue.period_s
        self._due = (bin_s / catalogue.period_s[counts]).astype(np.float64)  # samples a bin
        self._bin = np.full(ring_bins, NONE, np.int64)  # which one stands in each place of the ring
        self._sum = np.zeros((ring_bins, len(counts)), np.float32)
        self._number = np.zeros((ring_bins, len(counts)), np.float32)
        self._changed = np.zeros(ring_bins, np.bool_)
        self._next = NONE  # the next bin to be told
        self._now_s = -np.inf

    def add(self, samples: Samples) -> None:
        """Accepted samples, in any order."""
        filled(
            samples.sensor, samples.at_s, samples.value, self._row, self._period_s, self.bin_s,
            self._bin, self._sum, self._number, self._changed,
        )  # fmt: skip

    def due(self, now_s: float, watermark_s: float, believed: Bools | None = None) -> tuple[FlowBin, ...]:
        """Bins to be told by now, in order: corrected ones, then new. `watermark_s`: up to here every source has told what it had.

        Sensors that are not `believed` [sensor] count as not heard.
        """
        complete_s = max(min(watermark_s, now_s), now_s - GRACE_S)
        ended = int(complete_s // self.bin_s)
        if now_s < self._now_s - BACK_S:
            # What was counted by the other clock must not be in the way of these bins, nor in them.
            self._bin[:], self._changed[:], self._next = NONE, False, NONE
        self._now_s = now_s
        if self._next == NONE:
            self._next = ended
            return ()
        fresh = range(max(self._next, ended - self._ring_bins + 1), ended)
        late = sorted(k for k in self._bin[self._changed].tolist() if ended - self._ring_bins < k < self._next)
        self._next = max(self._next, ended)
        found = tuple(self._told(k, k in late, believed) for k in [*late, *fresh])
        self._changed[(self._bin < self._next)] = False
        return found

    def _told(self, k: int, corrected: bool, believed: Bools | None) -> FlowBin:
        place = k % self._ring_bins
        if self._bin[place] != k:
            return FlowBin(k * self.bin_s, np.full(self._movements, np.nan), corrected)
        heard_veh = scaled_up(self._sum[place].astype(np.float64), np.minimum(self._number[place] / self._due, 1.0), HALF)
        if believed is not None:
            heard_veh[~believed[self._row != NONE]] = np.nan
        veh = heard_veh[self._place] * self._share
        counts_veh = np.asarray(np.bincount(self._movement, veh, minlength=self._movements), np.float64)
        counts_veh[np.bincount(self._movement, minlength=self._movements) == 0] = np.nan
        return FlowBin(k * self.bin_s, counts_veh, corrected)

    def arrays(self) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
        """All of it, so that `restored` goes on as if nothing had happened."""
        names = ("bin", "sum", "number", "changed")
        clock = {"next": np.array(self._next, np.int64), "now_s": np.array(self._now_s)}
        return {**{name: getattr(self, f"_{name}").copy() for name in names}, **clock}

    def restored(self, arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> FlowBins:
        """These bins, going on where the arrays were taken; IntakeError where they are of others."""
        for name in ("bin", "sum", "number", "changed"):
            mine, other = getattr(self, f"_{name}"), arrays.get(name)
            if other is None or other.shape != mine.shape or other.dtype != mine.dtype:
                raise IntakeError(f"bins kept with other sensors: no fitting column {name!r}")
            mine[...] = other
        self._next, self._now_s = int(arrays["next"]), float(arrays["now_s"])
        return self


@njit(cache=True, nogil=True)
def filled(
    sensor: Int32s, at_s: Float64s, value: Float32s, row: Int32s, period_s: Float32s, bin_s: float,
    in_place: Ints, sums: Float32s, number: Float32s, changed: Bools,
) -> None:  # fmt: skip
    """Adds counts to the bins of the ring [place, count sensor] that the middle of their time lies in; older bins are gone."""
    for k in range(sensor.shape[0]):
        d = row[sensor[k]]
        if d < 0:
            continue
        b = int(np.floor((at_s[k] - 0.5 * period_s[sensor[k]]) / bin_s))
        place = b % in_place.shape[0]
        if in_place[place] < b:
            in_place[place] = b
            sums[place], number[place] = 0.0, 0.0
        elif in_place[place] > b:
            continue
        sums[place, d] += value[k]
        number[place, d] += 1.0
        changed[place] = True

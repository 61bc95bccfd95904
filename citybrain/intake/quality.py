"""Which sensors are not to be believed: stuck, impossible or silent; judged once a minute, said of each sensor as a flag.

Two tests add up log probabilities over as many minutes as it takes, and begin anew when the sensor moves. Of a count at zero alone: how
improbable that is under what the sensor usually counts and what the others of its signal do meanwhile, where it was never at zero for
nearly so long. Of every sensor: what the others on the same movement saw (`stuck_evidence`). A sensor is stuck where a test passes
IMPROBABLE = log a. Under true probabilities the product of 1/p over a run is a martingale, so a run ends in a false alarm with
probability a at most (Ville 1939); with two tests and a run begun each minute, a sensor has no more than 2 * 1440 * a = 0.003 false alarms
a day. `benchmarks.sensor_faults` counts them. The usual counts may be a forecaster's (`expect`) until the sensor has shown its own.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from citybrain.intake import sense_kernels, stuck_evidence
from citybrain.intake.batch import Float64s, Int32s, IntakeError, Samples
from citybrain.intake.catalogue import CODE, KINDS, Catalogue, Kind
from citybrain.intake.names import NONE
from forecasting.fault_evidence import LIBERTY
from forecasting.fault_watch import stuck_scores
from forecasting.recording import HALF, scaled_up
from signals.layout import lay_out
from signals.types import Bools, Floats, Network

MINUTE_S = 60.0
IMPROBABLE = math.log(1e-6)
RECENT = 5  # minutes by which the others are judged
SIZE = 3.0  # of the negative binomial: counts of minutes are rougher than Poisson's, for lights make platoons
REPEATS = 0.1  # of counts over zero, which are judged sample by sample instead
USUAL_MINUTES = 240.0  # over which what is usual is learned
LEARNED = 10.0  # minutes after which it may be held against a sensor
LONGER = 1.5  # times its longest zero so far: some reds last for many minutes
FREEDOM = 1.5  # an event may leave one part in so many of what is usual
PEERS_VEH = 5.0  # that the others must usually count meanwhile
MOST_SAME = math.ceil(IMPROBABLE / math.log(0.8))  # samples over zero on end: two lanes at saturation repeat four in five
IMPOSSIBLE_SAMPLES = 5  # more than so many, of late: the sensor is out of order
SILENT_S = 60.0
FIRST_TRIALS = 50.0
FIRST_CHANCE = np.array(
    [
        (0.1, 0.03, 0.02, 0.02, 0.02, 0.02),
        (0.8, 0.8, 0.02, 0.02, 0.02, 0.02),
        (0.95, 0.3, 0.02, 0.02, 0.02, 0.02),
        (0.5, 0.5, 0.5, 0.02, 0.02, 0.02),
    ]
)
"""[kind, trial] chance that a sensor in order fails, believed as after so many trials: some times what simulated streets showed."""
STATE = ("usual_veh", "minutes", "longest", "trials", "pool")


Arrays = dict[str, npt.NDArray[np.generic]]


class Flag(IntEnum):
    """What is wrong with a sensor."""

    GOOD = 0
    SILENT = 1
    STUCK = 2
    IMPOSSIBLE = 3


class Quality:
    """Lives as long as the service; one caller at a time."""

    def __init__(self, network: Network, catalogue: Catalogue) -> None:
        n = len(catalogue)
        self._catalogue = catalogue
        self._counts = np.flatnonzero(catalogue.kind == CODE[Kind.COUNT])
        signal_of = np.zeros(n, np.int64)
        signal_of[catalogue.link_sensor] = lay_out(network).signal_of[catalogue.link_movement]
        self._signal = signal_of[self._counts]
        self._due = np.maximum(MINUTE_S / catalogue.period_s, 1.0).astype(np.float32)  # samples a minute
        self._sum, self._number = np.zeros(n, np.float32), np.zeros(n, np.float32)  # of this minute
        self._least, self._most = np.full(n, np.inf, np.float32), np.full(n, -np.inf, np.float32)
        self._last, self._held = np.full(n, np.nan, np.float32), np.full(n, np.nan, np.float32)  # held: when the minute began
        self._same = np.zeros(n, np.int32)
        k = len(self._counts)
        self._usual_veh, self._minutes = np.zeros(k), np.zeros(k)
        self._expected_veh = np.full(k, np.nan)
        self._recent_veh, self._recent_usual_veh = np.zeros((RECENT, k), np.float32), np.zeros((RECENT, k), np.float32)
        self._value, self._volume = np.full(k, np.nan), np.zeros(k)
        self._at_zero, self._longest = np.zeros(k), np.zeros(k)  # minutes at zero: now, and ever
        self._members, self._group = groups_of(catalogue)
        groups = len(self._members)
        self._counted_s, self._seen_s = np.full(groups, -np.inf), np.full(groups, -np.inf)
        self._began_s, self._cleared_from_s, self._cleared_at_s = (np.full(groups, -np.inf) for _ in range(3))
        self._peak, self._cleared = np.zeros(groups, np.float32), np.zeros(groups, np.float32)
        self._trials = np.zeros((n, stuck_evidence.TRIALS, 2), np.uint16)
        self._open = np.zeros((n, stuck_evidence.TRIALS), np.uint8)  # failed ones of runs that are not over
        self._pool = FIRST_TRIALS * np.stack((1.0 - FIRST_CHANCE, FIRST_CHANCE), axis=2)
        self._score = np.zeros(n, np.float32)
        self._stuck = np.zeros(n, np.bool_)
        self._closes_s = -np.inf

    def note(self, samples: Samples) -> None:
        """Take in accepted samples."""
        stuck_evidence.noted(
            samples.sensor, samples.at_s, samples.value, self._catalogue.kind, self._group,
            self._sum, self._number, self._least, self._most, self._last, self._same,
            self._counted_s, self._seen_s, self._began_s, self._peak, self._cleared, self._cleared_from_s, self._cleared_at_s,
        )  # fmt: skip

    def expect(self, flow_veh_h: Floats) -> None:
        """What a forecaster's profile expects of every movement now [movement]; NaN where it knows nothing."""
        sensor, movement, share = self._catalogue.links(Kind.COUNT)
        veh = np.bincount(sensor, flow_veh_h[movement] * share * (MINUTE_S / 3600.0), minlength=len(self._catalogue))
        self._expected_veh = veh[self._counts]

    def close(self, now_s: float) -> bool:
        """Judge, where a minute has passed since the last time; whether it was so."""
        if self._closes_s - MINUTE_S <= now_s < self._closes_s:
            return False
        late = now_s - self._closes_s
        self._closes_s = (np.floor(now_s / MINUTE_S) + 1.0) * MINUTE_S
        known = bool(0.0 <= late < MINUTE_S)
        if known:
            self._judge(now_s)
        else:
            # The first call, or the clock jumped: nobody knows of how long the sums are, or of what time the queues.
            self._counted_s[:], self._seen_s[:], self._peak[:], self._cleared[:] = -np.inf, -np.inf, 0.0, 0.0
        self._held[:] = self._last
        self._sum[:] = self._number[:] = 0.0
        self._least[:], self._most[:] = np.inf, -np.inf
        return known

    def flags(self, now_s: float, last_s: Float64s, impossible: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """`Flag` [sensor], of newest times and recent impossible samples [sensor]."""
        wrong = (self._stuck, np.uint8(Flag.STUCK)), (impossible > IMPOSSIBLE_SAMPLES, np.uint8(Flag.IMPOSSIBLE))
        silent = self._catalogue.period_s, SILENT_S, np.uint8(Flag.SILENT)
        flags: npt.NDArray[np.uint8] = sense_kernels.flagged(now_s, last_s, *silent, *wrong)
        return flags

    def arrays(self) -> Arrays:
        """What is usual, learned over hours, so that `restored` need not learn it again."""
        return {name: np.array(getattr(self, "_" + name)) for name in STATE}

    def restored(self, arrays: Arrays) -> Quality:
        """Knowing what the arrays know; IntakeError where they are of other sensors. What is going on now is seen anew."""
        for name in STATE:
            mine, other = getattr(self, "_" + name), arrays.get(name)
            if other is None or other.shape != mine.shape or other.dtype != mine.dtype:
                raise IntakeError(f"quality kept with other sensors: no fitting column {name!r}")
        for name in STATE:
            getattr(self, "_" + name)[...] = arrays[name]
        return self

    def _judge(self, now_s: float) -> None:
        stuck_evidence.judged(
            now_s, self._members, self._due, self._sum, self._number, self._least, self._most, self._held, self._stuck,
            self._counted_s, self._cleared, self._cleared_from_s, self._cleared_at_s, self._trials, self._open, self._pool, self._score,
        )  # fmt: skip
        own = self._counts
        share = np.minimum(self._number[own].astype(np.float64) / self._due[own], 1.0)
        unlikely = self._unlikely(scaled_up(self._sum[own].astype(np.float64), share, HALF))
        self._stuck = (self._score < IMPROBABLE) & (self._number > 0.0)
        self._stuck[own] |= unlikely | (self._same[own] >= MOST_SAME)

    def _unlikely(self, counts_veh: Floats) -> Bools:
        """Which counting sensors [count sensor] are at zero for too long for what passes there, after one more minute."""
        heard = np.isfinite(counts_veh)
        usual_veh = np.where(self._minutes < LEARNED, self._expected_veh, self._usual_veh)
        for ring, new in ((self._recent_veh, counts_veh), (self._recent_usual_veh, np.nan_to_num(usual_veh))):
            ring[:-1] = ring[1:]
            ring[-1] = np.where(heard, new, 0.0)
        size, repeats = np.full(len(counts_veh), SIZE), np.full(len(counts_veh), REPEATS)
        self._value, self._volume = stuck_scores(
            self._value, self._volume, counts_veh, usual_veh * self._flowing() * (LIBERTY / FREEDOM), size, repeats
        )
        moves = heard & (counts_veh > 0.0)
        # A fault that was mended must not be taken for a long red: the longest zero grows step by step.
        longest = np.maximum(self._longest, np.minimum(self._at_zero, 2.0 * self._longest + LEARNED))
        self._longest = np.where(moves, longest, self._longest)
        self._at_zero = np.where(moves, 0.0, self._at_zero + heard)
        unlikely = (self._volume < IMPROBABLE) & (self._at_zero > LONGER * self._longest)
        learning = heard & ~unlikely & ~self._stuck[self._counts]
        self._minutes += learning
        step = np.maximum(1.0 / np.maximum(self._minutes, 1.0), 1.0 / USUAL_MINUTES)
        self._usual_veh += np.where(learning, step * (np.nan_to_num(counts_veh) - self._usual_veh), 0.0)
        return np.asarray(unlikely & heard)

    def _flowing(self) -> Floats:
        """[count sensor] how much of the usual the others of its signal have counted of late, at most 1; NaN where they say nothing."""
        veh, usual_veh = (ring.sum(axis=0, dtype=np.float64) for ring in (self._recent_veh, self._recent_usual_veh))
        all_veh, all_usual_veh = (np.bincount(self._signal, one)[self._signal] - one for one in (veh, usual_veh))
        few = all_usual_veh < PEERS_VEH
        all_veh[few], all_usual_veh[few] = float(veh.sum()) - veh[few], float(usual_veh.sum()) - usual_veh[few]
        return np.where(all_usual_veh >= PEERS_VEH, np.minimum(all_veh / np.maximum(all_usual_veh, PEERS_VEH), 1.0), np.nan)


def groups_of(catalogue: Catalogue) -> tuple[Int32s, Int32s]:
    """Sensors that speak of the same movements: the first of each kind [group, kind], and the group of each sensor; else NONE."""
    mark = np.random.default_rng(catalogue.movements).integers(1, 2**62, catalogue.movements)  # of a set of movements, their sum
    marks = np.zeros(len(catalogue), np.int64)
    np.add.at(marks, catalogue.link_sensor, mark[catalogue.link_movement])
    known, group = np.unique(marks, return_inverse=True)
    members = np.full((len(known), len(KINDS)), NONE, np.int32)
    numbers = np.arange(len(catalogue), dtype=np.int32)[::-1]
    members[group[::-1], catalogue.kind[::-1]] = numbers  # the last one written is the first of its kind
    own = members[group, catalogue.kind] == np.arange(len(catalogue))
    return members, np.where(own, group, NONE).astype(np.int32)

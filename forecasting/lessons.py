"""How the network ridge is fitted: it walks through the history as if it came live, and more than once.

It is taught with detectors hidden from it and with made-up incidents and events, because both will come and the history
may hold few of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forecasting import factors
from forecasting.departures import NAMES, Departures
from forecasting.history import FlowHistory, check_for_fit
from forecasting.interval import ends_s
from forecasting.kernels import CLIP
from forecasting.normal_equations import NormalEquations
from forecasting.residual import root
from forecasting.ridge import Ridge
from forecasting.week_profile import WeekProfile
from signals.types import Bools, Floats

Table = npt.NDArray[np.float32]

SEED = 20240418
PROFILE_DAYS = 7  # after which departures are learned from, or half of the history if that is shorter
HIDDEN_SHARE, HIDDEN_S = 0.25, 6 * 3600.0
REGIMES_A_DAY = 0.1  # of the detectors
REGIME_FACTORS = (0.1, 0.3, 0.5, 2.0, 3.0)
SHORTEST_REGIME_S, LONGEST_REGIME_S = 2 * 3600.0, 12 * 3600.0
REGIME_WEIGHT = 0.2  # of a bin with a made-up incident, and of the two after it
AFTER_BINS = 2


class Lesson(NamedTuple):
    """One walk through the history."""

    heard: Floats
    """[bin, detector] departures as the model hears them, NaN where they are kept from it"""
    truth: Floats
    """[bin, detector] what they are"""
    weight: Table
    """[bin, detector] how much a bin teaches"""


class Course(NamedTuple):
    """All walks of a history, and what they stand on."""

    usual: Table
    """[1 + bin + .., detector] what the profile said before it had seen the bin, first that of the bin before all"""
    own: Table
    """[bin, detector] what the detector's own days said"""
    lessons: tuple[Lesson, ...]


def fit(history: FlowHistory, leads: int = 1) -> Ridge:
    """A ridge that has seen all of the history, and ends where it ends."""
    return taught(history, leads)[0]


def taught(history: FlowHistory, leads: int) -> tuple[Ridge, Course]:
    """The ridge, and the walks that taught it; the last of them is the history as it was."""
    check_for_fit(history, leads * history.bin_s)
    usual, own, profile = walked_profile(history, leads)
    departure = root(history.counts_veh) - usual[1 : history.bins + 1]
    found = factors.found_in(np.clip(departure, -CLIP, CLIP), history.bin_s)
    sums = NormalEquations.none(len(history.detectors), len(NAMES))
    echo = np.zeros((len(history.detectors), len(NAMES)), dtype=np.float32)
    model = Ridge(profile, Departures.none(history.bin_s, found), sums, echo, sums.common(), leads, 0)
    course = Course(usual, own, lessons(history, usual, departure))
    for one in course.lessons:
        for near, i in walk(model, history, course, one):
            starts_s = ends_s(history, i)
            inputs = model.inputs(model.departures.last, near, own[i], starts_s)
            model.practise(near, inputs, one.heard[i], one.truth[i], one.weight[i], starts_s)
    model.common = model.sums.common()
    model.solve(len(echo))
    return model, course


def lessons(history: FlowHistory, usual: Table, departure: Floats) -> tuple[Lesson, ...]:
    """With detectors hidden, with made-up incidents, and as it was."""
    rng = np.random.default_rng(SEED)
    hidden = hidden_stretches(history, rng)
    regime_veh, within = made_up_regimes(history, rng)
    strange = np.where(within, root(regime_veh) - usual[1 : history.bins + 1], departure)
    # Departures from a profile of few days are larger than they will be.
    weight: Table = np.ones(departure.shape, dtype=np.float32)
    weight[: min(PROFILE_DAYS * history.slots, history.bins // 2)] = 0.0
    return (
        Lesson(np.where(hidden, np.nan, departure), departure, weight),
        Lesson(strange, strange, np.where(with_after(within), np.float32(REGIME_WEIGHT) * weight, np.float32(0.0))),
        Lesson(departure, departure, weight),
    )


def walked_profile(history: FlowHistory, leads: int) -> tuple[Table, Table, WeekProfile]:
    """What the profile says of each bin before it has seen it [1 + bin, detector], first that of the bin before all."""
    profile = WeekProfile.empty(history.bin_s, len(history.detectors), history.week_start_s)
    usual = np.full((history.bins + leads + 2, len(history.detectors)), np.nan, dtype=np.float32)
    own = np.full((history.bins, len(history.detectors)), np.nan, dtype=np.float32)
    for i in range(history.bins):
        own[i] = profile.own_at(ends_s(history, i))
        usual[1 + i : 1 + i + leads + 1] = profile.around(ends_s(history, i), 0, leads + 1)
        profile.learn(root(history.counts_veh[i]), ends_s(history, i))
    return usual, own, profile


def walk(model: Ridge, history: FlowHistory, course: Course, lesson: Lesson) -> Iterator[tuple[Floats, int]]:
    """(profile near, bin) of each bin in turn, beginning with nothing heard yet; whoever walks makes the model hear."""
    model.departures = Departures.none(history.bin_s, model.departures.factors)
    model.waiting.clear()
    for i in range(history.bins):
        yield course.usual[i : i + model.leads + 2].astype(np.float64), i


def hidden_stretches(history: FlowHistory, rng: np.random.Generator) -> Bools:
    """Which counts [bin, detector] are kept from the model."""
    length = max(round(HIDDEN_S / history.bin_s), 1)
    stretches = rng.random((-(-history.bins // length), len(history.detectors))) < HIDDEN_SHARE
    return np.asarray(np.repeat(stretches, length, axis=0)[: history.bins])


def made_up_regimes(history: FlowHistory, rng: np.random.Generator) -> tuple[Floats, Bools]:
    """The counts [bin, detector] with incidents and events of some hours in them, and where these are."""
    counts_veh = history.counts_veh.copy()
    within = np.zeros(counts_veh.shape, dtype=np.bool_)
    for day in range(history.bins // history.slots):
        for d in np.flatnonzero(rng.random(counts_veh.shape[1]) < REGIMES_A_DAY):
            first = day * history.slots + int(rng.integers(history.slots // 4, history.slots))
            last = first + round(rng.uniform(SHORTEST_REGIME_S, LONGEST_REGIME_S) / history.bin_s)
            counts_veh[first:last, d] = np.round(counts_veh[first:last, d] * rng.choice(REGIME_FACTORS))
            within[first:last, d] = True
    return counts_veh, within


def with_after(within: Bools) -> Bools:
    """The same with AFTER_BINS bins after each stretch."""
    out = within.copy()
    for k in range(1, AFTER_BINS + 1):
        out[k:] |= within[:-k]
    return out

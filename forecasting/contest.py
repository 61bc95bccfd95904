"""Champion against challenger: both step through the same last days, which neither was fitted to, and days decide.

The challenger is promoted only if it is surely better by more than a trifle, and neither its interval nor its silence is
the price of it.
"""

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np

from forecasting.fitted import FittedForecaster
from forecasting.gain import LEAST_DAYS, Gain, gain
from forecasting.history import FlowHistory
from forecasting.interval import HIGH, LOW, ends_s
from forecasting.tracker import Tracker, brought_up_to, total_interval
from signals.errors import ForecastError
from signals.types import Bools, Floats
from signals.units import SECONDS_PER_HOUR

LEAST_GAIN = 0.005  # of the absolute error: less is not worth a change
COVERAGE_LOW, COVERAGE_HIGH = 77.0, 83.0  # % of the counts that the 80 % interval must hold
MOST_UNANSWERED = 0.005  # of the counts that the champion had a forecast for
ABSOLUTE, PINBALL = 0, 1  # rows of the losses


@dataclass(frozen=True, slots=True)
class Contender:
    """A forecaster, and the end of what it was fitted to."""

    forecaster: FittedForecaster
    until: np.datetime64


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who forecast the same days better, and what follows from it. Shares are of the champion's loss."""

    promoted: bool
    sentence: str
    champion: str
    challenger: str
    days: int  # that had counts
    wape_champion: float
    wape_challenger: float
    gain: Gain  # in absolute error
    pinball_gain: Gain  # of the interval's two ends
    coverage_champion: float  # % inside the 80 % interval
    coverage_challenger: float
    unanswered: float  # share of the champion's forecasts that the challenger has none for
    gained: float  # share of the detectors whose absolute error became less

    def as_json(self) -> dict[str, Any]:
        """Plain values for json.dump; NaN and infinity become None."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


class Said(NamedTuple):
    """A forecast of the total over the horizon [detector], in vehicles."""

    count_veh: Floats
    low_veh: Floats
    high_veh: Floats


@dataclass(frozen=True, slots=True)
class Score:
    """Sums over what both forecast, as the days go by: memory does not grow with their bins."""

    loss: Floats = field(repr=False)
    """[contender, absolute or pinball, day]"""
    inside: Floats = field(repr=False)
    """[contender] counts that lay inside the interval"""
    of_detector: Floats = field(repr=False)
    """[contender, detector] absolute error"""
    counted_veh: Floats = field(repr=False)
    """[day]"""
    number: Floats = field(repr=False)
    """[day] counts that were forecast by both"""
    asked: Floats = field(repr=False)
    """[2] counts that the champion had a forecast for, and those of them that the challenger had none for"""

    @classmethod
    def none(cls, days: int, detectors: int) -> Self:
        """Nothing seen yet."""
        return cls(np.zeros((2, 2, days)), np.zeros(2), np.zeros((2, detectors)), np.zeros(days), np.zeros(days), np.zeros(2))

    def add(self, day: int, true_veh: Floats, said: tuple[Said, Said]) -> None:
        """Take in what came of two forecasts of one origin."""
        asked = np.isfinite(true_veh) & np.isfinite(said[0].count_veh)
        both = asked & np.isfinite(said[1].count_veh)
        self.asked[:] += asked.sum(), (asked & ~both).sum()
        self.counted_veh[day] += true_veh[both].sum()
        self.number[day] += both.sum()
        for k, one in enumerate(said):
            error = np.where(both, np.abs(true_veh - one.count_veh), 0.0)
            self.loss[k, ABSOLUTE, day] += error.sum()
            self.loss[k, PINBALL, day] += _pinball(true_veh, one, both)
            self.inside[k] += ((true_veh >= one.low_veh) & (true_veh <= one.high_veh) & both).sum()
            self.of_detector[k] += error


def compare(champion: Contender, challenger: Contender, history: FlowHistory, days: int) -> Verdict:
    """Let both forecast the last days of the history, one bin after the other as in service, and judge.

    Each starts where its fit ended and has learned every bin up to its origin. ForecastError where one has seen the days.
    """
    first = _first_origin(champion, challenger, history, days)
    score = Score.none(days, len(history.detectors))
    trackers = tuple(brought_up_to(one.forecaster, history, first, one.until) for one in (champion, challenger))
    leads = champion.forecaster.leads
    waiting: deque[tuple[Said, Said]] = deque()
    for origin in range(first, history.bins):
        waiting.append((_said(trackers[0]), _said(trackers[1])))
        for tracker in trackers:
            tracker.observe(history.counts_veh[origin], ends_s(history, origin + 1))
        if len(waiting) == leads:
            begun = origin - leads + 1
            true_veh = history.counts_veh[begun : origin + 1].sum(axis=0)
            score.add((begun - first) // history.slots, true_veh, waiting.popleft())
    return judged(score, champion.forecaster.name, challenger.forecaster.name)


def first_of_last(history: FlowHistory, days: int) -> int:
    """First bin of the last days; ForecastError unless there are enough of them."""
    if days < LEAST_DAYS:
        raise ForecastError(f"a comparison over {days} days: expected {LEAST_DAYS} or more, or chance decides")
    first = history.bins - days * history.slots
    if first <= 0:
        raise ForecastError(
            f"the counts from {history.time(0)} to {history.time(history.bins)} are no more than the {days} days to compare on"
        )
    return first


def _first_origin(champion: Contender, challenger: Contender, history: FlowHistory, days: int) -> int:
    first = first_of_last(history, days)
    for one in (champion, challenger):
        fitted = one.forecaster
        if fitted.detectors != history.detectors or fitted.bin_s != history.bin_s:
            raise ForecastError(f"{fitted.name}: fitted to other detectors or bins than the counts to compare on")
        if one.until > history.time(first):
            raise ForecastError(
                f"{fitted.name} has seen counts until {one.until}, and the days to compare on begin at {history.time(first)}"
            )
    if champion.forecaster.leads != challenger.forecaster.leads:
        horizons = f"{champion.forecaster.leads} and {challenger.forecaster.leads}"
        raise ForecastError(f"the horizons of champion and challenger, {horizons} bins, are not the same")
    return first


def _said(tracker: Tracker) -> Said:
    forecast = tracker.forecast()
    return Said(forecast.flow_veh_h.sum(axis=0) * forecast.bin_s / SECONDS_PER_HOUR, *total_interval(forecast))


def _pinball(true_veh: Floats, said: Said, both: Bools) -> float:
    """Sum of the quantile losses max(q e, (q - 1) e) of both ends of the interval. Koenker and Bassett 1978."""
    below, above = true_veh - said.low_veh, true_veh - said.high_veh
    loss = np.maximum(LOW * below, (LOW - 1.0) * below) + np.maximum(HIGH * above, (HIGH - 1.0) * above)
    return float(np.where(both, loss, 0.0).sum())


def judged(score: Score, champion: str, challenger: str) -> Verdict:
    """The verdict of these sums; ForecastError where fewer than LEAST_DAYS days had counts."""
    seen = score.number > 0
    if seen.sum() < LEAST_DAYS:
        raise ForecastError(f"only {seen.sum()} of the {len(seen)} days to compare on have counts, expected {LEAST_DAYS} or more")
    loss = score.loss[:, :, seen]
    wape = 100.0 * loss[:, ABSOLUTE].sum(axis=1) / max(float(score.counted_veh.sum()), 1e-9)
    coverage = 100.0 * score.inside / score.number.sum()
    absolute, pinball = (gain(loss[0, k], loss[1, k]) for k in (ABSOLUTE, PINBALL))
    verdict = Verdict(
        promoted=False,
        sentence="",
        champion=champion,
        challenger=challenger,
        days=int(seen.sum()),
        wape_champion=float(wape[0]),
        wape_challenger=float(wape[1]),
        gain=absolute,
        pinball_gain=pinball,
        coverage_champion=float(coverage[0]),
        coverage_challenger=float(coverage[1]),
        unanswered=float(score.asked[1] / max(score.asked[0], 1.0)),
        gained=float((score.of_detector[1] < score.of_detector[0]).mean()),
    )
    return _with_reason(verdict)


def _with_reason(found: Verdict) -> Verdict:
    """The same, decided: the first objection speaks."""
    objection = next((text for stands, text in _objections(found) if stands), "")
    how = "is not promoted over" if objection else "is promoted over"
    numbers = (
        f"WAPE {found.wape_challenger:.2f} against {found.wape_champion:.2f} % over {found.days} days, a gain of {_percent(found.gain)}; "
        f"pinball gain {_percent(found.pinball_gain)}; {found.coverage_challenger:.1f} % inside the 80 % interval; "
        f"better at {100.0 * found.gained:.0f} % of the detectors"
    )
    reason = f": {objection} ({numbers})" if objection else f": {numbers}"
    return replace(found, promoted=not objection, sentence=f"{found.challenger} {how} {found.champion}{reason}")


def _objections(found: Verdict) -> tuple[tuple[bool, str], ...]:
    """What may stand against a promotion, and whether it does; NaN stands against it."""
    coverage = found.coverage_challenger
    nearer = abs(coverage - 80.0) < abs(found.coverage_champion - 80.0)
    return (
        (found.gain.low == found.gain.high == 0.0, "both forecast the same"),
        (found.gain.high < 0.0, "it is worse"),
        (not found.gain.low > 0.0, "its gain may be chance"),
        (not found.gain.share > LEAST_GAIN, f"its gain is not above {100.0 * LEAST_GAIN:g} %"),
        (found.pinball_gain.high < 0.0, "its interval is worse"),
        (
            not (COVERAGE_LOW <= coverage <= COVERAGE_HIGH or nearer),
            f"its interval holds {coverage:.1f} %, expected {COVERAGE_LOW:g} to {COVERAGE_HIGH:g} %",
        ),
        (
            not found.unanswered <= MOST_UNANSWERED,
            f"it has no forecast for {100.0 * found.unanswered:.1f} % of what the champion forecasts",
        ),
    )


def _percent(one: Gain) -> str:
    return f"{100.0 * one.share:.1f} % ({100.0 * one.low:.1f} to {100.0 * one.high:.1f})"


def _plain(value: Any) -> Any:
    if isinstance(value, Gain):
        return {name: _plain(one) for name, one in value._asdict().items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value

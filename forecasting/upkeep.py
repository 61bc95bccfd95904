"""One step of upkeep: fit a challenger, let it stand against the champion on the last days, promote it if it surely gains.

Whoever is promoted is fitted once more, to the last days too, and has its state beside it, so that a service can go on
with it from the end of the counts.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from forecasting import durable, live_state, store, succession
from forecasting.base import HORIZON_S
from forecasting.contest import Contender, Verdict, compare, first_of_last
from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory, check_for_fit
from forecasting.interval import recent
from forecasting.live_state import Live
from forecasting.models import DEFAULT, fit_forecaster, kind
from forecasting.succession import FITTING, FOUNDED, KEPT, PROMOTED, Record, Seated, conclude, held, is_founded, seated
from forecasting.tracker import brought_up_to
from signals.errors import ForecastError

REFIT_LOCK = ".refit.lock"
DAYS = 7
LOG_S = 2 * 86_400.0  # of the newest counts that go with a state


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be fitted, and how it must prove itself."""

    at: str  # the moment that the journal names, by the caller's clock
    model: str = DEFAULT
    days: int = DAYS
    horizon_s: float = HORIZON_S  # of the first champion; those after it keep to it
    source: str = field(default="", kw_only=True)  # where the counts come from, for the card


def keep_up(folder: Path, history: FlowHistory, wanted: Wanted) -> Record:
    """Fit, compare, decide, and write it all down. The first forecaster of an empty folder is its champion unopposed.

    ForecastError where the counts do not fit the champion or are too few, or where another refit is under way.
    """
    kind(wanted.model)
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder / REFIT_LOCK, wait=False):
        if not is_founded(folder):
            check_for_fit(history, wanted.horizon_s)
            return _found(folder, history, wanted)
        champion = seated(folder)
        _check_same(champion, history)
        first = first_of_last(history, wanted.days)
        before = history.between(0, first)
        check_for_fit(before, champion.forecaster.leads * history.bin_s)
        challenger = fit_forecaster(before, wanted.model, champion.forecaster.leads)
        verdict = compare(_unseen(champion, challenger, before), Contender(challenger, before.time(before.bins)), history, wanted.days)
        fitted, span = (_refitted(challenger, history), history) if verdict.promoted else (challenger, before)
        _put(folder, fitted, span, wanted.source, verdict)
        event = PROMOTED if verdict.promoted else KEPT
        return conclude(folder, event, wanted.at, _fit_words(fitted, span), verdict.as_json(), verdict.sentence)


def _found(folder: Path, history: FlowHistory, wanted: Wanted) -> Record:
    fitted = fit_forecaster(history, wanted.model, round(wanted.horizon_s / history.bin_s))
    _put(folder, fitted, history, wanted.source)
    sentence = f"{fitted.name} fitted to {_span(history)} is the first champion"
    return conclude(folder, FOUNDED, wanted.at, _fit_words(fitted, history), {}, sentence)


def _check_same(champion: Seated, history: FlowHistory) -> None:
    strange = sorted(set(history.detectors) ^ set(champion.forecaster.detectors))
    if history.detectors != champion.forecaster.detectors:
        raise ForecastError(f"the counts and the champion differ in detectors, e.g. {', '.join(strange[:3]) or 'their order'}")
    if history.bin_s != champion.forecaster.bin_s:
        raise ForecastError(f"the counts have bins of {history.bin_s:g} s, the champion of {champion.forecaster.bin_s:g} s")


def _unseen(champion: Seated, challenger: FittedForecaster, before: FlowHistory) -> Contender:
    """The champion as it was fitted if that was before the days to compare on, else its model fitted without them."""
    end = before.time(before.bins)
    if champion.until <= end:
        return Contender(champion.forecaster, champion.until)
    if champion.forecaster.name == challenger.name:
        return Contender(challenger, end)
    return Contender(_refitted(champion.forecaster, before), end)


def _refitted(forecaster: FittedForecaster, history: FlowHistory) -> FittedForecaster:
    return fit_forecaster(history, forecaster.name, forecaster.leads)


def _put(folder: Path, fitted: FittedForecaster, history: FlowHistory, source: str, verdict: Verdict | None = None) -> None:
    """Put the forecaster together where nobody looks for one: arrays, card, state at the end of its counts."""
    place = folder / FITTING
    shutil.rmtree(place, ignore_errors=True)
    scores = store.own_scores(history, fitted.name, fitted.leads) if verdict is None else verdict.as_json()
    store.save(fitted, place, {"span": _span(history), "bins": history.bins, "source": source, "scores": scores})
    tracker = brought_up_to(fitted, history, history.bins)
    newest = recent(history, history.bins, min(round(LOG_S / history.bin_s), history.bins)).astype("float32")
    live_state.save(Live(tracker, history.time(history.bins), newest), store.identity(place), place)
    durable.sync_all(place)


def _span(history: FlowHistory) -> str:
    return f"{history.time(0)} to {history.time(history.bins)}"


def _fit_words(fitted: FittedForecaster, history: FlowHistory) -> str:
    return f"{fitted.name}, {_span(history)}"


def roll_back(folder: Path, at: str) -> Record:
    """The previous champion is champion again, unless a refit is just about to decide otherwise."""
    if not folder.is_dir():
        raise ForecastError(f"{folder}: no folder of a champion")
    with held(folder / REFIT_LOCK, wait=False):
        return succession.roll_back(folder, at)

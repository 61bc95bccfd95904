"""Days of the forecast-value benchmark: what is played, what each forecaster knows of it, and how wrong each is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.provenance import code_version
from citybrain import known
from citybrain.forecasts import DAYS_SEED, EARLIER_DAYS, history_before, movement_names
from citybrain.known import Known
from citybrain.yesterday import seen_yesterday
from forecasting import store
from forecasting.base import HORIZON_S, Forecaster
from forecasting.day import measured_day
from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory
from forecasting.minutes import MINUTE_S
from forecasting.online import OnlineForecaster
from forecasting.scores import poisson_floor_wape
from signals.errors import ForecastError
from signals.rules import RULES
from signals.types import Floats, Network
from signals.units import SECONDS_PER_HOUR
from sumo_nets.counting import expected_counts
from sumo_nets.day import Event, Hour, Hours, counts_by_origin, earlier_counts, read_hour, write_day
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario

NONE, TRUE = "none", "true"
FLOOR = "poisson_floor"
"""Of the errors: who knows the mean of every count, and takes the counts for it, has this one."""


def clock_s(text: str) -> float:
    """`07:30` as seconds from midnight [s]."""
    hours, _, minutes = text.partition(":")
    return 3600.0 * int(hours) + 60.0 * int(minutes)


DAYS = {
    "resco/cologne8": Hours(clock_s("05:30"), clock_s("09:30"), clock_s("07:00"), demand=1.3),
    "resco/ingolstadt7": Hours(clock_s("14:30"), clock_s("18:30"), clock_s("16:00")),
    "resco/grid4x4": Hours(clock_s("05:30"), clock_s("09:30"), clock_s("07:00")),
}
"""The played hours: a peak with its rise and fall. The grid's hour has no time of day; it is taken for a morning's."""


@dataclass(frozen=True, slots=True)
class Day:
    """A seed's day of a net, with the folders of what is forecast on it."""

    net: str
    seed: int
    folder: Path
    events: tuple[Event, ...]
    forecasts: dict[str, str]
    """By its name the forecaster's name or folder, as a spec wants it."""
    wape: dict[str, dict[str, float]]
    """By its name the error of the next 15 minutes, on the whole day and where an event has begun lately [%]."""


@dataclass(frozen=True, slots=True)
class Past:
    """What all days of a net have in common."""

    base: Scenario
    network: Network
    hour: Hour
    hours: Hours
    seen_veh: Floats
    models: dict[str, FittedForecaster]


@cache
def profile_of_day() -> Floats:
    """The measured course [96] that days follow."""
    return measured_day()


def past_of(net: str, hours: Hours, models: Sequence[str], out: Path) -> Past:
    """Earlier days of a net, and the models fitted on them, each in its folder."""
    base = scenario(net)
    network = read_network(base.net, RULES["resco"], name=base.name)
    hour, seen_veh = read_hour(base), seen_yesterday(base, network)
    rng = np.random.default_rng(DAYS_SEED)
    counts_veh = earlier_counts(hour, hours, counts_by_origin(hour, network, seen_veh), profile_of_day(), EARLIER_DAYS, rng)
    history = history_before(base, network, counts_veh)
    source = f"{net}, {EARLIER_DAYS} days about {hours}, {code_version()}"
    fitted = {name: fitted_in(folder_of(out, net, name), history, name, source) for name in models}
    return Past(base, network, hour, hours, seen_veh, fitted)


def fitted_in(folder: Path, history: FlowHistory, model: str, source: str) -> FittedForecaster:
    """The model of a folder where it is of this source, code included; else fitted anew and stored there."""
    with suppress(OSError, ValueError, KeyError, ForecastError):
        card = json.loads((folder / store.CARD).read_text(encoding="utf-8"))
        if (card["model"], card["source"]) == (model, source):
            return store.load(folder)
    return store.fit_and_store(history, model, folder, scores={}, source=source)


def folder_of(out: Path, net: str, what: str) -> Path:
    """Where a day or a forecaster of a net lies."""
    return out / "days" / f"{net.replace('/', '_')}-{what}"


def day_of(net: str, past: Past, seed: int, forecasts: Sequence[str], out: Path) -> Day:
    """Write a seed's day and who knows it, and see how well each forecasts what its demand brings."""
    folder = folder_of(out, net, f"day{seed}")
    events = write_day(past.hour, past.hours, profile_of_day(), seed, folder)
    minutes_veh = expected_counts(scenario(folder), past.network, MINUTE_S, past.seen_veh)
    told = folder_of(out, net, f"{TRUE}{seed}")
    who: dict[str, Forecaster] = {
        name: OnlineForecaster(movement_names(past.network), model.fresh(), past.base.weekday) for name, model in past.models.items()
    }
    if TRUE in forecasts:
        knows = Known(movement_names(past.network), past.hours.begin_s, minutes_veh)
        known.save(knows, told)
        who[TRUE] = knows
    named = {name: str(folder_of(out, net, name)) for name in past.models} | {TRUE: str(told), NONE: NONE}
    wape = {name: errors_on(one, past.hours.begin_s, minutes_veh, events) for name, one in who.items()}
    floor = poisson_floor_wape(minutes_veh.reshape(-1, round(HORIZON_S / MINUTE_S), minutes_veh.shape[1]).sum(axis=1))
    wape[FLOOR] = {"day": floor}
    return Day(net, seed, folder, events, {name: named[name] for name in forecasts}, wape)


def errors_on(forecaster: Forecaster, begin_s: float, minutes_veh: Floats, events: Sequence[Event]) -> dict[str, float]:
    """WAPE [%] of the next 15 minutes from every minute of the day, and from the minutes in which an event is half an hour old at most."""
    ahead = round(HORIZON_S / MINUTE_S)
    now_s = begin_s + MINUTE_S * np.arange(len(minutes_veh))
    missed, came, met = np.zeros(len(now_s)), np.zeros(len(now_s)), np.zeros(len(now_s), dtype=np.bool_)
    counts_veh = np.zeros(minutes_veh.shape[1])
    for k in range(len(now_s) - ahead):
        forecast = forecaster.update(float(now_s[k]), counts_veh)
        true_veh = minutes_veh[k : k + ahead].sum(axis=0)
        if forecast is not None:
            missed[k] = np.abs(np.nan_to_num(forecast.flow_veh_h[0]) * HORIZON_S / SECONDS_PER_HOUR - true_veh).sum()
        came[k], counts_veh = true_veh.sum(), minutes_veh[k]
    for event in events:
        met |= (now_s >= event.begin_s) & (now_s < event.begin_s + 2.0 * HORIZON_S)
    return {"day": percent(missed.sum(), came.sum()), "events": percent(missed[met].sum(), came[met].sum())}


def percent(part: float, whole: float) -> float:
    """Of the whole; NaN of nothing."""
    return float(100.0 * part / whole) if whole > 0.0 else float("nan")

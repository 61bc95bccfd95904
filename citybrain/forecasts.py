"""The forecaster of a run: fitted on earlier days of the same scenario, then learning from the run's own detectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from citybrain.assemble import nearest
from citybrain.known import Known, is_known
from citybrain.known import load as load_known
from citybrain.yesterday import seen_yesterday
from forecasting.clock import DAY_S
from forecasting.day import measured_day
from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory
from forecasting.models import MODELS, fit_forecaster
from forecasting.online import OnlineForecaster
from forecasting.succession import forecaster_in
from signals.errors import ForecastError
from signals.types import Floats, Network
from sumo_nets.counting import BIN_S, expected_counts
from sumo_nets.demand import earlier_days
from sumo_nets.scenario import Scenario

EARLIER_DAYS = 21
DAYS_SEED = 20240418  # of the earlier days; never a seed that is reported
FIRST_MONDAY = np.datetime64("2024-01-01T00:00:00", "s")
NAMES = ("none", *MODELS)
_FITTED: dict[tuple[str, Scenario], FittedForecaster] = {}
"""A worker fits before it forks, so that each of its episodes finds the forecaster ready."""


class Silent:
    """No forecast."""

    def update(self, now_s: float, counts_veh: Floats) -> None:
        """Nothing is known."""


def movement_names(network: Network) -> tuple[str, ...]:
    """The detectors of the loop: one a movement."""
    return tuple(name for s in network.signals for name in s.movement_names)


def earlier_history(scenario: Scenario, network: Network, days: int = EARLIER_DAYS) -> FlowHistory:
    """Earlier days of a scenario: its demand at the stop lines, carried through a measured day with daily levels and chance."""
    hour_veh = expected_counts(scenario, network, seen_veh=seen_yesterday(scenario, network))
    rng = np.random.default_rng(DAYS_SEED)
    counts_veh, _ = earlier_days(hour_veh, scenario.begin_s, measured_day(), days, rng)
    return history_before(scenario, network, counts_veh)


def history_before(scenario: Scenario, network: Network, counts_veh: Floats) -> FlowHistory:
    """Counts [day * 96, movement] of whole days as the history that ends when the scenario's day begins."""
    # The scenario's day has its weekday and comes right after the last of them.
    start = FIRST_MONDAY + np.timedelta64(7 * 52 + scenario.weekday - round(len(counts_veh) * BIN_S / DAY_S), "D")
    return FlowHistory(start, BIN_S, movement_names(network), counts_veh)


def check_name(name: str) -> None:
    """ForecastError with the nearest name unless it is none, a model or a folder."""
    if name not in NAMES and not (name and Path(name).is_dir()):
        raise ForecastError(f"forecaster {name!r}: neither a model nor a folder; {nearest(name, NAMES)}")


def fitted_for(name: str, scenario: Scenario, network: Network) -> FittedForecaster:
    """The named model, fitted on earlier days once a process; or the stored one in a folder."""
    check_name(name)
    if name not in MODELS:
        return forecaster_in(Path(name))
    if not is_fitted(name, scenario):
        _FITTED[name, scenario] = fit_forecaster(earlier_history(scenario, network), name)
    return _FITTED[name, scenario]


def is_fitted(name: str, scenario: Scenario) -> bool:
    """Whether this process has the named model ready for a scenario."""
    return (name, scenario) in _FITTED


def forecaster_for(name: str, scenario: Scenario, network: Network) -> OnlineForecaster | Known:
    """By the name of a model, fitted on earlier days, or by the folder of a stored one, or of known counts."""
    if is_known(name):
        return load_known(Path(name), movement_names(network))
    return OnlineForecaster(movement_names(network), fitted_for(name, scenario, network), scenario.weekday)

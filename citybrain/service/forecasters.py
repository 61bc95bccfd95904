"""Who forecasts, by the city's file: nobody, the last minutes, a fitted forecaster, or the champion of a folder that is kept up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from citybrain.forecasts import Silent, movement_names
from citybrain.intake.batch import IntakeError
from citybrain.intake.bins_file import KeptBins
from citybrain.intake.flow_bins import BIN_S
from citybrain.intake.intake import Intake
from citybrain.intake.sample_log import SampleLog
from citybrain.service.live_forecast import LiveForecast
from citybrain.service.settings import KeepSettings, PlanSettings
from citybrain.service.shards import LARGEST_SHARD, shard_count
from forecasting import store
from forecasting.city_voice import CityVoice
from forecasting.count_book import CountBook
from forecasting.fitted import FittedForecaster
from forecasting.follower import Follower, alone, follow
from forecasting.local_time import LocalTime
from forecasting.online import OnlineForecaster, newcomer
from forecasting.recording import MONDAY
from forecasting.succession import is_kept_up, speaks_of
from signals.errors import ForecastError
from signals.loop import Forecaster
from signals.types import Network

BINS, COUNTS = "bins.npz", "counts"  # in the service's folder
RECALL_S = 0.5  # of the wall: so long a start reads the sample log for bins that are not over
STAND_IN = "the last minutes, until a fitted forecaster can be read,"
log = logging.getLogger("citybrain")


class Forecasters:
    """Lives as long as the service. A champion, or one forecaster for a city of several shards, speaks through `voice`."""

    def __init__(self, plan: PlanSettings, network: Network) -> None:
        """ForecastError where the folder's card is missing, or speaks of other movements."""
        self.local = LocalTime(plan.zone, plan.weekday)
        self.bin_s = BIN_S
        self.voice: CityVoice | None = None
        self._plan, self._folder = plan, None if plan.forecast in ("none", "last") else Path(plan.forecast)
        self._network = network
        self._fitted: FittedForecaster | None = None
        if self._folder is not None:
            _, self.bin_s = speaks_of(self._folder)
            if is_kept_up(self._folder) or shard_count(len(network.signals), LARGEST_SHARD) > 1:
                self.voice = self._voice(self._folder)

    @property
    def who(self) -> str:
        """In words, where nobody speaks for the whole city at once."""
        words = {"none": "nobody", "last": "the mean of the last minutes"}
        return words.get(self._plan.forecast, f"the forecaster in {self._plan.forecast}")

    @property
    def movements(self) -> tuple[str, ...]:
        """Of the whole city; made when they are asked for, for they are many."""
        return movement_names(self._network)

    def _voice(self, folder: Path) -> CityVoice:
        """Somebody who knows nothing speaks until the forecaster has been read: a large city's takes seconds."""
        movements, (detectors, bin_s) = self.movements, speaks_of(folder)
        if detectors != movements:
            strange = next(iter(set(movements) ^ set(detectors)), "their order")
            raise ForecastError(f"{folder}: the forecaster was fitted to other movements than the network has, e.g. {strange}")
        self.local.check_grid(0.0, bin_s)
        return CityVoice(alone(replace(newcomer(movements), bin_s=bin_s), STAND_IN, MONDAY), movements, self.local)

    def champion(self) -> Follower:
        """Who is to speak for the whole city, with the state that was saved. ForecastError where it cannot be read."""
        folder = Path(self._plan.forecast)
        if is_kept_up(folder):
            return follow(folder)
        fitted = store.load(folder)
        try:
            return alone(fitted, store.title(folder), store.fitted_until(folder))
        except ForecastError:  # its card does not say what it was fitted to
            return alone(fitted, fitted.name, MONDAY)

    def make(self, network: Network) -> Forecaster:
        """For a shard, or the whole city."""
        if self._plan.forecast == "none":
            return Silent()
        if self.voice is not None:
            return self.voice.part(movement_names(network))
        if self._folder is not None and self._fitted is None:
            self._fitted = store.load(self._folder)
        clock = self.local.week_s if self.local.has_calendar else None
        return OnlineForecaster(movement_names(network), self._fitted, self._plan.weekday, recalls=2, clock=clock)


def live_forecast(of: Forecasters, intake: Intake, samples: SampleLog, now_s: Callable[[], float], keep: KeepSettings) -> LiveForecast:
    """Their upkeep in a service that keeps its state in a folder; what the last one has left of open bins is taken up."""
    bins = KeptBins(intake, keep.folder / BINS, samples)
    if (keep.folder / BINS).is_file():
        try:
            bins.take_up(RECALL_S)
        except IntakeError as error:  # of other sensors, or broken: the open bins begin anew
            log.warning("open bins are not taken up", extra={"fields": {"error": str(error)}})
    book = CountBook(keep.folder / COUNTS, of.movements, of.bin_s)
    return LiveForecast(bins, book, of.local, now_s, of.voice, None if of.voice is None else of.champion, keep.counts_days, of.who)

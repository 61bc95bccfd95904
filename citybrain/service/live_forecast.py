"""The forecaster's upkeep in a running service: closes bins, writes them down, leads the champion through them, goes over to a new one.

All of it happens in a thread of its own, beside the ticks: these hand in what was counted and take what was said last. What was counted
stands in a book of counts (`forecasting.count_book`), from which the nightly refit learns and out of which the champion is led: after a
crash it goes on with the bins since its state was saved.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from citybrain.intake.batch import IntakeError
from citybrain.intake.flow_bins import FlowBin
from citybrain.service.alarms import Alarms
from forecasting.city_voice import CityVoice
from forecasting.count_book import CountBook
from forecasting.follower import Follower
from forecasting.local_time import LocalTime
from signals.errors import ForecastError

log = logging.getLogger("citybrain")
POLL_S = 0.1  # of the wall
LOOK_S = 15.0  # so often bins are asked for
KEEP_S = 60.0  # so often the open bins are kept
SAVE_S = 3600.0  # so often the champion's state is saved; the bins since then stand in the book
AGAIN_S = 60.0  # after a failure
LEAD_S = 0.3  # of the wall: so long bins of the past are made up for before the next minute is spoken of
JUMP_S = 3600.0  # a simulated clock that steps back by more shows another day
STOP_S = 30.0
DAY = np.timedelta64(1, "D")
LONGEST_GAP = DAY  # without a count: a longer one is not gone through bin by bin


Sample = tuple[str, str, str, dict[str, str], float]
"""name, kind, help, labels, value: as Prometheus takes it"""


class Bins(Protocol):
    """Who tells bins of flows, and keeps those that are not over: the intake, with its file."""

    def due(self, now_s: float) -> tuple[FlowBin, ...]:
        """Bins that are to be told by now."""
        ...

    def keep(self) -> None:
        """Write the open ones down."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Who speaks, since when by the street's clock, until when it knows the counts, and what is wrong."""

    champion: str = ""
    since_s: float = float("nan")
    known_until: str = ""
    challenger: str = ""  # a new champion that is being led through the bins since its fit
    trouble: str = ""

    @property
    def sentence(self) -> str:
        """For people."""
        if np.isnan(self.since_s):
            return f"{self.champion} speaks"
        follows = f"; {self.challenger} catches up" if self.challenger else ""
        return f"{self.champion} speaks since {self.since_s:.0f} s, knows the counts until {self.known_until}{follows}"


def forecast_figures(of: Standing | None, now_s: float) -> list[Sample]:
    """For Prometheus."""
    if of is None:
        return []
    told = "1 while the forecaster's upkeep is in trouble."
    found: list[Sample] = [("citybrain_forecast_trouble", "gauge", told, {}, float(bool(of.trouble)))]
    if not np.isnan(of.since_s):
        told, speaks_s = "For how long the champion has been speaking, by the street's clock.", max(now_s - of.since_s, 0.0)
        found.append(("citybrain_forecast_champion_seconds", "gauge", told, {"champion": of.champion}, speaks_s))
    return found


class LiveForecast:
    """Lives as long as the service. `step` is one round of the thread's work; `report` is called by the thread that ticks."""

    def __init__(
        self,
        bins: Bins,
        book: CountBook,
        local: LocalTime,
        now_s: Callable[[], float],
        voice: CityVoice | None = None,
        champion: Callable[[], Follower] | None = None,
        keep_days: float = 56.0,
        who: str = "nobody",
    ) -> None:
        """`now_s`: the street's time, NaN before it is known. `champion` reads the one that is to speak, which may take a while.

        `who` speaks where there is no voice for the whole city.
        """
        self.voice, self.standing = voice, Standing(who)
        self._bins, self._book, self._local, self._now_s = bins, book, local, now_s
        self._read, self._keep_days = champion, keep_days
        self._anchored_s, self._looked_s, self._kept_s, self._saved_s, self._failed_s = (-np.inf,) * 5
        self._troubles: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="forecast", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Keep what is known, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_S)
        if self._anchored_s > -np.inf:
            self._tried("keep", self._bins.keep)
            self._tried("save", self._save)

    def report(self, alarms: Alarms, now_s: float) -> None:
        """Raise or clear the alarm."""
        trouble = self.standing.trouble
        if trouble:
            alarms.raise_("forecast", "", now_s, trouble)
        else:
            alarms.clear("forecast")

    def _run(self) -> None:
        while not self._stop.wait(POLL_S):
            try:
                self.step()
            except Exception as error:
                # What nobody foresaw must not end the service: plans go on without a forecast, and the alarm says so.
                log.exception("the forecaster has stopped")
                self.standing = replace(self.standing, trouble=f"the forecaster has stopped: {error!r}")
                return

    def step(self) -> None:
        """One round: read the champion, close bins, lead it through them, speak, keep."""
        now_s = self._now_s()
        if np.isnan(now_s):
            return
        if self._read is not None and not self._failed_s <= now_s < self._failed_s + AGAIN_S:
            self._failed_s = now_s
            self._tried("read", self._take_up)
        if self._anchored_s == -np.inf or now_s < self._anchored_s - JUMP_S:
            self._anchor(now_s)
        self._anchored_s = max(self._anchored_s, now_s)
        if not self._looked_s <= now_s < self._looked_s + LOOK_S:
            self._looked_s = now_s
            for one in self._bins.due(now_s):
                self._note(one)
            self._tried("book", self._book.flush)
        self._tried("lead", self._lead)
        if self.voice is not None:
            self.voice.speak()
        self._keep(now_s)
        self._stand(now_s)

    def _take_up(self) -> None:
        if self._read is not None and self.voice is not None:
            self.voice.lead_by(self._read())
        self._read, self._anchored_s = None, -np.inf

    def _anchor(self, now_s: float) -> None:
        """Say which day it is: the first of its kind after all that is known."""
        known = [end for end in (self._book.end, self._followed_until) if end is not None]
        self._local.anchor(now_s, self._book.bin_s, max(known) if known else None)
        self._anchored_s = self._kept_s = self._saved_s = now_s
        self._looked_s = -np.inf

    @property
    def _followed_until(self) -> np.datetime64 | None:
        """None while nobody has to be led."""
        return None if self.voice is None or self.voice.follower.folder is None else self.voice.follower.next_at

    def _note(self, one: FlowBin) -> None:
        if self._local.repeated(one.start_s):
            return  # an hour that comes twice in a night counts once
        start = self._local.local(one.start_s)
        if self.voice is not None and one.corrected:
            self.voice.follower.correct(start, one.counts_veh)
        self._book.note(start, one.counts_veh)

    def _lead(self) -> None:
        """Through the bins that stand in the book, as many as there is time for."""
        if self.voice is None or self._read is not None or self._book.end is None:
            return
        follower, until_s = self.voice.follower, time.monotonic() + LEAD_S
        if follower.next_at - self._book.end > DAY:
            raise ForecastError(f"{follower.champion} knows counts until {follower.next_at}, the street has come to {self._book.end}")
        while follower.next_at < self._book.end and time.monotonic() < until_s:
            self._lead_on(follower)
        if follower.trouble:
            raise ForecastError(follower.trouble)

    def _lead_on(self, follower: Follower) -> None:
        """Through one bin, or over a gap that is too long to go through bin by bin."""
        champion, counts_veh = follower.champion, self._book.row(follower.next_at)
        if not np.isfinite(counts_veh).any():
            counted = self._book.counted_after(follower.next_at)
            if counted - follower.next_at > LONGEST_GAP:
                follower.leap(counted)
                return
        follower.observe(follower.next_at, counts_veh)
        if follower.champion != champion:
            log.info("a new champion forecasts", extra={"fields": {"champion": follower.champion, "before": champion}})
            self._saved_s = -np.inf

    def _keep(self, now_s: float) -> None:
        if not self._kept_s <= now_s < self._kept_s + KEEP_S:
            self._kept_s = now_s
            self._tried("keep", self._bins.keep)
        if not self._saved_s <= now_s < self._saved_s + SAVE_S:
            self._saved_s = now_s
            self._tried("save", self._save)
            self._tried("forget", lambda: self._book.forget_before(self._keep_days))

    def _save(self) -> None:
        if self.voice is not None and self._read is None:
            self.voice.follower.save()

    def _tried(self, what: str, do: Callable[[], None]) -> None:
        """Do it; where it fails, plans go on, and the alarm stands until it succeeds."""
        try:
            do()
            self._troubles.pop(what, None)
        except (ForecastError, IntakeError, OSError) as error:
            self._troubles[what] = str(error)

    def _stand(self, now_s: float) -> None:
        trouble = "; ".join(self._troubles.values())
        if self.voice is None:
            self.standing = replace(self.standing, trouble=trouble)
            return
        follower, last = self.voice.follower, self.standing
        since_s = last.since_s if last.champion == follower.champion and last.since_s <= now_s else now_s
        follows = "" if follower.successor is None else follower.successor.champion
        self.standing = Standing(follower.champion, since_s, str(follower.next_at), follows, trouble)

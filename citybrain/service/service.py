"""The service: one thread that ticks, people's commands made durable before they are acknowledged, and everything written down.

Whatever kills it, the signals go on safely by themselves: plans are lent, and a lease that nobody renews ends in the base plan.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from citybrain.service import adviser, audit
from citybrain.service.claim import Lock
from citybrain.service.desk import COMMANDS, Command, Fault, Mode, Receipt
from citybrain.service.engine import CityTick, Engine, MakeForecaster, MakePlanner
from citybrain.service.live_forecast import Standing
from citybrain.service.orders import Orders, Outcome, Scene, Stages, moved_holds, ordered, orders_from, orders_json, without_past
from citybrain.service.outage import Moment, Uptime, jumped_s, moment_from, uptime
from citybrain.service.pulse import Pulse, State
from citybrain.service.schema import place_of
from citybrain.service.scribe import Scribe
from citybrain.service.shards import LARGEST_SHARD
from citybrain.service.site_book import SiteBook
from citybrain.service.store import ArchivedPlan, Store, TakenOver, add_plan, set_state
from citybrain.service.street import Street
from signals.errors import ConfigError, LinkError, SignalsError
from signals.rules import Rules
from signals.types import Network

log = logging.getLogger("citybrain")
ORDERS, MOMENT = "orders", "moment"
POLL_S = 0.02
QUIET_S = 3.0  # of the wall: a street whose clock stands for so long is silent
BACK_S, AHEAD_S = 2.0, 3600.0  # a step of the street's clock beyond these is a jump
AGAIN_S = 0.2  # of the wall, after a failure
NAMES = {noun: name for name, (noun, _) in COMMANDS.items()}
SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Plant:
    """What the service runs: the street, and who plans and forecasts for it."""

    network: Network
    rules: Rules
    street: Street
    make_planner: MakePlanner
    make_forecaster: MakeForecaster
    site: str = "city"
    simulated: bool = True
    any_speed: bool = True  # of the street's clock, which is a simulation's


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How the service keeps itself: its folder, how long ticks are kept, and what it starts with where nothing stands yet."""

    folder: Path
    controller: str = "learned"
    mode: Mode = Mode.SHADOW
    keep_days: float = 14.0
    largest_shard: int = LARGEST_SHARD
    database: str = ""


class CityService:
    """Lives from `start` to `stop`. Every method may be called from any thread."""

    def __init__(self, plant: Plant, upkeep: Upkeep, clock: Callable[[], float] = time.time, up: Callable[[], Uptime] = uptime) -> None:
        self.plant, self.upkeep, self._clock, self._uptime = plant, upkeep, clock, up
        self.network, self.site, self.simulated = plant.network, plant.site, plant.simulated
        self.names = {s.id: i for i, s in enumerate(plant.network.signals)}
        self.pulse = Pulse(plant.network, simulated=plant.simulated)
        self.board, self.recent, self.fitness, self.alarms_raised = (
            self.pulse.board, self.pulse.recent, self.pulse.fitness, self.pulse.alarms,
        )  # fmt: skip
        self.engine: Engine | None = None
        self._sites = SiteBook(plant.network, plant.rules)
        self._lock, self._reading = threading.RLock(), threading.Lock()
        self._asked: list[tuple[Orders, tuple[int, ...]]] = []
        self.failed: Exception | None = None
        self.after_tick: Callable[[], object] = lambda: None
        """What is to be done by the engine's thread when there is time before the next tick; see `Collector`."""
        self.forecast: Callable[[], Standing | None] = lambda: None
        """Who forecasts, and what is wrong with it; see `LiveForecast`."""
        self._advised_s = -np.inf
        self._stop, self._ready = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        place = place_of(upkeep.folder, upkeep.database)
        with ExitStack() as closing:
            self.lock = Lock(upkeep.folder / "lock", upkeep.database)
            closing.callback(self.lock.release)
            self.store = closing.enter_context(Store(place, durable=True, holder=self.lock))
            self.lock.sign(self.store)
            journal = closing.enter_context(Store(place, durable=False, holder=self.lock))
            self._scribe = Scribe(journal, plant.network, upkeep.keep_days)
            self.reading = closing.enter_context(Store(place, durable=False))
            self.orders = self._found_orders()
            self._left, self._minded = moment_from(self.store.state(MOMENT)), False
            self._closing = closing.pop_all()

    def _found_orders(self) -> Orders:
        """What stood when the service ended; or what it begins with, written down with the base plans."""
        stored = self.store.state(ORDERS)
        if stored is not None:
            return orders_from(stored, self.network)
        orders = Orders(self.upkeep.controller, self.upkeep.mode)
        with self.store.transaction() as db:
            audit.append(
                db, SERVICE, "begin", {"site": self.site, "controller": orders.controller, "mode": orders.mode}, "began", self._clock()
            )
            set_state(db, ORDERS, orders_json(orders))
            for signal in self.network.signals:
                stages = tuple((s.phase, s.green_s) for s in signal.base.stages)
                add_plan(db, signal.id, 0.0, "as built", "base plan", stages, signal.base.offset_s)
        return orders

    def start(self) -> None:
        """Begin to tick, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Release the signals to their base plans, write what is left, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._closing.close()

    def wall_s(self) -> float:
        """The calendar's time, as this service goes by [Unix s]."""
        return self._clock()

    def keep_days(self, days: float) -> None:
        """How long ticks are kept from now on."""
        self._scribe.keep_days(days)

    def wait_ready(self, timeout_s: float) -> bool:
        """Whether it has decided at least once within this time."""
        return self._ready.wait(timeout_s)

    @property
    def ready(self) -> bool:
        """Whether it has decided at least once."""
        return self._ready.is_set()

    # ------------------------------------------------------------------ commands

    def submit(self, command: Command, who: str) -> Receipt:
        """Judge a command, write it down, and have the engine follow; ConfigError for one that cannot be, which is written down too."""
        name = NAMES[type(command)]
        with self._lock:
            self._mind_outage(self.plant.street.now_s)
            try:
                outcome = ordered(self.orders, command, self._scene(command, who))
                fault = self.plant.street.fault(command.kind, command.share, command.signal) if isinstance(command, Fault) else ""
            except (ConfigError, LinkError) as error:
                with self.store.transaction() as db:
                    audit.append(db, who, name, asdict(command), f"refused: {error}", self._clock())
                raise ConfigError(str(error)) from error
            return self._settled(name, asdict(command), who, replace(outcome, sentence=fault or outcome.sentence))

    def note(self, who: str, what: str, args: dict[str, Any], outcome: str) -> None:
        """Write down what was no command; ConfigError where that cannot be."""
        with self._lock, self.store.transaction() as db:
            audit.append(db, who, what, args, outcome, self._clock())

    def _settled(self, what: str, args: dict[str, Any], who: str, outcome: Outcome) -> Receipt:
        """On disk, and in the engine's hands; called with the lock held."""
        before, orders = self.orders, outcome.orders
        touched = sorted(changed_signals(before, orders))
        with self.store.transaction() as db:
            for signal in touched:
                stands = orders.standing.get(signal)
                if stands is not None and stands.stages and not stands.plan:
                    number = add_plan(db, signal, self.now_s, who, stands.reason, stands.stages, stands.offset_s)
                    orders = replace(orders, standing={**orders.standing, signal: replace(stands, plan=number)})
            number = audit.append(db, who, what, args, outcome.sentence, self._clock())
            set_state(db, ORDERS, orders_json(orders))
            if np.isfinite(self.plant.street.now_s):
                set_state(db, MOMENT, self._moment(self.plant.street.now_s).as_json())
        self.orders = orders
        self._asked.append((orders, tuple(self.names[s] for s in touched)))
        return Receipt(number, True, outcome.sentence, outcome.found)

    def _scene(self, command: Command, who: str) -> Scene:
        number = getattr(command, "plan", None)
        plan = self.store.plan(number) if isinstance(number, int) else None
        archived: dict[int, tuple[str, Stages, float]] = {} if plan is None else {plan.number: (plan.signal, plan.stages, plan.offset_s)}
        return Scene(self._sites, self.now_s, who, self.simulated, archived)

    @property
    def now_s(self) -> float:
        """The street's time; 0 before anything was heard."""
        now_s = self.plant.street.now_s
        return 0.0 if np.isnan(now_s) else now_s

    # ------------------------------------------------------------------ reading

    @property
    def state(self) -> State:
        """What the last tick made."""
        return self.pulse.state

    def read(self, ask: Callable[[sqlite3.Connection], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """What a question to the store finds; one at a time."""
        with self._reading:
            return self.reading.asked(ask)

    def stored_plans(self, signal: str, limit: int) -> list[ArchivedPlan]:
        """The newest archived plans of a signal."""
        with self._reading:
            return self.reading.plans(signal, limit)

    def records(self, first_s: float, last_s: float) -> Iterator[bytes]:
        """The journal's records of a span, read in pieces."""
        at_s, last_id = first_s, 0
        while True:
            with self._reading:
                rows = self.reading.piece(at_s, last_s, last_id)
            if not rows:
                return
            for number, blob in rows:
                last_id = number
                yield blob

    # ------------------------------------------------------------------ the engine's thread

    def _run(self) -> None:
        """Tick until told to stop. What nobody foresaw ends the thread, and `failed` says so: leases then run out by themselves."""
        try:
            self._go_on()
        except TakenOver as error:
            self.failed = error
            log.error("%s", error)
        except Exception as error:
            self.failed = error
            log.exception("the engine has stopped")
        self._leave()

    def _go_on(self) -> None:
        street, next_s, heard_s = self.plant.street, -np.inf, time.monotonic()
        while not self._stop.is_set():
            now_s = street.wait(next_s, POLL_S)
            try:
                self.follow_orders()
                if now_s >= next_s:
                    began_s = time.perf_counter()
                    self.tick(now_s)
                    self.pulse.took(time.perf_counter() - began_s, now_s)
                    self.after_tick()
                    next_s, heard_s = np.floor(now_s) + 1.0, time.monotonic()
                elif now_s < next_s - 1.0 - BACK_S:
                    next_s = now_s  # the street's clock was set back
                elif time.monotonic() - heard_s > QUIET_S:
                    heard_s = time.monotonic()
                    self.pulse.quiet(self.now_s, street.why() or f"its clock stands at {self.now_s:.0f} s")
            except TakenOver:
                raise
            except SignalsError as error:
                self.pulse.trouble("street", self.now_s, str(error))
                self._stop.wait(AGAIN_S)

    def tick(self, now_s: float) -> None:
        """One pass; called by the service's own thread, or by a load test in its place."""
        if self.engine is None:
            self._mind_outage(now_s)
            plant, upkeep = self.plant, self.upkeep
            self.engine = Engine(
                plant.network, plant.rules, plant.street, plant.make_planner, plant.make_forecaster, self.orders,
                now_s=now_s, largest=upkeep.largest_shard,
            )  # fmt: skip
        last = self.state.tick
        if last is not None and not -BACK_S <= now_s - last.now_s <= AHEAD_S:
            self.engine.forget()
            self.pulse.forget()
            self._move_holds(now_s - last.now_s, now_s)
        tick = self.engine.tick(now_s)
        if self.pulse.see(tick, self.engine.shards, self.orders, self.plant.street):
            self.engine.fit = self.fitness.fit
            self.engine.open_gates()
        self._expire(now_s)
        self._advise(now_s, self.engine)
        self._write(tick, self.engine)
        self._ready.set()

    def follow_orders(self) -> None:
        """Go by what was ordered since, at once where a signal is concerned."""
        while self._asked and self.engine is not None:
            orders, touched = self._asked.pop(0)
            self.engine.follow(orders)
            for i in touched[:16]:
                self.engine.react(i)

    def _expire(self, now_s: float) -> None:
        """Let go of overrides that are over, and write that down."""
        if any(not one.until_s > now_s for one in self.orders.standing.values()):
            with self._lock:
                left, over = without_past(self.orders, now_s)
                if over:
                    self._put_down("expire", {"signals": over}, SERVICE, Outcome(left, f"{', '.join(over)}: the override is over"))

    def _move_holds(self, by_s: float, now_s: float) -> None:
        """The street's clock has jumped: what is held by hand lasts for as long as was asked, not until an hour that has become another."""
        with self._lock:
            orders, signals = moved_holds(self.orders, by_s, now_s)
            if signals:
                sentence = f"the street's clock jumped by {by_s:.0f} s; {', '.join(signals)}: held for as long as was asked"
                self._put_down("clock", {"by_s": by_s, "signals": signals}, SERVICE, Outcome(orders, sentence))

    def _mind_outage(self, now_s: float) -> None:
        """It may have jumped while nobody was here to see it: asked once, before anything is ordered or planned."""
        with self._lock:
            if not self._minded and np.isfinite(now_s):
                self._minded, left = True, self._left
                by_s = 0.0 if left is None else jumped_s(left, self._moment(now_s), any_speed=self.plant.any_speed)
                self._move_holds(by_s, now_s)

    def _moment(self, field_s: float) -> Moment:
        up = self._uptime()
        return Moment(field_s, self._clock(), up.boot, up.up_s)

    def _put_down(self, what: str, args: dict[str, Any], who: str, outcome: Outcome) -> None:
        """What the service settles by itself; where the disk does not take it, nothing has changed, and plans go on."""
        try:
            self._settled(what, args, who, outcome)
        except ConfigError as error:
            self.pulse.trouble("store", self.now_s, str(error))

    def _advise(self, now_s: float, engine: Engine) -> None:
        """Put better plans forward for signals in advise mode, now and then."""
        if 0.0 <= now_s - self._advised_s < adviser.EVERY_S:
            return
        self._advised_s = now_s
        with self._lock:
            scene = Scene(self._sites, now_s, adviser.WHO, self.simulated, {})
            orders, signals = adviser.advised(self.orders, engine, scene)
            if signals:
                self._put_down("advise", {"signals": signals}, adviser.WHO, Outcome(orders, f"{len(signals)} plans put forward"))

    def _write(self, tick: CityTick, engine: Engine) -> None:
        """A store that fails raises an alarm and stops nothing."""
        try:
            self._scribe.write(tick, engine, self.state.minutes[-1] if self.state.minutes else None)
            self.alarms_raised.clear("store")
        except ConfigError as error:
            self.pulse.trouble("store", tick.now_s, str(error))

    def _leave(self) -> None:
        """Give the signals back, and close the wire."""
        try:
            if self.engine is not None:
                self.engine.release()
        except SignalsError as error:
            self.pulse.trouble("street", self.now_s, str(error))
        self.plant.street.close()


def changed_signals(before: Orders, after: Orders) -> set[str]:
    """Signals on which something else stands now."""
    names = before.standing.keys() | after.standing.keys()
    return {name for name in names if before.standing.get(name) != after.standing.get(name)}

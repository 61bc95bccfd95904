"""From a city's file to a running service: the wire to the street, the intake, the engine, the web; and its orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as Late
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from citybrain import assemble
from citybrain.clock import WallClock
from citybrain.intake.batch import Batch, IntakeError
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import Frame
from citybrain.intake.group_commit import GroupCommit
from citybrain.intake.http_batches import FRAME_TYPE, JSON_TYPE, delivery
from citybrain.intake.intake import Intake, warm_up
from citybrain.intake.network_names import NetworkNames
from citybrain.intake.observed import batches_of
from citybrain.intake.sample_log import SampleLog
from citybrain.intake.scope import Scopes
from citybrain.intake.source import DataSource, Pace, listen
from citybrain.service.client import ADDRESS
from citybrain.service.collector import Collector
from citybrain.service.congestion import forecast_of
from citybrain.service.desk import Mode
from citybrain.service.forecasters import Forecasters, live_forecast
from citybrain.service.heap import give_back_large_blocks
from citybrain.service.kept_state import KeptQuality
from citybrain.service.keys import Key, KeyRing, write_private
from citybrain.service.network_file import SMALL_BYTES, network_of
from citybrain.service.schema import Place, place_of
from citybrain.service.service import CityService, Plant, Upkeep
from citybrain.service.settings import CitySettings, SourceSettings
from citybrain.service.showing import Showing
from citybrain.service.store import Holder, Store, set_state
from citybrain.service.street import Stepped, Street
from citybrain.service.wired import WiredStreet
from citybrain.service.wires import broker_of, wire_to
from citybrain.web.settings import check
from signals.errors import ConfigError
from signals.layout import lay_out
from signals.types import Floats, Ints, Observation
from sumo_nets.session import attach

log = logging.getLogger("citybrain")
EPOCH, EPOCH_STRIDE = "epoch", 2**20
ANSWERED_S = 0.5  # of the wall: by then an answer has gone out
SIGNALS_A_SECOND, LONGEST_WAIT_S = 3000.0, 5.0  # of the wall: so long the page waits for the first plans
KEPT_WITHIN_S = 10.0  # of the wall: a delivery that is not on the disk by then is not acknowledged


def die_soon() -> None:
    """Kill this very process as a crash would, once its last answer has gone out: what `serve --demo` shows, and starts again."""
    last = threading.Timer(ANSWERED_S, os.kill, (os.getpid(), signal.SIGKILL))
    last.daemon = True
    last.start()


class StoredEpochs:
    """Epochs of a service, remembered in its store, by a connection of their own."""

    def __init__(self, place: Place, holder: Callable[[], Holder | None] = lambda: None) -> None:
        """`holder`: who has the store by the time that an epoch is wanted."""
        self._place, self._holder = place, holder

    def next(self, newest: int) -> int:
        """Over all that were given out before, by a number drawn: two services that begin at once must not have the same one."""
        with Store(self._place, durable=True, holder=self._holder()) as store:
            last = (store.state(EPOCH) or {"epoch": 0})["epoch"]
            epoch = max(int(last), newest) + 1 + secrets.randbelow(EPOCH_STRIDE)
            with store.transaction() as db:
                set_state(db, EPOCH, {"epoch": epoch})
        return epoch


class Serving:
    """Lives as long as the process; everything is closed in the reverse order of its beginning."""

    def __init__(self, settings: CitySettings) -> None:
        self.settings = settings
        give_back_large_blocks()
        self._closing, self._collector = ExitStack(), Collector()
        self._starting: Callable[[], None] = lambda: None
        self._closing.callback(self._collector.stop)
        try:
            self.network = network_of(settings.street.net, settings.street.chosen_rules, settings.keep.folder, settings.site)
            self.catalogue = Catalogue.of(self.network)
            self._names = NetworkNames(self.network)
            self._scopes = Scopes(self.network, self.catalogue)
            self._open()
        except BaseException:
            self._closing.close()
            raise

    def _open(self) -> None:
        keep = self.settings.keep
        sample_log = SampleLog(keep.folder / "samples")
        self._closing.callback(sample_log.close)
        commits = self._commits(sample_log)
        warm_up(self.network)
        plan = self.settings.plan
        self.forecasters = Forecasters(plan, self.network)
        self.intake = Intake(self.network, self.catalogue, self._field_s, commits, self.forecasters.bin_s)
        self.forecast = live_forecast(self.forecasters, self.intake, sample_log, self._field_s, keep)
        self._closing.callback(self.forecast.stop)
        self.quality = KeptQuality(self.intake, keep.folder, self._expected)
        self._closing.callback(self.quality.stop)
        self.street = self._street()
        plant = Plant(
            self.network, self.settings.street.chosen_rules, self.street, assemble.planner, self.forecasters.make,
            self.settings.site, self.settings.street.simulated, self.settings.street.any_speed,
        )  # fmt: skip
        upkeep = Upkeep(keep.folder, plan.controller, Mode(plan.mode), keep.days, database=keep.database)
        self.service = CityService(plant, upkeep)
        self.service.after_tick, self.service.forecast = self._after_tick, lambda: self.forecast.standing
        self._closing.callback(self.service.stop)
        self._bound = self._listening()
        self._drawn = self._drawing()
        self.showing = Showing(self.service, importlib.import_module("citybrain.web.geometry").Arms(self.network, self._drawn))
        self._listeners = Listeners(self.intake)
        self._closing.callback(self._hear_no_more)

    def _commits(self, sample_log: SampleLog) -> GroupCommit | None:
        """Who writes down what comes in; None where nothing is kept."""
        found = GroupCommit(sample_log)
        self._closing.callback(found.close)
        return found

    def _listening(self) -> socket.socket:
        """What would keep the page from being served is told before anything is begun."""
        web, keep = check(self.settings.web), self.settings.keep
        KeyRing(keep.folder / "keys.json", time.time).all()
        bound = importlib.import_module("citybrain.web.listening").listening(web.host, web.port)
        self._closing.callback(bound.close)
        found: socket.socket = bound
        return found

    def start(self) -> None:
        """Begin to tick, to answer, and to listen to further sources. A large city's first plans come before its page."""
        self.service.start()
        self.forecast.start()
        self.quality.start()
        self.service.wait_ready(min(len(self.network.signals) / SIGNALS_A_SECOND, LONGEST_WAIT_S))
        self.open_web()
        self._starting()
        write_private(self.settings.keep.folder / ADDRESS, self.web.address)
        self._listeners.start([self._source(one) for one in self.settings.sources])

    def _after_tick(self) -> None:
        self._collector.after_tick()
        self.forecast.report(self.service.alarms_raised, self.service.now_s)

    def _expected(self) -> Floats | None:
        """What the shards' forecasters expect now [movement, veh/h]; None before the first tick."""
        engine = self.service.engine
        if engine is None:
            return None
        spoken = [(shard.part.movements, last.forecast) for shard in engine.shards if (last := shard.last) is not None]
        return forecast_of(spoken, self.catalogue.movements)

    def _hear_no_more(self) -> None:
        self._listeners.stop()  # those of the last reload

    def _field_s(self) -> float:
        return self.street.now_s

    def _street(self) -> Street:
        kind, host, port = self.settings.street.wire
        if kind == "sumo":
            session = attach(port, host)
            return Stepped(session, self.network, WallClock(session.now_s, self.settings.street.speed), self._tell)
        wire = wire_to(self.settings.street, self.settings.site)
        die = die_soon if self.settings.street.simulated else None
        return WiredStreet(
            wire,
            self.network,
            Heard(self.intake),
            StoredEpochs(place_of(self.settings.keep.folder, self.settings.keep.database), lambda: self.service.lock),
            self.catalogue.key,
            die,
        )

    def _tell(self, observed: Observation) -> None:
        """What a SUMO of others counted goes into the bins as from any other street."""
        samples, _ = batches_of(observed, self.catalogue, lay_out(self.network), "sumo")
        with contextlib.suppress(IntakeError):
            self.intake.take(samples)

    def _drawing(self) -> Any:
        """The city as the page draws it; of a large one, out of a file that is looked for, or made, once the service decides."""
        street, site = self.settings.street, self.settings.site
        if street.net.stat().st_size <= SMALL_BYTES:
            geometry = importlib.import_module("citybrain.web.geometry")
            return geometry.CityDrawing(self.network, street.net, site=site, simulated=street.simulated)
        filed = importlib.import_module("citybrain.web.filed_drawing")
        source = filed.Source(street.net, street.chosen_rules, self.settings.keep.folder)
        drawing = filed.FiledDrawing(self.network, source, site=site, simulated=street.simulated)
        self._closing.callback(drawing.stop)
        self._starting = lambda: drawing.start(self.service.wait_ready)
        return drawing

    def open_web(self) -> None:
        """Answer whoever asks; those who came before have been waiting."""
        self.web = self._web(self._drawn)
        self._closing.callback(self.web.stop)
        self.web.start()

    def _web(self, drawing: Any) -> Any:
        app, server = importlib.import_module("citybrain.web.app"), importlib.import_module("citybrain.web.server")
        served = importlib.import_module("citybrain.web.served").Served(self.service, self.showing, self.take)
        access = app.access_to(self.settings.keep.folder, self.network, self.settings.web)
        return server.WebServer(app.create_app(served, access, drawing), access, self._bound)

    def take(self, payload: bytes, kind: str, key: Key) -> dict[str, Any]:
        """A delivery over HTTP: what became of its samples, once it is on the disk; IntakeError where it is none or not kept."""
        found = delivery(payload, FRAME_TYPE if kind == "frame" else JSON_TYPE, self.catalogue, self._names)
        source = key.name
        if found.source != source:
            raise IntakeError(f"data of source {found.source!r}; this key speaks for {source!r}")
        self._scopes.check(found, key.sensors)
        receipt = self.intake.take_frame(payload) if kind == "frame" else self.intake.take(found)
        if receipt.kept is None:
            return {"samples": receipt.words(), "position": None}
        try:
            return {"samples": receipt.words(), "position": receipt.kept.result(KEPT_WITHIN_S)}
        except Late as error:
            raise IntakeError(f"{source}: not on the disk within {KEPT_WITHIN_S:g} s; send it again") from error

    def _source(self, one: SourceSettings) -> DataSource:
        if one.kind == "replay":
            replay = importlib.import_module("citybrain.intake.replay")
            made: DataSource = replay.Replay(Path(one.at), self.catalogue, Pace(one.speed), self._field_s, one.name)
            return made
        if one.kind == "mqtt":
            mqtt = importlib.import_module("citybrain.intake.mqtt_source")
            made = mqtt.MqttSource(one.name or "mqtt", broker_of(one), self.catalogue, self._names)
            return made
        raise ConfigError(f"sources: kind {one.kind!r}; {assemble.nearest(one.kind, ('mqtt', 'replay'))}")

    def reload(self, settings: CitySettings) -> str:
        """Take over what can change while it runs: how long ticks are kept, and the sources. A sentence that says what needs a restart."""
        fixed = replace(settings, keep=replace(settings.keep, days=self.settings.keep.days), sources=self.settings.sources)
        self.service.keep_days(settings.keep.days)
        if settings.sources != self.settings.sources:
            sources = [self._source(one) for one in settings.sources]
            self._listeners.stop()
            self._listeners = Listeners(self.intake)
            self._listeners.start(sources)
        needs = [name for name in ("street", "site", "plan", "web", "keep") if getattr(fixed, name) != getattr(self.settings, name)]
        self.settings = replace(self.settings, keep=replace(self.settings.keep, days=settings.keep.days), sources=settings.sources)
        return f"settings taken over; a restart is needed for {', '.join(needs)}" if needs else "settings taken over"

    def close(self) -> None:
        """Let go of everything; the signals go back to their base plans."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Heard:
    """What the wire tells, to the intake: not acknowledged, for a street tells again every second."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def take(self, batch: Batch) -> None:
        """A batch; where there is no room to keep it, it is heeded all the same."""
        with contextlib.suppress(IntakeError):
            self._intake.take(batch)

    def hear(self, found: Frame, data: bytes) -> None:
        """A frame as it came: decoded once, and kept as it is."""
        with contextlib.suppress(IntakeError):
            self._intake.take_decoded(found, data)

    def read(self, now_s: float, phase: Ints, age_s: Floats, red_s: Floats) -> Observation:
        """What is known now."""
        return self._intake.read(now_s, phase, age_s, red_s)


class Listeners:
    """Sources that are listened to, in a thread with a loop of its own."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self, sources: list[DataSource]) -> None:
        """Listen to all of them until `stop`."""
        if sources:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._run, args=(self._loop, sources), name="sources", daemon=True)
            self._thread.start()

    def _run(self, loop: asyncio.AbstractEventLoop, sources: list[DataSource]) -> None:
        asyncio.set_event_loop(loop)
        tasks = [loop.create_task(self._listen(one)) for one in sources]
        loop.run_forever()
        del tasks

    async def _listen(self, source: DataSource) -> None:
        try:
            batches = await listen(source, self._intake.take)
            log.info("a source has ended", extra={"fields": {"source": source.name, "batches": batches}})
        except (ConfigError, IntakeError) as error:
            log.error("a source has failed", extra={"fields": {"source": source.name, "error": str(error)}})

    def stop(self) -> None:
        """Cancel what is listened to."""
        if self._thread is None or self._loop is None:
            return
        asyncio.run_coroutine_threadsafe(self._cancelled(), self._loop).result(5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
        self._loop.close()
        self._thread = self._loop = None

    async def _cancelled(self) -> None:
        running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

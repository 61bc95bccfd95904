"""From a city's file to a running service: the wire to the street, the intake, the engine, the web; and its orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import secrets
import signal
import threading
from concurrent.futures import TimeoutError as Late
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from citybrain import assemble
from citybrain.clock import WallClock
from citybrain.forecasts import Silent, movement_names
from citybrain.intake.batch import Batch, IntakeError
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.group_commit import GroupCommit
from citybrain.intake.http_batches import FRAME_TYPE, JSON_TYPE, delivery
from citybrain.intake.intake import Intake, warm_up
from citybrain.intake.network_names import NetworkNames
from citybrain.intake.sample_log import SampleLog
from citybrain.intake.source import DataSource, Pace, listen
from citybrain.service.client import ADDRESS
from citybrain.service.collector import Collector
from citybrain.service.desk import Mode
from citybrain.service.heap import give_back_large_blocks
from citybrain.service.keys import write_private
from citybrain.service.network_file import network_of
from citybrain.service.service import CityService, Plant, Upkeep
from citybrain.service.settings import CitySettings, SourceSettings
from citybrain.service.showing import Showing
from citybrain.service.store import Place, Store, place_of, set_state
from citybrain.service.street import Stepped, Street
from citybrain.service.wired import WiredStreet
from forecasting.online import OnlineForecaster
from forecasting.succession import forecaster_in
from signals.errors import ConfigError
from signals.loop import Forecaster
from signals.types import Floats, Ints, Network, Observation
from sumo_nets.bearings import arm_names, bearings_deg
from sumo_nets.session import attach

log = logging.getLogger("citybrain")
EPOCH, EPOCH_STRIDE = "epoch", 2**20
ANSWERED_S = 0.5  # of the wall: by then an answer has gone out
LARGEST_DRAWN_BYTES = 30_000_000
KEPT_WITHIN_S = 10.0  # of the wall: a delivery that is not on the disk by then is not acknowledged


def die_soon() -> None:
    """Kill this very process as a crash would, once its last answer has gone out: what `serve --demo` shows, and starts again."""
    last = threading.Timer(ANSWERED_S, os.kill, (os.getpid(), signal.SIGKILL))
    last.daemon = True
    last.start()


class StoredEpochs:
    """Epochs of a service, remembered in its store; used before the service has it open."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def next(self, newest: int) -> int:
        """Over all that were given out before, by a number drawn: two services that begin at once must not have the same one."""
        with Store(self._place, durable=True) as store:
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
        self._closing.callback(self._collector.stop)
        try:
            found = network_of(settings.street.net, settings.street.chosen_rules, settings.keep.folder)
            self.network = replace(found, name=settings.site)
            self.catalogue = Catalogue.of(self.network)
            self._names = NetworkNames(self.network)
            self._open()
        except BaseException:
            self._closing.close()
            raise

    def _open(self) -> None:
        keep = self.settings.keep
        sample_log = SampleLog(keep.folder / "samples")
        self._closing.callback(sample_log.close)
        commits = GroupCommit(sample_log)
        self._closing.callback(commits.close)
        warm_up(self.network)
        self.intake = Intake(self.network, self.catalogue, self._field_s, commits)
        self.street = self._street()
        plan = self.settings.plan
        plant = Plant(
            self.network, self.settings.street.chosen_rules, self.street, assemble.planner, self._forecaster,
            self.settings.site, self.settings.street.simulated,
        )  # fmt: skip
        upkeep = Upkeep(keep.folder, plan.controller, Mode(plan.mode), keep.days, database=keep.database)
        self.service = CityService(plant, upkeep)
        self.service.after_tick = self._collector.after_tick
        self._closing.callback(self.service.stop)
        self.showing = Showing(self.service, self._arms())
        self.web = self._web()
        self._closing.callback(self.web.stop)
        self._listeners = Listeners(self.intake)
        self._closing.callback(self._hear_no_more)

    def start(self) -> None:
        """Begin to tick, to answer, and to listen to further sources."""
        self.service.start()
        self.web.start()
        write_private(self.settings.keep.folder / ADDRESS, self.web.address)
        self._listeners.start([self._source(one) for one in self.settings.sources])

    def _hear_no_more(self) -> None:
        self._listeners.stop()  # those of the last reload

    def _field_s(self) -> float:
        return self.street.now_s

    def _street(self) -> Street:
        kind, host, port = self.settings.street.wire
        if kind == "sumo":
            session = attach(port, host)
            return Stepped(session, self.network, WallClock(session.now_s, self.settings.street.speed))
        module, name = ("citybrain.field.client", "TcpTransport") if kind == "tcp" else ("citybrain.field.mqtt", "MqttTransport")
        transport: Any = getattr(importlib.import_module(module), name)
        wire = transport(host, port) if kind == "tcp" else transport(host, port, self.settings.site, field=False)
        die = die_soon if self.settings.street.simulated else None
        return WiredStreet(
            wire,
            self.network,
            Heard(self.intake),
            StoredEpochs(place_of(self.settings.keep.folder, self.settings.keep.database)),
            self.catalogue.key,
            die,
        )

    def _forecaster(self, network: Network) -> Forecaster:
        name, weekday = self.settings.plan.forecast, self.settings.plan.weekday
        if name == "none":
            return Silent()
        fitted = None if name == "last" else forecaster_in(Path(name))
        return OnlineForecaster(movement_names(network), fitted, weekday, recalls=2)

    def _drawn(self) -> Path | None:
        """The net whose shapes the page draws; a city's is too large to be read at every start, so its streets are drawn straight."""
        net = self.settings.street.net
        return net if net.stat().st_size <= LARGEST_DRAWN_BYTES else None

    def _arms(self) -> dict[str, dict[str, str]]:
        """By signal and approach: the compass point it comes from."""
        net = self._drawn()
        if net is None:
            return {}
        from_deg = bearings_deg(net)
        return {s.id: arm_names(s, from_deg) for s in self.network.signals}

    def _web(self) -> Any:
        app, server = importlib.import_module("citybrain.web.app"), importlib.import_module("citybrain.web.server")
        served = importlib.import_module("citybrain.web.served").Served(self.service, self.showing, self.take)
        drawing = importlib.import_module("citybrain.web.geometry").CityDrawing(
            self.network, self._drawn(), site=self.settings.site, simulated=self.settings.street.simulated
        )
        access = app.access_to(self.settings.keep.folder, self.network, self.settings.web)
        return server.WebServer(app.create_app(served, access, drawing), access)

    def take(self, payload: bytes, kind: str, source: str) -> dict[str, Any]:
        """A delivery over HTTP: what became of its samples, once it is on the disk; IntakeError where it is none or not kept."""
        found = delivery(payload, FRAME_TYPE if kind == "frame" else JSON_TYPE, self.catalogue, self._names)
        if found.source != source:
            raise IntakeError(f"data of source {found.source!r}; this key speaks for {source!r}")
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
            host, _, topic = one.at.partition("/")
            name, _, number = host.rpartition(":")
            if not (name and number.isdigit() and topic):
                raise ConfigError(f"sources: at {one.at!r}; expected HOST:PORT/TOPIC")
            made = mqtt.MqttSource(one.name or "mqtt", mqtt.Broker(name, topic, int(number)), self.catalogue, self._names)
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

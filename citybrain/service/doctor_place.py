"""The doctor's look at what the service stands on: packages, clock, the city's net, who plans and forecasts, further sources."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import platform
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from citybrain import assemble
from citybrain.field.broker_login import BrokerLogin
from citybrain.field.broker_probe import broker_refusal
from citybrain.service.doctor_folder import ours, read_only
from citybrain.service.finding import Finding, Patient, bad, warned, well
from citybrain.service.schema import Place, place_of
from signals.errors import ConfigError, SignalsError
from signals.rules import envelope
from signals.site import sites

WRITTEN_S = 1_790_000_000.0  # September 2026: a clock before this stands wrong
CLOCK_SLACK_S = 60.0
CONNECT_S = 2.0
ZONES = '"Europe/Berlin", "Asia/Shanghai" or another name of the IANA list, where the street tells Unix time'


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution, the module that shows that it is there, and the extra that brings it."""

    name: str
    module: str
    extra: str = ""


ALWAYS = (
    Package("numpy", "numpy"),
    Package("numba", "numba"),
    Package("sumolib", "sumolib", "sumo"),
    Package("fastapi", "fastapi", "serve"),
    Package("uvicorn", "uvicorn", "serve"),
)
MQTT = Package("aiomqtt", "aiomqtt", "serve")
SUMO = (Package("traci", "traci", "sumo"), Package("libsumo", "libsumo", "sumo"), Package("eclipse-sumo", "sumo", "sumo"))
PARQUET = Package("polars", "polars", "parquet")


def packages(patient: Patient) -> Iterator[Finding]:
    """What this city's settings need is installed; the parts of SUMO are of one version."""
    settings, needed = patient.settings, [*ALWAYS]
    kind, _, _ = settings.street.wire
    if kind == "mqtt" or any(one.kind == "mqtt" for one in settings.sources):
        needed.append(MQTT)
    if kind == "sumo" or settings.street.simulated:
        needed += SUMO
    if any(one.kind == "replay" and one.at.endswith((".parquet", ".pq")) for one in settings.sources):
        needed.append(PARQUET)
    yield from installed(needed)


def installed(needed: Iterable[Package]) -> Iterator[Finding]:
    """One finding for all that is there, one for each that is not."""
    there: dict[str, str] = {}
    for one in needed:
        if importlib.util.find_spec(one.module) is None:
            what = f"citybrain[{one.extra}]" if one.extra else "citybrain"
            yield bad("packages", f"{one.name} is not installed", f"pip install '{what}'")
        else:
            there[one.name] = version(one.name)
    known = ", ".join(f"{name} {number}" for name, number in there.items())
    yield well("packages", f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {known}")
    ours = {number for name, number in there.items() if name in ("sumolib", "traci", "libsumo", "eclipse-sumo")}
    if len(ours) > 1:
        yield warned("packages", f"SUMO's parts are of several versions ({', '.join(sorted(ours))})", "pip install 'citybrain[sumo]'")


def version(name: str) -> str:
    """Of a distribution, as far as it says."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(unknown version)"


def clock(patient: Patient) -> Iterator[Finding]:
    """The calendar is not behind this program, nor behind what the trail has written down."""
    remedy = "set the clock (NTP): keys end by the calendar, and records are dated by it; leases do not depend on it"
    if patient.now_s < WRITTEN_S:
        yield bad("clock", f"the machine's clock stands {(WRITTEN_S - patient.now_s) / 86400.0:.0f} days before this program", remedy)
        return
    newest_s = newest_record_s(place_of(patient.folder, patient.settings.keep.database))
    ahead_s = newest_s - patient.now_s
    if ahead_s > CLOCK_SLACK_S:
        yield bad("clock", f"the newest audit record is of {ahead_s:.0f} s from now: the clock was set back, or stood wrong then", remedy)
    else:
        yield well("clock", "the machine's clock is past every audit record")


def newest_record_s(place: Place) -> float:
    """When the newest audit record was written [Unix s]; 0 where none can be read."""
    if isinstance(place, Path) and not (place.is_file() and ours(place)):
        return 0.0
    snapshot = closing(read_only(place)) if isinstance(place, Path) else importlib.import_module("citybrain.service.pg").snapshot(place)
    try:
        with snapshot as db:
            row = db.execute("SELECT at_s FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    except (sqlite3.Error, ConfigError):
        return 0.0  # the store's own check says why
    return float(row[0]) if row is not None and isinstance(row[0], int | float) else 0.0


def net(patient: Patient) -> Iterator[Finding]:
    """The net can be read, its signals kept within their limits by their own base plans, and its rules known."""
    path = patient.settings.street.net
    if not path.is_file():
        yield bad("net", f"{path}: no such file", "street.net in city.toml is a path beside that file")
        return
    if not patient.reads_net:
        yield well("net", f"{path}: {path.stat().st_size / 2**20:.0f} MB, not read (`--thorough` does)")
        return
    network = patient.network
    limits = tuple(envelope(s, patient.settings.street.chosen_rules) for s in network.signals)
    sites(network, limits)
    if not network.signals:
        yield bad("net", f"{path}: has no signal", "expected the net of the street, with its tlLogics")
    else:
        yield well("net", f"{path}: {len(network.signals)} signals under the rules {patient.settings.street.rules}")


def controller(patient: Patient) -> Iterator[Finding]:
    """Who plans can be loaded."""
    name = patient.settings.plan.controller
    chosen = assemble.controller(name)
    if chosen.make is None:
        yield bad("controller", f"{name} runs inside SUMO and makes no plans", f"plan.controller in city.toml: {planners()}")
        return
    module, _, attribute = chosen.make.partition(":")
    loaded = importlib.import_module(module)
    if hasattr(loaded, "load"):
        folder = Path(name.removeprefix(assemble.POLICY_PREFIX)) if name.startswith(assemble.POLICY_PREFIX) else loaded.SHIPPED
        loaded.load(folder)
    yield well("controller", f"{name}: {chosen.title}" if hasattr(loaded, attribute) else name)


def planners() -> str:
    """Names of those who make plans."""
    return ", ".join(one.name for one in assemble.CONTROLLERS.values() if one.make is not None)


def forecast(patient: Patient) -> Iterator[Finding]:
    """The stored forecaster can be loaded; who is champion, and what the next refit has to learn from."""
    name, plan = patient.settings.plan.forecast, patient.settings.plan
    if name in ("last", "none"):
        yield well("forecast", f"{name}: nothing to load")
        return
    try:
        keeping = importlib.import_module("forecasting.succession")
        found = keeping.forecaster_in(Path(name))
        lines = keeping.journal(Path(name)) if keeping.is_kept_up(Path(name)) else []
    except SignalsError as error:
        yield bad("forecast", str(error), "plan.forecast in city.toml: last, none, or a folder that `citybrain forecast fit` made")
    else:
        kept = f", champion since {lines[-1].at or 'an unknown day'} ({lines[-1].event})" if lines else ""
        yield well("forecast", f"{name}: {lines[-1].champion if lines else found.name}, {len(found.detectors)} movements{kept}")
        if not plan.zone and not patient.settings.street.any_speed:
            yield warned("forecast", "plan.zone is not set: days and hours are taken from the street's clock as it is", f"zone = {ZONES}")
        if lines:
            yield from counted(patient.folder / "counts")


def counted(folder: Path) -> Iterator[Finding]:
    """What the service has written down for the next refit."""
    book = importlib.import_module("forecasting.count_book")
    if not book.is_book(folder):
        yield warned("forecast", f"{folder}: the service has not counted yet", "start it; the nightly refit learns from this folder")
        return
    try:
        history = book.read(folder)
    except SignalsError as error:
        yield warned("forecast", str(error), "the nightly refit learns from this folder; the service sets aside what it cannot read")
    else:
        yield well("forecast", f"{folder}: counts from {history.start} to {history.time(history.bins)}")


def sources(patient: Patient) -> Iterator[Finding]:
    """Files that are replayed are there, brokers answer."""
    for one in patient.settings.sources:
        name = f"{one.kind} {one.at}"
        if one.kind == "replay":
            there = Path(one.at).is_file()
            yield well("sources", name) if there else bad("sources", f"{name}: no such file", "at is a path to a CSV or Parquet table")
        elif one.kind == "mqtt":
            try:
                yield broker(name, one.at.partition("/")[0], one.read_login())
            except ConfigError as error:
                yield bad("sources", f"{name}: {error}", "mend the file or the variable that it names")
        else:
            yield bad("sources", f"{name}: unknown kind", "expected mqtt or replay")


def broker(name: str, place: str, login: BrokerLogin) -> Finding:
    """Whether the broker lets us in."""
    host, _, port = place.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        return bad("sources", f"{name}: no address", "expected HOST:PORT/TOPIC")
    refusal = broker_refusal(host, int(port), login, CONNECT_S)
    if refusal:
        return warned("sources", f"{name}: {refusal}", "start the broker, or mend its address or our login; it is tried again")
    return well("sources", f"{name}: the broker answers")

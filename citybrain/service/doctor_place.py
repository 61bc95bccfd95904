"""The doctor's look at what the service stands on: packages, clock, the city's net, who plans and forecasts, further sources."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import platform
import socket
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from citybrain import assemble
from citybrain.service.doctor_folder import ours, read_only
from citybrain.service.finding import Finding, Patient, bad, warned, well
from signals.errors import SignalsError
from signals.rules import envelope
from signals.site import sites

WRITTEN_S = 1_790_000_000.0  # September 2026: a clock before this stands wrong
CLOCK_SLACK_S = 60.0
CONNECT_S = 2.0


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
    newest_s = newest_record_s(patient.folder / "city.db")
    ahead_s = newest_s - patient.now_s
    if ahead_s > CLOCK_SLACK_S:
        yield bad("clock", f"the newest audit record is of {ahead_s:.0f} s from now: the clock was set back, or stood wrong then", remedy)
    else:
        yield well("clock", "the machine's clock is past every audit record")


def newest_record_s(path: Path) -> float:
    """When the newest audit record was written [Unix s]; 0 where none can be read."""
    if not path.is_file() or not ours(path):
        return 0.0
    try:
        with closing(read_only(path)) as db:
            row = db.execute("SELECT at_s FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    except sqlite3.Error:
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
    """The stored forecaster can be loaded."""
    name = patient.settings.plan.forecast
    if name in ("last", "none"):
        yield well("forecast", f"{name}: nothing to load")
        return
    try:
        found = importlib.import_module("forecasting.succession").forecaster_in(Path(name))
    except SignalsError as error:
        yield bad("forecast", str(error), "plan.forecast in city.toml: last, none, or a folder that `citybrain forecast fit` made")
    else:
        yield well("forecast", f"{name}: {type(found).__name__}")


def sources(patient: Patient) -> Iterator[Finding]:
    """Files that are replayed are there, brokers answer."""
    for one in patient.settings.sources:
        name = f"{one.kind} {one.at}"
        if one.kind == "replay":
            there = Path(one.at).is_file()
            yield well("sources", name) if there else bad("sources", f"{name}: no such file", "at is a path to a CSV or Parquet table")
        elif one.kind == "mqtt":
            yield broker(name, one.at.partition("/")[0])
        else:
            yield bad("sources", f"{name}: unknown kind", "expected mqtt or replay")


def broker(name: str, place: str) -> Finding:
    """Whether somebody listens there."""
    host, _, port = place.rpartition(":")
    if not host or not port.isdigit():
        return bad("sources", f"{name}: no address", "expected HOST:PORT/TOPIC")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        return warned(
            "sources", f"{name}: the broker does not answer ({error})", "start the broker, or mend the address; it is tried again"
        )
    return well("sources", f"{name}: the broker answers")

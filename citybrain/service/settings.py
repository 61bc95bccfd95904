"""A city's file, city.toml: where its street is, who plans, what is kept where, who may reach the service. Unknown keys are errors.

site = "cologne"

[street]
net = "net.xml"            # beside this file
at = "tcp:127.0.0.1:7400"  # or "mqtt:HOST:PORT", or "sumo:HOST:PORT" for a SUMO of others with --remote-port

[plan]
controller = "learned"
mode = "shadow"            # observe, shadow, advise or automatic; only until somebody orders otherwise

[web]
port = 8080
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from citybrain import assemble
from citybrain.config import of_table, read_toml
from citybrain.service.desk import Mode
from citybrain.web.settings import WebSettings, check
from signals.errors import ConfigError
from signals.rules import Rules, with_timing

WIRES = ("tcp", "mqtt", "sumo")


@dataclass(frozen=True, slots=True)
class StreetSettings:
    """The street, and what its lights must keep. `decision_s`, `yellow_s`: a scenario's own under the resco rules; 0: the rules'."""

    net: Path
    at: str
    rules: str = "street"
    decision_s: float = 0.0
    yellow_s: float = 0.0
    simulated: bool = False
    speed: float = 1.0  # of a SUMO of others: its seconds a second of the wall

    @property
    def wire(self) -> tuple[str, str, int]:
        """(kind, host, port)."""
        kind, _, place = self.at.partition(":")
        host, _, port = place.rpartition(":")
        if kind not in WIRES or not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"street: at {self.at!r}; expected one of {', '.join(f'{w}:HOST:PORT' for w in WIRES)}")
        return kind, host, int(port)

    @property
    def chosen_rules(self) -> Rules:
        """The rules of that name, with the site's own timing."""
        return with_timing(assemble.rules(self.rules), self.decision_s or None, self.yellow_s or None)


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Who plans and forecasts; `forecast` is last, none, or the folder of a stored forecaster."""

    controller: str = "learned"
    mode: str = "shadow"
    forecast: str = "last"
    weekday: int = 0  # of the day in which field time 0 lies; 0 is Monday (a Unix clock in UTC: 3)


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """What is kept, and for how long."""

    folder: Path = Path("state")
    days: float = 14.0
    database: str = ""  # postgresql://USER@HOST/NAME in place of folder/city.db
    samples_days: float = 2.0


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """A source of samples besides the wire: an MQTT topic, or tables replayed."""

    kind: str
    at: str
    name: str = ""
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class CitySettings:
    """The whole file."""

    street: StreetSettings
    site: str = "city"
    plan: PlanSettings = field(default_factory=PlanSettings)
    keep: KeepSettings = field(default_factory=KeepSettings)
    web: WebSettings = field(default_factory=WebSettings)
    sources: tuple[SourceSettings, ...] = ()


TABLES: dict[str, type[Any]] = {"street": StreetSettings, "plan": PlanSettings, "keep": KeepSettings, "web": WebSettings}


def city_settings(path: Path) -> CitySettings:
    """Read a city's file; paths in it are beside it. ConfigError in one sentence for anything wrong."""
    table = read_toml(path)
    known = {f.name for f in fields(CitySettings)}
    for key in table:
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r}; {assemble.nearest(key, known)}")
    found: dict[str, Any] = {}
    for name, kind in TABLES.items():
        if name in table:
            found[name] = of_table(sub_table(table, name, path), kind, f"{path}: {name}")
    if "street" not in found:
        raise ConfigError(f"{path}: no [street]; expected at least its net and at")
    sources = table.get("sources", [])
    if not isinstance(sources, list) or not all(isinstance(one, dict) for one in sources):
        raise ConfigError(f"{path}: sources; expected [[sources]] tables")
    found["sources"] = tuple(of_table(one, SourceSettings, f"{path}: sources") for one in sources)
    site = table.get("site", "city")
    if not isinstance(site, str) or not 0 < len(site) <= 64 or not site.isprintable():
        raise ConfigError(f"{path}: site {site!r}; expected a name of 1 to 64 characters")
    settings = CitySettings(site=site, **found)
    return checked(replace(settings, street=beside(settings.street, path), keep=kept_beside(settings.keep, path)), path)


def sub_table(table: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    """A table in the file."""
    if not isinstance(table[name], dict):
        raise ConfigError(f"{path}: {name} is {table[name]!r}; expected a table [{name}]")
    return dict(table[name])


def beside(street: StreetSettings, path: Path) -> StreetSettings:
    """The net where the city's file lies."""
    return replace(street, net=path.parent / street.net)


def kept_beside(keep: KeepSettings, path: Path) -> KeepSettings:
    """The state's folder where the city's file lies."""
    return replace(keep, folder=path.parent / keep.folder)


def checked(settings: CitySettings, path: Path) -> CitySettings:
    """The settings; ConfigError where one of them cannot be."""
    _ = settings.street.wire, settings.street.chosen_rules
    assemble.controller(settings.plan.controller)
    if settings.plan.mode not in tuple(Mode):
        raise ConfigError(f"{path}: plan: mode {settings.plan.mode!r}; {assemble.nearest(settings.plan.mode, [m.value for m in Mode])}")
    if not 0 <= settings.plan.weekday <= 6:
        raise ConfigError(f"{path}: plan: weekday {settings.plan.weekday}; expected 0 (Monday) to 6")
    if not (settings.keep.days > 0.0 and settings.keep.samples_days > 0.0 and settings.street.speed > 0.0):
        raise ConfigError(f"{path}: days, samples_days and speed; expected numbers above 0")
    check(settings.web)
    if settings.keep.database:
        importlib.import_module("citybrain.service.pg").told(settings.keep.database)
    return settings

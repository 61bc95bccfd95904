"""A city's file, city.toml: where its street is, who plans, what is kept where, who may reach the service. Unknown keys are errors.

site = "cologne"

[street]
net = "net.xml"            # beside this file
at = "tcp:127.0.0.1:7400"  # or "mqtt:HOST:PORT", or "sumo:HOST:PORT" for a SUMO of others with --remote-port
secret_file = "street.secret"  # of a tcp street: what both ends know; for a broker user, password_file, ca_file … (`login_settings`)

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
from citybrain.field.secret_file import shared_secret
from citybrain.service.desk import Mode
from citybrain.service.login_settings import LoginSettings, check_login, login_beside
from citybrain.web.settings import WebSettings, check
from forecasting.local_time import zone_of
from signals.errors import ConfigError, ForecastError
from signals.rules import Rules, with_timing

WIRES = ("tcp", "mqtt", "sumo")


@dataclass(frozen=True, slots=True)
class StreetSettings(LoginSettings):
    """The street, and what its lights must keep. `decision_s`, `yellow_s`: a scenario's own under the resco rules; 0: the rules'."""

    net: Path
    at: str
    rules: str = "street"
    decision_s: float = 0.0
    yellow_s: float = 0.0
    simulated: bool = False
    speed: float = 1.0  # of a SUMO of others: its seconds a second of the wall
    secret_file: Path | None = None  # of a tcp street

    @property
    def secret(self) -> bytes:
        """What both ends of a tcp wire know, read now; empty where none is named."""
        return b"" if self.secret_file is None else shared_secret(self.secret_file)

    @property
    def wire(self) -> tuple[str, str, int]:
        """(kind, host, port)."""
        kind, _, place = self.at.partition(":")
        host, _, port = place.rpartition(":")
        if kind not in WIRES or not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"street: at {self.at!r}; expected one of {', '.join(f'{w}:HOST:PORT' for w in WIRES)}")
        return kind, host, int(port)

    @property
    def any_speed(self) -> bool:
        """Whether its clock is a simulation's, which may run faster or slower than the calendar."""
        return self.simulated or self.wire[0] == "sumo"

    @property
    def chosen_rules(self) -> Rules:
        """The rules of that name, with the site's own timing."""
        return with_timing(assemble.rules(self.rules), self.decision_s or None, self.yellow_s or None)


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Who plans and forecasts; `forecast` is last, none, the folder of a stored forecaster, or of a champion that is kept up."""

    controller: str = "learned"
    mode: str = "shadow"
    forecast: str = "last"
    weekday: int = 0  # of the day in which field time 0 lies, where the street's clock has no calendar; 0 is Monday
    zone: str = ""  # such as "Asia/Shanghai": field time is Unix time, and forecasts go by the local clock there


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """What is kept, and for how long."""

    folder: Path = Path("state")
    days: float = 14.0
    database: str = ""  # postgresql://USER@HOST/NAME in place of folder/city.db
    samples_days: float = 2.0
    counts_days: float = 56.0  # of the book of counts that forecasters are fitted to


@dataclass(frozen=True, slots=True)
class SourceSettings(LoginSettings):
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
    found["sources"] = tuple(login_beside(of_table(one, SourceSettings, f"{path}: sources"), path.parent) for one in sources)
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
    """The net, and what opens the wire, where the city's file lies."""
    secret_file = None if street.secret_file is None else path.parent / street.secret_file
    return login_beside(replace(street, net=path.parent / street.net, secret_file=secret_file), path.parent)


def kept_beside(keep: KeepSettings, path: Path) -> KeepSettings:
    """The state's folder where the city's file lies."""
    return replace(keep, folder=path.parent / keep.folder)


def checked(settings: CitySettings, path: Path) -> CitySettings:
    """The settings; ConfigError where one of them cannot be."""
    street = settings.street
    check_login(street, street.at, street.at.startswith("mqtt:"), f"{path}: street")
    if street.secret_file is not None and not street.at.startswith("tcp:"):
        raise ConfigError(f"{path}: street: secret_file is for a tcp street; expected none at {street.at}")
    for one in settings.sources:
        check_login(one, one.at, one.kind == "mqtt", f"{path}: sources")
    _ = street.wire, street.chosen_rules
    assemble.controller(settings.plan.controller)
    if settings.plan.mode not in tuple(Mode):
        raise ConfigError(f"{path}: plan: mode {settings.plan.mode!r}; {assemble.nearest(settings.plan.mode, [m.value for m in Mode])}")
    try:
        _ = settings.plan.zone and zone_of(settings.plan.zone)
    except ForecastError as error:
        raise ConfigError(f"{path}: plan: {error}") from error
    if not settings.keep.counts_days >= 1.0:
        raise ConfigError(f"{path}: keep: counts_days {settings.keep.counts_days:g}; expected 1 or more")
    if not 0 <= settings.plan.weekday <= 6:
        raise ConfigError(f"{path}: plan: weekday {settings.plan.weekday}; expected 0 (Monday) to 6")
    if not (settings.keep.days > 0.0 and settings.keep.samples_days > 0.0 and settings.street.speed > 0.0):
        raise ConfigError(f"{path}: days, samples_days and speed; expected numbers above 0")
    check(settings.web)
    if settings.keep.database:
        importlib.import_module("citybrain.service.pg").told(settings.keep.database)
    return settings

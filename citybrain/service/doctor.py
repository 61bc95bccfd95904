"""`citybrain doctor`: what is wrong with a city's service, and how to mend it. It looks, and changes nothing.

A new check is one function, and its line in `CHECKS`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from citybrain.service import doctor_folder, doctor_place, doctor_wire
from citybrain.service.finding import Check, Finding, Level, Patient, bad
from citybrain.service.settings import city_settings
from signals.errors import ConfigError, SignalsError

CHECKS: dict[str, Check] = {
    "packages": doctor_place.packages,
    "clock": doctor_place.clock,
    "net": doctor_place.net,
    "controller": doctor_place.controller,
    "forecast": doctor_place.forecast,
    "sources": doctor_place.sources,
    "folder": doctor_folder.folder,
    "room": doctor_folder.room,
    "keys": doctor_folder.keys,
    "store": doctor_folder.store,
    "samples": doctor_folder.samples,
    "service": doctor_wire.service,
    "street": doctor_wire.street,
}
"""In the order in which one thing rests on another."""
EXIT_CODES = {Level.OK: 0, Level.WARN: 1, Level.BAD: 2}


def examined(city: Path, now_s: float, thorough: bool = False) -> Iterator[Finding]:
    """Every finding as it is made; `now_s` is the calendar's time [Unix s]."""
    try:
        settings = city_settings(city)
    except ConfigError as error:
        yield from doctor_place.installed(doctor_place.ALWAYS)
        yield bad("city.toml", str(error), "mend the file; `citybrain serve --demo` writes one to look at")
        return
    patient = Patient(city, settings, now_s, thorough)
    for name, check in CHECKS.items():
        try:
            yield from check(patient)
        except (SignalsError, OSError, sqlite3.Error) as error:
            yield bad(name, str(error), "see the sentence; the runbook has a page on it")


def exit_code(levels: list[Level]) -> int:
    """0: all is well; 1: something needs an eye; 2: something is broken."""
    return max((EXIT_CODES[one] for one in levels), default=0)

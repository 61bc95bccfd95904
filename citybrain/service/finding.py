"""What the doctor finds: one line a finding, with the remedy where something is wrong; and whom it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from citybrain.service.settings import CitySettings
from signals.types import Network
from sumo_nets.network import read_network

LARGE_NET_BYTES = 64 * 2**20


class Level(StrEnum):
    """How bad it is; later ones are worse."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    level: Level
    sentence: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"what": self.what, "level": self.level.value, "sentence": self.sentence, "remedy": self.remedy}


def well(what: str, sentence: str) -> Finding:
    """Nothing is wrong."""
    return Finding(what, Level.OK, sentence)


def warned(what: str, sentence: str, remedy: str) -> Finding:
    """It works, and will not for ever, or not as it should."""
    return Finding(what, Level.WARN, sentence, remedy)


def bad(what: str, sentence: str, remedy: str) -> Finding:
    """The service cannot work like this, or has lost something."""
    return Finding(what, Level.BAD, sentence, remedy)


@dataclass(frozen=True)
class Patient:
    """A city's service, running or not. `thorough`: large files are read as well."""

    city: Path
    settings: CitySettings = field(repr=False)
    now_s: float  # Unix time: keys end by the calendar
    thorough: bool = False

    @property
    def folder(self) -> Path:
        """Where the service keeps its state."""
        return self.settings.keep.folder

    @property
    def reads_net(self) -> bool:
        """Whether the net is small enough to be read for the asking."""
        return self.thorough or self.settings.street.net.stat().st_size <= LARGE_NET_BYTES

    @cached_property
    def network(self) -> Network:
        """Read once; ScenarioError or OSError where it cannot be."""
        street = self.settings.street
        return read_network(street.net, street.chosen_rules, name=self.settings.site)


Check = Callable[[Patient], Iterable[Finding]]

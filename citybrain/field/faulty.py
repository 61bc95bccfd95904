"""What goes wrong in a field on purpose: sensors that are dead or stuck, controllers that refuse, answer late, say nothing or lie.

Told by the topic `fault`, as JSON: {"do": "dead", "share": 0.3, "seed": 1}, {"do": "lie", "signal": "A0"}, {"do": "heal"} …
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from citybrain.intake.batch import Samples, Tracks
from signals.errors import ConfigError
from signals.lease import Ack, Lease, Status, content_id
from signals.types import Bools

CONTROLLER_FAULTS = ("refuse", "late", "lie", "mute", "flash", "restart", "reset", "clock")
FAULTS = ("dead", "stuck", "end", "heal", *CONTROLLER_FAULTS)
LATEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One order. `share` of the sensors; `seconds` by which a controller answers late or its clock goes wrong."""

    do: str
    signal: str = ""
    share: float = 0.0
    seed: int = 0
    seconds: float = 8.0
    by: str = ""


def fault_of(payload: bytes) -> Fault:
    """ConfigError, in one sentence, for anything that is no order."""
    try:
        table: Any = json.loads(payload[:4096])
    except (ValueError, RecursionError) as error:
        raise ConfigError("fault: not readable as JSON") from error
    kinds = {"do": str, "signal": str, "share": float, "seed": int, "seconds": float, "by": str}
    if not isinstance(table, dict) or not table.keys() <= kinds.keys():
        raise ConfigError(f"fault: expected an object with some of {', '.join(kinds)}")
    for key, value in table.items():
        wanted = (int, float) if kinds[key] is float else (kinds[key],)
        if type(value) not in wanted or (isinstance(value, float) and not isfinite(value)):
            raise ConfigError(f"fault: {key} is {str(value)[:40]!r}; expected {kinds[key].__name__}")
    fault = Fault(**{"do": "", **table})
    if fault.do not in FAULTS:
        raise ConfigError(f"fault: do is {fault.do[:40]!r}; expected one of {', '.join(FAULTS)}")
    if not (0.0 <= fault.share <= 1.0 and abs(fault.seconds) <= LATEST_S * 144.0 and 0 <= fault.seed < 2**31):
        raise ConfigError(
            f"fault: share {fault.share}, seconds {fault.seconds}, seed {fault.seed}; expected a share from 0 to 1, and so on"
        )
    return fault


class FaultySensors:
    """Which sensors, and which views of signals, say nothing, or the same for ever."""

    def __init__(self, sensors: int, signals: int) -> None:
        self._sizes = sensors, signals
        self._dead = self._stuck = tuple(np.zeros(n, dtype=np.bool_) for n in self._sizes)
        self._kept: tuple[Samples, Tracks] | None = None

    def obey(self, fault: Fault) -> None:
        """Dead or stuck: a share of each kind, chosen by the seed; a view is a signal's."""
        chosen = tuple(_chosen(n, fault.share, fault.seed + k) for k, n in enumerate(self._sizes))
        if fault.do == "dead":
            self._dead = chosen
        elif fault.do == "stuck":
            self._stuck, self._kept = chosen, None
        elif fault.do == "heal":
            self._dead = self._stuck = tuple(np.zeros(n, dtype=np.bool_) for n in self._sizes)

    def heard(self, samples: Samples, tracks: Tracks) -> tuple[Samples, Tracks]:
        """What is left of what they would have said."""
        if self._stuck[0].any() or self._stuck[1].any():
            self._kept = self._kept or (samples, tracks)
            samples = _stuck_samples(samples, self._kept[0], self._stuck[0])
            tracks = _merged(tracks, self._kept[1], self._stuck[1])
        if self._dead[0].any() or self._dead[1].any():
            said = ~self._dead[0][samples.sensor]
            samples = Samples(samples.source, samples.sensor[said], samples.at_s[said], samples.value[said])
            tracks = _views(tracks, ~self._dead[1][tracks.signal])
        return samples, tracks


class FaultyAnswers:
    """Which controllers do not do, or not say, what they should; by signal."""

    def __init__(self) -> None:
        self._doing: dict[str, Fault] = {}
        self._late: list[tuple[float, Ack]] = []

    def obey(self, fault: Fault) -> None:
        """A controller's fault lasts until it is healed."""
        if fault.do == "heal":
            self._doing = {} if not fault.signal else {s: f for s, f in self._doing.items() if s != fault.signal}
        elif fault.do in ("refuse", "late", "lie", "mute"):
            self._doing[fault.signal] = fault

    def does(self, signal: str) -> str:
        """The word of its fault, or none."""
        fault = self._doing.get(signal)
        return "" if fault is None else fault.do

    def refusal(self, lease: Lease, now_s: float) -> Ack:
        """No, for no reason."""
        return Ack(lease.signal, lease.epoch, lease.seq, lease.content_id, False, "refuses everything (fault)", now_s)

    def hold_back(self, ack: Ack) -> None:
        """To be said later."""
        self._late.append((ack.now_s + self._doing[ack.signal].seconds, ack))

    def due(self, now_s: float) -> list[Ack]:
        """What is said now."""
        said = [ack for at_s, ack in self._late if at_s <= now_s]
        self._late = [(at_s, ack) for at_s, ack in self._late if at_s > now_s]
        return said

    def told(self, status: Status) -> Status:
        """A liar says that it runs something else."""
        if self.does(status.signal) != "lie":
            return status
        return replace(status, content_id=content_id(f"{status.signal} lies", None), mode="adaptive")


def _chosen(number: int, share: float, seed: int) -> Bools:
    chosen = np.zeros(number, dtype=np.bool_)
    chosen[np.random.default_rng(seed).permutation(number)[: round(share * number)]] = True
    return chosen


def _stuck_samples(now: Samples, kept: Samples, stuck: Bools) -> Samples:
    """Stuck sensors repeat what they said first."""
    last = np.full(stuck.size, np.nan, dtype=np.float32)
    last[kept.sensor] = kept.value
    frozen = stuck[now.sensor] & np.isfinite(last[now.sensor])
    return Samples(now.source, now.sensor, now.at_s, np.where(frozen, last[now.sensor], now.value).astype(np.float32))


def _views(tracks: Tracks, wanted: Bools) -> Tracks:
    """Some of the snapshots [snapshot], with their vehicles."""
    rows = np.repeat(wanted, tracks.vehicles)
    return Tracks(
        tracks.source, tracks.signal[wanted], tracks.at_s[wanted], tracks.vehicles[wanted],
        tracks.lane[rows], tracks.movement[rows], tracks.distance_m[rows], tracks.speed_mps[rows],
    )  # fmt: skip


def _merged(now: Tracks, kept: Tracks, stuck: Bools) -> Tracks:
    """Stuck views show what they showed first, as if it were now."""
    new, old = _views(now, ~stuck[now.signal]), _views(kept, stuck[kept.signal])
    at_s = np.full(len(old), now.at_s.max(initial=0.0))
    pairs = (
        (new.signal, old.signal), (new.at_s, at_s), (new.vehicles, old.vehicles), (new.lane, old.lane),
        (new.movement, old.movement), (new.distance_m, old.distance_m), (new.speed_mps, old.speed_mps),
    )  # fmt: skip
    return Tracks(now.source, *(np.concatenate(pair) for pair in pairs))

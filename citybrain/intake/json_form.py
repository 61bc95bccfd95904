"""The same as a frame in JSON, with names for numbers: for whoever cannot write a frame.

`{"source": "loops", "samples": {"sensor": ["A0/queue/3"], "at_s": [12.0], "value": [4]}, "snapshots": [{"signal": "A0", "at_s": 12.0,
"vehicles": [["stop lane", "movement", 31.5, 8.2]]}]}`: a vehicle is its stop lane, its movement (name, or place from 0), its distance
[m] and its speed [m/s]. `at_s` may be one number for all samples. A name of nothing is counted, not refused.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from citybrain.intake.batch import IntakeError, Samples, Tracks, no_tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import Frame
from citybrain.intake.network_names import NetworkNames

LARGEST_BYTES = 8_000_000
LARGEST_ROWS = 200_000
KEYS, SAMPLE_KEYS, SNAPSHOT_KEYS = {"source", "samples", "snapshots"}, {"sensor", "at_s", "value"}, {"signal", "at_s", "vehicles"}
VEHICLE = ("stop lane", "movement", "distance_m", "speed_mps")


def parsed(body: bytes, catalogue: Catalogue, names: NetworkNames) -> Frame:
    """What a body says; IntakeError, and nothing else, where it is none."""
    if len(body) > LARGEST_BYTES:
        raise IntakeError(f"body of {len(body)} bytes; expected at most {LARGEST_BYTES}")
    try:
        told = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise IntakeError(f"body: no JSON ({reason})") from None
    table = _table(told, KEYS, "body")
    source = table.get("source")
    if not isinstance(source, str):
        raise IntakeError(f"body: source is {_shown(source)}; expected a name")
    samples = _samples(_table(table.get("samples", {}), SAMPLE_KEYS, "samples"), source, catalogue)
    return Frame(samples, _tracks(table.get("snapshots", []), source, names))


def _samples(table: dict[str, Any], source: str, catalogue: Catalogue) -> Samples:
    sensors = _list(table.get("sensor", []), "samples: sensor")
    value = _numbers(table.get("value", []), "samples: value")
    at_s = table.get("at_s", [])
    times_s = _numbers(at_s, "samples: at_s") if isinstance(at_s, list) else np.full(len(sensors), _number(at_s, "samples: at_s"))
    if not len(sensors) == len(value) == len(times_s):
        raise IntakeError(f"samples: {len(sensors)} sensors, {len(times_s)} times and {len(value)} values; expected one each")
    if not set(map(type, sensors)) <= {str}:
        raise IntakeError("samples: a sensor that is no text; expected names")
    number = np.fromiter(map(catalogue.names.find, sensors), np.int32, len(sensors))
    return Samples(source, number, times_s, _singles(value))


def _tracks(told: Any, source: str, names: NetworkNames) -> Tracks:
    snapshots = [_table(one, SNAPSHOT_KEYS, f"snapshots[{k}]") for k, one in enumerate(_list(told, "snapshots"))]
    if not snapshots:
        return no_tracks(source)
    signals = [names.signal(_text(one.get("signal"), f"snapshots[{k}]: signal")) for k, one in enumerate(snapshots)]
    at_s = [_number(one.get("at_s"), f"snapshots[{k}]: at_s") for k, one in enumerate(snapshots)]
    views = [_list(one.get("vehicles"), f"snapshots[{k}]: vehicles") for k, one in enumerate(snapshots)]
    if sum(map(len, views)) > LARGEST_ROWS:
        raise IntakeError(f"snapshots: {sum(map(len, views))} vehicles; expected at most {LARGEST_ROWS}")
    rows = [_vehicle(row, signal, names) for signal, view in zip(signals, views, strict=True) for row in view]
    lane, movement, distance_m, speed_mps = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Tracks(
        source, np.array(signals, np.int32), np.array(at_s, np.float64), np.array([len(view) for view in views], np.int32),
        np.array(lane, np.int32), np.array(movement, np.int32),
        _singles(np.array(distance_m, np.float64)), _singles(np.array(speed_mps, np.float64)),
    )  # fmt: skip


def _vehicle(row: Any, signal: int, names: NetworkNames) -> tuple[int, int, float, float]:
    if not isinstance(row, list) or len(row) != len(VEHICLE):
        raise IntakeError(f"vehicle {_shown(row)}; expected [{', '.join(VEHICLE)}]")
    lane, movement, distance_m, speed_mps = row
    if not isinstance(lane, str) or type(movement) not in (str, int):
        raise IntakeError(f"vehicle {_shown(row)}; expected names of its stop lane and its movement, or the movement's place")
    return (
        names.lane(lane),
        names.movement(signal, movement),
        _number(distance_m, "vehicle: distance_m"),
        _number(speed_mps, "vehicle: speed_mps"),
    )


def _singles(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """As they go on; what is too large for it becomes infinite, and so impossible."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _table(told: Any, keys: set[str], where: str) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise IntakeError(f"{where}: {_shown(told)}; expected an object of {', '.join(sorted(keys))}")
    strange = sorted(told.keys() - keys)
    if strange:
        raise IntakeError(f"{where}: unknown key {_shown(strange[0])}; expected {', '.join(sorted(keys))}")
    return told


def _list(told: Any, where: str) -> list[Any]:
    if not isinstance(told, list):
        raise IntakeError(f"{where}: {_shown(told)}; expected a list")
    if len(told) > LARGEST_ROWS:
        raise IntakeError(f"{where}: {len(told)} of them; expected at most {LARGEST_ROWS}")
    return told


def _numbers(told: Any, where: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    values = _list(told, where)
    if not set(map(type, values)) <= {int, float}:
        strange = next(one for one in values if type(one) not in (int, float))
        raise IntakeError(f"{where}: {_shown(strange)}; expected numbers")
    try:
        return np.array(values, np.float64)
    except OverflowError:
        raise IntakeError(f"{where}: a number too large") from None


def _number(told: Any, where: str) -> float:
    return float(_numbers([told], where)[0])


def _text(told: Any, where: str) -> str:
    if not isinstance(told, str):
        raise IntakeError(f"{where}: {_shown(told)}; expected a name")
    return told


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _shown(told: Any) -> str:
    """A little of it, for a sentence."""
    if isinstance(told, dict | list):
        return f"{'an object' if isinstance(told, dict) else 'a list'} of {len(told)}"
    return repr(told)[:60]

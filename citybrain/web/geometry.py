"""What never changes on the page's map: roads, stop lines and which of them each phase lights, as compact columns for a canvas.

`CityDrawing` draws a city whose net.xml is small enough to be read at the start, as one JSON text; of a larger one the roads come in tiles
out of a file (`filed_drawing`). What only an opened signal needs, its movements and the lanes' curves, is asked for by signal.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from citybrain.assemble import CONTROLLERS
from citybrain.web.roads import Roads, read_roads, straight_lines, wanted_lanes
from signals.errors import ConfigError
from signals.types import Floats, Intersection, Network, Serves
from sumo_nets.bearings import arm_names, looked_back_deg

MOST_SIGNALS = 65535  # the live events count signals in 16 bits
RED, PERMISSIVE, PROTECTED, TURN_ON_RED = range(4)
PARTLY = 4  # added where another movement of the same lane stays red
Shapes = Mapping[str, Floats]
"""By lane: its line [point, xy]."""


class Drawing(Protocol):
    """A city as the page gets it; any thread may ask."""

    edition: int  # grows when `city` has become another

    def city(self) -> dict[str, Any]:
        """What the map draws at first."""
        ...

    def tile(self, number: int) -> bytes | None:
        """A part of the city from close by, gzipped JSON; None where there are no tiles, or none of that number."""
        ...

    def signal(self, name: str) -> dict[str, Any]:
        """One junction; KeyError where there is no signal of that name."""
        ...

    def arms(self, name: str) -> dict[str, str]:
        """By approach: the compass point that it comes from; KeyError where there is no signal of that name."""
        ...


class CityDrawing:
    """Lives as long as the service, and holds all shapes of a net."""

    edition = 0

    def __init__(self, network: Network, net: Path | None = None, *, site: str = "", simulated: bool = True) -> None:
        """`net`: where the roads run; without one, straight streets between the signals stand in."""
        self._network, self._title = checked(network), titled(network, site, simulated=simulated)
        self._index = {s.id: i for i, s in enumerate(network.signals)}
        self._net = net
        self._roads = read_roads(net, wanted_lanes(network)) if net is not None else straight_roads(network)

    def city(self) -> dict[str, Any]:
        """Everything that the map draws."""
        signals, roads = self._network.signals, self._roads
        stops = [stop_lines(s, self._roads.of(s, self._net)) for s in signals]
        everything = np.vstack([places_m(signals), *roads.lines])
        bounds_m = [round(float(v), 1) for v in (*everything.min(axis=0), *everything.max(axis=0))]
        lines = {**outlines(roads.lines), "lanes": lanes_column(roads.lanes)}
        return {
            **self._title, "bounds_m": bounds_m, "signals": listed(signals),
            "roads": lines, "areas": outlines(roads.areas), **lit(signals, stops),
        }  # fmt: skip

    def tile(self, number: int) -> bytes | None:
        """None: all of it is in `city`."""
        return None

    def signal(self, name: str) -> dict[str, Any]:
        """One junction from close by."""
        signal = self._network.signals[self._index[name]]
        return junction(signal, self._roads.of(signal, self._net))

    def arms(self, name: str) -> dict[str, str]:
        """The names of its approaches."""
        signal = self._network.signals[self._index[name]]
        return arms_of(signal, self._roads.of(signal, self._net))


class Arms(Mapping[str, Mapping[str, str]]):
    """By signal: its approaches' names, looked up when somebody asks."""

    def __init__(self, network: Network, drawing: Drawing) -> None:
        self._network, self._drawing = network, drawing

    def __getitem__(self, name: str) -> dict[str, str]:
        return self._drawing.arms(name)

    def __iter__(self) -> Iterator[str]:
        return (s.id for s in self._network.signals)

    def __len__(self) -> int:
        return len(self._network.signals)


def checked(network: Network) -> Network:
    """The network; ConfigError where it has more signals than the page can count."""
    if len(network.signals) > MOST_SIGNALS:
        raise ConfigError(f"{network.name}: {len(network.signals)} signals; the page shows at most {MOST_SIGNALS}")
    return network


def titled(network: Network, site: str, *, simulated: bool) -> dict[str, Any]:
    """What the page says over the map, and what it may offer."""
    controllers = [[c.name, c.title] for c in CONTROLLERS.values() if c.make is not None]
    return {"site": site or network.name, "simulated": simulated, "controllers": controllers}


def junction(signal: Intersection, shapes: Shapes) -> dict[str, Any]:
    """One junction: its phases, its movements with arm, turn and where they come from, its lanes' curves [m]."""
    stops = {stop.lane: k for k, stop in enumerate(stop_lines(signal, shapes))}
    from_deg = comes_from_deg(signal, shapes)
    arms = arm_names(signal, from_deg)
    return {
        "id": signal.id,
        "x_m": round(signal.x_m, 1),
        "y_m": round(signal.y_m, 1),
        "phases": [p.lights for p in signal.phases],
        "movements": [
            {
                "arm": arms.get(m.approach, m.approach),
                "turn": m.turn.value,
                "from_deg": round(from_deg[m.approach]) if m.approach in from_deg else None,
                "stops": [stops[lane] for lane in m.lanes if lane in stops],
                "saturation_veh_h": round(m.saturation_veh_h),
                "path": [curve(shapes[lane]) for lane in m.inside if lane in shapes],
            }
            for m in signal.movements
        ],
        "lanes": [curve(shapes[lane]) for lane in stops],
        "intergreen_s": [[round(float(v), 1) for v in row] for row in signal.intergreen_s],
        "base": {
            "stages": [[s.phase + 1, s.green_s] for s in signal.base.stages],
            "cycle_s": signal.base.cycle_s,
            "offset_s": signal.base.offset_s,
        },
    }


def curve(line: Floats) -> list[list[float]]:
    """A line for JSON."""
    return [[round(float(v), 1) for v in point] for point in line]


def comes_from_deg(signal: Intersection, shapes: Shapes) -> dict[str, float]:
    """By approach: the compass direction that it comes from, along its first lane [deg]."""
    found: dict[str, float] = {}
    for m in signal.movements:
        for lane in m.lanes[:1]:
            if lane in shapes:
                found.setdefault(m.approach, looked_back_deg(shapes[lane].tolist()))
    return found


def arms_of(signal: Intersection, shapes: Shapes) -> dict[str, str]:
    """By approach: its compass point."""
    return arm_names(signal, comes_from_deg(signal, shapes))


@dataclass(frozen=True, slots=True)
class StopLine:
    """Where a lane ends, and which way its vehicles drive there: 0 north, 90 east."""

    lane: str
    x_m: float
    y_m: float
    heading_deg: float


def stop_lines(signal: Intersection, shapes: Shapes) -> list[StopLine]:
    """The stop lines whose place is known, in the order of the signal's lanes."""
    return [stop_line(lane.id, shapes[lane.id]) for lane in signal.lanes if lane.id in shapes]


def stop_line(lane: str, line: Floats) -> StopLine:
    """The stop line at the end of a lane [point, xy]."""
    end = line[-1]
    apart = np.hypot(*(line - end).T) > 0.05
    before = line[np.flatnonzero(apart)[-1]] if apart.any() else end - np.array([0.0, 1.0])
    heading_deg = math.degrees(math.atan2(end[0] - before[0], end[1] - before[1])) % 360.0
    return StopLine(lane, float(end[0]), float(end[1]), heading_deg)


def lamp_codes(signal: Intersection, stops: list[StopLine]) -> Iterator[int]:
    """[phase, stop line] what a phase shows to a lane: the best of its movements, and whether others of them stay red."""
    rows = {lane.id: signal.uses[k] for k, lane in enumerate(signal.lanes)}
    for p, phase in enumerate(signal.phases):
        on_red = np.array([aspect in "soO" for aspect in phase.lights])
        for stop in stops:
            uses = rows[stop.lane]
            serves = signal.serves[p][uses]
            best = int(serves.max(initial=Serves.NOT))
            if best == Serves.NOT:
                yield TURN_ON_RED if on_red[uses].any() else RED
            else:
                yield best + (PARTLY if (serves == Serves.NOT).any() else 0)


def straight_roads(network: Network) -> Roads:
    """Straight streets in place of roads."""
    lines, lanes = straight_lines(network)
    return Roads(list(lines), lanes)


def places_m(signals: Sequence[Intersection]) -> Floats:
    """[signal, xy]"""
    return np.array([(s.x_m, s.y_m) for s in signals], dtype=np.float64).reshape(-1, 2)


def listed(signals: Sequence[Intersection]) -> dict[str, Any]:
    """All signals of a city; numbers of many are base64 of little-endian columns, places in decimetres."""
    phases = packed([min(len(s.phases), 255) for s in signals], "<u1")
    return {"id": [s.id for s in signals], "xy_dm": packed(places_m(signals) * 10.0, "<i4"), "phases": phases}


def lit(signals: Sequence[Intersection], stops: Sequence[list[StopLine]]) -> dict[str, Any]:
    """The stop lines of signals, and what each phase shows at them."""
    every = [stop for some in stops for stop in some]
    return {
        "stops": {
            "start": packed(starts(len(some) for some in stops), "<u4"),
            "xy_dm": packed([(10.0 * stop.x_m, 10.0 * stop.y_m) for stop in every], "<i4"),
            "heading_ddeg": packed([10.0 * stop.heading_deg for stop in every], "<i2"),
        },
        "lamps": {
            "start": packed(starts(len(s.phases) * len(some) for s, some in zip(signals, stops, strict=True)), "<u4"),
            "code": packed([code for s, some in zip(signals, stops, strict=True) for code in lamp_codes(s, some)], "<u1"),
        },
    }


def outlines(lines: Sequence[Floats]) -> dict[str, str]:
    """Lines [point, xy] as where each begins, and all their points [dm]."""
    points = np.vstack([*lines, np.zeros((0, 2))])
    return {"start": packed(starts(len(line) for line in lines), "<u4"), "xy_dm": packed(points * 10.0, "<i4")}


def lanes_column(lanes: Iterable[int]) -> str:
    """Numbers of lanes."""
    return packed(list(map(partial(min, 255), lanes)), "<u1")


def starts(lengths: Iterable[int]) -> list[int]:
    """Where each of a row of parts begins, and where the last one ends."""
    return list(accumulate(lengths, initial=0))


def packed(values: npt.ArrayLike, kind: str) -> str:
    """Numbers, rounded, as base64 of a little-endian column of this kind."""
    column = np.rint(np.asarray(values, dtype=np.float64)).astype(kind)
    return base64.b64encode(column.tobytes()).decode("ascii")

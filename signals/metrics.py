"""What a run is judged by: delay, throughput, congestion index and the rest, from the table of its trips.

The population is every trip due in the run, let in or not: averages over arrived vehicles make gridlock look good. A new
metric is one function and its line in `METRICS`; CLI, report and dashboard iterate over that table.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Literal

import numpy as np

from signals.errors import ScenarioError
from signals.types import Bools, Floats
from signals.units import SECONDS_PER_HOUR, km_h_from_mps

UNFINISHED_PACE = 2.0  # the way not driven yet counts at this many times its free-flow time
END_TOLERANCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Trips:
    """Every trip due in a run, one row each; all arrays are [trip]."""

    begin_s: float
    end_s: float
    due_s: Floats
    """wished departure"""
    depart_s: Floats
    """NaN: never let in"""
    arrival_s: Floats
    """NaN: not arrived by the end"""
    depart_delay_s: Floats
    """waited to be let in"""
    duration_s: Floats
    """in the network so far"""
    time_loss_s: Floats
    """of that, lost against driving freely"""
    length_m: Floats
    """driven so far"""
    stops: Floats
    """times it came to a stand"""
    free_left_s: Floats
    """free-flow time of the way not driven yet; 0 for who arrived, NaN where nobody knows"""

    @property
    def arrived(self) -> Bools:
        """[trip] finished by the end."""
        return ~np.isnan(self.arrival_s)

    @property
    def departed(self) -> Bools:
        """[trip] let in by the end."""
        return ~np.isnan(self.depart_s)


ATTRIBUTES = ("depart", "arrival", "departDelay", "duration", "timeLoss", "routeLength", "waitingCount")


def read_trips(path: str | PathLike[str], begin_s: float, end_s: float, free_left_s: Mapping[str, float]) -> Trips:
    """The trips of a SUMO tripinfo file, written with its unfinished and undeparted rows; ScenarioError if it is broken.

    `free_left_s`: vehicle -> free-flow time of the way it has not driven by the end, for who has not arrived.
    """
    rows: list[tuple[float, ...]] = []
    left_s: list[float] = []
    try:
        for _, element in ET.iterparse(path):
            if element.tag == "tripinfo":
                row = tuple(float(element.attrib[name]) for name in ATTRIBUTES)
                rows.append(row)
                left_s.append(0.0 if row[1] >= 0.0 else free_left_s.get(element.attrib["id"], np.nan))
            element.clear()
    except OSError as error:
        raise ScenarioError(f"{path}: cannot read the tripinfo file ({error.strerror})") from error
    except ET.ParseError as error:
        raise ScenarioError(f"{path}: not a complete tripinfo file ({error}); did the run end?") from error
    except (KeyError, ValueError) as error:
        raise ScenarioError(f"{path}: trip {len(rows) + 1}: attribute {error} is missing or no number") from error
    depart, arrival, wait, duration, loss, length, stops = np.array(rows, dtype=np.float64).reshape(-1, 7).T
    departed, arrived = depart >= 0.0, arrival >= 0.0
    _check_end(path, end_s, (depart + duration)[departed & ~arrived])
    return Trips(
        begin_s=begin_s,
        end_s=end_s,
        due_s=np.where(departed, depart, end_s) - wait,
        depart_s=np.where(departed, depart, np.nan),
        arrival_s=np.where(arrived, arrival, np.nan),
        depart_delay_s=wait,
        duration_s=np.where(departed, duration, 0.0),
        time_loss_s=np.where(departed, loss, 0.0),
        length_m=np.where(departed, length, 0.0),  # a trip never let in has that of its vehicle
        stops=np.where(departed, stops, 0.0),
        free_left_s=np.array(left_s, dtype=np.float64),
    )


def _check_end(path: str | PathLike[str], end_s: float, unfinished_until_s: Floats) -> None:
    """A run that ended early has left out the trips that were still to come: its figures would flatter."""
    if unfinished_until_s.size and not abs(unfinished_until_s.max() - end_s) <= END_TOLERANCE_S:
        raise ScenarioError(f"{path}: its trips stop at {unfinished_until_s.max():g} s; expected the end, {end_s:g} s")


def _sum(values: Floats) -> float:
    """Sum in the order of the file, so that figures equal those of any plain reader of it to the last digit."""
    return float(np.cumsum(values)[-1]) if values.size else 0.0


def _ratio(part: float, whole: float, empty: float) -> float:
    """part / whole; `empty` where there is no whole."""
    return part / whole if whole > 0.0 else empty


def elapsed_s(trips: Trips) -> Floats:
    """[trip] from the due departure to the arrival, or to the end of the run."""
    return np.where(trips.arrived, trips.arrival_s, trips.end_s) - trips.due_s


def delay_s_per_veh(trips: Trips) -> float:
    """Delay (sum of time lost + sum of waits to be let in) / trips due, to two digits; 0 without trips [s/veh].

    The delay of RESCO (Ault and Sharon 2021), with the vehicles counted that were never let in.
    """
    return round(_ratio(_sum(trips.time_loss_s) + _sum(trips.depart_delay_s), trips.due_s.size, 0.0), 2)


def throughput_veh(trips: Trips) -> float:
    """Trips arrived."""
    return float(trips.arrived.sum())


def throughput_veh_h(trips: Trips) -> float:
    """Q = arrived / hours of the run."""
    return _ratio(throughput_veh(trips) * SECONDS_PER_HOUR, trips.end_s - trips.begin_s, 0.0)


def due_veh(trips: Trips) -> float:
    """Trips that wished to depart by the end."""
    return float(trips.due_s.size)


def undeparted_veh(trips: Trips) -> float:
    """Trips never let in."""
    return float((~trips.departed).sum())


def completion(trips: Trips) -> float:
    """Share of the due trips that arrived; 1 without trips."""
    return _ratio(throughput_veh(trips), trips.due_s.size, 1.0)


def congestion_index(trips: Trips) -> float:
    """CI = sum of travel times / sum of free-flow times of the planned routes, door to door; 1 without trips.

    A travel time runs from the due departure to the arrival, or to the end plus `UNFINISHED_PACE` times the free-flow time of
    what is left; a free-flow time is (duration - time lost) + what is left. NaN where what is left is unknown.
    """
    travel_s = elapsed_s(trips) + UNFINISHED_PACE * trips.free_left_s
    free_s = trips.duration_s - trips.time_loss_s + trips.free_left_s
    return _ratio(_sum(travel_s), _sum(free_s), 1.0) if not np.isnan(free_s).any() else float("nan")


def tomtom_percent(trips: Trips) -> float:
    """Extra travel time over free flow, 100 (CI - 1) [%]. TomTom's congestion level, here with the waits to be let in."""
    return 100.0 * (congestion_index(trips) - 1.0)


def travel_time_index(trips: Trips) -> float:
    """(duration + wait to be let in) / free-flow time over departed trips: the part of CI that a tripinfo file knows alone.

    NaN where nobody moved: in a jam that is complete it would flatter, and only CI can be trusted.
    """
    here = trips.departed
    travel_s = _sum((trips.duration_s + trips.depart_delay_s)[here])
    return _ratio(travel_s, _sum((trips.duration_s - trips.time_loss_s)[here]), float("nan") if here.any() else 1.0)


def speed_km_h(trips: Trips) -> float:
    """E = sum of distances driven / sum of times since the due departure, all due trips; NaN without trips [km/h]."""
    return km_h_from_mps(_ratio(_sum(trips.length_m), _sum(elapsed_s(trips)), float("nan")))


def stops_per_veh(trips: Trips) -> float:
    """Stands on the way per departed trip; 0 without trips."""
    return _ratio(_sum(trips.stops), float(trips.departed.sum()), 0.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a run: how it is called, which way is good, and how it is computed and printed."""

    key: str
    title: str
    title_zh: str
    unit: str
    better: Literal["lower", "higher"]
    function: Callable[[Trips], float]
    digits: int


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("delay_s_per_veh", "delay", "平均延误", "s/veh", "lower", delay_s_per_veh, 2),
        Metric("throughput_veh", "arrived", "到达车辆数", "veh", "higher", throughput_veh, 0),
        Metric("throughput_veh_h", "throughput", "通过量", "veh/h", "higher", throughput_veh_h, 1),
        Metric("congestion_index", "congestion index", "拥堵指数", "", "lower", congestion_index, 3),
        Metric("tomtom_percent", "congestion level", "拥堵程度", "%", "lower", tomtom_percent, 1),
        Metric("travel_time_index", "travel-time index", "行程时间指数", "", "lower", travel_time_index, 3),
        Metric("speed_km_h", "door-to-door speed", "通行效率", "km/h", "higher", speed_km_h, 2),
        Metric("stops_per_veh", "stops", "平均停车次数", "1/veh", "lower", stops_per_veh, 2),
        Metric("completion", "completed trips", "完成率", "", "higher", completion, 3),
        Metric("due_veh", "due", "出行需求", "veh", "higher", due_veh, 0),
        Metric("undeparted_veh", "never let in", "未能驶入", "veh", "lower", undeparted_veh, 0),
    )
}


def measure(trips: Trips) -> dict[str, float]:
    """Every metric by its key, rounded to its digits."""
    return {key: round(metric.function(trips), metric.digits) for key, metric in METRICS.items()}

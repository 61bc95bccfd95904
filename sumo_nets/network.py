"""net.xml → Network: movements, phases, conflicts and streets of any SUMO network with signals, with no table typed in by hand."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sumolib

from signals.errors import ScenarioError
from signals.layout import street_of
from signals.rules import Rules, intergreens
from signals.types import (
    Bools,
    Intersection,
    Ints,
    Lane,
    Movement,
    Network,
    Phase,
    Serves,
    Stage,
    Street,
    TimingPlan,
    Turn,
)
from sumo_nets.tracing import VEHICLE_SPACE_M, downstream_storage_m, streets_from, trace_upstream

SENSING_M = 250.0
GREENS = "Gg"
TURNS = {"s": Turn.THROUGH, "l": Turn.LEFT, "L": Turn.LEFT, "r": Turn.RIGHT, "R": Turn.RIGHT, "t": Turn.U_TURN}
TURN_ORDER = (Turn.THROUGH, Turn.LEFT, Turn.RIGHT, Turn.U_TURN, Turn.CROSSING)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reading of one signal needs of the whole net."""

    net: Any
    rules: Rules
    sensing_m: float


def read_network(net_file: Path, rules: Rules, *, name: str = "", sensing_m: float = SENSING_M) -> Network:
    """All signals of a net under these rules; ScenarioError where it cannot be steered safely."""
    if not Path(net_file).is_file():
        raise ScenarioError(f"{net_file}: no such network file")
    try:
        net = sumolib.net.readNet(
            str(net_file),
            withPrograms=True,
            withFoes=True,
            withInternal=True,
            withPedestrianConnections=True,
            lxml=False,
        )
    except Exception as error:  # sumolib passes on whatever the XML parser, or a missing attribute, raises
        raise ScenarioError(f"{net_file}: not a readable SUMO network ({type(error).__name__}: {error})") from error
    links = links_by_signal(net)
    signals = [t for t in net.getTrafficLights() if links.get(t.getID())]
    if not signals:
        raise ScenarioError(f"{net_file}: no signal (tlLogic with links) in this network; there is nothing to steer")
    reading = Reading(net, rules, sensing_m)
    intersections = tuple(read_signal(reading, t, links[t.getID()]) for t in signals)
    lane_signal = {lane.id: s.id for s in intersections for lane in s.lanes}
    streets = [Street(s.id, *street) for s in intersections for street in streets_from(net, exits_of(s), lane_signal) if street[0] != s.id]
    return Network(name or Path(net_file).stem, intersections, tuple(streets))


def exits_of(signal: Intersection) -> list[str]:
    """The receiving lanes of a signal, each once."""
    return list(dict.fromkeys(lane for m in signal.movements for lane in m.exits))


def links_by_signal(net: Any) -> dict[str, dict[int, list[Any]]]:
    """Connections by signal and link index; several links may hang on one index."""
    found: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for edge in net.getEdges(withInternal=True):
        for lane in edge.getLanes():
            for link in lane.getOutgoing():
                if link.getTLSID() and link.getTLLinkIndex() >= 0:
                    found[link.getTLSID()][link.getTLLinkIndex()].append(link)
    return found


def read_signal(reading: Reading, tls: Any, links: dict[int, list[Any]]) -> Intersection:
    """One signal with its intergreens and base plan."""
    signal = tls.getID()
    programs = tls.getPrograms()
    if not programs:
        raise ScenarioError(f"{signal}: the signal has links but no program")
    states = [p.state for program in reversed(programs.values()) for p in program.getPhases()]
    width = len(states[0])
    if max(links) >= width or any(len(s) != width for s in states):
        raise ScenarioError(f"{signal}: link index {max(links)} or a state's length does not fit {width} lamps")
    phases = tuple(Phase(f"{i + 1}", s) for i, s in enumerate(dict.fromkeys(s for s in states if is_green(s))))
    if not phases:
        raise ScenarioError(f"{signal}: its program shows no green to anybody")
    movements = tuple(read_movement(reading, signal, i, links.get(i, [])) for i in range(width))
    lanes = read_lanes(reading, movements)
    conflicts, yields_to = read_conflicts(links, width)
    serves = np.array([[code_of(c) for c in p.lights] for p in phases], dtype=np.int64)
    check_served(signal, movements, phases, serves)
    exceptions = check_conflicts(signal, serves, conflicts, movements)
    uses = np.array([[lane.id in m.lanes for m in movements] for lane in lanes], dtype=bool).reshape(len(lanes), width)
    x_m, y_m = position(links)
    zero = np.zeros((len(phases), len(phases)))
    empty = TimingPlan(signal, (), 0.0, 0.0)
    bare = Intersection(signal, x_m, y_m, lanes, movements, phases, uses, serves, conflicts, yields_to, zero, zero, empty, exceptions)
    yellow_s, all_red_s = intergreens(bare, reading.rules)
    timed = replace(bare, yellow_s=yellow_s, all_red_s=all_red_s)
    return replace(timed, base=base_plan(timed, list(programs.values())[-1]))


def is_green(state: str) -> bool:
    """A phase to choose: somebody has green and nobody yellow."""
    return any(c in GREENS for c in state) and not any(c in "yYu" for c in state)


def code_of(aspect: str) -> int:
    """`Serves` code of one aspect."""
    return {"G": Serves.PROTECTED, "g": Serves.PERMISSIVE}.get(aspect, Serves.NOT)


def position(links: dict[int, list[Any]]) -> tuple[float, float]:
    """Mean position of the junctions under the signal [m, m]."""
    nodes = {n.getID(): n for some in links.values() for link in some if (n := link.getJunction()) is not None}
    xy = np.array([n.getCoord() for n in nodes.values()])
    return float(xy[:, 0].mean()), float(xy[:, 1].mean())


def read_movement(reading: Reading, signal: str, index: int, links: list[Any]) -> Movement:
    """The movement behind one link index; without links it is a dead lamp that serves nobody."""
    name = f"{signal}/{index}"
    if not links:
        return Movement(name, "", Turn.THROUGH, (), (), 0.0, 0.0, 0.0, 0.0)
    crossing = links[0].getTo().getFunction() == "crossing"
    if crossing:
        lane = links[0].getToLane()
        return Movement(name, links[0].getTo().getID(), Turn.CROSSING, (), (), 0.0, 1.2, lane.getLength(), 0.0)
    turns = {TURNS.get(link.getDirection(), Turn.THROUGH) for link in links}
    stop_lanes = tuple(dict.fromkeys(link.getFromLane().getID() for link in links))
    exits = tuple(dict.fromkeys(link.getToLane().getID() for link in links))
    lengths_m, speeds_mps = zip(*(inside(reading.net, link) for link in links), strict=True)
    turning_mps = min(*speeds_mps, links[0].getFromLane().getSpeed())
    storage_veh = sum(downstream_storage_m(reading.net, e, reading.sensing_m) for e in exits) / VEHICLE_SPACE_M
    return Movement(
        id=name,
        approach=links[0].getFrom().getID(),
        turn=next(t for t in TURN_ORDER if t in turns),
        lanes=stop_lanes,
        exits=exits,
        saturation_veh_h=len(stop_lanes) * saturation_veh_h(turning_mps),
        speed_mps=links[0].getFromLane().getSpeed(),
        crossing_m=max(lengths_m),
        exit_storage_veh=storage_veh,
        inside=tuple(dict.fromkeys(lane for link in links for lane in inner_lanes(reading.net, link))),
    )


def saturation_veh_h(speed_mps: float) -> float:
    """Saturation flow of a lane, 3600 / (1.1 + 7.5 / v), as SUMO's default car follows at speed v [veh/h]."""
    return 3600.0 / (1.1 + 7.5 / max(speed_mps, 3.0))


def inside(net: Any, link: Any) -> tuple[float, float]:
    """Length and least speed of a link's way through the junction [m, m/s]."""
    lanes = [net.getLane(lane) for lane in inner_lanes(net, link)]
    return sum(lane.getLength() for lane in lanes), min([link.getFromLane().getSpeed(), *(lane.getSpeed() for lane in lanes)])


def inner_lanes(net: Any, link: Any) -> list[str]:
    """The lanes inside the junction that a link leads over, in order."""
    via, lanes = link.getViaLaneID(), []
    while via:
        lanes.append(via)
        following = net.getLane(via).getOutgoing()
        via = following[0].getViaLaneID() if following else ""
    return lanes


def read_lanes(reading: Reading, movements: tuple[Movement, ...]) -> tuple[Lane, ...]:
    """The stop lanes, each traced upstream through short lanes and plain junctions to the sensing range."""
    lanes = []
    for lane_id in dict.fromkeys(lane for m in movements for lane in m.lanes):
        lane = reading.net.getLane(lane_id)
        upstream, sensed_m, traced_m = trace_upstream(lane, reading.sensing_m)
        lanes.append(Lane(lane_id, lane.getLength(), lane.getSpeed(), upstream, sensed_m, traced_m / VEHICLE_SPACE_M))
    return tuple(lanes)


def read_conflicts(links: dict[int, list[Any]], width: int) -> tuple[Bools, Bools]:
    """Foes [movement, movement] of each junction under the signal, and who waits for whom."""
    conflicts, yields_to = np.zeros((width, width), dtype=bool), np.zeros((width, width), dtype=bool)
    placed = [(i, link.getJunction(), request_index(link)) for i, some in links.items() for link in some]
    for i, node_i, request_i in placed:
        for k, node_k, request_k in placed:
            if i == k or node_i is not node_k or request_i < 0 or request_k < 0 or not node_i.hasFoes():
                continue
            conflicts[i, k] |= bool(node_i.areFoes(request_i, request_k))
            yields_to[i, k] |= waits_for(node_i, request_i, request_k)
    return conflicts | conflicts.T, yields_to


def waits_for(node: Any, request: int, other: int) -> bool:
    """Whether a row of the right-of-way table waits for another; `Node.forbids`, which looks both up anew, is 100 times slower."""
    response = node._prohibits.get(request, "")
    return bool(response) and response[-other - 1] == "1"


def request_index(link: Any) -> int:
    """Row of a link in its junction's right-of-way table; crossings follow the vehicle links."""
    if link.getTo().getFunction() == "crossing":
        inner = list(link.getJunction().getInternal())
        lane_id = link.getToLane().getID()
        return inner.index(lane_id) if lane_id in inner else -1
    return int(link.getJunctionIndex())


def check_served(signal: str, movements: tuple[Movement, ...], phases: tuple[Phase, ...], serves: Ints) -> None:
    """Every movement has green in some phase, or at least a turn on red."""
    for m, movement in enumerate(movements):
        exempt = any(p.lights[m] in "soO" for p in phases)
        if (movement.lanes or movement.turn is Turn.CROSSING) and not serves[:, m].any() and not exempt:
            raise ScenarioError(f"{signal}: movement {m} from {movement.approach} is green in no phase of its program")


def check_conflicts(signal: str, serves: Ints, conflicts: Bools, movements: tuple[Movement, ...]) -> tuple[tuple[int, int], ...]:
    """Crossing pairs that a phase shows protected green together: listed where sites are built so, otherwise an error.

    Built so: two left turns that cut each other's corner, and a turn that merges into the street another movement enters.
    """
    exceptions = []
    for p, row in enumerate(serves):
        for m in np.flatnonzero(row == Serves.PROTECTED):
            for k in np.flatnonzero(conflicts[m] & (row == Serves.PROTECTED)):
                if m < k:
                    if not tolerated(movements[m], movements[k]):
                        raise ScenarioError(f"{signal}: phase {p + 1} shows conflicting greens to movements {m} and {k}")
                    exceptions.append((int(m), int(k)))
    return tuple(dict.fromkeys(exceptions))


def tolerated(one: Movement, other: Movement) -> bool:
    """Whether drivers sort a protected pair out by themselves: opposing lefts, or a turn merging into the same street."""
    turning = {Turn.LEFT, Turn.U_TURN}
    if one.turn in turning and other.turn in turning:
        return True
    streets = [{street_of(lane) for lane in m.exits} for m in (one, other)]
    merging = bool(streets[0] & streets[1])
    return merging and (one.turn is not Turn.THROUGH or other.turn is not Turn.THROUGH)


def base_plan(signal: Intersection, program: Any) -> TimingPlan:
    """The program's green phases in order with their durations, repeating, with the rules' intergreens between."""
    index = {p.lights: i for i, p in enumerate(signal.phases)}
    stages = [Stage(index[p.state], float(p.duration)) for p in program.getPhases() if p.state in index]
    merged = [s for i, s in enumerate(stages) if i == 0 or s.phase != stages[i - 1].phase]
    changes = zip(merged, merged[1:] + merged[:1], strict=True)
    cycle_s = float(sum(a.green_s + signal.intergreen_s[a.phase, b.phase] for a, b in changes))
    offset_s = float(program.getOffset() % cycle_s) if cycle_s > 0.0 else 0.0
    return TimingPlan(signal.id, tuple(merged), 0.0, float("inf"), True, cycle_s, offset_s)

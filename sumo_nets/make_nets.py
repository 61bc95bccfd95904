"""Makes our own small networks and their demand again: `python -m sumo_nets.make_nets [FOLDER]`.

Geometry by SUMO's netgenerate and netconvert; demand by random walks through the net with fixed seeds, so that the
files come out the same each time from the SUMO version that SOURCE.md names. Headers with dates and paths are cut off.
"""

import gzip
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import sumo
import sumolib

from signals.errors import ScenarioError

QUARTER_S = 900.0
TYPES = """    <vType id="car" vClass="passenger" length="4.6" speedDev="0.1"/>
    <vType id="truck" vClass="truck" length="10.0" accel="1.3" maxSpeed="25.0"/>
    <vType id="bus" vClass="bus" length="12.0" accel="1.2" maxSpeed="22.0"/>
"""
SHARES = {"car": 0.955, "truck": 0.030, "bus": 0.015}
CROSS_STREETS_M = {"J1": 0, "J2": 180, "J3": 480, "J4": 630, "J5": 980}
OFFSETS_S = {"J1": 0, "J2": 13, "J3": 35, "J4": 45, "J5": 71}  # a green wave eastwards at 50 km/h


@dataclass(frozen=True, slots=True)
class Flows:
    """Demand of one hour: where it enters, how it turns, how it swells."""

    entries_veh_h: Mapping[str, float]
    """edge id: flow"""
    turns: Mapping[str, float]
    """SUMO's direction letter at a signal: weight; where a direction is not on offer the others share it"""
    side_turns: Mapping[str, float]
    """the same for those who come from an edge that begins with N or S"""
    quarters: tuple[float, float, float, float]  # weight of each quarter of the hour, mean 1
    begin_s: float
    seed: int


GRID = Flows(
    entries_veh_h={
        **dict.fromkeys(("left0A0", "left1A1"), 720.0),
        **dict.fromkeys(("right0B0", "right1B1"), 560.0),
        **dict.fromkeys(("top0A1", "top1B1"), 480.0),
        **dict.fromkeys(("bottom0A0", "bottom1B0"), 440.0),
    },
    turns={"s": 0.72, "l": 0.13, "r": 0.15},
    side_turns={},  # all streets are alike
    quarters=(0.9, 1.1, 1.08, 0.92),
    begin_s=25200.0,
    seed=2022,
)
ARTERIAL = Flows(
    entries_veh_h={
        "W_J1": 780.0,
        "E_J5": 560.0,
        **dict.fromkeys(("N1_J1", "S1_J1", "N2_J2", "S2_J2"), 130.0),
        **dict.fromkeys(("N3_J3", "S3_J3"), 190.0),
        **dict.fromkeys(("N4_J4", "N5_J5", "S5_J5"), 140.0),
    },
    turns={"s": 0.85, "l": 0.06, "r": 0.09},
    side_turns={"s": 0.36, "l": 0.30, "r": 0.34},
    quarters=(0.9, 1.12, 1.06, 0.92),
    begin_s=61200.0,
    seed=5,
)


def make_grid(folder: Path) -> None:
    """grid_2x2: four signals, blocks of 200 m, two lanes, left-turn pockets, lefts permissive and then protected."""
    net = folder / "net.xml"
    run_tool(
        *("netgenerate", "--grid", "--grid.number", "2", "--grid.length", "200", "--grid.attach-length", "200"),
        *("--default.lanenumber", "2", "--default.speed", "13.89", "--turn-lanes", "1", "--turn-lanes.length", "60"),
        *("--default-junction-type", "traffic_light", "--tls.cycle.time", "90", "--tls.left-green.time", "8"),
        *("--no-turnarounds", "--output-file", str(net)),
    )
    net.write_text(without_header(net.read_text(encoding="utf-8")), encoding="utf-8")
    write_routes(folder / "routes.xml.gz", net, GRID)


def make_arterial(folder: Path) -> None:
    """arterial_5: five signals 150-350 m apart, crossings, pockets at three, a stop edge of 5 m to J2 from the east."""
    net = folder / "net.xml"
    with tempfile.TemporaryDirectory() as plain:
        nodes, edges = Path(plain) / "plain.nod.xml", Path(plain) / "plain.edg.xml"
        nodes.write_text(arterial_nodes(), encoding="utf-8")
        edges.write_text(arterial_edges(), encoding="utf-8")
        run_tool(
            *("netconvert", "--node-files", str(nodes), "--edge-files", str(edges), "--crossings.guess"),
            *("--tls.cycle.time", "90", "--tls.left-green.time", "8", "--no-turnarounds", "--output-file", str(net)),
        )
    text = without_header(net.read_text(encoding="utf-8"))
    for signal, offset_s in OFFSETS_S.items():
        old = f'<tlLogic id="{signal}" type="static" programID="0" offset="0">'
        text = text.replace(old, old.replace('offset="0"', f'offset="{offset_s}"'))
    net.write_text(text, encoding="utf-8")
    write_routes(folder / "routes.xml.gz", net, ARTERIAL)


def arterial_nodes() -> str:
    """netconvert's node file: main street west to east, side streets north and south; J4 has no southern arm."""
    rows = [("W", -350, 0, "dead_end"), ("E", 1330, 0, "dead_end")]
    for signal, x_m in CROSS_STREETS_M.items():
        rows += [(signal, x_m, 0, "traffic_light"), (f"N{signal[1]}", x_m, 220, "dead_end")]
        rows += [(f"S{signal[1]}", x_m, -220, "dead_end")] if signal != "J4" else []
    lines = [f'  <node id="{name}" x="{x}" y="{y}" type="{kind}"/>\n' for name, x, y, kind in rows]
    return f"<nodes>\n{''.join(lines)}</nodes>\n"


def arterial_edges() -> str:
    """netconvert's edge file: sidewalks; pockets at J1, J3, J5 (the edge split 60 m ahead of the node); J2's trap."""
    main = ["W", *CROSS_STREETS_M, "E"]
    splits = {"J1": (-60, "0 1 2 3"), "J3": (-60, "0 1 2 3"), "J5": (-60, "0 1 2 3")}
    pairs = [pair for a, b in pairwise(main) for pair in ((a, b), (b, a))]
    lines = []
    for a, b in pairs:
        split = (-12, "0 1 2") if (a, b) == ("J3", "J2") else splits.get(b)
        lines.append(edge_line(a, b, 'numLanes="2" speed="13.89" priority="3"', split))
    for signal in CROSS_STREETS_M:
        for side in ("N", "S") if signal != "J4" else ("N",):
            for a, b in ((f"{side}{signal[1]}", signal), (signal, f"{side}{signal[1]}")):
                lines.append(edge_line(a, b, 'numLanes="1" speed="11.11" priority="1"', None))
    return f"<edges>\n{''.join(lines)}</edges>\n"


def edge_line(a: str, b: str, attributes: str, split: tuple[int, str] | None) -> str:
    """One edge of the plain network, split by a plain node where it says so."""
    head = f'  <edge id="{a}_{b}" from="{a}" to="{b}" {attributes} sidewalkWidth="2.00"'
    if split is None:
        return f"{head}/>\n"
    names = f'id="{a}_{b}_node" idBefore="{a}_{b}" idAfter="{a}_{b}_stop"'
    return f'{head}>\n    <split pos="{split[0]}" lanes="{split[1]}" {names}/>\n  </edge>\n'


def run_tool(name: str, *arguments: str) -> None:
    """Run one of SUMO's tools; ScenarioError with its last words if it fails."""
    tool = Path(sumo.SUMO_HOME) / "bin" / name
    done = subprocess.run([str(tool), *arguments], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise ScenarioError(f"{name} failed: {done.stderr.strip()[-400:]}")


def without_header(text: str) -> str:
    """The XML without the generator's comment, which holds the date and the paths of the machine."""
    return re.sub(r"<!-- generated on .*?-->\s*", "", text, count=1, flags=re.DOTALL)


def write_routes(path: Path, net: Path, flows: Flows) -> None:
    """One hour of vehicles: uniform times within each quarter (Poisson, given its count), a random walk each."""
    rng = random.Random(flows.seed)
    graph = sumolib.net.readNet(str(net))
    rows: list[tuple[float, str, str]] = []
    for entry, flow_veh_h in flows.entries_veh_h.items():
        for quarter, weight in enumerate(flows.quarters):
            for _ in range(round(flow_veh_h / 4 * weight)):
                depart_s = flows.begin_s + (quarter + rng.random()) * QUARTER_S
                kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
                rows.append((round(depart_s, 1), kind, walk(graph, entry, flows, rng)))
    rows.sort()
    names = {route: f"r{i}" for i, route in enumerate(sorted({row[2] for row in rows}))}
    routes = "".join(f'    <route id="{name}" edges="{edges}"/>\n' for edges, name in names.items())
    vehicles = "".join(
        f'    <vehicle id="{kind}.{i}" type="{kind}" route="{names[edges]}" depart="{depart_s}" departLane="best" departSpeed="max"/>\n'
        for i, (depart_s, kind, edges) in enumerate(rows)
    )
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as file:
        file.write(f"<routes>\n{TYPES}{routes}{vehicles}</routes>\n".encode())


def walk(graph: Any, entry: str, flows: Flows, rng: random.Random) -> str:
    """Edge ids from an entry to an exit, turning at random; a walk that comes by a junction twice is drawn again."""
    while True:
        edge = graph.getEdge(entry)
        edges, nodes = [entry], [edge.getToNode().getID()]
        while ways := {e: links for e, links in edge.getOutgoing().items() if e.allows("passenger")}:
            turns = flows.side_turns if edge.getID()[0] in "NS" else flows.turns
            directions = [links[0].getDirection() for links in ways.values()]
            edge = rng.choices(list(ways), [turns[d] for d in directions])[0] if len(ways) > 1 else next(iter(ways))
            edges.append(edge.getID())
            nodes.append(edge.getToNode().getID())
        if len(set(nodes)) == len(nodes):
            return " ".join(edges)


def main(folder: Path) -> None:
    """Make both networks under this folder."""
    for name, make in (("grid_2x2", make_grid), ("arterial_5", make_arterial)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        make(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)

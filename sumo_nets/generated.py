"""Networks to train on besides the catalogue's: grids and arterials by SUMO's netgenerate, with demand by random walks.

The same description gives the same files, so a run that was killed finds or makes them again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import sumolib

from signals.errors import ScenarioError
from sumo_nets.make_nets import Flows, run_tool, without_header, write_routes

BEGIN_S = 25200.0
QUARTERS = (0.85, 1.15, 1.1, 0.9)
SPREAD = 0.4  # an entry's flow differs from the mean by up to this share


@dataclass(frozen=True, slots=True)
class Generated:
    """`rows` x `columns` signals; one row of them is an arterial, whose side streets carry `side_share` of its flow."""

    rows: int
    columns: int
    block_m: float = 200.0
    lanes: int = 2
    entry_veh_h: float = 500.0
    side_share: float = 1.0
    seed: int = 1

    @property
    def name(self) -> str:
        """Says all that it is made of."""
        flow = f"{self.entry_veh_h:g}x{self.side_share:g}"
        return f"made_{self.rows}x{self.columns}_{self.block_m:g}m_{self.lanes}_{flow}_{self.seed}"


def generate(made: Generated, folder: Path) -> Path:
    """Make the network under `folder` unless it is there; the folder with its scenario.toml."""
    check(made)
    place = folder / made.name
    if (place / "scenario.toml").is_file():
        return place
    place.mkdir(parents=True, exist_ok=True)
    net = place / "net.xml"
    run_tool(
        *("netgenerate", "--grid", "--grid.x-number", str(made.columns), "--grid.y-number", str(made.rows)),
        *("--grid.length", f"{made.block_m:g}", "--grid.attach-length", f"{made.block_m:g}"),
        *("--default.lanenumber", str(made.lanes), "--default.speed", "13.89", "--turn-lanes", "1", "--turn-lanes.length", "50"),
        *("--default-junction-type", "traffic_light", "--tls.cycle.time", "90", "--tls.left-green.time", "8"),
        *("--no-turnarounds", "--output-file", str(net)),
    )
    net.write_text(without_header(net.read_text(encoding="utf-8")), encoding="utf-8")
    write_routes(place / "routes.xml.gz", net, flows(made, net))
    text = f'title = "{made.rows} x {made.columns} signals, generated"\nnet = "net.xml"\nroutes = ["routes.xml.gz"]\n'
    text += f'begin_s = {BEGIN_S:g}.0\nend_s = {BEGIN_S + 3600.0:g}.0\nsource = "netgenerate"\n'
    (place / "scenario.toml").write_text(text, encoding="utf-8")  # last: what has one is whole
    return place


def flows(made: Generated, net: Path) -> Flows:
    """Every entry's flow: the mean times a chance of its own, less in an arterial's side streets."""
    rng = random.Random(made.seed)
    entries = {}
    for edge in sorted(edge.getID() for edge in sumolib.net.readNet(str(net)).getEdges() if not edge.getFromNode().getIncoming()):
        share = made.side_share if edge.startswith(("top", "bottom")) else 1.0
        entries[edge] = made.entry_veh_h * share * (1.0 + SPREAD * (2.0 * rng.random() - 1.0))
    return Flows(entries, {"s": 0.7, "l": 0.14, "r": 0.16}, {}, QUARTERS, BEGIN_S, made.seed)


def check(made: Generated) -> None:
    """ScenarioError where no such network can be made."""
    if not (made.rows >= 1 and made.columns >= 1 and made.rows * made.columns <= 100):
        raise ScenarioError(f"generated: {made.rows} x {made.columns} signals; expected 1 to 100 in all")
    if not (60.0 <= made.block_m <= 1000.0 and 1 <= made.lanes <= 4):
        raise ScenarioError(f"generated: blocks of {made.block_m:g} m, {made.lanes} lanes; expected 60 to 1000 m and 1 to 4 lanes")
    if not (0.0 < made.entry_veh_h <= 3000.0 and 0.0 < made.side_share <= 2.0):
        raise ScenarioError(
            f"generated: {made.entry_veh_h:g} veh/h an entry, side share {made.side_share:g}; expected up to 3000 veh/h and a share up to 2"
        )

"""`citybrain sensors`: detectors for a network, as SUMO's additional file and as JSON."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from citybrain.output import writable, write_text
from signals.errors import ConfigError
from signals.rules import RULES

console = Console()


def sensors(
    scenario: Annotated[str, typer.Argument(help="catalogue name, or a folder with a scenario.toml")] = "",
    out: Annotated[str, typer.Option(help="SUMO's additional file to write")] = "",
    kind: Annotated[str, typer.Option(help="loops (E1: stop line, upstream, exits) or area (E2: cameras, radars)")] = "loops",
    net: Annotated[str, typer.Option(help="net.xml of your own, instead of a scenario")] = "",
    json_file: Annotated[str, typer.Option("--json", help="write every detector with the stop lines ahead of it here")] = "",
) -> None:
    """Place detectors on every approach and exit of a network's signals."""
    if bool(scenario) == bool(net):
        raise ConfigError("expected a scenario, or --net FILE; not both")
    if not out:
        raise ConfigError("--out FILE.add.xml: expected the additional file to write")
    places, networks = importlib.import_module("sumo_nets.sensors"), importlib.import_module("sumo_nets.network")
    file = Path(net) if net else importlib.import_module("sumo_nets.scenario").scenario(scenario).net
    for one in (out, json_file):
        if one:
            writable(Path(one))
    network = networks.read_network(file, RULES["resco"])
    detectors = places.place_detectors(network, file, kind)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    places.write_detectors(detectors, Path(out))
    if json_file:
        lanes = [lane.id for s in network.signals for lane in s.lanes]
        rows = [asdict(d) for d in detectors]
        for row in rows:
            row["ways"] = [{"stop_lane": lanes[way["lane"]], "beyond_m": round(way["beyond_m"], 2)} for way in row["ways"]]
        write_text(Path(json_file), json.dumps({"network": network.name, "kind": kind, "detectors": rows}, indent=1) + "\n")
    table = Table("place", "detectors", box=None)
    for place, number in sorted(Counter(d.place for d in detectors).items()):
        table.add_row(place, str(number))
    console.print(table)
    console.print(f"{len(detectors)} detectors ({kind}) for {len(network.signals)} signals: {out}", soft_wrap=True)

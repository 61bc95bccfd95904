"""`citybrain plan` and `citybrain run`: plan sheets for flows, and the loop on a street that somebody else started."""

from __future__ import annotations

import importlib
import math
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from citybrain import assemble
from citybrain.config import configured
from signals.errors import ConfigError

console = Console()


def plan(
    scenario: Annotated[str, typer.Argument(help="catalogue name or folder; its demand gives the flows unless --flows does")] = "",
    net: Annotated[str, typer.Option(help="net.xml of your own, with --flows")] = "",
    flows: Annotated[str, typer.Option(help="CSV with the columns movement, flow_veh_h")] = "",
    rules: Annotated[str, typer.Option(help="resco, free or street")] = "street",
    out: Annotated[Path, typer.Option(help="folder for plans.json, plans.csv, plans.add.xml")] = Path("out/plan"),
) -> None:
    """Flows of a network in, timing plans out: cycle, splits, saturation, delay and level of service per signal."""
    planning = importlib.import_module("citybrain.planning")
    network, flow_veh_h, limits = inputs(scenario, net, flows, rules)
    sheets = planning.plan_sheets(network, limits, flow_veh_h)
    paths = planning.write_plans(sheets, out)
    table = Table("signal", "cycle s", "greens s", "highest v/c", "mean delay s/veh", "LOS", box=None)
    for one in sheets:
        greens = " ".join(f"{s.green_s:.0f}" for s in one.approved.plan.stages)
        worst = max((x for x in one.degree.tolist() if math.isfinite(x)), default=0.0)
        table.add_row(
            one.signal.id,
            f"{one.approved.plan.cycle_s:.0f}",
            greens,
            f"{worst:.2f}",
            f"{one.mean_delay_s:.1f}",
            one.grade,
        )
    console.print(table)
    console.print("written: " + ", ".join(str(p) for p in paths))


def inputs(scenario: str, net: str, flows: str, rules: str) -> tuple[Any, Any, Any]:
    """Network, flows [movement] and limits that the options name."""
    scenarios, networks = importlib.import_module("sumo_nets.scenario"), importlib.import_module("sumo_nets.network")
    planning, counting = importlib.import_module("citybrain.planning"), importlib.import_module("sumo_nets.counting")
    envelope = importlib.import_module("signals.rules").envelope
    if bool(scenario) == bool(net) or (net and not flows):
        raise ConfigError("expected a scenario, or --net FILE with --flows FILE")
    chosen = assemble.rules(rules)
    found = scenarios.check(scenarios.scenario(scenario)) if scenario else None
    network = networks.read_network(found.net if found else Path(net), chosen)
    if flows:
        flow_veh_h = planning.read_flows(Path(flows), network)
    else:
        counts_veh = counting.expected_counts(found, network)
        flow_veh_h = counts_veh.mean(axis=0) * 3600.0 / counting.BIN_S
    return network, flow_veh_h, tuple(envelope(s, chosen) for s in network.signals)


def run(
    port: Annotated[int, typer.Option(help="where SUMO listens (its --remote-port)")] = 0,
    net: Annotated[str, typer.Option(help="the net.xml that SUMO runs")] = "",
    host: Annotated[str, typer.Option(help="the machine SUMO runs on")] = "127.0.0.1",
    order: Annotated[int, typer.Option(help="our place among SUMO's clients (its --num-clients)")] = 1,
    controller: Annotated[str, typer.Option(help="see `citybrain controllers`")] = "learned",
    rules: Annotated[str, typer.Option(help="resco, free or street")] = "street",
    forecast: Annotated[str, typer.Option(help="last, none, or the folder of a stored forecaster")] = "last",
    clock: Annotated[str, typer.Option(help="sim: as fast as it goes; wall: one second a second")] = "sim",
    speed: Annotated[float, typer.Option(help="simulated seconds per second of the wall clock")] = 1.0,
    until: Annotated[float, typer.Option(help="stop at this second; 0: when SUMO ends")] = 0.0,
    journal: Annotated[str, typer.Option(help="append every tick to this SQLite file")] = "",
    config: Annotated[str, typer.Option(help="TOML file with these settings, instead of the options")] = "",
) -> None:
    """Steer a SUMO or sumo-gui that somebody else started with --remote-port; release its signals at the end."""
    street = importlib.import_module("citybrain.street")
    if config:
        spec = configured(Path(config), street.StreetSpec)
    elif port and net:
        spec = street.StreetSpec(net, port, host, order, controller, rules, forecast, clock, speed, until, journal)
    else:
        raise ConfigError("expected --port and --net, or --config FILE")
    stop = street.Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.asked = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    with console.status("joining …") as status:

        def seen(tick: Any) -> None:
            queued = float(tick.observed.queue_veh[tick.observed.queue_veh == tick.observed.queue_veh].sum())
            status.update(f"{tick.now_s:.0f} s, {queued:.0f} vehicles queued (simulated)")

        ticks = street.steer(spec, seen, stop)
    console.print(f"{ticks} ticks; signals released to their base plans")

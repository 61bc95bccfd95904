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
from citybrain.wording import number
from signals.errors import ConfigError

console = Console()


def plan(
    scenario: Annotated[str, typer.Argument(help="catalogue name or folder; its demand gives the flows unless --flows does")] = "",
    net: Annotated[str, typer.Option(help="net.xml of your own, with --flows")] = "",
    flows: Annotated[str, typer.Option(help="CSV with the columns movement, flow_veh_h")] = "",
    rules: Annotated[str, typer.Option(help="resco, free or street")] = "street",
    method: Annotated[str, typer.Option(help="webster: each signal on its own; coordinated: one cycle, with offsets")] = "webster",
    cycle: Annotated[float | None, typer.Option(help="the cycle of every signal, instead of the best one [s]")] = None,
    peak: Annotated[bool, typer.Option("--peak", help="plan for the demand's busiest quarter of an hour, not for its mean")] = False,
    arterial: Annotated[
        list[str] | None, typer.Option(help="draw this one: signals in order, separated by commas; may be repeated")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for plans.json, plans.csv, plans.add.xml, plans.html")] = Path("out/plan"),
) -> None:
    """Flows of a network in, timing plans out: cycle, splits, offsets, saturation, delay, queues, level of service, time-space diagrams."""
    planning, files = importlib.import_module("citybrain.planning"), importlib.import_module("citybrain.plan_files")
    arterials, page = importlib.import_module("citybrain.arterials"), importlib.import_module("citybrain.plan_page")
    network, flow_veh_h, limits = inputs(scenario, net, flows, rules, peak)
    named = [arterials.named_arterial(network, flow_veh_h, one.split(",")) for one in arterial or []]
    chosen = tuple(named) or arterials.arterials(network, flow_veh_h)
    sheets = planning.plan_sheets(network, limits, flow_veh_h, method=method, cycle_s=cycle)
    paths = [*files.write_plans(sheets, out)]
    origin = page.Origin(
        title=scenario or Path(net).name,
        how=f"{method} plans under the rules {rules}, for the flows of "
        + (Path(flows).name if flows else f"{scenario}'s demand, {'its busiest quarter of an hour' if peak else 'its mean'}"),
        command=plan_command(scenario, net, flows, rules, method, cycle, arterial or []) + (" --peak" if peak else ""),
    )
    console.print(plan_table(sheets))
    try:
        importlib.import_module("citybrain.report").require_extra()
    except ConfigError as error:
        console.print(f"no page: {error}", markup=False)
    else:
        paths.append(page.write_page(out / "plans.html", network, sheets, chosen, origin, arms(scenario, net, network)))
    console.print("written: " + ", ".join(str(p) for p in paths), markup=False)


def arms(scenario: str, net: str, network: Any) -> dict[str, dict[str, str]]:
    """By signal and approach: the compass point it comes from."""
    bearings = importlib.import_module("sumo_nets.bearings")
    from_deg = bearings.bearings_deg(net_file(scenario, net))
    return {s.id: bearings.arm_names(s, from_deg) for s in network.signals}


def net_file(scenario: str, net: str) -> Path:
    """The net.xml that the options name."""
    scenarios = importlib.import_module("sumo_nets.scenario")
    return Path(scenarios.check(scenarios.scenario(scenario)).net) if scenario else Path(net)


def plan_table(sheets: tuple[Any, ...]) -> Table:
    """A line a signal."""
    table = Table("signal", "cycle s", "offset s", "greens s", "highest v/c", "mean delay s/veh", "LOS", box=None)
    for one in sheets:
        greens = " ".join(f"{s.green_s:.0f}" for s in one.plan.stages)
        worst = one.binding.degree if one.binding else math.nan
        offset = f"{one.plan.offset_s:.0f}" if one.coordinated else "-"
        table.add_row(one.signal.id, f"{one.plan.cycle_s:.0f}", offset, greens, number(worst, 2), number(one.mean_delay_s, 1), one.grade)
    return table


def plan_command(scenario: str, net: str, flows: str, rules: str, method: str, cycle: float | None, arterials: list[str]) -> str:
    """The command line that makes these plans again."""
    words = ["citybrain plan", *([scenario] if scenario else []), *(["--net", net] if net else []), *(["--flows", flows] if flows else [])]
    words += ["--rules", rules, "--method", method, *(["--cycle", f"{cycle:g}"] if cycle is not None else [])]
    return " ".join([*words, *(f"--arterial {one}" for one in arterials)])


def inputs(scenario: str, net: str, flows: str, rules: str, peak: bool = False) -> tuple[Any, Any, Any]:
    """Network, flows [movement] and limits that the options name; lanes are traced up to the signal before."""
    scenarios, networks = importlib.import_module("sumo_nets.scenario"), importlib.import_module("sumo_nets.network")
    planning, counting = importlib.import_module("citybrain.planning"), importlib.import_module("sumo_nets.counting")
    envelope = importlib.import_module("signals.rules").envelope
    if bool(scenario) == bool(net) or (net and not flows):
        raise ConfigError("expected a scenario, or --net FILE with --flows FILE")
    if peak and flows:
        raise ConfigError("--peak is for a scenario's own demand; the table of --flows says itself which flows it holds")
    chosen = assemble.rules(rules)
    network = networks.read_network(net_file(scenario, net), chosen, sensing_m=planning.TRACED_M)
    if flows:
        flow_veh_h = planning.read_flows(Path(flows), network)
    else:
        counts_veh = counting.expected_counts(scenarios.scenario(scenario), network)
        wanted_veh = counts_veh[counts_veh.sum(axis=1).argmax()] if peak else counts_veh.mean(axis=0)
        flow_veh_h = wanted_veh * 3600.0 / counting.BIN_S
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

    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, ask)
    with console.status("joining …") as status:

        def seen(tick: Any) -> None:
            queued = float(tick.observed.queue_veh[tick.observed.queue_veh == tick.observed.queue_veh].sum())
            status.update(f"{tick.now_s:.0f} s, {queued:.0f} vehicles queued (simulated)")

        ticks = street.steer(spec, seen, stop)
    console.print(f"{ticks} ticks; signals released to their base plans")

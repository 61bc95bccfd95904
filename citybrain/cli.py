"""The command line: one verb, one call of one function. Bad input ends with one sentence and exit code 2."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from citybrain import assemble, wire
from citybrain.cli_ask import ask_app
from citybrain.cli_export import export
from citybrain.cli_forecast import forecast_app
from citybrain.cli_forecast_upkeep import rollback, upkeep
from citybrain.cli_keys import audit_app, keys_app
from citybrain.cli_leaderboard import leaderboard
from citybrain.cli_ops import backup, doctor, restore
from citybrain.cli_sensors import sensors
from citybrain.cli_serve import serve
from citybrain.cli_service import plan, run
from citybrain.cli_train import train
from citybrain.cli_tune import tune
from citybrain.output import writable, write_text
from signals.errors import ConfigError, SignalsError
from signals.metrics import METRICS

SENSING_HELP = "what the controller sees by: ideal, area (cameras, radars) or loops"
FAULTS_HELP = "share of the detectors that are silent all run, chosen by the seed"
DEMAND_HELP = "times the scenario's demand; who comes more than once, or not at all, is chosen by the seed"
HEAVY_HELP = "share of the cars that are trucks and buses instead, chosen by the seed"
INCIDENT_HELP = "a breakdown closes a lane of the busiest street to a signal for a quarter of the run"

console = Console()
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="City brain: forecast, plan, vet and dispatch traffic signals, and measure what it is worth.",
)
forecast_app.command()(upkeep)
forecast_app.command()(rollback)
app.add_typer(forecast_app, name="forecast")
app.add_typer(keys_app, name="keys")
app.add_typer(audit_app, name="audit")
app.add_typer(ask_app, name="ask")
app.command()(train)
app.command()(tune)
app.command()(export)
app.command()(plan)
app.command()(run)
app.command()(serve)
app.command()(doctor)
app.command()(backup)
app.command()(restore)
app.command()(sensors)
app.command()(leaderboard)


@app.command()
def scenarios() -> None:
    """List the catalogue: RESCO's eight networks, and our own small ones."""
    catalogue = importlib.import_module("sumo_nets.scenario").catalogue()
    table = Table("name", "from s", "to s", "what it is", box=None)
    for entry in catalogue:
        table.add_row(
            entry.name,
            f"{entry.begin_s:.0f}",
            f"{entry.end_s:.0f}",
            entry.title if entry.available else f"[dim]{escape(entry.missing)}[/dim]",
        )
    console.print(table)


@app.command()
def controllers() -> None:
    """List who can run the signals."""
    table = Table("name", "what it does", box=None)
    for one in assemble.CONTROLLERS.values():
        table.add_row(one.name, one.title)
    table.add_row("policy:FOLDER", "a policy of your own, as `citybrain train` exports it")
    console.print(table)


@app.command()
def evaluate(
    scenario: Annotated[str, typer.Argument(help="catalogue name, or a folder with a scenario.toml")] = "",
    controller: Annotated[str, typer.Option(help="see `citybrain controllers`")] = "learned",
    seed: Annotated[int, typer.Option(help="of SUMO")] = 1,
    rules: Annotated[str, typer.Option(help="resco, free or street")] = "resco",
    net: Annotated[str, typer.Option(help="net.xml of your own, instead of a scenario")] = "",
    routes: Annotated[list[str] | None, typer.Option(help="its demand; may be repeated")] = None,
    begin: Annotated[float | None, typer.Option(help="first second [s]")] = None,
    end: Annotated[float | None, typer.Option(help="last second [s]")] = None,
    backend: Annotated[str, typer.Option(help="libsumo, or traci (slower, a SUMO process of its own)")] = "libsumo",
    forecast: Annotated[str, typer.Option(help="forecaster in the loop: a model's name, a folder, or none")] = "residual",
    tripinfo: Annotated[str, typer.Option(help="keep SUMO's tripinfo here")] = "",
    json_file: Annotated[str, typer.Option("--json", help="write the result here")] = "",
    additional: Annotated[list[str] | None, typer.Option(help="additional file for SUMO; may be repeated")] = None,
    sensing: Annotated[str, typer.Option(help=SENSING_HELP)] = "ideal",
    sensor_faults: Annotated[float, typer.Option(help=FAULTS_HELP)] = 0.0,
    demand: Annotated[float, typer.Option(help=DEMAND_HELP)] = 1.0,
    heavy: Annotated[float, typer.Option(help=HEAVY_HELP)] = 0.0,
    incident: Annotated[bool, typer.Option("--incident", help=INCIDENT_HELP)] = False,
    explain: Annotated[str, typer.Option(help="one sentence per new plan, as JSON lines in this file")] = "",
    language: Annotated[str, typer.Option(help="of the sentences: en or zh")] = "en",
) -> None:
    """Run one episode and measure it from SUMO's own tripinfo."""
    episode = importlib.import_module("citybrain.episode")
    spec = episode.EpisodeSpec(
        scenario, controller, seed, rules, net, tuple(routes or ()), begin, end, backend,
        str(Path(tripinfo).absolute()) if tripinfo else "", tuple(additional or ()), forecast,
        sensing=sensing, sensor_faults=sensor_faults, demand=demand, heavy=heavy, incident=incident,
        explain=str(Path(explain).absolute()) if explain else "", language=language,
    )  # fmt: skip
    assemble.controller(controller)
    if json_file:
        writable(Path(json_file))
    result = run_with_bar(spec)
    if json_file:
        write_text(Path(json_file), json.dumps(wire.finite(result), indent=1, allow_nan=False) + "\n")
    print_result(result)


def run_with_bar(spec: Any) -> dict[str, Any]:
    """The episode in a fresh process, with a progress bar on a terminal."""
    worker = importlib.import_module("citybrain.worker")
    terminal = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
        console=terminal, transient=True, disable=not terminal.is_terminal,
    )  # fmt: skip
    with bar, worker.Worker() as one:
        task = bar.add_task(f"{spec.scenario or spec.net} {spec.controller} seed {spec.seed}", total=1.0)

        def show(begin_s: float, now_s: float, end_s: float) -> None:
            bar.update(task, completed=(now_s - begin_s) / max(end_s - begin_s, 1.0))

        found: dict[str, Any] = one.run(spec, show)
    return found


def print_result(result: dict[str, Any]) -> None:
    """What was run, and a line a metric."""
    console.print(
        f"[bold]{result['scenario']}[/bold], {result['controller']}, seed {result['seed']}, rules {result['rules']}: "
        f"{result['begin_s']:.0f}-{result['end_s']:.0f} s, SUMO {result['sumo_version']} (simulated)"
        f"{demand_words(result)}{sensed_words(result)}"
    )
    table = Table("measure", "value", "unit", box=None)
    for key, metric in METRICS.items():
        table.add_row(f"{metric.title} {metric.title_zh}", f"{result[key]:.{metric.digits}f}", metric.unit)
    table.add_row("safety violations 安全违规", str(result["safety_violations"]), "")
    console.print(table)
    for sentence in result["violations"][:5]:
        console.print(escape(sentence), style="red")


def demand_words(result: dict[str, Any]) -> str:
    """How the demand was changed, and what closed a lane; nothing about the scenario's own."""
    words = "" if result["demand"] == 1.0 else f", demand times {result['demand']:g}"
    words += "" if result["heavy"] == 0.0 else f", {result['heavy']:.0%} of the cars heavy"
    closed = result["incident"]
    return words if closed is None else f"{words}, lane {closed['lane']} closed {closed['begin_s']:.0f}-{closed['end_s']:.0f} s"


def sensed_words(result: dict[str, Any]) -> str:
    """Which sensors the controller saw by; nothing about ideal ones."""
    if result["sensing"] == "ideal":
        return ""
    return f", sensing {result['sensing']}, {result['sensor_faults']:.0%} of the detectors silent"


@app.command()
def bench(
    scenarios: Annotated[str, typer.Option(help="names or folders, separated by commas")] = "resco/cologne1,resco/cologne3,resco/cologne8",
    controllers: Annotated[
        str, typer.Option(help="names, separated by commas")
    ] = "fixed,actuated,webster,max_pressure,rolling_horizon,learned",
    seeds: Annotated[str, typer.Option(help="10 means 1 to 10; or a list 3,5 or a range 101-110")] = "10",
    jobs: Annotated[int, typer.Option(help="episodes at a time")] = 2,
    out: Annotated[Path, typer.Option(help="folder for results, report and pictures; run again to resume")] = Path("out/bench"),
    rules: Annotated[str, typer.Option(help="resco, free or street")] = "resco",
    baseline: Annotated[str, typer.Option(help="the controller that others are compared with")] = "fixed",
    forecast: Annotated[str, typer.Option(help="forecaster in the loop: a model's name, a folder, or none")] = "residual",
    sensing: Annotated[str, typer.Option(help=SENSING_HELP)] = "ideal",
    sensor_faults: Annotated[float, typer.Option(help=FAULTS_HELP)] = 0.0,
    demand: Annotated[float, typer.Option(help=DEMAND_HELP)] = 1.0,
    heavy: Annotated[float, typer.Option(help=HEAVY_HELP)] = 0.0,
    incident: Annotated[bool, typer.Option("--incident", help=INCIDENT_HELP)] = False,
) -> None:
    """Run scenarios x controllers x seeds in parallel, compare in pairs, and write an HTML report."""
    # The benchmarks stand above this package, so they are found by name, like every other part.
    matrix = importlib.import_module("benchmarks.matrix")
    code = matrix.bench(
        scenarios=scenarios.split(","), controllers=controllers.split(","), seeds=seeds_of(seeds), jobs=jobs, out=out,
        rules=rules, forecast=forecast, sensing=sensing, sensor_faults=sensor_faults, demand=demand, heavy=heavy,
        incident=incident, console=console, baseline=baseline,
    )  # fmt: skip
    raise typer.Exit(code)


def seeds_of(text: str) -> list[int]:
    """`10` → 1 … 10, `3,5` → 3 and 5, `101-110` → 101 … 110; ConfigError otherwise."""
    try:
        if "," in text:
            return [int(part) for part in text.split(",")]
        first, dash, last = text.partition("-")
        found = list(range(int(first), int(last) + 1)) if dash else list(range(1, int(text) + 1))
    except ValueError as error:
        raise ConfigError(f"--seeds {text!r}: expected a number, a list 3,5 or a range 101-110") from error
    if not found:
        raise ConfigError(f"--seeds {text!r}: no seed in it")
    return found


def main() -> None:
    """Entry point: the project's errors become one sentence and exit code 2."""
    try:
        app()
    except SignalsError as error:
        print(f"citybrain: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("citybrain: interrupted", file=sys.stderr)
        sys.exit(130)
    except ModuleNotFoundError as error:
        print(f"citybrain: {error.name} is not installed; {extra_for(error.name or '')}", file=sys.stderr)
        sys.exit(2)


def extra_for(module: str) -> str:
    """Which extra brings a missing package."""
    extras = {
        "sumo": ("libsumo", "traci", "sumolib", "sumo", "gymnasium"),
        "train": ("torch", "stable_baselines3", "sb3_contrib", "tensorboard"),
        "tune": ("optuna",),
        "report": ("matplotlib", "jinja2"),
        "serve": ("fastapi", "starlette", "uvicorn", "pydantic", "aiomqtt"),
    }
    for extra, modules in extras.items():
        if module.split(".", maxsplit=1)[0] in modules:
            return f"pip install 'citybrain[{extra}]'"
    return "is the installation complete?"

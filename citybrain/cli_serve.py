"""`citybrain serve`: the service on a city's file, or on a simulated street with `--demo`."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console

from signals.errors import ConfigError

console = Console()
LOOK_S = 0.1
PATIENCE_S = 10.0  # after which somebody who waits for the first plan is told why


def serve(
    city: Annotated[Path | None, typer.Argument(help="the city's file, city.toml")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="a simulated street with everything that belongs to it")] = False,
    scenario: Annotated[str, typer.Option(help="with --demo: catalogue name or folder")] = "resco/cologne8",
    speed: Annotated[float, typer.Option(help="with --demo: simulated seconds a second")] = 1.0,
    port: Annotated[int, typer.Option(help="with --demo: of the page; 0: any that is free")] = 8080,
    controller: Annotated[str, typer.Option(help="with --demo: who plans; see `citybrain controllers`")] = "learned",
    mode: Annotated[str, typer.Option(help="with --demo: observe, shadow, advise or automatic")] = "automatic",
    seed: Annotated[int, typer.Option(help="with --demo: of the simulation")] = 1,
    out: Annotated[Path, typer.Option(help="with --demo: folder for city.toml and the service's state")] = Path("out/serve"),
) -> None:
    """Run the service: plans for every signal, around the clock, watched on a page. Ctrl-C gives the signals back and ends it."""
    if demo == (city is not None):
        raise ConfigError("expected a city's file, or --demo")
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, ask)
    if demo:
        show = importlib.import_module("citybrain.service.demo")
        assemble = importlib.import_module("citybrain.assemble")
        assemble.controller(controller)
        spec = show.DemoSpec(scenario, out, port, speed, seed, controller, mode)
        raise typer.Exit(run_demo(show, spec, stop))
    raise typer.Exit(run_service(Path(str(city)), stop))


def run_demo(show: Any, spec: Any, stop: threading.Event) -> int:
    """The street, and the service beside it, until somebody has seen enough."""
    with console.status("starting the street …"):
        street = show.Street(spec)
    try:
        path = show.write_settings(spec, street.port, street.secret_file)
        console.print(f"a simulated street ({spec.scenario}) runs by itself in process {street.process.pid}", highlight=False)
        console.print(f"the service writes its log to {path.parent / show.LOG}; Ctrl-C ends it all", highlight=False, soft_wrap=True)
        found: int = show.supervise(path, stop.is_set, lambda said: console.print(said, highlight=False))
        return found
    finally:
        street.stop()


def run_service(path: Path, stop: threading.Event) -> int:
    """Serve until told to end; 1 where something broke that nobody foresaw."""
    settings_of = importlib.import_module("citybrain.service.settings").city_settings
    serving = importlib.import_module("citybrain.service.serving")
    importlib.import_module("citybrain.web.log").log_to(sys.stderr)
    settings, again = settings_of(path), threading.Event()
    signal.signal(signal.SIGHUP, lambda number, frame: again.set())
    with serving.Serving(settings) as running:
        running.start()
        greet(running)
        slow_s = time.monotonic() + PATIENCE_S
        while not stop.wait(LOOK_S) and running.service.failed is None:
            if time.monotonic() > slow_s:
                slow_s = float("inf")
                if not running.service.ready:
                    console.print("no plan yet: a fresh installation compiles its kernels once, for a minute or two", highlight=False)
            if again.is_set():
                again.clear()
                say_reloaded(running, path, settings_of)
    return 1 if running.service.failed is not None else 0


def say_reloaded(running: Any, path: Path, settings_of: Any) -> None:
    """Read the file anew; one that is wrong changes nothing."""
    try:
        console.print(running.reload(settings_of(path)), highlight=False)
    except ConfigError as error:
        console.print(f"settings not taken over: {error}", highlight=False, markup=False)


def greet(running: Any) -> None:
    """Where the page is; on a simulated street, with a key that opens it once."""
    address, settings = running.web.address, running.settings
    console.print(
        f"{settings.site}: {len(running.network.signals)} signals, page at {address} (process {os.getpid()})",
        highlight=False,
        soft_wrap=True,
    )
    if settings.street.simulated:
        keys = importlib.import_module("citybrain.service.keys")
        desk = importlib.import_module("citybrain.service.desk")
        ring = keys.KeyRing(settings.keep.folder / "keys.json", running.service.wall_s)
        token, _ = ring.add("demo", desk.Role.ADMIN, days=1.0, one_time=True)
        console.print(f"open it once with [bold]{address}/open?key={token}[/bold]", highlight=False, soft_wrap=True)
    else:
        console.print(f"keys: citybrain keys add NAME --role operator --folder {settings.keep.folder}", highlight=False, soft_wrap=True)

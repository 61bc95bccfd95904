"""`citybrain export`: a training run, one of its checkpoints or a Stable-Baselines3 zip as arrays and a JSON card."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from citybrain.output import writable
from signals.errors import ConfigError

console = Console()


def export(
    source: Annotated[str, typer.Argument(help="run folder of `citybrain train`, or a .zip that Stable-Baselines3 saved")],
    checkpoint: Annotated[
        int | None, typer.Option(help="steps of the checkpoint; without it the validation's best, else the last few")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder to write  [default: RUN/export, or beside the zip]")] = None,
    prior: Annotated[float, typer.Option(help="a zip's weight of the lookahead's price, which it does not say")] = 4.0,
) -> None:
    """Write a policy folder: arrays.npz without pickle, and card.json with layout, hash, nets, seeds, commit, evaluation and licence."""
    path = Path(source)
    if path.is_file():
        if checkpoint is not None:
            raise ConfigError(f"{path}: a zip has no checkpoints; expected --checkpoint with a run folder only")
        folder = out or path.with_suffix("")
        writable(folder / "card.json")
        importlib.import_module("rl.import_sb3").import_zip(path, folder, prior)
    else:
        folder = out or path / "export"
        writable(folder / "card.json")
        exported(path, checkpoint, folder)
    policy = importlib.import_module("rl.policy").load(folder)  # what cannot be loaded was not exported
    console.print(f"policy in {escape(str(folder))}: layout {policy.card['layout_hash']}, trained on {escape(trained_on(policy.card))}")


def trained_on(card: dict[str, Any]) -> str:
    """The networks, in a sentence."""
    return ", ".join(card.get("trained_on", [])) or "what its zip does not say"


def exported(run: Path, steps: int | None, folder: Path) -> None:
    """Export from a run folder."""
    run_folder = importlib.import_module("rl.run_folder")
    files = importlib.import_module("rl.checkpoint").files(run)
    args = run_folder.stored_args(run)
    if args.get("method") == "futures":
        exported_fit(run, steps, folder)
        return
    if not files:
        raise ConfigError(f"{run}: holds no checkpoints yet")
    if steps is not None:
        chosen = [file for file in files if int(file.stem) == steps]
        if not chosen:
            raise ConfigError(f"{run}: no checkpoint at {steps} steps; there are {', '.join(str(int(f.stem)) for f in files)}")
        run_folder.export_mean(run, chosen, folder)
    elif (run / run_folder.BEST / "card.json").is_file():
        importlib.import_module("rl.export").copy(run / run_folder.BEST, folder)
    else:
        run_folder.export_mean(run, files[-int(args["average"]) :], folder)


def exported_fit(run: Path, steps: int | None, folder: Path) -> None:
    """Export what a run of futures has come to; it has fits, not checkpoints."""
    run_folder = importlib.import_module("rl.run_folder")
    if steps is not None:
        raise ConfigError(f"{run}: a run of futures has no checkpoints; name a folder of {run / run_folder.CANDIDATES} as policy:FOLDER")
    made = next((run / name for name in (run_folder.POLICY, run_folder.BEST) if (run / name / "card.json").is_file()), None)
    if made is None:
        raise ConfigError(f"{run}: holds no fitted policy yet; go on with citybrain train --resume {run}")
    importlib.import_module("rl.export").copy(made, folder)

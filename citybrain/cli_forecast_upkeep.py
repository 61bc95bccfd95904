"""`citybrain forecast upkeep|rollback`: one step of champion against challenger on a table of counts, and the way back."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from citybrain.cli_forecast import HORIZON_MIN, Counts, console, history_of, progress_bar, seconds
from forecasting import upkeep as keeping
from forecasting.models import DEFAULT, kind
from forecasting.refit import Refit
from forecasting.succession import Record, is_founded, seated
from signals.errors import ForecastError

Folder = Annotated[Path, typer.Option(help="holds champion/, previous/, challenger/ and the journal upkeep.jsonl")]
GLANCE_S = 0.2


def upkeep(
    folder: Folder,
    counts: Counts = "odot",
    model: Annotated[str, typer.Option(help="which model challenges")] = DEFAULT,
    days: Annotated[int, typer.Option(help="compare on so many days at the table's end, 6 or more")] = keeping.DAYS,
    bin_minutes: Annotated[float | None, typer.Option(help="bins of the first champion; those after it keep to them")] = None,
    horizon_minutes: Annotated[
        float, typer.Option(help="how far ahead the first champion looks; those after it keep to that")
    ] = HORIZON_MIN,
    limit_minutes: Annotated[float, typer.Option(help="end the refit after so many minutes; the champion stays")] = 360.0,
) -> None:
    """Fit a challenger in the background, compare it with the champion on the last days, promote it if it surely gains."""
    kind(model)
    if not limit_minutes > 0.0:
        raise ForecastError(f"--limit-minutes {limit_minutes:g}: expected more than 0")
    bin_s, horizon_s = seconds(bin_minutes), 60.0 * horizon_minutes
    if folder.is_dir() and is_founded(folder):
        champion = seated(folder).forecaster
        bin_s, horizon_s = champion.bin_s, champion.leads * champion.bin_s
    history = history_of(counts, bin_s, horizon_s)
    wanted = keeping.Wanted(now_words(), model, days, horizon_s, source=counts)
    show(waited_for(Refit(folder, history, wanted, time.monotonic(), 60.0 * limit_minutes), model))


def rollback(folder: Folder) -> None:
    """Make the previous champion champion again."""
    show(keeping.roll_back(folder, now_words()))


def waited_for(refit: Refit, model: str) -> Record:
    """What came of the refit; it is ended with us."""
    with refit, progress_bar() as tell:
        tell(f"{model}: fit and compare", 0.0)
        while (record := refit.result(time.monotonic())) is None:
            refit.wait(GLANCE_S)
        return record


def show(record: Record) -> None:
    """The sentence, and who is champion."""
    console.print(f"{escape(record.sentence)}\nchampion: {escape(record.champion)}", soft_wrap=True)


def now_words() -> str:
    """The wall clock, with its zone."""
    return datetime.now().astimezone().isoformat(timespec="seconds")

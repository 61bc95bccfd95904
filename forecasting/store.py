"""A fitted forecaster as a folder: arrays.npz (no pickle in it) and card.json (what it is, what it was fitted to)."""

import hashlib
import json
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.backtest import run_backtest
from forecasting.base import RUNGS, Arrays
from forecasting.fault_watch import FaultWatch
from forecasting.fitted import FittedForecaster, held_out
from forecasting.history import FlowHistory
from forecasting.interval import HOURS, Band
from forecasting.models import fit_forecaster, kind
from signals.errors import ForecastError

LAYOUT = 2  # raised when arrays change their names, axes or meaning
ARRAYS, CARD = "arrays.npz", "card.json"
BAND_LOW, BAND_HIGH, BAND_HOUR = "band_low", "band_high", "band_hour"
WATCH = "watch_"
NUMBERS = "fiub"  # kinds of arrays
LARGEST_BYTES = 4_000_000_000  # a city of 200,000 detectors has 2


def fit_and_store(
    history: FlowHistory, model: str, folder: Path, scores: dict[str, object] | None = None, source: str = "", leads: int = 1
) -> FittedForecaster:
    """Fit the forecaster named `model` to the history and save it with a card that names its `source`.

    `scores` go on the card as they are; without them, a back-test on the last fifth of the days is run for it.
    """
    forecaster = fit_forecaster(history, model, leads)
    if scores is None:
        scores = own_scores(history, model, leads)
    first, last = history.time(0), history.time(history.bins)
    save(
        forecaster,
        folder,
        {"span": f"{first} to {last}", "bins": history.bins, "source": source, "scores": scores},
    )
    return forecaster


def own_scores(history: FlowHistory, model: str, leads: int = 1) -> dict[str, object]:
    """The model's row and the profile's of a back-test on the last fifth of the days; empty with too few days."""
    begin = held_out(history)
    if held_out(history.between(0, begin)) == 0:
        return {}
    last, horizon_s = history.time(history.bins), leads * history.bin_s
    result = run_backtest(history, (model,), history.time(begin), history.time(begin), last, horizon_s=horizon_s)
    rows = result.as_json()["rows"]
    return {"spans": result.spans, "rows": [row for row in rows if row["model"] in (model, "profile")]}


def save(forecaster: FittedForecaster, folder: Path, about: dict[str, object] | None = None) -> None:
    """Write the folder; `about` tells what it was fitted to."""
    card = {
        "layout": LAYOUT,
        "model": forecaster.name,
        "code_version": code_version(),
        "bin_s": forecaster.bin_s,
        "leads": forecaster.leads,
        "detectors": list(forecaster.detectors),
        "rungs": list(RUNGS),
        "inputs": f"counts [{forecaster.model.window_bins} recent bins, detector], NaN where silent",
        **(about or {}),
    }
    arrays = {**forecaster.model.arrays(), BAND_LOW: forecaster.band.low, BAND_HIGH: forecaster.band.high, BAND_HOUR: forecaster.band.hour}
    if forecaster.watch is not None:
        arrays |= {f"{WATCH}{name}": array for name, array in forecaster.watch.arrays().items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
        (folder / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as why:
        raise ForecastError(f"{folder}: the forecaster cannot be written: {why}") from why


def load(folder: Path) -> FittedForecaster:
    """The forecaster in a folder that `save` wrote; ForecastError where it is missing, broken, or of another layout."""
    card = _card(folder)
    arrays = _arrays(folder)
    try:
        name, detectors, bin_s = str(card["model"]), tuple(map(str, card["detectors"])), float(card["bin_s"])
        leads = int(card["leads"])
        band = Band(arrays.pop(BAND_LOW), arrays.pop(BAND_HIGH), arrays.pop(BAND_HOUR).reshape(HOURS))
        watching = {key.removeprefix(WATCH): arrays.pop(key) for key in list(arrays) if key.startswith(WATCH)}
        watch = FaultWatch.from_arrays(watching, bin_s) if watching else None
        model = kind(name).cls.from_arrays(arrays, bin_s)
    except (KeyError, ValueError, TypeError, IndexError, OverflowError) as why:
        raise ForecastError(f"{folder}: the arrays or the card do not make a forecaster: {why!r}") from why
    for shape in (band.low.shape, band.high.shape):
        if shape != (len(RUNGS), len(detectors)):
            raise ForecastError(f"{folder}: an interval of shape {shape}, expected {(len(RUNGS), len(detectors))}")
    forecaster = FittedForecaster(name, detectors, bin_s, model, band, leads, watch)
    _try_out(forecaster, folder)
    return forecaster


def fitted_until(folder: Path) -> np.datetime64:
    """End of what the forecaster in a folder was fitted to, as its card says."""
    span = str(_card(folder).get("span", ""))
    try:
        return np.datetime64(span.split(" to ")[1], "s")
    except (IndexError, ValueError) as why:
        raise ForecastError(f"{folder}: the card does not say what it was fitted to: span {span!r}") from why


def speaks_of(folder: Path) -> tuple[tuple[str, ...], float]:
    """Detectors and bins [s] of the forecaster in a folder, as its card says: quick, where loading a city's takes seconds."""
    card = _card(folder)
    try:
        return tuple(map(str, card["detectors"])), float(card["bin_s"])
    except (KeyError, ValueError, TypeError) as why:
        raise ForecastError(f"{folder}: the card does not say what it speaks of: {why!r}") from why


def title(folder: Path) -> str:
    """Which model is in a folder, and until when it was fitted."""
    return f"{_card(folder).get('model')} fitted until {fitted_until(folder)}"


def identity(folder: Path) -> str:
    """A name that no other forecaster has: a digest of its card and of the sums of its arrays, quick to work out."""
    try:
        with zipfile.ZipFile(folder / ARRAYS) as packed:
            sums = [(member.filename, member.CRC, member.file_size) for member in packed.infolist()]
        return hashlib.sha256((folder / CARD).read_bytes() + repr(sums).encode("utf-8")).hexdigest()[:16]
    except (OSError, zipfile.BadZipFile) as why:
        raise ForecastError(f"{folder}: no forecaster can be read: {why}") from why


def _try_out(forecaster: FittedForecaster, folder: Path) -> None:
    """A forecast from silence must come out, or the model's arrays are of other detectors than the card's."""
    try:
        silence = np.full((forecaster.model.window_bins, len(forecaster.detectors)), np.nan)
        forecast = forecaster.predict(silence, 0.0)
    except (ValueError, IndexError, MemoryError) as why:
        raise ForecastError(f"{folder}: the model does not fit the {len(forecaster.detectors)} detectors of the card: {why}") from why
    if forecast.flow_veh_h.shape != (1, len(forecaster.detectors)):
        raise ForecastError(f"{folder}: the model has {forecast.flow_veh_h.shape[1]} detectors, the card {len(forecaster.detectors)}")


def _card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as why:
        raise ForecastError(f"{folder}: no readable {CARD}: {why}") from why
    if not isinstance(card, dict) or card.get("layout") != LAYOUT:
        found = card.get("layout") if isinstance(card, dict) else None
        raise ForecastError(f"{folder}: layout {found} of {CARD}, expected {LAYOUT}; fit it anew")
    if card.get("rungs") != list(RUNGS):
        raise ForecastError(f"{folder}: fallback ladder {card.get('rungs')}, expected {list(RUNGS)}; fit it anew")
    return card


def _arrays(folder: Path) -> Arrays:
    path = folder / ARRAYS
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(member.file_size for member in packed.infolist())
            if size > LARGEST_BYTES:
                raise ForecastError(f"{path}: unpacks to {size} bytes, more than {LARGEST_BYTES}")
        with np.load(path, allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in opened.files}
        odd = [name for name, array in arrays.items() if array.dtype.kind not in NUMBERS]
        if odd:
            raise ForecastError(f"{path}: no arrays can be read: {odd[0]} holds no numbers")
        return arrays
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as why:
        raise ForecastError(f"{path}: no arrays can be read (missing, truncated, or of a format that could run code): {why}") from why


def code_version() -> str:
    """Version of the installed distribution; 'source' when run from a bare tree."""
    try:
        return metadata.version("citybrain")
    except metadata.PackageNotFoundError:
        return "source"

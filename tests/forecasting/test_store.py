import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forecasting.history import FlowHistory
from forecasting.models import MODELS
from forecasting.store import ARRAYS, CARD, code_version, fit_and_store, load, own_scores, save
from signals.errors import ForecastError


@pytest.mark.parametrize("name", MODELS)
def test_what_is_stored_forecasts_the_same(name: str, site: FlowHistory, tmp_path: Path) -> None:
    stored = fit_and_store(site, name, tmp_path / name, source="made up")
    again = load(tmp_path / name)
    window_veh = site.counts_veh[-stored.model.window_bins or site.bins :]
    for part in ("flow_veh_h", "low_veh_h", "high_veh_h", "rung"):
        np.testing.assert_array_equal(
            getattr(again.predict(window_veh, 3600.0, 2), part), getattr(stored.predict(window_veh, 3600.0, 2), part)
        )
    card = json.loads((tmp_path / name / CARD).read_text())
    assert card["span"] == "2024-04-01T00:00:00 to 2024-04-22T00:00:00"
    assert card["source"] == "made up"
    assert card["code_version"] == code_version()


def test_the_card_tells_how_good_it_was_on_days_held_out(site: FlowHistory, tmp_path: Path) -> None:
    fit_and_store(site, "residual", tmp_path)
    scores = json.loads((tmp_path / CARD).read_text())["scores"]
    found = {row["model"]: row["wape"] for row in scores["rows"]}
    assert 5.0 < found["residual"] < found["profile"]
    assert scores["spans"]["test"] == "2024-04-18T00:00:00 to 2024-04-22T00:00:00"
    for days in (2, 3):
        assert own_scores(site.between(0, days * 96), "residual") == {}


def change_card(key: str, value: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        card = json.loads((folder / CARD).read_text())
        card[key] = value
        (folder / CARD).write_text(json.dumps(card))

    return damage


def change_arrays(**parts: np.ndarray | None) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        with np.load(folder / ARRAYS) as opened:
            arrays = {name: opened[name] for name in opened.files}
        kept = {name: parts.get(name, array) for name, array in {**arrays, **parts}.items()}
        np.savez(folder / ARRAYS, **{name: array for name, array in kept.items() if array is not None})

    return damage


def truncated(folder: Path) -> None:
    (folder / ARRAYS).write_bytes((folder / ARRAYS).read_bytes()[:2000])


def no_zip(folder: Path) -> None:
    np.save(folder / "one.npy", np.zeros(3))
    (folder / "one.npy").rename(folder / ARRAYS)


def cut_card(folder: Path) -> None:
    (folder / CARD).write_text('{"layout": 2, "mod')


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no arrays": (lambda folder: (folder / ARRAYS).unlink(), "no arrays can be read"),
    "no card": (lambda folder: (folder / CARD).unlink(), "no readable card.json"),
    "truncated arrays": (truncated, "no arrays can be read"),
    "truncated card": (cut_card, "no readable card.json"),
    "a card that is a list": (lambda folder: (folder / CARD).write_text("[1]"), "layout None"),
    "not a zip": (no_zip, "no arrays can be read"),
    "pickle inside": (change_arrays(echo=np.array([{"run": "me"}], dtype=object)), "no arrays can be read"),
    "text inside": (change_arrays(echo=np.array(["me"])), "no arrays can be read"),
    "other layout": (change_card("layout", 1), "layout 1 of card.json, expected 2"),
    "other ladder": (change_card("rungs", ["none"]), "fallback ladder"),
    "unknown model": (change_card("model", "oracle"), "no forecaster is called 'oracle'"),
    "no bin": (change_card("bin_s", None), "do not make a forecaster"),
    "bin of zero": (change_card("bin_s", 0), "do not make a forecaster"),
    "other bin": (change_card("bin_s", 300.0), "do not make a forecaster"),
    "fewer detectors": (change_card("detectors", ["A", "B"]), "an interval of shape"),
    "an array missing": (change_arrays(echo=None), "do not make a forecaster"),
    "an odd array": (change_arrays(echo=np.zeros((8, 9, 3))), "do not make a forecaster"),
    "no interval": (change_arrays(band_low=None), "do not make a forecaster"),
    "a pooled shape of other days": (change_arrays(shape=np.zeros((3, 5))), "do not make a forecaster"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_broken_folder_is_one_sentence(name: str, site: FlowHistory, tmp_path: Path) -> None:
    damage, sentence = DAMAGE[name]
    fit_and_store(site.between(0, 5 * 96), "residual", tmp_path)
    damage(tmp_path)
    with pytest.raises(ForecastError, match=sentence) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_model_of_other_detectors_than_its_card_is_refused(site: FlowHistory, tmp_path: Path) -> None:
    fit_and_store(site.between(0, 5 * 96), "profile", tmp_path)
    change_arrays(count_veh=np.zeros((3, 96, 7)))(tmp_path)
    with pytest.raises(ForecastError, match="detectors"):
        load(tmp_path)


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="no readable card"):
        load(tmp_path / "none")


def test_a_place_that_cannot_be_written_is_one_sentence(site: FlowHistory, tmp_path: Path) -> None:
    stored = fit_and_store(site.between(0, 5 * 96), "last", tmp_path / "a")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ForecastError, match="cannot be written"):
        save(stored, tmp_path / "file" / "b")

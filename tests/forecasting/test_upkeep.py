import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecasting import store
from forecasting.backtest import roll
from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory
from forecasting.interval import ends_s, recent
from forecasting.models import fit_forecaster
from forecasting.succession import CHALLENGER, CHAMPION, FITTING, JOURNAL, PREVIOUS, held, journal, seated, seated_with_state
from forecasting.tracker import Tracker
from forecasting.upkeep import REFIT_LOCK, Wanted, keep_up, roll_back
from signals.errors import ForecastError

SLOTS = 96


@pytest.fixture
def founded(site: FlowHistory, tmp_path: Path) -> Path:
    """A folder whose champion is the profile of two weeks."""
    keep_up(tmp_path, site.between(0, 14 * SLOTS), Wanted("Monday", "profile"))
    return tmp_path


def test_the_first_one_is_champion_unopposed(founded: Path) -> None:
    record = journal(founded)[0]
    assert record.event == "founded" and record.at == "Monday"
    assert record.champion == "profile fitted until 2024-04-15T00:00:00"
    assert (founded / CHAMPION).is_dir() and not (founded / PREVIOUS).exists()


def test_a_better_challenger_becomes_champion_fitted_to_the_last_days_too(founded: Path, site: FlowHistory) -> None:
    record = keep_up(founded, site, Wanted("Sunday", "residual", source="a feed"))
    assert record.event == "promoted" and "residual is promoted over profile" in record.sentence
    assert record.champion == seated(founded).title == "residual fitted until 2024-04-22T00:00:00"
    assert record.fitted == "residual, 2024-04-01T00:00:00 to 2024-04-22T00:00:00"
    assert json.loads((founded / JOURNAL).read_text().splitlines()[1])["verdict"]["gain"]["low"] > 0.0
    card = json.loads((founded / CHAMPION / store.CARD).read_text())
    assert card["scores"]["promoted"] is True and card["source"] == "a feed"
    assert store.load(founded / PREVIOUS).name == "profile"


def test_one_that_is_not_better_stands_aside(founded: Path, site: FlowHistory) -> None:
    record = keep_up(founded, site, Wanted("Sunday", "last"))
    assert record.event == "kept" and record.champion == "profile fitted until 2024-04-15T00:00:00"
    assert store.title(founded / CHALLENGER) == "last fitted until 2024-04-15T00:00:00"
    assert seated(founded).forecaster.name == "profile"


def test_a_champion_that_has_seen_the_days_is_fitted_anew_without_them(site: FlowHistory, tmp_path: Path) -> None:
    keep_up(tmp_path, site, Wanted("", "profile"))
    record = keep_up(tmp_path, site, Wanted("", "profile"))
    assert record.event == "kept" and "both forecast the same" in record.sentence


def test_a_refit_finds_a_change_that_the_champion_has_slept_through(founded: Path, site: FlowHistory) -> None:
    rng = np.random.default_rng(3)
    counts_veh = np.concatenate((site.counts_veh, rng.poisson(0.6 * site.counts_veh).astype(np.float64)))
    changed = replace(site, counts_veh=counts_veh)
    record = keep_up(founded, changed.between(14 * SLOTS, changed.bins), Wanted("", "profile"))
    assert record.event == "promoted" and record.verdict["gain"]["share"] > 0.1


def test_way_back(founded: Path, site: FlowHistory) -> None:
    keep_up(founded, site, Wanted("Sunday", "residual"))
    record = roll_back(founded, "Tuesday")
    assert record.sentence == (
        "profile fitted until 2024-04-15T00:00:00 is champion again instead of residual fitted until 2024-04-22T00:00:00"
    )
    assert seated(founded).forecaster.name == "profile"
    assert [one.event for one in journal(founded)] == ["founded", "promoted", "rolled back"]


def test_the_network_ridge_can_be_champion_with_its_state(site: FlowHistory, tmp_path: Path) -> None:
    hourly = site.in_bins(3600.0)
    keep_up(tmp_path, hourly.between(0, 14 * 24), Wanted("", "last", horizon_s=3600.0))
    record = keep_up(tmp_path, hourly.between(0, 20 * 24), Wanted("", "ridge"))
    assert record.event == "promoted", record.sentence
    found, live = seated_with_state(tmp_path)
    assert live is not None and live.next_at == found.until == hourly.time(20 * 24)
    fitted = fit_forecaster(hourly.between(0, 20 * 24), "ridge")
    same(Tracker(fitted, ends_s(hourly, 20 * 24), recent(hourly, 20 * 24, 4)), live.tracker, hourly, 20 * 24)


def same(one: Tracker, other: Tracker, history: FlowHistory, first: int) -> None:
    for origin in range(first, history.bins):
        np.testing.assert_array_equal(one.forecast().flow_veh_h, other.forecast().flow_veh_h)
        one.observe(history.counts_veh[origin])
        other.observe(history.counts_veh[origin])


def test_what_a_killed_fit_left_is_swept_away(founded: Path, site: FlowHistory) -> None:
    (founded / FITTING).mkdir()
    (founded / FITTING / store.ARRAYS).write_bytes(b"half")
    assert keep_up(founded, site, Wanted("", "residual")).event == "promoted"


def renamed(history: FlowHistory) -> FlowHistory:
    return replace(history, detectors=("A", "B", "C", "X"))


def test_bad_wishes_are_one_sentence_and_change_nothing(founded: Path, site: FlowHistory) -> None:
    kept = FittedForecaster
    for history, wanted, sentence in (
        (site, Wanted("", "oracle"), "no forecaster is called 'oracle'"),
        (renamed(site), Wanted("", "last"), "differ in detectors, e.g. D, X"),
        (site.in_bins(1800.0), Wanted("", "last", horizon_s=1800.0), "bins of 1800 s, the champion of 900 s"),
        (site, Wanted("", "last", 30), "no more than the 30 days"),
        (site, Wanted("", "last", 5), "expected 6 or more"),
        (site.between(0, 8 * SLOTS), Wanted("", "last"), "needs at least 2"),
    ):
        with pytest.raises(ForecastError, match=sentence):
            keep_up(founded, history, wanted)
    assert len(journal(founded)) == 1 and isinstance(seated(founded).forecaster, kept)


def test_two_refits_do_not_run_at_once(founded: Path, site: FlowHistory) -> None:
    with held(founded / REFIT_LOCK, wait=False):
        with pytest.raises(ForecastError, match="another refit is under way"):
            keep_up(founded, site, Wanted("", "last"))
        with pytest.raises(ForecastError, match="another refit is under way"):
            roll_back(founded, "")


def test_a_way_back_from_nowhere_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="no folder of a champion"):
        roll_back(tmp_path / "none", "")
    with pytest.raises(ForecastError, match="there is no previous champion"):
        roll_back(tmp_path, "")


def test_the_figures_of_the_journal_are_those_of_a_back_test(founded: Path, site: FlowHistory) -> None:
    record = keep_up(founded, site, Wanted("", "residual"))
    rolled = roll(fit_forecaster(site.between(0, 14 * SLOTS), "residual"), site, 14 * SLOTS, site.bins)
    true_veh = site.counts_veh[14 * SLOTS :]
    assert record.verdict["wape_challenger"] == pytest.approx(100.0 * np.abs(true_veh - rolled.count_veh).sum() / true_veh.sum())

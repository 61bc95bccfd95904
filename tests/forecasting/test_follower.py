import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecasting import store
from forecasting.follower import Follower, alone, follow
from forecasting.history import FlowHistory, seconds_of_week
from forecasting.live_state import FILE
from forecasting.models import fit_forecaster
from forecasting.succession import CHAMPION
from forecasting.upkeep import Wanted, keep_up, roll_back
from signals.errors import ForecastError
from signals.types import Floats

SLOTS = 96
FIRST = 14 * SLOTS
QUARTER = np.timedelta64(15, "m")


@pytest.fixture(scope="module")
def by_last(site: FlowHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose champion repeats the last value."""
    folder = tmp_path_factory.mktemp("founded")
    keep_up(folder, site.between(0, FIRST), Wanted("", "last"))
    return folder


def promote(folder: Path, site: FlowHistory, until: int) -> None:
    """A better one is champion, fitted until this bin."""
    record = keep_up(folder, site.between(0, until), Wanted("", "residual"))
    assert record.event == "promoted", record.sentence


@pytest.fixture
def folder(by_last: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(by_last, tmp_path / "folder"))


def feed(follower: Follower, site: FlowHistory, first: int, last: int) -> Floats:
    """Forecasts [bin, detector] of the bins that are then observed."""
    out = []
    for k in range(first, last):
        out.append(follower.forecast().flow_veh_h[0])
        follower.observe(site.time(k), site.counts_veh[k])
    return np.array(out)


def test_a_service_that_was_killed_goes_on_from_its_saved_state(folder: Path, site: FlowHistory) -> None:
    promote(folder, site, FIRST)
    one = follow(folder)
    feed(one, site, FIRST, FIRST + 50)
    assert one.save()
    other = follow(folder)
    assert other.next_at == one.next_at == site.time(FIRST + 50)
    np.testing.assert_array_equal(feed(one, site, FIRST + 50, FIRST + 150), feed(other, site, FIRST + 50, FIRST + 150))


def test_the_new_champion_speaks_from_the_next_bin_on_as_if_it_always_had(folder: Path, site: FlowHistory) -> None:
    late = 19 * SLOTS
    old = follow(folder)
    feed(old, site, FIRST, late)
    # The refit was given the counts of a day and a half ago.
    promote(folder, site, late - 150)
    always = follow(folder)
    feed(always, site, late - 150, late + 1)
    assert old.champion.startswith("last")
    feed(old, site, late, late + 1)
    assert old.champion == always.champion and old.champion.startswith("residual")
    np.testing.assert_array_equal(feed(old, site, late + 1, late + 90), feed(always, site, late + 1, late + 90))
    assert old.save()


def test_a_city_is_led_through_the_past_some_bins_at_a_time(folder: Path, site: FlowHistory) -> None:
    late = 19 * SLOTS
    old = follow(folder, replay_bins=40)
    feed(old, site, FIRST, late)
    promote(folder, site, late - 100)
    spoke = []
    for k in range(late, late + 4):
        old.observe(site.time(k), site.counts_veh[k])
        spoke.append(old.champion.split()[0])
    assert spoke == ["last", "last", "residual", "residual"]


def test_the_old_champion_does_not_overwrite_the_state_of_the_new_one(folder: Path, site: FlowHistory) -> None:
    old = follow(folder)
    promote(folder, site, 19 * SLOTS)
    before = (folder / CHAMPION / FILE).read_bytes()
    assert not old.save()
    assert (folder / CHAMPION / FILE).read_bytes() == before


def test_a_rolled_back_champion_goes_on_from_its_own_state(folder: Path, site: FlowHistory) -> None:
    late = 19 * SLOTS
    feeder = follow(folder)
    feed(feeder, site, FIRST, late)
    feeder.save()
    promote(folder, site, late)
    feed(feeder, site, late, late + 10)
    assert feeder.champion.startswith("residual")
    roll_back(folder, "")
    feed(feeder, site, late + 10, late + 11)
    assert feeder.champion.startswith("last") and feeder.next_at == site.time(late + 11)


def test_one_that_was_rolled_back_before_it_caught_up_never_speaks(folder: Path, site: FlowHistory) -> None:
    late = 19 * SLOTS
    feeder = follow(folder, replay_bins=10)
    feed(feeder, site, FIRST, late)
    promote(folder, site, late - 100)
    feed(feeder, site, late, late + 2)
    assert feeder.successor is not None
    roll_back(folder, "")
    feed(feeder, site, late + 2, late + 3)
    assert feeder.successor is None and feeder.champion.startswith("last")


def test_bins_that_never_came_are_silent_ones(folder: Path, site: FlowHistory) -> None:
    promote(folder, site, FIRST)
    one, other = follow(folder), follow(folder)
    feed(one, site, FIRST, FIRST + 10)
    gap = replace(site, counts_veh=site.counts_veh.copy())
    gap.counts_veh[FIRST + 10 : FIRST + 13] = np.nan
    feed(other, gap, FIRST, FIRST + 14)
    one.observe(site.time(FIRST + 13), site.counts_veh[FIRST + 13])
    np.testing.assert_array_equal(one.forecast().flow_veh_h, other.forecast().flow_veh_h)
    assert one.next_at == other.next_at


@pytest.mark.parametrize(
    ("shift", "sentence"),
    [
        (-QUARTER, "has been closed already"),
        (np.timedelta64(7, "m"), "is not on the grid of 900 s"),
        (np.timedelta64(90, "D"), "is 90 days after the last one"),
    ],
)
def test_a_bin_out_of_time_is_one_sentence_and_changes_nothing(
    shift: np.timedelta64, sentence: str, folder: Path, site: FlowHistory
) -> None:
    follower = follow(folder)
    feed(follower, site, FIRST, FIRST + 3)
    before = follower.tracker.arrays()
    with pytest.raises(ForecastError, match=sentence):
        follower.observe(site.time(FIRST + 3) + shift, site.counts_veh[0])
    with pytest.raises(ForecastError, match=r"\(3,\) counts, expected \(4,\)"):
        follower.observe(site.time(FIRST + 3) + QUARTER, np.zeros(3))
    for name, array in follower.tracker.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    assert follower.next_at == site.time(FIRST + 3)


def test_trouble_with_the_folder_does_not_silence_the_champion(folder: Path, site: FlowHistory) -> None:
    follower = follow(folder)
    shutil.move(folder / CHAMPION, folder / "elsewhere")
    feed(follower, site, FIRST, FIRST + 1)
    assert "no forecaster can be read" in follower.trouble
    assert np.isfinite(follower.forecast().flow_veh_h).all()
    shutil.move(folder / "elsewhere", folder / CHAMPION)
    feed(follower, site, FIRST + 1, FIRST + 2)
    assert follower.trouble == ""


def test_a_champion_without_a_state_begins_where_its_fit_ended(site: FlowHistory, tmp_path: Path) -> None:
    store.fit_and_store(site.between(0, FIRST), "residual", tmp_path / CHAMPION, scores={})
    follower = follow(tmp_path)
    assert follower.next_at == site.time(FIRST)
    feed(follower, site, FIRST, FIRST + 5)
    assert follower.save()
    assert follow(tmp_path).next_at == site.time(FIRST + 5)


def test_who_catches_up_learns_late_counts_and_who_has_learned_keeps_what_it_knows(folder: Path, site: FlowHistory) -> None:
    late = 19 * SLOTS
    old = follow(folder)
    lacking = replace(site, counts_veh=site.counts_veh.copy())
    lacking.counts_veh[late - 20] = 0.0
    feed(old, lacking, FIRST, late)
    before = old.tracker.arrays()
    assert old.correct(site.time(late - 20), site.counts_veh[late - 20])
    for name, array in old.tracker.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    promote(folder, site, late - 50)
    always = follow(folder)
    feed(always, site, late - 50, late + 1)
    feed(old, site, late, late + 1)
    np.testing.assert_array_equal(old.forecast().flow_veh_h, always.forecast().flow_veh_h)
    assert not old.correct(site.time(late + 1), site.counts_veh[0]) and not old.correct(site.time(late - 500), site.counts_veh[0])


def test_a_gap_of_months_is_leapt_over(folder: Path, site: FlowHistory) -> None:
    follower = follow(folder)
    later = site.time(FIRST) + np.timedelta64(200, "D")
    follower.leap(later)
    follower.observe(later, site.counts_veh[FIRST])
    assert follower.next_at == later + QUARTER and len(follower.log) == 1
    assert follower.tracker.next_s == seconds_of_week(follower.next_at)


def test_one_that_nobody_keeps_up_is_never_saved_and_looks_for_nobody(site: FlowHistory) -> None:
    follower = alone(fit_forecaster(site, "residual"), "residual", site.time(site.bins))
    follower.observe(site.time(site.bins), site.counts_veh[0])
    assert not follower.save() and follower.trouble == "" and follower.champion == "residual"


def test_a_champion_of_other_detectors_is_not_gone_over_to(folder: Path, site: FlowHistory) -> None:
    follower = follow(folder)
    shutil.rmtree(folder)
    keep_up(folder, replace(site.between(0, FIRST), detectors=("A", "B", "C", "X")), Wanted("", "last"))
    feed(follower, site, FIRST, FIRST + 1)
    assert "speaks of other detectors or bins; a restart takes it over" in follower.trouble
    assert np.isfinite(follower.forecast().flow_veh_h).all()

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from forecasting.follower import follow
from forecasting.history import FlowHistory
from forecasting.refit import JOB, Refit, hand_over, main, read_job
from forecasting.succession import FITTING, journal, seated
from forecasting.upkeep import Wanted, keep_up
from signals.errors import ForecastError

SLOTS = 96
PATIENCE_S = 240.0


@pytest.fixture
def founded(site: FlowHistory, tmp_path: Path) -> Path:
    """A folder whose champion repeats the last value."""
    keep_up(tmp_path, site.between(0, 14 * SLOTS), Wanted("", "last"))
    return tmp_path


def ended(refit: Refit) -> None:
    begun = time.monotonic()
    while not refit.wait(1.0):
        assert time.monotonic() - begun < PATIENCE_S


def test_the_loop_goes_on_while_a_process_refits_and_then_goes_over(founded: Path, site: FlowHistory) -> None:
    feed = follow(founded)
    for k in range(14 * SLOTS, 20 * SLOTS):
        feed.observe(site.time(k), site.counts_veh[k])
    with Refit(founded, site.between(0, 20 * SLOTS), Wanted("now", "residual", 6), now_s=0.0) as refit:
        k = 20 * SLOTS
        while refit.result(1.0) is None and k < 21 * SLOTS - 1:
            assert np.isfinite(feed.forecast().flow_veh_h).all() and feed.champion.startswith("last")
            feed.observe(site.time(k), site.counts_veh[k])
            refit.wait(0.5)
            k += 1
        ended(refit)
        record = refit.result(1.0)
    assert record is not None and record.event == "promoted" and record == journal(founded)[-1]
    assert os.getpriority(os.PRIO_PROCESS, 0) == os.nice(0)  # who asked is no gentler for it
    feed.observe(site.time(k), site.counts_veh[k])
    assert feed.champion == "residual fitted until 2024-04-21T00:00:00"


@pytest.mark.parametrize("wait_s", [0.0, 1.0, 2.5])
def test_a_killed_refit_changes_nothing_and_the_next_one_works(wait_s: float, founded: Path, site: FlowHistory) -> None:
    refit = Refit(founded, site, Wanted("", "residual"), now_s=0.0)
    refit.wait(wait_s)
    refit.kill()
    events = [one.event for one in journal(founded)]
    assert events in (["founded"], ["founded", "promoted"])
    assert seated(founded).forecaster.name == {1: "last", 2: "residual"}[len(events)]
    keep_up(founded, site, Wanted("", "residual"))
    assert len(journal(founded)) == len(events) + 1
    assert not (founded / FITTING).exists() and not list(founded.glob(JOB + "*"))


def test_a_refit_that_takes_too_long_is_ended(founded: Path, site: FlowHistory) -> None:
    with Refit(founded, site, Wanted("", "residual"), now_s=100.0, limit_s=50.0) as refit:
        assert refit.result(149.0) is None
        with pytest.raises(ForecastError, match="ended after its limit of 50 s; the champion stays"):
            refit.result(150.0)
        assert refit.wait(0.0)
    assert seated(founded).forecaster.name == "last"


def test_what_the_process_refuses_is_said_here(founded: Path, site: FlowHistory) -> None:
    with Refit(founded, site.between(0, 8 * SLOTS), Wanted("", "residual"), now_s=0.0) as refit:
        ended(refit)
        with pytest.raises(ForecastError, match="needs at least 2"):
            refit.result(0.0)


def test_a_process_that_dies_is_missed(founded: Path, site: FlowHistory) -> None:
    with Refit(founded, site, Wanted("", "residual"), now_s=0.0) as refit:
        os.killpg(refit._process.pid, signal.SIGTERM)
        ended(refit)
        with pytest.raises(ForecastError, match="the refit ended with code -15"):
            refit.result(0.0)


def test_the_counts_are_handed_over_as_they_are(founded: Path, site: FlowHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    job = hand_over(founded, site, Wanted("now", "last", 6, source="a feed"))
    history, wanted = read_job(job)
    assert (history.start, history.bin_s, history.detectors) == (site.start, site.bin_s, site.detectors)
    np.testing.assert_array_equal(history.counts_veh, site.counts_veh)
    assert wanted == Wanted("now", "last", 6, source="a feed")
    monkeypatch.setattr("os.nice", lambda more: more)
    assert main(founded, job) == 0
    assert journal(founded)[-1].event == "kept"


def test_jobs_of_the_dead_are_swept_away_and_those_of_the_living_stay(founded: Path, site: FlowHistory) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    (founded / f"{JOB}{dead.pid}.left").mkdir()
    first = hand_over(founded, site, Wanted(""))
    second = hand_over(founded, site, Wanted(""))
    assert {one.name for one in founded.glob(JOB + "*")} == {first.name, second.name}


def test_a_place_that_cannot_be_written_is_one_sentence(site: FlowHistory, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ForecastError, match="cannot be handed over"):
        Refit(tmp_path / "file", site, Wanted(""), now_s=0.0)

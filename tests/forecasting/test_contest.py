import json
from dataclasses import replace

import numpy as np
import pytest

from forecasting.backtest import horizon_counts, roll
from forecasting.contest import LEAST_GAIN, Contender, Score, Verdict, compare, first_of_last, judged
from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory
from forecasting.models import fit_forecaster
from forecasting.profile import Profile
from forecasting.scores import scores
from signals.errors import ForecastError
from signals.types import Floats

DAYS, FIRST, SLOTS = 7, 14, 96


@pytest.fixture(scope="module")
def fits(site: FlowHistory) -> dict[str, FittedForecaster]:
    before = site.between(0, FIRST * SLOTS)
    return {name: fit_forecaster(before, name) for name in ("last", "profile", "residual")}


def hourly_mean() -> Floats:
    """Expected counts [slot, detector] of three detectors."""
    hour = np.arange(24)
    shape = 20.0 + 200.0 * np.exp(-((hour - 8.0) ** 2) / 6.0) + 150.0 * np.exp(-((hour - 17.0) ** 2) / 8.0)
    return np.asarray(shape[:, None] * np.array([1.0, 0.5, 0.2]))


def hourly_site(seed: int) -> FlowHistory:
    """21 days whose levels are their own."""
    rng = np.random.default_rng(seed)
    level = np.exp(0.06 * rng.standard_normal((21, 1, 1)))
    counts_veh = rng.poisson(level * hourly_mean()).astype(np.float64).reshape(-1, 3)
    return FlowHistory(np.datetime64("2024-04-01T00:00:00", "s"), 3600.0, ("A", "B", "C"), counts_veh)


def between(fits: dict[str, FittedForecaster], champion: str, challenger: str, site: FlowHistory) -> Verdict:
    until = site.time(FIRST * SLOTS)
    return compare(Contender(fits[champion], until), Contender(fits[challenger], until), site, DAYS)


@pytest.mark.parametrize(("champion", "challenger"), [("last", "profile"), ("last", "residual"), ("profile", "residual")])
def test_a_better_one_is_promoted_and_a_worse_one_is_not(
    champion: str, challenger: str, fits: dict[str, FittedForecaster], site: FlowHistory
) -> None:
    better, worse = between(fits, champion, challenger, site), between(fits, challenger, champion, site)
    assert better.promoted and better.gain.low > 0.0
    assert f"{challenger} is promoted over {champion}: WAPE {better.wape_challenger:.2f} against" in better.sentence
    assert not worse.promoted and "it is worse" in worse.sentence


def test_the_figures_are_those_of_a_back_test(fits: dict[str, FittedForecaster], site: FlowHistory) -> None:
    found = between(fits, "profile", "residual", site)
    rolled = roll(fits["residual"], site, FIRST * SLOTS, site.bins)
    expected = scores(site.counts_veh[FIRST * SLOTS :], rolled.count_veh, rolled.low_veh, rolled.high_veh)
    assert found.wape_challenger == pytest.approx(expected["wape"], rel=1e-12)
    assert found.coverage_challenger == pytest.approx(expected["coverage_80"], rel=1e-12)
    assert found.days == DAYS


def test_a_horizon_of_several_bins_is_judged_by_its_total(site: FlowHistory) -> None:
    before, until = site.between(0, FIRST * SLOTS), site.time(FIRST * SLOTS)
    fitted = {name: fit_forecaster(before, name, leads=4) for name in ("profile", "residual")}
    found = compare(Contender(fitted["profile"], until), Contender(fitted["residual"], until), site, DAYS)
    rolled = roll(fitted["residual"], site, FIRST * SLOTS, site.bins)
    true_veh = horizon_counts(site, FIRST * SLOTS, site.bins, 4)
    assert found.wape_challenger == pytest.approx(scores(true_veh, rolled.count_veh, rolled.low_veh, rolled.high_veh)["wape"], rel=1e-12)


def test_an_old_champion_has_learned_the_days_since_its_fit() -> None:
    site, begin = hourly_site(101), 9 * 24
    ridge = Contender(fit_forecaster(site.between(0, begin), "ridge"), site.time(begin))
    profile = Contender(fit_forecaster(site.between(0, FIRST * 24), "profile"), site.time(FIRST * 24))
    found = compare(ridge, profile, site, DAYS)
    rolled = roll(ridge.forecaster, site, begin, site.bins)
    late = slice(FIRST * 24 - begin, None)
    expected = scores(site.counts_veh[FIRST * 24 :], rolled.count_veh[late], rolled.low_veh[late], rolled.high_veh[late])
    assert found.wape_champion == pytest.approx(expected["wape"], rel=1e-12)


def test_of_two_that_are_equal_hardly_one_in_twenty_is_promoted() -> None:
    promoted, chance, seeds = 0, 0, range(101, 141)
    for seed in seeds:
        site = hourly_site(seed)
        fitted, until = fit_forecaster(site.between(0, FIRST * 24), "profile"), site.time(FIRST * 24)
        # One says 3 % too much, the other too little, and chance says which is champion: each day has its winner, the city none.
        bias = np.random.default_rng(seed).choice((-0.03, 0.03))
        usual_veh = np.tile(hourly_mean(), (3, 1, 1))
        one, other = (replace(fitted, model=Profile(3600.0, usual_veh * (1.0 + b), usual_veh.mean(axis=2))) for b in (bias, -bias))
        found = compare(Contender(one, until), Contender(other, until), site, DAYS)
        promoted += found.promoted
        chance += found.gain.share > LEAST_GAIN
    assert chance > 0.3 * len(seeds)  # who looked at the figures alone would promote these
    assert promoted <= 0.05 * len(seeds)


def test_the_same_forecaster_is_not_promoted_over_itself(fits: dict[str, FittedForecaster], site: FlowHistory) -> None:
    found = between(fits, "residual", "residual", site)
    assert not found.promoted and "both forecast the same" in found.sentence


def scored(old: Floats, new: Floats, inside: tuple[float, float] = (0.8, 0.8), unanswered: float = 0.0, pinball: float = 1.0) -> Score:
    """Sums of 1000 counts a day of two detectors; losses [day] of both, the new one's pinball `pinball` times as large."""
    days = len(old)
    loss = np.array([[old, old], [new, pinball * old]])
    asked = np.array([1000.0 * days, unanswered * 1000.0 * days])
    number = np.full(days, 1000.0)
    return Score(loss, np.array(inside) * number.sum(), np.array([[2.0, 2.0], [1.0, 3.0]]), 10.0 * number, number, asked)


WIGGLE = np.array([0.0, 2.0, -1.0, 1.0, -2.0, 0.5, -0.5])
OLD = 1000.0 + 50.0 * WIGGLE


@pytest.mark.parametrize(
    ("score", "objection"),
    [
        (scored(OLD, 0.95 * OLD + WIGGLE), ""),
        (scored(OLD, 0.95 * OLD + 100.0 * WIGGLE), "its gain may be chance"),
        (scored(OLD, 0.997 * OLD), "its gain is not above 0.5 %"),
        (scored(OLD, 1.05 * OLD + WIGGLE), "it is worse"),
        (scored(OLD, 0.95 * OLD + WIGGLE, pinball=1.1), "its interval is worse"),
        (scored(OLD, 0.95 * OLD + WIGGLE, inside=(0.8, 0.70)), "its interval holds 70.0 %, expected 77 to 83 %"),
        (scored(OLD, 0.95 * OLD + WIGGLE, inside=(0.8, 0.90)), "its interval holds 90.0 %, expected 77 to 83 %"),
        (scored(OLD, 0.95 * OLD + WIGGLE, inside=(0.6, 0.75)), ""),  # too few, but nearer to 80 than the champion
        (scored(OLD, 0.95 * OLD + WIGGLE, unanswered=0.02), "it has no forecast for 2.0 % of what the champion forecasts"),
    ],
)
def test_what_stands_against_a_promotion_is_said(score: Score, objection: str) -> None:
    found = judged(score, "old", "new")
    assert found.promoted == (not objection)
    assert objection in found.sentence and "\n" not in found.sentence
    assert found.gained == 0.5


def test_a_challenger_may_not_win_by_keeping_silent(site: FlowHistory, fits: dict[str, FittedForecaster]) -> None:
    night = np.zeros((site.bins, 4), dtype=np.bool_)
    night.reshape(-1, SLOTS, 4)[:, :24] = True
    shy = fit_forecaster(site.between(0, FIRST * SLOTS).with_gaps(night[: FIRST * SLOTS]), "profile")
    until = site.time(FIRST * SLOTS)
    found = compare(Contender(fits["last"], until), Contender(shy, until), site, DAYS)
    assert found.unanswered > 0.2
    assert not found.promoted and "it has no forecast for" in found.sentence


def test_a_verdict_is_plain_json(fits: dict[str, FittedForecaster], site: FlowHistory) -> None:
    again = json.loads(json.dumps(between(fits, "profile", "residual", site).as_json(), allow_nan=False))
    assert again["promoted"] is True and 0.0 < again["gain"]["low"] < again["gain"]["share"] < again["gain"]["high"]


def test_days_without_counts_do_not_count(site: FlowHistory, fits: dict[str, FittedForecaster]) -> None:
    counts_veh = site.counts_veh.copy()
    counts_veh[-SLOTS:] = np.nan
    assert between(fits, "profile", "residual", replace(site, counts_veh=counts_veh)).days == 6
    counts_veh[-2 * SLOTS :] = np.nan
    with pytest.raises(ForecastError, match="only 5 of the 7 days to compare on have counts"):
        between(fits, "profile", "residual", replace(site, counts_veh=counts_veh))


def test_who_has_seen_the_days_is_refused(site: FlowHistory, fits: dict[str, FittedForecaster]) -> None:
    with pytest.raises(ForecastError, match="residual has seen counts until 2024-04-16"):
        compare(Contender(fits["profile"], site.time(0)), Contender(fits["residual"], site.time(15 * SLOTS)), site, DAYS)


@pytest.mark.parametrize(("days", "sentence"), [(5, "over 5 days: expected 6 or more"), (21, "are no more than the 21 days")])
def test_too_few_days_are_refused(days: int, sentence: str, site: FlowHistory) -> None:
    with pytest.raises(ForecastError, match=sentence):
        first_of_last(site, days)


def test_contenders_of_other_detectors_or_horizons_are_refused(site: FlowHistory, fits: dict[str, FittedForecaster]) -> None:
    until = site.time(FIRST * SLOTS)
    own = Contender(fits["profile"], until)
    with pytest.raises(ForecastError, match="other detectors or bins"):
        compare(own, Contender(replace(fits["last"], detectors=("A", "B", "C", "E")), until), site, DAYS)
    with pytest.raises(ForecastError, match="1 and 4 bins, are not the same"):
        compare(own, Contender(replace(fits["last"], leads=4), until), site, DAYS)

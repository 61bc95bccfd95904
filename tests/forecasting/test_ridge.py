import numpy as np
import pytest

from forecasting.departures import LAGS
from forecasting.history import FlowHistory
from forecasting.interval import ends_s, recent
from forecasting.lessons import fit
from forecasting.ridge import Ridge
from signals.types import Floats

BIN_S = 1800.0
DAY = 48
DAYS = 15
DETECTORS = 14


def true_veh(seed: int = 1) -> Floats:
    """Expected counts [bin, detector] of a city with a common drift."""
    rng = np.random.default_rng(seed)
    hour = np.arange(DAY) / 2.0
    shape = 0.3 + np.exp(-((hour - 8.0) ** 2) / 6.0) + 0.8 * np.exp(-((hour - 17.5) ** 2) / 8.0)
    drift = np.zeros(DAYS * DAY)
    for t in range(1, len(drift)):
        drift[t] = 0.97 * drift[t - 1] + 0.06 * rng.standard_normal()
    return (np.tile(shape, DAYS) * np.exp(drift))[:, None] * rng.uniform(60.0, 250.0, DETECTORS)


def history_of(counts_veh: Floats) -> FlowHistory:
    names = tuple(f"d{k}" for k in range(counts_veh.shape[1]))
    return FlowHistory(np.datetime64("2024-04-01T00:00:00", "s"), BIN_S, names, counts_veh)


@pytest.fixture(scope="module")
def city() -> FlowHistory:
    return history_of(np.random.default_rng(2).poisson(true_veh()).astype(np.float64))


@pytest.fixture(scope="module")
def fitted(city: FlowHistory) -> dict[str, Floats]:
    """Arrays of a ridge that has seen all days but the last."""
    return fit(city.between(0, (DAYS - 1) * DAY)).arrays()


def again(arrays: dict[str, Floats]) -> Ridge:
    return Ridge.from_arrays({name: np.array(array) for name, array in arrays.items()}, BIN_S)


def told(model: Ridge, history: FlowHistory, first: int, last: int) -> Floats:
    """Forecasts [origin, detector] of one bin, each learned after it."""
    out = []
    for origin in range(first, last):
        out.append(model.expect(recent(history, origin, LAGS), ends_s(history, origin), 1).count_veh[0])
        model.learn(history.counts_veh[origin], ends_s(history, origin))
    return np.array(out)


LAST_DAY = (DAYS - 1) * DAY
BEGIN, END = 20, 32  # of an incident, in bins of the last day


def test_it_beats_its_own_profile_where_the_city_drifts(fitted: dict[str, Floats], city: FlowHistory) -> None:
    found = told(again(fitted), city, LAST_DAY, city.bins)
    deaf = again(fitted)
    profile = []
    for origin in range(LAST_DAY, city.bins):
        silence = np.full((LAGS, DETECTORS), np.nan)
        profile.append(np.square(deaf.profile.around(ends_s(city, origin), 0, 1)[0]))
        assert deaf.expect(silence, ends_s(city, origin), 1).rung == ("profile",) * DETECTORS
        deaf.learn(city.counts_veh[origin], ends_s(city, origin))
    truth = city.counts_veh[LAST_DAY:]
    assert np.abs(found - truth).mean() < 0.9 * np.abs(np.array(profile) - truth).mean()


def followed(fitted: dict[str, Floats], city: FlowHistory, detectors: list[int], factor: float) -> Floats:
    """Share [origin of the last day] of an incident of six hours that the forecasts of these detectors have followed."""
    counts_veh = city.counts_veh.copy()
    within = np.ix_(np.arange(LAST_DAY + BEGIN, LAST_DAY + END), detectors)
    counts_veh[within] = np.round(counts_veh[within] * factor)
    usual = told(again(fitted), city, LAST_DAY, city.bins)[:, detectors]
    found = told(again(fitted), history_of(counts_veh), LAST_DAY, city.bins)[:, detectors]
    return np.asarray(((found / usual - 1.0) / (factor - 1.0)).mean(axis=1))


@pytest.mark.parametrize("factor", [0.4, 2.0])
def test_where_neighbours_agree_an_incident_is_followed_within_two_bins(
    factor: float, fitted: dict[str, Floats], city: FlowHistory
) -> None:
    share = followed(fitted, city, list(range(DETECTORS)), factor)
    np.testing.assert_array_equal(share[: BEGIN + 1], 0.0)
    assert share[BEGIN + 2] > 0.6 and share[BEGIN + 2 : END].min() > 0.5


@pytest.mark.parametrize("factor", [0.4, 2.0])
def test_a_lonely_incident_leaves_no_ringing(factor: float, fitted: dict[str, Floats], city: FlowHistory) -> None:
    share = np.mean([followed(fitted, city, [d], factor) for d in range(4)], axis=0)
    assert share[BEGIN + 2 : END].min() > 0.15
    # Ringing would be an overshoot to the other side of the usual.
    assert share[END + 1 :].min() > -0.1 and share[END + 1 :].max() < 0.3


def test_a_rise_of_the_whole_city_moves_a_silent_detector(fitted: dict[str, Floats], city: FlowHistory) -> None:
    counts_veh = city.counts_veh.copy()
    counts_veh[LAST_DAY:, 3] = np.nan
    risen = counts_veh.copy()
    risen[LAST_DAY + 18 :] *= 1.4
    before = told(again(fitted), history_of(counts_veh), LAST_DAY, LAST_DAY + 22)
    after = told(again(fitted), history_of(risen), LAST_DAY, LAST_DAY + 22)
    np.testing.assert_array_equal(before[:19], after[:19])
    assert after[-1, 3] > 1.08 * before[-1, 3]


def test_learning_silence_moves_nothing_but_time(fitted: dict[str, Floats], city: FlowHistory) -> None:
    model = again(fitted)
    for k in range(4):
        model.learn(np.full(DETECTORS, np.nan), ends_s(city, LAST_DAY + k))
    arrays = model.arrays()
    for name in ("gram", "moment", "echo", "week_mean", "ahead", "own", "types", "loading", "pattern_shape"):
        np.testing.assert_array_equal(arrays[name], fitted[name], err_msg=name)
    assert model.profile.edge_s == ends_s(city, LAST_DAY + 4)


@pytest.mark.parametrize("cut", [1, DAY - 1, DAY])
def test_a_saved_state_goes_on_exactly(cut: int, fitted: dict[str, Floats], city: FlowHistory) -> None:
    model = again(fitted)
    first = LAST_DAY - DAY
    told(model, city, first, first + cut)
    other = again(model.arrays())
    np.testing.assert_array_equal(told(model, city, first + cut, first + 2 * DAY), told(other, city, first + cut, first + 2 * DAY))
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name], err_msg=name)


def test_rungs_say_from_what_it_speaks(fitted: dict[str, Floats], city: FlowHistory) -> None:
    window_veh = recent(city, LAST_DAY, LAGS).copy()
    window_veh[-2:, 2] = np.nan
    rung = again(fitted).expect(window_veh, ends_s(city, LAST_DAY), 1).rung
    assert rung == ("residual", "residual", "neighbours", *("residual",) * (DETECTORS - 3))
    (deaf,) = again(fitted).degraded()
    assert set(deaf.expect(window_veh, ends_s(city, LAST_DAY), 1).rung) == {"neighbours"}


@pytest.mark.parametrize("days", [0, 1, 2, 5])
def test_a_detector_of_few_days_is_forecast_and_says_so(days: int, city: FlowHistory) -> None:
    counts_veh = city.counts_veh[: 8 * DAY].copy()
    counts_veh[: (8 - days) * DAY, 0] = np.nan
    history = history_of(counts_veh)
    model, now = fit(history), 8 * DAY + 3
    told(model, city, 8 * DAY, now)
    point = model.expect(recent(city, now, LAGS), ends_s(city, now), 1)
    assert np.isfinite(point.count_veh).all() and (point.count_veh > 0.0).all()
    assert point.rung[0] == ("pooled" if days == 0 else "young" if days < 4 else "residual")
    assert point.rung[1] == "residual"


def test_arrays_of_other_detectors_are_refused(fitted: dict[str, Floats]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Ridge.from_arrays({**fitted, "echo": np.zeros((3, 20))}, BIN_S)

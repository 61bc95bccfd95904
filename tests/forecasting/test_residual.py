import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import residual
from forecasting.history import FlowHistory
from forecasting.residual import LAG_1, LAG_2, OTHERS, Residual, echo_coefficients, others_mean, root, unroot

EIGHT_S = 8 * 3600.0


@pytest.fixture(scope="module")
def model(site: FlowHistory) -> Residual:
    return residual.fit(site)


@given(st.floats(0.0, 1e6))
def test_unroot_is_the_inverse_of_root(count_veh: float) -> None:
    assert unroot(root(np.array(count_veh))) == pytest.approx(count_veh, abs=1e-6)


def test_no_count_is_ever_negative() -> None:
    assert unroot(np.array([-5.0, 0.0, 0.1])).tolist() == [0.0, 0.0, 0.0]


def test_known_coefficients_are_found() -> None:
    rng = np.random.default_rng(1)
    departure = np.zeros((4000, 3))
    for t in range(2, len(departure)):
        departure[t] = 0.5 * departure[t - 1] + 0.2 * departure[t - 2] + rng.standard_normal(3)
    echo = echo_coefficients(departure)
    np.testing.assert_allclose(echo[LAG_1 | LAG_2], [[0.5, 0.2, 0.0]] * 3, atol=0.05)
    np.testing.assert_allclose(echo[LAG_1 | LAG_2 | OTHERS], [[0.5, 0.2, 0.0]] * 3, atol=0.05)
    # An AR(2) seen through lag 1 only has a1 / (1 - a2), its first autocorrelation.
    np.testing.assert_allclose(echo[LAG_1], [[0.625, 0.0, 0.0]] * 3, atol=0.05)
    assert (echo[0] == 0.0).all()


def test_a_common_drift_is_heard_through_the_others() -> None:
    rng = np.random.default_rng(3)
    drift = np.zeros((4000, 1))
    for t in range(1, len(drift)):
        drift[t] = 0.9 * drift[t - 1] + rng.standard_normal()
    echo = echo_coefficients(drift + 0.1 * rng.standard_normal((4000, 5)))
    np.testing.assert_allclose(echo[OTHERS][:, 2], 0.9, atol=0.03)
    assert (echo[OTHERS][:, :2] == 0.0).all()


def test_the_others_are_all_but_oneself_and_the_silent() -> None:
    mean, known = others_mean(np.array([[1.0, 2.0, np.nan], [np.nan, 5.0, np.nan]]))
    np.testing.assert_array_equal(mean, [[2.0, 1.0, 1.5], [5.0, 0.0, 5.0]])
    assert known.tolist() == [[True, True, True], [True, False, True]]


def test_a_silent_detector_follows_what_the_others_show(model: Residual) -> None:
    usual_veh = model.profile.at(EIGHT_S + 900.0 * np.arange(-2.0, 1.0))
    recent_veh = usual_veh[:2] * 1.3
    recent_veh[:, 0] = np.nan
    point = model.expect(recent_veh, EIGHT_S, 1)
    assert point.rung == ("neighbours", "residual", "residual", "residual")
    assert 1.02 * usual_veh[2, 0] < point.count_veh[0, 0] < 1.3 * usual_veh[2, 0]


def test_a_detector_without_data_leans_on_the_site() -> None:
    rng = np.random.default_rng(2)
    departure = np.zeros((4000, 2))
    for t in range(1, len(departure)):
        departure[t] = 0.6 * departure[t - 1] + rng.standard_normal(2)
    departure[:, 1] = np.nan
    echo = echo_coefficients(departure)
    np.testing.assert_allclose(echo[LAG_1 | LAG_2, 1], echo[LAG_1 | LAG_2, 0], atol=0.01)


def test_more_than_usual_now_is_more_than_usual_next(model: Residual) -> None:
    usual_veh = model.profile.at(EIGHT_S + 900.0 * np.arange(-2.0, 1.0))
    busy = model.expect(usual_veh[:2] * 1.3, EIGHT_S, 1).count_veh[0]
    same = model.expect(usual_veh[:2], EIGHT_S, 1).count_veh[0]
    np.testing.assert_allclose(same, usual_veh[2], rtol=1e-9)
    assert (busy > usual_veh[2]).all()
    assert (busy < 1.3 * usual_veh[2]).all()


def test_the_echo_dies_away(model: Residual) -> None:
    usual_veh = model.profile.at(EIGHT_S + 900.0 * np.arange(-2.0, 8.0))
    extra = model.expect(usual_veh[:2] * 1.3, EIGHT_S, 8).count_veh / usual_veh[2:] - 1.0
    assert (extra[7] < 0.5 * extra[0]).all()


def test_a_bin_seen_in_part_echoes_in_part(model: Residual) -> None:
    usual_veh = model.profile.at(EIGHT_S + 900.0 * np.arange(-2.0, 1.0))
    whole = model.expect(usual_veh[:2] * 1.3, EIGHT_S, 1).count_veh
    part = model.expect(usual_veh[:2] * 1.3, EIGHT_S, 1, np.full((2, 4), 0.4)).count_veh
    assert ((usual_veh[2] < part) & (part < whole)).all()


def ladder(site: FlowHistory) -> Residual:
    """B has no history of its own."""
    hidden = np.zeros(site.counts_veh.shape, dtype=np.bool_)
    hidden[:, 1] = True
    return residual.fit(site.with_gaps(hidden))


def test_each_detector_says_which_rung_spoke(site: FlowHistory) -> None:
    recent_veh = np.array([[50.0, 30.0, np.nan, 3.0], [np.nan, 30.0, np.nan, 3.0]])
    point = ladder(site).expect(recent_veh, EIGHT_S, 1)
    assert point.rung == ("residual", "pooled", "neighbours", "residual")
    assert np.isfinite(point.count_veh).all()


def test_a_detector_without_history_follows_the_sites_shape_at_its_own_level(site: FlowHistory) -> None:
    model = ladder(site)
    shape = model.profile.shape_at(EIGHT_S + 900.0 * np.arange(-2.0, 1.0))
    recent_veh = np.array([[np.nan, 2.0 * shape[0], np.nan, np.nan], [np.nan, 2.0 * shape[1], np.nan, np.nan]])
    assert model.expect(recent_veh, EIGHT_S, 1).count_veh[0, 1] == pytest.approx(2.0 * shape[2])


def test_silence_without_history_is_not_a_number(site: FlowHistory) -> None:
    point = ladder(site).expect(np.full((2, 4), np.nan), EIGHT_S, 2)
    assert point.rung == ("profile", "none", "profile", "profile")
    assert np.isnan(point.count_veh[:, 1]).all()


def test_hours_that_no_day_has_shown_fall_back_to_the_recent_mean(site: FlowHistory) -> None:
    hidden = np.ones((site.bins // 96, 96, 4), dtype=np.bool_)
    hidden[:, 28:36] = False
    model = residual.fit(site.with_gaps(hidden.reshape(-1, 4)))
    point = model.expect(np.full((2, 4), 6.0), 20 * 3600.0, 1)
    assert point.rung == ("last",) * 4
    np.testing.assert_allclose(point.count_veh, 6.0)


@pytest.mark.parametrize(("variant", "rung"), [(0, "neighbours"), (1, "profile"), (2, "pooled"), (3, "last")])
def test_every_lower_rung_can_be_tried_on_its_own(model: Residual, variant: int, rung: str) -> None:
    lower = model.degraded()[variant]
    recent_veh = np.full((lower.window_bins, 4), 5.0)
    assert lower.expect(recent_veh, EIGHT_S, 1).rung == (rung,) * 4


def test_arrays_make_it_again_and_odd_ones_do_not(model: Residual) -> None:
    again = Residual.from_arrays(model.arrays(), 900.0)
    recent_veh = np.full((2, 4), 7.0)
    np.testing.assert_array_equal(again.expect(recent_veh, EIGHT_S, 2).count_veh, model.expect(recent_veh, EIGHT_S, 2).count_veh)
    with pytest.raises(ValueError, match="coefficients of shape"):
        Residual.from_arrays({**model.arrays(), "echo": np.zeros((8, 3, 3))}, 900.0)

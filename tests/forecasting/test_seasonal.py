import numpy as np

from forecasting import seasonal
from forecasting.history import FlowHistory
from forecasting.seasonal import SameTimeLastWeek


def test_it_says_what_was_seen_a_week_ago(site: FlowHistory) -> None:
    model = seasonal.fit(site)
    origin = 8 * 96
    point = model.expect(site.counts_veh[origin - model.window_bins : origin], 0.0, 3)
    np.testing.assert_array_equal(point.count_veh, site.counts_veh[96 : 96 + 3])
    assert point.rung == ("profile",) * 4


def test_a_gap_a_week_ago_is_a_gap_now(site: FlowHistory) -> None:
    model = seasonal.fit(site)
    point = model.expect(np.full((model.window_bins, 4), np.nan), 0.0, 1)
    assert np.isnan(point.count_veh).all()
    assert point.rung == ("none",) * 4


def test_arrays_make_it_again() -> None:
    model = SameTimeLastWeek(672)
    assert SameTimeLastWeek.from_arrays(model.arrays(), 900.0) == model
    assert model.degraded() == ()

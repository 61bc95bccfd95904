import numpy as np

from forecasting import persistence
from forecasting.history import FlowHistory
from forecasting.persistence import Persistence, recent_mean


def test_the_last_value_goes_on(site: FlowHistory) -> None:
    point = persistence.fit(site).expect(np.array([[4.0, 0.0, np.nan, 9.0]]), 0.0, 2)
    np.testing.assert_array_equal(point.count_veh, [[4.0, 0.0, np.nan, 9.0]] * 2)
    assert point.rung == ("last", "last", "none", "last")


def test_a_bin_seen_in_part_weighs_by_its_part() -> None:
    recent_veh, observed = np.array([[10.0], [4.0]]), np.array([[1.0], [0.5]])
    assert recent_mean(recent_veh, observed)[0] == (10.0 + 0.5 * 4.0) / 1.5


def test_silence_is_not_a_number() -> None:
    assert np.isnan(recent_mean(np.full((3, 1), np.nan))).all()


def test_arrays_make_it_again() -> None:
    model = Persistence(3)
    assert Persistence.from_arrays(model.arrays(), 900.0) == model
    assert model.degraded() == ()

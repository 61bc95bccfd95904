import numpy as np
import pytest

from forecasting import boosted
from forecasting.boosted import ALL_INPUTS, Boosted, rows, taught_rows
from forecasting.history import FlowHistory
from forecasting.lessons import taught
from signals.errors import ForecastError

SHORT = 8 * 96


def test_without_the_library_one_sentence_names_the_extra(site: FlowHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted, "find_spec", lambda name: None)
    with pytest.raises(ForecastError, match=r"install the extra.*citybrain\[boost\]"):
        boosted.fit(site)


def test_rows_are_what_the_model_will_see_when_it_forecasts(site: FlowHistory) -> None:
    past = site.between(0, SHORT)
    ridge, course = taught(past, 1)
    x, y, weight = taught_rows(ridge, course, past)
    assert x.shape[1] == len(ALL_INPUTS)
    assert len(x) == len(y) == len(weight)
    assert np.isfinite(x).all()
    assert (weight > 0.0).all()
    # The last lesson is the history as it was: its last rows are of the last bin, forecast from the bins before it.
    assert set(np.unique(x[:, ALL_INPUTS.index("weekday")])) <= set(range(7))
    assert x[-1, ALL_INPUTS.index("hour")] == 23.75
    end = SHORT - 1
    np.testing.assert_allclose(x[-1, ALL_INPUTS.index("profile")], course.usual[1 + end][-1], rtol=1e-6)


def test_what_it_lacks_is_learned(site: FlowHistory) -> None:
    """Trees see what a line does not: here a detector that doubles for an hour whenever the city is low."""
    pytest.importorskip("lightgbm")
    rng = np.random.default_rng(1)
    counts_veh = np.repeat(site.counts_veh, 2, axis=1) + rng.poisson(3.0, (site.bins, 8))
    hour = np.arange(site.bins) % 96 // 4
    counts_veh[hour == 13, 0] *= np.where(rng.random((hour == 13).sum()) < 0.5, 2.0, 1.0)
    history = FlowHistory(site.start, site.bin_s, tuple("ABCDEFGH"), counts_veh)
    model = boosted.fit(history.between(0, SHORT))
    assert isinstance(model, Boosted)
    assert np.abs(model.forest.value).max() > 0.0
    inputs = np.zeros((8, len(ALL_INPUTS) - 6))
    assert rows(model.ridge, inputs, np.zeros(8), np.ones((3, 8)), 3600.0).shape == (8, len(ALL_INPUTS))

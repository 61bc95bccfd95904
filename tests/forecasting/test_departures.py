import numpy as np
import pytest

from forecasting.departures import NAMES, Departures
from forecasting.factors import Factors
from signals.types import Bools, Floats

BIN_S = 900.0


def heard(departure: Floats, bin_s: float = BIN_S) -> Departures:
    """After these departures [bin, detector] from Monday's midnight on."""
    out = Departures.none(bin_s, Factors(np.ones((departure.shape[1], 1)), 0.5))
    for i, one in enumerate(departure):
        out.learn(one, i * bin_s)
    return out


def inputs(of: Departures, starts_s: float, mute: Bools | None = None) -> dict[str, Floats]:
    """Inputs [detector] by name, where the profile is 5 everywhere."""
    flat = np.full(of.last.shape[1], 5.0)
    table = of.inputs(of.last, flat, flat, np.zeros(len(flat)), starts_s, mute)
    assert table.shape == (len(flat), len(NAMES)) and np.isfinite(table).all()
    return {name: table[:, k] for k, name in enumerate(NAMES)}


def test_the_newest_departures_come_first_and_gaps_are_none() -> None:
    found = inputs(heard(np.array([[0.1], [0.2], [np.nan], [0.4]])), 3600.0)
    assert [float(found[f"last_{k}"][0]) for k in (1, 2, 3, 4)] == pytest.approx([0.4, 0.0, 0.2, 0.1])


def test_a_rise_of_the_city_reaches_who_is_silent() -> None:
    departure = np.full((8, 6), 1.0)
    departure[:, 0] = np.nan
    found = inputs(heard(departure), 7200.0)
    assert found["city_1"][0] == pytest.approx(1.0) and found["factors_1"][0] > 0.5 and found["factors_30min"][0] > 0.7
    assert found["last_1"][0] == 0.0 and found["mean_1h"][0] == 0.0


def test_who_is_mute_is_as_if_it_had_long_been_silent() -> None:
    rng = np.random.default_rng(1)
    departure = rng.standard_normal((40, 4))
    mute = np.array([False, True, False, False])
    silent = departure.copy()
    silent[:, 1] = np.nan
    muted, truly = inputs(heard(departure), 36_000.0, mute), inputs(heard(silent), 36_000.0)
    for name in ("last_1", "mean_24h", "city_1", "factors_1", "factors_30min", "jump"):
        np.testing.assert_allclose(muted[name], truly[name], atol=1e-6)


def test_one_wild_bin_is_a_jump_and_only_lasting_ones_are_a_regime() -> None:
    once = inputs(heard(np.array([[0.0], [0.0], [0.0], [4.0]])), 3600.0)
    lasting = inputs(heard(np.array([[0.0], [4.0], [4.0], [4.0]])), 3600.0)
    over = inputs(heard(np.array([[4.0], [4.0], [4.0], [0.0]])), 3600.0)
    assert once["jump"][0] > 0.0 and once["lasting_2"][0] == 0.0
    assert lasting["lasting_2"][0] > 0.0 and lasting["lasting_3"][0] > 0.0
    assert over["jump"][0] == over["lasting_2"][0] == over["lasting_3"][0] == 0.0


@pytest.mark.parametrize("bin_s", [300.0, 900.0, 3600.0])
def test_yesterdays_departures_at_this_time_are_remembered(bin_s: float) -> None:
    slots = round(86_400.0 / bin_s)
    departure = np.zeros((slots, 1))
    departure[slots // 2 - slots // 24 : slots // 2 + slots // 24 + 1] = 1.5
    found = inputs(heard(departure, bin_s), 86_400.0 + slots // 2 * bin_s)
    assert found["yesterday"][0] > 1.0
    assert abs(inputs(heard(departure, bin_s), 86_400.0 + slots // 4 * bin_s)["yesterday"][0]) < 0.1


def test_silence_moves_nothing_but_time() -> None:
    of = heard(np.random.default_rng(2).standard_normal((30, 3)))
    before = of.fading[:, 0] / of.fading[:, 1]
    city = of.city[:, 0] / of.city[:, 1]
    of.learn(np.full(3, np.nan), 30 * BIN_S)
    np.testing.assert_allclose(of.fading[:, 0] / of.fading[:, 1], before)
    np.testing.assert_allclose(of.city[:, 0] / of.city[:, 1], city)
    assert np.isnan(of.last[-1]).all()


def test_a_saved_state_goes_on_exactly_and_another_ones_is_refused() -> None:
    of = heard(np.random.default_rng(3).standard_normal((30, 3)))
    again = Departures.from_arrays({name: np.array(array) for name, array in of.arrays().items()}, BIN_S)
    for name, array in inputs(of, 27_000.0).items():
        np.testing.assert_array_equal(array, inputs(again, 27_000.0)[name])
    with pytest.raises(ValueError, match="expected"):
        Departures.from_arrays(of.arrays(), 300.0)

import numpy as np
import pytest

from forecasting import boosted, mixed
from forecasting.history import FlowHistory
from forecasting.interval import HOURS, ends_s, recent
from forecasting.mixed import LEAN, Mixed, solved

FIRST = 14 * 96


def test_weights_by_hand() -> None:
    """One part alone: the weight is x'y / (x'x + LEAN)."""
    found = solved(np.array([[LEAN, 0.0, 0.0, LEAN, 0.0], [0.0, 0.0, 3 * LEAN, 0.0, 2 * LEAN], [0.0] * 5]))
    np.testing.assert_allclose(found, [[0.5, 0.0], [0.0, 0.5], [0.0, 0.0]])


@pytest.fixture(scope="module")
def without_trees(site: FlowHistory) -> Mixed:
    patch = pytest.MonkeyPatch()
    patch.setattr(boosted, "find_spec", lambda name: None)
    try:
        return mixed.fit(site.between(0, FIRST))
    finally:
        patch.undo()


def test_without_the_library_it_is_the_ridge_until_it_has_learned_weights(without_trees: Mixed, site: FlowHistory) -> None:
    window_veh, now_s = recent(site, FIRST, without_trees.window_bins), ends_s(site, FIRST)
    alone = without_trees.parts.ridge.expect(window_veh, now_s, 2)
    found = without_trees.expect(window_veh, now_s, 2)
    np.testing.assert_allclose(found.count_veh, alone.count_veh)
    assert found.rung == alone.rung


def test_an_echo_that_is_too_weak_for_one_detector_gets_a_weight_above_one(without_trees: Mixed, site: FlowHistory) -> None:
    model = Mixed.from_arrays({name: np.array(array) for name, array in without_trees.arrays().items()}, site.bin_s)
    model.parts.ridge.echo[1] *= 0.4
    for origin in range(FIRST, FIRST + 400):
        model.learn(site.counts_veh[origin], ends_s(site, origin))
        model.parts.ridge.solved = len(model.parts.ridge.echo)  # its own coefficients stay spoilt
        model.parts.ridge.echo[1] = 0.4 * without_trees.parts.ridge.echo[1]
    own = solved(model.by_detector)[:, 0]
    assert own[1] > 0.1
    assert own[1] > own[[0, 2, 3]].max() + 0.03


def test_weights_of_an_hour_are_its_own(without_trees: Mixed, site: FlowHistory) -> None:
    model = Mixed.from_arrays({name: np.array(array) for name, array in without_trees.arrays().items()}, site.bin_s)
    for origin in range(FIRST, FIRST + 3 * 96):
        model.learn(site.counts_veh[origin], ends_s(site, origin))
    assert model.by_hour.shape == (HOURS, 5)
    assert len(np.unique(model.by_hour[:, 0])) == HOURS


def test_silence_changes_no_weight(without_trees: Mixed, site: FlowHistory) -> None:
    model = Mixed.from_arrays({name: np.array(array) for name, array in without_trees.arrays().items()}, site.bin_s)
    model.learn(np.full(4, np.nan), ends_s(site, FIRST))
    np.testing.assert_array_equal(model.by_detector, 0.0 * model.by_detector)


def test_a_large_city_weighs_some_of_its_detectors_at_each_bin(
    without_trees: Mixed, site: FlowHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed, "MOST_WEIGHED", 2)
    model = Mixed.from_arrays({name: np.array(array) for name, array in without_trees.arrays().items()}, site.bin_s)
    learned = []
    for origin in range(FIRST, FIRST + 2):
        before = model.by_detector.copy()
        model.learn(site.counts_veh[origin], ends_s(site, origin))
        learned.append((model.by_detector[:, 0] > before[:, 0]).tolist())
    assert learned == [[True, False, True, False], [False, True, False, True]]

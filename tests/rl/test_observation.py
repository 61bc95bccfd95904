"""What the policy sees of a made-up moment."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rl import features, observation
from rl.observation import FEATURES, Eyes, allowed, layout_hash
from signals.types import Floats, FlowForecast, Network, Observation, SafetyEnvelope

Sees = Callable[..., Observation]
NAMES = [f.name for f in FEATURES]


@pytest.fixture(scope="module")
def eyes(network: Network, limits: tuple[SafetyEnvelope, ...]) -> Eyes:
    return Eyes(network, limits)


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_the_table_stands_at_its_column_of_the_kernel(name: str) -> None:
    assert getattr(features, name.upper()) == NAMES.index(name)


def test_the_table_is_as_wide_as_the_kernel_and_says_every_name_once() -> None:
    assert len(FEATURES) == features.WIDTH == len(set(NAMES))


def test_the_hash_changes_with_a_name_a_scale_and_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = {layout_hash()}
    renamed, scaled = replace(FEATURES[0], name="other"), replace(FEATURES[0], scale=2.0)
    for table in ((renamed, *FEATURES[1:]), (scaled, *FEATURES[1:]), FEATURES[::-1]):
        monkeypatch.setattr(observation, "FEATURES", table)
        hashes.add(layout_hash())
    assert len(hashes) == 4


def test_a_queue_shows_at_the_phase_that_serves_it_and_not_at_another_signal(eyes: Eyes, sees: Sees) -> None:
    rows = eyes.rows(sees(((1, 5.0, 0.0), (1, 13.0, 0.0))), None)
    assert rows[0, :, features.QUEUE_PROTECTED].tolist() == pytest.approx([0.0, 0.2, 0.0])
    assert rows[0, 0, features.QUEUE_LEFT] == pytest.approx(0.2)
    assert rows[1, :, features.QUEUE_PROTECTED].tolist() == [0.0, 0.0, 0.0]


def test_a_phase_that_a_signal_does_not_have_is_a_row_of_zeros(eyes: Eyes, sees: Sees) -> None:
    rows = eyes.rows(sees(((0, 5.0, 0.0),)), None)
    assert not rows[0, 2].any()
    assert rows[1, 2].any()


def test_the_lookahead_prefers_whoever_waits_and_the_rows_say_so(eyes: Eyes, sees: Sees) -> None:
    rows = eyes.rows(sees(tuple((1, 5.0 + 8.0 * k, 0.0) for k in range(6))), None)
    assert rows[0, :2, features.CHEAPEST].tolist() == [0.0, 1.0]
    assert rows[0, 0, features.EXCESS] > 0.0


@pytest.mark.parametrize(("age_s", "free"), [(20.0, 2), (3.0, 1), (-2.0, 1), (np.nan, 1)])
def test_before_the_minimum_green_is_over_only_the_running_phase_may_be_chosen(eyes: Eyes, sees: Sees, age_s: float, free: int) -> None:
    may = allowed(eyes.rows(sees(age_s=np.array([age_s, 20.0])), None))
    assert may[0].sum() == free
    assert may[0, 0]


def test_silent_sensors_give_finite_rows_and_are_named(eyes: Eyes, sees: Sees) -> None:
    silence = np.full(6, np.nan)
    rows = eyes.rows(sees(queue_veh=silence, wait_s=silence, red_s=silence, exit_veh=silence), None)
    assert np.isfinite(rows).all()
    assert rows[0, 0, features.SILENT] == 1.0


def test_a_forecast_reaches_the_rows_and_an_unknown_flow_adds_nothing(
    eyes: Eyes, sees: Sees, flows: Callable[[Floats], FlowForecast]
) -> None:
    flow_veh_h = np.array([900.0, 360.0, np.nan, np.nan, np.nan, np.nan])
    rows = eyes.rows(sees(), flows(flow_veh_h))
    assert rows[0, :2, features.FLOW_SERVED].tolist() == pytest.approx([0.5, 0.2])
    assert rows[0, :2, features.FLOW_LEFT].tolist() == pytest.approx([0.2, 0.5])
    assert rows[:, :2, features.FORECAST_KNOWN].tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert not eyes.rows(sees(), None)[..., features.FORECAST_KNOWN].any()


def test_every_feature_stays_within_its_box_in_an_absurd_moment(eyes: Eyes, sees: Sees) -> None:
    crowd = tuple((m, 3.0 * k, 0.0) for m in range(6) for k in range(80))
    rows = eyes.rows(sees(crowd, wait_s=np.full(6, 1e9), red_s=np.full(6, 1e9), exit_veh=np.full(6, 1e6)), None)
    assert rows.min() >= 0.0
    assert rows.max() == features.LARGEST
    assert rows.dtype == np.float32


def test_the_kernel_gives_the_same_rows_without_the_compiler(eyes: Eyes, sees: Sees, monkeypatch: pytest.MonkeyPatch) -> None:
    observed = sees(tuple((m, 4.0 + 9.0 * k, 0.0 if k < 2 else 9.0) for m in range(6) for k in range(m + 1)))
    compiled = eyes.rows(observed, None)
    monkeypatch.setattr(features, "phase_features", features.phase_features.py_func)
    np.testing.assert_allclose(eyes.rows(observed, None), compiled, rtol=1e-6)

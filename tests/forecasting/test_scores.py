import math

import numpy as np
import pytest

from forecasting.scores import poisson_floor_wape, scores


def test_scores_worked_by_hand() -> None:
    true_veh, count_veh = np.array([20.0, 5.0, np.nan, 4.0]), np.array([22.0, 4.0, 3.0, np.nan])
    found = scores(true_veh, count_veh, count_veh - 1.5, count_veh + 1.5)
    assert found["n"] == 2
    assert found["mae"] == 1.5
    assert found["rmse"] == pytest.approx(math.sqrt(2.5))
    assert found["wape"] == pytest.approx(100 * 3 / 25)
    assert found["mape"] == pytest.approx(10.0)  # only the count over 10
    assert found["coverage_80"] == 50.0
    assert found["width_80"] == 3.0
    # 20 lies 0.5 under [20.5, 23.5], 5 lies within [2.5, 5.5].
    low, high = (0.9 * 0.5 + 0.1 * 2.5) / 2, (0.1 * 3.5 + 0.1 * 0.5) / 2
    assert found["pinball"] == pytest.approx((low + high) / 2)


def test_no_entry_gives_no_score_rather_than_a_good_one() -> None:
    found = scores(np.array([np.nan]), np.array([1.0]), np.array([0.0]), np.array([2.0]))
    assert found["n"] == 0
    assert math.isnan(found["wape"])


@pytest.mark.parametrize("mean_veh", [0.4, 3.0, 30.0, 250.0])
def test_the_floor_is_the_mean_error_of_who_knows_the_mean(mean_veh: float) -> None:
    drawn = np.random.default_rng(3).poisson(mean_veh, 200_000)
    simulated = 100 * np.abs(drawn - mean_veh).mean() / mean_veh
    assert poisson_floor_wape(np.full(5, mean_veh)) == pytest.approx(simulated, rel=0.01)


def test_the_floor_falls_with_the_flow() -> None:
    floors = [poisson_floor_wape(np.array([m])) for m in (1.0, 10.0, 100.0)]
    assert floors == sorted(floors, reverse=True)

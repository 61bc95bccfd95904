"""Closed-form queues against simulated ones: random arrivals at a fixed signal, many hours of it."""

import numpy as np
import pytest

from signals.kernels import queue_length
from signals.types import Floats

CYCLE_S, GREEN_S, SATURATION_VEH_H = 80.0, 40.0, 1800.0
FULL_GREEN_VEH = SATURATION_VEH_H * GREEN_S / 3600.0


def cycles(degree: float, periods: int, cycles_each: int, seed: int) -> tuple[Floats, Floats]:
    """(overflow at the end of green, back of queue) [period, cycle]; every period begins without a queue.

    A cycle is a red and then a green. The queue reaches back until the last vehicle that has to stop: whoever comes in red, and
    in green whoever finds the discharge not over.
    """
    rng = np.random.default_rng(seed)
    flow_veh_s = degree * FULL_GREEN_VEH / CYCLE_S
    service_veh_s = SATURATION_VEH_H / 3600.0
    overflow_veh, back_veh = np.zeros((periods, cycles_each)), np.zeros((periods, cycles_each))
    for i in range(periods):
        queue = 0.0
        for k in range(cycles_each):
            reach = queue + float(rng.poisson(flow_veh_s * (CYCLE_S - GREEN_S)))
            arrivals_s = np.sort(rng.uniform(0.0, GREEN_S, int(rng.poisson(flow_veh_s * GREEN_S))))
            late = 0
            for arrival_s in arrivals_s.tolist():
                if reach > service_veh_s * arrival_s:
                    reach += 1.0
                else:
                    late += 1
            back_veh[i, k] = reach
            queue = max(0.0, reach - FULL_GREEN_VEH)
            overflow_veh[i, k] = queue
    return overflow_veh, back_veh


@pytest.mark.parametrize(("degree", "within"), [(0.5, 0.3), (0.8, 0.8), (0.95, 1.2), (1.1, 2.0), (1.3, 3.0)])
def test_the_overflow_queue_of_a_quarter_of_an_hour_is_near_akceliks(degree: float, within: float) -> None:
    """His formula was fitted to such simulations; the mean is over the period, which begins without a queue."""
    overflow_veh, _ = cycles(degree, 1500, 11, 21)
    capacity_veh_h = FULL_GREEN_VEH * 3600.0 / CYCLE_S
    found_veh = queue_length.overflow_queue_veh(degree, capacity_veh_h, CYCLE_S, 11.0 * CYCLE_S / 3600.0)
    assert found_veh == pytest.approx(overflow_veh.mean(), abs=within)


@pytest.mark.parametrize("degree", [0.4, 0.6, 0.8, 0.95])
def test_the_back_of_queue_is_near_the_simulated_one_by_akcelik_and_above_it_by_the_manual(degree: float) -> None:
    _, back_veh = cycles(degree, 1500, 11, 22)
    flow_veh_h = degree * SATURATION_VEH_H * GREEN_S / CYCLE_S
    period_h = 11.0 * CYCLE_S / 3600.0
    by_akcelik_veh = queue_length.akcelik_back_veh(flow_veh_h, SATURATION_VEH_H, GREEN_S, CYCLE_S, period_h)
    by_manual_veh = queue_length.back_of_queue_veh(flow_veh_h, SATURATION_VEH_H, GREEN_S, CYCLE_S, period_h)
    assert by_akcelik_veh == pytest.approx(back_veh.mean(), rel=0.1)
    assert back_veh.mean() < by_manual_veh < 1.3 * back_veh.mean()


@pytest.mark.parametrize("percent", [70.0, 85.0, 90.0, 95.0, 98.0])
@pytest.mark.parametrize("degree", [0.4, 0.7, 0.95])
def test_percentiles_of_the_back_of_queue_are_near_the_simulated_ones(degree: float, percent: float) -> None:
    _, back_veh = cycles(degree, 1500, 11, 22)
    mean_veh = float(back_veh.mean())
    found_veh = mean_veh * queue_length.percentile_factor(mean_veh, percent)
    assert found_veh == pytest.approx(float(np.percentile(back_veh, percent)), rel=0.15)

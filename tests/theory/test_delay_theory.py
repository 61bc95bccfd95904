"""Closed forms against simulated queues: M/D/1, a signal with random arrivals, and the limits between formulas."""

import numpy as np
import pytest

from signals.kernels import delay
from signals.types import Floats


def waits_s(arrivals_s: Floats, service_s: float) -> Floats:
    """Waiting times in a queue with even service, by Lindley's recursion."""
    found_s, wait_s = np.zeros(arrivals_s.size), 0.0
    for k, gap_s in enumerate(np.diff(arrivals_s).tolist()):
        wait_s = max(0.0, wait_s + service_s - gap_s)
        found_s[k + 1] = wait_s
    return found_s


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_the_even_service_queue_waits_as_the_formula_says(load: float) -> None:
    rng = np.random.default_rng(11)
    arrivals_s = np.cumsum(rng.exponential(1.0 / load, 200_000))
    # Capacity of one vehicle a second.
    assert waits_s(arrivals_s, 1.0).mean() == pytest.approx(delay.md1_wait_s(3600.0 * load, 3600.0), rel=0.05)


def signal_delay_s(arrivals_s: Floats, cycle_s: float, green_s: float, headway_s: float) -> float:
    """Mean delay at a fixed signal: vehicles leave in order, a headway apart, in green only."""
    red_s, free_s, total_s = cycle_s - green_s, 0.0, 0.0
    for arrival_s in arrivals_s.tolist():
        leaves_s = max(arrival_s, free_s)
        into_s = leaves_s % cycle_s
        if into_s < red_s:
            leaves_s += red_s - into_s
        free_s = leaves_s + headway_s
        total_s += leaves_s - arrival_s
    return total_s / arrivals_s.size


@pytest.mark.parametrize(("cycle_s", "green_s", "degree"), [(60.0, 30.0, 0.5), (60.0, 30.0, 0.8), (90.0, 30.0, 0.7), (90.0, 50.0, 0.9)])
def test_a_simulated_signal_delays_as_webster_says(cycle_s: float, green_s: float, degree: float) -> None:
    """His formula was fitted to such simulations, to about a tenth."""
    flow_veh_h = degree * 1800.0 * green_s / cycle_s
    rng = np.random.default_rng(12)
    arrivals_s = np.cumsum(rng.exponential(3600.0 / flow_veh_h, 60_000))
    simulated_s = signal_delay_s(arrivals_s, cycle_s, green_s, 2.0)
    assert delay.webster_delay_s(flow_veh_h, 1800.0, green_s, cycle_s) == pytest.approx(simulated_s, rel=0.1)


@pytest.mark.parametrize("degree", [0.3, 0.6, 0.9])
def test_an_even_flow_is_delayed_as_the_uniform_term_says(degree: float) -> None:
    flow_veh_h = degree * 900.0
    # 100 cycles of an even flow; a vehicle every 3600 / q seconds meets every part of the cycle.
    arrivals_s = np.arange(0.0, 60_000.0, 3600.0 / flow_veh_h)
    fluid_s = signal_delay_s(arrivals_s, 60.0, 30.0, 2.0)
    # Whole vehicles stand in for a fluid: each is served within a headway of its share.
    assert delay.uniform_delay_s(60.0, 30.0, degree) == pytest.approx(fluid_s, abs=2.0)


def test_far_over_capacity_the_overflow_grows_with_the_period() -> None:
    """d2 tends to T (X - 1) / 2 hours, the mean of a queue that grows evenly."""
    for period_h in (0.25, 0.5, 1.0):
        found_s = delay.incremental_delay_s(1.5, 900.0, period_h, 0.5, 1.0)
        assert found_s == pytest.approx(3600.0 * period_h * 0.5 / 2.0, rel=0.05)


def test_over_a_long_period_the_incremental_delay_tends_to_the_steady_queue() -> None:
    """With k 0.5 the steady state of d2 is X / (c (1 - X)) * 3600 / 2: the M/D/1 wait."""
    found_s = delay.incremental_delay_s(0.8, 900.0, 1000.0, 0.5, 1.0)
    assert found_s == pytest.approx(delay.md1_wait_s(0.8 * 900.0, 900.0), rel=0.01)


def test_more_green_never_delays_more() -> None:
    delays_s = [delay.control_delay_s(600.0, 1800.0, float(g), 90.0) for g in range(5, 91)]
    assert (np.diff(delays_s) < 1e-9).all()

"""Decisions in the twin: the same rows and rewards as in SUMO, and the same traffic as behind the link."""

import numpy as np
import pytest

from rl import features
from rl.observation import Eyes, allowed
from rl.twin.simulation import TwinSimulation
from rl.twin.twin import Twin
from signals.planners.rolling_horizon import cheapest


@pytest.fixture(scope="module")
def eyes(twin: Twin) -> Eyes:
    """Of the twin's network."""
    return Eyes(twin.site.network, twin.site.limits)


def played(twin: Twin, eyes: Eyes, wise: bool) -> tuple[float, float]:
    """(mean reward, delay [s/veh]) of a run that follows the lookahead's prices, or never changes a phase."""
    simulation = TwinSimulation(twin, eyes, 101)
    gained = []
    while not simulation.over:
        phase = simulation.observed().phase
        costs_s = np.where(allowed(rows := simulation.rows()), rows[..., features.EXCESS], np.nan).astype(np.float64)
        gained.append(simulation.decide(cheapest(costs_s, phase) if wise else phase).mean())
    return float(np.mean(gained)), simulation.delay_s_per_veh()


def test_who_follows_the_prices_gains_more_and_delays_less_than_who_never_changes(twin: Twin, eyes: Eyes) -> None:
    wise, idle = played(twin, eyes, True), played(twin, eyes, False)
    assert wise[0] > idle[0]
    assert wise[1] < 0.5 * idle[1]


def test_rows_and_rewards_have_the_shape_of_those_from_sumo(twin: Twin, eyes: Eyes) -> None:
    simulation = TwinSimulation(twin, eyes, 101)
    assert simulation.rows().shape == (4, twin.site.widest, features.WIDTH)
    assert simulation.decide(np.zeros(4, dtype=np.int64)).shape == (4,)
    assert simulation.now_s == twin.begin_s + twin.site.decision_s

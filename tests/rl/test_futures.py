"""Futures: exact, and of as many signals at once as do not touch one another."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl import features
from rl.choice import Choice, eligible
from rl.futures import Teaching, alternatives, apart, future, lessons, neighbourhoods
from rl.observation import Eyes
from rl.scorer import untrained
from rl.simulation import NoForecast, Simulation, site
from rl.time_loss import TimeLoss
from signals.types import Network
from sumo_nets.fork import in_fork
from sumo_nets.scenario import Scenario


def _started(small: Scenario) -> tuple[Simulation, Choice]:
    where = site(small)
    simulation = Simulation(where, Eyes(where.network, where.limits), 7, NoForecast())
    return simulation, Choice(where.network, untrained())


@pytest.mark.sumo
def test_the_future_of_what_is_then_done_is_what_then_happens(small: Scenario) -> None:
    def told_and_lived() -> bytes:
        simulation, choice = _started(small)
        losses = TimeLoss(simulation.sumo, simulation.where.network)
        while simulation.now_s < simulation.where.scenario.begin_s + 50.0:
            simulation.decide(choice.wanted(simulation.rows(), simulation.observed()))
            losses.since_last(simulation)
        told = future(simulation, choice, losses, {}, 40.0)
        lived_s = np.zeros(4)
        for _ in range(4):
            simulation.decide(choice.wanted(simulation.rows(), simulation.observed()))
            lived_s += losses.since_last(simulation)
        simulation.close()
        return np.concatenate((told.lost_s, lived_s)).tobytes()

    both = np.frombuffer(in_fork(told_and_lived, "a future and the life after it"))
    np.testing.assert_array_equal(both[:4], both[4:])
    assert both.sum() > 0.0


@pytest.mark.sumo
def test_lessons_say_what_other_phases_cost_beside_the_chosen_one(small: Scenario) -> None:
    def learned() -> bytes:
        simulation, choice = _started(replace(small, end_s=small.begin_s + 90.0))
        found = list(lessons(simulation, choice, Teaching(horizon_s=30.0, wander=0.5), np.random.default_rng(0)))
        simulation.close()
        for one in found:
            assert one.cost_s[one.chosen] == 0.0
            tried = np.isfinite(one.cost_s)
            assert 2 <= tried.sum() <= 3
            assert eligible(one.rows)[tried].all()
        return np.array([len(found), *(np.nanmax(np.abs(one.cost_s)) for one in found)]).tobytes()

    told = np.frombuffer(in_fork(learned, "an episode of lessons"))
    assert told[0] == len(told) - 1 > 0
    assert told[1:].max() > 0.0


def test_alternatives_are_cheap_eligible_and_not_the_wanted_one() -> None:
    rows = np.zeros((1, 5, features.WIDTH), dtype=np.float32)
    rows[0, :4, features.ALLOWED] = 1.0
    rows[0, :, features.EXCESS] = np.array([0.0, 70.0, 20.0, 90.0, 0.0]) / features.EXCESS_S
    wanted = np.array([0])
    assert alternatives(rows, wanted, Teaching(alternatives=3, within_s=80.0))[0].tolist() == [2, 1]
    assert alternatives(rows, wanted, Teaching(alternatives=1))[0].tolist() == [2]
    rows[..., features.EXCESS] = 0.0  # nobody comes: nothing to learn
    assert alternatives(rows, wanted, Teaching())[0].tolist() == []


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_signals_that_try_at_once_are_apart(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    near = [{i} for i in range(count)]
    for _ in range(count):
        a, b = rng.integers(count, size=2)
        near[a].add(int(b))
        near[b].add(int(a))
    frozen = [frozenset(one) for one in near]
    picked = apart(rng.permutation(count), frozen)
    assert picked
    assert sum(len(frozen[i]) for i in picked) == len(frozenset().union(*(frozen[i] for i in picked)))


def test_a_signal_is_near_itself(network: Network) -> None:
    assert neighbourhoods(network) == [frozenset({0}), frozenset({1})]

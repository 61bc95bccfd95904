"""A city as arrays: the same loads, plans and limits as signal by signal."""

from collections.abc import Callable
from dataclasses import replace

import numba
import numpy as np
import pytest

from signals.batch import WORTH_ALL_CORES, city_of, city_plans, city_verdicts, cores_for, padded
from signals.kernels import city
from signals.lane_groups import demand_of
from signals.planners.webster import LONGEST_CYCLE_S, START_UP_S, lost_time_s, target_greens_s
from signals.types import Network, SafetyEnvelope, Stage

Limits = Callable[..., tuple[SafetyEnvelope, ...]]


@pytest.fixture(scope="module")
def mixed(four_arm: Network, with_crossing: Network) -> Network:
    """Signals of unlike sizes: four stages, two stages of the same phases, and one with a crossing."""
    four = four_arm.signals[0]
    two = replace(four, id="two", base=replace(four.base, signal="two", stages=(Stage(0, 30.0), Stage(2, 25.0)), cycle_s=61.0))
    return Network("mixed", (four, two, with_crossing.signals[0]))


@pytest.mark.parametrize("level_veh_h", [10.0, 100.0, 200.0, 500.0])
def test_each_signal_gets_the_greens_that_the_planner_aims_at(mixed: Network, limits_of: Limits, level_veh_h: float) -> None:
    limits = limits_of(mixed)
    of = city_of(mixed, limits)
    flow_veh_h = level_veh_h * np.random.default_rng(5).uniform(0.2, 1.8, (3, 13))
    found = city_plans(of, flow_veh_h, START_UP_S, LONGEST_CYCLE_S)
    for i, signal in enumerate(mixed.signals):
        n = len(signal.base.stages)
        alone_s = target_greens_s(demand_of(signal), flow_veh_h[i, : len(signal.movements)], lost_time_s(signal), limits[i], signal)
        np.testing.assert_allclose(found.greens_s[i, :n], alone_s)
        assert np.isnan(found.greens_s[i, n:]).all()
        assert found.cycle_s[i] == pytest.approx(alone_s.sum() + lost_time_s(signal))


def test_an_unknown_flow_gives_no_plan_and_no_approval(mixed: Network, limits_of: Limits) -> None:
    of = city_of(mixed, limits_of(mixed))
    flow_veh_h = np.full((3, 13), 100.0)
    flow_veh_h[0, 1] = np.nan
    plans = city_plans(of, flow_veh_h, START_UP_S, LONGEST_CYCLE_S)
    assert np.isnan(plans.cycle_s).tolist() == [True, False, False]
    none_s, for_ever_s = np.zeros(3), np.full(3, np.inf)
    running_s = np.full(of.stage_phase.shape, np.nan)
    verdicts = city_verdicts(of, plans, none_s, none_s, for_ever_s, 0.0, running_s, np.ones((3, 13), dtype=np.bool_))
    assert verdicts.tolist() == [city.MALFORMED, city.APPROVED, city.APPROVED]


def test_rows_make_a_city_of_any_size(mixed: Network, limits_of: Limits) -> None:
    of = city_of(mixed, limits_of(mixed))
    many = of.rows(np.array([2, 0, 0, 1]))
    flow_veh_h = np.full((3, 13), 150.0)
    few = city_plans(of, flow_veh_h, START_UP_S, LONGEST_CYCLE_S)
    more = city_plans(many, flow_veh_h[[2, 0, 0, 1]], START_UP_S, LONGEST_CYCLE_S)
    np.testing.assert_array_equal(more.greens_s, few.greens_s[[2, 0, 0, 1]])


def test_all_cores_find_what_one_finds(mixed: Network, limits_of: Limits) -> None:
    of, n = city_of(mixed, limits_of(mixed)), WORTH_ALL_CORES + 1
    kinds = np.arange(n) % 3
    flow_veh_h = np.random.default_rng(6).uniform(0.0, 400.0, (n, 13))
    many, few = of.rows(kinds), of.rows(kinds[:-2])
    all_plans, one_plans = (city_plans(x, flow_veh_h[: len(x.stages)], START_UP_S, LONGEST_CYCLE_S) for x in (many, few))
    np.testing.assert_array_equal(all_plans.greens_s[:-2], one_plans.greens_s)
    calls = np.ones((n, 13), dtype=np.bool_)
    none_s, for_ever_s, other_s = np.zeros(n), np.full(n, np.inf), np.full(many.stage_phase.shape, np.nan)
    verdicts = city_verdicts(many, all_plans, none_s, none_s, for_ever_s, 0.0, other_s, calls)
    assert set(verdicts.tolist()) == {city.APPROVED}
    fewer = city_verdicts(few, one_plans, none_s[:-2], none_s[:-2], for_ever_s[:-2], 0.0, other_s[:-2], calls[:-2])
    np.testing.assert_array_equal(fewer, verdicts[:-2])


@pytest.mark.parametrize("enough", [False, True])
def test_few_signals_take_one_core_and_the_others_are_given_back(enough: bool) -> None:
    before = numba.get_num_threads()
    with cores_for(WORTH_ALL_CORES if enough else WORTH_ALL_CORES - 1):
        assert numba.get_num_threads() == (before if enough else 1)
    assert numba.get_num_threads() == before


def test_rows_of_unlike_size_are_filled_up() -> None:
    np.testing.assert_array_equal(padded([np.array([1.0]), np.array([2.0, 3.0])]), [[1.0, 0.0], [2.0, 3.0]])

"""Network timing on example networks: cycles that fit, greens that add up, offsets that make a wave, and no search that loses."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from signals.planners.network_timing import (
    Subject,
    best_timing,
    climbed,
    copied,
    doubled,
    judged,
    plan_of,
    subject,
    webster_timing,
    with_stages,
)
from signals.safety import adopt, vet
from signals.types import Floats, Network, Observation, SafetyEnvelope

Limits = Callable[..., tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]
BASE = (0, 1, 2, 3)
TWO = (0, 2)


def linked(pair: Network) -> Network:
    """The pair, with the approaches between `W` and `E` traced to each other's exits."""
    fed = {"E": ("w_in", "e_out_0"), "W": ("e_in", "w_out_0")}
    signals = []
    for signal in pair.signals:
        arm, exit_lane = fed[signal.id]
        lanes = tuple(replace(lane, upstream=(exit_lane,)) if lane.id.startswith(arm) else lane for lane in signal.lanes)
        signals.append(replace(signal, lanes=lanes))
    return replace(pair, signals=tuple(signals))


def eastward() -> Floats:
    """A strong flow from the west through both signals, a weak one across [movement]."""
    flows = np.zeros((2, 12))
    flows[:, 10], flows[:, 7], flows[:, 1] = 700.0, 150.0, 150.0
    return flows.ravel()


@pytest.fixture
def arterial(pair: Network, limits_of: Limits) -> Subject:
    network = linked(pair)
    return subject(network, limits_of(network), (TWO, TWO), eastward())


@pytest.mark.parametrize("cycle_s", [40, 57, 60, 100])
def test_websters_greens_and_intergreens_fill_the_common_cycle(arterial: Subject, cycle_s: int) -> None:
    timing = webster_timing(arterial, cycle_s)
    assert timing is not None
    assert (timing.green_s.sum(axis=1) + timing.between_s.sum(axis=1)).tolist() == [cycle_s, cycle_s]
    assert (timing.green_s >= arterial.least_s).all()


@pytest.mark.parametrize(("stages", "cycle_s"), [(BASE, 39), (TWO, 19), (TWO, 301)])
def test_a_cycle_without_room_for_the_minimum_greens_is_none(
    pair: Network, limits_of: Limits, stages: tuple[int, ...], cycle_s: int
) -> None:
    one = subject(pair, limits_of(pair), (stages, stages), eastward())
    assert webster_timing(one, cycle_s) is None


def test_the_offset_found_carries_the_platoon_through(arterial: Subject) -> None:
    start = webster_timing(arterial, 60)
    assert start is not None
    found = climbed(arterial, start, 60)
    stopped = climbed(arterial, start._replace(offset_s=np.array([0, 30])), 60, quick=True)
    best = min(judged(arterial, found.timing._replace(offset_s=np.array([0, o])), 60).cost for o in range(60))
    assert found.cost == pytest.approx(best, rel=0.01)
    assert found.cost <= stopped.cost
    assert found.stops < judged(arterial, start._replace(offset_s=np.array([0, 45])), 60).stops


def test_the_best_timing_is_no_worse_than_any_single_start(arterial: Subject) -> None:
    cycles_s = (40, 60, 80)
    found = best_timing({c: arterial for c in cycles_s}, np.random.default_rng(1))
    assert found is not None
    for cycle_s in cycles_s:
        start = webster_timing(arterial, cycle_s)
        assert start is not None
        assert found.cost <= judged(arterial, start, cycle_s).cost


def test_the_same_seed_gives_the_same_timing(arterial: Subject) -> None:
    one, again = (best_timing({50: arterial, 60: arterial}, np.random.default_rng(7)) for _ in range(2))
    assert one is not None
    assert again is not None
    assert (one.cost, one.timing.offset_s.tolist()) == (again.cost, again.timing.offset_s.tolist())


def test_no_cycle_gives_no_timing(pair: Network, limits_of: Limits) -> None:
    one = subject(pair, limits_of(pair), (BASE, BASE), eastward())
    assert best_timing({30: one}, np.random.default_rng(1)) is None


def test_a_quiet_signal_beside_a_busy_one_runs_at_half_the_cycle(pair: Network, limits_of: Limits) -> None:
    flows = np.zeros((2, 12))
    flows[0, [1, 4, 7, 10]], flows[1, [1, 4, 7, 10]] = 700.0, 60.0
    one = subject(pair, limits_of(pair), (TWO, TWO), flows.ravel())
    start = webster_timing(one, 90)
    assert start is not None
    found = doubled(one, climbed(one, start, 90))
    assert found.timing.double.tolist() == [1, 2]
    plan = plan_of(pair.signals[1], found, 1)
    assert plan.cycle_s == 45.0
    assert plan.offset_s < 45.0


def test_plans_keep_the_safety_rules(arterial: Subject, observe: Observe) -> None:
    found = best_timing({40: arterial, 60: arterial}, np.random.default_rng(1))
    assert found is not None
    network = arterial.network
    every = subject(network, arterial.limits, (BASE, BASE), eastward())
    for timing in (found, best_timing({60: every}, np.random.default_rng(1))):
        assert timing is not None
        plans = tuple(plan_of(s, timing, i) for i, s in enumerate(network.signals))
        hurried = tuple(replace(limit, max_green_change_s=float("inf")) for limit in arterial.limits)
        approved = vet(plans, adopt(network, 0.0), observe(network, now_s=0.0), network, hurried)
        assert [one.plan for one in approved] == list(plans)


def test_copies_do_not_share_arrays_and_own_stages_are_left_as_they_are(arterial: Subject) -> None:
    start = webster_timing(arterial, 60)
    assert start is not None
    copied(start).offset_s[:] = 9
    assert start.offset_s.tolist() == [0, 0]
    signal = arterial.network.signals[0]
    assert with_stages(signal, BASE) is signal
    assert [stage.phase for stage in with_stages(signal, TWO).base.stages] == [0, 2]

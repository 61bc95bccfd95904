"""Sequence plans: what a decision says, that safety lets it pass, and that nobody starves."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from signals.approach import approach
from signals.layout import lay_out
from signals.planners.sequence import called_red_s, decidable, keep, on_grid, overdue, sequences, switch
from signals.safety import adopt, vet
from signals.types import Ints, Network, Observation, SafetyEnvelope, Stage, TimingPlan

NAN = float("nan")
Limits = Callable[..., tuple[SafetyEnvelope, ...]]
Observe = Callable[..., Observation]


def wanting(phase: int, network: Network) -> Ints:
    """The same wish for every signal."""
    return np.full(len(network.signals), phase, dtype=np.int64)


def decided(network: Network, observed: Observation, limits: tuple[SafetyEnvelope, ...], phase: int) -> TimingPlan:
    """The first signal's plan when every signal wants this phase and its base plan runs."""
    wish = sequences(network, lay_out(network), observed, limits, wanting(phase, network), adopt(network, 0.0))
    return wish[0]


def test_keep_and_switch_last_as_long_as_they_say() -> None:
    assert keep("A0", 2, 100.0, 30.0) == TimingPlan("A0", (Stage(2, 30.0),), 100.0, 130.0)
    assert switch("A0", 2, 100.0, 27.0, 3.0) == TimingPlan("A0", (Stage(2, 27.0),), 100.0, 130.0)


@pytest.mark.parametrize(("time_s", "step_s", "found_s"), [(6.2, 1.0, 7.0), (7.0, 1.0, 7.0), (0.3, 0.1, 0.3), (3.1, 0.5, 3.5)])
def test_a_minimum_is_rounded_up_to_the_grid(time_s: float, step_s: float, found_s: float) -> None:
    assert on_grid(time_s, step_s) == pytest.approx(found_s)


@pytest.mark.parametrize(("age_s", "may"), [(7.0, True), (6.0, False), (0.0, False), (-2.0, False), (NAN, False)])
def test_a_signal_may_be_changed_after_its_minimum_green(
    four_arm: Network, limits_of: Limits, observe: Observe, age_s: float, may: bool
) -> None:
    assert decidable(observe(four_arm, age_s=age_s), limits_of(four_arm)).tolist() == [may]


def test_a_silent_sensor_is_a_call_and_an_unknown_red_is_endless(four_arm: Network, observe: Observe) -> None:
    observed = observe(four_arm, red_s=50.0)
    queue_veh, red_s = observed.queue_veh.copy(), observed.red_s.copy()
    queue_veh[:3], red_s[2] = [NAN, 2.0, 2.0], NAN
    found = called_red_s(replace(observed, queue_veh=queue_veh, red_s=red_s))
    assert found.tolist() == [50.0, 50.0, np.inf] + [0.0] * 9


@pytest.mark.parametrize(
    ("phase", "age_s", "wanted", "stages"),
    [
        (0, 20.0, 0, (Stage(0, 30.0),)),  # a keep outlives two missed renewals of 10 s
        (0, 20.0, 2, (Stage(2, 27.0),)),  # so does a change, its 3 s of intergreen counted
        (0, 5.0, 2, (Stage(0, 30.0),)),  # under the minimum green there is no change
        (0, -2.0, 2, (Stage(0, 30.0),)),  # nor in an intergreen
        (0, 285.0, 0, (Stage(0, 15.0),)),  # a hold ends at the maximum green
    ],
)
def test_a_decision_holds_for_three_intervals(
    four_arm: Network,
    limits_of: Limits,
    observe: Observe,
    phase: int,
    age_s: float,
    wanted: int,
    stages: tuple[Stage, ...],
) -> None:
    plan = decided(four_arm, observe(four_arm, phase=phase, age_s=age_s), limits_of(four_arm), wanted)
    assert plan.stages == stages
    assert plan.valid_until_s - plan.starts_s == pytest.approx(sum(s.green_s for s in stages) + 3.0 * (stages[0].phase != phase))


def test_with_quick_decisions_a_change_still_has_its_minimum_green(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    limits = limits_of(four_arm, "free")
    assert decided(four_arm, observe(four_arm), limits, 2).stages == (Stage(2, 5.0),)
    assert decided(four_arm, observe(four_arm), limits, 0).stages == (Stage(0, 3.0),)
    assert decided(four_arm, observe(four_arm, age_s=1.0), limits, 2).stages == (Stage(0, 4.0),)


def test_while_an_intergreen_runs_the_sequence_that_made_it_stays(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    limits, layout = limits_of(four_arm, "free"), lay_out(four_arm)
    before = observe(four_arm, now_s=999.0)
    base = adopt(four_arm, 0.0)
    running = vet(sequences(four_arm, layout, before, limits, wanting(2, four_arm), base), base, before, four_arm, limits)
    within = observe(four_arm, phase=2, age_s=-2.0)
    again = sequences(four_arm, layout, within, limits, wanting(1, four_arm), running)
    assert again[0] is running[0].plan


@pytest.mark.parametrize(("red_s", "forced"), [(200.0, -1), (250.0, -1), (290.0, 1), (NAN, 1)])
def test_a_starved_left_turn_is_forced_before_its_red_is_too_long(
    four_arm: Network, limits_of: Limits, observe: Observe, red_s: float, forced: int
) -> None:
    limits = limits_of(four_arm)
    observed = observe(four_arm, phase=2)
    queue_veh, reds_s = observed.queue_veh.copy(), observed.red_s.copy()
    queue_veh[2], reds_s[2] = 3.0, red_s  # the left turn from the north: protected in phase 1
    observed = replace(observed, queue_veh=queue_veh, red_s=reds_s)
    assert overdue(observed, lay_out(four_arm), limits).tolist() == [forced]
    plan = decided(four_arm, observed, limits, 2)
    assert plan.stages[0].phase == (2 if forced < 0 else 1)


def test_the_overdue_is_next_even_where_the_minimum_green_must_be_waited_for(
    four_arm: Network, limits_of: Limits, observe: Observe
) -> None:
    observed = observe(four_arm, phase=2, age_s=4.0, queue_veh=1.0, red_s=295.0)
    stages = decided(four_arm, observed, limits_of(four_arm), 2).stages
    assert stages[0] == Stage(2, 3.0)
    assert stages[1].phase in (0, 1, 3)


def test_a_full_green_gives_way_only_to_somebody_who_waits(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    limits = limits_of(four_arm)
    alone = decided(four_arm, observe(four_arm, age_s=320.0), limits, 0)
    waited_for = decided(four_arm, observe(four_arm, age_s=295.0, queue_veh=1.0, red_s=90.0), limits, 0)
    assert alone.stages == (Stage(0, 30.0),)
    assert waited_for.stages[0].phase != 0


def test_a_sequence_goes_on_for_who_the_base_plan_would_serve_too_late(four_arm: Network, limits_of: Limits, observe: Observe) -> None:
    # Phase 1 holds for 30 s more; the base plan would go on with phases 2 and 3 and reach phase 0 after 3 + 25 + 3 + 10 + 3 s.
    observed = observe(four_arm, phase=1)
    queue_veh, reds_s = observed.queue_veh.copy(), observed.red_s.copy()
    queue_veh[1], reds_s[1] = 3.0, 240.0
    observed = replace(observed, queue_veh=queue_veh, red_s=reds_s)
    assert decided(four_arm, observed, limits_of(four_arm), 1).stages == (Stage(1, 30.0), Stage(0, 7.0))


def random_state(network: Network, rng: np.random.Generator, now_s: float, max_red_s: float) -> Observation:
    """A state that a signal can be in: an intergreen or a green of any age, anybody waiting, a sensor silent now and then."""
    n, m = len(network.signals), sum(len(s.movements) for s in network.signals)
    nothing: Any = np.zeros(0)
    return Observation(
        now_s=now_s,
        phase=rng.integers(0, 4, n),
        age_s=rng.integers(-3, 100, n).astype(float),
        queue_veh=np.where(rng.random(m) < 0.05, NAN, rng.poisson(0.7, m)),
        counts_veh=np.zeros(m),
        wait_s=np.zeros(m),
        red_s=rng.integers(0, int(max_red_s), m).astype(float),
        exit_veh=np.zeros(m),
        vehicle_lane=nothing.astype(np.int64),
        vehicle_movement=nothing.astype(np.int64),
        vehicle_distance_m=nothing,
        vehicle_speed_mps=nothing,
    )


@pytest.mark.parametrize(("fixture", "rules"), [("four_arm", "resco"), ("pair", "free"), ("with_crossing", "street")])
def test_safety_lets_every_decision_pass(fixture: str, rules: str, limits_of: Limits, request: pytest.FixtureRequest) -> None:
    """Of a thousand states the wish is refused in none, whatever the planner wanted; reds up to half the maximum."""
    network: Network = request.getfixturevalue(fixture)
    limits, layout = limits_of(network, rules), lay_out(network)
    rng, base, refused = np.random.default_rng(5), adopt(network, 0.0), []
    for k in range(1000):
        observed = random_state(network, rng, 1000.0 + k, 0.5 * limits[0].max_red_s)
        wish = sequences(network, layout, observed, limits, rng.integers(0, 4, len(network.signals)), base)
        assert approach(wish, base, limits) is wish
        refused += [o for approved in vet(wish, base, observed, network, limits) for o in approved.objections]
    assert refused == []


def test_the_longest_waiting_is_served_whatever_the_planner_wants(four_arm: Network, limits_of: Limits) -> None:
    """States past any limit: what is refused for its red is refused to nobody who serves the most overdue at once."""
    limits, layout = limits_of(four_arm), lay_out(four_arm)
    rng, base = np.random.default_rng(6), adopt(four_arm, 0.0)
    for k in range(500):
        observed = random_state(four_arm, rng, 1000.0 + k, 600.0)
        wish = sequences(four_arm, layout, observed, limits, rng.integers(0, 4, 1), base)
        if overdue(observed, layout, limits)[0] >= 0:
            assert vet(wish, base, observed, four_arm, limits)[0].objections == ()

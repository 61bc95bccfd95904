"""What is fixed at a site: base waits counted by hand, conflicts found, facts remembered by identity."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from signals.site import KEPT_SMALL, allowed_together, base_wait_s, clashes, longest_base_red_s, sites
from signals.types import Intersection, Network, SafetyEnvelope, Stage

LimitsOf = Callable[[Network, str], tuple[SafetyEnvelope, ...]]
# Base plan: NS 30, NS left 10, EW 25, EW left 10, each followed by 3 s of yellow: a cycle of 87 s.
N_THROUGH, N_LEFT, E_THROUGH, E_LEFT = 1, 2, 4, 5


@pytest.mark.parametrize(
    ("after_phase", "movement", "wait_s"),
    [
        (0, E_THROUGH, 3 + 10 + 3),
        (0, N_LEFT, 0),  # stays green into its own phase
        (0, N_THROUGH, 3 + 10 + 3 + 25 + 3 + 10 + 3),
        (1, N_LEFT, 3 + 25 + 3 + 10 + 3),
        (1, E_LEFT, 3),
        (2, N_THROUGH, 3 + 10 + 3),
        (3, E_THROUGH, 3 + 30 + 3 + 10 + 3),
        (3, N_THROUGH, 3),
    ],
)
def test_the_base_plan_goes_on_after_the_phase_that_it_is_entered_from(
    after_phase: int, movement: int, wait_s: float, four_arm: Network
) -> None:
    assert base_wait_s(four_arm.signals[0])[after_phase, movement] == wait_s


def based_on(signal: Intersection, *stages: tuple[int, float]) -> Intersection:
    return replace(signal, base=replace(signal.base, stages=tuple(Stage(p, g) for p, g in stages)))


def test_a_phase_that_the_base_plan_lacks_leads_to_its_first_stage(four_arm: Network) -> None:
    waits_s = base_wait_s(based_on(four_arm.signals[0], (0, 30.0), (2, 25.0)))
    assert waits_s[3, N_THROUGH] == 3.0 and waits_s[3, E_THROUGH] == 3.0 + 30.0 + 3.0


def test_of_a_movement_that_the_base_plan_never_serves_nothing_is_said(four_arm: Network) -> None:
    waits_s = base_wait_s(based_on(four_arm.signals[0], (1, 30.0), (2, 25.0)))
    assert (waits_s[:, N_THROUGH] == 0.0).all()


def test_where_a_phase_comes_twice_the_longer_wait_counts(four_arm: Network) -> None:
    twice = based_on(four_arm.signals[0], (0, 10.0), (2, 20.0), (0, 10.0), (3, 15.0))
    assert base_wait_s(twice)[0, E_THROUGH] == 3.0 + 15.0 + 3.0 + 10.0 + 3.0


def test_the_longest_red_of_the_base_plan(four_arm: Network) -> None:
    red_s = longest_base_red_s(four_arm.signals[0])
    assert red_s[[N_THROUGH, N_LEFT, E_THROUGH, E_LEFT]].tolist() == [57.0, 44.0, 62.0, 49.0]


def test_the_example_junctions_show_no_conflicting_greens(pair: Network, with_crossing: Network) -> None:
    assert [clashes(s) for s in (*pair.signals, *with_crossing.signals)] == [[], [], []]


@pytest.mark.parametrize("exceptions", [(), ((4, 1),)])
def test_conflicting_greens_are_found_unless_the_site_was_built_so(exceptions: tuple[tuple[int, int], ...], four_arm: Network) -> None:
    signal = four_arm.signals[0]
    serves = signal.serves.copy()
    serves[0, E_THROUGH] = 2
    found = clashes(replace(signal, serves=serves, exceptions=exceptions))
    assert ((0, N_THROUGH, E_THROUGH) in found) == (not exceptions)
    assert (0, E_THROUGH, 7) in found, "the other direction is no exception"
    assert allowed_together(replace(signal, exceptions=exceptions)).sum() == 2 * len(exceptions)


def test_a_permissive_green_passes_only_where_it_yields(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    deaf = replace(signal, yields_to=np.zeros_like(signal.yields_to))
    assert {(p, m, k) for p, m, k in clashes(deaf) if p == 0} == {(0, 0, 8), (0, 1, 8), (0, 2, 6), (0, 2, 7)}


def test_facts_are_made_once_for_the_same_network_and_limits(pair: Network, limits_of: LimitsOf) -> None:
    limits = limits_of(pair, "resco")
    first = sites(pair, limits)
    assert sites(pair, limits) is first
    assert [(s.movement_start, s.movement_end) for s in first] == [(0, 12), (12, 24)]
    assert first[1].signal is pair.signals[1] and first[1].limits is limits[1]
    assert first[0].serves[1] == frozenset({2, 8}) and first[0].served == frozenset(range(12))
    assert first[0].longest_wait_s == (57.0, 44.0, 62.0, 49.0)
    assert first[0].min_green_s == (7.0,) * 4 and first[0].intergreen_s[0][2] == 3.0


def test_other_limits_make_other_facts(pair: Network, limits_of: LimitsOf) -> None:
    strict = tuple(replace(limit, max_red_s=50.0) for limit in limits_of(pair, "resco"))
    facts = sites(pair, strict)[0]
    # Where the base plan itself keeps a movement red for longer than the limit, that is what it is held to.
    assert facts.max_red_s[N_THROUGH] == 57.0 and facts.max_red_s[N_LEFT] == 50.0
    assert sites(pair, limits_of(pair, "resco"))[0].max_red_s[N_LEFT] == 300.0


def test_only_a_few_networks_are_remembered_and_the_rest_is_made_anew(pair: Network, limits_of: LimitsOf) -> None:
    first_limits = limits_of(pair, "resco")
    first = sites(pair, first_limits)
    others = [limits_of(pair, "free") for _ in range(KEPT_SMALL)]
    assert [sites(pair, limits)[0].limits is limits[0] for limits in others] == [True] * KEPT_SMALL
    again = sites(pair, first_limits)
    assert again is not first and again[0].limits is first_limits[0]


def test_signals_that_are_alike_in_all_but_names_share_their_facts(pair: Network, limits_of: LimitsOf) -> None:
    one = pair.signals[0]
    other = replace(one, id="other", base=replace(one.base, signal="other"))
    (limits,) = limits_of(Network("one", (one,)), "street")
    first, second = sites(Network("two", (one, other)), (limits, limits))
    assert second.base_wait_s is first.base_wait_s and second.signal is other
    assert (second.movement_start, second.movement_end) == (len(one.movements), 2 * len(one.movements))
    longer = replace(other, base=replace(other.base, stages=(*other.base.stages[:-1], replace(other.base.stages[-1], green_s=99.0))))
    assert sites(Network("two", (one, longer)), (limits, limits))[1].base_wait_s != first.base_wait_s

"""A sequence in time: when its stages are green, and how long the others stay red until it or the base plan serves them."""

from collections.abc import Callable
from math import inf

import pytest

from signals.seam import NO_CALL_S, Seen, red_reached_s, serves_most_overdue_at_once, timeline, waiting_red_s
from signals.site import Site, sites
from signals.types import Network, SafetyEnvelope, Stage, TimingPlan

N_THROUGH, N_LEFT, E_THROUGH, E_LEFT = 1, 2, 4, 5


@pytest.fixture
def site(four_arm: Network, limits_of: Callable[[Network, str], tuple[SafetyEnvelope, ...]]) -> Site:
    return sites(four_arm, limits_of(four_arm, "resco"))[0]


def plan(*stages: tuple[int, float], lease_s: float = 60.0) -> TimingPlan:
    return TimingPlan("A0", tuple(Stage(p, g) for p, g in stages), 0.0, lease_s)


def seen(site: Site, phase: int = 0, age_s: float = 20.0, reds_s: dict[int, float] | None = None) -> Seen:
    called_red_s = [(reds_s or {}).get(m, NO_CALL_S) for m in range(12)]
    return Seen(0.0, phase, age_s, called_red_s, site.signal.base)


@pytest.mark.parametrize(
    ("stages", "lease_s", "phase", "age_s", "served"),
    [
        ([(0, 10.0)], 60.0, 0, 20.0, [(0, -20.0, 10.0)]),
        ([(2, 10.0)], 60.0, 0, 20.0, [(2, 3.0, 13.0)]),
        ([(0, 10.0), (2, 7.0), (3, 8.0)], 60.0, 0, 20.0, [(0, -20.0, 10.0), (2, 13.0, 20.0), (3, 23.0, 31.0)]),
        ([(0, 12.0)], 60.0, 0, -2.0, [(0, 2.0, 12.0)]),  # the rest of the intergreen is part of what is left
        ([(1, 10.0), (0, 7.0)], 60.0, 0, 20.0, [(1, 3.0, 13.0), (0, 13.0, 20.0)]),  # nobody loses green: no intergreen
        ([(0, 50.0)], 20.0, 0, 20.0, [(0, -20.0, 20.0)]),  # cut by the lease
        ([(2, 30.0)], 5.0, 0, 20.0, [(2, 3.0, 10.0)]),  # but not under the minimum green
        ([(2, 10.0), (3, 10.0), (0, 10.0)], 15.0, 0, 20.0, [(2, 3.0, 13.0), (3, 16.0, 23.0)]),
        ([(2, 10.0), (3, 10.0)], 13.0, 0, 20.0, [(2, 3.0, 13.0)]),
    ],
)
def test_stages_follow_each_other_through_intergreens_until_the_lease_is_over(
    stages: list[tuple[int, float]],
    lease_s: float,
    phase: int,
    age_s: float,
    served: list[tuple[int, float, float]],
    site: Site,
) -> None:
    assert timeline(plan(*stages, lease_s=lease_s), site, seen(site, phase, age_s)) == served


@pytest.mark.parametrize(
    ("stages", "movement", "red_s", "reached_s"),
    [
        ([(0, 10.0)], E_THROUGH, 40.0, 40.0 + 10.0 + 16.0),  # then 3 s, NS left 10 s, 3 s of the base plan
        ([(2, 10.0)], E_THROUGH, 80.0, 80.0 + 3.0),
        ([(0, 10.0)], N_THROUGH, 0.0, 57.0),  # green now: red from the end of the hold to the next cycle
        ([(2, 10.0)], N_THROUGH, 0.0, 3.0 + 10.0 + 16.0),  # red from now
        ([(1, 10.0)], N_LEFT, 0.0, 44.0),  # green through both phases, red only after
        ([(2, 10.0), (0, 10.0), (2, 10.0)], E_THROUGH, 0.0, 62.0),  # red for 3 s and 16 s in it, and longest after it
        ([(2, 10.0)], E_LEFT, inf, inf),
    ],
)
def test_red_lasts_until_the_sequence_or_the_base_plan_after_it_serves_the_movement(
    stages: list[tuple[int, float]], movement: int, red_s: float, reached_s: float, site: Site
) -> None:
    now = seen(site)
    assert red_reached_s(movement, red_s, timeline(plan(*stages), site, now), site, now) == reached_s


def test_those_wait_who_call_and_are_not_served_now(site: Site) -> None:
    assert waiting_red_s(site, seen(site, reds_s={N_THROUGH: 0.0, E_THROUGH: 9.0, E_LEFT: inf})) == {4: 9.0, 5: inf}


@pytest.mark.parametrize(
    ("stages", "age_s", "at_once"),
    [
        ([(2, 10.0)], 20.0, True),
        ([(3, 10.0)], 20.0, False),
        ([(0, 1.0), (2, 10.0)], 20.0, True),
        ([(0, 5.0), (2, 10.0)], 20.0, False),
        ([(0, 5.0), (2, 10.0)], 2.0, True),
        ([(0, 9.0), (2, 10.0)], -2.0, True),
        ([(0, 9.0), (3, 10.0), (2, 10.0)], -2.0, False),
        ([(0, 5.0)], 2.0, False),
    ],
)
def test_at_once_means_the_next_change_as_soon_as_the_minimum_green_allows(
    stages: list[tuple[int, float]], age_s: float, at_once: bool, site: Site
) -> None:
    now = seen(site, age_s=age_s, reds_s={E_THROUGH: 200.0, E_LEFT: 90.0, N_THROUGH: 0.0})
    assert serves_most_overdue_at_once(timeline(plan(*stages), site, now), site, now) == at_once


def test_of_equally_overdue_movements_any_will_do(site: Site) -> None:
    now = seen(site, reds_s={E_THROUGH: inf, E_LEFT: inf})
    assert serves_most_overdue_at_once(timeline(plan((3, 10.0)), site, now), site, now)

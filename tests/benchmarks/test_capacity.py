"""Claims about capacity: a queue that grows is told from one that stands, and gains are no larger than what was tried allows."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.capacity import Capacity, Gain, bounded, capacity, gain, growth_share, let_in_share
from signals.errors import ConfigError

MakeRow = Callable[..., dict[str, Any]]
Minutes = list[list[float]]


def minutes(late: Callable[[int], float], due_veh: float = 20.0, count: int = 60) -> Minutes:
    """A run's minutes: so many late at the end of each, so many due in each."""
    return [[minute, late(minute), due_veh] for minute in range(count)]


def run(make_row: MakeRow, late: Callable[[int], float], due_veh: float = 1200.0, undeparted_veh: float = 0.0) -> dict[str, Any]:
    """A row with this backlog."""
    counts = {"due_veh": due_veh, "undeparted_veh": undeparted_veh}
    return make_row("a", "fixed", 101, late_by_minute=minutes(late), **counts)


@pytest.mark.parametrize(
    ("late", "share"),
    [
        (lambda minute: 40.0, 0.0),  # a queue that stands
        (lambda minute: 20.0 * minute, 1.0),  # nobody is served: 15 minutes of 20 a minute more
        (lambda minute: 5.0 * minute, 0.25),  # three of four are
        (lambda minute: 300.0 - 5.0 * minute, -1.0 / 3.0),  # a peak's queue is worked off: 15 at the end after 115
        (lambda minute: 10.0 * min(minute, 30), 0.0),  # the first half fills the network
        (lambda minute: 60.0 if 45 <= minute < 55 else 10.0, 0.0),  # a wave in the last quarter has passed by the end
        (lambda minute: 10.0 if minute < 45 else 40.0, 0.1),  # 30 of 300 more, and they stay
    ],
)
def test_growth_is_the_share_of_the_due_trips_that_are_not_served(late: Callable[[int], float], share: float) -> None:
    assert growth_share(minutes(late)) == pytest.approx(share)


def test_a_fall_of_demand_does_not_hide_that_nobody_is_served() -> None:
    rows = minutes(lambda minute: 20.0 * min(minute, 45) + 2.0 * max(minute - 45, 0))
    fallen = [[minute, late, 20.0 if minute < 45 else 2.0] for minute, late, _ in rows]
    assert growth_share(fallen) > 0.9


def test_a_run_without_four_quarters_is_refused() -> None:
    with pytest.raises(ConfigError, match="3 minutes"):
        growth_share(minutes(lambda minute: 0.0, count=3))


def test_without_demand_nothing_grows() -> None:
    assert growth_share(minutes(lambda minute: 0.0, due_veh=0.0)) == 0.0


@pytest.mark.parametrize(
    ("slope", "undeparted_veh", "is_bounded"),
    [
        (0.0, 0.0, True),
        (0.39, 0.0, True),  # 1.95 % of 20 a minute
        (0.41, 0.0, False),
        (0.0, 24.0, True),  # 2 % of 1200
        (0.0, 25.0, False),
    ],
)
def test_queues_are_bounded_up_to_the_stated_limits(make_row: MakeRow, slope: float, undeparted_veh: float, is_bounded: bool) -> None:
    row = run(make_row, lambda minute: slope * minute, undeparted_veh=undeparted_veh)
    assert bounded(row) is is_bounded


def test_an_episode_that_failed_counts_as_not_bounded(make_row: MakeRow) -> None:
    assert not bounded({**run(make_row, lambda minute: 0.0), "error": {"sentence": "gone"}})


def test_everybody_is_let_in_where_nobody_is_due(make_row: MakeRow) -> None:
    assert let_in_share(make_row("a", "fixed", 101, due_veh=0.0, undeparted_veh=0.0)) == 1.0


@pytest.mark.parametrize(
    ("bounded_seeds", "found"),
    [
        ({1.0: (1, 1), 1.2: (1, 1), 1.4: (1, 0)}, Capacity(1.2, 1.4)),
        ({1.0: (1, 1), 1.2: (0, 1), 1.4: (1, 1)}, Capacity(1.0, 1.2)),  # what lies above a jam does not count
        ({1.0: (0, 0), 1.2: (0, 0)}, Capacity(None, 1.0)),
        ({1.2: (1, 1), 1.0: (1, 1)}, Capacity(1.2, None)),
    ],
)
def test_capacity_is_the_largest_demand_up_to_which_no_seed_grows(
    make_row: MakeRow, bounded_seeds: dict[float, tuple[int, ...]], found: Capacity
) -> None:
    calm, jam = run(make_row, lambda minute: 10.0), run(make_row, lambda minute: 10.0 * minute)
    assert capacity({demand: [calm if one else jam for one in seeds] for demand, seeds in bounded_seeds.items()}) == found


@pytest.mark.parametrize(
    ("ours", "theirs", "percent", "least_percent"),
    [
        (Capacity(1.4, 1.6), Capacity(1.0, 1.2), 40.0, 100.0 / 6.0),
        (Capacity(1.2, 1.4), Capacity(1.2, 1.4), 0.0, -100.0 / 7.0),
        (Capacity(1.6, None), Capacity(1.2, 1.4), 100.0 / 3.0, 100.0 / 7.0),
        (Capacity(1.4, 1.6), Capacity(1.6, None), -12.5, None),
        (Capacity(0.9, 1.0), Capacity(None, 0.8), None, 12.5),
        (Capacity(None, 0.8), Capacity(1.0, 1.2), None, None),
        (Capacity(1.6, None), Capacity(1.6, None), None, None),
    ],
)
def test_a_gain_says_what_the_tried_demands_can_tell(
    ours: Capacity, theirs: Capacity, percent: float | None, least_percent: float | None
) -> None:
    found = gain(ours, theirs)
    assert found == Gain(*(None if x is None else pytest.approx(x) for x in (percent, least_percent)))  # type: ignore[arg-type]

"""A run of the twin: nobody is lost, chance is the seed's, and what is measured means what it says."""

import numpy as np
import pytest

from rl.twin.lights import CLOSED, PROTECTED
from rl.twin.link import TwinLink
from rl.twin.twin import Run, Twin
from signals.types import Ints


def driven(twin: Twin, seed: int, demand: float = 1.0) -> Run:
    """A whole run under the base plans."""
    run = twin.run(seed, demand)
    link = TwinLink(run)
    while run.now_s < twin.span_s:
        link.advance(10)
    return run


def shown(twin: Twin, aspect: int) -> Ints:
    """One aspect to everybody for the whole run."""
    return np.full((int(twin.span_s), twin.layout.movements), aspect, dtype=np.int64)


def test_whoever_came_in_is_in_the_streets_or_gone(twin: Twin) -> None:
    run = driven(twin, 101)
    entered, gone = np.isfinite(run.traffic.entered_s), np.isfinite(run.traffic.gone_s)
    assert gone.sum() > 100
    assert not (gone & ~entered).any()
    assert run.traffic.number.sum() == (entered & ~gone).sum() == (run.traffic.leg_now >= 0).sum()


def test_the_same_seed_is_the_same_run_and_another_is_not(twin: Twin) -> None:
    one, again, other = (driven(twin, seed).delay_s_per_veh() for seed in (101, 101, 102))
    assert one == again
    assert one != other


def test_no_lane_ever_holds_more_than_its_slots(twin: Twin) -> None:
    run = twin.run(101, 3.0)
    run.advance(shown(twin, CLOSED))
    room = np.diff(twin.streets.slot_start)
    assert (run.traffic.number <= room).all()
    assert (run.traffic.number == room - 2).any()  # somewhere they stand up to the entry
    assert run.waiting_veh().sum() > 0.0


def test_all_red_lets_nobody_pass_a_signal_and_all_delay_is_waiting(twin: Twin) -> None:
    run = twin.run(101)
    run.advance(shown(twin, CLOSED))
    assert run.traffic.counts_veh.sum() == 0.0
    assert run.delay_s_per_veh() > driven(twin, 101).delay_s_per_veh()


def test_green_for_everybody_costs_a_few_seconds_only(twin: Twin) -> None:
    run = twin.run(101)
    run.advance(shown(twin, PROTECTED))
    assert 0.0 < run.delay_s_per_veh() < 12.0
    assert (run.delays_s() > -1.0).all()


@pytest.mark.parametrize("demand", [0.5, 2.0])
def test_demand_scales_the_number_of_trips(twin: Twin, demand: float) -> None:
    n = len(twin.journeys)
    assert twin.trips(101, demand).due_s.size == pytest.approx(demand * n, rel=0.1)


def test_trips_are_sorted_by_time_at_each_entry(twin: Twin) -> None:
    trips = twin.trips(101, 1.5)
    for first, end in zip(trips.entry_start[:-1], trips.entry_start[1:], strict=True):
        assert (np.diff(trips.due_s[first:end]) >= 0.0).all()

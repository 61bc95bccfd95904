"""The platoon model by hand: dispersion, queues, green waves, gaps, and what the hill climbing does with them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from signals.kernels import platoons
from signals.kernels.platoons import Costs, Links, Timing
from signals.types import Floats

COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])
FREE = Costs(stop_s=0.0, spill=0.0)
CYCLE_S = 60


def kernel(name: str, plain: bool) -> Callable[..., Any]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(platoons, name)
    chosen: Callable[..., Any] = function.py_func if plain else function
    return chosen


def street(travel_s: float, flow_veh_s: float = 0.1, fed_veh_s: float = 0.1) -> Links:
    """Two signals of two stages: link 0 at the first one feeds link 1 at the second, both served by the first stage."""
    return Links(
        signal=np.array([0, 1]),
        flow_veh_s=np.array([fed_veh_s, flow_veh_s]),
        saturation_veh_s=np.array([[0.5, 0.0], [0.5, 0.0]]),
        yielding=np.zeros((2, 2)),
        foe_start=np.zeros(3, dtype=np.int64),
        foe=np.zeros(0, dtype=np.int64),
        storage_veh=np.array([np.inf, 20.0]),
        source_start=np.array([0, 0, 1]),
        source=np.array([0]),
        source_flow_veh_s=np.array([min(fed_veh_s, flow_veh_s)]),
        source_travel_s=np.array([travel_s]),
        member_start=np.array([0, 2, 3]),
        member=np.array([0, 1, 1]),
    )


def crossing(yielding: float) -> Links:
    """One signal of one stage: link 1 yields to link 0 with that share of its vehicles."""
    return street(0.0)._replace(
        signal=np.array([0, 0]),
        saturation_veh_s=np.array([[0.5, 0.0], [0.5, 0.0]]),
        yielding=np.array([[0.0, 0.0], [yielding, 0.0]]),
        foe_start=np.array([0, 0, 1]),
        foe=np.array([0]),
        source_start=np.zeros(3, dtype=np.int64),
        source=np.zeros(0, dtype=np.int64),
        source_flow_veh_s=np.zeros(0),
        source_travel_s=np.zeros(0),
        member_start=np.array([0, 2]),
        member=np.array([0, 1]),
    )


def timed(offset_s: int, green_s: int = 27, double: int = 1) -> Timing:
    """Both signals: a green, 3 s, the rest of the 60 s less 3 s, 3 s; the second signal later by the offset."""
    other_s = CYCLE_S // double - 6 - green_s
    return Timing(
        stages=np.array([2, 2]),
        green_s=np.array([[green_s, other_s], [green_s, other_s]]),
        between_s=np.full((2, 2), 3),
        offset_s=np.array([0, offset_s]),
        double=np.array([double, double]),
    )


def fresh() -> Floats:
    """Profiles to start from: everybody leaves evenly."""
    return np.ones((2, CYCLE_S))


def test_dispersion_is_robertsons_factor() -> None:
    # T = 18 s: 1 / (1 + 0.35 * 0.8 * 18) = 0.16556
    assert platoons.dispersion.py_func(18.0) == platoons.dispersion(18.0) == pytest.approx(0.16556, abs=1e-5)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize("travel_s", [0.0, 5.0, 18.0, 60.0, 250.0])
def test_a_dispersed_platoon_keeps_its_vehicles(travel_s: float, plain: bool) -> None:
    leaving = np.zeros(CYCLE_S)
    leaving[10:20], leaving[55:] = 0.5, 0.3
    arriving = kernel("dispersed", plain)(leaving, travel_s)
    assert arriving.sum() == pytest.approx(leaving.sum())
    assert arriving.min() >= 0.0
    assert arriving.max() <= leaving.max() + 1e-12


@COMPILED_AND_PLAIN
def test_one_vehicle_disperses_in_a_geometric_tail_that_begins_at_four_fifths_of_the_way(plain: bool) -> None:
    leaving = np.zeros(600)
    leaving[0] = 1.0
    arriving = kernel("dispersed", plain)(leaving, 20.0)
    f = 1.0 / (1.0 + 0.35 * 0.8 * 20.0)
    assert arriving[:16] == pytest.approx(0.0, abs=1e-12)
    assert arriving[16:20] == pytest.approx([f, f * (1 - f), f * (1 - f) ** 2, f * (1 - f) ** 3])


@COMPILED_AND_PLAIN
def test_an_even_flow_waits_as_the_closed_form_says(plain: bool) -> None:
    # Red 30 s, arrivals 0.1, service 0.5 veh/s: 3 vehicles stand as the green begins, gone after 7.5 s; area 45 + 11.25 veh s.
    capacity = np.concatenate((np.zeros(30), np.full(30, 0.5)))
    leaving = np.zeros(CYCLE_S)
    mean_veh, stops, longest_veh = kernel("queued", plain)(np.full(CYCLE_S, 0.1), capacity, leaving)
    assert mean_veh * CYCLE_S == pytest.approx(45.0 + 11.25, rel=0.04)
    assert stops == pytest.approx(0.1 * 37.5, abs=0.1)
    assert longest_veh == pytest.approx(3.0)
    assert leaving.sum() == pytest.approx(6.0)


@COMPILED_AND_PLAIN
def test_more_than_the_capacity_fills_it_and_no_more_leave(plain: bool) -> None:
    capacity = np.concatenate((np.zeros(30), np.full(30, 0.1)))
    leaving = np.zeros(CYCLE_S)
    kernel("queued", plain)(np.full(CYCLE_S, 0.2), capacity, leaving)
    assert leaving.sum() == pytest.approx(3.0, rel=0.01)


@COMPILED_AND_PLAIN
def test_a_green_wave_gives_no_stops(plain: bool) -> None:
    # A platoon that does not disperse (no travel time), released over 25 s of effective green, meets the same green.
    found = kernel("sweep", plain)(street(0.0), timed(0), FREE, 3, fresh())
    assert found[1, 1] == pytest.approx(0.0, abs=1e-9)
    stopped = kernel("sweep", plain)(street(0.0), timed(30), FREE, 3, fresh())
    assert stopped[1, 1] == pytest.approx(0.1)  # against the red half, everybody stops


def test_the_best_offset_of_a_street_follows_its_travel_time() -> None:
    costs = [platoons.sweep(street(25.0), timed(offset_s), FREE, 3, fresh())[1, 0] for offset_s in range(CYCLE_S)]
    assert 18 <= int(np.argmin(costs)) <= 26  # the head after 0.8 * 25 = 20 s
    assert min(costs) < 0.5 * costs[50]


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(("double", "served_s"), [(1, 25), (2, 20)])
def test_a_green_serves_but_for_its_first_seconds_and_twice_at_half_the_cycle(double: int, served_s: int, plain: bool) -> None:
    timing = timed(0, green_s=27 if double == 1 else 12, double=double)
    flow = kernel("served", plain)(0, street(0.0), timing, fresh())
    assert (flow > 0.0).sum() == served_s
    assert flow.sum() == pytest.approx(0.5 * served_s)


def test_a_green_that_goes_on_through_the_next_stage_loses_nothing_between() -> None:
    links = street(0.0)._replace(saturation_veh_s=np.array([[0.5, 0.5], [0.5, 0.0]]))
    assert platoons.served(0, links, timed(0), fresh()).sum() == pytest.approx(30.0)


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(("opposing_veh_s", "gaps_veh_s"), [(0.0, 0.4), (0.1, 0.2882), (0.5, 0.0739)])
def test_gaps_let_fewer_through_the_more_opposes(opposing_veh_s: float, gaps_veh_s: float, plain: bool) -> None:
    # 0.1 exp(-0.45) / (1 - exp(-0.25)) = 0.2882; 0.5 exp(-2.25) / (1 - exp(-1.25)) = 0.0739
    assert kernel("through_gaps_veh_s", plain)(opposing_veh_s) == pytest.approx(gaps_veh_s, abs=1e-4)


@COMPILED_AND_PLAIN
def test_who_yields_is_served_while_nobody_comes_and_by_sneaking_at_the_end(plain: bool) -> None:
    leaving = fresh()
    leaving[0, :20], leaving[0, 20:] = 0.5, 0.0
    flow = kernel("served", plain)(1, crossing(1.0), timed(0), leaving)
    assert flow[2:20] == pytest.approx(0.0739, abs=1e-4)
    assert flow[20:26] == pytest.approx(0.4)
    assert flow[26] == pytest.approx(0.4 + platoons.SNEAKERS_VEH)
    free = kernel("served", plain)(1, crossing(0.0), timed(0), leaving)
    assert free[2:27] == pytest.approx(0.5)


def test_a_link_that_no_stage_serves_or_nobody_uses_costs_nothing() -> None:
    links = street(10.0, flow_veh_s=0.0)._replace(saturation_veh_s=np.zeros((2, 2)))
    assert platoons.sweep(links, timed(0), FREE, 2, fresh()) == pytest.approx(0.0)


def test_a_full_street_costs_by_what_stands_too_many() -> None:
    links, timing = street(10.0), timed(0)
    roomy = platoons.sweep(links, timing, Costs(0.0, 5.0), 3, fresh())[1]
    narrow = platoons.sweep(links._replace(storage_veh=np.array([np.inf, 0.0])), timing, Costs(0.0, 5.0), 3, fresh())[1]
    assert roomy[2] == pytest.approx(roomy[0])
    assert narrow[2] > roomy[2] + 1.0


@COMPILED_AND_PLAIN
def test_climbing_finds_the_offset_and_never_a_higher_cost(plain: bool) -> None:
    links, timing, least_s = street(25.0), timed(50), np.full((2, 2), 7)
    before = platoons.sweep(links, timing, FREE, 3, fresh())[:, 2].sum()
    none = np.zeros(0, dtype=np.int64)
    after = kernel("climbed", plain)(links, timing, FREE, least_s, np.array([15, 5, 1]), none, 6, fresh())
    best = min(platoons.sweep(links, timed(o), FREE, 3, fresh())[:, 2].sum() for o in range(CYCLE_S))
    assert after < before
    assert after == pytest.approx(best, rel=1e-3)


def test_climbing_gives_green_to_the_queue_and_keeps_the_minimum() -> None:
    links, timing, least_s = street(25.0, fed_veh_s=0.15), timed(25, green_s=20), np.full((2, 2), 7)
    platoons.climbed(links, timing, FREE, least_s, np.array([1]), np.array([4, 1]), 6, fresh())
    assert timing.green_s.sum(axis=1).tolist() == [54, 54]
    assert timing.green_s[:, 1].tolist() == [7, 7]  # nobody uses the second stage

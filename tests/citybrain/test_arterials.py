"""Arterials are found where traffic runs straight on, with the right movements at every signal, or as somebody names them."""

from itertools import pairwise

import numpy as np
import pytest

from citybrain.arterials import Arterial, Links, Way, arterial_of, arterials, covers, named_arterial, straight_chains
from signals.errors import ConfigError
from signals.layout import lay_out
from signals.rules import RULES
from signals.types import Floats, Network, Turn
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

FIVE = ("J1", "J2", "J3", "J4", "J5")


@pytest.fixture(scope="module")
def street() -> Network:
    """Our arterial of five signals, lanes traced from signal to signal."""
    return read_network(scenario("arterial_5").net, RULES["resco"], sensing_m=3000.0)


@pytest.fixture(scope="module")
def even(street: Network) -> Floats:
    """The same flow on every movement [movement]."""
    return np.full(lay_out(street).movements, 100.0)


def test_the_arterial_of_five_signals_is_one_chain_with_both_directions(street: Network, even: Floats) -> None:
    (found,) = arterials(street, even)
    assert found.signals in (FIVE, FIVE[::-1])
    assert found.forward is not None and found.back is not None and found.ways == (found.forward, found.back)
    assert found.back.signals == found.forward.signals[::-1]


def test_a_way_takes_the_straight_movements_of_its_own_approaches(street: Network, even: Floats) -> None:
    way = named_arterial(street, even, list(FIVE)).forward
    assert way is not None
    for place, (i, lit) in enumerate(zip(way.signals, way.movements, strict=True)):
        chosen = [street.signals[i].movements[m] for m in np.flatnonzero(lit)]
        assert chosen and all(m.turn is Turn.THROUGH for m in chosen) and len({m.approach for m in chosen}) == 1
        if place < len(FIVE) - 1:
            following = street.signals[way.signals[place + 1]]
            reached = {lane for k in following.lanes for lane in (k.id, *k.upstream)}
            assert all(reached & set(m.exits) for m in chosen)


def test_distance_and_travel_time_are_those_of_the_streets_and_the_ways_through_the_junctions(street: Network, even: Floats) -> None:
    way = named_arterial(street, even, list(FIVE)).forward
    assert way is not None
    for k, (a, b) in enumerate(pairwise(FIVE)):
        one = next(s for s in street.streets if (s.from_signal, s.to_signal) == (a, b))
        step_m = way.distance_m[k + 1] - way.distance_m[k]
        assert one.length_m < step_m < one.length_m + 40.0
        assert way.travel_s[k + 1] - way.travel_s[k] == pytest.approx(step_m / one.speed_mps)


def test_in_a_grid_of_four_every_side_is_an_arterial_of_two(grid: Network) -> None:
    found = arterials(grid, np.full(lay_out(grid).movements, 50.0))
    assert {frozenset(a.signals) for a in found} == {frozenset(p) for p in (("A0", "A1"), ("A0", "B0"), ("A1", "B1"), ("B0", "B1"))}


def test_the_heaviest_comes_first_and_there_are_no_more_than_asked_for(grid: Network) -> None:
    layout, flow = lay_out(grid), np.full(lay_out(grid).movements, 10.0)
    east_west = [m for m in range(layout.movements) if m % 16 in (4, 5, 6, 12, 13, 14)]
    flow[east_west] = 500.0
    (first,) = arterials(grid, flow, most=1)
    links = Links(grid, flow)
    weights = {a.signals: sum(float(w.flow_veh_h.sum()) for w in a.ways) for a in (arterial_of(links, c) for c in straight_chains(links))}
    assert weights[first.signals] == max(weights.values())


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["J1", "J9"], "no signal 'J9' in this network; there are J1, J2"),
        (["J1", "J3"], "J1,J3: no street leads through these signals"),
        (["J1"], "J1: no street leads"),
    ],
)
def test_an_arterial_that_is_not_there_is_one_sentence(names: list[str], sentence: str, street: Network, even: Floats) -> None:
    with pytest.raises(ConfigError, match=sentence):
        named_arterial(street, even, names)


@pytest.mark.parametrize(
    ("other", "chain", "first", "within"),
    [
        ((1, 2, 3), (2, 3), False, True),
        ((1, 2, 3), (3, 2), False, True),
        ((1, 2, 3), (1, 3), False, False),
        ((1, 2, 3), (3, 2, 1), False, True),
        ((1, 2, 3), (3, 2, 1), True, False),
        ((2, 3), (1, 2, 3), False, False),
    ],
)
def test_a_chain_within_another_is_covered(other: tuple[int, ...], chain: tuple[int, ...], first: bool, within: bool) -> None:
    assert covers(other, chain, first) is within


def test_an_arterial_without_a_way_back_has_one_way(street: Network, even: Floats) -> None:
    way: Way | None = named_arterial(street, even, list(FIVE)).forward
    assert way is not None and Arterial(FIVE, way, None).ways == (way,)

"""The time-space diagram: how much it shows, what it says of its bands, and that it is drawn for one way and for two."""

from dataclasses import replace

import numpy as np
import pytest

from citybrain.arterials import Arterial, named_arterial
from citybrain.drawing_time_space import band_words, places_m, shown_s, time_space
from signals.layout import lay_out
from signals.rules import RULES
from signals.types import Network, TimingPlan
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

FIVE = ["J1", "J2", "J3", "J4", "J5"]


@pytest.fixture(scope="module")
def street() -> Network:
    """Our arterial of five signals, lanes traced from signal to signal."""
    return read_network(scenario("arterial_5").net, RULES["resco"], sensing_m=3000.0)


@pytest.fixture(scope="module")
def arterial(street: Network) -> Arterial:
    """All of it, from west to east."""
    return named_arterial(street, np.full(lay_out(street).movements, 100.0), FIVE)


def together(street: Network, arterial: Arterial) -> tuple[TimingPlan, ...]:
    """The base plans in the cycle of the first, offsets as a vehicle drives from west to east."""
    assert arterial.forward is not None
    cycle_s, found = street.signals[0].base.cycle_s, []
    for signal, at_s in zip(street.signals, arterial.forward.travel_s, strict=True):
        first = signal.base.stages[0]
        stages = (replace(first, green_s=first.green_s + cycle_s - signal.base.cycle_s), *signal.base.stages[1:])
        found.append(replace(signal.base, stages=stages, cycle_s=cycle_s, offset_s=float(at_s) % cycle_s))
    return tuple(found)


def test_the_words_say_how_wide_the_band_is_or_why_there_is_none(street: Network, arterial: Arterial) -> None:
    forward, back = band_words(street, arterial, together(street, arterial))
    assert forward == "J1 to J5: band 40 s, 42 % of the cycle"
    assert back.startswith("J5 to J1: ")
    apart = tuple(replace(p, cycle_s=c) for p, c in zip(together(street, arterial), (96, 90, 96, 96, 96), strict=True))
    assert band_words(street, arterial, apart)[0] == "J1 to J5: no band, the cycles differ"


def test_some_cycles_of_the_slowest_signal_are_shown(grid: Network) -> None:
    base = grid.signals[0].base
    assert shown_s([base, replace(base, cycle_s=120.0)]) == 360.0
    assert shown_s([replace(base, cycle_s=300.0)]) == 400.0


def test_places_run_along_the_arterial_whichever_ways_there_are(arterial: Arterial) -> None:
    both = places_m(arterial)
    assert (np.diff(both) > 0.0).all() and both[0] == 0.0
    one_way = places_m(replace(arterial, forward=None))
    assert (np.diff(one_way) > 0.0).all() and one_way[-1] == pytest.approx(both[-1], abs=30.0)


def test_the_diagram_has_a_row_a_signal_and_ribbons_in_both_colours(street: Network, arterial: Arterial) -> None:
    svg = time_space(street, arterial, together(street, arterial), "space-0")
    assert svg.startswith('<svg role="img"') and "band 40 s" in svg
    assert all(f">{signal}  " in svg or f"{signal} " in svg for signal in FIVE)
    assert svg.count("fill-opacity: 0.25") >= 4
    forward_only = time_space(street, replace(arterial, back=None), together(street, arterial), "space-1")
    assert "lower bar" in svg and "lower bar" not in forward_only
    assert forward_only.count("fill-opacity: 0.25") < svg.count("fill-opacity: 0.25")

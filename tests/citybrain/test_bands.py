"""Green bands: as wide as the narrowest green where offsets follow the traffic, gone where they work against it."""

from dataclasses import replace

import numpy as np
import pytest

from citybrain.arterials import Arterial, named_arterial
from citybrain.bands import Band, bands, common_cycle_s, cut, overlap, through_width_s, way_greens, widest
from citybrain.green_times import Span
from signals.layout import lay_out
from signals.rules import RULES
from signals.types import Network, TimingPlan
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

CYCLE_S = 96.0  # of the base plans of all five signals
FIVE = ["J1", "J2", "J3", "J4", "J5"]


@pytest.fixture(scope="module")
def street() -> Network:
    """Our arterial of five signals, lanes traced from signal to signal."""
    return read_network(scenario("arterial_5").net, RULES["resco"], sensing_m=3000.0)


@pytest.fixture(scope="module")
def arterial(street: Network) -> Arterial:
    """All of it, from west to east."""
    return named_arterial(street, np.full(lay_out(street).movements, 100.0), FIVE)


def plans(street: Network, offsets_s: list[float]) -> tuple[TimingPlan, ...]:
    """The base plans' stages in one cycle, with these offsets."""
    found = []
    for signal, offset_s in zip(street.signals, offsets_s, strict=True):
        first = signal.base.stages[0]
        stages = (replace(first, green_s=first.green_s + CYCLE_S - signal.base.cycle_s), *signal.base.stages[1:])
        found.append(replace(signal.base, stages=stages, cycle_s=CYCLE_S, offset_s=offset_s % CYCLE_S))
    return tuple(found)


def narrowest_s(street: Network, arterial: Arterial) -> float:
    """The shortest green on the way forward [s]."""
    assert arterial.forward is not None
    return min(max(s.length_s for s in spans) for spans in way_greens(street, arterial.forward, plans(street, [0.0] * 5)))


def test_offsets_that_follow_the_traffic_give_a_band_as_wide_as_the_narrowest_green(street: Network, arterial: Arterial) -> None:
    way = arterial.forward
    assert way is not None
    starts_s = [spans[0].start_s for spans in way_greens(street, way, plans(street, [0.0] * 5))]
    followed = plans(street, [float(t) - s for t, s in zip(way.travel_s, starts_s, strict=True)])
    (band,) = bands(street, way, followed)
    assert (band.first, band.last) == (0, 4)
    assert band.width_s == pytest.approx(narrowest_s(street, arterial))
    assert through_width_s((band,), way) == band.width_s
    assert arterial.back is not None and through_width_s(bands(street, arterial.back, followed), arterial.back) < band.width_s


def test_a_vehicle_in_the_band_meets_green_everywhere(street: Network, arterial: Arterial) -> None:
    way, timed = arterial.forward, plans(street, [0.0, 7.0, 30.0, 41.0, 60.0])
    assert way is not None
    some = bands(street, way, timed)
    assert some
    for band in some:
        for share in (0.01, 0.5, 0.99):
            left_s = band.start_s + share * band.width_s
            for k in range(band.first, band.last + 1):
                at_s = left_s + float(way.travel_s[k] - way.travel_s[band.first])
                greens = way_greens(street, way, timed)[k]
                assert any((at_s - s.start_s) % CYCLE_S <= s.length_s for s in greens)


def test_where_no_band_goes_through_the_parts_have_their_own(street: Network, arterial: Arterial) -> None:
    way = arterial.forward
    assert way is not None
    starts_s = [spans[0].start_s for spans in way_greens(street, way, plans(street, [0.0] * 5))]
    travel_s = way.travel_s + np.array([0.0, 0.0, 0.0, CYCLE_S / 2.0, CYCLE_S / 2.0])  # the last two are green when the others are red
    broken = plans(street, [float(t) - s for t, s in zip(travel_s, starts_s, strict=True)])
    found = bands(street, way, broken)
    assert [(b.first, b.last) for b in found] == [(0, 2), (3, 4)]
    assert [b.width_s for b in found] == pytest.approx([narrowest_s(street, arterial)] * 2)
    assert through_width_s(found, way) == 0.0


@pytest.mark.parametrize(
    ("cycles_s", "common_s"), [((90.0, 90.0), 90.0), ((90.0, 45.0), 90.0), ((90.0, 60.0), float("nan")), ((64.0,), 64.0)]
)
def test_cycles_have_a_common_one_if_they_fit_into_the_longest(cycles_s: tuple[float, ...], common_s: float, grid: Network) -> None:
    found = common_cycle_s([replace(grid.signals[0].base, cycle_s=c) for c in cycles_s])
    assert found == pytest.approx(common_s, nan_ok=True)


def test_cycles_that_differ_have_no_band(street: Network, arterial: Arterial) -> None:
    assert arterial.forward is not None
    assert (
        bands(
            street,
            arterial.forward,
            tuple(replace(p, cycle_s=c) for p, c in zip(plans(street, [0.0] * 5), (96, 80, 96, 70, 96), strict=True)),
        )
        == ()
    )


def test_a_span_over_the_cycles_end_is_cut_in_two_and_found_whole_again() -> None:
    pieces = cut([Span(80.0, 110.0)], 0.0, 90.0)
    assert pieces == [Span(80.0, 90.0), Span(0.0, 20.0)]
    assert widest(pieces, 90.0) == Span(80.0, 110.0)
    assert cut([Span(10.0, 30.0)], 15.0, 90.0) == [Span(85.0, 90.0), Span(0.0, 15.0)]


def test_what_two_greens_have_in_common() -> None:
    assert overlap([Span(0.0, 20.0), Span(50.0, 70.0)], [Span(10.0, 60.0)]) == [Span(10.0, 20.0), Span(50.0, 60.0)]
    assert widest([], 90.0).length_s == 0.0


def test_a_band_over_a_part_is_none_through_the_whole(arterial: Arterial) -> None:
    assert arterial.forward is not None
    assert through_width_s((Band(0, 1, 0.0, 9.0),), arterial.forward) == 0.0

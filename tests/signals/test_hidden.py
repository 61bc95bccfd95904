"""Claims about vehicles that are known of but not in view."""

import numpy as np
import pytest

from signals.kernels import estimation as est
from signals.layout import lay_out
from signals.links.detectors import Detector, Way
from signals.links.hidden import Hidden, in_view, silent_entries
from signals.links.turning import Turning
from signals.types import Bools, Network

NEAR = Detector("near", "n_in_0", 200.0, 110.0, 200.0, "stop", (Way(0, 0.0),))
FAR = Detector("far", "n_in_0", 200.0, 20.0, 110.0, "advance", (Way(0, 0.0),))
AREAS = (NEAR, FAR)


def hidden(network: Network, *silent: bool) -> Hidden:
    """One approach lane with two areas; all other lanes have none."""
    return Hidden(network, Turning(network), AREAS, np.array(silent))


def none_lit(network: Network) -> tuple[Bools, Bools]:
    """All red: nobody is lit, nobody protected."""
    red = np.zeros(lay_out(network).movements, dtype=np.bool_)
    return red, red


def test_a_silent_area_is_dark_and_a_working_one_in_view() -> None:
    alive, dark = in_view(AREAS, np.array([True, False]), 1, 250.0)
    assert alive[0, 25] and not dark[0, 25]
    assert dark[0, 5] and not alive[0, 5]
    assert not alive[0, 45] and not dark[0, 45]


def test_an_entry_is_silent_when_nothing_works_in_the_farthest_part() -> None:
    assert silent_entries(AREAS, np.array([False, True]), 1).tolist() == [True]
    assert silent_entries(AREAS, np.array([True, False]), 1).tolist() == [False]


def test_a_vehicle_that_went_into_the_dark_waits_there_at_red(four_arm: Network) -> None:
    one = hidden(four_arm, True, False)
    one.add(0, 88.0, 12.0, 0.5)
    for now_s in range(40):
        one.advance(float(now_s), *none_lit(four_arm))
    mine = [s for s in one.seen() if s.lane == 0]
    assert len(mine) == 1
    assert mine[0].distance_m < 2.0
    assert mine[0].standing_s > 10.0


def test_a_vehicle_that_should_be_in_view_and_is_not_is_dropped(four_arm: Network) -> None:
    one = hidden(four_arm, False, False)
    one.add(0, 88.0, 12.0, 0.5)
    one.advance(0.0, *none_lit(four_arm))
    assert [s for s in one.seen() if s.lane == 0] == []


def test_a_vehicle_that_comes_into_view_is_the_hidden_one_near_it(four_arm: Network) -> None:
    one = hidden(four_arm, True, False)
    one.add(0, 60.0, 5.0, 0.5)
    one.found(0, 50.0)
    assert [s for s in one.seen() if s.lane == 0] == []
    one.add(0, 150.0, 5.0, 0.5)
    one.found(0, 50.0)
    assert len([s for s in one.seen() if s.lane == 0]) == 1


def test_behind_a_silent_entry_vehicles_are_expected_as_often_as_the_lane_lets_them_pass(four_arm: Network) -> None:
    one = hidden(four_arm, False, True)
    arrived = 0
    for now_s in range(1200):
        if now_s % 6 == 0:
            one.crossed(0)
        one.advance(float(now_s), *none_lit(four_arm))
        # Each is 14 m before the edge of the range after its first second, and far on after its second.
        arrived += sum(s.lane == 0 and s.distance_m > 180.0 for s in one.seen()) if now_s >= 600 else 0
    assert 70 <= arrived <= 110  # every 6 s for 600 s


def test_counted_out_takes_the_first_of_the_lane_or_of_the_lane_beside(four_arm: Network) -> None:
    one = hidden(four_arm, False, False)
    one.add(0, 5.0, 0.0, 0.5)
    one.add(1, 9.0, 0.0, 0.5)
    one.counted_out(0, 45.0)
    assert (one.count[0], one.count[1]) == (0, 1)
    one.counted_out(0, 45.0)
    assert (one.count[0], one.count[1]) == (0, 0)


def test_the_head_of_a_queue_is_at_the_line(four_arm: Network) -> None:
    one = hidden(four_arm, False, False)
    one.head(0, 45.0)
    assert one.vehicle[0, 0, est.DISTANCE] == 1.0
    one.head(0, 45.0)
    assert one.count[0] == 1


def test_where_nobody_looks_who_yields_leaves_now_and_then_and_who_is_protected_at_once(four_arm: Network) -> None:
    red, _ = none_lit(four_arm)
    left_after_s = {}
    for name, protected in (("yields", red), ("protected", ~red)):
        one = hidden(four_arm, True, False)
        one.add(0, 1.0, 0.0, 0.5)
        for now_s in range(1, 20):
            one.advance(float(now_s), ~red, protected)
            if one.count[0] == 0:
                left_after_s[name] = now_s
                break
    assert left_after_s["protected"] < left_after_s["yields"] <= 8


def test_who_stands_right_behind_the_dark_has_a_queue_before_it(four_arm: Network) -> None:
    one = hidden(four_arm, True, False)
    one.stands_behind(0, 150.0, 0.8)
    assert one.count[0] == 0  # the dark ends at 90 m: it stands for some other reason
    one.stands_behind(0, 95.0, 0.8)
    assert one.count[0] == 9  # 0.8 x 87.5 m / 7.5 m
    one.stands_behind(0, 95.0, 0.8)
    assert one.count[0] == 9


@pytest.mark.parametrize(("every_s", "least", "most"), [(0, 95, 105), (6, 0, 5)])
def test_a_forecast_stands_in_for_those_whom_nobody_sees_come(four_arm: Network, every_s: int, least: int, most: int) -> None:
    one, inserted = hidden(four_arm, True, False), 0
    one.expect(np.full(lay_out(four_arm).movements, 300.0))  # two movements on the lane: 600 veh/h
    for now_s in range(1800):
        if every_s and now_s % every_s == 0:
            one.add(0, 92.0, 12.0, 0.5)
        one.count[0] = 0
        one.advance(float(now_s), *none_lit(four_arm))
        inserted += int(one.count[0]) if now_s >= 1200 else 0
    assert least <= inserted <= most


def test_who_comes_out_of_the_junction_unnoticed_left_where_nobody_looks(four_arm: Network) -> None:
    exits = tuple(Detector(f"exit {arm}", f"{arm}_out_0", 200.0, 0.0, 80.0, "exit") for arm in "nesw")
    one = Hidden(four_arm, Turning(four_arm), (*AREAS, *exits), np.array([True, False, *[False] * 4]))
    red, _ = none_lit(four_arm)
    one.add(0, 5.0, 0.0, 0.5)
    through = next(m for m in four_arm.signals[0].movements if "n_in_0" in m.lanes and m.turn == "through")
    one.came_out(through.exits[0], red)
    assert one.count[0] == 1  # nobody had green
    one.came_out(through.exits[0], ~red)
    assert one.count[0] == 0

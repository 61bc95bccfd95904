"""Yellow, all-red and walking times are the published ones, and each set of rules asks for what it says."""

from dataclasses import replace

import numpy as np
import pytest

from signals.rules import RULES, all_red_time_s, envelope, intergreens, with_timing, yellow_time_s
from signals.types import Network


@pytest.mark.parametrize(
    ("speed_km_h", "yellow_s"),
    [
        (5.0, 3.0),
        (30.0, 3.0),
        (43.9, 3.0),
        (44.0, 4.0),
        (50.0, 4.0),
        (65.0, 4.0),
        (66.0, 5.0),
        (70.0, 5.0),
        (88.0, 6.0),
    ],
)
def test_yellow_is_perception_and_braking_in_whole_seconds_and_at_least_three(speed_km_h: float, yellow_s: float) -> None:
    # t + v / (2 a) with t 1 s and a 3.05 m/s2: 50 km/h gives 3.28 s, 70 km/h 4.19 s.
    assert yellow_time_s(speed_km_h / 3.6) == yellow_s


@pytest.mark.parametrize(
    ("crossing_m", "speed_mps", "all_red_s"),
    [(24.0, 50 / 3.6, 3.0), (14.0, 10.0, 2.0), (12.0, 8.0, 3.0), (0.0, 12.0, 1.0), (9.0, 1.0, 3.0)],
)
def test_all_red_clears_the_junction_and_a_vehicle_in_whole_seconds(crossing_m: float, speed_mps: float, all_red_s: float) -> None:
    # (W + 6 m) / v; slower than 5 m/s is reckoned as 5 m/s.
    assert all_red_time_s(crossing_m, speed_mps) == all_red_s


@pytest.mark.parametrize("name", ["resco", "free"])
def test_without_clearance_a_change_is_three_seconds_of_yellow(name: str, four_arm: Network) -> None:
    yellow_s, all_red_s = intergreens(four_arm.signals[0], RULES[name])
    assert not all_red_s.any()
    # From NS left to NS nobody loses a green (the left turns go on, permissive), so there is nothing to show.
    expected = [[0, 3, 3, 3], [0, 0, 3, 3], [3, 3, 0, 3], [3, 3, 0, 0]]
    assert yellow_s.tolist() == expected


def test_street_rules_take_yellow_and_all_red_of_the_slowest_to_clear(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    yellow_s, all_red_s = intergreens(signal, RULES["street"])
    assert yellow_s[0, 2] == 4.0, "through traffic at 50 km/h"
    assert yellow_s[1, 2] == 3.0, "left turns at 8 m/s"
    assert all_red_s[0, 2] == 4.0, "a left turn: 20 + 6 m at 8 m/s"
    assert (np.diag(yellow_s + all_red_s) == 0.0).all()


def test_no_all_red_where_nobody_who_gains_conflicts(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    alone = replace(signal, conflicts=np.zeros_like(signal.conflicts))
    assert not intergreens(alone, RULES["street"])[1].any()


def test_the_pedestrian_minimum_is_a_walk_and_the_way_across(with_crossing: Network) -> None:
    # 5 s + 12 m / 1.2 m/s = 15 s in the phase that has the crossing; the other phases keep theirs.
    assert envelope(with_crossing.signals[0], RULES["street"]).min_green_s.tolist() == [15.0, 7.0, 7.0, 7.0]
    assert envelope(with_crossing.signals[0], RULES["resco"]).min_green_s.tolist() == [7.0, 7.0, 7.0, 7.0]


@pytest.mark.parametrize("name", RULES)
def test_an_envelope_has_the_limits_of_its_rules(name: str, four_arm: Network) -> None:
    rules = RULES[name]
    limits = envelope(four_arm.signals[0], rules, step_s=0.5)
    assert (limits.step_s, limits.decision_s) == (0.5, rules.decision_s)
    assert (limits.max_green_s, limits.max_red_s) == (rules.max_green_s, rules.max_red_s)
    assert limits.min_green_s.shape == (4,) and (limits.min_green_s >= rules.min_green_s).all()
    assert limits.min_cycle_s < limits.max_cycle_s and limits.max_lease_s >= 6.0 * rules.decision_s


@pytest.mark.parametrize(
    ("name", "decision_s", "yellow_s", "expected"),
    [
        ("resco", 5.0, 2.0, (5.0, 2.0, 3.0)),  # arterial4x4
        ("resco", 10.0, 3.0, (10.0, 3.0, 7.0)),
        ("resco", None, None, (10.0, 3.0, 7.0)),
        ("free", 5.0, 2.0, (1.0, 2.0, 5.0)),  # keeps its own decisions and minimum
        ("street", 5.0, 2.0, (1.0, None, 7.0)),  # a scenario does not bend safety
    ],
)
def test_a_scenario_changes_only_what_its_rules_leave_open(
    name: str, decision_s: float | None, yellow_s: float | None, expected: tuple[float, float | None, float]
) -> None:
    rules = with_timing(RULES[name], decision_s, yellow_s)
    assert (rules.decision_s, rules.yellow_s, rules.min_green_s) == expected
    assert rules.name == name

"""Sentences that say why: the right numbers in them, the better alternative where it is better, in every language."""

import string
from dataclasses import replace

import numpy as np
import pytest

from signals import explain
from signals.explain import Alternative, Moment, PlanReasons, explain_choice, explain_forced, explain_hold, explain_plan
from signals.types import Floats, Network

REASONS = PlanReasons(
    "A0", 72.0, None, "n through", 640.0, 0.86, 31.2, (Alternative(60.0, 4.1, 0.97), Alternative(90.0, 2.3, 0.79))
)  # fmt: skip


@pytest.fixture
def seen(four_arm: Network) -> Moment:
    """Signal A0 in phase 1 for 20 s: seven vehicles wait on the two left turns of phase 2, three on the northern approach."""
    signal = four_arm.signals[0]
    queue_veh = np.zeros(12)
    queue_veh[[2, 8, 1]] = 4.0, 3.0, 3.0
    return Moment(signal, 0, 20.0, queue_veh, np.full(12, 33.0), explain.movement_names(signal))


def prices(*values: float) -> Floats:
    """[phase]"""
    return np.array(values)


def test_a_plan_names_its_binding_movement_and_what_other_cycles_would_cost() -> None:
    assert explain_plan(REASONS) == (
        "A0: cycle 72 s: binding n through 640 veh/h at v/c 0.86, mean delay 31.2 s/veh;"
        " 60 s would cost +4.1 s/veh (v/c 0.97), 90 s would cost +2.3 s/veh (v/c 0.79)"
    )


def test_a_coordinated_plan_says_its_offset_and_an_overloaded_one_by_how_much() -> None:
    sentence = explain_plan(replace(REASONS, offset_s=17.0, flow_veh_h=660.0, degree=1.1, alternatives=()))
    assert "cycle 72 s, offset 17 s:" in sentence
    assert "past capacity by 60 veh/h; no other cycle is allowed" in sentence


def test_a_cycle_that_would_be_better_for_delay_is_owned_up_to() -> None:
    sentence = explain_plan(replace(REASONS, alternatives=(Alternative(60.0, -0.7, 0.97),)))
    assert sentence.endswith("; 60 s would save 0.7 s/veh but runs at v/c 0.97")


def test_a_plan_without_flows_says_so() -> None:
    assert explain_plan(replace(REASONS, binding="")) == "A0: cycle 72 s: nobody is expected, so nothing binds its greens"


def test_a_switch_is_compared_with_staying(seen: Moment) -> None:
    assert explain_choice(seen, prices(468.0, 412.0, 430.0, np.nan), 1) == (
        "A0: phase 2 (n left, s left) now: 7 vehicles waiting, price 412 s against 468 s for staying in phase 1 (n, s) (+56 s)"
    )


def test_a_stay_is_compared_with_the_best_change(seen: Moment) -> None:
    sentence = explain_choice(seen, prices(400.0, 412.0, 430.0, 480.0), 0)
    assert sentence.startswith("A0: stays in phase 1 (n, s): 10 vehicles waiting, price 400 s against 412 s for phase 2")
    assert sentence.endswith("(+12 s)")


def test_a_choice_that_is_not_the_cheapest_is_not_dressed_up(seen: Moment) -> None:
    sentence = explain_choice(seen, prices(400.0, 412.0, 430.0, 480.0), 2, neighbours="B0")
    assert "although its price is 430 s against 400 s for phase 1 (n, s) (-30 s)" in sentence
    assert sentence.endswith("; chosen together with B0")


def test_of_pressures_the_largest_wins(seen: Moment) -> None:
    sentence = explain_choice(seen, prices(1.5, 4.0, 2.0, 0.0), 1, "pressure")
    assert "pressure 4.0 veh²/s against 1.5 veh²/s for staying in phase 1 (n, s) (-2.5)" in sentence
    assert "although" in explain_choice(seen, prices(1.5, 4.0, 2.0, 0.0), 2, "pressure")


def test_an_empty_junction_rests(seen: Moment) -> None:
    empty = replace(seen, queue_veh=np.zeros(12))
    assert explain_choice(empty, prices(0.0, 0.0, 0.0, 0.0), 0) == "A0: rests in phase 1 (n, s): nobody waits or comes"


def test_where_nothing_else_is_on_offer_the_green_says_its_age(seen: Moment) -> None:
    assert explain_choice(seen, prices(5.0, np.nan, np.nan, np.nan), 0) == "A0: stays in phase 1 (n, s), green for 20 s"


def test_a_choice_without_numbers_speaks_of_the_queues(seen: Moment) -> None:
    sentence = explain.explain_queues(seen, 1)
    assert sentence == "A0: phase 2 (n left, s left) now: 7 vehicles waiting, 10 vehicles in phase 1 (n, s)"
    assert explain.explain_queues(seen, 0).endswith("green for 20 s; 10 vehicles")


def test_a_forced_phase_names_who_is_red_longest(seen: Moment) -> None:
    red_s = np.zeros(12)
    red_s[[2, 8]] = 120.0, 141.0
    sentence = explain_forced(replace(seen, red_s=red_s), 1, 150.0, 300.0)
    assert sentence == "A0: phase 2 (n left, s left) must come: s left red for 141 s of at most 150 s, 7 vehicles waiting"


def test_a_phase_forced_by_the_longest_green_says_so(seen: Moment) -> None:
    sentence = explain_forced(replace(seen, age_s=299.0), 1, 300.0, 300.0)
    assert "phase 1 (n, s) green for 299 s of at most 300 s" in sentence


def test_a_hold_says_what_is_missing(seen: Moment) -> None:
    assert explain_hold(replace(seen, age_s=4.0), 7.0) == "A0: holds phase 1 (n, s): green for 4 s of at least 7 s"
    assert explain_hold(replace(seen, age_s=-2.0), 7.0) == "A0: changes to phase 1 (n, s): green in 2 s"


def test_a_refusal_carries_the_objection(seen: Moment) -> None:
    assert explain.explain_refusal(seen, "green 5.0 s is under the minimum") == (
        "A0: wish refused, phase 1 (n, s) goes on: green 5.0 s is under the minimum"
    )


def test_a_silent_sensor_counts_nobody(seen: Moment) -> None:
    silent = replace(seen, queue_veh=np.full(12, np.nan))
    assert explain.waiting(silent, 1) == "0 vehicles"
    assert explain.waiting(replace(seen, queue_veh=np.eye(12)[2]), 1) == "1 vehicle"


def test_arms_with_better_names_are_called_by_them(four_arm: Network) -> None:
    names = explain.movement_names(four_arm.signals[0], arms={"n": "North Street"})
    assert names[:3] == ("North Street right", "North Street through", "North Street left") and names[3] == "e right"
    assert explain.group_name(names, (1, 2, 3)) == "North Street through+left, e right"


@pytest.mark.parametrize("language", explain.WORDS)
def test_every_language_has_every_sentence_with_the_same_numbers(language: str) -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = explain.WORDS["en"]
    assert explain.WORDS[language].keys() == english.keys()
    assert {k: fields(text) for k, text in explain.WORDS[language].items()} == {k: fields(text) for k, text in english.items()}


def test_chinese_sentences_hold_the_numbers(seen: Moment, four_arm: Network) -> None:
    assert explain_plan(REASONS, "zh").startswith("A0:周期 72 秒:控制流向 n through 640 辆/时,饱和度 0.86")
    chinese = replace(seen, names=explain.movement_names(four_arm.signals[0], "zh"), language="zh")
    assert "相位 2(n 左转, s 左转)" in explain_choice(chinese, prices(468.0, 412.0, 430.0, np.nan), 1)


def test_a_moment_is_one_signals_part_of_an_observation(pair: Network) -> None:
    from signals.types import Observation

    none, flat = np.zeros(0), np.arange(24, dtype=np.float64)
    observed = Observation(
        0.0, np.array([0, 2]), np.array([3.0, 9.0]), flat, flat, flat, 2.0 * flat, flat,
        none.astype(np.int64), none.astype(np.int64), none, none,
    )  # fmt: skip
    second = explain.moment(pair.signals[1], 1, 12, observed, explain.movement_names(pair.signals[1]))
    assert (second.phase, second.age_s, second.queue_veh[0], second.red_s[0]) == (2, 9.0, 12.0, 24.0)

"""What time it is in the field, from many clocks: one may be wrong, and all may jump."""

import pytest

from citybrain.field.clocks import MANY_WORDS, FieldClock


def heard(clock: FieldClock, seconds: range, skews_s: list[float], at_s: float = 1000.0) -> None:
    for t in seconds:
        for i, skew_s in enumerate(skews_s):
            clock.hear(i, at_s + t + skew_s)


def test_clocks_that_agree_are_the_fields_time_and_late_words_do_not_turn_it_back() -> None:
    clock = FieldClock(3)
    heard(clock, range(10), [0.0, 0.0, 0.0])
    clock.hear(1, 1003.0)
    assert clock.now_s == 1009.0 and clock.offset_s.tolist() == [0.0, 0.0, 0.0] and clock.jumps == 0


@pytest.mark.parametrize("wrong_s", [3600.0, -3600.0, 60.0, -60.0, 1e9])
def test_one_wrong_clock_moves_nobody_and_is_told_its_own_time(wrong_s: float) -> None:
    clock = FieldClock(6)
    heard(clock, range(30), [0.0] * 6)
    heard(clock, range(30, 60), [0.0, 0.0, wrong_s, 0.0, 0.0, 0.0])
    assert clock.now_s == 1059.0 and clock.jumps == 0
    assert clock.offset_s[2] == pytest.approx(wrong_s, abs=1.0) and clock.time_of(2, 1059.0 + wrong_s) == pytest.approx(1059.0, abs=1.0)
    heard(clock, range(60, 62), [0.0] * 6)
    assert clock.offset_s.tolist() == [0.0] * 6


@pytest.mark.parametrize("jump_s", [7200.0, -7200.0, 30.0])
def test_when_all_jump_the_field_has_jumped(jump_s: float) -> None:
    clock = FieldClock(6)
    heard(clock, range(10), [0.0] * 6)
    heard(clock, range(10, 14), [jump_s] * 6)
    assert clock.now_s == 1013.0 + jump_s and clock.jumps == 1 and clock.offset_s.tolist() == [0.0] * 6


def test_the_only_one_that_is_left_is_believed_in_the_end() -> None:
    clock = FieldClock(6)
    heard(clock, range(10), [0.0] * 6)
    for t in range(MANY_WORDS):
        clock.hear(4, 90_000.0 + t)
    assert clock.now_s == 90_000.0 + MANY_WORDS - 1


def test_a_single_controller_is_the_fields_time() -> None:
    clock = FieldClock(1)
    for time_s in (5.0, 500.0, 3.0):
        clock.hear(0, time_s)
        assert clock.now_s == time_s

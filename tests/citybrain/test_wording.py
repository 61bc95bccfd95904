"""Numbers as text: digits, brackets, dashes."""

from math import nan

import pytest

from citybrain import wording


@pytest.mark.parametrize(("value", "digits", "text"), [(16.294, 2, "16.29"), (2.0, 0, "2"), (nan, 2, "–")])
def test_a_number_has_its_digits_and_an_unknown_one_is_a_dash(value: float, digits: int, text: str) -> None:
    assert wording.number(value, digits) == text


def test_an_interval_is_in_brackets_and_an_unknown_one_is_nothing() -> None:
    assert wording.spread(1.0, 2.5, 1) == "[1.0, 2.5]"
    assert wording.spread(-1.0, 2.5, 1, "+") == "[-1.0, +2.5]"
    assert wording.spread(nan, 2.5, 1) == ""


def test_a_change_has_a_sign_and_its_interval_where_known() -> None:
    assert wording.change_text(-61.48, -62.8, -59.9) == "-61.5 % [-62.8, -59.9]"
    assert wording.change_text(3.0, nan, nan) == "+3.0 %"
    assert wording.change_text(nan, nan, nan) == "–"


def test_a_long_name_keeps_both_ends() -> None:
    assert wording.shortened("cluster_1098574052/5", 9) == "clus…52/5"
    assert len(wording.shortened("x" * 100, 26)) <= 26
    assert wording.shortened("short") == "short"

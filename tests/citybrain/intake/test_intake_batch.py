"""Columns have one length and their type, or they are no batch: compiled code relies on it."""

import numpy as np
import pytest

from citybrain.intake.batch import IntakeError, Samples, Tracks, check_columns, check_source, no_samples, no_tracks

INTS, TIMES, VALUES = np.zeros(2, np.int32), np.zeros(2), np.zeros(2, np.float32)


def test_nothing_is_a_batch_too() -> None:
    assert (len(no_samples("a")), len(no_tracks("a")), len(no_tracks("a").lane)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("sensor", "at_s", "value"),
    [
        (INTS, TIMES[:1], VALUES),
        (INTS, TIMES, np.zeros(3, np.float32)),
        (INTS.astype(np.int64), TIMES, VALUES),
        (INTS, TIMES, VALUES.astype(np.float64)),
        (INTS, TIMES.reshape(2, 1), VALUES),
        (INTS, np.zeros(4)[::2], VALUES),
    ],
    ids=["short times", "long values", "wide sensors", "wide values", "two axes", "with gaps"],
)
def test_columns_that_do_not_fit_are_no_samples(sensor: np.ndarray, at_s: np.ndarray, value: np.ndarray) -> None:
    with pytest.raises(IntakeError, match="samples of loops: a column of"):
        Samples("loops", sensor, at_s, value)


@pytest.mark.parametrize("vehicles", [[1, 2], [3, -1], [2**31 - 1, 2**31 - 1]], ids=["too many", "negative", "overflowing"])
def test_numbers_of_vehicles_add_up_to_the_rows(vehicles: list[int]) -> None:
    with pytest.raises(IntakeError, match="do not add up to the 2 rows"):
        Tracks("cameras", INTS, TIMES, np.array(vehicles, np.int32), INTS, INTS, VALUES, VALUES)


@pytest.mark.parametrize("name", ["", "x" * 65, "ä" * 33, "a\nb", "a\0b", "\ud800"])
def test_a_source_has_a_short_printable_name(name: str) -> None:
    with pytest.raises(IntakeError, match="expected a printable name of 1 to 64 bytes"):
        check_source(name)


def test_a_column_says_what_was_expected_of_it() -> None:
    with pytest.raises(IntakeError, match=r"x: a column of \(2,\) int32, expected 2 float64 in a row"):
        check_columns("x", 2, ((INTS, np.float64),))

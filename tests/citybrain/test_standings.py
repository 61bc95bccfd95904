"""Looking things up under one condition."""

from math import nan

from citybrain.comparison import Cell, Comparison, Difference
from citybrain.conditions import CONDITIONS
from citybrain.standings import Field

CHANGE = Difference(1.0, nan, nan, 10.0, nan, nan, 1)
CELLS = (Cell("a", "fixed", (101,), {}, {}, 0, ()), Cell("a", "quick", (101,), {}, {"delay_s_per_veh": CHANGE}, 0, ()))
FOUND = Comparison("fixed", ("a",), ("fixed", "quick"), CELLS, {})
FIELD = Field(CONDITIONS["clean"], FOUND, {"fixed": FOUND}, {}, {})


def test_a_difference_is_found_by_its_names_or_not_at_all() -> None:
    assert FIELD.difference("fixed", "a", "quick", "delay_s_per_veh") is CHANGE
    assert FIELD.difference("fixed", "a", "fixed", "delay_s_per_veh") is None
    assert FIELD.difference("fixed", "b", "quick", "delay_s_per_veh") is None
    assert FIELD.difference("webster", "a", "quick", "delay_s_per_veh") is None


def test_where_nobody_ran_there_are_no_cells() -> None:
    assert FIELD.cells() == CELLS
    assert Field(CONDITIONS["loops"], None, {}, {"fixed": "why"}, {}).cells() == ()

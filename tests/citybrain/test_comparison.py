"""Looking things up in a comparison."""

from math import nan

from citybrain.comparison import Cell, Comparison, Estimate


def cell(scenario: str, controller: str, delay_s: float) -> Cell:
    """A cell with a delay and nothing else."""
    return Cell(scenario, controller, (101,), {"delay_s_per_veh": Estimate(delay_s, nan, nan, delay_s, 101)}, {}, 0, ())


CELLS = (cell("a", "fixed", 5.0), cell("a", "slow", 50.0), cell("a", "quick", 20.0), cell("b", "fixed", 5.0))
FOUND = Comparison("fixed", ("a", "b"), ("fixed", "slow", "quick"), CELLS, {})


def test_the_best_controller_is_the_best_but_the_baseline() -> None:
    assert FOUND.best("a") == "quick"
    assert FOUND.best("b") is None


def test_a_cell_is_found_by_its_names_or_not_at_all() -> None:
    assert FOUND.cell("a", "slow") is CELLS[1]
    assert FOUND.cell("b", "slow") is None

"""A sensor's name leads to its number and back; any other text leads nowhere."""

import numpy as np
import pytest

from citybrain.intake.catalogue import Catalogue
from citybrain.intake.names import NONE, Listed, Names, Regular
from signals.layout import lay_out
from signals.types import Network

KINDS = ("count", "queue")


def regular(network: Network, watched: list[int]) -> Regular:
    """Names of two kinds for these movements."""
    return Regular(network, KINDS, lay_out(network).movement_start, np.array(watched))


def test_every_number_has_a_name_that_leads_back_to_it(grid: Network, catalogue: Catalogue) -> None:
    listed = Listed(tuple(catalogue.names[k] for k in range(len(catalogue))))
    for names in (catalogue.names, listed, regular(grid, [0, 3, 17])):
        assert len(names) > 5
        assert [names.find(names[k]) for k in range(len(names))] == list(range(len(names)))


def test_names_say_signal_kind_and_place(grid: Network) -> None:
    start = lay_out(grid).movement_start.tolist()
    names = regular(grid, [0, start[1] + 2])
    first, second = grid.signals[0].id, grid.signals[1].id
    assert [names[k] for k in range(4)] == [f"{first}/count/0", f"{first}/queue/0", f"{second}/count/2", f"{second}/queue/2"]


@pytest.mark.parametrize(
    "form", ["", "/", "//", "{0}", "{0}/count", "{0}/count/", "{0}/count/1", "{0}/count/00", "{0}/count/²", "{0}/speed/0", "x/count/0",
             "{0}/count/-1", "{0}/count/99999999999999999999", "{0}/count/999"]
)  # fmt: skip
def test_a_name_of_nothing_leads_nowhere(grid: Network, form: str) -> None:
    names = regular(grid, [0, 2])
    text = form.format(grid.signals[0].id)
    assert names.find(text) == NONE
    assert Listed(("a", "b")).find(text) == NONE


def test_a_number_of_nothing_has_no_name(grid: Network) -> None:
    with pytest.raises(IndexError):
        regular(grid, [0])[2]


def test_other_names_have_another_digest(grid: Network) -> None:
    names: list[Names] = [regular(grid, [0]), regular(grid, [1]), regular(grid, [0, 1]), Listed(("a", "b")), Listed(("b", "a"))]
    assert len({one.digest() for one in names}) == len(names)
    assert regular(grid, [0]).digest() == regular(grid, [0]).digest()

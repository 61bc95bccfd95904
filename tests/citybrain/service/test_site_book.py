"""The book of sites says of every signal what `sites` says, and works out only what is asked for."""

import pytest

from citybrain.service import site_book
from citybrain.service.site_book import SiteBook
from signals.rules import RULES, envelope
from signals.site import sites
from signals.types import Network
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

STREET = RULES["street"]


@pytest.fixture(scope="module")
def grid() -> Network:
    return read_network(scenario("grid_2x2").net, STREET)


def test_a_site_is_the_one_that_all_sites_together_have(grid: Network) -> None:
    book = SiteBook(grid, STREET)
    for one in sites(grid, tuple(envelope(s, STREET) for s in grid.signals)):
        found = book[one.signal.id]
        assert found.signal is one.signal and found.base_wait_s == one.base_wait_s and found.max_red_s == one.max_red_s
        assert book[one.signal.id] is found


def test_it_is_a_mapping_of_all_names(grid: Network) -> None:
    book = SiteBook(grid, STREET)
    assert list(book) == [s.id for s in grid.signals] and len(book) == len(grid.signals)
    assert "nobody" not in book and grid.signals[0].id in book
    with pytest.raises(KeyError):
        book["nobody"]


def test_no_more_are_remembered_than_there_is_room_for(grid: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_book, "KEPT", 2)
    book = SiteBook(grid, STREET)
    first = book[grid.signals[0].id]
    for signal in grid.signals[1:3]:
        book[signal.id]
    assert book[grid.signals[0].id] is not first

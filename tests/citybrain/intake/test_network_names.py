"""Outsiders' names lead to our numbers, or nowhere."""

import pytest

from citybrain.intake.names import NONE
from citybrain.intake.network_names import NetworkNames
from signals.types import Network


def test_every_signal_lane_and_movement_is_found_by_its_name_and_movements_by_their_place(grid: Network) -> None:
    names = NetworkNames(grid)
    assert [names.signal(s.id) for s in grid.signals] == list(range(len(grid.signals)))
    lanes = [lane.id for s in grid.signals for lane in s.lanes]
    assert [names.lane(name) for name in lanes] == list(range(len(lanes)))
    first = 0
    for i, s in enumerate(grid.signals):
        places = range(first, first + len(s.movements))
        assert [names.movement(i, m.id) for m in s.movements] == list(places)
        assert [names.movement(i, k) for k in range(len(s.movements))] == list(places)
        assert [names.movement(i, str(k)) for k in range(len(s.movements))] == list(places)
        first += len(s.movements)


@pytest.mark.parametrize("name", ["", "x", -1, 10**30, "-1", "999999999", "²", "\ud800"])
def test_what_is_not_known_leads_nowhere(grid: Network, name: str | int) -> None:
    names = NetworkNames(grid)
    assert names.movement(0, name) == NONE == names.movement(NONE, 0)
    if isinstance(name, str):
        assert names.signal(name) == NONE == names.lane(name)

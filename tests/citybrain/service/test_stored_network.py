"""A stored signal's lanes and movements are made when they are asked for, and are those that were stored."""

import copy
import pickle
from dataclasses import replace

import pytest

from citybrain.service.network_columns import packed, unpacked
from citybrain.service.stored_network import KEPT, StoredIntersection
from signals.rules import RULES
from signals.types import Intersection, Network
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario


@pytest.fixture(scope="module")
def grid() -> Network:
    return read_network(scenario("grid_2x2").net, RULES["street"])


def test_a_stored_signal_is_one_like_any_other(grid: Network) -> None:
    """Copied, changed, sent to another process, and asked for more signals than are kept ready."""
    signals, _, _ = unpacked(packed(Network("many", grid.signals * (KEPT // 2))))
    for one, plain in zip(signals, grid.signals * (KEPT // 2), strict=True):
        assert one.lanes == plain.lanes and one.movements == plain.movements and one.movement_names == plain.movement_names
    one, plain = signals[0], grid.signals[0]
    for other in (replace(one, x_m=7.0), pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert type(other) is Intersection and other.lanes == plain.lanes and other.movements == plain.movements
    with pytest.raises(AttributeError):
        one.lanes = ()  # type: ignore[misc]


def test_what_was_asked_for_lately_is_there_and_nothing_is_kept_for_ever(grid: Network) -> None:
    signals, _, _ = unpacked(packed(Network("many", grid.signals * KEPT)))
    first = signals[0]
    assert isinstance(first, StoredIntersection) and first.lanes is first.lanes and first.movements is first.movements
    for one in signals:
        _ = one.lanes, one.movements
    rows = first._rows
    assert 0 < len(rows._lanes_of) <= KEPT and 0 < len(rows._movements_of) <= KEPT

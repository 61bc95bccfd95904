"""The default catalogue watches every movement but crossings; its key tells it from every other."""

from dataclasses import replace

import numpy as np
import pytest

from citybrain.intake.catalogue import KINDS, Catalogue, Kind, largest, largest_of
from citybrain.intake.names import NONE
from signals.layout import lay_out
from signals.types import Network, Turn


def crossed(network: Network) -> Network:
    """The same with the first movement of all a crossing."""
    first = network.signals[0]
    movements = (replace(first.movements[0], turn=Turn.CROSSING), *first.movements[1:])
    return replace(network, signals=(replace(first, movements=movements), *network.signals[1:]))


def test_every_movement_but_crossings_has_a_sensor_of_each_kind_to_itself(grid: Network) -> None:
    network = crossed(grid)
    catalogue = Catalogue.of(network)
    movements = sum(len(s.movements) for s in network.signals)
    assert len(catalogue) == len(KINDS) * (movements - 1)
    assert (catalogue.sole[:, 0] == NONE).all()
    assert sorted(catalogue.sole[:, 1:].ravel().tolist()) == list(range(len(catalogue)))
    for code, kind in enumerate(KINDS):
        sensor, movement, share = catalogue.links(kind)
        assert (catalogue.kind[sensor] == code).all()
        assert (catalogue.sole[code, movement] == sensor).all()
        assert (share == 1.0).all()


def test_who_shares_a_sensor_or_a_movement_has_none_to_itself(catalogue: Catalogue) -> None:
    shared = replace(
        catalogue,
        link_sensor=np.append(catalogue.link_sensor, np.int32(0)),
        link_movement=np.append(catalogue.link_movement, np.int32(1)),
        link_share=np.append(catalogue.link_share, np.float32(0.5)),
    )
    assert shared.sole[0, :3].tolist() == [NONE, NONE, catalogue.sole[0, 2]]


def test_another_catalogue_has_another_key(grid: Network, catalogue: Catalogue) -> None:
    moved = replace(catalogue, link_movement=np.roll(catalogue.link_movement, 1))
    keys = {catalogue.key, Catalogue.of(crossed(grid)).key, moved.key}
    assert len(keys) == 3 and 0 not in keys
    assert Catalogue.of(grid).key == catalogue.key


@pytest.mark.parametrize(("kind", "most"), [(Kind.COUNT, 62.0), (Kind.QUEUE, 30.0), (Kind.EXIT, 40.0), (Kind.WAIT, 7200.0)])
def test_more_than_the_lanes_can_hold_or_let_pass_is_no_traffic(kind: Kind, most: float) -> None:
    lanes, storage_veh, exit_storage_veh = np.array([1.0, 0.0]), np.array([10.0, 10.0]), np.array([10.0, 10.0])
    assert largest(kind, lanes, storage_veh, exit_storage_veh, 60.0).tolist() == [most, most]


def test_the_largest_of_a_network_is_that_of_each_movements_own_lanes(grid: Network) -> None:
    found = largest_of(lay_out(grid), 60.0)
    rows = iter(found.tolist())
    for s in grid.signals:
        room_veh = {lane.id: lane.storage_veh for lane in s.lanes}
        for m in s.movements:
            expected = [62.0 + 60.0 * (len(m.lanes) - 1), 2.0 * sum(room_veh[name] for name in m.lanes) + 10.0, 7200.0, 0.0]
            expected[3] = 2.0 * m.exit_storage_veh + 20.0
            assert next(rows) == pytest.approx(expected)

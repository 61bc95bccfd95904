"""The padded arrays say the same as the nouns that they were made of."""

from dataclasses import fields

import numpy as np
import pytest

from signals.layout import KEPT, LARGE, TURN_CODES, Layout, laid_out, lay_out, part_of, starts
from signals.types import Network, Turn


@pytest.fixture
def mixed(pair: Network, with_crossing: Network) -> Network:
    """Signals of 12, 13 and 12 movements: something has to be padded."""
    return Network("mixed", (pair.signals[0], with_crossing.signals[0], pair.signals[1]))


@pytest.mark.parametrize(("sizes", "offsets"), [([], [0]), ([3], [0, 3]), ([3, 0, 2], [0, 3, 3, 5])])
def test_blocks_start_where_the_one_before_ends(sizes: list[int], offsets: list[int]) -> None:
    made = starts(sizes)
    assert made.tolist() == offsets and made.dtype == np.int64


def test_flat_axes_run_over_all_signals_in_order(mixed: Network) -> None:
    layout = lay_out(mixed)
    assert layout.phases.tolist() == [4, 4, 4]
    assert layout.movement_start.tolist() == [0, 12, 25, 37] and layout.movements == 37
    assert layout.lane_start.tolist() == [0, 8, 17, 25] and layout.lanes == 25
    movements = [m for s in mixed.signals for m in s.movements]
    assert layout.movement_saturation_veh_h.tolist() == [m.saturation_veh_h for m in movements]
    assert layout.movement_exit_storage_veh.tolist() == [m.exit_storage_veh for m in movements]
    assert layout.movement_turn.tolist() == [TURN_CODES[m.turn] for m in movements]
    assert layout.lane_speed_mps.tolist() == [lane.speed_mps for s in mixed.signals for lane in s.lanes]


def test_each_signal_keeps_its_arrays_and_the_rest_is_zero(mixed: Network) -> None:
    layout = lay_out(mixed)
    for i, s in enumerate(mixed.signals):
        p, m, k = len(s.phases), len(s.movements), len(s.lanes)
        for padded, own, shape in (
            (layout.serves[i], s.serves, (p, m)),
            (layout.intergreen_s[i], s.intergreen_s, (p, p)),
            (layout.yields_to[i], s.yields_to, (m, m)),
            (layout.uses[i], s.uses, (k, m)),
        ):
            assert (padded[: shape[0], : shape[1]] == own).all()
            assert not padded[shape[0] :].any() and not padded[:, shape[1] :].any()


def test_every_turn_has_a_code_of_its_own() -> None:
    assert set(TURN_CODES) == set(Turn)
    assert sorted(TURN_CODES.values()) == list(range(len(Turn)))


def test_flat_movements_and_lanes_know_their_signal_and_place(mixed: Network) -> None:
    layout = lay_out(mixed)
    flat = [(i, m) for i, s in enumerate(mixed.signals) for m in range(len(s.movements))]
    assert list(zip(layout.signal_of.tolist(), layout.place_of.tolist(), strict=True)) == flat
    assert layout.signal_of_lane.tolist() == [i for i, s in enumerate(mixed.signals) for _ in s.lanes]


def test_codes_are_those_of_each_signals_phase_and_nobody_is_served_in_an_intergreen(mixed: Network) -> None:
    layout, phase = lay_out(mixed), np.array([0, 2, 1])
    shown = [mixed.signals[i].serves[p].tolist() for i, p in enumerate(phase.tolist())]
    assert layout.codes_in(phase).tolist() == shown[0] + shown[1] + shown[2]
    now = layout.codes_now(phase, np.array([0.0, -1.0, 5.0]))
    assert now.tolist() == shown[0] + [0] * 13 + shown[2]


def test_a_large_network_is_laid_out_once_and_a_small_one_is_not_remembered(mixed: Network) -> None:
    large = Network("large", mixed.signals * LARGE)
    assert lay_out(large) is lay_out(large)
    assert lay_out(mixed) is not lay_out(mixed)
    assert lay_out(Network("large", mixed.signals * LARGE)) is not lay_out(large)


def test_no_more_networks_are_remembered_than_there_is_room_for(mixed: Network) -> None:
    large = [Network(f"{k}", mixed.signals * LARGE) for k in range(KEPT + 1)]
    first = lay_out(large[0])
    for one in large[1:]:
        lay_out(one)
    assert lay_out(large[0]) is not first
    assert lay_out(large[-1]) is lay_out(large[-1])


@pytest.mark.parametrize("members", [[0, 1, 2], [1], [2, 0], [0, 2]])
def test_a_parts_layout_is_that_of_its_own_network(mixed: Network, members: list[int]) -> None:
    network = Network("part", tuple(mixed.signals[i] for i in members))
    cut, made = part_of(lay_out(mixed), network, np.array(members)), laid_out(network)
    for one in fields(Layout):
        if one.name != "network":
            mine, other = getattr(cut, one.name), getattr(made, one.name)
            assert np.array_equal(mine, other) and mine.dtype == other.dtype and mine.flags.c_contiguous
    assert np.array_equal(cut.uses, made.uses) and np.array_equal(cut.yields_to, made.yields_to)
    assert cut.network is network

"""Junctions laid out flat: what is read from a signal, which arm an exit belongs to, and junctions that are not as usual."""

import numpy as np
import pytest

from forecasting.junctions import Junction, arm_flows, junction_of, junctions, vehicle_movements
from forecasting.movements import MovementFlows, learned, movement_flows, prior_belief, unlearned
from forecasting.splits import Counts, Junctions
from signals.types import Intersection, Lane, Movement, Phase, TimingPlan, Turn

BIN_S = 900.0
THROUGH, RIGHT, LEFT = 0, 1, 2


def flows_of(places: Junctions, counts: Counts) -> MovementFlows:
    """Flows where nobody knows what usually enters."""
    return movement_flows(places, counts, prior_belief(places, np.full(int(places.approach_start[-1]), np.nan)))[0]


def movement(approach: str, turn: Turn, lanes: tuple[str, ...], exits: tuple[str, ...]) -> Movement:
    return Movement(f"{approach}_{turn}", approach, turn, lanes, exits, 1800.0, 13.9, 15.0, 20.0)


def signal(movements: tuple[Movement, ...]) -> Intersection:
    """A signal of which only movements and lanes matter here."""
    names = list(dict.fromkeys(lane for m in movements for lane in m.lanes))
    n = len(movements)
    return Intersection(
        id="J",
        x_m=0.0,
        y_m=0.0,
        lanes=tuple(Lane(name, 100.0, 13.9, (), 100.0, 13.0) for name in names),
        movements=movements,
        phases=(Phase("all", "g" * n),),
        uses=np.array([[name in m.lanes for m in movements] for name in names], dtype=np.bool_),
        serves=np.ones((1, n), dtype=np.int64),
        conflicts=np.zeros((n, n), dtype=np.bool_),
        yields_to=np.zeros((n, n), dtype=np.bool_),
        yellow_s=np.zeros((1, 1)),
        all_red_s=np.zeros((1, 1)),
        base=TimingPlan("J", (), 0.0, 1e9, True, 60.0),
    )


@pytest.fixture
def tee() -> Intersection:
    """West to east with a side street south, two lanes from the west, and pedestrians in between."""
    return signal((
        movement("W", Turn.THROUGH, ("W_0", "W_1"), ("east_0", "east_1")),
        movement("W", Turn.RIGHT, ("W_0",), ("south_0",)),
        Movement("over", "walk", Turn.CROSSING, (), (), 0.0, 1.2, 10.0, 0.0),
        movement("E", Turn.THROUGH, ("E_0",), ("west_0",)),
        movement("E", Turn.LEFT, ("E_0",), ("south_0",)),
        movement("S", Turn.LEFT, ("S_0",), ("west_0",)),
        movement("S", Turn.RIGHT, ("S_0",), ("east_0",)),
    ))  # fmt: skip


def test_a_signals_vehicle_movements_lanes_and_exits_are_read(tee: Intersection) -> None:
    junction = junction_of(tee)
    assert junction.approach.tolist() == [0, 0, 1, 1, 2, 2]
    assert junction.turn.tolist() == [THROUGH, RIGHT, THROUGH, LEFT, LEFT, RIGHT]
    assert junction.leads_to.astype(int).tolist() == [[1, 0, 0, 0, 0, 1], [0, 1, 0, 1, 0, 0], [0, 0, 1, 0, 1, 0]]
    places = junctions([junction])
    assert len(places.part_movement) == 7  # the through movement from the west has two lanes
    assert places.lane_approach.tolist() == [0, 0, 1, 2]


def test_the_arm_of_an_exit_is_the_approach_that_does_not_use_it(tee: Intersection) -> None:
    assert junctions([junction_of(tee)]).arm.tolist() == [1, 2, 0]


def test_the_arm_of_an_exit_is_where_turning_round_leads() -> None:
    # Two one-way approaches would leave it open; who may turn round on one shows its arm.
    leads_to = np.array([[True, False, True], [False, True, False]])
    described = Junction(np.array([0, 0, 1]), np.array([0, 3, 0]), leads_to, np.eye(3, dtype=np.bool_))
    assert junctions([described]).arm.tolist() == [-1, 0]


def test_where_arms_cannot_be_told_they_are_unknown() -> None:
    one_way = Junction(
        np.array([0, 1]), np.array([0, 0]), np.array([[True, False], [False, True], [False, False]]), np.eye(2, dtype=np.bool_)
    )
    assert (junctions([one_way]).arm == -1).all()


def test_what_enters_from_the_arm_ahead_is_known_by_movement(tee: Intersection) -> None:
    flow_veh_h = arm_flows(junctions([junction_of(tee)]), np.array([100.0, 200.0, np.nan]))
    np.testing.assert_array_equal(flow_veh_h, [200.0, np.nan, 100.0, np.nan, 100.0, 200.0])


def test_vehicle_movements_keep_their_places_in_the_network(tee: Intersection) -> None:
    assert vehicle_movements([tee, tee]).tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13]


def test_lanes_of_a_signal_make_its_flows(tee: Intersection) -> None:
    places = junctions([junction_of(tee)])
    nothing = np.full(3, np.nan)
    flows = flows_of(places, Counts(nothing, np.array([30.0, 40.0, 20.0, 10.0]), nothing))
    assert flows.entering_veh.tolist() == pytest.approx([70.0, 20.0, 10.0])
    assert 40.0 <= flows.flow_veh[0] <= 70.0  # who is on the left lane goes straight on
    assert np.abs(flows.misfit.lane_veh).max() < 1e-3


def test_a_lamp_that_leads_nowhere_keeps_its_place_without_a_flow() -> None:
    idle = Movement("idle", "", Turn.THROUGH, (), (), 0.0, 0.0, 0.0, 0.0)
    places = junctions([junction_of(signal((idle, movement("E", Turn.THROUGH, ("E_0",), ("west_0",)))))])
    flows = flows_of(places, Counts(np.array([np.nan, 20.0]), np.full(1, np.nan), np.array([20.0])))
    assert np.isnan(flows.flow_veh[0]) and flows.flow_veh[1] == pytest.approx(20.0)


def test_a_lamp_over_two_streets_is_one_movement_with_two_exits() -> None:
    both = signal((movement("W", Turn.THROUGH, ("W_0",), ("east_0", "north_0")), movement("E", Turn.THROUGH, ("E_0",), ("west_0",))))
    places = junctions([junction_of(both)])
    counts = Counts(np.array([50.0, 20.0]), np.full(2, np.nan), np.array([35.0, 15.0, 20.0]))
    flows = flows_of(places, counts)
    np.testing.assert_allclose(flows.flow_veh, [50.0, 20.0], atol=1e-3)
    assert np.abs(flows.misfit.exit_veh).max() < 1e-3


def test_a_signal_for_pedestrians_only_takes_its_place_in_the_row(tee: Intersection) -> None:
    walkers = signal((Movement("over", "walk", Turn.CROSSING, (), (), 0.0, 1.2, 10.0, 0.0),))
    places = junctions([junction_of(tee), junction_of(walkers), junction_of(tee)])
    counts = Counts(np.full(6, 30.0), np.full(8, np.nan), np.full(6, 30.0))
    flows, _ = learned(places, unlearned(places), counts, BIN_S)
    np.testing.assert_allclose(flows.flow_veh[:6], flows.flow_veh[6:])
    assert flows.flow_veh.sum() == pytest.approx(180.0)

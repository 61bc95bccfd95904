"""Claims about the switchboard: every way on it is the program that would have been pushed for that change alone."""

from itertools import product

import pytest

from signals.links.program import Cabinet, Program, in_line, loop_start
from signals.links.switchboard import like_changes, switchboard
from signals.rules import RULES
from signals.types import Intersection, Network, Stage
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

HOLD_S = 30.0


def shown(program: Program, start: int, seconds: int) -> list[str]:
    """The lights of each second from a segment on, as a controller runs the program."""
    lights: list[str] = []
    k = start
    while len(lights) < seconds:
        lights += [program.segments[k].lights] * round(program.segments[k].duration_s)
        k = program.following[k]
    return lights[:seconds]


def alone(cabinet: Cabinet, before: int, stage: Stage) -> Program:
    """The program of one change and nothing else."""
    segments, tail = cabinet.stages(before, (stage,)), cabinet.base_tail(stage.phase)
    return in_line((*segments, *tail), len(segments) + loop_start(tail), len(segments) - 1)


@pytest.fixture(params=["four_arm", "with_crossing", "arterial_5 street"])
def signal(request: pytest.FixtureRequest) -> Intersection:
    if request.param == "arterial_5 street":
        return read_network(scenario("arterial_5").net, RULES["street"]).signals[0]
    network: Network = request.getfixturevalue(request.param)
    return network.signals[0]


def test_every_way_shows_what_the_change_alone_would_show(signal: Intersection) -> None:
    cabinet = Cabinet(signal)
    changes = like_changes(cabinet, 0, Stage(1, HOLD_S - float(signal.intergreen_s[0, 1])))
    board = switchboard(cabinet, changes)
    for before, stage in changes:
        start = board.ways[before, stage.phase, stage.green_s]
        single = alone(cabinet, before, stage)
        cycles = int(3 * signal.base.cycle_s)
        assert shown(board.program, start, cycles) == shown(single, 0, cycles)
        assert board.program.until_green_s(start) == single.until_green_s(0)


def test_a_way_knows_the_green_that_it_leads_to_and_the_base_plan_leads_to_none(signal: Intersection) -> None:
    cabinet = Cabinet(signal)
    stage = Stage(1, 20.0)
    board = switchboard(cabinet, like_changes(cabinet, 0, stage))
    k = board.ways[0, 1, 20.0]
    lead = board.program.leads[k]
    assert board.program.segments[lead] == cabinet.green(stage)
    while k != lead:
        assert board.program.leads[k] == lead
        k = board.program.following[k]
    k = board.program.following[lead]
    for _ in board.program.segments:
        assert board.program.leads[k] == -1
        k = board.program.following[k]


def test_no_way_starts_in_the_base_plan_where_a_new_board_stands(signal: Intersection) -> None:
    cabinet = Cabinet(signal)
    board = switchboard(cabinet, like_changes(cabinet, 0, Stage(1, 20.0)))
    assert board.program.segments[0] == cabinet.green(signal.base.stages[0])
    assert min(board.ways.values()) > 0
    assert len({*board.ways.values()}) == len({(p if signal.intergreen_s[p, q] else q, q, g) for p, q, g in board.ways})


def test_changes_like_one_lead_between_all_phases_and_end_as_long_from_now(signal: Intersection) -> None:
    cabinet, n = Cabinet(signal), len(signal.phases)
    lost_s = float(signal.intergreen_s[0, 1])
    changes = like_changes(cabinet, 0, Stage(1, HOLD_S - lost_s))
    assert changes[0] == (0, Stage(1, HOLD_S - lost_s))
    assert {(p, stage.phase) for p, stage in changes} == {(p, q) for p, q in product(range(n), range(n)) if p != q}
    assert {signal.intergreen_s[p, stage.phase] + stage.green_s for p, stage in changes} == {HOLD_S}
    assert len(set(changes)) == len(changes)

"""Claims about what a change of phase means to a lane: what makes no difference to it is the same light; compiled and not."""

from collections.abc import Callable

import numpy as np
import pytest

from signals.kernels import lights as kernels
from signals.kernels.lights import IS_WAITED_FOR, RED, YIELDS, Lights, learn, no_lights
from signals.kernels.queues import Queues

# [phase, movement]: movement 2 yields to movement 0, which phases 0 and 1 both serve
SERVES = np.array([[2, 0, 1], [2, 0, 0], [0, 2, 0], [0, 0, 2]])
YIELDS_TO = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]])
INTERGREEN_S = np.array([[0.0, 3.0, 3.0, 3.0], [3.0, 0.0, 4.0, 3.0], [3.0, 3.0, 0.0, 3.0], [3.0, 3.0, 3.0, 0.0]])
LONG_S = 9.0  # longer than any intergreen
Learned = Callable[..., Lights]


def one_vehicle_of(*movements: int, inside: tuple[int, ...] = ()) -> Queues:
    """A lane with a vehicle for each of these movements; those of some lanes stand inside."""
    n = len(movements)
    lanes, none_s, ones = np.arange(n), np.zeros(n), np.ones(n)
    past = np.isin(lanes, inside)
    return Queues(lanes, lanes + 1, 2.0 * ones, none_s, none_s, np.array(movements), past, past, past, ones, ones)


@pytest.fixture(params=["compiled", "py_func"])
def learned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Learned:
    """`learned(queues, [(before, after), ...])`: the lights after these changes have been worked out."""
    if request.param == "py_func":
        for name in ("learn", "no_lights", "sort_out", "waited_for", "told_apart"):
            monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)

    def lights(queues: Queues, changes: list[tuple[int, int]], settled_s: float = LONG_S) -> Lights:
        compiled = request.param == "compiled"
        found: Lights = (no_lights if compiled else no_lights.py_func)(4, queues)
        for before, after in changes:
            (learn if compiled else learn.py_func)(before, after, 4, found, SERVES, INTERGREEN_S, YIELDS_TO, queues, settled_s)
        return found

    return lights


def test_red_before_and_after_is_red_and_going_on_is_the_same_through_a_change(learned: Learned) -> None:
    found = learned(one_vehicle_of(0, 1), [(0, 0), (0, 1), (1, 1), (1, 3)])
    light = {change: found.light[4 * change[0] + change[1], :2].tolist() for change in [(0, 0), (0, 1), (1, 1), (1, 3)]}
    assert light[0, 0] == light[0, 1] == light[1, 1]
    assert light[0, 0][0] != RED == light[0, 0][1]
    assert light[1, 3][1] == RED != light[1, 3][0]  # who loses its green may be too close to stop


def test_a_green_after_another_intergreen_is_another_light(learned: Learned) -> None:
    found = learned(one_vehicle_of(1), [(0, 2), (3, 2), (1, 2)])
    assert found.light[0 * 4 + 2, 0] == found.light[3 * 4 + 2, 0] != found.light[1 * 4 + 2, 0]


def test_where_starting_up_outlasts_the_stretch_changes_of_other_lanes_are_told_apart(learned: Learned) -> None:
    changes = [(0, 0), (0, 3)]
    assert len(set(learned(one_vehicle_of(1), changes).light[[0, 3], 0])) == 1
    assert len(set(learned(one_vehicle_of(1), changes, settled_s=1.0).light[[0, 3], 0])) == 2


def test_lanes_are_tied_where_one_yields_to_another_that_is_served(learned: Learned) -> None:
    found = learned(one_vehicle_of(0, 2), [(0, 0), (0, 1), (0, 3)])
    assert found.tied[[0, 1, 3]].tolist() == [True, False, False]
    assert found.role[0, :2].tolist() == [IS_WAITED_FOR, YIELDS]
    assert not learned(one_vehicle_of(1, 2), [(0, 0)]).tied.any()  # whom it would wait for is not there


def test_who_stands_inside_yields_whatever_its_light(learned: Learned) -> None:
    found = learned(one_vehicle_of(0, 2, inside=(1,)), [(1, 1)])
    assert found.role[5, :2].tolist() == [IS_WAITED_FOR, YIELDS]

"""Claims about the states of lanes: each is met once, what makes no difference is no state of its own; compiled and not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from signals.kernels import lane_states as kernels
from signals.kernels.lane_states import LaneStates, forget, play_on, room_for, state_of, waiting_of, waiting_s, with_room
from signals.kernels.lights import LIGHTS
from signals.kernels.outlook import Tariff
from signals.kernels.queues import Queues

TARIFF = Tariff(1.0, 3.0, 8.0, 2.0, 10.0, 10.0, 3, 4)
QUEUES = Queues(
    np.array([0]), np.array([3]), np.array([2.0]), np.array([0.0]), np.array([0.0, 4.0, 25.0]), np.zeros(3, dtype=np.int64),
    np.array([True, False, False]), np.zeros(3, dtype=np.bool_), np.zeros(3, dtype=np.bool_), np.ones(3), np.ones(3),
)  # fmt: skip
WAITING = waiting_of(QUEUES, 3, TARIFF)
SERVES, INTERGREEN_S = np.array([[2], [0]]), np.array([[0.0, 3.0], [3.0, 0.0]])
Kernel = Callable[..., Any]


@pytest.fixture(params=["compiled", "py_func"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """`kernel(state_of)`: compiled, or plain with plain ones below it."""
    if request.param == "compiled":
        return lambda function: function
    for name in ("played_alone", "state_of", "waiting_s"):
        monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)
    return lambda function: function.py_func


def begun(kernel: Kernel) -> LaneStates:
    """Room in which the lane stands as it does now, state 0."""
    states: LaneStates = room_for(1, 3, 20)
    now = np.full(1, -1)
    kernel(forget)(now, states, WAITING, QUEUES, TARIFF)
    assert now.tolist() == [0]
    return states


def test_who_waits_costs_delay_leftovers_the_square_and_a_stop_unless_it_stood(kernel: Kernel) -> None:
    # At 10 s two have arrived, 10 s and 6 s ago; the first stood already.
    assert kernel(waiting_s)(0, 0, 0, WAITING, TARIFF) == pytest.approx(16.0 + 2 * 8.0 + 2.0 * 2**2 + 3.0)
    assert kernel(waiting_s)(0, 0, 1, WAITING, TARIFF) == pytest.approx(6.0 + 8.0 + 2.0 + 3.0)
    assert kernel(waiting_s)(0, 0, 2, WAITING, TARIFF) == kernel(waiting_s)(2, 0, 3, WAITING, TARIFF) == 0.0


def test_a_state_is_met_once_and_a_lane_that_is_ready_when_it_matters_is_ready(kernel: Kernel) -> None:
    states, find = begun(kernel), kernel(state_of)
    late = find(0, 0, 1, 12.0, states, WAITING, QUEUES, TARIFF)
    assert find(0, 0, 1, 12.0, states, WAITING, QUEUES, TARIFF) == late
    ready = find(0, 0, 1, 0.0, states, WAITING, QUEUES, TARIFF)
    assert ready != late
    assert find(0, 0, 1, 10.0, states, WAITING, QUEUES, TARIFF) == ready  # the epoch ends then
    assert find(1, 0, 1, 10.0, states, WAITING, QUEUES, TARIFF) != ready  # another epoch
    before_it_comes = find(0, 0, 2, 24.0, states, WAITING, QUEUES, TARIFF)
    assert find(0, 0, 2, 0.0, states, WAITING, QUEUES, TARIFF) == before_it_comes
    assert find(0, 0, 3, 99.0, states, WAITING, QUEUES, TARIFF) == find(0, 0, 3, 0.0, states, WAITING, QUEUES, TARIFF)


def test_playing_on_is_priced_and_remembered(kernel: Kernel) -> None:
    states = begun(kernel)
    price_s = kernel(play_on)(0, 0, 0, 1, 0, 0, states, SERVES, INTERGREEN_S, WAITING, QUEUES, TARIFF)
    assert price_s == states.price_s[0, 1] == pytest.approx(0.0)  # both pass on green as they come
    assert states.head[states.then[0, 1]] == 2
    red_s = kernel(play_on)(0, 0, 0, 2, 1, 1, states, SERVES, INTERGREEN_S, WAITING, QUEUES, TARIFF)
    assert red_s == states.price_s[0, 2] == pytest.approx(16.0 + 2 * 8.0 + 2.0 * 2**2 + 3.0)
    assert states.paid_s[0, 2] == 0.0
    assert states.head[states.then[0, 2]] == 0


def test_lights_that_are_not_told_apart_are_not_remembered(kernel: Kernel) -> None:
    states = begun(kernel)
    kernel(play_on)(0, 0, 0, LIGHTS - 1, 0, 0, states, SERVES, INTERGREEN_S, WAITING, QUEUES, TARIFF)
    assert np.isnan(states.price_s[0, LIGHTS - 1])


def test_more_room_keeps_what_is_known(kernel: Kernel) -> None:
    states = begun(kernel)
    kernel(play_on)(0, 0, 0, 1, 0, 0, states, SERVES, INTERGREEN_S, WAITING, QUEUES, TARIFF)
    wide = kernel(with_room)(states, 100)
    assert wide.head.size >= 102
    assert wide.used[0] == states.used[0] == 2
    assert wide.price_s[0, 1] == states.price_s[0, 1]
    assert kernel(state_of)(0, 0, 2, 0.0, wide, WAITING, QUEUES, TARIFF) == states.then[0, 1]

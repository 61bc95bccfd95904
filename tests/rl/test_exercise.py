"""Detectors and rewards of training episodes."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")

from citybrain.detected import detected
from rl import features
from rl.simulation import site
from rl.variety import Variety
from rl.workers import Answer, Course, Host, Order
from sumo_nets.scenario import Scenario

pytestmark = pytest.mark.sumo


@pytest.fixture
def course(small: Scenario) -> Course:
    return Course((site(replace(small, end_s=small.begin_s + 60.0)),))


@pytest.fixture
def host(course: Course) -> Iterator[Host]:
    one = Host(course)
    yield one
    one.close()


def _played(host: Host, order: Order, wanted: list[int]) -> list[Answer]:
    """The first answer of an episode, and one a decision."""
    host.start(order)
    answers = [host.answer(first=True)]
    for phase in wanted:
        host.decide(np.full(4, phase))
        answers.append(host.answer())
    return answers


def test_an_episode_sees_by_detectors_and_is_paid_for_what_really_happened(course: Course, host: Host) -> None:
    sensed = Host(replace(course, make_street=detected, variety=Variety(sensing=("area",), sensor_faults=1.0)))
    try:
        seen, ideal = (_played(one, Order(0, 0, 9), [0] * 5) for one in (sensed, host))
    finally:
        sensed.close()
    assert max(one.rows[..., features.SILENT].max() for one in seen) > 0.0
    assert max(one.rows[..., features.SILENT].max() for one in ideal) == 0.0
    # The same phases under the same seed: the same traffic, whatever was seen of it.
    np.testing.assert_allclose([one.gained for one in seen], [one.gained for one in ideal])


def test_a_reward_is_chosen_by_weights(course: Course, host: Host) -> None:
    own = _played(host, Order(0, 0, 9), [0] * 3)
    doubled = Host(replace(course, reward={"slowness": 2.0, "entering": 2.0}))
    try:
        twice = _played(doubled, Order(0, 0, 9), [0] * 3)
    finally:
        doubled.close()
    np.testing.assert_allclose([one.gained for one in twice], 2.0 * np.array([one.gained for one in own]))

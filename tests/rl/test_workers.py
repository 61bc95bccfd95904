"""Simulations in processes of their own: exact repetition, and errors that arrive as sentences."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl.simulation import site
from rl.workers import Answer, Course, Host, Order
from signals.errors import LinkError, ScenarioError
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


def test_an_episode_that_was_cut_off_goes_on_exactly_where_it_stood(course: Course, host: Host) -> None:
    wanted = [0, 0, 2, 2, 1, 1]
    whole = _played(host, Order(0, 0, 5), wanted)
    other = Host(course)
    try:
        again = _played(other, Order(0, 0, 5, played=tuple(np.full(4, phase) for phase in wanted[:3])), wanted[3:])
    finally:
        other.close()
    assert whole[-1].ended is not None
    assert again[-1].ended == whole[-1].ended
    for a, b in zip(again, whole[3:], strict=True):
        np.testing.assert_array_equal(a.rows, b.rows)


def test_a_second_episode_in_a_host_repeats_the_first(host: Host) -> None:
    first, second = (_played(host, Order(0, 0, 7), [0] * 6)[-1].ended for _ in range(2))
    assert first == second
    assert first is not None
    assert first.delay_s > 0.0


def test_a_site_that_cannot_be_run_is_the_error_it_would_be_here(course: Course) -> None:
    where = course.sites[0]
    broken = Host(
        replace(course, sites=(replace(where, scenario=replace(where.scenario, routes=(where.scenario.net.with_name("none.rou.xml"),))),))
    )
    try:
        broken.start(Order(0, 0, 1))
        with pytest.raises((ScenarioError, LinkError)):
            broken.answer(first=True)
    finally:
        broken.close()


def test_a_host_that_was_killed_is_a_link_error(host: Host) -> None:
    host.start(Order(0, 0, 1))
    host.answer(first=True)
    host.close()
    with pytest.raises(LinkError, match="died"):
        host.decide(np.zeros(4, dtype=np.int64))

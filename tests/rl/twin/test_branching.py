"""Branches of a twin's run: they live on as the trunk would, leave it alone, and account for the seconds lost."""

import numpy as np
import pytest

from rl.choice import Choice
from rl.observation import Eyes
from rl.scorer import untrained
from rl.twin.branching import NOBODY, Branching, lost_since_s, signals_ahead, waiting_veh
from rl.twin.twin import Twin
from signals.types import Floats, FlowForecast


@pytest.fixture(scope="module")
def choice(twin: Twin) -> Choice:
    """The lookahead's."""
    return Choice(twin.site.network, untrained())


def begun(twin: Twin, until_s: float, choice: Choice, demand: float = 1.0) -> Branching:
    """A run under the lookahead, some time after its beginning."""
    run = Branching(twin, Eyes(twin.site.network, twin.site.limits), 101, signals_ahead(twin), demand)
    while run.now_s < twin.begin_s + until_s:
        run.decide(choice.wanted(run.rows(), run.observed()))
        run.lost_s()
    return run


def lived(run: Branching, choice: Choice, decisions: int) -> Floats:
    """Seconds lost on the way [decision, signal]."""
    lost_s = []
    for _ in range(decisions):
        run.decide(choice.wanted(run.rows(), run.observed()))
        lost_s.append(run.lost_s())
    return np.array(lost_s)


def test_a_branch_goes_the_way_that_the_trunk_then_goes(twin: Twin, choice: Choice) -> None:
    trunk = begun(twin, 200.0, choice)
    told_s = lived(trunk.branch(), choice, 9)
    np.testing.assert_array_equal(lived(trunk, choice, 9), told_s)
    assert told_s.sum() > 0.0


def test_a_branch_leaves_the_trunk_where_it_stands(twin: Twin, choice: Choice) -> None:
    trunk, alike = begun(twin, 200.0, choice), begun(twin, 200.0, choice)
    rows, delay_s = trunk.rows().copy(), trunk.delay_s_per_veh()
    branch = trunk.branch()
    for _ in range(5):
        branch.decide(np.zeros(4, dtype=np.int64))
        branch.lost_s()
    assert trunk.now_s == twin.begin_s + 200.0
    np.testing.assert_array_equal(trunk.rows(), rows)
    assert trunk.delay_s_per_veh() == delay_s
    np.testing.assert_array_equal(lived(trunk, choice, 5), lived(alike, choice, 5))


def test_standing_still_loses_more_than_the_lookahead(twin: Twin, choice: Choice) -> None:
    trunk = begun(twin, 200.0, choice)
    idle, lost_s = trunk.branch(), 0.0
    for _ in range(9):
        idle.decide(idle.observed().phase)
        lost_s += idle.lost_s().sum()
    assert lost_s > 1.5 * lived(trunk.branch(), choice, 9).sum()


def test_a_second_look_at_the_same_moment_finds_nothing_more_lost_inside(twin: Twin, choice: Choice) -> None:
    run = begun(twin, 200.0, choice)
    assert run.lost_s().sum() == 0.0


def test_lanes_lie_ahead_of_the_signal_whose_approach_they_are_on(twin: Twin) -> None:
    ahead = signals_ahead(twin)
    at_the_line = twin.streets.stop_lane >= 0
    signal = np.searchsorted(twin.layout.lane_start, twin.streets.stop_lane[at_the_line], side="right") - 1
    np.testing.assert_array_equal(ahead[at_the_line], signal)
    assert (ahead >= NOBODY).all() and ahead.max() == 3


@pytest.mark.parametrize("kernel", [lost_since_s, lost_since_s.py_func], ids=["compiled", "python"])
def test_who_waits_loses_every_second_and_nobody_twice(twin: Twin, kernel: object) -> None:
    run = twin.run(101)
    closed = np.zeros((120, twin.layout.movements), dtype=np.int64)
    run.advance(closed)
    before_s, ahead = np.zeros(run.trips.due_s.size), signals_ahead(twin)
    first_s = kernel(run.now_s, twin.streets, run.trips, run.traffic, ahead, 4, before_s)  # type: ignore[operator]
    assert first_s.sum() > 0.0
    again_s = kernel(run.now_s, twin.streets, run.trips, run.traffic, ahead, 4, before_s)  # type: ignore[operator]
    assert again_s.sum() == 0.0
    standing = int(run.traffic.number[ahead >= 0].sum())
    later_s = kernel(run.now_s + 1000.0, twin.streets, run.trips, run.traffic, ahead, 4, before_s)  # type: ignore[operator]
    assert 0.9 * 1000.0 * standing < later_s.sum() <= 1000.0 * standing + 1e-6


@pytest.mark.parametrize("kernel", [waiting_veh, waiting_veh.py_func], ids=["compiled", "python"])
def test_who_is_due_and_not_let_in_waits_at_the_signal_ahead_of_the_entry(twin: Twin, kernel: object) -> None:
    run = twin.run(101)
    run.now_s = 300.0  # nobody was let in
    signal = np.arange(len(twin.entries)) % 3 - 1
    found_veh = kernel(run.now_s, run.trips, run.traffic, signal, 2)  # type: ignore[operator]
    expected_veh = np.bincount(signal[signal >= 0], weights=run.waiting_veh()[signal >= 0], minlength=2)
    np.testing.assert_array_equal(found_veh, expected_veh)
    assert found_veh.sum() > 0.0


class Counting:
    """Notes when it was asked."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        """Nothing is known."""
        self.asked_s.append(now_s)
        return None


def test_the_trunk_asks_its_forecaster_once_a_decision_and_branches_never(twin: Twin, choice: Choice) -> None:
    asked = Counting()
    run = Branching(twin, Eyes(twin.site.network, twin.site.limits), 101, signals_ahead(twin), forecaster=asked)
    for _ in range(3):
        run.rows()
        lived(run.branch(), choice, 2)
        run.decide(run.observed().phase)
    assert asked.asked_s == [twin.begin_s + k * twin.site.decision_s for k in range(3)]

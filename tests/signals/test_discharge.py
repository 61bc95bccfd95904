"""Claims about discharge, worked by hand: start-up, headways, intergreens, gaps; compiled and not."""

from collections.abc import Callable

import numpy as np
import pytest

from signals.kernels import discharge as kernels
from signals.kernels.discharge import SECOND_S, cannot_stop, play, played_alone
from signals.kernels.queues import Queues
from signals.types import Floats, Ints

SERVES = np.array([[2, 0, 1], [0, 2, 0]])  # [phase, movement]: 0 goes and 2 yields to it, then 1
INTERGREEN_S = np.array([[0.0, 3.0], [3.0, 0.0]])
YIELDS_TO = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]])
STARTUP_S, STOP_S = 1.0, 3.0
Result = tuple[Ints, Floats, Floats, Floats]
Played = Callable[..., Result]


def queues_of(*lanes: tuple[int, list[float]], inside: bool = False) -> Queues:
    """A movement and its arrival times [s] for each lane; 2 s from one vehicle to the next."""
    sizes = np.array([len(times) for _, times in lanes])
    end = np.cumsum(sizes)
    n = int(end[-1])
    arrival_s, movement = np.array([t for _, times in lanes for t in times]), np.repeat([m for m, _ in lanes], sizes)
    no = np.zeros(n, dtype=np.bool_)
    return Queues(
        end - sizes, end, np.full(sizes.size, 2.0), np.zeros(sizes.size), arrival_s, movement, no, no, no | inside, np.ones(n), np.ones(n)
    )


@pytest.fixture(params=["compiled", "py_func"])
def played(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Played:
    """`played(before, after, queues)` for ten seconds: next vehicles, from when, cost [lane]; departures [vehicle], NaN where none."""
    function = play if request.param == "compiled" else play.py_func
    if request.param == "py_func":
        for name in ("gap", "starting", "cannot_stop"):
            monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)

    def result(before: int, after: int, queues: Queues) -> Result:
        lanes = queues.start.size
        head, ready_s, paid_s = queues.start.copy(), queues.ready_s.copy(), np.zeros(lanes)
        gone_at_s = np.full(queues.arrival_s.size, np.nan)
        function(
            before, after, 0.0, 10.0, SERVES, INTERGREEN_S, YIELDS_TO, queues, STARTUP_S, STOP_S, np.arange(lanes), head, ready_s,
            paid_s, np.zeros(lanes, dtype=np.int64), gone_at_s,
        )  # fmt: skip
        return head, ready_s, paid_s, gone_at_s

    return result


def test_a_queue_leaves_after_intergreen_and_start_up_at_its_headway(played: Played) -> None:
    head, ready_s, paid_s, gone_at_s = played(0, 1, queues_of((1, [0.0, 1.0, 2.0, 3.0])))
    assert gone_at_s[:3] == pytest.approx([4.0, 6.0 + SECOND_S, 8.0 + SECOND_S])  # 3 s of intergreen, 1 s to start up
    assert np.isnan(gone_at_s[3])  # due when the stretch is over
    assert (head[0], ready_s[0]) == (3, pytest.approx(10.0 + SECOND_S))
    assert paid_s[0] == pytest.approx(4.0 + 5.0 + 6.0 + 2 * SECOND_S + 3 * STOP_S)


def test_a_standing_queue_passes_the_line_as_queues_in_the_simulator_do(played: Played) -> None:
    # Seconds after green, by place: mean of 500 starts in cologne1 and grid4x4, in whole seconds; a mean is half a second early.
    starts_s = played(0, 1, queues_of((1, [0.0, 1.0, 2.0, 3.0]))._replace(headway_s=np.array([1.84])))[3][:3] - 3.0
    assert np.abs(starts_s - np.array([1.0, 4.0, 6.1])).max() < 0.6


def test_who_loses_green_stands_and_who_keeps_it_goes_on_through_the_change(played: Played) -> None:
    assert np.isnan(played(0, 1, queues_of((0, [0.0])))[3]).all()
    assert played(0, 0, queues_of((0, [0.0, 5.5])))[3].tolist() == [0.0, 5.5]


def test_who_comes_too_close_to_stop_drives_on_when_the_light_turns_yellow(played: Played) -> None:
    coming = queues_of((0, [0.5, 1.2]))
    assert np.isnan(played(0, 1, coming)[3]).all()
    gone_at_s = played(0, 1, coming._replace(passing=np.array([True, False])))[3]
    assert gone_at_s[0] == 0.5
    assert np.isnan(gone_at_s[1])
    assert np.isnan(played(1, 1, coming._replace(passing=np.array([True, True])))[3]).all()  # red is red


@pytest.mark.parametrize(("arrival_s", "leaves_s", "standing", "drives_on"), [
    (20.4, 20.4, False, True), (21.2, 21.2, False, False), (20.2, 20.9, False, False), (20.4, 20.4, True, False),
    (19.5, 20.0, False, False),
])  # fmt: skip
def test_at_a_later_change_only_who_comes_rolling_and_is_at_the_line_within_a_second_drives_on(
    arrival_s: float, leaves_s: float, standing: bool, drives_on: bool
) -> None:
    queues = queues_of((0, [arrival_s]))._replace(standing=np.array([standing]))
    for function in (cannot_stop, cannot_stop.py_func):
        assert function(0, leaves_s, 20.0, queues) == drives_on


def test_who_starts_from_standstill_needs_a_longer_gap_than_who_comes_rolling(played: Played) -> None:
    queues = queues_of((0, [4.5]), (2, [0.2]))  # 4.3 s until the other stream comes
    assert played(0, 0, queues)[3][1] == pytest.approx(0.2)
    assert played(0, 0, queues._replace(standing=np.array([False, True])))[3][1] >= 4.0


def test_who_yields_takes_the_second_in_which_there_is_a_gap(played: Played) -> None:
    # The other stream passes at 0, 2, and 4.5 s; three seconds must be free. Played by seconds, what leaves in the same one has left.
    head, _, _, gone_at_s = played(0, 0, queues_of((0, [0.0, 2.0, 4.5]), (2, [0.0])))
    assert gone_at_s.tolist() == [0.0, 2.0, 4.5, 4.0]
    assert head.tolist() == [3, 4]
    assert played(0, 0, queues_of((2, [0.0]), (0, [0.0, 2.0, 4.5])))[3].tolist() == [5.0, 0.0, 2.0, 4.5]  # its lane comes first


def test_who_stands_inside_needs_no_green(played: Played) -> None:
    assert played(1, 1, queues_of((2, [0.0]), inside=True))[3].tolist() == [0.0]
    assert np.isnan(played(1, 1, queues_of((2, [0.0])))[3]).all()


@pytest.mark.parametrize("function", [played_alone, played_alone.py_func], ids=["compiled", "py_func"])
def test_a_lane_played_alone_does_as_it_does_among_others_when_nobody_yields(
    function: Callable[..., tuple[int, float, float]], played: Played
) -> None:
    rng = np.random.default_rng(107)
    for _ in range(40):
        lanes = [(m, np.sort(rng.uniform(0.0, 12.0, rng.integers(1, 5))).tolist()) for m in (0, 1)]
        queues = queues_of(*lanes, inside=bool(rng.integers(2)))._replace(ready_s=rng.uniform(0.0, 5.0, 2))
        before, after = rng.integers(0, 2, 2).tolist()
        head, ready_s, paid_s, _ = played(before, after, queues)
        for k in range(2):
            alone = function(
                k, queues.start[k], queues.ready_s[k], before, after, 0.0, 10.0, SERVES, INTERGREEN_S, queues, STARTUP_S, STOP_S
            )
            assert alone == pytest.approx((head[k], ready_s[k], paid_s[k]))

"""What sensors see of the twin: standing queues stacked from the line, and the full exits behind them."""

import numpy as np
import pytest

from rl.twin import view
from rl.twin.lights import CLOSED, PROTECTED
from rl.twin.twin import Run, Twin
from rl.twin.view import Sight


@pytest.fixture(scope="module")
def standing(twin: Twin) -> Run:
    """Everybody has queued before red for five minutes."""
    run = twin.run(101)
    run.advance(np.full((300, twin.layout.movements), CLOSED, dtype=np.int64))
    return run


def seen(run: Run) -> Sight:
    """What is seen of it now."""
    twin = run.twin
    found: Sight = view.look(run.now_s, twin.streets, run.trips, run.traffic, twin.exit_start, twin.exit_lane)
    return found


def test_a_standing_queue_is_stacked_up_from_the_line(standing: Run) -> None:
    sight = seen(standing)
    lane = int(np.bincount(sight.lane).argmax())
    stands = (sight.lane == lane) & (sight.speed_mps == 0.0)
    distance_m = sight.distance_m[stands]
    assert distance_m.size > 3
    assert distance_m[0] < 1.0
    spaces_m = np.diff(distance_m[:4])  # further up two lanes lead to this one
    assert ((spaces_m >= 6.0) & (spaces_m < 20.0)).all()


def test_the_longest_wait_is_that_of_the_red_at_most(standing: Run) -> None:
    sight = seen(standing)
    assert sight.wait_s.max() > 60.0
    assert sight.wait_s.max() <= standing.now_s
    assert (sight.wait_s[sight.queue_veh == 0.0] == 0.0).all()


def test_a_queue_that_has_green_starts_to_move_from_its_head(twin: Twin) -> None:
    run = twin.run(101)
    run.advance(np.full((300, twin.layout.movements), CLOSED, dtype=np.int64))
    before = seen(run).queue_veh.sum()
    run.advance(np.full((6, twin.layout.movements), PROTECTED, dtype=np.int64))
    assert 0.0 < seen(run).queue_veh.sum() < before


def test_who_stands_behind_a_signal_fills_its_exits(twin: Twin) -> None:
    run = twin.run(101)
    lights = np.full((300, twin.layout.movements), CLOSED, dtype=np.int64)
    first = slice(*twin.layout.movement_start[:2])
    lights[:, first] = PROTECTED
    run.advance(lights)
    exit_veh = seen(run).exit_veh
    assert exit_veh[first].sum() > 0.0
    free = twin.run(101)
    free.advance(np.full((300, twin.layout.movements), PROTECTED, dtype=np.int64))
    assert seen(free).exit_veh[first].sum() < exit_veh[first].sum()

"""How the twin's traffic moves: against kinematics, and against what was measured of queues in SUMO."""

import numpy as np
import pytest

from rl.twin import flow
from rl.twin.lights import CLOSED, PROTECTED
from rl.twin.twin import Twin
from signals.types import Floats

SUMO_PASSES_S = (0.5, 3.7, 6.3, 8.5, 10.7)
"""After green, from the first to the fifth of a standing queue of cars of 5 m, a lane straight on: grid4x4 and arterial_5, seed 101."""


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("way_m", "from_mps", "limit_mps", "accel_mps2", "expected_s"),
    [
        (100.0, 10.0, 10.0, 2.0, 10.0),
        (25.0, 0.0, 20.0, 2.0, 5.0),  # s = a t^2 / 2
        (100.0, 0.0, 10.0, 2.0, 5.0 + 75.0 / 10.0),
        (0.0, 3.0, 10.0, 2.0, 0.0),
    ],
)
def test_the_time_for_a_way_is_that_of_constant_acceleration(
    way_m: float, from_mps: float, limit_mps: float, accel_mps2: float, expected_s: float, compiled: bool
) -> None:
    function = flow.rolling_s if compiled else flow.rolling_s.py_func
    assert function(way_m, from_mps, limit_mps, accel_mps2) == pytest.approx(expected_s)


def queue_passes_s(twin: Twin) -> Floats:
    """When those who queued at some lane, straight on, pass its line after green [vehicle], counted from green."""
    run = twin.run(101)
    closed = np.full((400, twin.layout.movements), CLOSED, dtype=np.int64)
    run.advance(closed)
    streets, traffic = twin.streets, run.traffic
    lane = int(np.argmax(np.where(streets.stop_lane >= 0, traffic.number, 0)))
    green_s, passes = run.now_s, []
    for _ in range(20):
        before_s = float(traffic.left_s[lane])
        run.advance(np.full((1, twin.layout.movements), PROTECTED, dtype=np.int64))
        if traffic.left_s[lane] != before_s:
            passes.append(float(traffic.left_s[lane]) - green_s)
    return np.array(passes)


def test_a_queue_discharges_as_it_does_in_sumo(twin: Twin) -> None:
    passes_s = queue_passes_s(twin)
    assert passes_s.size >= len(SUMO_PASSES_S)
    assert np.abs(passes_s[: len(SUMO_PASSES_S)] - SUMO_PASSES_S).max() < 1.2


def test_a_second_in_python_is_the_second_that_is_compiled(twin: Twin) -> None:
    lights = np.full((200, twin.layout.movements), PROTECTED, dtype=np.int64)
    runs = [twin.run(101) for _ in range(2)]
    for run, function in zip(runs, (flow.advance, flow.advance.py_func), strict=True):
        function(0.0, lights.shape[0], lights, twin.streets, run.trips, run.traffic, twin.driving)
    for compiled, plain in zip(runs[0].traffic, runs[1].traffic, strict=True):
        np.testing.assert_allclose(compiled, plain)

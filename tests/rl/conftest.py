"""Two signals by hand, a crossroads with two phases and a fork with three, and observations of them; short SUMO scenarios."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from signals.layout import lay_out
from signals.rules import RULES, envelope
from signals.types import (
    Floats,
    FlowForecast,
    Intersection,
    Lane,
    Movement,
    Network,
    Observation,
    Phase,
    SafetyEnvelope,
    Stage,
    TimingPlan,
    Turn,
)
from sumo_nets.scenario import Scenario, scenario

LIGHTS = {"cross": ("Grg", "rGr"), "fork": ("Grr", "rGr", "grG")}
Sees = Callable[..., Observation]


def _signal(name: str, lights: tuple[str, ...]) -> Intersection:
    n, p = len(lights[0]), len(lights)
    lanes = tuple(Lane(f"{name}_in_{k}", 200.0, 14.0, (f"{name}_far_{k}",), 250.0, 30.0) for k in range(n))
    movements = tuple(
        Movement(f"{name}_{k}", f"arm {k}", Turn.THROUGH, (lanes[k].id,), (f"{name}_out_{k}",), 1800.0, 14.0, 15.0, 20.0) for k in range(n)
    )
    conflicts = np.zeros((n, n), dtype=np.bool_)
    conflicts[0, 1] = conflicts[1, 0] = True
    changes = 1.0 - np.eye(p)
    stages = tuple(Stage(k, 30.0) for k in range(p))
    return Intersection(
        id=name,
        x_m=0.0,
        y_m=0.0,
        lanes=lanes,
        movements=movements,
        phases=tuple(Phase(f"{name} {k}", light) for k, light in enumerate(lights)),
        uses=np.eye(n, dtype=np.bool_),
        serves=np.array([["rgG".index(x) for x in light] for light in lights], dtype=np.int64),
        conflicts=conflicts,
        yields_to=np.zeros((n, n), dtype=np.bool_),
        yellow_s=3.0 * changes,
        all_red_s=0.0 * changes,
        base=TimingPlan(name, stages, 0.0, float("inf"), True, 33.0 * p, 0.0),
    )


@pytest.fixture(scope="session")
def network() -> Network:
    """`cross` and `fork`: six movements, six lanes, and at most three phases."""
    return Network("toy", tuple(_signal(name, lights) for name, lights in LIGHTS.items()))


@pytest.fixture(scope="session")
def limits(network: Network) -> tuple[SafetyEnvelope, ...]:
    """RESCO's rules: a decision every 10 s, minimum green 7 s."""
    return tuple(envelope(s, RULES["resco"]) for s in network.signals)


@pytest.fixture(scope="session")
def sees(network: Network) -> Sees:
    """Makes an observation: vehicles are (movement, distance, speed); further fields by name."""
    lay = lay_out(network)

    def make(vehicles: tuple[tuple[int, float, float], ...] = (), **fields: object) -> Observation:
        table = np.array(sorted((m, d, v) for m, d, v in vehicles)).reshape(-1, 3)
        queue = np.bincount(table[table[:, 2] < 2.0, 0].astype(int), minlength=lay.movements).astype(float)
        none = np.zeros(lay.movements)
        quiet = Observation(
            now_s=100.0,
            phase=np.zeros(2, dtype=np.int64),
            age_s=np.full(2, 20.0),
            queue_veh=queue,
            counts_veh=none,
            wait_s=none,
            red_s=none,
            exit_veh=none,
            vehicle_lane=table[:, 0].astype(np.int64),
            vehicle_movement=table[:, 0].astype(np.int64),
            vehicle_distance_m=np.ascontiguousarray(table[:, 1]),
            vehicle_speed_mps=np.ascontiguousarray(table[:, 2]),
        )
        return replace(quiet, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def flows() -> Callable[[Floats], FlowForecast]:
    """Makes a forecast of one bin from flows [movement]."""

    def make(flow_veh_h: Floats) -> FlowForecast:
        one = flow_veh_h[None, :]
        return FlowForecast(100.0, 100.0, 900.0, one, one, one, ("recent",) * one.shape[1])

    return make


@pytest.fixture(scope="session")
def small() -> Scenario:
    """Our 2 x 2 grid, two minutes of it."""
    one = scenario("grid_2x2")
    return replace(one, end_s=one.begin_s + 120.0)


@pytest.fixture(scope="session")
def street() -> Scenario:
    """Our arterial of five signals, two minutes of it."""
    one = scenario("arterial_5")
    return replace(one, end_s=one.begin_s + 120.0)

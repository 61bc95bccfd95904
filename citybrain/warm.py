"""Loads every kernel once, so that no first tick is slow: all planners propose for a small network of our own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from citybrain import assemble
from citybrain.planning import standing
from signals.rules import RULES, envelope
from signals.safety import adopt, approach, vet
from signals.types import FlowForecast, Network, Observation
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

NET = "grid_2x2"


def warm_up() -> None:
    """One tick without a street for every planner that ships; about a second where the compiled kernels are cached."""
    rules = RULES["resco"]
    network = read_network(scenario(NET).net, rules)
    limits = tuple(envelope(s, rules) for s in network.signals)
    observed, forecast, running = one_vehicle(network), even_flow(network), adopt(network, 0.0)
    for one in assemble.CONTROLLERS.values():
        if one.make is not None:
            wish = assemble.planner(one.name, network, limits).propose(network, observed, forecast, running)
            vet(approach(wish, running, limits), running, observed, network, limits)


def one_vehicle(network: Network) -> Observation:
    """A single vehicle on its way to the first movement with a lane."""
    movement = next(m for m, x in enumerate(network.signals[0].movements) if x.lanes)
    lane = int(np.flatnonzero(network.signals[0].uses[:, movement])[0])
    return replace(
        standing(network),
        vehicle_lane=np.array([lane], dtype=np.int64),
        vehicle_movement=np.array([movement], dtype=np.int64),
        vehicle_distance_m=np.array([100.0]),
        vehicle_speed_mps=np.array([10.0]),
    )


def even_flow(network: Network) -> FlowForecast:
    """100 veh/h on every movement."""
    names = sum(len(s.movements) for s in network.signals)
    flow_veh_h = np.full((1, names), 100.0)
    return FlowForecast(0.0, 0.0, 900.0, flow_veh_h, flow_veh_h * 0.8, flow_veh_h * 1.2, ("profile",) * names)

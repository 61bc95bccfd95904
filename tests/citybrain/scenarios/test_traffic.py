"""The traffic scenario names the movements that its history must have."""

import numpy as np
import pytest

from citybrain.forecasts import movement_names
from citybrain.scenarios.traffic import Traffic
from forecasting.history import FlowHistory
from signals.errors import ConfigError
from signals.rules import RULES
from signals.types import ApprovedPlan, Observation
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario


class Deaf:
    """A link that is never used."""

    def observe(self, now_s: float) -> Observation:
        """Never asked."""
        raise AssertionError

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Never asked."""
        raise AssertionError

    def release(self) -> None:
        """Never asked."""


def test_a_model_is_trained_on_the_network_s_own_movements() -> None:
    network = read_network(scenario("grid_2x2").net, RULES["resco"])
    traffic = Traffic(network, link=Deaf(), rules="resco", controller="max_pressure", model="profile")
    names = movement_names(network)
    counts = np.random.default_rng(2).poisson(9.0, (96 * 8, len(names))).astype(np.float64)
    start = np.datetime64("2024-01-01", "s")
    card = traffic.train(FlowHistory(start, 900.0, names, counts))
    assert (card.model, card.detectors, card.bins) == ("profile", len(names), 96 * 8)
    with pytest.raises(ConfigError, match="expected the network's"):
        traffic.train(FlowHistory(start, 900.0, names[:-1], counts[:, :-1]))

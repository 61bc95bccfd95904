"""Seconds lost, by the signal ahead, beside what SUMO itself adds up."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl.choice import Choice
from rl.observation import Eyes
from rl.scorer import untrained
from rl.simulation import NoForecast, Simulation, site
from rl.time_loss import TimeLoss
from sumo_nets.fork import in_fork
from sumo_nets.scenario import Scenario
from sumo_nets.session import RunFiles

pytestmark = pytest.mark.sumo


def test_what_is_lost_on_approaches_and_outside_is_most_and_not_more_than_all_that_is_lost(small: Scenario, tmp_path: Path) -> None:
    trips = tmp_path / "trips.xml"

    def lost() -> bytes:
        where = site(replace(small, end_s=small.begin_s + 300.0))
        simulation = Simulation(where, Eyes(where.network, where.limits), 3, NoForecast(), RunFiles(trips))
        choice, losses = Choice(where.network, untrained()), TimeLoss(simulation.sumo, where.network)
        total_s = np.zeros(len(where.network.signals))
        while not simulation.over:
            simulation.decide(choice.wanted(simulation.rows(), simulation.observed()))
            total_s += losses.since_last(simulation)
        simulation.close()
        return total_s.tobytes()

    lost_s = np.frombuffer(in_fork(lost, "a short run"))
    all_s = sum(float(t.get("timeLoss", 0)) + float(t.get("departDelay", 0)) for t in ET.parse(trips).getroot().iter("tripinfo"))
    assert (lost_s > 0.0).all()
    assert 0.6 * all_s < lost_s.sum() <= all_s * 1.02

"""Claims about the sensors of an episode: chosen by name, silenced by the seed, named in the result."""

from dataclasses import replace

import pytest

from citybrain.detected import check_sensing, detected
from citybrain.episode import EpisodeSpec
from citybrain.worker import Worker
from signals.errors import ConfigError
from signals.rules import RULES
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario


@pytest.mark.parametrize(
    ("kind", "faults", "words"),
    [("lops", 0.0, "loops"), ("area", 1.5, "from 0 to 1"), ("area", float("nan"), "from 0 to 1"), ("ideal", 0.3, "area or loops")],
)
def test_a_wrong_sensing_is_refused_in_one_sentence(kind: str, faults: float, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_sensing(kind, faults)


def test_ideal_sensing_has_no_detectors_and_silent_ones_are_the_seeds() -> None:
    one = scenario("grid_2x2")
    network = read_network(one.net, RULES["resco"])
    assert detected("ideal", 0.0, 1, network, one.net) is None
    silenced = []
    for seed in (1, 1, 2):
        found = detected("loops", 0.3, seed, network, one.net)
        if found is not None:
            assert found.silent.mean() == pytest.approx(0.3, abs=0.02)
            silenced.append(found.silent.tolist())
    assert silenced[0] == silenced[1] != silenced[2]


@pytest.mark.sumo
@pytest.mark.parametrize("controller", ["rolling_horizon", "max_pressure", "webster", "learned"])
def test_every_planner_runs_with_real_sensors_some_of_them_silent(controller: str) -> None:
    spec = EpisodeSpec("grid_2x2", controller, 101, end_s=25700.0, forecast="last", sensing="loops", sensor_faults=0.3)
    with Worker() as worker:
        results = [worker.run(one) for one in (spec, replace(spec, sensing="area"))]
    for result, kind in zip(results, ("loops", "area"), strict=True):
        assert (result["sensing"], result["sensor_faults"]) == (kind, 0.3)
        assert result["safety_violations"] == 0
        assert 5.0 < result["delay_s_per_veh"] < 60.0

"""Faults are drawn as said, found by the judge in what a street wrote down, and told with the traffic that they hid."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import sensor_faults
from benchmarks.sensor_faults import CASES, SEEDS, WITHIN_MINUTES, Written, drawn, false_alarms, findings, row
from citybrain.intake.catalogue import CODE, Catalogue, Kind
from signals.rules import RULES
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

BASELINE = Path(sensor_faults.__file__).parent / "baselines" / "sensor_faults.json"
MINUTES = 170


@pytest.fixture(scope="module")
def written() -> Written:
    """Half a minute's queue of two before every movement each minute, which then passes."""
    network = read_network(scenario("grid_2x2").net, RULES["resco"])
    catalogue = Catalogue.of(network)
    value = np.zeros((60 * MINUTES, len(catalogue)), np.float32)
    second = np.arange(60 * MINUTES)[:, None]
    rng = np.random.default_rng(1)
    comes = np.repeat(rng.random((MINUTES, catalogue.movements)) < 0.4, 60, axis=0)[:, catalogue.link_movement]
    stands = comes & (second % 60 < 30)
    passes = comes & np.isin(second % 60, (31, 33))
    for kind, shown in ((Kind.COUNT, passes), (Kind.QUEUE, 2.0 * stands), (Kind.WAIT, (second % 60 + 1) * stands)):
        own = catalogue.kind == CODE[kind]
        value[:, own] = shown[:, own]
    return Written(network, catalogue, 3600.0, value)


@pytest.mark.parametrize(("name", "kind", "how"), CASES)
def test_every_case_sticks_sensors_of_its_kind_at_its_value(written: Written, name: str, kind: Kind, how: str) -> None:
    stuck, own = drawn(written, kind, how, np.random.default_rng(3))
    assert (written.catalogue.kind[own] == CODE[kind]).all() and set(own) <= set(stuck.sensor)
    assert (stuck.value > 0.0).all() == (how in ("one", "some")) and (stuck.from_s == 0) == (how == "ever")
    assert len(stuck.sensor) == len(own) * (3 if how == "all" else 1)


def test_a_street_in_order_raises_no_alarm(written: Written) -> None:
    alarms, sensor_days = false_alarms(written)
    assert alarms == 0 and sensor_days == pytest.approx(len(written.catalogue) * (MINUTES - 1) / 1440.0, rel=0.02)


def test_a_stuck_count_is_found_with_the_vehicles_that_it_did_not_count(written: Written) -> None:
    found = list(findings(written, Kind.COUNT, "zero", np.random.default_rng(5)))
    assert found and all(20.0 < flow < 80.0 and 3.0 < minutes < 60.0 and 4.0 <= veh < 80.0 for flow, minutes, veh in found)


def test_recall_is_a_share_that_rises_and_what_was_never_found_counts() -> None:
    one = row("count at zero", "quiet", [(4.0, 2.0), (40.0, 8.0), (np.inf, 90.0), (np.inf, 80.0)])
    recall = list(one["recall_within_minutes"].values())
    assert recall == sorted(recall) and recall[0] == 0.0 and recall[-1] == 0.5 and one["passed_veh_when_found"] == 5.0


def test_the_committed_result_is_of_other_seeds_than_the_thresholds_and_keeps_the_bound() -> None:
    kept = json.loads(BASELINE.read_text(encoding="utf-8"))
    assert kept["seeds"] == list(SEEDS) and not {1, 2, 3, 4} & set(kept["seeds"]) and "git_commit" in kept["provenance"]
    assert kept["false_alarms_per_sensor_day"] <= 2 * 1440 * 1e-6
    assert {one["fault"] for one in kept["rows"]} == {name for name, _, _ in CASES}
    assert all(set(one["recall_within_minutes"]) == {str(t) for t in WITHIN_MINUTES} for one in kept["rows"])

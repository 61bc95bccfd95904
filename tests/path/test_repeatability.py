"""Claims about repeating a run: scenario, controller and seed decide everything, whatever ran before and wherever."""

import gzip
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from citybrain.episode import EpisodeSpec
from citybrain.worker import Worker
from sumo_nets.scenario import scenario

pytestmark = pytest.mark.sumo
SEED = 109
LENGTH_S = 300.0


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as one:
        yield one


def tripinfo_of(worker: Worker, spec: EpisodeSpec, out: Path) -> str:
    """The file without its header comment, which holds the date and the machine's paths."""
    worker.run(replace(spec, tripinfo=str(out)))
    return out.read_text(encoding="utf-8").partition("-->")[2]


def spec_of(controller: str, seed: int = SEED) -> EpisodeSpec:
    one = scenario("arterial_5")
    return EpisodeSpec(one.name, controller, seed, end_s=one.begin_s + LENGTH_S, forecast="none")


@pytest.mark.parametrize("controller", ["fixed", "rolling_horizon"])
def test_the_same_run_again_is_the_same_after_other_runs_and_in_another_process(worker: Worker, tmp_path: Path, controller: str) -> None:
    first = tripinfo_of(worker, spec_of(controller), tmp_path / "first.xml")
    other = tripinfo_of(worker, spec_of("max_pressure", SEED + 1), tmp_path / "other.xml")
    second = tripinfo_of(worker, spec_of(controller), tmp_path / "second.xml")
    with Worker() as fresh:
        third = tripinfo_of(fresh, spec_of(controller), tmp_path / "third.xml")
    assert first.count("<tripinfo ") > 50
    assert first == second == third
    assert first != other


def test_another_seed_is_another_run(worker: Worker, tmp_path: Path) -> None:
    first = tripinfo_of(worker, spec_of("fixed"), tmp_path / "first.xml")
    assert first != tripinfo_of(worker, spec_of("fixed", SEED + 1), tmp_path / "second.xml")


def test_the_fixed_program_is_what_the_sumo_binary_runs_by_itself(worker: Worker, tmp_path: Path) -> None:
    import sumolib

    one = scenario("arterial_5")
    routes = tmp_path / "routes.rou.xml"
    routes.write_bytes(gzip.decompress(one.routes[0].read_bytes()))
    words = ["-n", str(one.net), "-r", str(routes), "-b", f"{one.begin_s:g}", "-e", f"{one.begin_s + LENGTH_S:g}"]
    words += ["--seed", str(SEED), "--time-to-teleport", "-1", "--tripinfo-output", str(tmp_path / "sumo.xml")]
    words += ["--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted", "--no-step-log"]
    subprocess.run([sumolib.checkBinary("sumo"), *words], check=True, capture_output=True)
    ours = tripinfo_of(worker, spec_of("fixed"), tmp_path / "ours.xml")
    assert ours == (tmp_path / "sumo.xml").read_text(encoding="utf-8").partition("-->")[2]


def test_the_backend_makes_no_difference(worker: Worker, tmp_path: Path) -> None:
    by_libsumo = tripinfo_of(worker, spec_of("rolling_horizon"), tmp_path / "libsumo.xml")
    by_traci = tripinfo_of(worker, replace(spec_of("rolling_horizon"), backend="traci"), tmp_path / "traci.xml")
    assert by_libsumo == by_traci

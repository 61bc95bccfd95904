"""From a city's file to a service that answers, hears further sources, reads its file anew, and lets go in order."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from citybrain.intake import frame
from citybrain.intake.batch import IntakeError, Samples
from citybrain.service.demo import DemoSpec, write_settings
from citybrain.service.desk import Role
from citybrain.service.keys import Key, Purpose
from citybrain.service.serving import Serving
from citybrain.service.settings import SourceSettings, city_settings
from citybrain.service.store import Store
from signals.errors import ConfigError

pytestmark = pytest.mark.sumo


@pytest.fixture(scope="module")
def street_port() -> Iterator[int]:
    """grid_2x2, ten seconds a second."""
    words = [sys.executable, "-m", "citybrain.field.street", "grid_2x2", "--speed", "10", "--faults"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads((process.stdout or iter(())).readline())["port"]  # type: ignore[union-attr]
    finally:
        process.terminate()
        process.wait(20.0)
        if process.stdout is not None:
            process.stdout.close()


def key_of(name: str, sensors: tuple[str, ...] = ("*",)) -> Key:
    """A key of that name, to hand in data of these sensors."""
    return Key("0" * 12, name, Role.VIEWER, Purpose.INGEST, "0" * 64, 0.0, 1e12, sensors=sensors)


@pytest.fixture
def running(street_port: int, tmp_path: Path) -> Iterator[Serving]:
    """A service on it that has decided once."""
    path = write_settings(DemoSpec("grid_2x2", tmp_path, 0, controller="max_pressure"), street_port)
    with Serving(city_settings(path)) as serving:
        serving.start()
        assert serving.service.wait_ready(60.0)
        yield serving


def test_it_answers_and_decides(running: Serving) -> None:
    with urllib.request.urlopen(running.web.address + "/readyz", timeout=10.0) as answer:
        assert json.load(answer)["ready"]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(running.web.address + "/v1/signals", timeout=10.0)
    until_s = time.monotonic() + 30.0
    while running.service.state.ticks < 20 and time.monotonic() < until_s:
        time.sleep(0.05)
    assert running.service.failed is None and not running.showing.alarms()


def test_samples_are_acknowledged_with_their_place_on_the_disk(running: Serving) -> None:
    now_s = running.service.now_s
    samples = Samples("radar", np.zeros(1, np.int32), np.array([now_s]), np.ones(1, np.float32))
    found = running.take(frame.encode(samples, key=running.catalogue.key), "frame", key_of("radar"))
    again = running.take(frame.encode(samples, key=running.catalogue.key), "frame", key_of("radar"))
    assert again["position"] > found["position"] and sum(found["samples"].values()) == 1


@pytest.mark.parametrize(("payload", "kind"), [(b"", "frame"), (b"CBF1" + bytes(40), "frame"), (b"{", "json"), (b"[]", "json")])
def test_what_is_no_data_is_told(running: Serving, payload: bytes, kind: str) -> None:
    with pytest.raises(IntakeError):
        running.take(payload, kind, key_of("radar"))


def test_nobody_speaks_for_another_source(running: Serving) -> None:
    samples = Samples("radar", np.zeros(1, np.int32), np.zeros(1), np.ones(1, np.float32))
    with pytest.raises(IntakeError, match="this key speaks for 'camera'"):
        running.take(frame.encode(samples, key=running.catalogue.key), "frame", key_of("camera"))


def test_a_key_that_is_limited_hands_in_its_own_sensors_only_and_nothing_by_halves(running: Serving) -> None:
    names, key = running.catalogue.names, key_of("radar", ("A0",))
    own = [k for k in range(len(names)) if names[k].startswith("A0/count/")]
    foreign = next(k for k in range(len(names)) if names[k].startswith("B1/count/"))

    def payload(some: list[int]) -> bytes:
        at_s = np.full(len(some), running.street.now_s)
        return frame.encode(Samples("radar", np.array(some, np.int32), at_s, np.zeros(len(some), np.float32)))

    before = running.intake.gate.number.get("radar")
    with pytest.raises(IntakeError, match="speaks for A0 only; nothing of it was taken"):
        running.take(payload([*own, foreign]), "frame", key)
    assert running.intake.gate.number.get("radar") is before
    assert sum(running.take(payload(own), "frame", key)["samples"].values()) == len(own) == int(running.intake.gate.number["radar"].sum())


def test_a_large_city_is_drawn_by_another_process_once_it_decides(
    street_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("citybrain.service.serving.SMALL_BYTES", 0)
    path = write_settings(DemoSpec("grid_2x2", tmp_path, 0, controller="max_pressure"), street_port)
    with Serving(city_settings(path)) as serving:
        serving.start()
        until_s = time.monotonic() + 60.0
        # Until then it says "phase 1 (A1A0.140.00, ...)".
        while not re.search(r"\([NESW][,)]", serving.showing.detail("A0").get("why", {}).get("en", "")) and time.monotonic() < until_s:
            time.sleep(0.1)
        assert time.monotonic() < until_s
        assert len(list(serving.settings.keep.folder.glob("drawing-*.db"))) == 1


def test_the_file_is_read_anew(running: Serving, tmp_path: Path) -> None:
    counts = tmp_path / "counts.csv"
    counts.write_text("at_s,sensor,value\n0,A0/queue/0,3\n1,A0/queue/0,4\n", encoding="utf-8")
    more = replace(running.settings, sources=(SourceSettings("replay", str(counts), "old", 100.0),))
    assert running.reload(more) == "settings taken over"
    other = replace(more, plan=replace(more.plan, controller="webster"), keep=replace(more.keep, days=1.0))
    assert "restart is needed for plan" in running.reload(other)
    assert running.settings.keep.days == 1.0 and running.settings.plan.controller == "max_pressure"
    with pytest.raises(ConfigError, match="did you mean 'replay'"):
        running.reload(replace(more, sources=(SourceSettings("repla", "x"),)))
    with pytest.raises(ConfigError, match="HOST:PORT/TOPIC"):
        running.reload(replace(more, sources=(SourceSettings("mqtt", "x"),)))


def test_the_next_service_on_the_folder_has_a_newer_epoch(street_port: int, tmp_path: Path) -> None:
    path = write_settings(DemoSpec("grid_2x2", tmp_path, 0, controller="max_pressure"), street_port)
    epochs = []
    for _ in range(2):
        with Serving(city_settings(path)) as serving:
            serving.start()
            assert serving.service.wait_ready(60.0)
        with Store(tmp_path / "state" / "city.db", durable=False) as store:
            epochs.append((store.state("epoch") or {})["epoch"])
    assert epochs[1] > epochs[0]


def test_the_next_service_on_the_folder_knows_what_is_usual_for_each_sensor(street_port: int, tmp_path: Path) -> None:
    path = write_settings(DemoSpec("grid_2x2", tmp_path, 0), street_port)
    with Serving(city_settings(path)) as serving:
        serving.start()
        assert serving.service.wait_ready(60.0)
        serving.quality.look()
        serving.intake.quality._minutes[:] = 77.0
    with Serving(city_settings(path)) as again:
        assert (again.intake.known()["minutes"] == 77.0).all()


def test_a_port_that_is_taken_leaves_nothing_behind(running: Serving, street_port: int, tmp_path: Path) -> None:
    port = int(running.web.address.rpartition(":")[2])
    path = write_settings(DemoSpec("grid_2x2", tmp_path / "other", port), street_port)
    for _ in range(2):  # the second time would find the folder locked
        with pytest.raises(ConfigError, match="cannot listen"):
            Serving(city_settings(path))

"""The demo: its settings are a city's, and whoever dies is replaced while the street goes on."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain.service.client import Client
from citybrain.service.demo import DemoSpec, Street, code_words, ended, kill_service, last_words, quoted, supervise, write_settings
from citybrain.service.desk import Role
from citybrain.service.keys import KeyRing
from citybrain.service.settings import city_settings
from signals.errors import ConfigError, LinkError
from sumo_nets.scenario import scenario


@pytest.mark.parametrize(("name", "decision_s"), [("resco/cologne8", 10.0), ("resco/arterial4x4", 5.0), ("grid_2x2", 10.0)])
def test_the_demo_s_settings_are_a_city_s(tmp_path: Path, name: str, decision_s: float) -> None:
    found = city_settings(write_settings(DemoSpec(name, tmp_path, 0, mode="advise"), 7400))
    assert (found.site, found.street.wire, found.plan.mode) == (name, ("tcp", "127.0.0.1", 7400), "advise")
    assert found.street.simulated and found.street.net.is_file()
    assert found.street.chosen_rules.name == "street" and decision_s >= found.street.chosen_rules.decision_s


def test_a_scenario_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="did not start"):
        Street(DemoSpec("nowhere", tmp_path))


def test_no_service_to_kill_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no service runs"):
        kill_service(tmp_path)


def test_exit_codes_in_words() -> None:
    assert code_words(-9) == "signal SIGKILL" and code_words(1) == "exit code 1" and quoted(True) == "true"


def test_bad_input_is_not_tried_again_and_its_sentence_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    assert supervise(tmp_path / "none.toml", lambda: False, told.append) == 2
    assert not told and "no such file" in capsys.readouterr().err


def test_records_of_the_log_are_not_last_words(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text('an earlier life\n{"level": "info"}\nTraceback\n  it died\n', encoding="utf-8")
    assert last_words(log, len("an earlier life\n")) == "Traceback\n  it died\n"


def test_who_does_not_end_when_asked_is_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], text=True)
    assert ended(process) == -signal.SIGTERM and ended(process) == -signal.SIGTERM


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`citybrain serve --demo` on a port of its own, and its folder; the scenario's demand ends a minute after it begins."""
    one = scenario("grid_2x2")
    lines = [f"net = '{one.net}'", f"routes = ['{one.routes[0]}']", f"begin_s = {one.end_s - 60.0}", f"end_s = {one.end_s}"]
    (tmp_path / "scenario.toml").write_text("\n".join(lines), encoding="utf-8")
    words = [
        "serve",
        "--demo",
        "--scenario",
        str(tmp_path),
        "--port",
        "0",
        "--speed",
        "10",
        "--controller",
        "max_pressure",
        "--out",
        str(tmp_path),
    ]
    process = subprocess.Popen([sys.executable, "-m", "citybrain", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield process, tmp_path
    if process.poll() is None:
        process.terminate()
        process.wait(30.0)
    if process.stdout is not None:
        process.stdout.close()


def page_of(process: subprocess.Popen[str]) -> str:
    """Where the page is, as it says; a command that says nothing is ended."""
    said, limit = "", threading.Timer(90.0, process.terminate)
    limit.start()
    try:
        for line in process.stdout or ():
            said += line
            if "page at http" in line:
                return line.split("page at ")[1].split()[0]
    finally:
        limit.cancel()
    raise AssertionError(said)


def ready(page: str) -> bool:
    """Whether it decides within a while."""
    until_s = time.monotonic() + 60.0
    while time.monotonic() < until_s:
        try:
            with urllib.request.urlopen(page + "/readyz", timeout=2.0) as answer:
                if json.load(answer)["ready"]:
                    return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def goes_on(page: str, folder: Path, end_s: float) -> bool:
    """Whether vehicles pass two minutes after the scenario's end, and nobody is alarmed."""
    token, _ = KeyRing(folder / "state" / "keys.json", time.time).add("test", Role.VIEWER)
    client, until_s = Client(page, token), time.monotonic() + 60.0
    while time.monotonic() < until_s:
        kpi = client.get("/v1/kpi")
        if kpi["now_s"] > end_s + 120.0 and (kpi["throughput_veh_h"] or 0.0) > 1000.0 and not client.get("/v1/alarms"):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.sumo
def test_a_killed_service_is_started_again_traffic_goes_on_and_an_ended_demo_leaves_nobody_behind(
    demo: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = demo
    assert ready(page_of(process))
    first = kill_service(folder / "state")
    page = page_of(process)
    assert ready(page)
    second = int((folder / "state" / "lock").read_text())
    assert second != first
    assert goes_on(page, folder, scenario("grid_2x2").end_s)
    process.terminate()
    assert process.wait(30.0) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)

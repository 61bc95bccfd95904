"""The demo: its settings are a city's, and whoever dies is replaced while the street goes on."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain.service.demo import DemoSpec, Street, code_words, ended, kill_service, quoted, supervise, write_settings
from citybrain.service.settings import city_settings
from signals.errors import ConfigError, LinkError


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


def test_bad_input_is_not_tried_again(tmp_path: Path) -> None:
    told: list[str] = []
    assert supervise(tmp_path / "none.toml", lambda: False, told.append) == 2
    assert not told


def test_who_does_not_end_when_asked_is_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], text=True)
    assert ended(process) == -signal.SIGTERM and ended(process) == -signal.SIGTERM


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`citybrain serve --demo` on a port of its own, and its folder."""
    words = [
        "serve",
        "--demo",
        "--scenario",
        "grid_2x2",
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
    """Where the page is, as it says."""
    said = ""
    for line in process.stdout or ():
        said += line
        if "page at http" in line:
            return line.split("page at ")[1].split()[0]
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


@pytest.mark.sumo
def test_a_killed_service_is_started_again_and_an_ended_demo_leaves_nobody_behind(demo: tuple[subprocess.Popen[str], Path]) -> None:
    process, folder = demo
    assert ready(page_of(process))
    first = kill_service(folder / "state")
    assert ready(page_of(process))
    second = int((folder / "state" / "lock").read_text())
    assert second != first
    process.terminate()
    assert process.wait(30.0) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)

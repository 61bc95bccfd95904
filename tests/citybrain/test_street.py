"""The loop on a SUMO of somebody else: joins by its port, steers to the agreed second, writes the journal, and lets go."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from citybrain import street
from citybrain.forecasts import Silent, movement_names
from citybrain.journal import Journal
from citybrain.street import Stop, StreetSpec, kept, let_go, steer, street_forecaster
from forecasting.online import OnlineForecaster
from signals.errors import ConfigError, ForecastError, LinkError
from signals.types import ApprovedPlan, Network, Observation, Tick

SPEC = StreetSpec("no.net.xml", 1, rules="resco", controller="max_pressure", forecast="none")


@pytest.fixture
def port(grid_net: Path, grid_routes: Path) -> Iterator[int]:
    """Where a SUMO listens that this process did not start through the project."""
    import sumolib

    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    words = ["-n", str(grid_net), "-r", str(grid_routes), "-b", "25200", "-e", "25400", "--seed", "101"]
    command = [sumolib.checkBinary("sumo"), *words, "--remote-port", str(number), "--no-step-log", "--no-warnings"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield number
    if process.poll() is None:
        process.terminate()
    process.wait(10.0)


@pytest.mark.sumo
def test_a_street_is_steered_until_the_agreed_second_and_every_tick_is_kept(port: int, grid_net: Path, tmp_path: Path) -> None:
    ticks: list[Tick] = []
    path = tmp_path / "ticks.sqlite"
    spec = StreetSpec(str(grid_net), port, rules="resco", controller="max_pressure", until_s=25300.0, journal=str(path))
    assert steer(spec, ticks.append, Stop()) == 10
    assert [tick.now_s for tick in ticks] == [25200.0 + 10.0 * k for k in range(10)]
    assert all(tick.forecast is not None for tick in ticks)
    assert sum(float(tick.observed.counts_veh.sum()) for tick in ticks) > 10.0
    with Journal(path) as journal:
        assert [row["now_s"] for row in journal.between(0.0, 1e9)] == [tick.now_s for tick in ticks]


@pytest.mark.sumo
def test_a_stop_that_was_asked_for_ends_the_loop_at_the_next_step(port: int, grid_net: Path) -> None:
    stop = Stop()

    def asked(tick: Tick) -> None:
        stop.asked = True

    spec = StreetSpec(str(grid_net), port, rules="free", controller="max_pressure", forecast="none")
    assert steer(spec, asked, stop) == 1


@pytest.mark.sumo
def test_signals_are_let_go_also_when_the_loop_fails(port: int, grid_net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let: list[Any] = []
    monkeypatch.setattr(street, "let_go", let.append)

    def fail(tick: Tick) -> None:
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        steer(StreetSpec(str(grid_net), port, rules="resco", controller="max_pressure", forecast="none"), fail, Stop())
    assert len(let) == 1


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (StreetSpec("a", 1, clock="moon"), "clock 'moon'"),
        (StreetSpec("a", 1, speed=0.0), "speed 0.0"),
        (StreetSpec("a", 1, speed=float("nan")), "speed nan"),
        (StreetSpec("a", 1, rules="none"), "rules 'none'"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_joined(spec: StreetSpec, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        steer(spec, lambda tick: None, Stop())


def test_a_street_of_others_has_the_recent_mean_a_stored_forecaster_or_none(grid: Network, tmp_path: Path) -> None:
    assert isinstance(street_forecaster("none", grid), Silent)
    assert isinstance(street_forecaster("last", grid), OnlineForecaster)
    with pytest.raises(ForecastError, match=r"card\.json"):
        street_forecaster(str(tmp_path), grid)
    assert len(movement_names(grid)) > 40


def test_no_journal_is_kept_unless_it_is_named(grid: Network, tmp_path: Path) -> None:
    with kept("", grid) as journal:
        assert journal is None
    with kept(str(tmp_path / "j.sqlite"), grid) as journal:
        assert isinstance(journal, Journal)


def test_a_street_that_has_ended_has_no_signals_to_let_go() -> None:
    asked: list[str] = []

    class Gone:
        def observe(self, now_s: float) -> Observation:
            raise LinkError("SUMO does not answer")

        def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
            raise LinkError("SUMO does not answer")

        def release(self) -> None:
            asked.append("release")
            raise LinkError("SUMO does not answer")

    let_go(Gone())
    assert asked == ["release"]

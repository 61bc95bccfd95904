"""Claims about the door to SUMO: both backends are one simulation, and no simulator that fails makes us hang."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sumolib

import sumo_nets.session as module
from signals.errors import LinkError, ScenarioError
from sumo_nets.scenario import Scenario, from_files, scenario
from sumo_nets.session import RunFiles, Session, attach, logged_error, options, start

pytestmark = pytest.mark.sumo
ROOT = Path(module.__file__).parents[1]
SEED = 101
LIBSUMO_RUN = """
import sys
from pathlib import Path
from dataclasses import replace
from sumo_nets.scenario import scenario
from sumo_nets.session import RunFiles, start
one = scenario(sys.argv[1])
one = replace(one, end_s=one.begin_s + float(sys.argv[2]))
with start(one, int(sys.argv[3]), RunFiles(Path(sys.argv[4]))) as session:
    while session.now_s < session.end_s:
        session.advance()
"""


def cut(name: str, length_s: float) -> Scenario:
    one = scenario(name)
    return replace(one, end_s=one.begin_s + length_s)


def body(tripinfo: Path) -> str:
    """A tripinfo file without the comment at its head, which holds the date."""
    return tripinfo.read_text(encoding="utf-8").partition("-->")[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
def street() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A SUMO of somebody else, which waits for one client at a port."""
    one, port = scenario("grid_2x2"), free_port()
    words = ["-n", str(one.net), "-r", str(one.routes[0]), "-e", "100", "--remote-port", str(port)]
    process = subprocess.Popen([sumolib.checkBinary("sumo"), *words, "--no-step-log"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield process, port
    process.kill()
    process.wait()


def run_here(one: Scenario, tripinfo: Path, backend: str) -> None:
    with start(one, SEED, RunFiles(tripinfo), backend) as session:
        while session.now_s < session.end_s:
            session.advance()


def run_apart(name: str, length_s: float, tripinfo: Path) -> None:
    """The same by libsumo, in a process of its own, which has run nothing before."""
    words = [sys.executable, "-c", LIBSUMO_RUN, name, str(length_s), str(SEED), str(tripinfo)]
    subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)


def test_libsumo_and_traci_run_the_same_simulation(tmp_path: Path) -> None:
    one = cut("arterial_5", 300.0)
    run_here(one, tmp_path / "traci.xml", "traci")
    run_apart(one.name, 300.0, tmp_path / "libsumo.xml")
    assert body(tmp_path / "traci.xml").count("<tripinfo ") > 50
    assert body(tmp_path / "traci.xml") == body(tmp_path / "libsumo.xml")


@pytest.mark.parametrize("backend", module.BACKENDS)
def test_a_run_begins_and_ends_with_its_scenario_and_keeps_unfinished_trips(tmp_path: Path, backend: str) -> None:
    one = cut("arterial_5", 60.0)
    with start(one, SEED, RunFiles(tmp_path / "t.xml"), backend) as session:
        assert (session.now_s, session.end_s, session.owned) == (one.begin_s, one.begin_s + 60.0, True)
        assert session.advance() == one.begin_s + 1.0
        while session.now_s < session.end_s:
            session.advance()
    assert 'arrival="-1.00"' in body(tmp_path / "t.xml")


def test_the_options_pin_what_moves_results_and_name_every_file(tmp_path: Path) -> None:
    one = replace(scenario("grid_2x2"), step_s=0.5, additional=(tmp_path / "own.xml",))
    words = options(one, 7, RunFiles(tmp_path / "t.xml", (tmp_path / "extra.xml",)))
    text = " ".join(words)
    assert "--seed 7 --time-to-teleport -1" in text
    assert "--tripinfo-output.write-unfinished --tripinfo-output.write-undeparted" in text
    assert f"-a {tmp_path / 'own.xml'},{tmp_path / 'extra.xml'}" in text
    assert "--step-length 0.5" in text
    assert "tripinfo" not in " ".join(options(one, 7, RunFiles()))


@pytest.mark.parametrize("backend", module.BACKENDS)
def test_the_refusal_of_sumo_is_one_error_with_its_own_words(tmp_path: Path, backend: str) -> None:
    one = scenario("grid_2x2")
    broken = tmp_path / "broken.net.xml"
    broken.write_text(one.net.read_text(encoding="utf-8").replace('to="A1"', 'to="nowhere"'), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"^broken: SUMO refused to start: .*nowhere") as caught:
        start(from_files(broken, one.routes, 0.0, 10.0), SEED, None, backend)
    assert "\n" not in str(caught.value)


def test_an_unknown_backend_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"backend 'sumo': expected one of libsumo, traci"):
        start(scenario("grid_2x2"), SEED, None, "sumo")


def test_a_sumo_that_was_killed_is_one_error_at_once() -> None:
    with start(cut("grid_2x2", 100.0), SEED, None, "traci") as session:
        session.advance()
        os.kill(session.sumo._process.pid, signal.SIGKILL)
        started_s = time.monotonic()
        with pytest.raises(LinkError, match=r"SUMO failed at 25201 s: "):
            session.advance()
    assert time.monotonic() - started_s < 2.0


def test_a_sumo_that_hangs_is_one_error_within_the_limit_and_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_LIMIT_S", 1.0)
    with start(cut("grid_2x2", 100.0), SEED, None, "traci") as session:
        session.advance()
        process = session.sumo._process
        os.kill(process.pid, signal.SIGSTOP)
        started_s = time.monotonic()
        with pytest.raises(LinkError, match=r"SUMO failed at 25201 s: no answer within 1 s"):
            session.advance()
        assert time.monotonic() - started_s < 3.0
    assert time.monotonic() - started_s < 5.0
    assert process.returncode == -signal.SIGKILL


def test_closing_twice_or_after_the_end_is_nothing() -> None:
    session = start(cut("grid_2x2", 5.0), SEED, None, "traci")
    log = session.log
    assert log is not None
    assert log.is_file()
    session.close()
    session.close()
    assert not log.exists()


def test_we_join_a_street_of_others_and_leave_it_running(street: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = street
    with attach(port) as session:
        assert (session.now_s, session.end_s, session.owned) == (0.0, 100.0, False)
        assert session.advance() == 1.0
    assert session.guard is not None
    assert session.guard.returncode == 0
    # Its only client has left in due form, so SUMO runs to its own end.
    assert process.wait(20.0) == 0


def test_a_street_that_hangs_is_one_error_within_the_limit(
    street: tuple[subprocess.Popen[bytes], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, port = street
    monkeypatch.setattr(module, "ANSWER_LIMIT_S", 1.0)
    session = attach(port)
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(LinkError, match=r"no answer within 1 s"):
        session.advance()
    # Only slow, after all? Then it gets its goodbye and goes on.
    os.kill(process.pid, signal.SIGCONT)
    session.close()
    assert process.wait(20.0) == 0


def test_a_port_where_nobody_answers_is_one_error_within_the_limit() -> None:
    port = free_port()
    started_s = time.monotonic()
    with pytest.raises(LinkError, match=rf"^127\.0\.0\.1:{port}: no SUMO answers there \(.*refused.*\); was it started"):
        attach(port, limit_s=0.5)
    assert time.monotonic() - started_s < 4.0


def test_a_port_where_something_else_listens_is_one_error_within_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as dumb:
        port = dumb.getsockname()[1]
        started_s = time.monotonic()
        with pytest.raises(LinkError, match=rf"^127\.0\.0\.1:{port}: no SUMO answers there"):
            attach(port, limit_s=1.0)
        assert time.monotonic() - started_s < 5.0
    assert {guard.wait(20.0) for guard in module._GUARDS} <= {0, 1}, "its guard ends with whoever it was that listened"


def test_unfinished_vehicles_have_the_free_flow_time_of_the_rest_of_their_way() -> None:
    with start(cut("grid_2x2", 60.0), SEED, None, "traci") as session:
        while session.now_s < session.end_s:
            session.advance()
        left_s = session.free_flow_left_s()
        driving = session.sumo.vehicle.getIDList()
        assert len(driving) > 10
        assert set(driving) <= set(left_s)
        for vehicle in driving:
            rest = session.sumo.vehicle.getRoute(vehicle)[session.sumo.vehicle.getRouteIndex(vehicle) :]
            lanes = [f"{edge}_0" for edge in rest]
            whole_s = sum(session.sumo.lane.getLength(x) / session.sumo.lane.getMaxSpeed(x) for x in lanes)
            gone_m = session.sumo.vehicle.getLanePosition(vehicle)
            expected_s = whole_s - gone_m / session.sumo.lane.getMaxSpeed(lanes[0])
            assert left_s[vehicle] == pytest.approx(expected_s)


def test_the_first_error_of_a_log_is_the_reason(tmp_path: Path) -> None:
    log = tmp_path / "sumo.log"
    assert logged_error(None) == logged_error(log) == ""
    log.write_text("\nError: No such edge.\nError: Second.\nQuitting (on error).\n", encoding="utf-8")
    assert logged_error(log) == "No such edge."


def test_a_closed_session_of_ours_leaves_no_process(tmp_path: Path) -> None:
    session: Session = start(cut("grid_2x2", 20.0), SEED, RunFiles(tmp_path / "t.xml"), "traci")
    process = session.sumo._process
    session.close()
    assert process.returncode == 0
    assert body(tmp_path / "t.xml").strip().endswith("</tripinfos>")

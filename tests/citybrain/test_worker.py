"""An episode's process may die, hang or fail: whoever asked gets one error, and the next episode runs as if nothing had been."""

import os
import signal
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from citybrain.episode import EpisodeSpec
from citybrain.worker import Worker, name_of
from signals.errors import ConfigError, LinkError, ScenarioError

pytestmark = pytest.mark.sumo

SPEC = EpisodeSpec("grid_2x2", "max_pressure", 101, end_s=25300.0, forecast="none")
LONG = replace(SPEC, end_s=28800.0)


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def episode_process(worker: int) -> int:
    """The fork that runs the episode."""
    return children(worker)[0]


def started(pid: int) -> int:
    """When a process began, in clock ticks since boot. Numbers of processes begin anew at some point, ticks do not."""
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19])


def worker_process() -> int:
    """The worker of this test: the newest."""
    workers = (pid for pid in children(os.getpid()) if b"citybrain.worker" in Path(f"/proc/{pid}/cmdline").read_bytes())
    return max(workers, key=started)


def without_times(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what the wall clock says."""
    return {key: value for key, value in result.items() if key not in ("wall_s", "cpu_s")}


def test_progress_runs_from_begin_to_end_and_the_same_spec_gives_the_same_result(one_worker: Worker) -> None:
    seen: list[tuple[float, float, float]] = []
    first = one_worker.run(SPEC, lambda *times_s: seen.append(times_s))
    assert {(begin_s, end_s) for begin_s, _, end_s in seen} == {(25200.0, 25300.0)}
    assert [now_s for _, now_s, _ in seen] == sorted({now_s for _, now_s, _ in seen})
    one_worker.run(replace(SPEC, seed=102))
    assert without_times(one_worker.run(SPEC)) == without_times(first)


def test_the_same_episode_writes_the_same_tripinfo_in_any_process(one_worker: Worker, tmp_path: Path) -> None:
    files = [tmp_path / "a.xml", tmp_path / "b.xml"]
    one_worker.run(replace(SPEC, tripinfo=str(files[0])))
    with Worker() as other:
        other.run(replace(SPEC, seed=103))
        other.run(replace(SPEC, tripinfo=str(files[1])))
    rows = [[row.attrib for row in ET.parse(file).getroot().iter("tripinfo")] for file in files]
    assert len(rows[0]) > 50 and rows[0] == rows[1]


def test_a_killed_episode_is_one_sentence_and_the_worker_goes_on() -> None:
    with Worker() as worker:

        def kill(begin_s: float, now_s: float, end_s: float) -> None:
            os.kill(episode_process(worker_process()), signal.SIGKILL)

        with pytest.raises(LinkError, match=r"^grid_2x2, max_pressure, seed 101: the episode's process ended \(signal 9\)$"):
            worker.run(LONG, kill)
        assert worker.run(SPEC)["safety_violations"] == 0


def test_a_hanging_episode_is_killed_after_the_silence_limit_and_the_worker_goes_on() -> None:
    with Worker() as worker:
        stopped: list[int] = []

        def hang(begin_s: float, now_s: float, end_s: float) -> None:
            if not stopped:
                stopped.append(episode_process(worker_process()))
                os.kill(stopped[0], signal.SIGSTOP)
                worker.silence_limit_s = 0.5

        with pytest.raises(LinkError, match="no progress for 0 s; SUMO hangs, killed"):
            worker.run(LONG, hang)
        worker.silence_limit_s = 60.0
        assert worker.run(SPEC)["safety_violations"] == 0
        assert not alive(stopped[0])


def test_a_worker_may_take_its_time_to_compile_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citybrain.worker.WARM_UP_LIMIT_S", 0.01)
    with Worker(silence_limit_s=0.01) as worker, pytest.raises(LinkError, match="the worker does not get ready, killed"):
        worker.run(SPEC)


def alive(pid: int) -> bool:
    """Whether the process still runs (a zombie that nobody has buried yet does not)."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False


def test_a_killed_worker_is_one_sentence_and_a_new_one_is_started() -> None:
    with Worker() as worker:
        killed: list[int] = []

        def kill(begin_s: float, now_s: float, end_s: float) -> None:
            if not killed:
                killed.append(worker_process())
                os.killpg(killed[0], signal.SIGKILL)

        with pytest.raises(LinkError, match="the worker process died"):
            worker.run(LONG, kill)
        assert worker.run(SPEC)["safety_violations"] == 0
        os.kill(worker_process(), signal.SIGKILL)  # between two episodes
        for _ in range(2):  # the first may find out, the second must find a new one
            try:
                assert worker.run(SPEC)["safety_violations"] == 0
            except LinkError as error:
                assert "the worker process died" in str(error)


def test_a_bug_in_an_episode_comes_out_with_its_traceback(one_worker: Worker) -> None:
    with pytest.raises(RuntimeError, match=r"Traceback[\s\S]*scenario_of[\s\S]*TypeError"):
        one_worker.run(replace(SPEC, seed="x"))  # type: ignore[arg-type]
    assert one_worker.run(SPEC)["safety_violations"] == 0


@pytest.mark.parametrize(("spec", "error"), [(replace(SPEC, scenario="none"), ScenarioError), (replace(SPEC, rules="none"), ConfigError)])
def test_an_error_comes_out_as_if_raised_here(spec: EpisodeSpec, error: type[Exception], one_worker: Worker) -> None:
    with pytest.raises(error, match=r"'?none'?"):
        one_worker.run(spec)


def test_a_worker_without_libsumo_says_which_package_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libsumo.py").write_text("raise ModuleNotFoundError('gone', name='libsumo')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(name_of.__code__.co_filename).parents[1])]))
    with Worker() as worker, pytest.raises(ModuleNotFoundError) as caught:
        worker.run(SPEC)
    assert caught.value.name == "libsumo"


def test_a_closed_worker_leaves_no_process_and_may_be_closed_again(make_worker: Callable[[], Worker]) -> None:
    worker = make_worker()
    worker.run(SPEC)
    pid = worker_process()
    worker.close()
    worker.close()
    assert not alive(pid)


@pytest.fixture
def make_worker() -> Callable[[], Worker]:
    """Makes a worker that the test closes itself."""
    return Worker

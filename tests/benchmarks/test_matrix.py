"""The matrix: what is run, what is not run again, what an error or an interruption leaves. One test runs SUMO itself."""

import io
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rich.console import Console

from benchmarks import matrix, results
from citybrain.episode import EpisodeSpec
from signals.errors import ConfigError, LinkError, ScenarioError

MakeRow = Callable[..., dict[str, Any]]
DELAYS_S = {"fixed": 40.0, "webster": 30.0}


class Stub:
    """Stands in for the worker process where the subject is the bookkeeping around it; knows how often it was asked."""

    asked: ClassVar[list[EpisodeSpec]] = []
    fails: ClassVar[dict[int, Exception]] = {}
    make: ClassVar[MakeRow]

    def run(self, spec: EpisodeSpec, progress: Callable[[float, float, float], None]) -> dict[str, Any]:
        """A row like an episode's, or the error planned for the seed."""
        self.asked.append(spec)
        progress(0.0, 300.0, 600.0)
        progress(0.0, 600.0, 600.0)
        if spec.seed in self.fails:
            raise self.fails[spec.seed]
        row = type(self).make(spec.scenario, spec.controller, spec.seed, DELAYS_S[spec.controller] + spec.seed / 100.0)
        del row["version"]
        row["spec"]["trace"] = spec.trace
        return row | ({"trace": {"times_s": []}} if spec.trace else {})

    def close(self) -> None:
        """Nothing to kill."""


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, make_row: MakeRow) -> type[Stub]:
    """The matrix with stubs for workers."""
    monkeypatch.setattr(matrix, "Worker", Stub)
    Stub.asked, Stub.fails, Stub.make = [], {}, staticmethod(make_row)
    return Stub


def specs(seeds: tuple[int, ...] = (101, 102)) -> list[EpisodeSpec]:
    """Two controllers on the small grid."""
    return matrix.matrix_specs(["grid_2x2"], ["fixed", "webster"], seeds, "resco")


def test_the_matrix_has_every_episode_once_and_traces_the_first_seed() -> None:
    found = matrix.matrix_specs(["grid_2x2", "arterial_5"], ["fixed", "webster", "fixed"], [101, 102, 101], "free")
    assert len(found) == len(set(found)) == 8
    assert {spec.seed for spec in found if spec.trace} == {101}
    assert {spec.rules for spec in found} == {"free"}
    assert [spec.seed for spec in found[:4]] == [101] * 4  # seed by seed: an interruption leaves balanced results


@pytest.mark.parametrize(
    ("scenarios", "controllers", "seeds", "rules", "error", "words"),
    [
        (["grid_2x3"], ["fixed"], [101], "resco", ScenarioError, "grid_2x2"),
        (["grid_2x2"], ["fixd"], [101], "resco", ConfigError, "fixed"),
        (["grid_2x2"], ["fixed"], [101], "rseco", ConfigError, "resco"),
        (["grid_2x2"], ["fixed"], [], "resco", ConfigError, "without seeds"),
        ([], ["fixed"], [101], "resco", ConfigError, "without scenarios"),
    ],
)
def test_a_wrong_name_is_refused_before_anything_runs(
    scenarios: list[str], controllers: list[str], seeds: list[int], rules: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        matrix.matrix_specs(scenarios, controllers, seeds, rules)


def test_another_demand_is_in_every_spec_and_a_wrong_one_is_refused_before_anything_runs() -> None:
    assert {spec.demand for spec in matrix.matrix_specs(["grid_2x2"], ["fixed"], [101, 102], "resco", demand=1.3)} == {1.3}
    with pytest.raises(ConfigError, match="demand -1"):
        matrix.matrix_specs(["grid_2x2"], ["fixed"], [101], "resco", demand=-1.0)


def test_heavy_vehicles_and_an_incident_are_in_every_spec_and_a_wrong_share_is_refused_before_anything_runs() -> None:
    found = matrix.matrix_specs(["grid_2x2"], ["fixed"], [101, 102], "resco", heavy=0.2, incident=True)
    assert {(spec.heavy, spec.incident) for spec in found} == {(0.2, True)}
    with pytest.raises(ConfigError, match="heavy 2"):
        matrix.matrix_specs(["grid_2x2"], ["fixed"], [101], "resco", heavy=2.0)


def test_rows_come_in_the_order_of_the_specs_whoever_ends_first(tmp_path: Path, stub: type[Stub]) -> None:
    wanted = specs((101, 102, 103))
    rows = matrix.run_matrix(wanted, 3, tmp_path)
    assert [(r["seed"], r["controller"]) for r in rows] == [(s.seed, s.controller) for s in wanted]
    assert len(results.read_rows(tmp_path)) == len(stub.asked) == 6


def test_the_trace_is_stored_apart_from_the_row(tmp_path: Path, stub: type[Stub]) -> None:
    rows = matrix.run_matrix(specs(), 1, tmp_path)
    assert not any("trace" in row for row in results.read_rows(tmp_path))
    assert [results.load_trace(tmp_path, row) is not None for row in rows] == [True, True, False, False]


def test_finished_episodes_are_not_run_again(tmp_path: Path, stub: type[Stub]) -> None:
    first = matrix.run_matrix(specs(), 1, tmp_path)
    stub.asked.clear()
    told: list[tuple[int, float]] = []
    again = matrix.run_matrix(specs((101, 102, 103)), 1, tmp_path, lambda spec, share: told.append((spec.seed, share)))
    assert {spec.seed for spec in stub.asked} == {103}
    assert again[:4] == first
    assert told[:4] == [(101, 1.0), (101, 1.0), (102, 1.0), (102, 1.0)]


def test_the_episode_of_a_torn_line_is_run_again(tmp_path: Path, stub: type[Stub]) -> None:
    matrix.run_matrix(specs(), 1, tmp_path)
    path = tmp_path / results.RESULTS
    path.write_bytes(path.read_bytes()[:-30])
    stub.asked.clear()
    assert len(matrix.run_matrix(specs(), 1, tmp_path)) == 4
    assert len(stub.asked) == 1
    assert len(results.read_rows(tmp_path)) == 4


def test_an_episode_without_its_trace_is_run_again(tmp_path: Path, stub: type[Stub]) -> None:
    row = matrix.run_matrix(specs(), 1, tmp_path)[0]
    results.trace_file(tmp_path, row["scenario"], row["controller"], row["seed"]).unlink()
    stub.asked.clear()
    matrix.run_matrix(specs(), 1, tmp_path)
    assert [(spec.controller, spec.seed) for spec in stub.asked] == [("fixed", 101)]


def test_results_of_other_code_are_run_again(tmp_path: Path, stub: type[Stub], monkeypatch: pytest.MonkeyPatch) -> None:
    matrix.run_matrix(specs(), 1, tmp_path)
    stub.asked.clear()
    monkeypatch.setattr(matrix, "episode_version", lambda spec: "another")
    matrix.run_matrix(specs(), 1, tmp_path)
    assert len(stub.asked) == 4


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (LinkError("grid_2x2, seed 102: SUMO hangs, killed"), "grid_2x2, seed 102: SUMO hangs, killed"),
        (
            RuntimeError("Traceback …\n  in f\nZeroDivisionError: division by zero"),
            "ZeroDivisionError: division by zero",
        ),
        (BrokenPipeError("pipe"), "pipe"),
    ],
)
def test_a_failed_episode_is_recorded_and_the_others_go_on(tmp_path: Path, stub: type[Stub], error: Exception, sentence: str) -> None:
    stub.fails = {102: error}
    rows = matrix.run_matrix(specs((101, 102, 103)), 2, tmp_path)
    assert [results.failed(row) for row in rows] == [False, False, True, True, False, False]
    assert rows[2]["error"]["sentence"] == sentence
    stub.fails, stub.asked = {}, []
    assert not any(results.failed(row) for row in matrix.run_matrix(specs((101, 102, 103)), 2, tmp_path))
    assert {spec.seed for spec in stub.asked} == {102}


def test_an_interruption_keeps_what_is_finished_and_leaves_no_thread(tmp_path: Path, stub: type[Stub]) -> None:
    def interrupt(spec: EpisodeSpec, share: float) -> None:
        if share == 1.0:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        matrix.run_matrix(specs(), 2, tmp_path, interrupt)
    assert len(results.read_rows(tmp_path)) == 1
    assert threading.active_count() == before
    assert len(matrix.run_matrix(specs(), 2, tmp_path)) == 4


def test_an_episode_is_told_as_done_once_and_not_before_it_is_stored(tmp_path: Path, stub: type[Stub]) -> None:
    stored: list[int] = []

    def tell(spec: EpisodeSpec, share: float) -> None:
        if share >= 1.0:
            stored.append(len(results.read_rows(tmp_path)))

    matrix.run_matrix(specs(), 2, tmp_path, tell)
    assert stored == [1, 2, 3, 4]


def test_no_jobs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected at least 1"):
        matrix.run_matrix(specs(), 0, tmp_path)


def run_bench(out: Path, baseline: str = "fixed") -> tuple[int, str]:
    """The command on the stubs: its exit code and what it printed."""
    console = Console(file=io.StringIO(), width=100)
    now = datetime(2024, 5, 1, tzinfo=UTC)
    code = matrix.bench(
        ["grid_2x2"],
        ["fixed", "webster"],
        [101, 102],
        2,
        out,
        "resco",
        console,
        baseline,
        command="citybrain bench …",
        now=now,
    )
    return code, console.file.getvalue()  # type: ignore[attr-defined]


def without_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stub's traces are empty: there is nothing to draw from them."""
    monkeypatch.setattr(matrix, "load_trace", lambda out, row: None)


def test_bench_prints_the_table_and_writes_summary_meta_and_report(
    tmp_path: Path, stub: type[Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_traces(monkeypatch)
    code, text = run_bench(tmp_path)
    assert code == 0
    assert "31.01" in text
    assert "report.html" in text
    summary = json.loads((tmp_path / matrix.SUMMARY).read_text())
    assert [cell["controller"] for cell in summary["cells"]] == ["fixed", "webster"]
    assert summary["cells"][1]["differences"]["delay_s_per_veh"]["mean"] == pytest.approx(-10.0)
    meta = json.loads((tmp_path / matrix.META).read_text())
    assert meta["date"] == "2024-05-01T00:00:00+00:00"
    assert meta["sumo_options"] == {"grid_2x2": ["--seed", "101"]}
    assert meta["command"] in (tmp_path / matrix.REPORT).read_text()


def test_bench_with_a_failed_episode_says_so_and_is_not_a_success(
    tmp_path: Path, stub: type[Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_traces(monkeypatch)
    stub.fails = {102: LinkError("SUMO hangs")}
    code, text = run_bench(tmp_path)
    assert code == 1
    assert "failed: grid_2x2, webster, seed 102: SUMO hangs" in text
    assert "SUMO hangs" in (tmp_path / matrix.REPORT).read_text()


def test_an_interrupted_bench_says_how_to_go_on(tmp_path: Path, stub: type[Stub]) -> None:
    matrix_run = matrix.run_matrix

    def interrupted(*_: object) -> list[dict[str, Any]]:
        matrix_run(specs((101,)), 1, tmp_path)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix, "run_matrix", interrupted)
        code, text = run_bench(tmp_path)
    assert code == matrix.INTERRUPTED == 130
    assert "the same command goes on from there" in text


def test_a_baseline_outside_the_matrix_is_refused_before_anything_runs(tmp_path: Path, stub: type[Stub]) -> None:
    with pytest.raises(ConfigError, match="baseline 'learned'"):
        run_bench(tmp_path, "learned")
    assert stub.asked == []


def test_rebuild_writes_the_report_again_without_running_anything(
    tmp_path: Path, stub: type[Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_traces(monkeypatch)
    run_bench(tmp_path)
    before = (tmp_path / matrix.REPORT).read_text()
    (tmp_path / matrix.REPORT).unlink()
    stub.asked.clear()
    assert matrix.rebuild(tmp_path, Console(file=io.StringIO()), "fixed") == 0
    assert stub.asked == []
    assert (tmp_path / matrix.REPORT).read_text() == before


def test_results_of_several_versions_are_all_named(
    tmp_path: Path, stub: type[Stub], make_row: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_traces(monkeypatch)
    run_bench(tmp_path)
    with results.ResultsFile(tmp_path) as file:
        file.append(make_row("grid_2x2", "max_pressure", 101, version="an older one"))
    matrix.rebuild(tmp_path, Console(file=io.StringIO()), "fixed")
    text = (tmp_path / matrix.REPORT).read_text()
    assert "an older one" in text
    assert results.read_rows(tmp_path)[0]["version"] in text


@pytest.mark.parametrize(("condition", "value"), [("demand", 1.3), ("sensing", "loops"), ("sensor_faults", 0.3)])
def test_rebuild_leaves_out_what_was_run_under_other_conditions(
    tmp_path: Path, stub: type[Stub], make_row: MakeRow, monkeypatch: pytest.MonkeyPatch, condition: str, value: object
) -> None:
    without_traces(monkeypatch)
    run_bench(tmp_path)
    other = make_row("grid_2x2", "fixed", 109)
    with results.ResultsFile(tmp_path) as file:
        file.append({**other, "spec": {**other["spec"], condition: value}})
    matrix.rebuild(tmp_path, Console(file=io.StringIO()), "fixed")
    cells = json.loads((tmp_path / matrix.SUMMARY).read_text())["cells"]
    assert cells and not any(109 in cell["seeds"] for cell in cells)


def test_rebuild_of_an_empty_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no results there; expected a results\.jsonl"):
        matrix.rebuild(tmp_path, Console(file=io.StringIO()), "fixed")


def test_the_options_are_those_of_each_scenarios_first_finished_episode(make_row: MakeRow) -> None:
    rows = [{**make_row("a", "fixed", 101), "error": {}}, make_row("a", "fixed", 102), make_row("b", "fixed", 103)]
    assert matrix.sumo_options(rows) == {"a": ["--seed", "102"], "b": ["--seed", "103"]}


def test_an_error_row_has_the_key_of_its_episode() -> None:
    spec = specs()[0]
    row = {**matrix.error_row(spec, LinkError("gone")), "version": "v"}
    assert results.episode_key(row["spec"], "v") == results.spec_key(spec, "v")


@pytest.mark.sumo
def test_a_small_matrix_runs_in_sumo_and_is_the_same_with_and_without_a_trace(tmp_path: Path) -> None:
    wanted = [
        EpisodeSpec(scenario="grid_2x2", controller=c, seed=s, end_s=25500.0, trace=s == 101)
        for s in (101, 102)
        for c in ("fixed", "max_pressure")
    ]
    rows = matrix.run_matrix(wanted, 2, tmp_path)
    assert not any(results.failed(row) for row in rows), rows
    assert all(row["due_veh"] > 0 and row["safety_violations"] == 0 for row in rows)
    assert results.load_trace(tmp_path, rows[0]) is not None
    bare = matrix.run_matrix([EpisodeSpec(**{**_fields(s), "trace": False}) for s in wanted[:2]], 1, tmp_path / "bare")
    assert [row["delay_s_per_veh"] for row in bare] == [row["delay_s_per_veh"] for row in rows[:2]]


def _fields(spec: EpisodeSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in EpisodeSpec.__dataclass_fields__}

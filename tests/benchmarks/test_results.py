"""Results on disk: whole lines only, one writer, strict JSON, traces that belong to their episode."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import results
from citybrain.episode import EpisodeSpec
from signals.errors import ConfigError

MakeRow = Callable[..., dict[str, Any]]


def test_rows_come_back_as_they_were_written(tmp_path: Path, make_row: MakeRow) -> None:
    rows = [make_row("a", "fixed", seed) for seed in (101, 102)]
    with results.ResultsFile(tmp_path) as file:
        for row in rows:
            file.append(row)
    assert results.read_rows(tmp_path) == rows


def test_a_folder_without_results_has_no_rows(tmp_path: Path) -> None:
    assert results.read_rows(tmp_path) == []


def test_a_torn_last_line_is_cut_off_and_the_others_stay(tmp_path: Path, make_row: MakeRow) -> None:
    path = tmp_path / results.RESULTS
    path.write_text(json.dumps(make_row("a", "fixed", 101)) + "\n" + json.dumps(make_row("a", "fixed", 102))[:-20])
    assert [row["seed"] for row in results.read_rows(tmp_path)] == [101]
    with results.ResultsFile(tmp_path) as file:
        file.append(make_row("a", "fixed", 103))
    assert [row["seed"] for row in results.read_rows(tmp_path)] == [101, 103]


@pytest.mark.parametrize("line", ["not json", "[1]", '{"scenario": "a"}', "3"])
def test_a_line_that_is_no_result_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / results.RESULTS).write_text(line + "\n")
    with pytest.raises(ConfigError, match=r"results\.jsonl, line 1: not a result"):
        results.read_rows(tmp_path)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with results.ResultsFile(tmp_path), pytest.raises(ConfigError, match="another bench is writing there"):
        results.ResultsFile(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write results there"):
        results.ResultsFile(tmp_path / "file" / "out")


def test_an_unknown_number_is_written_as_null(tmp_path: Path, make_row: MakeRow) -> None:
    with results.ResultsFile(tmp_path) as file:
        file.append(make_row("a", "fixed", 101, congestion_index=float("nan")))
    assert results.read_rows(tmp_path)[0]["congestion_index"] is None


def test_strict_reaches_into_lists_and_tables() -> None:
    assert results.strict({"a": [1.0, float("inf")], "b": (float("nan"), "x")}) == {"a": [1.0, None], "b": [None, "x"]}


def test_the_last_row_of_an_episode_holds(make_row: MakeRow) -> None:
    rows = [make_row("a", "fixed", 101, 10.0), make_row("a", "fixed", 102, 5.0), make_row("a", "fixed", 101, 20.0)]
    assert [row["delay_s_per_veh"] for row in results.latest(rows).values()] == [20.0, 5.0]


def test_recording_a_trace_does_not_make_another_episode_but_rules_do() -> None:
    spec = EpisodeSpec(scenario="a", controller="fixed", seed=101)
    assert results.spec_key(spec, "v1") == results.spec_key(EpisodeSpec(scenario="a", controller="fixed", seed=101, trace=True), "v1")
    assert results.spec_key(spec, "v1") != results.spec_key(EpisodeSpec(scenario="a", controller="fixed", seed=101, rules="free"), "v1")
    assert results.spec_key(spec, "v1") != results.spec_key(spec, "v2")


def test_a_spec_has_the_key_of_its_row(make_row: MakeRow) -> None:
    row = make_row("a", "fixed", 101)
    spec = EpisodeSpec(scenario="a", controller="fixed", seed=101)
    assert results.spec_key(spec, "v1") == results.episode_key(row["spec"], row["version"])


def test_a_trace_comes_back_to_its_episode_and_to_no_other(tmp_path: Path, make_row: MakeRow) -> None:
    row = make_row("resco/a", "policy:x/../y", 101)
    (tmp_path / results.TRACES).mkdir()
    path = results.save_trace(tmp_path, row, {"times_s": [0.0, float("nan")]})
    assert path.parent == tmp_path / results.TRACES
    assert results.load_trace(tmp_path, row) == {"times_s": [0.0, None]}
    assert results.load_trace(tmp_path, {**row, "version": "v2"}) is None


def test_a_broken_or_missing_trace_is_none(tmp_path: Path, make_row: MakeRow) -> None:
    row = make_row("a", "fixed", 101)
    (tmp_path / results.TRACES).mkdir()
    assert results.load_trace(tmp_path, row) is None
    results.trace_file(tmp_path, "a", "fixed", 101).write_bytes(b"no gzip")
    assert results.load_trace(tmp_path, row) is None


def test_failed_tells_an_error_row(make_row: MakeRow) -> None:
    assert not results.failed(make_row("a", "fixed", 101))
    assert results.failed({**make_row("a", "fixed", 101), "error": {}})

"""The matrix: scenarios x controllers x seeds, each episode in a fresh process, a few at a time; resumable at any moment.

`run_matrix` runs what is not yet in the folder and returns every row of the matrix; `bench` is the whole command: run, compare,
print the table, write summary.json and report.html.
"""

from __future__ import annotations

import json
import queue
import shlex
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.compare import compare, summary
from benchmarks.display import EpisodeBars, result_tables
from benchmarks.provenance import episode_version, provenance
from benchmarks.results import (
    RESULTS,
    ResultsFile,
    Row,
    failed,
    latest,
    load_trace,
    read_rows,
    save_trace,
    spec_key,
    strict,
)
from citybrain import assemble, report
from citybrain.detected import check_sensing
from citybrain.episode import EpisodeSpec, check_demand
from citybrain.forecasts import check_name
from citybrain.worker import Worker
from forecasting.models import QUICK
from signals.errors import ConfigError, SignalsError
from sumo_nets.scenario import scenario

META = "meta.json"
SUMMARY = "summary.json"
REPORT = "report.html"
INTERRUPTED = 130  # what a shell reports of a command that Ctrl-C ended
CONDITIONS: dict[str, Any] = {"sensing": "ideal", "sensor_faults": 0.0, "demand": 1.0, "heavy": 0.0, "incident": False}
"""What the rows of one table have in common beside the rules, and its usual value."""
JOIN_S = 0.2
UNDER_WAY = 0.99  # simulated to the end, but not measured and stored yet

Progress = Callable[[EpisodeSpec, float], None]
"""Called with an episode and the share of it that is done: 0 as it begins, 1 as it ends (at once, where its result is at hand)."""


@dataclass(frozen=True, slots=True)
class _Message:
    """What a runner tells: how far an episode is, or how it ended."""

    spec: EpisodeSpec
    share: float
    row: Row | None = None


def matrix_specs(
    scenarios: Sequence[str],
    controllers: Sequence[str],
    seeds: Sequence[int],
    rules: str,
    forecast: str = QUICK,
    sensing: str = "ideal",
    sensor_faults: float = 0.0,
    demand: float = 1.0,
    *,
    heavy: float = 0.0,
    incident: bool = False,
) -> list[EpisodeSpec]:
    """Every episode once, seed by seed, so that what an interruption leaves is balanced; the first seed's keep a trace."""
    for controller in controllers:
        assemble.controller(controller)
    for name in scenarios:
        scenario(name)
    assemble.rules(rules)
    check_name(forecast)
    check_sensing(sensing, sensor_faults)
    check_demand(demand, heavy)
    for what, some in (("scenarios", scenarios), ("controllers", controllers), ("seeds", seeds)):
        if not some:
            raise ConfigError(f"a matrix without {what}; expected at least one")
    return [
        EpisodeSpec(
            scenario=name,
            controller=controller,
            seed=seed,
            rules=rules,
            forecast=forecast,
            trace=seed == seeds[0],
            sensing=sensing,
            sensor_faults=sensor_faults,
            demand=demand,
            heavy=heavy,
            incident=incident,
        )
        for seed in dict.fromkeys(seeds)
        for name in dict.fromkeys(scenarios)
        for controller in dict.fromkeys(controllers)
    ]


def run_matrix(specs: Sequence[EpisodeSpec], jobs: int, out: Path, progress: Progress | None = None) -> list[Row]:
    """The row of every episode, run now or before; KeyboardInterrupt loses only the episodes that were under way."""
    if jobs < 1:
        raise ConfigError(f"jobs: {jobs}, expected at least 1")
    tell = progress or (lambda spec, share: None)
    versions = {spec: episode_version(spec) for spec in specs}
    with ResultsFile(out) as file:
        rows = {key: row for key, row in latest(read_rows(out)).items() if not failed(row)}
        missing = []
        for spec in specs:
            row = rows.get(spec_key(spec, versions[spec]))
            if row is None or (spec.trace and load_trace(out, row) is None):
                missing.append(spec)
            else:
                tell(spec, 1.0)
        with _Runners(missing, min(jobs, max(len(missing), 1))) as runners:
            for _ in missing:
                message = runners.next(tell)
                row = {**(message.row or {}), "version": versions[message.spec]}
                trace = row.pop("trace", None)
                if trace is not None:
                    save_trace(out, row, trace)
                file.append(row)
                rows[spec_key(message.spec, row["version"])] = row
                tell(message.spec, 1.0)
    return [rows[spec_key(spec, versions[spec])] for spec in specs]


class _Runners:
    """Threads with a worker process each; leaving the context kills whatever still runs."""

    def __init__(self, specs: Sequence[EpisodeSpec], jobs: int) -> None:
        self._specs: queue.SimpleQueue[EpisodeSpec] = queue.SimpleQueue()
        for spec in specs:
            self._specs.put(spec)
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._workers = [Worker() for _ in range(jobs)]
        self._threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self._workers]

    def next(self, tell: Progress) -> _Message:
        """Wait for the next episode to end, telling of the others meanwhile."""
        while True:
            message = self._messages.get()
            if message.row is not None:
                return message
            tell(message.spec, message.share)

    def _work(self, worker: Worker) -> None:
        while not self._stop.is_set():
            try:
                spec = self._specs.get_nowait()
            except queue.Empty:
                return
            self._messages.put(_Message(spec, 0.0))
            self._messages.put(_Message(spec, 1.0, self._episode(worker, spec)))

    def _episode(self, worker: Worker, spec: EpisodeSpec) -> Row:
        def moved(begin_s: float, now_s: float, end_s: float) -> None:
            share = (now_s - begin_s) / (end_s - begin_s)
            self._messages.put(_Message(spec, min(share, UNDER_WAY)))

        try:
            return worker.run(spec, moved)
        except (SignalsError, RuntimeError, OSError, ValueError) as error:  # the last two: the worker's pipe broke
            worker.close()
            return error_row(spec, error)

    def __enter__(self) -> _Runners:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for worker, thread in zip(self._workers, self._threads, strict=True):
            # A thread may just have begun another episode: close again until it has seen the stop.
            while thread.is_alive():
                worker.close()
                thread.join(JOIN_S)
            worker.close()


def error_row(spec: EpisodeSpec, error: Exception) -> Row:
    """The row of an episode that ended with an error; a bug's sentence is the last line of its traceback."""
    text = str(error).strip()
    plain: Row = json.loads(spec_key(spec, ""))[0]
    return {
        "scenario": spec.scenario,
        "controller": spec.controller,
        "seed": spec.seed,
        "rules": spec.rules,
        "error": {"kind": type(error).__name__, "sentence": text.splitlines()[-1] if text else "", "text": text},
        "spec": {**plain, "trace": spec.trace},
    }


def bench(
    scenarios: list[str],
    controllers: list[str],
    seeds: list[int],
    jobs: int,
    out: Path,
    rules: str,
    console: Console,
    baseline: str,
    *,
    forecast: str = QUICK,
    sensing: str = "ideal",
    sensor_faults: float = 0.0,
    demand: float = 1.0,
    heavy: float = 0.0,
    incident: bool = False,
    command: str | None = None,
    now: datetime | None = None,
) -> int:
    """Run the matrix, print its tables, write summary.json and report.html; 0, 1 with failed episodes, 130 after Ctrl-C."""
    specs = matrix_specs(scenarios, controllers, seeds, rules, forecast, sensing, sensor_faults, demand, heavy=heavy, incident=incident)
    if baseline not in controllers:
        raise ConfigError(f"baseline {baseline!r}: not among the controllers {', '.join(controllers)}; name one of them, or add it")
    report.require_extra()
    date = (now or datetime.now().astimezone()).isoformat(timespec="seconds")
    words = command or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    meta = {
        **provenance(date, words),
        "rules": rules,
        "forecast": forecast,
        "sensing": sensing,
        "sensor_faults": sensor_faults,
        "demand": demand,
        "heavy": heavy,
        "incident": incident,
        "scenarios": scenarios,
        "controllers": controllers,
        "seeds": seeds,
        "jobs": jobs,
    }
    try:
        with EpisodeBars(console, len(specs)) as bars:
            rows = run_matrix(specs, jobs, out, bars.tell)
    except KeyboardInterrupt:
        console.print(
            f"interrupted; {bars.finished} of {len(specs)} episodes are in {out}; the same command goes on from there",
            soft_wrap=True,
        )
        return INTERRUPTED
    meta["sumo_options"] = sumo_options(rows)
    return _publish(rows, meta, out, console, baseline)


def rebuild(out: Path, console: Console, baseline: str) -> int:
    """Tables, summary.json and report.html again from the results that are in a folder; the last of each episode holds."""
    rows = read_rows(out)
    if not rows:
        raise ConfigError(f"{out}: no results there; expected a {RESULTS} that a bench has written")
    meta = json.loads((out / META).read_text(encoding="utf-8")) if (out / META).is_file() else {}
    rows = [row for row in rows if all(row["spec"].get(key, usual) == meta.get(key, usual) for key, usual in CONDITIONS.items())]
    last = {(row["scenario"], row["controller"], row["seed"], row["rules"]): row for row in rows}
    order = [*meta.get("scenarios", []), *meta.get("controllers", [])]
    place = {name: i for i, name in enumerate(order)}
    chosen = sorted(last.values(), key=lambda row: [place.get(row[what], len(place)) for what in ("scenario", "controller")])
    return _publish(chosen, meta, out, console, baseline)


def sumo_options(rows: list[Row]) -> dict[str, list[str]]:
    """SUMO's options by scenario, as the first finished episode of each was started."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if not failed(row):
            found.setdefault(row["scenario"], row["sumo_options"])
    return found


def _publish(rows: list[Row], meta: dict[str, Any], out: Path, console: Console, baseline: str) -> int:
    comparison = compare(rows, baseline)
    # A folder may hold results of several versions of the code: the page must not name just one.
    meta = {**meta, "code_version": "; ".join(dict.fromkeys(row["version"] for row in rows))}
    _write_json(out / META, meta)
    _write_json(out / SUMMARY, summary(comparison, meta))
    report.write_report(out / REPORT, comparison, [row for row in rows if not failed(row)], _traces(rows, out), meta)
    for table in result_tables(comparison):
        console.print(table)
        console.print()
    failures = [row for row in rows if failed(row)]
    for row in failures:
        console.print(
            f"failed: {row['scenario']}, {row['controller']}, seed {row['seed']}: {row['error']['sentence']}",
            style="red",
            markup=False,
        )
    console.print(f"report: {out / REPORT}", soft_wrap=True, markup=False)
    return 1 if failures else 0


def _traces(rows: list[Row], out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The stored traces by scenario and controller."""
    found = {}
    for row in rows:
        trace = load_trace(out, row) if not failed(row) and row["spec"]["trace"] else None
        if trace is not None:
            found[row["scenario"], row["controller"]] = {**trace, "seed": row["seed"]}
    return found


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(strict(content), ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")

"""One episode: a scenario, a controller and a seed from begin to end, measured from SUMO's own tripinfo.

Runs in this process; `citybrain.worker` gives every episode a fresh one, which is what results are reported from.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from citybrain import assemble
from citybrain.detected import Detected, check_sensing, detected
from citybrain.explainer import Explainer
from citybrain.forecasts import Silent, check_name, fitted_for, forecaster_for, is_fitted
from citybrain.output import nothing_left_behind, writable
from citybrain.recorder import Recorder
from forecasting.models import MODELS
from signals.errors import ConfigError
from signals.links.detectors import Listener
from signals.links.sumo import SumoLink
from signals.loop import ControlLoop, Forecaster
from signals.metrics import METRICS, Trips, read_trips
from signals.monitor import LightsMonitor, as_built, monitor_for
from signals.planners.base import Planner
from signals.rules import Rules, envelope, with_timing
from signals.types import Network, SafetyEnvelope
from sumo_nets.actuated import write_actuated
from sumo_nets.bearings import arm_names, bearings_deg
from sumo_nets.demand import scaled_scenario
from sumo_nets.fleet import heavier_scenario
from sumo_nets.incident import Incident, Witness, place_incident, with_incident
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, check, from_files, scenario
from sumo_nets.sensors import write_detectors
from sumo_nets.session import BACKENDS, RunFiles, Session, start

PROGRESS_EVERY_S = 30.0
Progress = Callable[[float, float, float], None]
"""Called with (begin, now, end) in simulation seconds."""
Watch = Callable[[float, Sequence[str]], None]
"""Called with the second a step began in and the lights of every signal during it."""


@dataclass(frozen=True, slots=True)
class EpisodeSpec:
    """What to run; every field is plain, so a spec travels as JSON. `net` and `routes` stand in for `scenario`."""

    scenario: str = ""
    controller: str = "learned"
    seed: int = 1
    rules: str = "resco"
    net: str = ""
    routes: tuple[str, ...] = ()
    begin_s: float | None = None
    end_s: float | None = None
    backend: str = "libsumo"
    tripinfo: str = ""
    additional: tuple[str, ...] = ()
    forecast: str = "residual"
    trace: bool = False
    sensing: str = "ideal"
    sensor_faults: float = 0.0
    explain: str = ""
    language: str = "en"
    demand: float = 1.0
    heavy: float = 0.0
    incident: bool = False


@dataclass(frozen=True, slots=True)
class Steering:
    """Who runs the signals of an episode, and within which limits."""

    limits: tuple[SafetyEnvelope, ...]
    planner: Planner
    forecaster: Forecaster
    street: Detected | None = None
    explainer: Explainer | None = None


def scenario_of(spec: EpisodeSpec) -> Scenario:
    """The checked scenario of a spec, with its begin and end and its own demand: `played` is what SUMO runs."""
    if not 0 <= spec.seed < 2**31:
        raise ConfigError(f"seed {spec.seed}: expected a whole number from 0 to {2**31 - 1}")
    for option, time_s in (("begin", spec.begin_s), ("end", spec.end_s)):
        if time_s is not None and not 0.0 <= time_s < float("inf"):
            raise ConfigError(f"{option} {time_s} s: expected a time of the simulation, from 0 up")
    check_demand(spec.demand, spec.heavy)
    if spec.backend not in BACKENDS:
        raise ConfigError(f"backend {spec.backend!r}: no such backend; {assemble.nearest(spec.backend, BACKENDS)}")
    if not (spec.scenario or spec.net or spec.routes):
        raise ConfigError("expected a scenario, or both --net FILE and --routes FILE")
    if spec.net or spec.routes:
        if spec.scenario or not (spec.net and spec.routes):
            raise ConfigError("expected a scenario, or both --net FILE and --routes FILE; not a mixture")
        found = from_files(Path(spec.net), tuple(Path(r) for r in spec.routes), spec.begin_s, spec.end_s)
    else:
        found = scenario(spec.scenario)
        found = replace(
            found,
            begin_s=found.begin_s if spec.begin_s is None else spec.begin_s,
            end_s=found.end_s if spec.end_s is None else spec.end_s,
        )
    for extra in spec.additional:
        if not Path(extra).is_file():
            raise ConfigError(f"{extra}: no such additional file")
    return check(found)


def check_demand(factor: float, heavy: float = 0.0) -> None:
    """ConfigError unless the demand can be multiplied by this, and such a share of its cars be heavy."""
    if not 0.0 < factor < float("inf"):
        raise ConfigError(f"demand {factor}: expected a factor above 0, 1 for the scenario's own")
    if not 0.0 <= heavy <= 1.0:
        raise ConfigError(f"heavy {heavy}: expected a share from 0 to 1, 0 for the scenario's own vehicles")


def played(found: Scenario, spec: EpisodeSpec, folder: Path, incident: Incident | None = None) -> Scenario:
    """The scenario with the spec's demand, heavy vehicles and incident, in files of the folder.

    Who comes more than once, and in what, is the seed's choice: the same for every controller. The
    forecaster's earlier days stay those of the scenario itself: a busier day is news to it.
    """
    scaled = found if spec.demand == 1.0 else scaled_scenario(found, spec.demand, spec.seed, folder)
    driven = scaled if spec.heavy == 0.0 else heavier_scenario(scaled, spec.heavy, spec.seed, folder)
    return driven if incident is None else with_incident(driven, incident, folder)


def run_episode(spec: EpisodeSpec, progress: Progress | None = None, watch: Watch | None = None) -> dict[str, Any]:
    """Run it and measure it; the result is a plain dictionary, ready for JSON. `watch` sees every step's lights as well."""
    chosen = assemble.controller(spec.controller)
    check_name(spec.forecast)
    check_sensing(spec.sensing, spec.sensor_faults)
    found = scenario_of(spec)
    rules = with_timing(assemble.rules(spec.rules), found.decision_s, found.yellow_s)
    network = read_network(found.net, rules, name=found.name)
    if spec.explain and chosen.make is None:
        raise ConfigError(f"controller {spec.controller!r} runs inside SUMO: there is no planner to explain")
    steering = None if chosen.make is None else steering_of(spec, found, network, rules)
    witness = Witness(place_incident(found, network)) if spec.incident else None
    with tempfile.TemporaryDirectory(prefix="citybrain-") as folder:
        tripinfo = Path(spec.tripinfo) if spec.tripinfo else Path(folder) / "tripinfo.xml"
        writable(tripinfo)
        tripinfo.parent.mkdir(parents=True, exist_ok=True)
        additional = [Path(a) for a in spec.additional]
        if chosen.native == "actuated":
            additional.append(write_actuated(network, Path(folder) / "actuated.add.xml"))
        if steering is not None and steering.street is not None:
            additional.append(write_detectors(steering.street.detectors, Path(folder) / "detectors.add.xml"))
        recorder = Recorder(network) if spec.trace else None
        files = RunFiles(tripinfo, tuple(additional))
        driven = played(found, spec, Path(folder), witness.incident if witness else None)
        with nothing_left_behind(tripinfo), start(driven, spec.seed, files, spec.backend) as session:
            run = _Run(session, network, rules, recorder, progress, watch, witness)
            wall_s, cpu_s = run.native() if steering is None else run.steered(steering)
            free_left_s = session.free_flow_left_s()
            if steering is not None and steering.explainer is not None:
                steering.explainer.write(Path(spec.explain))
            words = session.options
        trips = read_trips(tripinfo, found.begin_s, found.end_s, free_left_s)
    return {
        **_head(spec, found, rules),
        **{key: metric.function(trips) for key, metric in METRICS.items()},
        "incident": witness.as_json() if witness is not None else None,
        "safety_violations": len(run.monitor.violations),
        "violations": [v.sentence for v in run.monitor.violations[:20]],
        "objections": dict(run.objections),
        "signals": len(network.signals),
        "wall_s": round(wall_s, 3),
        "cpu_s": round(cpu_s, 3),
        "sumo_options": [Path(w).name if os.sep in w else w for w in words],
        "delay_by_minute": delay_by_minute(trips),
        "late_by_minute": late_by_minute(trips),
        **({"trace": recorder.as_json()} if recorder is not None else {}),
    }


def prepare(spec: EpisodeSpec) -> None:
    """Fit what the episode will forecast with: for a process that runs several episodes of a scenario in forks."""
    if assemble.controller(spec.controller).make is not None and spec.forecast in MODELS:
        found = scenario_of(spec)
        if not is_fitted(spec.forecast, found):
            fitted_for(spec.forecast, found, read_network(found.net, assemble.rules(spec.rules), name=found.name))


def steering_of(spec: EpisodeSpec, found: Scenario, network: Network, rules: Rules) -> Steering:
    """Planner and forecaster by their names, before anything is started."""
    limits = tuple(envelope(s, rules, found.step_s) for s in network.signals)
    planner = assemble.planner(spec.controller, network, limits)
    forecaster = Silent() if spec.forecast == "none" else forecaster_for(spec.forecast, found, network)
    street = detected(spec.sensing, spec.sensor_faults, spec.seed, network, found.net)
    explainer = explained(planner, spec, found, network, limits) if spec.explain else None
    return Steering(limits, explainer or planner, forecaster, street, explainer)


def explained(planner: Planner, spec: EpisodeSpec, found: Scenario, network: Network, limits: tuple[SafetyEnvelope, ...]) -> Explainer:
    """The planner with a voice, its approaches named by compass."""
    writable(Path(spec.explain))
    from_deg = bearings_deg(found.net)
    return Explainer(network, limits, planner, spec.language, {s.id: arm_names(s, from_deg) for s in network.signals})


def _head(spec: EpisodeSpec, found: Scenario, rules: Rules) -> dict[str, Any]:
    return {
        "scenario": found.name,
        "controller": spec.controller,
        "seed": spec.seed,
        "rules": spec.rules,
        "begin_s": found.begin_s,
        "end_s": found.end_s,
        "decision_s": rules.decision_s,
        "yellow_s": rules.yellow_s,
        "forecast": spec.forecast,
        "sensing": spec.sensing,
        "sensor_faults": spec.sensor_faults,
        "demand": spec.demand,
        "heavy": spec.heavy,
        "backend": spec.backend,
        "sumo_version": version("libsumo"),
        "spec": asdict(spec),
    }


def delay_by_minute(trips: Trips) -> list[list[float]]:
    """[minute since begin, mean delay of the trips due in it [s/veh], trips] for the picture of delay over time."""
    rows: dict[int, list[float]] = {}
    delays_s = trips.time_loss_s + trips.depart_delay_s
    for due_s, delay_s in zip(trips.due_s.tolist(), delays_s.tolist(), strict=True):
        rows.setdefault(int((due_s - trips.begin_s) // 60.0), []).append(delay_s)
    return [[minute, round(sum(d) / len(d), 2), len(d)] for minute, d in sorted(rows.items())]


def late_by_minute(trips: Trips) -> list[list[float]]:
    """[minute since begin, vehicles late at its end, trips due in it], every minute of the run.

    Late are V(t) - D(t): trips that would have arrived by t at free flow from their due departure, but have not; what waits to be let
    in counts as what stands in the streets. The area under it is the delay. Daganzo 1997, section 2.2 (cumulative curves).
    """
    free_s = trips.duration_s - trips.time_loss_s + np.nan_to_num(trips.free_left_s)
    at_ease_s, arrival_s = trips.due_s + free_s, np.where(trips.arrived, trips.arrival_s, np.inf)
    rows: list[list[float]] = []
    for minute in range(math.ceil((trips.end_s - trips.begin_s) / 60.0)):
        from_s = trips.begin_s + 60.0 * minute
        to_s = min(from_s + 60.0, trips.end_s)
        late = (at_ease_s <= to_s).sum() - (arrival_s <= to_s).sum()
        due = ((trips.due_s >= from_s) & (trips.due_s < from_s + 60.0)).sum()
        rows.append([minute, float(late), int(due)])
    return rows


def clocks() -> tuple[float, float]:
    """Wall and processor time of this process [s]."""
    return time.perf_counter(), time.process_time()


def elapsed(since: tuple[float, float]) -> tuple[float, float]:
    """Wall and processor time since then [s]."""
    wall_s, cpu_s = clocks()
    return wall_s - since[0], cpu_s - since[1]


class _Run:
    """The stepping of one episode; lives as long as its session."""

    def __init__(
        self,
        session: Session,
        network: Network,
        rules: Rules,
        recorder: Recorder | None,
        progress: Progress | None,
        watch: Watch | None,
        witness: Witness | None,
    ) -> None:
        self.session, self.network, self.rules = session, network, rules
        self.recorder, self.progress, self.watch, self.witness = recorder, progress, watch, witness
        self.monitor: LightsMonitor = as_built(network)
        self.objections: Counter[str] = Counter()
        self._ids = [s.id for s in network.signals]
        self._listener: Listener | None = None

    def _lights(self) -> Sequence[str]:
        show = self.session.sumo.trafficlight.getRedYellowGreenState
        return [show(i) for i in self._ids]

    def _advance_to(self, until_s: float) -> None:
        session, monitor, other = self.session, self.monitor.watch, self.watch
        while session.now_s < until_s:
            began_s = session.now_s
            session.advance()
            if self._listener is not None:
                self._listener.listen(session.now_s)
            lights = self._lights()  # what SUMO shows after a step is what stood during it
            monitor(began_s, lights)
            if other is not None:
                other(began_s, lights)
        if self.witness is not None:
            self.witness.see(session.sumo, session.now_s)

    def _report(self) -> None:
        if self.progress is not None:
            self.progress(self.session.begin_s, self.session.now_s, self.session.end_s)

    def native(self) -> tuple[float, float]:
        """SUMO runs the signals; we watch."""
        watcher = SumoLink(self.session.sumo, self.network) if self.recorder is not None else None
        started_s = clocks()
        while self.session.now_s < self.session.end_s:
            if watcher is not None and self.recorder is not None:
                self.recorder.see(watcher.observe(self.session.now_s), None)
            self._advance_to(min(self.session.now_s + self.rules.decision_s, self.session.end_s))
            self._report()
        return elapsed(started_s)

    def steered(self, by: Steering) -> tuple[float, float]:
        """We run the signals: a tick every decision interval."""
        self.monitor = monitor_for(self.network, self.rules)
        if by.street is not None:
            self._listener = by.street.listener(self.session.sumo, self.network)
        link = SumoLink(self.session.sumo, self.network, sensors=self._listener)
        loop = ControlLoop(self.network, by.limits, link, by.planner, by.forecaster)
        started_s, reported_s = clocks(), self.session.now_s
        while self.session.now_s < self.session.end_s:
            tick = loop.tick(self.session.now_s)
            if self._listener is not None and tick.forecast is not None:
                self._listener.expect(tick.forecast.flow_veh_h[0])
            if by.explainer is not None:
                by.explainer.see(tick)
            for approved in tick.plans:
                for objection in approved.objections:
                    self.objections[objection.rule] += 1
            if self.recorder is not None:
                self.recorder.see(tick.observed, tick.forecast)
            self._advance_to(min(self.session.now_s + self.rules.decision_s, self.session.end_s))
            if self.session.now_s - reported_s >= PROGRESS_EVERY_S:
                reported_s = self.session.now_s
                self._report()
        return elapsed(started_s)

"""Our plans beside those of SUMO's own tools on the same nets, in one run: delay of each plan as it stands, and the time to make it.

`tlsCycleAdaptation.py` cuts cycles and splits (Webster), `tlsCoordinator.py` sets offsets. Every plan runs as a fixed program, with the
rules' minimum greens imposed on all. And green waves: the exact search over many arterials, and MAXBAND on one of twenty signals.
`python -m benchmarks.progression [--json FILE] [--seeds 3]`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np

from benchmarks.provenance import provenance
from citybrain.episode import EpisodeSpec
from citybrain.worker import Worker
from citybrain.yesterday import seen_yesterday
from signals.errors import ScenarioError
from signals.kernels import progression
from signals.links.program import Cabinet
from signals.planners.coordinated import timing_for
from signals.planners.network_timing import plan_of
from signals.planners.progression import Arterial, GreenWave, green_wave, maxband, multiband
from signals.rules import RULES, Rules, envelope, with_timing
from signals.types import Floats, Network, Stage, TimingPlan
from signals.units import veh_h_from_count
from sumo_nets.counting import BIN_S, expected_counts
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario
from sumo_nets.xml_stream import visit

SCENARIOS = ("resco/cologne3", "resco/ingolstadt7")
CYCLES_S: Floats = np.arange(60.0, 121.0)
MANY, SIGNALS, LONG = 1000, 10, 20


def write_plans(network: Network, plans: tuple[TimingPlan, ...], out: Path) -> Path:
    """The plans with their intergreens as fixed programs that become the active ones."""
    lines = ["<additional>"]
    for signal, plan in zip(network.signals, plans, strict=True):
        lines.append(f'  <tlLogic id={quoteattr(signal.id)} type="static" programID="plan" offset="{plan.offset_s:g}">')
        for segment in Cabinet(signal).cycle(plan.stages[0].phase, plan.stages, 0):
            lines.append(f'    <phase duration="{segment.duration_s:g}" state="{segment.lights}"/>')
        lines.append("  </tlLogic>")
    out.write_text("\n".join([*lines, "</additional>", ""]), encoding="utf-8")
    return out


def fixed_plans(network: Network, rules: Rules) -> tuple[TimingPlan, ...]:
    """The base plans, no green under the minimum."""
    found = []
    for signal in network.signals:
        stages = tuple(Stage(s.phase, max(s.green_s, rules.min_green_s)) for s in signal.base.stages)
        more_s = sum(s.green_s for s in stages) - sum(s.green_s for s in signal.base.stages)
        found.append(replace(signal.base, stages=stages, cycle_s=signal.base.cycle_s + more_s))
    return tuple(found)


def our_plans(network: Network, rules: Rules, flow_veh_h: Floats) -> tuple[TimingPlan, ...]:
    """Stages, common cycle, splits and offsets for these flows [movement]."""
    limits = tuple(envelope(s, rules) for s in network.signals)
    found = timing_for(network, limits, flow_veh_h, np.random.default_rng(1))
    if found is None:
        raise ScenarioError(f"{network.name}: no common cycle has room for all minimum greens")
    return tuple(plan_of(s, found, i) for i, s in enumerate(network.signals))


def sumo_home() -> Path:
    """Folder of SUMO's programs and tools."""
    home = find_spec("sumo")
    if home is None or home.origin is None:
        raise ScenarioError("SUMO's tools lie in the eclipse-sumo wheel, which is not installed: pip install 'citybrain[sumo]'")
    return Path(home.origin).parent


def asked(*words: object) -> float:
    """Run a program; seconds it took. ScenarioError with its last words where it fails."""
    began_s = time.perf_counter()
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ScenarioError(f"{words[0]}: {done.stderr.strip().splitlines()[-1:]}")
    return time.perf_counter() - began_s


def tool(name: str, out: Path, *words: object) -> float:
    """Run one of SUMO's tools; seconds it took. ScenarioError where it planned for no signal: then there is nothing to compare."""
    took_s = asked(sys.executable, sumo_home() / "tools" / name, *words, "-o", out)
    if next(ElementTree.parse(out).iter("tlLogic"), None) is None:
        raise ScenarioError(f"{name}: planned for no signal; expected routes through the network's signals")
    return took_s


def has_routes(file: Path) -> bool:
    """Whether a demand file writes its vehicles' routes out."""
    tags: set[str] = set()
    visit(file, lambda tag, _: tags.add(tag), frozenset({"routes", "additional"}))
    return "route" in tags


def routed(found: Scenario, out: Path) -> str:
    """The demand as the tools read it: as given where routes are written out; trips are routed first, which the tools do not see."""
    routes = ",".join(str(one) for one in found.routes)
    if all(has_routes(one) for one in found.routes):
        return routes
    words = ("--ignore-errors", "--no-warnings", "--named-routes", "false", "-b", f"{found.begin_s:g}", "-e", f"{found.end_s:g}")
    asked(sumo_home() / "bin" / "duarouter", "-n", found.net, "-r", routes, *words, "-o", out)
    return str(out)


def impose_minimum(plans: Path, min_green_s: float) -> Path:
    """Lengthen the greens of a tool's programs to the minimum, in place."""
    tree = ElementTree.parse(plans)
    for phase in tree.iter("phase"):
        state = phase.get("state", "")
        if any(c in "Gg" for c in state) and not any(c in "yYu" for c in state):
            phase.set("duration", f"{max(float(phase.get('duration', '0')), min_green_s):g}")
    tree.write(plans, encoding="utf-8")
    return plans


def plan_files(
    found: Scenario, network: Network, rules: Rules, flow_veh_h: Floats, folder: Path
) -> dict[str, tuple[float, tuple[Path, ...]]]:
    """Name of a plan -> (seconds to make it, additional files)."""
    common = ("-n", found.net, "-r", routed(found, folder / "routed.rou.xml"))
    fixed = write_plans(network, fixed_plans(network, rules), folder / "fixed.add.xml")
    adapted, apart, both = (folder / f"{name}.add.xml" for name in ("adapted", "apart", "both"))
    seconds = ("-b", f"{found.begin_s:g}", "-y", f"{rules.yellow_s or 3.0:g}", "-g", f"{rules.min_green_s:g}")
    adapted_s = tool("tlsCycleAdaptation.py", adapted, *common, *seconds)
    impose_minimum(adapted, rules.min_green_s)
    apart_s = tool("tlsCoordinator.py", apart, *common, "-a", fixed)
    both_s = tool("tlsCoordinator.py", both, *common, "-a", adapted)
    our_plans(network, rules, flow_veh_h)  # loads the kernels
    began_s = time.perf_counter()
    again = read_network(found.net, rules, name=found.name)
    ours = write_plans(again, our_plans(again, rules, flow_veh_h), folder / "ours.add.xml")
    ours_s = time.perf_counter() - began_s
    return {
        "fixed": (0.0, (fixed,)),
        "SUMO tlsCycleAdaptation": (adapted_s, (adapted,)),
        "SUMO tlsCoordinator": (apart_s, (fixed, apart)),
        "SUMO both tools": (adapted_s + both_s, (adapted, both)),
        "coordinated": (ours_s, (ours,)),
    }


def plan_rows(name: str, seeds: int) -> list[dict[str, Any]]:
    """Delay of every plan on one scenario, mean and worst over the seeds, and the time to make it."""
    found = scenario(name)
    rules = with_timing(RULES["resco"], found.decision_s, found.yellow_s)
    network = read_network(found.net, rules, name=found.name)
    counts_veh = np.asarray(expected_counts(found, network, seen_veh=seen_yesterday(found, network)))
    flow_veh_h = veh_h_from_count(1.0, BIN_S) * counts_veh.mean(axis=0)
    rows = []
    with tempfile.TemporaryDirectory(prefix="citybrain-") as folder, Worker() as worker:
        for plan, (made_s, files) in plan_files(found, network, rules, flow_veh_h, Path(folder)).items():
            words = tuple(str(file) for file in files)
            specs = [EpisodeSpec(scenario=name, controller="fixed", seed=seed, additional=words) for seed in range(1, seeds + 1)]
            delays_s = [worker.run(spec)["delay_s_per_veh"] for spec in specs]
            row = {"delay_s_per_veh": round(fmean(delays_s), 2), "worst_s_per_veh": round(max(delays_s), 2), "seeds": seeds}
            rows.append({"scenario": name, "plan": plan, **row, "made_s": round(made_s, 2)})
    return rows


def arterial(n: int, rng: np.random.Generator) -> Arterial:
    """An arterial of `n` signals 150 to 600 m apart at 50 km/h, with greens of 30 to 60 % that do not begin together."""
    there_s, back_s = (np.concatenate(([0.0], np.cumsum(rng.uniform(10.8, 43.2, n - 1)))) for _ in range(2))
    after = tuple((float(x),) for x in rng.uniform(-0.2, 0.2, n))
    return Arterial(rng.uniform(0.3, 0.6, n), rng.uniform(0.3, 0.6, n), after, there_s, back_s)


def timed_s(call: Callable[[], object]) -> float:
    """Wall time of one call [s]."""
    began_s = time.perf_counter()
    call()
    return time.perf_counter() - began_s


def wave_rows(many: int = MANY, signals: int = SIGNALS, long: int = LONG) -> list[dict[str, Any]]:
    """Seconds for many arterials by the exact search, and for one long arterial by each method, with the bands' share of the cycle."""
    rng = np.random.default_rng(1)
    some = [arterial(signals, rng) for _ in range(many)]
    after = np.array([[place for (place,) in a.back_after] for a in some])
    green, back_green = (np.array([getattr(a, name) for a in some]) for name in ("green", "back_green"))
    columns = (green, back_green, after, np.array([a.travel_s for a in some]), np.array([a.back_s for a in some]))
    sizes = np.full(many, signals)
    progression.widest_of_many(sizes[:1], *(c[:1] for c in columns), CYCLES_S, 1.0)
    many_s = timed_s(lambda: progression.widest_of_many(sizes, *columns, CYCLES_S, 1.0))
    one, span_s = arterial(long, rng), (float(CYCLES_S[0]), float(CYCLES_S[-1]))
    rows: list[dict[str, Any]] = [
        {"method": "exact search, whole seconds", "arterials": many, "signals": signals, "took_s": round(many_s, 2)}
    ]
    methods: tuple[tuple[str, Callable[[], GreenWave]], ...] = (
        ("exact search, whole seconds", lambda: green_wave(one, CYCLES_S, 1.0)),
        ("MAXBAND", lambda: maxband(one, span_s, 1.0)),
        ("MULTIBAND", lambda: multiband(one, span_s, 1.0)),
    )
    for name, call in methods:
        began_s = time.perf_counter()
        wave = call()
        took_s = round(time.perf_counter() - began_s, 3)
        rows.append({"method": name, "arterials": 1, "signals": long, "took_s": took_s, "efficiency": round(wave.efficiency, 4)})
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Compare plans and time the green waves; print and write the rows with where they come from."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.progression", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 1 to this one")
    parser.add_argument("--only", default="", help="one scenario")
    chosen = parser.parse_args(arguments)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    waves = wave_rows()
    plans = [row for name in SCENARIOS if chosen.only in ("", name) for row in plan_rows(name, chosen.seeds)]
    for row in (*waves, *plans):
        sys.stdout.write(json.dumps(row) + "\n")
    if chosen.json is not None:
        meta = provenance(began, f"python -m benchmarks.progression --seeds {chosen.seeds}")
        chosen.json.write_text(json.dumps({"meta": meta, "waves": waves, "plans": plans}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

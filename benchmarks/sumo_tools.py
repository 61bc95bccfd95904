"""Our fixed plans beside those of SUMO's own tools on the same nets and demand, in one run: delay of each plan as it stands, and seconds.

`tlsCycleAdaptation.py` cuts cycles and splits (Webster), `tlsCoordinator.py` sets offsets; ours are `webster` and `coordinated` as
`citybrain plan` makes them. Each plan is made by a process of its own that reads the net and the demand and writes an additional file, so
that seconds compare (ours has run once before: its kernels are compiled). It then runs as a static program in the same episodes. The
rules' minimum green is imposed on all: ours plan with it; the tool is told it, which it heeds only for phases without traffic, so what
it left shorter is lengthened; and the shortest green of what runs is in every row.
`python -m benchmarks.sumo_tools [--scenarios resco/cologne3,…] [--seeds 5] [--out DIR] [--json FILE]`; run again to resume.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any
from xml.etree import ElementTree

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.display import EpisodeBars
from benchmarks.matrix import INTERRUPTED, run_matrix
from benchmarks.provenance import provenance
from benchmarks.results import RESULTS, Row, failed
from citybrain.cli import seeds_of
from citybrain.episode import EpisodeSpec
from citybrain.output import writable, write_text
from citybrain.plan_files import additional
from citybrain.planning import TRACED_M, plan_sheets, sheets_of
from citybrain.wording import UNKNOWN
from signals.errors import ScenarioError, SignalsError
from signals.rules import RULES, Rules, envelope, with_timing
from signals.types import Floats, Network, Stage, TimingPlan
from signals.units import veh_h_from_count
from sumo_nets.counting import BIN_S, expected_counts
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario
from sumo_nets.xml_stream import visit

SCENARIOS = "resco/cologne3,resco/ingolstadt7"
OURS = ("webster", "coordinated")
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Made:
    """A plan to run: the additional files that hold it, in SUMO's order, and the seconds it took to make; or why there is none."""

    plan: str
    made_s: float
    files: tuple[Path, ...]
    why_none: str = ""


def rules_of(found: Scenario) -> Rules:
    """RESCO's rules with the scenario's timing, which all plans keep to."""
    return with_timing(RULES["resco"], found.decision_s, found.yellow_s)


def mean_flows(found: Scenario, network: Network) -> Floats:
    """Flow of each movement over the scenario's hour, from its routes alone: the tools see no more [veh/h]."""
    mean_veh: Floats = expected_counts(found, network).mean(axis=0)
    return veh_h_from_count(1.0, BIN_S) * mean_veh


def make(method: str, name: str, out: Path) -> None:
    """Write our plan for a scenario by one of our methods, or the net's own (`fixed`) with its greens at least at the minimum."""
    found = scenario(name)
    rules = rules_of(found)
    network = read_network(found.net, rules, name=found.name, sensing_m=TRACED_M)
    limits = tuple(envelope(s, rules) for s in network.signals)
    flow_veh_h = mean_flows(found, network)
    if method == "fixed":
        sheets = sheets_of(network, limits, flow_veh_h, fixed_plans(network, rules))
    else:
        sheets = plan_sheets(network, limits, flow_veh_h, method)
    write_text(out, additional(sheets))


def fixed_plans(network: Network, rules: Rules) -> tuple[TimingPlan, ...]:
    """The base plans, no green under the minimum."""
    found = []
    for signal in network.signals:
        stages = tuple(Stage(s.phase, max(s.green_s, rules.min_green_s)) for s in signal.base.stages)
        more_s = sum(s.green_s for s in stages) - sum(s.green_s for s in signal.base.stages)
        found.append(replace(signal.base, stages=stages, cycle_s=signal.base.cycle_s + more_s))
    return tuple(found)


def sumo_home() -> Path:
    """Folder of SUMO's programs and tools."""
    home = find_spec("sumo")
    if home is None or home.origin is None:
        raise ScenarioError("SUMO's tools lie in the eclipse-sumo wheel, which is not installed: pip install 'citybrain[sumo]'")
    return Path(home.origin).parent


def asked(*words: object) -> float:
    """Run a program; seconds it took. ScenarioError with its last words where it fails."""
    began_s = time.perf_counter()
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "SUMO_HOME": str(sumo_home()), "PYTHONPATH": path}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, env=env)
    if done.returncode != 0:
        raise ScenarioError(f"{' '.join(Path(str(word)).name for word in words[:3])}: {' '.join(done.stderr.strip().splitlines()[-1:])}")
    return time.perf_counter() - began_s


def our_tool(method: str, name: str, out: Path) -> float:
    """Make one of our plans in a process of its own; seconds it took."""
    return asked(sys.executable, "-m", "benchmarks.sumo_tools", "--make", method, "--scenarios", name, "--out", out)


def tool(name: str, out: Path, *words: object) -> float:
    """Run one of SUMO's tools; seconds it took. ScenarioError where it planned for no signal: then there is nothing to compare."""
    took_s = asked(sys.executable, sumo_home() / "tools" / name, *words, "-o", out)
    tree = ElementTree.parse(out)
    if next(tree.iter("tlLogic"), None) is None:
        raise ScenarioError(f"{name}: planned for no signal; expected routes through the network's signals")
    tree.write(out, encoding="utf-8")  # without the tool's dated comment: the same plan is the same file
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


def is_green(phase: ElementTree.Element) -> bool:
    """Whether a phase of a program is a green, and not the yellow between two."""
    state = phase.get("state", "")
    return any(c in "Gg" for c in state) and not any(c in "yYu" for c in state)


def seconds_of(phase: ElementTree.Element) -> float:
    """Duration of a phase of a program [s]."""
    return float(phase.get("duration", "0"))


def impose_minimum(plans: Path, min_green_s: float, one_cycle: bool = False) -> Path:
    """Lengthen the greens of a tool's programs to the minimum, in place; `one_cycle`: and then all programs to the longest cycle."""
    tree = ElementTree.parse(plans)
    logics = list(tree.iter("tlLogic"))
    for phase in tree.iter("phase"):
        if is_green(phase):
            phase.set("duration", f"{max(seconds_of(phase), min_green_s):g}")
    longest_s = max((sum(map(seconds_of, logic.iter("phase"))) for logic in logics), default=0.0)
    for logic in logics if one_cycle else ():
        greens = [phase for phase in logic.iter("phase") if is_green(phase)]
        missing_s = longest_s - sum(map(seconds_of, logic.iter("phase")))
        for k, phase in enumerate(sorted(greens, key=seconds_of, reverse=True)):  # whole seconds, the longest greens first
            more_s = missing_s // len(greens) + (k < missing_s % len(greens))
            phase.set("duration", f"{seconds_of(phase) + more_s:g}")
    tree.write(plans, encoding="utf-8")
    return plans


def least_green_s(files: Sequence[Path]) -> float:
    """The shortest green of the programs that the files hold [s]."""
    return min(seconds_of(phase) for file in files for phase in ElementTree.parse(file).iter("phase") if is_green(phase))


def cycles_s(files: Sequence[Path]) -> tuple[float, float]:
    """The shortest and the longest cycle of the programs that the files hold [s]."""
    logics = [list(logic.iter("phase")) for file in files for logic in ElementTree.parse(file).iter("tlLogic")]
    found = [sum(map(seconds_of, phases)) for phases in logics if phases]
    return min(found), max(found)


def made_plans(name: str, folder: Path) -> list[Made]:
    """All plans for a scenario, each made anew and timed."""
    found = scenario(name)
    rules = rules_of(found)
    folder.mkdir(parents=True, exist_ok=True)
    files = {plan: folder / f"{plan}.add.xml" for plan in ("fixed", *OURS, "adapted", "apart", "unified", "both")}
    common = ("-n", found.net, "-r", routed(found, folder / "routed.rou.xml"))
    told = (*common, "-b", f"{found.begin_s:g}", "-y", f"{rules.yellow_s or 3.0:g}", "-g", f"{rules.min_green_s:g}")
    for method in ("fixed", *OURS):
        make(method, name, files[method])  # compiles the kernels, which are kept on the disk
    ours = [Made(method, our_tool(method, name, files[method]), (files[method],)) for method in OURS]

    def adapted(file: Path, *more: str) -> float:
        took_s = tool("tlsCycleAdaptation.py", file, *told, *more)
        impose_minimum(file, rules.min_green_s, one_cycle=bool(more))
        return took_s

    def coordinated(file: Path, what: Path) -> float:
        return tool("tlsCoordinator.py", file, *common, "-a", what)

    return [
        Made("fixed", 0.0, (files["fixed"],)),
        *ours,
        attempted("SUMO tlsCycleAdaptation", (files["adapted"],), lambda: adapted(files["adapted"])),
        attempted("SUMO tlsCoordinator", (files["fixed"], files["apart"]), lambda: coordinated(files["apart"], files["fixed"])),
        attempted(
            "SUMO both, one cycle",
            (files["unified"], files["both"]),
            lambda: adapted(files["unified"], "--unified-cycle") + coordinated(files["both"], files["unified"]),
        ),
    ]


def attempted(plan: str, files: tuple[Path, ...], make_them: Callable[[], float]) -> Made:
    """The plan, or why a tool made none: one that finds nothing to coordinate, or stumbles over a net, leaves the others to be compared."""
    try:
        return Made(plan, make_them(), files)
    except ScenarioError as error:
        return Made(plan, 0.0, (), str(error))


def specs_of(name: str, made: Made, seeds: Sequence[int]) -> list[EpisodeSpec]:
    """The episodes that judge a plan: the net's own control with the plan's programs in place of its own; none without a plan."""
    words = tuple(str(file) for file in made.files)
    return [EpisodeSpec(scenario=name, controller="fixed", seed=seed, additional=words) for seed in (seeds if words else ())]


def plan_row(name: str, made: Made, rows: Sequence[Row]) -> dict[str, Any]:
    """What a plan is worth: delay over the seeds, what ran, and the time to make it."""
    done = [row for row in rows if not failed(row)]
    delays_s = [float(row["delay_s_per_veh"]) for row in done]
    return {
        "scenario": name,
        "plan": made.plan,
        "delay_s_per_veh": round(fmean(delays_s), 2) if done else None,
        "worst_s_per_veh": max(delays_s, default=None),
        "seeds": [row["seed"] for row in done],
        "made_s": round(made.made_s, 2) if made.files else None,
        "cycle_s": list(cycles_s(made.files)) if made.files else [],
        "least_green_s": least_green_s(made.files) if made.files else None,
        "safety_violations": sum(int(row["safety_violations"]) for row in done),
        "why_none": made.why_none,
        "failures": [f"seed {row['seed']}: {row['error']['sentence']}" for row in rows if failed(row)],
    }


def plan_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A line a plan of one scenario."""
    title = escape(f"{rows[0]['scenario']}, simulated: fixed plans over the seeds {', '.join(map(str, rows[0]['seeds']))}")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False, min_width=len(title))
    table.add_column("plan", no_wrap=True)
    for heading in ("delay\n[s/veh]", "worst\n[s/veh]", "made in\n[s]", "cycles\n[s]", "least\ngreen [s]"):
        table.add_column(escape(heading), justify="right", no_wrap=True)
    for row in rows:
        digits = {"delay_s_per_veh": ".1f", "worst_s_per_veh": ".1f", "made_s": ".2f"}
        words = (UNKNOWN if row[key] is None else format(row[key], digit) for key, digit in digits.items())
        cycles = "-".join(dict.fromkeys(f"{cycle_s:g}" for cycle_s in row["cycle_s"])) or UNKNOWN
        table.add_row(escape(row["plan"]), *words, cycles, UNKNOWN if row["least_green_s"] is None else f"{row['least_green_s']:g}")
    return table


def compared(chosen: argparse.Namespace, console: Console) -> int:
    """Make all plans, run what has not been run; print and write the rows. 0, 1 with failed episodes, 130 after Ctrl-C."""
    began = datetime.now(UTC).isoformat(timespec="seconds")
    if chosen.json is not None:
        writable(chosen.json)
    names, seeds, out = chosen.scenarios.split(","), seeds_of(chosen.seeds), chosen.out.absolute()
    writable(out / RESULTS)
    plans = [(name, made) for name in names for made in made_plans(name, out / "plans" / name.replace("/", "_"))]
    specs = [spec for name, made in plans for spec in specs_of(name, made, seeds)]
    try:
        with EpisodeBars(console, len(specs)) as bars:
            rows = run_matrix(specs, chosen.jobs, out, bars.tell)
    except KeyboardInterrupt:
        console.print(f"interrupted; the same command goes on from {chosen.out}", soft_wrap=True)
        return INTERRUPTED
    left = iter(rows)
    found = [plan_row(name, made, [next(left) for _ in specs_of(name, made, seeds)]) for name, made in plans]
    for name in dict.fromkeys(names):
        here = [row for row in found if row["scenario"] == name]
        console.print(plan_table(here))
        for row in here:
            if row["why_none"]:
                console.print(f"no plan by {row['plan']}: {row['why_none']}", markup=False, soft_wrap=True)
        console.print()
    if chosen.json is not None:
        command = f"python -m benchmarks.sumo_tools --scenarios {chosen.scenarios} --seeds {chosen.seeds}"
        write_text(chosen.json, json.dumps({"meta": provenance(began, command), "plans": found}, indent=1) + "\n")
    return 1 if any(failed(row) for row in rows) else 0


def main(arguments: list[str] | None = None) -> int:
    """The command; bad input ends with one sentence and 2."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sumo_tools", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenarios", default=SCENARIOS, help="names or folders, separated by commas")
    parser.add_argument("--seeds", default="5", help="5 means 1 to 5; or a list 3,5 or a range 101-110")
    parser.add_argument("--jobs", type=int, default=2, help="episodes at a time")
    parser.add_argument("--out", type=Path, default=Path("out/sumo_tools"), help="folder of plans and results; run again to resume")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--make", choices=("fixed", *OURS), help="only write this plan of one scenario to the file --out")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.make is not None:
            make(chosen.make, chosen.scenarios, chosen.out)
            return 0
        return compared(chosen, Console())
    except SignalsError as error:
        sys.stderr.write(f"sumo_tools: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())

"""The command line: what `evaluate` prints and writes is what SUMO's own files say."""

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from citybrain import assemble, cli
from signals.errors import ConfigError
from signals.metrics import METRICS
from sumo_nets.scenario import catalogue

ROOT = Path(cli.__file__).resolve().parents[1]
BEGIN_S, END_S, SEED = 25200, 25500, 101
TRIP = '<trip id="{}" depart="{}" from="B0A0" to="A0A1"/>'
DETECTOR = '<additional><e1Detector id="d" lane="B0A0_0" pos="-5" period="60" file="counts.xml"/></additional>'


def judged(tripinfo: Path) -> dict[str, float]:
    """Delay [s/veh] and counts by the definition: (time lost of the departed + waits of all due) / all due."""
    loss_s, wait_s, due, arrived, undeparted = 0.0, 0.0, 0, 0, 0
    for row in ET.parse(tripinfo).getroot().iter("tripinfo"):
        due += 1
        wait_s += float(row.attrib["departDelay"])
        if float(row.attrib["depart"]) < 0.0:
            undeparted += 1
            continue
        loss_s += float(row.attrib["timeLoss"])
        arrived += float(row.attrib["arrival"]) >= 0.0
    return {"delay": round((loss_s + wait_s) / due, 2), "through": arrived, "due": due, "undeparted": undeparted}


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One evaluation by the command line with all the files it was asked for."""

    text: str
    result: dict[str, Any]
    tripinfo: Path
    detector: Path


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """A whole command line of its own, in processes of its own."""
    folder = tmp_path_factory.mktemp("evaluated")
    (folder / "detector.add.xml").write_text(DETECTOR, encoding="utf-8")
    words = ["evaluate", "grid_2x2", "--controller", "rolling_horizon", "--seed", str(SEED), "--end", str(END_S)]
    words += ["--tripinfo", "new/trips.xml", "--json", "also/new/result.json", "--additional", "detector.add.xml"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "citybrain", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads((folder / "also/new/result.json").read_text(encoding="utf-8"))
    return Evaluated(done.stdout, result, folder / "new/trips.xml", folder / "counts.xml")


@pytest.mark.sumo
def test_the_result_names_what_was_run_and_holds_every_measure(evaluated: Evaluated) -> None:
    head = {
        "scenario": "grid_2x2",
        "controller": "rolling_horizon",
        "seed": SEED,
        "rules": "resco",
        "begin_s": BEGIN_S,
        "end_s": END_S,
    }
    assert head.items() <= evaluated.result.items()
    assert METRICS.keys() <= evaluated.result.keys()
    assert evaluated.result["safety_violations"] == 0
    assert evaluated.result["wall_s"] > 0.0
    assert "--time-to-teleport" in evaluated.result["sumo_options"]


@pytest.mark.sumo
def test_the_printed_delay_is_the_judges_on_sumos_own_file(evaluated: Evaluated) -> None:
    by_judge, result = judged(evaluated.tripinfo), evaluated.result
    assert by_judge["due"] > 200
    assert f"{by_judge['delay']:.2f}" in evaluated.text
    ours = (result["delay_s_per_veh"], result["throughput_veh"], result["due_veh"], result["undeparted_veh"])
    assert ours == (by_judge["delay"], by_judge["through"], by_judge["due"], by_judge["undeparted"])


@pytest.mark.sumo
@pytest.mark.shared
def test_the_yards_judge_agrees(evaluated: Evaluated) -> None:
    shared = Path(os.environ.get("CITYBRAIN_SHARED", ROOT.parent / "shared"))
    judge_file = shared / "yard" / "judge.py"
    if not judge_file.is_file():
        pytest.skip(f"no measurement data beside the project ({judge_file.name} is absent; set CITYBRAIN_SHARED)")
    spec = importlib.util.spec_from_file_location("judge", judge_file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    judge: Callable[[str], dict[str, float]] = module.judge
    assert judge(str(evaluated.tripinfo))["delay"] == evaluated.result["delay_s_per_veh"]


@pytest.mark.sumo
def test_the_tripinfo_file_is_sumos_own_with_unfinished_and_undeparted_trips(evaluated: Evaluated) -> None:
    text = evaluated.tripinfo.read_text(encoding="utf-8")
    assert "generated on" in text and "Eclipse SUMO" in text
    rows = list(ET.fromstring(text).iter("tripinfo"))
    assert len(rows) == evaluated.result["due_veh"]
    assert any(float(r.attrib["arrival"]) < 0.0 for r in rows)


@pytest.mark.sumo
def test_an_additional_file_is_handed_to_sumo(evaluated: Evaluated) -> None:
    intervals = list(ET.parse(evaluated.detector).getroot().iter("interval"))
    assert len(intervals) == (END_S - BEGIN_S) / 60
    assert sum(float(i.attrib["nVehContrib"]) for i in intervals) > 0


@pytest.mark.sumo
def test_a_metric_without_a_value_is_null_in_the_file(command: Callable[..., Any], tmp_path: Path) -> None:
    """Nobody is due in these ten seconds, so there is no speed."""
    net = ROOT / "sumo_nets" / "grid_2x2" / "net.xml"
    routes = tmp_path / "late.rou.xml"
    routes.write_text(f"<routes>{TRIP.format('a', 400)}{TRIP.format('b', 600)}</routes>", encoding="utf-8")
    where = tmp_path / "result.json"
    words = [
        "evaluate",
        "--net",
        str(net),
        "--routes",
        str(routes),
        "--controller",
        "fixed",
        "--begin",
        "500",
        "--end",
        "510",
    ]
    ran = command(*words, "--json", str(where))
    assert (ran.code, ran.err) == (0, "")
    result = json.loads(where.read_text(encoding="utf-8"), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert (result["due_veh"], result["speed_km_h"], result["congestion_index"]) == (0.0, None, 1.0)


@pytest.mark.sumo
def test_begin_and_end_choose_the_hour(command: Callable[..., Any], tmp_path: Path) -> None:
    tripinfo = tmp_path / "t.xml"
    ran = command(
        "evaluate",
        "grid_2x2",
        "--controller",
        "fixed",
        "--begin",
        "25300",
        "--end",
        "25400",
        "--tripinfo",
        str(tripinfo),
    )
    assert ran.code == 0 and "25300-25400 s" in ran.out
    departs_s = [float(r.attrib["depart"]) for r in ET.parse(tripinfo).getroot().iter("tripinfo")]
    assert min(d for d in departs_s if d >= 0.0) >= 25300.0 and max(departs_s) < 25400.0


@pytest.mark.sumo
def test_another_demand_is_played_measured_and_said(command: Callable[..., Any], tmp_path: Path) -> None:
    words = ["evaluate", "grid_2x2", "--controller", "fixed", "--end", "25500"]
    files = [tmp_path / "own.json", tmp_path / "half.json"]
    own, half = command(*words, "--json", str(files[0])), command(*words, "--json", str(files[1]), "--demand", "0.5")
    assert (own.code, half.code) == (0, 0)
    assert "demand times" not in own.out and "demand times 0.5" in half.out.replace("\n", " ")
    results = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    assert results[1]["due_veh"] == pytest.approx(0.5 * results[0]["due_veh"], rel=0.15)


def test_every_scenario_of_the_catalogue_is_listed(command: Callable[..., Any]) -> None:
    ran = command("scenarios")
    assert ran.code == 0
    assert all(entry.name in ran.out for entry in catalogue())


def test_every_controller_is_listed(command: Callable[..., Any]) -> None:
    ran = command("controllers")
    assert ran.code == 0
    assert all(name in ran.out for name in assemble.CONTROLLERS)


@pytest.mark.parametrize(("text", "seeds"), [("3", [1, 2, 3]), ("3,5", [3, 5]), ("101-103", [101, 102, 103]), ("7-7", [7])])
def test_seeds_are_a_number_a_list_or_a_range(text: str, seeds: list[int]) -> None:
    assert cli.seeds_of(text) == seeds


@pytest.mark.parametrize("text", ["", "x", "3,", "0", "-5", "9-3", "1-2-3", "1.5"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--seeds"):
        cli.seeds_of(text)


BLOCKED = """
    import sys
    for name in {blocked!r}:
        sys.modules[name] = None
    sys.argv = ["citybrain", *{words!r}]
    from citybrain.cli import main
    main()
"""


@pytest.mark.parametrize(
    ("blocked", "words", "extra"),
    [
        (["libsumo", "sumolib", "traci"], ["evaluate", "grid_2x2", "--controller", "fixed", "--end", "25210"], "sumo"),
        (["sumolib"], ["plan", "grid_2x2"], "sumo"),
    ],
)
def test_a_missing_package_names_the_extra_that_brings_it(blocked: list[str], words: list[str], extra: str, tmp_path: Path) -> None:
    code = textwrap.dedent(BLOCKED.format(blocked=blocked, words=words))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().count("\n") == 0
    assert f"citybrain[{extra}]" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("module", "extra"), [("libsumo", "sumo"), ("torch.nn", "train"), ("jinja2", "report"), ("matplotlib", "report")])
def test_each_optional_package_has_its_extra(module: str, extra: str) -> None:
    assert f"citybrain[{extra}]" in cli.extra_for(module)


def test_an_interrupted_command_ends_with_130(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(spec: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_with_bar", interrupted)
    assert command("evaluate", "grid_2x2").code == 130


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"demand": 1.3}, ", demand times 1.3"),
        (
            {"heavy": 0.2, "incident": {"lane": "a_0", "begin_s": 900.0, "end_s": 1800.0}},
            ", 20% of the cars heavy, lane a_0 closed 900-1800 s",
        ),
    ],
)
def test_what_was_made_harder_is_said(changed: dict[str, Any], words: str) -> None:
    assert cli.demand_words({"demand": 1.0, "heavy": 0.0, "incident": None, **changed}) == words

"""Every wrong input: one clear sentence on the standard error, exit code 2, no traceback, and no file left behind."""

import json
import pickle
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl.policy import SHIPPED

Fill = Callable[[str], str]

ROUTE = '<routes><trip id="t" depart="1" from="{from_edge}" to="{to_edge}"/></routes>'
SCENARIO = 'net = "{net}"\nroutes = ["{routes}"]\nbegin_s = 25200\nend_s = 25300\n'


@pytest.fixture
def place(tmp_path: Path, grid_net: Path, grid_routes: Path) -> Path:
    """A folder with one wrong thing of each kind, and `out/` as a regular file."""
    text = grid_net.read_text(encoding="utf-8")
    (tmp_path / "cut.net.xml").write_text(text[:20_000], encoding="utf-8")
    (tmp_path / "bare.net.xml").write_text('<net version="1.20"><edge id="B0A0"/></net>', encoding="utf-8")
    (tmp_path / "clash.net.xml").write_text(clashing(text), encoding="utf-8")
    (tmp_path / "strange.rou.xml").write_text(ROUTE.format(from_edge="nowhere", to_edge="A0A1"), encoding="utf-8")
    (tmp_path / "cut.rou.xml").write_text("<routes><trip id=", encoding="utf-8")
    (tmp_path / "good.rou.xml").write_text(ROUTE.format(from_edge="B0A0", to_edge="A0A1"), encoding="utf-8")
    (tmp_path / "cut.add.xml").write_text("<additional><e1Detector", encoding="utf-8")
    (tmp_path / "out").write_text("a file, not a folder", encoding="utf-8")
    for folder, extra in (("typo", "weekdy = 1\n"), ("gone", 'additional = "gone.add.xml"\n')):
        (tmp_path / folder).mkdir()
        toml = SCENARIO.format(net=grid_net, routes=grid_routes) + extra
        (tmp_path / folder / "scenario.toml").write_text(toml, encoding="utf-8")
    (tmp_path / "run.toml").write_text(f'net = "{grid_net}"\nport = 1\ncontroler = "fixed"\n', encoding="utf-8")
    (tmp_path / "type.toml").write_text(f'net = "{grid_net}"\nport = "x"\n', encoding="utf-8")
    (tmp_path / "flows.csv").write_text("movement,flow\nx,1\n", encoding="utf-8")
    wrong_policies(tmp_path)
    return tmp_path


def clashing(net: str) -> str:
    """The net with all its greens in one phase."""
    head, _, rest = net.partition('<phase duration="')
    state, tail = rest.partition('state="')[2].split('"', 1)
    return head + '<phase duration="' + rest.partition('state="')[0] + 'state="' + "G" * len(state) + '"' + tail


def wrong_policies(folder: Path) -> None:
    """Copies of the shipped policy, each spoilt in one way."""
    for name in ("layout", "truncated", "pickle", "zip"):
        shutil.copytree(SHIPPED, folder / name)
    card = json.loads((SHIPPED / "card.json").read_text(encoding="utf-8"))
    (folder / "layout" / "card.json").write_text(json.dumps({**card, "layout_hash": "0" * 12}), encoding="utf-8")
    arrays = (SHIPPED / "arrays.npz").read_bytes()
    (folder / "truncated" / "arrays.npz").write_bytes(arrays[: len(arrays) // 2])
    (folder / "pickle" / "arrays.npz").write_bytes(pickle.dumps(Bomb(folder / "ran")))
    np.savez(folder / "zip" / "arrays.npz", data=np.array([Bomb(folder / "ran")], dtype=object))
    (folder / "model.zip").write_bytes(arrays)


class Bomb:
    """Unpickled, it leaves a folder behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.mkdir, (self.mark,)


EVALUATE, GRID = ("evaluate", "grid_2x2"), ("--end", "25260", "--forecast", "none")
NET, GOOD = ("evaluate", "--net", "{net}"), ("--routes", "{place}/good.rou.xml", "--end", "100")

TABLE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no such scenario": (("evaluate", "gird_2x2"), ("gird_2x2", "did you mean 'grid_2x2'?")),
    "no scenario at all": (("evaluate",), ("expected a scenario",)),
    "no such controller": ((*EVALUATE, "--controller", "max_presure"), ("'max_presure'", "did you mean 'max_pressure'?")),
    "no such rules": ((*EVALUATE, "--rules", "stret"), ("'stret'", "did you mean 'street'?")),
    "no such forecaster": ((*EVALUATE, "--forecast", "residul"), ("'residul'", "did you mean 'residual'?")),
    "no such forecaster, unused": ((*EVALUATE, "--controller", "fixed", "--forecast", "residul"), ("did you mean 'residual'?",)),
    "no such backend": ((*EVALUATE, "--backend", "tracy"), ("'tracy'", "did you mean 'traci'?")),
    "negative seed": ((*EVALUATE, "--seed", "-1"), ("seed -1", "from 0")),
    "huge seed": ((*EVALUATE, "--seed", "99999999999"), ("seed 99999999999",)),
    "net missing": (("evaluate", "--net", "{place}/no.net.xml", *GOOD), ("no.net.xml", "no such file")),
    "net cut off": (("evaluate", "--net", "{place}/cut.net.xml", *GOOD), ("cut.net.xml", "not well-formed")),
    "net is a folder": (("evaluate", "--net", "{place}", *GOOD), ("{place}",)),
    "net without signals": (("evaluate", "--net", "{place}/bare.net.xml", *GOOD), ("bare.net.xml", "no signal")),
    "conflicting greens": (("evaluate", "--net", "{place}/clash.net.xml", *GOOD), ("conflict",)),
    "routes missing": ((*NET, "--routes", "{place}/no.rou.xml"), ("no.rou.xml", "no such file")),
    "routes cut off": ((*NET, "--routes", "{place}/cut.rou.xml"), ("cut.rou.xml", "not well-formed")),
    "routes of another net": ((*NET, "--routes", "{place}/strange.rou.xml"), ("'nowhere'", "strange.rou.xml")),
    "net without routes": (NET, ("both --net FILE and --routes FILE",)),
    "routes without net": (("evaluate", "--routes", "{place}/good.rou.xml"), ("both --net FILE and --routes FILE",)),
    "net and a scenario": ((*EVALUATE, "--net", "{net}"), ("not a mixture",)),
    "begin after end": ((*EVALUATE, "--begin", "25300", "--end", "25300"), ("begin 25300 s", "end 25300 s")),
    "begin is no time": ((*EVALUATE, "--begin", "nan"), ("begin nan",)),
    "end is no time": ((*EVALUATE, "--end", "inf"), ("end inf",)),
    "begin before time": ((*EVALUATE, "--begin", "-5"), ("begin -5",)),
    "additional missing": ((*EVALUATE, "--additional", "{place}/no.add.xml"), ("no.add.xml", "no such additional file")),
    "additional cut off": ((*EVALUATE, *GRID, "--additional", "{place}/cut.add.xml"), ("end of input",)),
    "additional of a folder's scenario missing": (("evaluate", "{place}/gone"), ("gone.add.xml", "no such file")),
    "key of scenario.toml": (("evaluate", "{place}/typo"), ("'weekdy'", "did you mean 'weekday'?")),
    "json below a file": ((*EVALUATE, *GRID, "--json", "{place}/out/a/b.json"), ("b.json", "cannot be written")),
    "json is a folder": ((*EVALUATE, *GRID, "--json", "{place}"), ("{place}", "cannot be written")),
    "json in no folder": ((*EVALUATE, *GRID, "--json", "/proc/none/b.json"), ("b.json", "cannot be written")),
    "tripinfo below a file": ((*EVALUATE, *GRID, "--tripinfo", "{place}/out/t.xml"), ("t.xml", "cannot be written")),
    "policy missing": ((*EVALUATE, *GRID, "--controller", "policy:{place}/none"), ("card.json", "no such file")),
    "policy of another layout": ((*EVALUATE, *GRID, "--controller", "policy:{place}/layout"), ("layout 000000000000",)),
    "policy truncated": ((*EVALUATE, *GRID, "--controller", "policy:{place}/truncated"), ("arrays.npz", "truncated")),
    "policy is a pickle": ((*EVALUATE, *GRID, "--controller", "policy:{place}/pickle"), ("arrays.npz", "pickle")),
    "policy holds a pickle": ((*EVALUATE, *GRID, "--controller", "policy:{place}/zip"), ("arrays.npz",)),
    "policy is a zip": ((*EVALUATE, *GRID, "--controller", "policy:{place}/model.zip"), ("model.zip", "expected a folder")),
    "forecaster's folder": ((*EVALUATE, "--end", "25260", "--forecast", "{place}"), ("card.json",)),
    "nothing answers": (("run", "--port", "{port}", "--net", "{net}"), ("no SUMO answers", "{port}")),
    "run without port": (("run", "--net", "{net}"), ("--port and --net",)),
    "key of run's TOML": (("run", "--config", "{place}/run.toml"), ("'controler'", "did you mean 'controller'?")),
    "type in run's TOML": (("run", "--config", "{place}/type.toml"), ("port", "'x'", "int")),
    "run's TOML missing": (("run", "--config", "{place}/no.toml"), ("no.toml", "no such file")),
    "run's clock": (("run", "--port", "1", "--net", "{net}", "--clock", "moon"), ("'moon'", "sim or wall")),
    "run's speed": (("run", "--port", "1", "--net", "{net}", "--speed", "0"), ("speed 0",)),
    "run's controller inside SUMO": (("run", "--port", "1", "--net", "{net}", "--controller", "fixed"), ("'fixed'", "no planner")),
    "plan's flows missing": (("plan", "grid_2x2", "--flows", "{place}/no.csv"), ("no.csv",)),
    "plan's flows without the column": (("plan", "grid_2x2", "--flows", "{place}/flows.csv"), ("flow_veh_h",)),
    "plan of nothing": (("plan",), ("expected a scenario",)),
    "plan into a file": (("plan", "grid_2x2", "--out", "{place}/out"), ("cannot be written",)),
    "bench's seeds": (("bench", "--seeds", "x"), ("--seeds 'x'",)),
    "bench's demand": (("bench", "--scenarios", "grid_2x2", "--demand", "0", "--out", "{place}/fresh"), ("expected a factor above 0",)),
    "a demand": (("evaluate", "grid_2x2", "--demand", "-1"), ("demand -1.0: expected a factor above 0",)),
    "bench's scenario": (("bench", "--scenarios", "gird_2x2", "--out", "{place}/fresh"), ("did you mean 'grid_2x2'?",)),
    "bench's controller": (
        ("bench", "--scenarios", "grid_2x2", "--controllers", "fixd", "--out", "{place}/fresh"), ("did you mean 'fixed'?",)
    ),
}  # fmt: skip


@pytest.fixture
def fill(place: Path, grid_net: Path) -> Fill:
    """Puts paths, and a port where nobody listens, into a word."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    return lambda word: word.replace("{place}", str(place)).replace("{net}", str(grid_net)).replace("{port}", port)


@pytest.mark.parametrize("case", TABLE)
def test_bad_input_is_one_sentence_and_leaves_no_file(case: str, command: Callable[..., Any], place: Path, fill: Fill) -> None:
    words, expected = TABLE[case]
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    ran = command(*(fill(word) for word in words))
    assert ran.code == 2, ran
    assert ran.err.startswith("citybrain: ") and ran.err.strip().count("\n") == 0, ran.err
    assert "Traceback" not in ran.err
    assert all(fill(word) in ran.err for word in expected), ran.err
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("evaluate", "grid_2x2", "--seed", "x"), "--seed"),
        (("evaluate", "grid_2x2", "--sed", "1"), "--seed"),
        (("evalute", "grid_2x2"), "evaluate"),
    ],
)
def test_a_word_that_is_no_option_is_refused_with_the_nearest(words: tuple[str, ...], expected: str, command: Callable[..., Any]) -> None:
    ran = command(*words)
    assert ran.code == 2 and expected in ran.err and "Traceback" not in ran.err

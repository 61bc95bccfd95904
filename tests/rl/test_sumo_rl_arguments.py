"""sumo-rl's arguments in our words."""

import ast
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")
pytest.importorskip("gymnasium", reason="needs the sumo extra")

from rl.sumo_rl_arguments import Arguments, arguments
from signals.errors import ConfigError, SignalsError
from sumo_nets.scenario import scenario

GRID = scenario("grid_2x2")
FILES = {"net_file": str(GRID.net), "route_file": str(GRID.routes[0])}


def test_all_of_sumo_rl_s_arguments_are_there_in_its_order_with_its_defaults() -> None:
    spec = find_spec("sumo_rl")
    if spec is None or spec.origin is None:
        pytest.skip("needs the bench extra")
    tree = ast.parse((Path(spec.origin).parent / "environment" / "env.py").read_text(encoding="utf-8"))
    made = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__").args
    theirs = [argument.arg for argument in made.args[1:]]
    ours = fields(Arguments)[: len(theirs)]
    assert [one.name for one in ours] == theirs
    for one, default in zip(ours[2:], made.defaults, strict=True):
        if one.name != "observation_class":
            assert one.default == ast.literal_eval(default), one.name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"net_fil": "x"}, "did you mean 'net_file'"),
        ({"use_gui": True}, "use_gui True: simulations run without a window"),
        ({"render_mode": "human"}, "render_mode 'human'"),
        ({"delta_time": 2}, "expected more than yellow_time"),
        ({"min_green": 0}, "min_green is 0; expected more than 0 s"),
        ({"num_seconds": "long"}, "num_seconds is 'long'; expected a number"),
        ({"begin_time": float("nan")}, "begin_time is nan"),
        ({"sumo_seed": "any"}, "sumo_seed 'any'"),
        ({"enforce_max_green": True, "max_green": 8}, "expected at least min_green and delta_time together, 10 s"),
    ],
)
def test_what_cannot_be_honoured_is_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        arguments((), {**FILES, **given})
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("places", "names", "said"),
    [
        ((), {"net_file": "a"}, "'route_file' is missing"),
        (("a", "b"), {"net_file": "a"}, "given twice"),
        (tuple(range(99)), {}, "99 arguments"),
    ],
)
def test_a_call_with_too_few_or_too_many_arguments_is_one_sentence(places: tuple[Any, ...], names: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        arguments(places, names)


def test_timings_become_rules_and_the_hour_is_the_seconds_asked_for() -> None:
    named = {"begin_time": 25200, "num_seconds": 60, "delta_time": 6, "yellow_time": 4, "min_green": 9, "max_green": 40}
    for enforced, longest_s in ((False, 300.0), (True, 40.0)):
        where = arguments((), {**FILES, **named, "enforce_max_green": enforced}).site()
        limit = where.limits[0]
        assert (where.decision_s, limit.max_green_s, limit.max_red_s) == (6.0, longest_s, 300.0)
        assert (limit.min_green_s == 9.0).all()
        changes = where.network.signals[0].yellow_s[~np.eye(len(limit.min_green_s), dtype=bool)]
        assert set(changes) <= {0.0, 4.0}
        assert (where.scenario.begin_s, where.scenario.end_s) == (25200.0, 25260.0)


def test_what_sumo_is_told_is_what_sumo_rl_tells_it() -> None:
    one = arguments((), {**FILES, "time_to_teleport": 120, "additional_sumo_cmd": "--no-warnings --scale 0.5"})
    assert one.options() == (
        "--max-depart-delay", "-1", "--waiting-time-memory", "1000", "--time-to-teleport", "120", "--scale", "0.5",
    )  # fmt: skip


def test_the_agent_s_signals_are_all_those_asked_for_or_the_first() -> None:
    names = ["B", "A"]
    assert arguments((), FILES).controlled(names) == ("A", "B")
    assert arguments((), {**FILES, "single_agent": True}).controlled(names) == ("A",)
    assert arguments((), {**FILES, "ts_ids": ["B"]}).controlled(names) == ("B",)
    for wrong in (["C"], []):
        with pytest.raises(ConfigError, match="ts_ids"):
            arguments((), {**FILES, "ts_ids": wrong}).controlled(names)


@pytest.mark.parametrize(
    "wrong", [{"net_file": "nowhere.net.xml"}, {"route_file": "nowhere.rou.xml"}, {"route_file": " , "}, {"begin_time": 90000}]
)
def test_a_file_or_an_hour_that_is_not_there_is_one_sentence(wrong: dict[str, Any]) -> None:
    with pytest.raises(SignalsError):
        arguments((), {**FILES, "begin_time": 25200, **wrong}).site()

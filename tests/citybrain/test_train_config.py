"""Where a training's arguments come from: presets, files, run folders, options on top."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the train extra")

from citybrain.train_config import train_args
from rl.policy import load
from rl.run_folder import write_json
from rl.train_args import TrainArgs, presets
from signals.errors import ConfigError
from sumo_nets.generated import Generated

pytestmark = pytest.mark.train


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_is_a_training_run_that_is_validated(name: str) -> None:
    args = train_args(name, "", "", {})
    assert args.forecast == "residual"
    assert min(args.validate_seeds) > 100
    if args.method == "futures":
        assert set(args.validated_on) > {one.scenario for one in args.subjects}  # some that it was not trained on
    else:
        assert args.validate_checkpoints > 0
        args.variety.check(args.rules)


def test_options_stand_over_the_preset() -> None:
    args = train_args("quick", "", "", {"steps": 77, "run": "elsewhere", "seed": None, "scenarios": ["arterial_5"]})
    assert (args.steps, args.run, args.seed, args.scenarios) == (77, "elsewhere", 0, ("arterial_5",))


def test_tables_and_lists_of_tables_become_their_dataclasses(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text(
        'scenarios = ["grid_2x2"]\nsteps = 5\nrun = "x"\n[reward]\nslowness = 1\nentering = 0.5\n'
        "[variety]\ndemand = [0.9, 1.1]\n[[generated]]\nrows = 1\ncolumns = 4\n"
    )
    args = train_args("", str(file), "", {})
    assert args.reward == {"slowness": 1.0, "entering": 0.5}
    assert args.variety.demand == (0.9, 1.1)
    assert args.generated == (Generated(1, 4),)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[variety]\ndemands = [1.0]", "variety: unknown key 'demands'; did you mean 'demand'"),
        ("[reward]\nslowness = true", "reward.slowness is True; expected float"),
        ("[[generated]]\nrows = 1", "a key is missing"),
        ("[[generated]]\nrows = 1.5\ncolumns = 2", r"generated\[0\]: rows is 1.5"),
    ],
)
def test_a_wrong_line_says_where_it_is(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "t.toml"
    file.write_text(f'scenarios = ["grid_2x2"]\nsteps = 5\nrun = "x"\n{line}\n')
    with pytest.raises(ConfigError, match=words):
        train_args("", str(file), "", {})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("quik", "", ""), "did you mean 'quick'"),
        (("quick", "x.toml", ""), "not several"),
        (("", "", "nowhere"), "expected a training run"),
    ],
)
def test_a_place_that_is_none_is_one_sentence(given: tuple[str, str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        train_args(*given, {})


def test_a_run_goes_on_with_what_it_was_started_with(tmp_path: Path) -> None:
    given: dict[str, Any] = {"scenarios": ["grid_2x2"], "run": str(tmp_path), "jobs": 2}
    args = train_args("", "", "", given)
    write_json(tmp_path / "args.json", json.loads(json.dumps(asdict(args))))
    again = train_args("", "", str(tmp_path), {"steps": 123})
    assert isinstance(again, TrainArgs)
    assert again.resume
    assert (again.jobs, again.steps, again.scenarios) == (2, 123, ("grid_2x2",))


def test_the_command_on_the_shipped_card_names_a_preset_that_holds_the_cards_arguments() -> None:
    card = load().card
    words = shlex.split(card["command"])
    assert words[:3] == ["citybrain", "train", "--preset"]
    given = json.loads(json.dumps(asdict(train_args(words[3], "", "", {}))))
    assert card["args"].items() <= given.items()
    assert given.keys() - card["args"].keys() == {"run", "resume", "jobs"}

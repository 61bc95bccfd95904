"""The search for better arguments: it finds a planted optimum's side, is pruned, and goes on where it was killed."""

from collections.abc import Callable
from dataclasses import replace
from math import log10
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("optuna", reason="needs the tune extra")

import tomllib

from rl.selection import judged
from rl.train import Progress
from rl.train_args import TrainArgs
from rl.tune import SPACE, as_toml, tune
from signals.errors import ConfigError

pytestmark = pytest.mark.train

LEVEL = {"grid_2x2": [20.0]}


class Fake:
    """Stands in for training: two validations, better the nearer lr is to 1e-3."""

    def __init__(self, dies_at: int = 10**9) -> None:
        self.seen: list[TrainArgs] = []
        self._dies_at = dies_at

    def __call__(self, args: TrainArgs, told: Callable[[Progress], None]) -> Path:
        self.seen.append(args)
        if len(self.seen) == self._dies_at:
            raise KeyboardInterrupt
        for _ in range(2):
            verdict = judged(Path("x"), {"grid_2x2": [20.0 + 10.0 * abs(log10(args.lr) + 3.0)]}, LEVEL)
            told(Progress(1, 1, (), (verdict,), verdict, {"rolling_horizon": LEVEL}))
        return Path(args.run)


@pytest.fixture
def base(tmp_path: Path) -> TrainArgs:
    return TrainArgs(("grid_2x2",), 100, str(tmp_path / "search"), validate_checkpoints=1)


def test_the_best_trial_is_the_nearest_to_the_optimum_and_prints_as_toml(base: TrainArgs) -> None:
    fake = Fake()
    best = tune(base, 6, fake)
    assert len(fake.seen) == 6
    assert best.arguments["lr"] == min((args.lr for args in fake.seen), key=lambda lr: abs(log10(lr) + 3.0))
    table = tomllib.loads(as_toml(best))
    assert table == dict(best.arguments)
    assert set(table) == set(SPACE)


def test_a_search_that_was_killed_asks_the_same_again_and_counts_what_was_done(base: TrainArgs) -> None:
    dying = Fake(dies_at=3)
    with pytest.raises(KeyboardInterrupt):
        tune(base, 4, dying)
    after = Fake()
    tune(base, 4, after)
    assert len(after.seen) == 2
    assert after.seen[0] == dying.seen[2]
    assert after.seen[0].run == dying.seen[2].run
    done = Fake()
    tune(base, 4, done)
    assert done.seen == []


def test_the_value_method_is_searched_by_its_own_arguments(base: TrainArgs) -> None:
    assert set(tune(replace(base, method="value"), 1, Fake()).arguments) == {"lr", "gamma", "prior", "batch"}


def test_a_run_that_is_never_validated_cannot_be_searched(base: TrainArgs) -> None:
    with pytest.raises(ConfigError, match="validate_checkpoints is 0"):
        tune(replace(base, validate_checkpoints=0), 1, Fake())

"""What a training run is told: a frozen dataclass whose fields are the keys of a preset or a config file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from rl.reward import reward_of
from rl.scorer import PRIOR
from rl.simulation import Site, site
from rl.variety import Variety
from signals.errors import ConfigError
from sumo_nets.generated import Generated, generate
from sumo_nets.scenario import check, scenario

FIRST_TRAINING_SEED = 1000  # lower seeds are for validation and for reported figures
SEEDS_A_RUN = 100_000
METHODS = ("ppo", "value")
PRESETS = Path(__file__).resolve().parent / "presets"
NETS = "nets"
MAY_CHANGE = ("steps", "resume", "run")
"""What may differ where a run goes on. Everything else decides how it ends."""

POSITIVE = ("steps", "jobs", "lr", "gamma", "gae_lambda", "batch", "epochs", "clip", "checkpoint_rollouts", "average", "quantiles",
            "memory", "train_every", "target_every")  # fmt: skip
SHARES = ("gamma", "gae_lambda", "explore_share", "explore_last")
NOT_NEGATIVE = (
    "entropy", "prior", "rollout_decisions", "episode_s", "seed", "validate_checkpoints", "explore_share", "explore_last", "learn_after"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrainArgs:
    """One training run. `steps` counts decisions times rows, as Stable-Baselines3 does."""

    scenarios: tuple[str, ...]
    steps: int
    run: str
    seed: int = 0
    resume: bool = False
    rules: str = "resco"
    forecast: str = "none"  # by name: who calls `train` makes it, and hands it in
    lr: float = 1e-3
    gamma: float = 0.9
    gae_lambda: float = 0.9
    batch: int = 480
    epochs: int = 4
    entropy: float = 0.005
    clip: float = 0.2
    prior: float = PRIOR
    rollout_decisions: int = 0  # 0: a round, one whole episode of every scenario
    episode_s: float = 0.0  # 0: the scenario's own hour
    checkpoint_rollouts: int = 2
    average: int = 5  # checkpoints whose mean is exported
    jobs: int = 1  # simulations at a time, each in a process of its own
    method: str = "ppo"  # or value: QR-DQN
    reward: dict[str, float] = field(default_factory=dict)  # weights of reward parts; empty: the table's own
    variety: Variety = field(default_factory=Variety)
    generated: tuple[Generated, ...] = ()  # networks to make and to train on too
    # Validation: every so many checkpoints (0: never), against the reference, on seeds not trained on.
    validate_checkpoints: int = 0
    validate_on: tuple[str, ...] = ()  # empty: the scenarios trained on
    validate_seeds: tuple[int, ...] = (101, 102, 103)
    # Of the value method alone.
    memory: int = 60_000  # decisions of rows remembered
    learn_after: int = 2_000
    train_every: int = 4  # decisions between updates, of all rows at once
    updates_each: int = 4
    target_every: int = 4_000
    quantiles: int = 25
    explore_share: float = 0.3  # of the run, until exploring is at its last rate
    explore_last: float = 0.02

    @property
    def first_seed(self) -> int:
        """Of the run's episodes."""
        return FIRST_TRAINING_SEED + SEEDS_A_RUN * self.seed

    @property
    def validated_on(self) -> tuple[str, ...]:
        """Scenarios of the validation."""
        return self.validate_on or self.scenarios


def presets() -> dict[str, Path]:
    """Ready-made runs: name -> TOML file."""
    return {file.stem: file for file in sorted(PRESETS.glob("*.toml"))}


def checked(args: TrainArgs) -> tuple[Site, ...]:
    """The scenarios, read; ConfigError where the arguments cannot be trained with."""
    if not args.scenarios:
        raise ConfigError("train: no scenarios; expected at least one")
    for name in POSITIVE:
        if not getattr(args, name) > 0:
            raise ConfigError(f"train: {name} is {getattr(args, name)!r}; expected more than 0")
    for name in NOT_NEGATIVE:
        if not getattr(args, name) >= 0:
            raise ConfigError(f"train: {name} is {getattr(args, name)!r}; expected at least 0")
    for name in SHARES:
        if not getattr(args, name) <= 1:
            raise ConfigError(f"train: {name} is {getattr(args, name)!r}; expected at most 1")
    if args.method not in METHODS:
        raise ConfigError(f"train: method {args.method!r}; expected one of {', '.join(METHODS)}")
    trained = [seed for seed in args.validate_seeds if seed >= FIRST_TRAINING_SEED]
    if trained or (args.validate_checkpoints and not args.validate_seeds):
        raise ConfigError(f"train: validate_seeds {list(args.validate_seeds)}; expected seeds below {FIRST_TRAINING_SEED}, not trained on")
    args.variety.check(args.rules)
    found = tuple(_site(name, args) for name in args.scenarios)
    if args.reward:
        reward_of(args.reward, found[0].network)
    for name in args.validate_on:
        check(scenario(name))
    return found


def generated_sites(args: TrainArgs) -> tuple[Site, ...]:
    """The networks that the run makes for itself, in its folder."""
    return tuple(_site(str(generate(one, Path(args.run) / NETS)), args) for one in args.generated)


def _site(name: str, args: TrainArgs) -> Site:
    one = check(scenario(name))
    if args.episode_s:
        one = replace(one, end_s=min(one.end_s, one.begin_s + args.episode_s))
    return site(one, args.rules)

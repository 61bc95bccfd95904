"""The value method: masked in exploring, in choosing and in what updates aim at; and exported as it chose."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("sb3_contrib", reason="needs the train extra")

from rl import features  # noqa: E402
from rl.env import spaces  # noqa: E402
from rl.network_torch import QuantilePolicy, array, scorer_of  # noqa: E402
from rl.observation import Rows  # noqa: E402
from rl.scorer import FORBIDDEN  # noqa: E402
from rl.value import any_allowed  # noqa: E402

pytestmark = pytest.mark.train


def _policy() -> Any:
    torch.manual_seed(1)
    policy = QuantilePolicy(*spaces(4), lambda left: 1e-3, prior=0.5, n_quantiles=7)
    for parameter in policy.quantile_net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return policy


def _rows(n: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    rows: Rows = rng.random((n, 4, features.WIDTH), dtype=np.float32)
    rows[..., features.ALLOWED] = rng.random((n, 4)) < 0.5
    rows[:, 1, features.ALLOWED] = 1.0
    return rows


def test_the_exported_scorer_chooses_what_the_quantiles_choose() -> None:
    policy, rows = _policy(), _rows(500)
    scores = scorer_of(policy.state_dict(), 0.5).scores(rows)
    theirs = array(policy.quantile_net(torch.from_numpy(rows)).mean(dim=1))
    # The worth of the state is all that lies between them.
    apart = np.where(scores > 0.5 * FORBIDDEN, theirs - scores, np.nan)
    assert np.nanmax(np.nanmax(apart, axis=1) - np.nanmin(apart, axis=1)) < 1e-4
    assert (scores.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.99


def test_what_may_not_be_chosen_is_neither_greedy_nor_tried() -> None:
    policy, rows = _policy(), _rows(500)
    greedy = policy.predict(rows, deterministic=True)[0]
    for chosen in (greedy, any_allowed(rows)):
        assert rows[np.arange(500), chosen, features.ALLOWED].min() == 1.0


def test_exploring_tries_every_allowed_phase_alike() -> None:
    np.random.seed(4)
    rows = np.zeros((6000, 4, features.WIDTH), dtype=np.float32)
    rows[:, [0, 2, 3], features.ALLOWED] = 1.0
    counts = np.bincount(any_allowed(rows), minlength=4)
    assert counts[1] == 0
    assert counts[[0, 2, 3]].min() > 1850

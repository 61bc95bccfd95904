"""The torch network and its SB3 policy."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("stable_baselines3", reason="needs the train extra")

from rl import features  # noqa: E402
from rl.env import spaces  # noqa: E402
from rl.network_torch import Heads, ScorerPolicy, array, scorer_of  # noqa: E402
from rl.scorer import FORBIDDEN, untrained  # noqa: E402

pytestmark = pytest.mark.train


def _rows(n: int, width: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Random rows in which some phases may not be chosen and some do not exist."""
    rng = np.random.default_rng(seed)
    rows = rng.random((n, width, features.WIDTH), dtype=np.float32)
    rows[..., features.ALLOWED] = rng.random((n, width)) < 0.6
    rows[:, 0, features.ALLOWED] = 1.0
    rows[: n // 2, -1] = 0.0
    return rows


def _policy(width: int, seed: int) -> Any:
    torch.manual_seed(seed)
    policy = ScorerPolicy(*spaces(width), lambda left: 1e-3, prior=4.0)
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return policy


@pytest.mark.parametrize("width", [2, 4, 8])
def test_numpy_scores_equal_torch_s_to_1e_5_on_10_000_observations(width: int) -> None:
    policy, rows = _policy(width, seed=width), _rows(10_000, width)
    scorer = scorer_of(policy.state_dict(), 4.0)
    theirs = array(policy.mlp_extractor.forward_actor(torch.from_numpy(rows.reshape(len(rows), -1))))
    may = theirs > 0.5 * FORBIDDEN
    scale = max(np.abs(theirs[may]).max(), 1.0)
    # All at once, as a city is scored, and signal by signal, as a junction is.
    for ours in (scorer.scores(rows), np.concatenate([scorer.scores(rows[k : k + 100]) for k in range(0, 10_000, 100)])):
        assert (may == (ours > 0.5 * FORBIDDEN)).all()
        assert np.abs(ours[may] - theirs[may]).max() < 1e-5 * scale


def test_an_untrained_network_is_the_prior_itself() -> None:
    torch.manual_seed(1)
    rows = _rows(16, 4)
    scores = array(Heads(4, 4.0).forward_actor(torch.from_numpy(rows.reshape(16, -1))))
    np.testing.assert_allclose(scores, untrained(prior=4.0).scores(rows), rtol=1e-6)


def test_a_forbidden_phase_is_never_drawn() -> None:
    policy, rows = _policy(4, seed=2), _rows(400, 4, seed=5)
    actions, _, log_prob = policy(torch.from_numpy(rows))
    assert rows[np.arange(400), array(actions).astype(int), features.ALLOWED].min() == 1.0
    assert torch.isfinite(log_prob).all()
    _, _, entropy = policy.evaluate_actions(torch.from_numpy(rows), actions)
    assert torch.isfinite(entropy).all()


def test_more_rows_of_padding_change_no_score() -> None:
    policy, rows = _policy(4, seed=3), _rows(8, 4)
    wider = np.concatenate([rows, np.zeros((8, 3, features.WIDTH), np.float32)], axis=1)
    heads = policy.mlp_extractor
    narrow = array(heads.forward_actor(torch.from_numpy(rows.reshape(8, -1))))
    values = array(heads.forward_critic(torch.from_numpy(rows.reshape(8, -1))))
    heads.width = 7
    np.testing.assert_allclose(array(heads.forward_actor(torch.from_numpy(wider.reshape(8, -1))))[:, :4], narrow, rtol=1e-4)
    np.testing.assert_allclose(array(heads.forward_critic(torch.from_numpy(wider.reshape(8, -1)))), values, rtol=1e-4)


def test_the_optimiser_holds_every_parameter_of_the_policy() -> None:
    policy = _policy(4, seed=4)
    held = {id(p) for group in policy.optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in policy.parameters()}
    assert isinstance(policy.action_net, torch.nn.Identity)

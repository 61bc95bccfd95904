"""The scorer against numbers worked by hand."""

import numpy as np
import pytest

from rl import features
from rl.scorer import FORBIDDEN, Scorer, mean_of, untrained


def _rows(allowed: list[list[float]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rows = np.zeros((len(allowed), len(allowed[0]), features.WIDTH), dtype=np.float32)
    rows[..., features.ALLOWED] = allowed
    return rows


def _one_unit(column: int) -> Scorer:
    """Reads one column of [row, mean, max] and passes it on."""
    hidden = np.zeros((1, 3 * features.WIDTH), np.float32)
    hidden[0, column] = 1.0
    one, none = np.ones((1, 1), np.float32), np.zeros(1, np.float32)
    return Scorer(hidden, none, one, none, np.ones(1, np.float32), 0.5, 0.0)


def test_an_untrained_scorer_ranks_phases_by_price_alone() -> None:
    rows = _rows([[1.0, 1.0, 1.0]])
    rows[0, :, features.EXCESS] = [0.5, 0.0, 2.0]
    assert untrained(prior=4.0).scores(rows)[0].tolist() == pytest.approx([-2.0, 0.0, -8.0])


def test_a_forbidden_phase_is_never_the_best() -> None:
    rows = _rows([[1.0, 0.0, 1.0]])
    rows[0, :, features.EXCESS] = [9.0, 0.0, 9.0]
    assert untrained().scores(rows)[0, 1] == FORBIDDEN
    assert untrained().scores(rows)[0].argmax() == 0


@pytest.mark.parametrize(
    ("block", "expected"),
    [(0, [2.5, 0.5, FORBIDDEN]), (1, [1.5, 1.5, FORBIDDEN]), (2, [2.5, 2.5, FORBIDDEN])],
    ids=["row", "mean", "max"],
)
def test_mean_and_max_go_over_the_phases_that_may_be_chosen(block: int, expected: list[float]) -> None:
    rows = _rows([[1.0, 1.0, 0.0]])
    rows[0, :, features.AGE] = [2.0, 0.0, 7.0]
    scores = _one_unit(block * features.WIDTH + features.AGE).scores(rows)
    assert scores[0].tolist() == pytest.approx(expected)


def test_signals_in_one_matrix_score_as_each_one_alone() -> None:
    rng = np.random.default_rng(3)
    rows = rng.random((5, 4, features.WIDTH), dtype=np.float32)
    rows[..., features.ALLOWED] = rng.random((5, 4)) < 0.7
    rows[:, 0, features.ALLOWED] = 1.0
    u, n = 8, 3 * features.WIDTH
    a, b, c, d, e = (rng.standard_normal(s).astype(np.float32) for s in ((u, n), (u,), (u, u), (u,), (u,)))
    scorer = Scorer(a, b, c, d, e, bias=0.1, prior=4.0)
    alone = np.concatenate([scorer.scores(rows[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(scorer.scores(rows), alone, rtol=1e-4, atol=1e-4)


def test_the_mean_of_scorers_has_the_mean_of_every_weight() -> None:
    one, other = _one_unit(3), _one_unit(5)
    mean = mean_of([one, other])
    assert mean.hidden_1[0, [3, 5]].tolist() == [0.5, 0.5]
    assert mean.bias == 0.5
    np.testing.assert_array_equal(mean_of([one, one, one]).hidden_1, one.hidden_1)

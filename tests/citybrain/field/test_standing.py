"""What the controllers last said, and what follows from it for now."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from citybrain.field.clocks import AGREE_S
from citybrain.field.standing import SILENT_S, Standing
from signals.errors import LinkError
from signals.lease import HEARTBEAT_S, Status


@pytest.fixture
def status(grid: Any) -> Status:
    """Of the grid's first signal: 4 s before its phase 1 turns green."""
    reds_s = tuple(float(k % 3) * 10.0 for k in range(len(grid.signals[0].movements)))
    return Status(grid.signals[0].id, 100.0, "adaptive", 1, -4.0, reds_s, "r" * len(reds_s), 2, 9, "ab", False)


def test_time_goes_on_between_two_statuses(grid: Any, status: Status) -> None:
    standing = Standing(grid)
    standing.hear(0, status, 100.0)
    phase, age_s, red_s = standing.where(104.5)
    n = len(status.red_s)
    assert (phase[0], age_s[0]) == (1, 0.5)
    assert red_s[:n].tolist() == [0.0 if red == 0.0 else red + 4.5 for red in status.red_s]


def test_who_is_silent_or_flashes_has_an_unknown_age_and_nobody_else(grid: Any, status: Status) -> None:
    standing = Standing(grid)
    standing.hear(0, status, 100.0)
    standing.hear(1, replace(status, mode="flash", age_s=3.0, latched=True), 100.0)
    assert np.isnan(standing.where(100.0)[1]).tolist() == [False, True, True, True]
    assert standing.silent(100.0 + SILENT_S).tolist() == [False, False, True, True]
    assert np.isnan(standing.where(100.1 + SILENT_S)[1]).all()
    assert np.isfinite(standing.where(9999.0)[2]).all()


def test_a_status_may_be_lost_before_anybody_is_silent_and_a_jump_is_noticed_within_a_beat() -> None:
    assert SILENT_S > 2.0 * HEARTBEAT_S and HEARTBEAT_S < AGREE_S


def test_an_older_status_is_not_heard(grid: Any, status: Status) -> None:
    standing = Standing(grid)
    assert standing.hear(0, status, 100.0)
    assert not standing.hear(0, replace(status, phase=0), 99.0) and standing.where(100.0)[0][0] == 1
    standing.forget_after(50.0)
    assert standing.hear(0, replace(status, phase=0), 40.0)


@pytest.mark.parametrize("change", [{"phase": 50}, {"red_s": (1.0, 2.0)}])
def test_a_status_of_another_site_is_an_error(change: dict[str, Any], grid: Any, status: Status) -> None:
    standing = Standing(grid)
    standing.check(0, status)
    with pytest.raises(LinkError, match=r"^status of .* expected a phase under"):
        standing.check(0, replace(status, **change))

"""The short chaos of the service: no acknowledged command is lost, and the lights stay right. `make chaos` is the long one."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from benchmarks.chaos.ledger import lost_deliveries
from benchmarks.chaos.rig import Rig
from benchmarks.chaos.scenes import played

pytestmark = pytest.mark.sumo
SHORT = {"torn": 0, "stopped": 1, "disk_full": 2, "two_at_once": 3, "same_folder": 4, "killed": 2}
"""Scenes by name, with the seed of each."""


@pytest.mark.parametrize("name", SHORT)
def test_the_lights_stay_right_and_nothing_acknowledged_is_lost(rig: Rig, name: str) -> None:
    assert played(rig, name, random.Random(SHORT[name])) == []


def test_commands_were_acknowledged_and_sumo_saw_nothing_wrong(rig: Rig, last_word: Callable[[Rig], None]) -> None:
    assert len(rig.ledger.promises) > 0 and len(rig.ledger.deliveries) > 0
    last_word(rig)
    assert lost_deliveries(rig.ledger.deliveries, rig.service.state / "samples") == []

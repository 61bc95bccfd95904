"""The short chaos of the street, its cabinets and wires: lights stay right, the service steers again. `make chaos` is the long one."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from benchmarks.chaos.rig import Rig
from benchmarks.chaos.scenes import played

pytestmark = pytest.mark.sumo
SHORT = ("half_open", "one_clock_jumps", "controllers_disobey", "cabinet_flashes", "street_killed")


@pytest.mark.parametrize("name", SHORT)
def test_the_lights_stay_right_and_the_service_steers_again(rig: Rig, name: str) -> None:
    assert played(rig, name, random.Random(SHORT.index(name))) == []


def test_sumo_saw_nothing_wrong(rig: Rig, last_word: Callable[[Rig], None]) -> None:
    last_word(rig)

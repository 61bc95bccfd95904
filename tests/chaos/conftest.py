"""A street with SUMO and a service, each a process of its own, for the scenes of one file; and the last word, SUMO's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from benchmarks.chaos.recovery import well
from benchmarks.chaos.rig import Rig, RigSpec, put_up

SPEED = 40.0


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """grid_2x2 at forty times its pace."""
    with put_up(RigSpec(tmp_path_factory.mktemp("chaos"), speed=SPEED, seed=7)) as up:
        assert well(up) == []
        yield up


@pytest.fixture(scope="session")
def last_word() -> Callable[[Rig], None]:
    """`last_word(rig)`: everything ends in order, traffic was served, and what SUMO wrote of its lights is right."""

    def heard(rig: Rig) -> None:
        rig.watcher.look()
        assert rig.lights_wrong() == []
        assert rig.watcher.passed_veh > 100.0 and rig.watcher.longest_wait_s < 400.0
        assert rig.service.stop() == 0
        rig.street.stop()
        wrong, judged = rig.files_wrong()
        assert wrong == [] and judged > 1000 and rig.watcher.judge.steps > 1000

    return heard

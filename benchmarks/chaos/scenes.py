"""The table of what may befall a service. A scene does it, looks on, and says in sentences what went wrong; nothing where all was well.

Every scene begins and ends with a service that steers all signals. The lights are watched all the while by who put up the rig.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.chaos import on_field, on_service
from benchmarks.chaos.recovery import calm, well
from benchmarks.chaos.rig import Rig
from signals.errors import ConfigError, LinkError

Scene = Callable[[Rig, random.Random], list[str]]


@contextmanager
def timed(rig: Rig, name: str) -> Iterator[None]:
    """Seconds of the wall, in the figures."""
    began_s = time.monotonic()
    yield
    rig.figures.setdefault("scene_s", {}).setdefault(name, []).append(round(time.monotonic() - began_s, 1))


def played(rig: Rig, name: str, rng: random.Random) -> list[str]:
    """A scene, the way back to normal, and a look at the lights."""
    with timed(rig, name):
        try:
            rig.new_day()
            wrong = SCENES[name](rig, rng)
            if name in DISORDERLY:
                calm(rig)
            wrong += well(rig)
        except (LinkError, ConfigError) as error:
            wrong = [str(error)]
    return [f"{name}: {one}" for one in (*wrong, *rig.lights_wrong())]


SCENES: dict[str, Scene] = {
    one.__name__: one
    for one in (
        on_service.killed,
        on_service.stopped,
        on_service.disk_full,
        on_service.torn,
        on_service.cut_off,
        on_service.wall_clock_jumps,
        on_service.two_services,
        on_service.two_at_once,
        on_service.same_folder,
        on_field.cut,
        on_field.half_open,
        on_field.noisy,
        on_field.street_killed,
        on_field.sumo_ended,
        on_field.broker_killed,
        on_field.one_clock_jumps,
        on_field.all_clocks_jump,
        on_field.sensors_dead,
        on_field.controllers_disobey,
        on_field.cabinet_flashes,
    )
}
DISORDERLY = frozenset({"killed", "torn", "cut_off"})

"""What an agent sees, as a table: named views of one moment, a view a signal, each with its shape, unit and scale.

`phase_rows` is what the shipped policy sees (`rl.observation`); `sumo_rl` is sumo-rl's default vector; the others are pieces that
are joined to one flat vector when several are chosen: `view_of(("phase", "age", "movements"))`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from rl import features
from rl.lanes import Lanes
from rl.observation import Rows
from rl.parts import named
from signals.errors import ConfigError
from signals.layout import Layout
from signals.types import Bools, Network, Observation, SafetyEnvelope

LARGEST = features.LARGEST
FLOW_VEH_H, WAIT_S, QUEUE_VEH, AGE_S = features.FLOW_VEH_H, features.WAIT_S, features.QUEUE_VEH, features.AGE_S
Seen = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ground:
    """What never changes in a run."""

    network: Network
    limits: tuple[SafetyEnvelope, ...]
    layout: Layout


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that a view may read. What nobody asked for is None."""

    ground: Ground
    observed: Observation
    may: Bools
    """[signal, phase] which phases may be chosen"""
    rows: Rows | None = None
    lanes: Lanes | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A way of seeing: values within [0, high], `axes` and `unit` in words. `reads`: what it needs of `Moment`, "rows" or "lanes"."""

    name: str
    axes: str
    unit: str
    scale: str
    about: str
    shape: Callable[[Ground, int], tuple[int, ...]]
    of: Callable[[Moment, int], Any]
    high: float = 1.0
    low: float = 0.0
    reads: frozenset[str] = frozenset()

    def space(self, ground: Ground, signal: int) -> Any:
        """The Gymnasium space of one signal."""
        return gymnasium.spaces.Box(self.low, self.high, self.shape(ground, signal), np.float32)

    def seen(self, moment: Moment, signal: int) -> Seen:
        """What one signal sees; ConfigError where it has not the shape that was said."""
        found: Seen = np.asarray(self.of(moment, signal), dtype=np.float32)
        if found.shape != self.shape(moment.ground, signal):
            raise ConfigError(f"observation {self.name!r}: gave shape {found.shape}; expected {self.shape(moment.ground, signal)}")
        return np.clip(found, self.low, self.high)


def phases_of(ground: Ground, i: int) -> int:
    """Phases of one signal."""
    return int(ground.layout.phases[i])


def lanes_of(ground: Ground, i: int) -> slice:
    """Its stop lanes on the flat lane axis."""
    return slice(int(ground.layout.lane_start[i]), int(ground.layout.lane_start[i + 1]))


def movements_of(ground: Ground, i: int) -> slice:
    """Its movements on the flat movement axis."""
    return slice(int(ground.layout.movement_start[i]), int(ground.layout.movement_start[i + 1]))


def width(part: slice) -> int:
    """How many there are in a slice."""
    return int(part.stop - part.start)


def rows_of(moment: Moment, i: int) -> Rows:
    """The policy's rows of one signal [phase, feature]."""
    if moment.rows is None:
        raise ConfigError("observation 'phase_rows': the moment was made without rows; expected Moment.rows")
    return moment.rows[i, : phases_of(moment.ground, i)]


def one_hot(moment: Moment, i: int) -> Seen:
    """1 at the phase that is green or coming [phase]."""
    found: Seen = np.eye(phases_of(moment.ground, i), dtype=np.float32)[moment.observed.phase[i]]
    return found


def min_green_served(moment: Moment, i: int) -> Seen:
    """1 where the running green has lasted its minimum [1]."""
    least_s = moment.ground.limits[i].min_green_s[moment.observed.phase[i]]
    return np.array([moment.observed.age_s[i] >= least_s], dtype=np.float32)


def green_age(moment: Moment, i: int) -> Seen:
    """How long the running green has lasted, 0 in an intergreen [1]."""
    return np.array([max(float(np.nan_to_num(moment.observed.age_s[i])), 0.0) / AGE_S], dtype=np.float32)


def density(moment: Moment, i: int) -> Seen:
    """Share of each stop lane that is taken [lane]."""
    return lanes_read(moment).stop.density()[lanes_of(moment.ground, i)].astype(np.float32)


def queue(moment: Moment, i: int) -> Seen:
    """Share of each stop lane on which somebody stands [lane]."""
    return lanes_read(moment).stop.queue()[lanes_of(moment.ground, i)].astype(np.float32)


def movement_table(moment: Moment, i: int) -> Seen:
    """Queue, longest wait, flow since the last decision, and whether the sensor is silent, by movement [movement, 4]."""
    seen, at = moment.observed, movements_of(moment.ground, i)
    per_hour = 3600.0 / moment.ground.limits[i].decision_s
    columns = (
        seen.queue_veh[at] / QUEUE_VEH,
        seen.wait_s[at] / WAIT_S,
        seen.counts_veh[at] * per_hour / FLOW_VEH_H,
        np.isnan(seen.queue_veh[at]).astype(float),
    )
    table: Seen = np.nan_to_num(np.stack(columns, axis=1)).astype(np.float32)
    return table


def lanes_read(moment: Moment) -> Lanes:
    """The stop lanes; ConfigError where the moment was made without them."""
    if moment.lanes is None:
        raise ConfigError("observation: this view reads the stop lanes; expected Moment.lanes")
    return moment.lanes


ROWS, LANES = frozenset({"rows"}), frozenset({"lanes"})
VIEWS: dict[str, View] = {
    v.name: v
    for v in (
        View(
            "phase_rows", "[phase, feature]", "see rl.observation.FEATURES", "each feature's own", "what the shipped policy sees",
            lambda g, i: (phases_of(g, i), features.WIDTH), rows_of, LARGEST, reads=ROWS,
        ),
        View("phase", "[phase]", "0/1", "1", "the phase that is green or coming", lambda g, i: (phases_of(g, i),), one_hot),
        View("min_green", "[1]", "0/1", "1", "the running green has lasted its minimum", lambda g, i: (1,), min_green_served),
        View("age", "[1]", "s", f"{AGE_S:g}", "how long the running green has lasted", lambda g, i: (1,), green_age, LARGEST),
        View(
            "density", "[lane]", "-", "1", "share of the stop lane that is taken (sumo-rl)",
            lambda g, i: (width(lanes_of(g, i)),), density, reads=LANES,
        ),
        View(
            "queue", "[lane]", "-", "1", "share of the stop lane that is taken by who stands (sumo-rl)",
            lambda g, i: (width(lanes_of(g, i)),), queue, reads=LANES,
        ),
        View(
            "movements", "[movement, 4]", "veh, s, veh/h, 0/1", f"{QUEUE_VEH:g}, {WAIT_S:g}, {FLOW_VEH_H:g}, 1",
            "queue, longest wait, flow since the last decision, silent sensor",
            lambda g, i: (width(movements_of(g, i)), 4), movement_table, LARGEST,
        ),
    )
}  # fmt: skip


def joined(name: str, views: Sequence[View], about: str) -> View:
    """Several views as one flat vector [value], in this order."""

    def shape(ground: Ground, i: int) -> tuple[int, ...]:
        return (sum(int(np.prod(view.shape(ground, i))) for view in views),)

    def of(moment: Moment, i: int) -> Seen:
        return np.concatenate([view.seen(moment, i).ravel() for view in views])

    return View(
        name=name,
        axes="[value]",
        unit="; ".join(view.unit for view in views),
        scale="; ".join(view.scale for view in views),
        about=about,
        shape=shape,
        of=of,
        high=max(view.high for view in views),
        low=min(view.low for view in views),
        reads=frozenset().union(*(view.reads for view in views)),
    )


VIEWS["sumo_rl"] = joined("sumo_rl", [VIEWS[name] for name in ("phase", "min_green", "density", "queue")], "sumo-rl's default observation")

Choice = str | View | Sequence[str]


def view_of(choice: Choice) -> View:
    """The view of a name, one handed in, or several names joined to a flat vector; ConfigError for anything else."""
    if isinstance(choice, View):
        return choice
    if isinstance(choice, str):
        return named("observation", choice, VIEWS)
    if not isinstance(choice, Sequence) or not choice:
        raise ConfigError(f"observation {choice!r}: expected a name, several names or a View; names are {', '.join(VIEWS)}")
    return joined("+".join(map(str, choice)), [named("observation", one, VIEWS) for one in choice], "several views, joined")

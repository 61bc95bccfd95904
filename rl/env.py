"""A Gymnasium environment of one signal over SUMO; `rl.env_parallel` has all signals of a network as agents.

It steps through the same control loop as the street does; an action is a wish that safety may refuse. The hour ends by truncation.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from rl import features, reward, views
from rl.action import Action
from rl.simulation import MakeForecaster
from rl.surface import AUTO, Parts, Surface, drawn_seed, found
from rl.views import Seen
from signals.errors import ConfigError
from signals.planners.rolling_horizon import cheapest
from signals.rules import Rules
from sumo_nets.scenario import Scenario


class SignalEnv(gymnasium.Env[Seen, np.int64]):  # type: ignore[misc]
    """One signal decides; the others of the network, if any, follow the lookahead's prices."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  gymnasium reads it from the class

    def __init__(
        self,
        scenario: Scenario | str = "resco/cologne1",
        signal: str | None = None,
        rules: str | Rules = "resco",
        make_forecaster: MakeForecaster | None = None,
        render_mode: str | None = None,
        *,
        observation: views.Choice = "phase_rows",
        action: str | Action = "next_phase",
        reward: reward.Choice | None = None,
        metrics: bool = False,
        backend: str = AUTO,
    ) -> None:
        """`signal`: its id; None: the network's first. `make_forecaster`: None for no forecast. The rest: see `rl.surface.Parts`."""
        check_undrawn(render_mode)
        self.render_mode = None
        parts = Parts(observation, action, reward, make_forecaster, metrics=metrics, backend=backend)
        self._surface = Surface(found(scenario, rules), parts)
        names = self._surface.signals
        if signal is not None and signal not in names:
            raise ConfigError(f"signal {signal!r}: {self._surface.where.scenario.name} has {', '.join(names)}")
        self._at = 0 if signal is None else names.index(signal)
        self.observation_space, self.action_space = self._surface.spaces(self._at)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Seen, dict[str, Any]]:
        """Start the hour anew; the simulation's seed is drawn from the environment's generator."""
        super().reset(seed=seed)
        self._surface.begin(drawn_seed(self.np_random))
        return self._surface.seen(self._at), self._info()

    def step(self, action: np.int64 | int) -> tuple[Seen, float, bool, bool, dict[str, Any]]:
        """Choose, and go on to the next decision."""
        surface = self._surface
        choice = np.zeros(len(surface.signals), dtype=np.asarray(action).dtype)
        choice[self._at] = action
        wanted = surface.wanted(choice)
        if len(wanted) > 1:
            rows, may = surface.moment_with_rows().rows, surface.moment.may
            prices = np.where(may, np.asarray(rows)[..., features.EXCESS], np.nan).astype(np.float64)
            mine = wanted[self._at]
            wanted = cheapest(prices, surface.moment.observed.phase)
            wanted[self._at] = mine
        gained = surface.go(wanted)
        return surface.seen(self._at), float(gained[self._at]), False, surface.simulation.over, self._info()

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Which choices are open now [choice]: what sb3-contrib's MaskablePPO asks for."""
        return self._surface.mask()[self._at, : self._surface.choices[self._at]]

    def _info(self) -> dict[str, Any]:
        surface = self._surface
        return {"now_s": surface.simulation.now_s, "action_mask": self.action_masks().astype(np.int8), **surface.metrics()}

    def close(self) -> None:
        """End the simulation; a second time does nothing."""
        self._surface.close()


def spaces(phases: int) -> tuple[Any, Any]:
    """Spaces of a signal with this many phases: rows of features in, the next phase out."""
    seen = gymnasium.spaces.Box(0.0, features.LARGEST, (phases, features.WIDTH), np.float32)
    return seen, gymnasium.spaces.Discrete(phases)


def check_undrawn(render_mode: str | None) -> None:
    """ConfigError for any mode of rendering."""
    if render_mode is not None:
        raise ConfigError(f"render_mode {render_mode!r}: nothing is drawn here; expected None (watch a run on the web pages)")

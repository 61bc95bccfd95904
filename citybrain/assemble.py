"""Names to things: which controllers there are and how each is built. A new planner is one new file and one line here."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from signals.errors import ConfigError
from signals.planners.base import Planner
from signals.rules import RULES, Rules
from signals.types import Network, SafetyEnvelope


@dataclass(frozen=True, slots=True)
class Controller:
    """`make` is "module:Class" of a planner; None: SUMO runs the signals by itself, with the program named `native`."""

    name: str
    title: str
    make: str | None
    native: str = ""


CONTROLLERS = {
    c.name: c
    for c in (
        Controller("fixed", "the network's own fixed program, untouched", None, "own"),
        Controller("actuated", "SUMO's actuated control on the same phases (min 5 s, max 50 s)", None, "actuated"),
        Controller("gap_out", "gap-out and max-out in the network's phase order", "signals.planners.actuated:Actuated"),
        Controller("webster", "cycle and splits by Webster from the 15-minute forecast", "signals.planners.webster:Webster"),
        Controller(
            "coordinated",
            "common cycle, splits and offsets of the network from the forecast",
            "signals.planners.coordinated:Coordinated",
        ),
        Controller(
            "cyclic_pressure",
            "whole plans by pressure, renewed every cycle (Le et al. 2015)",
            "signals.planners.cyclic_pressure:CyclicPressure",
        ),
        Controller(
            "max_pressure",
            "the phase with the largest pressure (Varaiya 2013)",
            "signals.planners.max_pressure:MaxPressure",
        ),
        Controller(
            "rolling_horizon",
            "lookahead over a minute per next phase",
            "signals.planners.rolling_horizon:RollingHorizon",
        ),
        Controller("learned", "the shipped policy: learned scorer with the lookahead's prices", "rl.policy:LearnedPlanner"),
    )
}
POLICY_PREFIX = "policy:"
SHIPPED_POLICY = "shared"


def nearest(wrong: str, known: Iterable[str]) -> str:
    """The question "did you mean ...?" where a known name is near, else the list of all."""
    names = sorted(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"


def controller(name: str) -> Controller:
    """The controller of a name, or of `policy:FOLDER`; ConfigError with the nearest name."""
    if name.startswith(POLICY_PREFIX):
        return Controller(name, f"the policy in {name.removeprefix(POLICY_PREFIX)}", CONTROLLERS["learned"].make)
    if name not in CONTROLLERS:
        raise ConfigError(f"controller {name!r}: no such controller; {nearest(name, CONTROLLERS)}")
    return CONTROLLERS[name]


def rules(name: str) -> Rules:
    """The rules of a name; ConfigError with the nearest name."""
    if name not in RULES:
        raise ConfigError(f"rules {name!r}: no such rules; {nearest(name, RULES)}")
    return RULES[name]


def planner(name: str, network: Network, limits: tuple[SafetyEnvelope, ...]) -> Planner:
    """Build the planner behind a controller's name."""
    made = controller(name).make
    if made is None:
        raise ConfigError(f"controller {name!r} runs inside SUMO and has no planner")
    module, _, attribute = made.partition(":")
    make: Any = getattr(importlib.import_module(module), attribute)
    if name.startswith(POLICY_PREFIX):
        policy = importlib.import_module(module).load(Path(name.removeprefix(POLICY_PREFIX)))
        return cast(Planner, make(network, limits, policy))
    return cast(Planner, make(network, limits))

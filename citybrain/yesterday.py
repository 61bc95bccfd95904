"""What the detectors of a scenario saw on an earlier run: half an hour of its demand under its own program, in a process of its own.

The demand file says how many turn where; which of several lanes they turn from, only driving shows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from signals.links.sumo import SumoLink
from signals.types import Floats, Network
from sumo_nets.fork import in_fork
from sumo_nets.scenario import Scenario
from sumo_nets.session import start

SPAN_S = 1800.0
EVERY_S = 10.0
SEED = 9001  # never one that is reported


def seen_yesterday(scenario: Scenario, network: Network) -> Floats:
    """Vehicles at each stop line [movement], NaN where no detector is; LinkError where the run fails.

    Forks: libsumo holds one simulation a process, and ours is for today's.
    """
    what = f"{scenario.name}: the run that earlier days are made from"
    return np.frombuffer(in_fork(lambda: counted(scenario, network).tobytes(), what))


def counted(scenario: Scenario, network: Network) -> Floats:
    """The run itself."""
    span = replace(scenario, end_s=min(scenario.end_s, scenario.begin_s + SPAN_S))
    with start(span, SEED) as session:
        link = SumoLink(session.sumo, network)
        seen_veh = link.observe(session.now_s).counts_veh
        while session.now_s < span.end_s:
            until_s = session.now_s + EVERY_S
            while session.now_s < min(until_s, span.end_s):
                session.advance()
            seen_veh = seen_veh + link.observe(session.now_s).counts_veh
    return seen_veh

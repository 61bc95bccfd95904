"""What SUMO says of the ten rivals: delay, and processor time of stepping alone, each episode in a fresh process."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rivals import FIXED, rival
from citybrain.forecasts import fitted_for, forecaster_for
from forecasting.models import QUICK
from rl.simulation import Site, site
from signals.links.sumo import SumoLink
from signals.loop import ControlLoop
from signals.metrics import METRICS, read_trips
from sumo_nets.fork import in_fork
from sumo_nets.scenario import scenario
from sumo_nets.session import RunFiles, start


def prepared(name: str) -> Site:
    """The scenario, with its forecaster fitted: call it before any fork."""
    found = site(scenario(name))
    fitted_for(QUICK, found.scenario, found.network)
    return found


def sumo_delay(where: Site, controller: str, seed: int) -> dict[str, Any]:
    """Delay of one episode in SUMO [s/veh], and the processor time that its bare steps took [s]."""
    return dict(json.loads(in_fork(lambda: json.dumps(_episode(where, controller, seed)).encode(), f"{controller} in SUMO")))


def _episode(where: Site, controller: str, seed: int) -> dict[str, Any]:
    found = where.scenario
    with tempfile.TemporaryDirectory(prefix="citybrain-") as folder:
        tripinfo = Path(folder) / "tripinfo.xml"
        with start(found, seed, RunFiles(tripinfo)) as session:
            loop = None
            if controller != FIXED:
                link = SumoLink(session.sumo, where.network)
                forecaster = forecaster_for(QUICK, found, where.network)
                loop = ControlLoop(where.network, where.limits, link, rival(controller, where.network, where.limits), forecaster)
            step_s = 0.0
            while session.now_s < found.end_s:
                if loop is not None:
                    loop.tick(session.now_s)
                until_s, began_s = min(session.now_s + where.decision_s, found.end_s), time.process_time()
                while session.now_s < until_s:
                    session.advance()
                step_s += time.process_time() - began_s
            left_s = session.free_flow_left_s()
        trips = read_trips(tripinfo, found.begin_s, found.end_s, left_s)
    return {"delay_s_per_veh": METRICS["delay_s_per_veh"].function(trips), "step_cpu_s": step_s}

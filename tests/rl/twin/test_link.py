"""The twin behind a link: planners see and steer it as they do SUMO."""

import numpy as np
import pytest

from rl.simulation import NoForecast
from rl.twin.lights import AMBER, CLOSED, GONE_AMBER
from rl.twin.link import TwinLink
from rl.twin.twin import Twin
from signals.errors import LinkError
from signals.loop import ControlLoop
from signals.planners.rolling_horizon import RollingHorizon
from signals.types import Ints


def steered(twin: Twin) -> tuple[float, list[Ints]]:
    """Delay of a whole run under the lookahead [s/veh], and the phases at each decision."""
    run = twin.run(101)
    link = TwinLink(run)
    site = twin.site
    loop = ControlLoop(site.network, site.limits, link, RollingHorizon(site.network, site.limits), NoForecast())
    phases = []
    while run.now_s < twin.span_s:
        phases.append(loop.tick(link.now_s).observed.phase)
        link.advance(round(site.decision_s))
    return run.delay_s_per_veh(), phases


def test_the_lookahead_beats_the_base_plan(twin: Twin) -> None:
    run = twin.run(101)
    TwinLink(run).advance(int(twin.span_s))
    delay_s, phases = steered(twin)
    assert delay_s < 0.8 * run.delay_s_per_veh()
    assert len({tuple(p.tolist()) for p in phases}) > 3


def test_who_loses_green_sees_all_of_the_yellow_first(twin: Twin) -> None:
    lights = TwinLink(twin.run(101)).aspects(600)
    was_green = (lights[:-1] == 1) | (lights[:-1] == 2)
    assert not (was_green & (lights[1:] == CLOSED)).any()
    begins = lights == AMBER
    assert begins.any()
    assert (lights[1:-1][begins[:-2]] == GONE_AMBER).all()
    assert (lights[2:][begins[:-2]] == GONE_AMBER).all()


def test_vehicles_are_seen_lane_by_lane_nearest_first_within_range(twin: Twin) -> None:
    run = twin.run(101)
    link = TwinLink(run)
    link.advance(300)
    seen = link.observe(link.now_s)
    assert seen.vehicle_lane.size > 20
    assert (np.diff(seen.vehicle_lane) >= 0).all()
    same = np.diff(seen.vehicle_lane) == 0
    assert (np.diff(seen.vehicle_distance_m)[same] >= 0.0).all()
    assert seen.vehicle_distance_m.max() <= 250.0
    slow = np.bincount(seen.vehicle_movement[seen.vehicle_speed_mps < 2.0], minlength=twin.layout.movements)
    np.testing.assert_array_equal(np.nan_to_num(seen.queue_veh), slow)


def test_everybody_who_passes_is_counted_once(twin: Twin) -> None:
    run = twin.run(101)
    link = TwinLink(run)
    counted = 0.0
    for _ in range(30):
        link.advance(20)
        counted += float(np.nansum(link.observe(link.now_s).counts_veh))
    assert counted >= np.isfinite(run.traffic.gone_s).sum()
    assert np.nansum(link.observe(link.now_s).counts_veh) == 0.0


def test_another_time_than_the_twins_own_is_an_error(twin: Twin) -> None:
    link = TwinLink(twin.run(101))
    with pytest.raises(LinkError, match="stands at"):
        link.observe(link.now_s + 1.0)
    with pytest.raises(LinkError, match="plans for"):
        link.push(())

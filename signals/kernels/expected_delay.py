"""Delay that flows will meet at many movements at once, by the share of time that each is green. HCM 2000, control delay d1 + d2."""

import numpy as np
import numpy.typing as npt
from numba import njit

from signals.kernels.delay import incremental_delay_s, saturation_degree, uniform_delay_s

Floats = npt.NDArray[np.float64]

SIGNAL_K = 0.5
ISOLATED = 1.0


@njit(cache=True)
def expected_delays_s(flow_veh_h: Floats, saturation_veh_h: Floats, green_share: Floats, cycle_s: float, period_h: float) -> Floats:
    """Delay d1 + d2 [movement] under a cycle of this length [s/veh]; NaN where a movement has no green or no flow is known.

    HCM 2000, eq. 16-11 and 16-12, with k = 0.5 and I = 1.
    """
    out = np.full(flow_veh_h.size, np.nan)
    for m in range(flow_veh_h.size):
        green_s = green_share[m] * cycle_s
        degree = saturation_degree(flow_veh_h[m], saturation_veh_h[m], green_s, cycle_s)
        if not np.isnan(degree):
            capacity_veh_h = saturation_veh_h[m] * green_share[m]
            even_s = uniform_delay_s(cycle_s, green_s, degree)
            out[m] = even_s + incremental_delay_s(degree, capacity_veh_h, period_h, SIGNAL_K, ISOLATED)
    return out

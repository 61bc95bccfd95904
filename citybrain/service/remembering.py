"""The memory of the congestion index, in one pass over the movements: queues, flows and greens of the last minutes."""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import numpy as np
from numba import njit

from signals.types import Bools, Codes, Floats, Ints


@njit(cache=True, nogil=True)
def remember(
    queue_veh: Floats, counts_veh: Floats, phase: Ints, age_s: Floats, serves: Codes, movement_start: Ints, usable: Floats,
    weights: tuple[float, float, float], step_s: float, mean_queue_veh: Floats, heard: Bools, flow_veh_s: Floats, share: Floats,
) -> None:  # fmt: skip
    """Move the means towards what is seen, by `weights` of (queue, flow, green): `mean_queue_veh` and `heard` [signal], `flow_veh_s`
    and usable green `share` [movement].

    A silent sensor (NaN) counts as nothing, and `heard` says where all of a signal's are. `usable` [code of `Serves`] of a green;
    during an intergreen nobody has one. `serves` [signal, phase, movement].
    """
    to_queue, to_flow, to_green = weights
    for i in range(phase.shape[0]):
        standing_veh, speaks = 0.0, False
        shown = age_s[i] >= 0.0 and 0 <= phase[i] < serves.shape[1]
        for m in range(movement_start[i], movement_start[i + 1]):
            if not np.isnan(queue_veh[m]):
                standing_veh += queue_veh[m]
                speaks = True
            passed_veh_s = counts_veh[m] / step_s if step_s > 0.0 and not np.isnan(counts_veh[m]) else 0.0
            green = usable[serves[i, phase[i], m - movement_start[i]]] if shown else usable[0]
            flow_veh_s[m] += to_flow * (passed_veh_s - flow_veh_s[m])
            share[m] += to_green * (green - share[m])
        mean_queue_veh[i] += to_queue * (standing_veh - mean_queue_veh[i])
        heard[i] = speaks

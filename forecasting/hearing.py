"""What a forecaster believes of the counts that come: a watch over the detectors, and the model's own profile to judge by."""

import numpy as np

from forecasting.base import Model
from forecasting.fault_watch import FaultWatch, Usually, Watched
from forecasting.faults import HOUR_S, find
from forecasting.history import FlowHistory
from signals.types import Floats


def screened(history: FlowHistory) -> tuple[FlowHistory, FaultWatch]:
    """The history without the counts that no detector in order would have shown, and the watch that goes on from there."""
    return find(history).believed(history), FaultWatch.after(history)


def copied(watch: FaultWatch, bin_s: float) -> FaultWatch:
    """Another that goes on from the same state."""
    return FaultWatch.from_arrays({name: np.array(array) for name, array in watch.arrays().items()}, bin_s)


def judged(watch: FaultWatch | None, model: Model, counts_veh: Floats, starts_s: float, bin_s: float) -> Watched:
    """The counts [detector] of the bin that began at `starts_s`, judged by what the model's profile says is usual.

    Without a watch or a profile everything is believed.
    """
    usual_veh = None if watch is None else model.usual(starts_s, max(round(HOUR_S / bin_s), 1))
    if watch is None or usual_veh is None:
        return Watched(counts_veh, np.zeros(len(counts_veh), dtype=np.int8))
    before_veh, now_veh, after_veh = usual_veh
    return watch.update(starts_s + bin_s, counts_veh, Usually(now_veh, before_veh, after_veh))

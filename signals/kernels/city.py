"""Every signal of a city at once: Webster plans and their safety check on padded arrays, in parallel over signals.

Axes [signal, ...] are padded to the largest signal; sizes say how much of a row counts. `verdicts` asks what `signals.safety` asks of
a repeating plan, in the same order, and answers with the position of the first rule that objects.
"""

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from signals.kernels.webster import class_plan_s, loads

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MALFORMED = -1
APPROVED = 0
OBJECTIONS = (
    "structure",
    "conflict",
    "start",
    "lease",
    "min green",
    "max green",
    "max red in the cycle",
    "every movement",
    "cycle",
    "offset",
    "rate of change",
)
"""Verdict k + 1 is an objection of the rule named here at k."""
STRUCTURE, CONFLICT, START, LEASE, MIN_GREEN, MAX_GREEN, MAX_RED, EVERY_MOVEMENT, CYCLE, OFFSET, RATE = range(1, 12)
TOLERANCE = 1e-6


@njit(cache=True, parallel=True)
def plans(
    flow_veh_h: Floats, saturation_veh_h: Floats, foes: Ints, foe_end: Ints, group_of: Ints, lanes: Floats, group_lanes: Floats,
    class_of: Ints, within: Bools, counted: Bools, stages: Ints, movements: Ints, groups: Ints, classes: Ints, lost_s: Floats,
    startup_s: float, min_green_s: Floats, max_green_s: Floats, min_cycle_s: Floats, max_cycle_s: Floats, step_s: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Shown greens [signal, stage], NaN past the last stage, and cycles [signal] of each signal's Webster plan.

    The loads are those of `webster.loads`, signal by signal; `class_of` [signal, movement + group] and `within` [signal, class,
    stage] those of `webster.classes_of`; `min_green_s` [signal, stage]. Of each shown green `startup_s` is lost. A NaN flow: a
    plan of NaN.
    """
    greens_s = np.full(min_green_s.shape, np.nan)
    cycle_s = np.empty(stages.size)
    for i in prange(stages.size):
        n, m, g = stages[i], movements[i], groups[i]
        flows, saturations = loads(
            flow_veh_h[i, :m], saturation_veh_h[i, :m], foes[i], foe_end[i, :m], group_of[i, :m], lanes[i, :m], group_lanes[i, :g]
        )
        effective_s = class_plan_s(
            flows, saturations, class_of[i, : m + g], within[i, : classes[i], :n], counted[i, : m + g], lost_s[i] + startup_s * n,
            np.maximum(min_green_s[i, :n] - startup_s, 0.0), min_cycle_s[i], max_cycle_s[i], step_s[i],
        )  # fmt: skip
        total_s = lost_s[i]
        for p in range(n):
            shown_s = effective_s[p] + startup_s
            greens_s[i, p] = max_green_s[i] if shown_s > max_green_s[i] else shown_s
            total_s += greens_s[i, p]
        cycle_s[i] = total_s
    return greens_s, cycle_s


@njit(cache=True)
def malformed(phase: Ints, green_s: Floats, phases: int, starts_s: float, until_s: float, cycle_s: float, offset_s: float) -> bool:
    """Whether a repeating plan says nothing that a controller could run: no stages, unknown phases, times that are no times."""
    for k in range(phase.size):
        if not (0 <= phase[k] < phases and 0.0 <= green_s[k] < np.inf):
            return True
    finite = -np.inf < starts_s < np.inf and -np.inf < cycle_s < np.inf and -np.inf < offset_s < np.inf
    return phase.size == 0 or not finite or not until_s > -np.inf


@njit(cache=True)
def form_objection(phase: Ints, green_s: Floats, clash: Bools, step_s: float, late_s: float, left_s: float) -> int:
    """First rule from structure to lease that objects, or 0: what can be said without the limits of the greens."""
    n = phase.size
    for k in range(n):
        steps = green_s[k] / step_s
        if not (steps > 0.0 and abs(steps - np.round(steps)) < TOLERANCE) or (n > 1 and phase[k] == phase[(k + 1) % n]):
            return STRUCTURE
    for k in range(n):
        if clash[phase[k]]:
            return CONFLICT
    if not late_s <= 0.5 * step_s:
        return START
    return APPROVED if left_s > 0.0 else LEASE


@njit(cache=True)
def green_objection(phase: Ints, green_s: Floats, min_green_s: Floats, max_green_s: float) -> int:
    """The rule of min green or max green that objects, or 0."""
    for k in range(phase.size):
        if not green_s[k] >= min_green_s[phase[k]] - TOLERANCE:
            return MIN_GREEN
    for k in range(phase.size):
        if not green_s[k] <= max(max_green_s, min_green_s[phase[k]]) + TOLERANCE:
            return MAX_GREEN
    return APPROVED


@njit(cache=True)
def starts_of(phase: Ints, green_s: Floats, intergreen_s: Floats) -> Floats:
    """When each stage turns green, and when the first does again, from the cycle's start [stage + 1] [s]."""
    n = phase.size
    on_s = np.zeros(n + 1)
    for k in range(n):
        on_s[k + 1] = on_s[k] + green_s[k] + intergreen_s[phase[k], phase[(k + 1) % n]]
    return on_s


@njit(cache=True)
def longest_dark_s(m: int, phase: Ints, green_s: Floats, on_s: Floats, green: Bools, cycle_s: float) -> float:
    """Longest red of a movement in the cycle [s]; minus infinity where no stage serves it."""
    first, last, longest_s = -1, -1, -np.inf
    for k in range(phase.size):
        if green[phase[k], m]:
            if last < 0:
                first = k
            else:
                longest_s = max(longest_s, on_s[k] - on_s[last] - green_s[last])
            last = k
    return longest_s if last < 0 else max(longest_s, on_s[first] + cycle_s - on_s[last] - green_s[last])


@njit(cache=True)
def cycle_objection(
    phase: Ints, green_s: Floats, intergreen_s: Floats, green: Bools, called: Bools, max_red_s: Floats, running_s: Floats,
    cycle_s: float, offset_s: float, min_cycle_s: float, max_cycle_s: float, max_change_s: float, step_s: float,
) -> int:  # fmt: skip
    """First rule from max red in the cycle to rate of change that objects, or 0: what can be said of the whole cycle."""
    n = phase.size
    on_s = starts_of(phase, green_s, intergreen_s)
    left_out = False
    for m in range(called.size):
        dark_s = longest_dark_s(m, phase, green_s, on_s, green, cycle_s)
        if called[m] and dark_s > -np.inf and not dark_s <= max_red_s[m] + TOLERANCE:
            return MAX_RED
        if dark_s == -np.inf:
            for p in range(green.shape[0]):
                left_out = left_out or green[p, m]
    if left_out:
        return EVERY_MOVEMENT
    if not (min_cycle_s <= cycle_s <= max_cycle_s and abs(cycle_s - on_s[n]) <= 0.5 * step_s):
        return CYCLE
    if not 0.0 <= offset_s < cycle_s:
        return OFFSET
    for k in range(n):
        # NaN: what runs has other phases, and no change of green is a number.
        if abs(green_s[k] - running_s[k]) > max_change_s + 0.5 * step_s:
            return RATE
    return APPROVED


@njit(cache=True, parallel=True)
def verdicts(
    stages: Ints, stage_phase: Ints, greens_s: Floats, cycle_s: Floats, offset_s: Floats, starts_s: Floats, valid_until_s: Floats,
    now_s: float, running_s: Floats, called: Bools, phases: Ints, movements: Ints, green: Bools, clash: Bools, intergreen_s: Floats,
    min_green_s: Floats, max_green_s: Floats, max_red_s: Floats, min_cycle_s: Floats, max_cycle_s: Floats, max_change_s: Floats,
    step_s: Floats,
) -> Ints:  # fmt: skip
    """What safety says of each signal's repeating plan [signal]: 0 approved, k + 1 refused by `OBJECTIONS[k]`, -1 malformed.

    `stage_phase`, `greens_s` and `running_s` (the greens that run now, NaN where other phases do) [signal, stage]; `called` and
    `max_red_s` [signal, movement]; `min_green_s` and `clash` [signal, phase]; `green` [signal, phase, movement].
    """
    found = np.empty(stages.size, dtype=np.int64)
    for i in prange(stages.size):
        n, p, m = stages[i], phases[i], movements[i]
        phase, green_s = stage_phase[i, :n], greens_s[i, :n]
        if malformed(phase, green_s, p, starts_s[i], valid_until_s[i], cycle_s[i], offset_s[i]):
            found[i] = MALFORMED
            continue
        verdict = form_objection(phase, green_s, clash[i], step_s[i], starts_s[i] - now_s, valid_until_s[i] - now_s)
        if verdict == APPROVED:
            verdict = green_objection(phase, green_s, min_green_s[i], max_green_s[i])
        if verdict == APPROVED:
            verdict = cycle_objection(
                phase, green_s, intergreen_s[i], green[i, :p, :m], called[i, :m], max_red_s[i], running_s[i], cycle_s[i],
                offset_s[i], min_cycle_s[i], max_cycle_s[i], max_change_s[i], step_s[i],
            )  # fmt: skip
        found[i] = verdict
    return found

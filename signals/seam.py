"""A sequence laid out in time from what is running: when its stages turn green, and how long everybody else stays red.

How a sequence is read: it starts now. If its first stage is the running phase, `green_s` is what is left of it from
now (while the intergreen towards it runs, that includes the rest of it). If not, the running phase ends now, and
every `green_s` counts from the end of the intergreen before. Whatever ends a stage early, such as a lease that runs
out, does so after its minimum green.
"""

from math import inf
from typing import NamedTuple

from signals.site import Site
from signals.types import TimingPlan

NO_CALL_S = -1.0


class Seen(NamedTuple):
    """What is known of one signal now, as plain numbers."""

    now_s: float
    phase: int
    age_s: float
    called_red_s: list[float]  # [movement] time since green; inf unknown, NO_CALL_S where nobody calls
    running: TimingPlan


class Served(NamedTuple):
    """A stage of a sequence in time from now [s]; `on_s` is in the past where the stage runs already."""

    phase: int
    on_s: float
    off_s: float


def timeline(plan: TimingPlan, site: Site, seen: Seen) -> list[Served]:
    """When each stage of a sequence is green, from now, until its end or the end of its lease."""
    lease_s = plan.valid_until_s - seen.now_s
    served: list[Served] = []
    end_s, before = 0.0, seen.phase
    for k, stage in enumerate(plan.stages):
        if k > 0 and end_s >= lease_s:
            break
        if k == 0 and stage.phase == seen.phase:
            on_s, off_s = -seen.age_s, stage.green_s
        else:
            on_s = end_s + site.intergreen_s[before][stage.phase]
            off_s = on_s + stage.green_s
        off_s = min(off_s, max(lease_s, on_s + site.min_green_s[stage.phase]))
        served.append(Served(stage.phase, on_s, off_s))
        end_s, before = off_s, stage.phase
    return served


def red_reached_s(movement: int, red_s: float, served: list[Served], site: Site, seen: Seen) -> float:
    """Longest red of a movement, `red_s` old now: in the sequence, and until the base plan after it serves it [s]."""
    lit = seen.age_s >= 0.0 and movement in site.serves[seen.phase]
    dark_from_s = 0.0 if lit else -red_s
    longest_s = 0.0
    for stage in served:
        serves = movement in site.serves[stage.phase]
        if serves:
            if not lit:
                longest_s = max(longest_s, stage.on_s - dark_from_s)
            dark_from_s = stage.off_s
        lit = serves
    last = served[-1]
    return max(longest_s, last.off_s + site.base_wait_s[last.phase][movement] - dark_from_s)


def serves_most_overdue_at_once(served: list[Served], site: Site, seen: Seen) -> bool:
    """The next change of phase, as soon as the running minimum green allows, serves the movement that waits longest."""
    waiting_s = waiting_red_s(site, seen)
    soonest_s = max(0.0, site.min_green_s[seen.phase] - seen.age_s)
    nxt = served[0]
    if nxt.phase == seen.phase:
        if len(served) == 1 or not nxt.off_s <= soonest_s + site.limits.step_s:
            return False
        nxt = served[1]
    most_s = max(waiting_s.values(), default=inf)
    return any(m in site.serves[nxt.phase] for m, red_s in waiting_s.items() if red_s >= most_s)


def waiting_red_s(site: Site, seen: Seen) -> dict[int, float]:
    """Movement -> red so far [s], of the movements with a call that the running phase does not serve."""
    running = site.serves[seen.phase]
    reds = enumerate(seen.called_red_s)
    return {m: red_s for m, red_s in reds if red_s != NO_CALL_S and m in site.served and m not in running}

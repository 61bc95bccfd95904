"""What leaves the service as files: the running plans as CSV or for SUMO, the journal of a span as CSV. Told piece by piece."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr

from citybrain.service.record import decoded
from citybrain.service.service import CityService
from signals.errors import ConfigError
from signals.links.program import Cabinet
from signals.types import Intersection, TimingPlan

EXPORTS = ("plans.csv", "plans.add.xml", "journal.csv")
PLAN_COLUMNS = ("signal", "stage", "phase", "lights", "green_s", "repeats", "cycle_s", "offset_s")
JOURNAL_COLUMNS = ("now_s", "signal", "phase", "age_s", "queue_veh", "target_phase", "green_s", "repeats", "pushed", "refused")


def exported(service: CityService, what: str, first_s: float, last_s: float) -> Iterable[bytes]:
    """The file of that name; ConfigError where there is none."""
    if what not in EXPORTS:
        raise ConfigError(f"export {what[:40]!r}: there is no such export; known are {', '.join(EXPORTS)}")
    if what == "plans.csv":
        return plans_csv(service)
    if what == "plans.add.xml":
        return plans_xml(service)
    return journal_csv(service, first_s, last_s)


def running(service: CityService) -> Iterator[tuple[Intersection, TimingPlan]]:
    """Every signal, and what is in force there."""
    engine = service.engine
    for i, site in enumerate(service.network.signals):
        yield site, site.base if engine is None else engine.plan_of(i).plan


def plans_csv(service: CityService) -> Iterator[bytes]:
    """A row a stage."""
    yield row(PLAN_COLUMNS)
    for site, plan in running(service):
        for k, stage in enumerate(plan.stages):
            lights = site.phases[stage.phase].lights
            yield row((site.id, k + 1, stage.phase + 1, lights, stage.green_s, int(plan.repeats), plan.cycle_s, plan.offset_s))


def plans_xml(service: CityService) -> Iterator[bytes]:
    """A repeating plan as it is; where a sequence runs, the base plan that it ends in."""
    yield b"<additional>\n"
    for site, plan in running(service):
        shown = plan if plan.repeats else site.base
        yield f'  <tlLogic id={quoteattr(site.id)} type="static" programID="citybrain" offset="{shown.offset_s:g}">\n'.encode()
        for segment in Cabinet(site).cycle(shown.stages[0].phase, shown.stages, 0):
            yield f'    <phase duration="{segment.duration_s:g}" state="{segment.lights}"/>\n'.encode()
        yield b"  </tlLogic>\n"
    yield b"</additional>\n"


def journal_csv(service: CityService, first_s: float, last_s: float) -> Iterator[bytes]:
    """A row a signal and decision."""
    yield row(JOURNAL_COLUMNS)
    engine = service.engine
    if engine is None:
        return
    names = [[s.id for s in shard.part.network.signals] for shard in engine.shards]
    for blob in service.records(first_s, last_s):
        one = decoded(blob)
        if one.shard >= len(names) or len(names[one.shard]) != one.phase.size:
            continue  # of a run whose city was cut otherwise
        for k, name in enumerate(names[one.shard]):
            age_s, queue_veh = (one_number(float(v), 1) for v in (one.age_s[k], one.queue_veh[k]))
            yield row((
                one.now_s, name, int(one.phase[k]) + 1, age_s, queue_veh, int(one.target[k]) + 1, float(one.green_s[k]),
                int(one.repeats[k]), int(one.pushed[k]), int(one.refused[k]),
            ))  # fmt: skip


def one_number(value: float, digits: int) -> float | None:
    """Rounded; None for what is not known."""
    return round(value, digits) if math.isfinite(value) else None


def row(cells: tuple[object, ...]) -> bytes:
    """A line of CSV; a text that a spreadsheet would take for a formula is marked as text."""
    out = io.StringIO()
    csv.writer(out).writerow([f"'{c}" if isinstance(c, str) and c[:1] in "=+-@\t\r" else c for c in cells])
    return out.getvalue().encode()

"""How soon a sensor that is stuck is found, and how often one in order is taken for stuck: the service's judge on a simulated street.

`python -m benchmarks.sensor_faults [--json FILE] [--only NET] [--seeds 11 12] [--hours 4 10]`. Days of a net with drift, surges and a
diversion (`sumo_nets.day`) are played with all its sensors written down second by second; then sensors drawn by the seed are stuck in
what was written down, and the judge hears it as in the service. Odd seeds run max pressure, even ones the network's own program. Recall
counts sensors on movements by how much traffic they have in the two hours after; false alarms are those of runs without a fault.
Thresholds and first chances were chosen on seeds 1 to 4.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.provenance import provenance
from citybrain import assemble
from citybrain.forecasts import Silent
from citybrain.intake.batch import Samples
from citybrain.intake.catalogue import CODE, Catalogue, Kind
from citybrain.intake.quality import Flag, Quality
from forecasting.day import measured_day
from signals.links.sumo import SumoLink
from signals.loop import ControlLoop
from signals.rules import envelope, with_timing
from signals.safety import adopt
from signals.types import Bools, Floats, Network
from sumo_nets.day import Hours, read_hour, write_day
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario
from sumo_nets.session import RunFiles, start

NETS = ("resco/cologne8", "resco/ingolstadt7", "resco/grid4x4")
SEEDS = (11, 12)
HOURS = (4.0, 10.0)
PEAK_S = 7.0 * 3600.0  # the time of day that a net's own hour stands for
TOWED = ("--time-to-teleport", "600")  # or a jam of early hours would last all day
WITHIN_MINUTES = (3, 5, 10, 20, 30, 60, 120)
FOLLOWED_MINUTES = WITHIN_MINUTES[-1]
SHARE = 0.06  # of the sensors of a kind that are stuck at once
DRAWS = 2
FIRST_MINUTE, LAST_MINUTE = 30, 180  # between these a fault begins
NOBODY_VEH_H, QUIET_VEH_H = 4.0, 60.0  # fewer: a stuck count is right; fewer: quiet
CASES: tuple[tuple[str, Kind, str], ...] = (
    ("count at zero", Kind.COUNT, "zero"),
    ("count at zero since ever", Kind.COUNT, "ever"),
    ("count, queue and wait at zero", Kind.COUNT, "all"),
    ("count at one a sample", Kind.COUNT, "one"),
    ("queue at zero", Kind.QUEUE, "zero"),
    ("queue at some value", Kind.QUEUE, "some"),
    ("wait at zero", Kind.WAIT, "zero"),
    ("wait at some value", Kind.WAIT, "some"),
)
Values = npt.NDArray[np.float32]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """What the sensors of a street said."""

    network: Network
    catalogue: Catalogue
    begin_s: float
    value: Values = field(repr=False)
    """[second, sensor]"""

    @property
    def movement(self) -> npt.NDArray[np.int64]:
        """[sensor] that it speaks of."""
        of = np.zeros(len(self.catalogue), np.int64)
        of[self.catalogue.link_sensor] = self.catalogue.link_movement
        return of

    @property
    def passed_veh(self) -> Floats:
        """[minute, sensor] vehicles that passed on the sensor's movement."""
        counts = self.catalogue.kind == CODE[Kind.COUNT]
        minutes = len(self.value) // 60
        by_movement = np.zeros((minutes, self.catalogue.movements))
        by_movement[:, self.movement[counts]] = self.value[: 60 * minutes, counts].reshape(minutes, 60, -1).sum(axis=1)
        return by_movement[:, self.movement]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Sensors that repeat a value from a second on."""

    sensor: npt.NDArray[np.int64]
    """[fault]"""
    value: Values
    """[fault]"""
    from_s: int


def network_of(found: Scenario) -> Network:
    """Under the rules of the benchmark."""
    return read_network(found.net, with_timing(assemble.rules("resco"), found.decision_s, found.yellow_s), name=found.name)


def write_down(net: str, seed: int, hours: tuple[float, float], file: Path) -> None:
    """Play a day and write its sensors down; in a process of its own."""
    base = scenario(net)
    rules = with_timing(assemble.rules("resco"), base.decision_s, base.yellow_s)
    network = network_of(base)
    rows: list[Values] = []
    with TemporaryDirectory(prefix="citybrain-") as folder:
        write_day(read_hour(base), Hours(3600.0 * hours[0], 3600.0 * hours[1], PEAK_S), measured_day(), seed, Path(folder))
        found = scenario(Path(folder))
        with start(found, seed, RunFiles(options=TOWED)) as session:
            link = SumoLink(session.sumo, network)
            limits = tuple(envelope(signal, rules, found.step_s) for signal in network.signals)
            planner = assemble.planner("max_pressure", network, limits)
            loop = ControlLoop(network, limits, link, planner, Silent(), adopt(network, session.now_s)) if seed % 2 else None
            while session.now_s < session.end_s:
                decides = loop is not None and (session.now_s - session.begin_s) % rules.decision_s < 1e-6
                seen = loop.tick(session.now_s).observed if loop is not None and decides else link.observe(session.now_s)
                rows.append(np.nan_to_num(np.stack([seen.counts_veh, seen.queue_veh, seen.wait_s, seen.exit_veh])).astype(np.float32))
                session.advance()
    np.savez_compressed(file, begin_s=3600.0 * hours[0], value=np.array(rows))


def written(net: str, seed: int, hours: tuple[float, float], folder: Path) -> Written:
    """A day's sensors, from the folder where they stand there already."""
    file = folder / f"{net.replace('/', '_')}-{seed}-{hours[0]:g}-{hours[1]:g}.npz"
    if not file.exists():
        child = multiprocessing.get_context("spawn").Process(target=write_down, args=(net, seed, hours, file))
        child.start()
        child.join()
        if child.exitcode != 0:
            raise RuntimeError(f"{net}, seed {seed}: the day could not be played")
    network = network_of(scenario(net))
    catalogue = Catalogue.of(network)
    with np.load(file) as kept:
        value = np.ascontiguousarray(kept["value"][:, catalogue.kind, catalogue.link_movement])
        return Written(network, catalogue, float(kept["begin_s"]), value)


def judged(of: Written, stuck: Stuck | None = None) -> Bools:
    """[minute, sensor] whom the judge took for stuck when the minute was over."""
    quality, n = Quality(of.network, of.catalogue), len(of.catalogue)
    sensor, well = np.arange(n, dtype=np.int32), np.zeros(n, np.uint8)
    found = []
    for second, value in enumerate(of.value):
        now_s, told = of.begin_s + second, value
        if stuck is not None and second >= stuck.from_s:
            told = value.copy()
            told[stuck.sensor] = stuck.value
        at_s = np.full(n, now_s)
        if quality.close(now_s):
            found.append(quality.flags(now_s, at_s, well) == Flag.STUCK)
        quality.note(Samples("street", sensor, at_s, told))
    return np.array(found)


def drawn(of: Written, kind: Kind, how: str, rng: np.random.Generator) -> tuple[Stuck, npt.NDArray[np.int64]]:
    """Sensors that are stuck, and those of them by which the fault is to be found."""
    own = rng.permutation(np.flatnonzero(of.catalogue.kind == CODE[kind]))
    own = np.sort(own[: max(round(SHARE * len(own)), 1)])
    from_s = 0 if how == "ever" else int(rng.integers(60 * FIRST_MINUTE, 60 * LAST_MINUTE))
    if how == "all":
        every = np.flatnonzero(np.isin(of.movement, of.movement[own]) & (of.catalogue.kind != CODE[Kind.EXIT]))
        return Stuck(every, np.zeros(len(every), np.float32), from_s), own
    if how == "some":
        over = [of.value[:, s][of.value[:, s] > 0.0] for s in own]
        value = np.array([rng.choice(one) if one.size else 3.0 for one in over], np.float32)
    else:
        value = np.full(len(own), 1.0 if how == "one" else 0.0, np.float32)
    return Stuck(own, value, from_s), own


def findings(of: Written, kind: Kind, how: str, rng: np.random.Generator) -> Iterator[tuple[float, float, float]]:
    """(flow of the movement [veh/h], minutes until it was found, vehicles that passed until then) of each stuck sensor; inf: never."""
    stuck, own = drawn(of, kind, how, rng)
    flags, passed_veh, first = judged(of, stuck), of.passed_veh, stuck.from_s // 60
    for s in own.tolist():
        hits = np.flatnonzero(flags[first : first + FOLLOWED_MINUTES + 1, s])
        minutes = (60.0 * (hits[0] + first + 1) - stuck.from_s) / 60.0 if hits.size else np.inf
        seen = passed_veh[first : first + FOLLOWED_MINUTES, s]
        yield 60.0 * float(seen.mean()), minutes, float(seen[: int(min(minutes, FOLLOWED_MINUTES))].sum())


def false_alarms(of: Written) -> tuple[int, float]:
    """Times that a sensor in order was taken for stuck, and the sensor-days in which that could have been."""
    flags = judged(of)
    begins = flags & ~np.concatenate((np.zeros((1, flags.shape[1]), np.bool_), flags[:-1]))
    return int(begins.sum()), flags.size / 1440.0


def row(name: str, traffic: str, found: list[tuple[float, float]]) -> Row:
    """Recall by time, and how many vehicles had passed when half of the faults that were found were found."""
    known = [veh for minutes, veh in found if minutes < np.inf]
    recall = {str(t): round(sum(minutes <= t for minutes, _ in found) / len(found), 3) for t in WITHIN_MINUTES}
    return {
        "fault": name, "traffic": traffic, "sensors": len(found), "recall_within_minutes": recall,
        "passed_veh_when_found": statistics.median(known) if known else None,
    }  # fmt: skip


def measured(days: Sequence[tuple[int, Written]]) -> dict[str, Any]:
    """Every case on every day."""
    alarms = [false_alarms(of) for _, of in days]
    rows = []
    for k, (name, kind, how) in enumerate(CASES):
        all_ = [
            one for seed, of in days for draw in range(DRAWS) for one in findings(of, kind, how, np.random.default_rng([seed, k, draw]))
        ]
        for traffic, low, high in (("quiet", NOBODY_VEH_H, QUIET_VEH_H), ("busier", QUIET_VEH_H, np.inf)):
            found = [(minutes, veh) for flow, minutes, veh in all_ if low <= flow < high]
            if found:
                rows.append(row(name, traffic, found))
                sys.stderr.write(f"{json.dumps(rows[-1])}\n")
    number, sensor_days = sum(n for n, _ in alarms), sum(d for _, d in alarms)
    return {"false_alarms": number, "sensor_days": round(sensor_days, 1), "false_alarms_per_sensor_day": number / sensor_days, "rows": rows}


def main(words: Sequence[str] | None = None) -> int:
    """The command line."""
    known = argparse.ArgumentParser(prog="python -m benchmarks.sensor_faults", description=__doc__)
    known.add_argument("--json", type=Path)
    known.add_argument("--only", choices=NETS)
    known.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    known.add_argument("--hours", type=float, nargs=2, default=list(HOURS))
    known.add_argument("--folder", type=Path, help="where days are kept, to be judged again")
    chosen = known.parse_args(words)
    with TemporaryDirectory(prefix="citybrain-") as scratch:
        folder = chosen.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        nets = [chosen.only] if chosen.only else list(NETS)
        days = [(seed, written(net, seed, tuple(chosen.hours), folder)) for net in nets for seed in chosen.seeds]
        result = {
            "provenance": provenance(f"{datetime.now(UTC):%Y-%m-%d}", "python -m benchmarks.sensor_faults"),
            "nets": nets, "seeds": chosen.seeds, "hours": chosen.hours, **measured(days),
        }  # fmt: skip
    text = json.dumps(result, indent=1)
    if chosen.json is None:
        sys.stdout.write(f"{text}\n")
    else:
        chosen.json.write_text(f"{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the service shows of itself, as plain lists and tables for JSON: signals, one signal in depth, its past, its arterial, exports.

Reads what the engine's thread has replaced last, and never changes it. Phases are counted from 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from citybrain.arterials import Arterial, arterials
from citybrain.explainer import Explainer
from citybrain.service import audit
from citybrain.service.board import HEALTHS, MODES
from citybrain.service.desk import Command, Mode, Receipt
from citybrain.service.engine import Engine
from citybrain.service.exports import exported, one_number
from citybrain.service.live_forecast import forecast_figures
from citybrain.service.orders import Stages, repeating
from citybrain.service.recent import forecast_json, mean_counts_veh_h
from citybrain.service.service import CityService
from citybrain.service.shards import Part, axes_of, part_of
from citybrain.wire import numbers
from signals.errors import ConfigError
from signals.types import Floats, Intersection, Tick, TimingPlan

LONGEST_HISTORY_S = 3600.0
MOST_PLANS = 500
MOST_RECORDS = 500
LANGUAGES = ("en", "zh")
Sample = tuple[str, str, str, dict[str, str], float]
"""name, kind, help, labels, value: as Prometheus takes it"""


class Showing:
    """What the web layer is given: lives as long as its service; every method may be called from any thread."""

    def __init__(self, service: CityService, arms: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`arms`: by signal, the compass points that its approaches come from."""
        self._of, self._arms = service, arms
        self.network, self.board, self.site, self.simulated = service.network, service.board, service.site, service.simulated
        self._axes = axes_of(service.network)
        self._parts: dict[int, Part] = {}
        self._arterials: tuple[Arterial, ...] | None = None

    def submit(self, command: Command, who: str) -> Receipt:
        """Hand a command in; ConfigError for one that cannot be."""
        return self._of.submit(command, who)

    def alarms(self) -> list[dict[str, Any]]:
        """What an operator must know now."""
        return self._of.alarms_raised.as_json()

    def kpi(self) -> dict[str, Any]:
        """Figures of the city, and what the last change was worth."""
        return self._of.state.kpi

    def index(self, signal: str) -> int:
        """A signal's place; ConfigError where there is none of that name."""
        if signal not in self._of.names:
            raise ConfigError(f"signal {signal[:80]!r}: there is none of that name")
        return self._of.names[signal]

    def signals(self) -> list[dict[str, Any]]:
        """A line a signal."""
        of, picture, indices = self._of, self._of.board.latest(), self._of.state.indices
        tick, orders = of.state.tick, of.orders
        if picture is None or tick is None:
            return [{"id": s.id, "mode": orders.mode_of(s.id).value, "health": "silent"} for s in of.network.signals]
        start = self._axes.movement_start
        queue_veh = np.add.reduceat(np.nan_to_num(tick.observed.queue_veh), start[:-1])
        now = np.full(queue_veh.size, np.nan) if indices is None else indices.now
        soon = np.full(queue_veh.size, np.nan) if indices is None else indices.soon
        return [
            {
                "id": signal.id,
                "mode": orders.mode_of(signal.id).value,
                "health": HEALTHS[int(picture.health[i])],
                "phase": int(tick.observed.phase[i]) + 1,
                "queue_veh": round(float(queue_veh[i]), 1),
                "congestion": one_number(float(now[i]), 2),
                "congestion_15": one_number(float(soon[i]), 2),
                "override": self._override(signal.id),
            }
            for i, signal in enumerate(of.network.signals)
        ]

    def detail(self, signal: str) -> dict[str, Any]:
        """Everything of one signal now."""
        i, of = self.index(signal), self._of
        tick, engine = of.state.tick, of.engine
        found: dict[str, Any] = {"id": signal, "simulated": of.simulated, "mode": of.orders.mode_of(signal).value, "now_s": of.now_s}
        if tick is None or engine is None:
            return found
        site, seen = of.network.signals[i], tick.observed
        own = slice(int(self._axes.movement_start[i]), int(self._axes.movement_start[i + 1]))
        phase, age_s = int(seen.phase[i]), float(seen.age_s[i])
        plan, wish, indices = tick.plans[i], engine.wish_of(i), of.state.indices
        forecast = engine.forecast(i)
        counts = of.recent.counts(i, tick.now_s - 900.0)
        return found | {
            "now_s": tick.now_s,
            "health": HEALTHS[int(of.fitness.health[i])],
            "fit": bool(of.fitness.fit[i]),
            "trouble": of.plant.street.reason_of(i),
            "phase": phase + 1,
            "age_s": one_number(age_s, 1),
            "lights": lights_of(site, phase, age_s),
            "queue_veh": numbers(seen.queue_veh[own], 1),
            "red_s": numbers(seen.red_s[own], 1),
            "flow_veh_h": numbers(mean_counts_veh_h(counts, own.stop - own.start), 0),
            "congestion": None if indices is None else one_number(float(indices.now[i]), 2),
            "congestion_15": None if indices is None else one_number(float(indices.soon[i]), 2),
            "delay_s_per_veh": None if indices is None else one_number(float(indices.delay_s[i]), 1),
            "plan": plan_view(plan.plan, tick.now_s, pushed=plan.plan is not site.base),
            "wish": None if wish is None else plan_view(wish.plan, tick.now_s, pushed=wish.plan is plan.plan),
            "objections": [] if wish is None else [o.sentence for o in wish.objections],
            "override": self._override(signal),
            "proposals": [one for one in self.proposals() if one["signal"] == signal],
            "min_green_s": numbers(engine.limits[i].min_green_s, 1),
            "agreement": self._agreement(i),
            "forecast": None if forecast is None else forecast_json(forecast, np.arange(own.stop - own.start)),
            "why": self.why(i, engine),
        }

    def _override(self, signal: str) -> dict[str, Any] | None:
        one = self._of.orders.standing.get(signal)
        if one is None:
            return None
        until_s = one.until_s if math.isfinite(one.until_s) else None
        kind = "phase" if one.by_hand else "plan"
        return {"kind": kind, "owner": one.owner, "reason": one.reason, "phase": one.phase + 1, "until_s": until_s, "plan": one.plan}

    def _agreement(self, i: int) -> float | None:
        """Share of the looks at which the plan that was worked out wanted the phase that ran; None before there were enough."""
        looks, same = (float(v) for v in self._of.pulse.scored[i])
        return round(same / looks, 3) if looks >= 60.0 else None

    def why(self, i: int, engine: Engine) -> dict[str, str]:
        """Why the signal does what it does, a sentence a language; weighed anew for it alone from what its last decision saw."""
        shard = engine.shards[int(engine.shard_of[i])]
        last, place = shard.last, int(engine.place_of[i])
        if last is None:
            return dict.fromkeys(LANGUAGES, "")
        part = self._part(i, engine)
        seen, forecast = part.observed(last.observed), engine.forecast(i)
        limits = (engine.limits[i],)
        planner = self._of.plant.make_planner(self._of.orders.controller, part.network, limits)
        tick = Tick(last.now_s, seen, forecast, (last.plans[place],))
        found = {}
        for language in LANGUAGES:
            explainer = Explainer(part.network, limits, planner, language, self._arms)
            explainer.weigh(seen, forecast, (shard.before[place],))
            found[language] = explainer.sentence(0, tick)
        return found

    def _part(self, i: int, engine: Engine) -> Part:
        """The signal as a part of its shard."""
        shard = engine.shards[int(engine.shard_of[i])]
        if i not in self._parts:
            if len(self._parts) > MOST_PLANS:
                self._parts.clear()
            self._parts[i] = part_of(shard.part.network, axes_of(shard.part.network), np.array([int(engine.place_of[i])]))
        return self._parts[i]

    def history(self, signal: str, seconds: float) -> dict[str, Any]:
        """Greens, counts, arrivals, forecasts and splits of the last while."""
        i, of = self.index(signal), self._of
        now_s = of.now_s
        first_s = now_s - min(max(seconds, 60.0), LONGEST_HISTORY_S)
        greens = of.recent.greens(i, first_s, now_s)
        longest_s = of.engine.limits[i].max_green_s if of.engine is not None else math.inf
        return {
            "t0_s": first_s,
            "t1_s": now_s,
            "greens": [[phase + 1, on_s, off_s] for phase, on_s, off_s in greens],
            "counts_veh": [[end_s, row] for end_s, row in of.recent.counts(i, first_s)],
            "arrivals": [[at_s, m] for at_s, m in of.recent.arrivals(i, first_s)],
            "forecasts": of.recent.forecasts(i),
            "splits": [list(one) for one in of.recent.splits(i, first_s, longest_s, of.network.signals[i])],
        }

    def arterial(self, signal: str) -> dict[str, Any]:
        """The arterial that the signal lies on, with the greens along it both ways; empty where it lies on none."""
        i, of = self.index(signal), self._of
        one = next((a for a in self._known_arterials() if signal in a.signals), None)
        if one is None:
            return {"signals": [], "ways": []}
        now_s, ways = of.now_s, []
        for name, way in (("forward", one.forward), ("back", one.back)):
            if way is not None:
                rows = zip(way.signals, way.movements, way.distance_m.tolist(), way.travel_s.tolist(), strict=True)
                ways.append({"name": name, "signals": [self._along(k, runs, at_m, at_s, now_s) for k, runs, at_m, at_s in rows]})
        return {"now_s": now_s, "signal": of.network.signals[i].id, "signals": list(one.signals), "ways": ways}

    def _along(self, k: int, runs: Any, at_m: float, travel_s: float, now_s: float) -> dict[str, Any]:
        """A signal of a way: where it lies, and when it was and (by its plan) will be green along it."""
        of, site = self._of, self._of.network.signals[k]
        lit = {p for p in range(len(site.phases)) if (site.serves[p][runs] > 0).any()}
        greens = [[on_s, off_s] for phase, on_s, off_s in of.recent.greens(k, now_s - 300.0, now_s) if phase in lit]
        plan = of.engine.plan_of(k).plan if of.engine is not None else site.base
        planned = planned_greens(site, plan, now_s, now_s + 120.0, lit)
        return {"id": site.id, "at_m": round(at_m, 1), "travel_s": round(travel_s, 1), "greens": greens, "planned": planned}

    def _known_arterials(self) -> tuple[Arterial, ...]:
        """By the flows of the first minutes; made once."""
        if self._arterials is None:
            flow_veh_h = self._flows()
            if not np.nansum(flow_veh_h) > 0.0:
                return arterials(self._of.network, np.ones(flow_veh_h.size))
            self._arterials = arterials(self._of.network, np.nan_to_num(flow_veh_h))
        return self._arterials

    def _flows(self) -> Floats:
        of = self._of
        sizes = np.diff(self._axes.movement_start).tolist()
        rows = [mean_counts_veh_h(of.recent.counts(i, of.now_s - 900.0), sizes[i]) for i in range(len(sizes))]
        return np.concatenate(rows)

    def plans(self, signal: str, limit: int = 50) -> list[dict[str, Any]]:
        """The archive of a signal, newest first."""
        site = self._of.network.signals[self.index(signal)]
        return [
            {
                "number": one.number,
                "at_s": one.at_s,
                "by": one.by,
                "reason": one.reason,
                **plan_words(site, one.stages, one.offset_s),
            }
            for one in self._of.stored_plans(signal, min(max(limit, 1), MOST_PLANS))
        ]

    def proposals(self) -> list[dict[str, Any]]:
        """What waits for an engineer."""
        signals = self._of.network.signals
        return [
            {
                "number": one.number,
                "signal": one.signal,
                "by": one.by,
                "reason": one.reason,
                "made_at_s": one.made_at_s,
                **plan_words(signals[self._of.names[one.signal]], one.stages, one.offset_s),
            }
            for one in self._of.orders.proposals.values()
        ]

    def audit(self, first: int | None, limit: int) -> list[dict[str, Any]]:
        """Records of the trail from a number on; None: the newest ones."""
        limit = min(max(limit, 1), MOST_RECORDS)
        return self._of.read(lambda db: audit.records(db, max(audit.head(db).number - limit + 1, 1) if first is None else first, limit))

    def export(self, what: str, first_s: float = 0.0, last_s: float = math.inf) -> Iterable[bytes]:
        """The running plans as CSV or as SUMO's additional file; the journal of a span as CSV."""
        return exported(self._of, what, first_s, last_s)

    def health(self) -> dict[str, Any]:
        """Whether it decides, writes and is heard."""
        of, state = self._of, self._of.state
        troubles = [one for one in of.alarms_raised.as_json() if not one["signal"]]
        checks = [
            {
                "name": "decides",
                "ok": of.ready and of.failed is None,
                "sentence": f"{state.ticks} ticks, the last one took {1000.0 * state.tick_s:.0f} ms",
            },
            *({"name": "forecast", "ok": True, "sentence": one.sentence} for one in [of.forecast()] if one is not None),
            *({"name": one["kind"], "ok": one["level"] != "critical", "sentence": one["sentence"]["en"]} for one in troubles),
        ]
        return {"ready": all(check["ok"] for check in checks), "checks": checks}

    def metrics(self) -> list[Sample]:
        """For Prometheus."""
        of, state = self._of, self._of.state
        found: list[Sample] = [
            ("citybrain_ticks_total", "counter", "Ticks since the start.", {}, float(state.ticks)),
            ("citybrain_tick_seconds", "gauge", "How long the last tick took.", {}, state.tick_s),
            ("citybrain_tick_slowest_seconds", "gauge", "The slowest tick of late.", {}, state.slowest_s),
            ("citybrain_field_time_seconds", "gauge", "The street's own clock.", {}, of.now_s),
            ("citybrain_viewers", "gauge", "Live streams of the board.", {}, float(of.board.watchers)),
            ("citybrain_alarms", "gauge", "Alarms that stand.", {}, float(len(of.alarms_raised.as_json()))),
        ]
        found += forecast_figures(of.forecast(), of.now_s)
        counts = np.bincount(of.fitness.health, minlength=len(HEALTHS))
        found += [
            ("citybrain_signals", "gauge", "Signals by health.", {"health": h}, float(n)) for h, n in zip(HEALTHS, counts, strict=False)
        ]
        modes = np.bincount([MODES[of.orders.mode_of(s.id)] for s in of.network.signals], minlength=len(MODES))
        found += [
            ("citybrain_mode_signals", "gauge", "Signals by mode.", {"mode": m.value}, float(n)) for m, n in zip(Mode, modes, strict=True)
        ]
        kpi = state.kpi
        for key, name, told in (
            ("congestion", "citybrain_congestion_index", "Congestion index of the last minute."),
            ("congestion_15", "citybrain_congestion_index_15", "Congestion index expected in 15 minutes."),
            ("queue_veh", "citybrain_queue_vehicles", "Vehicles standing before signals."),
            ("throughput_veh_h", "citybrain_throughput_veh_h", "Vehicles past stop lines an hour, the last five minutes."),
            ("delay_s_per_veh", "citybrain_stopped_delay_seconds", "Stopped delay per vehicle, the last five minutes."),
        ):
            value = kpi.get(key)
            if value is not None:
                found.append((name, "gauge", told, {}, float(value)))
        return found


def lights_of(site: Intersection, phase: int, age_s: float) -> str:
    """The lights of a phase; during the intergreen towards it nobody but those that it serves too can be sure, so empty."""
    return site.phases[phase].lights if 0 <= phase < len(site.phases) and age_s >= 0.0 else ""


def plan_view(plan: TimingPlan, now_s: float, *, pushed: bool) -> dict[str, Any]:
    """A plan for the page: its stages, and when the first of them ends where it runs by itself."""
    return {
        "stages": [[s.phase + 1, s.green_s] for s in plan.stages],
        "repeats": plan.repeats,
        "cycle_s": plan.cycle_s,
        "offset_s": plan.offset_s,
        "starts_s": plan.starts_s,
        "valid_until_s": plan.valid_until_s if math.isfinite(plan.valid_until_s) else None,
        "green_left_s": None if plan.repeats else max(round(plan.starts_s + plan.stages[0].green_s - now_s, 1), 0.0),
        "pushed": pushed,
    }


def plan_words(site: Intersection, stages: Stages, offset_s: float) -> dict[str, Any]:
    """An archived or proposed plan for the page."""
    cycle_s = repeating(site, stages, offset_s, 0.0, math.inf).cycle_s
    return {"stages": [[p + 1, g] for p, g in stages], "repeats": True, "cycle_s": cycle_s, "offset_s": offset_s}


def planned_greens(site: Intersection, plan: TimingPlan, first_s: float, last_s: float, lit: set[int]) -> list[list[float]]:
    """[on, off] of the greens of these phases that a plan has in store in a span; of a sequence, until it ends."""
    between_s, found = site.intergreen_s, []
    phases = [s.phase for s in plan.stages]
    if plan.repeats and plan.cycle_s > 0.0:
        at_s = first_s - (first_s - plan.offset_s) % plan.cycle_s
        follow = [*phases[1:], phases[0]]
    else:
        at_s, follow = plan.starts_s, [*phases[1:], phases[-1]]
    while at_s < last_s:
        for stage, after in zip(plan.stages, follow, strict=True):
            off_s = at_s + stage.green_s
            if stage.phase in lit and off_s > first_s and at_s < last_s:
                found.append([round(max(at_s, first_s), 1), round(min(off_s, last_s), 1)])
            at_s = off_s + float(between_s[stage.phase, after])
        if not plan.repeats:
            break
    return found

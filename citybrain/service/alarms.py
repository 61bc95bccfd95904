"""What an operator must know now: one line a trouble, since when, in English and Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from citybrain.service.fitness import Fitness
from citybrain.service.street import DEGRADED, FLASH, SILENT, Bytes
from signals.types import Network

MOST_NAMED = 200  # signals with an alarm of their own; the rest is counted
WORDS: dict[str, tuple[str, str, str]] = {
    "silent": ("critical", "controller does not answer; it runs its own base plan", "信号机无应答;按自身基础方案运行"),
    "flash": ("critical", "controller flashes until a person resets it at the cabinet", "信号机黄闪,需人工现场复位"),
    "degraded": ("warning", "not fit for automatic control: {why}", "不宜自动控制:{why}"),
    "refused": ("warning", "controller refuses its plan: {why}", "信号机拒绝执行下发的方案:{why}"),
    "street": ("critical", "the street does not answer: {why}", "路网无应答:{why}"),
    "store": ("critical", "the journal cannot be written; plans go on: {why}", "日志无法写入,方案继续执行:{why}"),
    "slow": ("warning", "a tick took {why}; expected under a second", "单次计算耗时 {why},应小于 1 秒"),
    "sensors": ("warning", "{why} of all movements are not sensed, or not believed", "{why} 的流向没有检测数据或数据不可信"),
    "forecast": ("warning", "the forecaster's upkeep is in trouble: {why}", "预测器维护异常:{why}"),
    "fenced": ("critical", "another service with a newer epoch steers these signals: {why}", "另一服务(更新的任期)正在控制信号:{why}"),
}
KINDS = {SILENT: "silent", FLASH: "flash", DEGRADED: "degraded"}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One trouble; `signal` empty: of the service itself."""

    kind: str
    signal: str
    since_s: float
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """With its words."""
        level, en, zh = WORDS[self.kind]
        words = {"en": en.format(why=self.why), "zh": zh.format(why=self.why)}
        return {"kind": self.kind, "level": level, "signal": self.signal, "since_s": self.since_s, "sentence": words}


class Alarms:
    """Lives as long as the service: raised and cleared by who notices."""

    def __init__(self, network: Network) -> None:
        self._names = [s.id for s in network.signals]
        self._health: Bytes = np.zeros(len(self._names), dtype=np.uint8)
        self._refused: dict[int, str] = {}
        self._raised: dict[tuple[str, str], Alarm] = {}
        self._changed = True

    def raise_(self, kind: str, signal: str, now_s: float, why: str = "") -> None:
        """Something is wrong; said again, it keeps its beginning."""
        known = self._raised.get((kind, signal))
        if known is None or known.why != why:
            self._raised[kind, signal] = Alarm(kind, signal, now_s if known is None else known.since_s, why)
            self._changed = True

    def clear(self, kind: str, signal: str = "") -> None:
        """It is well again."""
        if self._raised.pop((kind, signal), None) is not None:
            self._changed = True

    def see(
        self, fitness: Fitness, now_s: float, reason_of: Callable[[int], str], refused: Mapping[int, str] = MappingProxyType({})
    ) -> None:
        """Alarms of the controllers' health; degraded ones once they are unfit. `reason_of` a controller, where it gives one.

        `refused`: controllers that refuse what they are sent, and why; theirs is an alarm at once, until they take a plan.
        """
        for i in self._refused.keys() - refused.keys():
            self.clear("refused", self._names[i])
        for i, why in refused.items():
            self.raise_("refused", self._names[i], now_s, why)
        self._refused = dict(refused)
        shown = np.where((fitness.health == DEGRADED) & fitness.fit, 0, fitness.health).astype(np.uint8)
        shown[[i for i in refused if shown[i] == DEGRADED]] = 0
        changed = np.flatnonzero(shown != self._health)
        for i in changed.tolist():
            for kind in KINDS.values():
                self.clear(kind, self._names[i])
            if shown[i]:
                heard = fitness.heard_share[i]
                self.raise_(KINDS[int(shown[i])], self._names[i], now_s, reason_of(i) or f"{heard:.0%} of its movements are sensed")
        self._health = shown

    def news(self) -> list[dict[str, Any]] | None:
        """All alarms where some have changed since the last call; else None."""
        if not self._changed:
            return None
        self._changed = False
        return self.as_json()

    def as_json(self) -> list[dict[str, Any]]:
        """Critical ones first, then the oldest; at most `MOST_NAMED`."""
        found = sorted(self._raised.values(), key=lambda a: (WORDS[a.kind][0] != "critical", a.since_s))
        return [one.as_json() for one in found[:MOST_NAMED]]

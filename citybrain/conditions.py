"""What a run can be up against, by name: poorer sensors, more demand, an incident, heavy vehicles. A new condition is one line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from citybrain.assemble import nearest
from signals.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Condition:
    """Fields of an `EpisodeSpec` that differ from the usual ones, under a name; the same traffic and sensors for every controller."""

    name: str
    title: str
    title_zh: str
    sensing: str = "ideal"
    sensor_faults: float = 0.0
    demand: float = 1.0
    heavy: float = 0.0
    incident: bool = False

    @property
    def is_of_sensors(self) -> bool:
        """Whether it is about the sensors: no condition for a controller inside SUMO, which has none of ours."""
        return self.sensing != "ideal"


CONDITIONS = {
    one.name: one
    for one in (
        Condition("clean", "clean: ideal sensing, the scenario's own demand", "理想检测、原始需求"),
        Condition("loops", "loops only (E1: stop line, upstream, exits), all in order", "仅线圈检测器", sensing="loops"),
        Condition("dead_10", "area detectors, 10 % of them silent all run", "区域检测器失效 10 %", sensing="area", sensor_faults=0.1),
        Condition("dead_30", "area detectors, 30 % of them silent all run", "区域检测器失效 30 %", sensing="area", sensor_faults=0.3),
        Condition("demand_130", "1.3 times the demand", "需求 × 1.3", demand=1.3),
        Condition("incident", "an incident closes a lane for a quarter of the run", "事故封闭一条车道", incident=True),
        Condition("heavy_20", "20 % of the cars are trucks and buses", "重型车 20 %", heavy=0.2),
    )
}


def conditions_of(names: Sequence[str]) -> list[Condition]:
    """The conditions of these names, each once; ConfigError with the nearest name."""
    for name in names:
        if name not in CONDITIONS:
            raise ConfigError(f"condition {name!r}: no such condition; {nearest(name, CONDITIONS)}")
    return [CONDITIONS[name] for name in dict.fromkeys(names)]

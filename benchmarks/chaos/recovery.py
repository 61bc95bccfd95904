"""Whether all is well again, seen from outside: what the service says of itself, whom cabinets listen to, and promises that were kept."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.chaos.ledger import broken_promises, differences, expected, trail
from benchmarks.chaos.rig import Rig, ServiceProcess
from citybrain.service import audit
from signals.errors import ConfigError, LinkError

BACK_S = 40.0  # of the wall: until all is well again
LEASE_S = 60.0  # of the street's time: the longest that a sequence is lent under its rules


def well(rig: Rig) -> list[str]:
    """Ready, every controller healthy, every signal steered; sentences where that does not come about."""
    healthy = rig.until(lambda: rig.service.ready() and healths(rig.service) == {"ok"}, BACK_S)
    if not healthy:
        return [f"not well again within {BACK_S:g} s: {told(rig)}"]
    if not rig.until(rig.steered, BACK_S):
        return [f"not all signals are steered within {BACK_S:g} s: {rig.watcher.modes()}"]
    return []


def told(rig: Rig) -> str:
    """What the service says of itself."""
    return f"{rig.service.sentences()}, {by_signal(rig.service)}"


def by_signal(service: ServiceProcess) -> dict[str, str]:
    """Health by signal; empty where it does not answer."""
    try:
        return {one["id"]: one["health"] for one in service.client.get("/v1/signals")}
    except (LinkError, ConfigError):
        return {}


def healths(service: ServiceProcess) -> set[str]:
    """Every health that some signal has."""
    return set(by_signal(service).values())


def calm(rig: Rig) -> None:
    """All signals automatic, nothing by hand."""
    client = rig.service.client
    client.command("set_mode", {"mode": "automatic", "reason": "calm"})
    for one in client.get("/v1/signals"):
        if one.get("override"):
            with_luck(lambda name=one["id"]: client.command("lift", {"signal": name, "reason": "calm"}))  # type: ignore[misc]


def with_luck(act: Callable[[], object]) -> bool:
    """Whether it was taken; what is refused is refused."""
    try:
        act()
    except (ConfigError, LinkError):
        return False
    return True


def promises_kept(rig: Rig) -> list[str]:
    """Every acknowledged command is in the trail, the trail is whole, and what stands is what it says."""
    store = rig.service.state / "city.db"
    wrong: list[str] = []
    for _ in range(5):
        records = trail(store)
        shown = rig.service.client.get("/v1/signals")
        if len(trail(store)) == len(records):
            wrong = differences(expected(records), shown)
            break
    verdict = audit.verify(store)
    wrong += [] if verdict.first_bad is None else [verdict.sentence]
    return wrong + broken_promises(rig.ledger.promises, records)


def epochs(rig: Rig) -> dict[str, int]:
    """Whom each cabinet listens to."""
    return {name: status.epoch for name, status in rig.watcher.status.items()}

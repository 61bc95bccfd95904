"""What may befall the street, its cabinets and sensors, and the wires between them and the service."""

from __future__ import annotations

import random

from benchmarks.chaos.ledger import expected, trail
from benchmarks.chaos.recovery import BACK_S, LEASE_S, by_signal, healths, told, well
from benchmarks.chaos.rig import Rig
from citybrain.field.proxy import Troubles

GIVEN_UP_S = LEASE_S + 25.0  # and the longest green after it
HOUR_S = 3600.0


def cut(rig: Rig, rng: random.Random) -> list[str]:
    """The wire is cut again and again, at last for longer than a lease."""
    if rig.proxy is None:
        return []
    for _ in range(3):
        rig.proxy.cut()
        rig.until(lambda: False, rng.uniform(0.0, 0.5))
    rig.proxy.troubles = Troubles(down=True)
    rig.proxy.cut()
    rig.pass_s(LEASE_S)
    alone = rig.until(lambda: set(rig.watcher.modes().values()) == {"base"}, BACK_S)
    rig.proxy.troubles = Troubles()
    return [] if alone else [f"without a wire: {rig.watcher.modes()}"]


def half_open(rig: Rig, rng: random.Random) -> list[str]:
    """Both ends believe that they are connected, and nothing passes."""
    if rig.proxy is None:
        return []
    rig.proxy.troubles = Troubles(still=True)
    rig.pass_s(LEASE_S + rng.uniform(0.0, LEASE_S))
    alone = rig.until(lambda: set(rig.watcher.modes().values()) == {"base"}, BACK_S)
    noticed = rig.until(lambda: "street" in rig.service.alarms(), 20.0)
    rig.proxy.troubles = Troubles()
    wrong = [] if alone else [f"on a wire that stands still: {rig.watcher.modes()}"]
    return wrong + ([] if noticed else ["a wire that stands still raised no alarm"])


def noisy(rig: Rig, rng: random.Random) -> list[str]:
    """Messages late, twice, lost and overtaking one another."""
    if rig.proxy is None:
        return []
    speed = rig.spec.speed
    rig.proxy.troubles = Troubles(delay_s=2.0 / speed, jitter_s=rng.uniform(4.0, 12.0) / speed, doubled=0.3, lost=0.1)
    wrong = [] if rig.pass_s(120.0) else ["the street stood still"]
    rig.proxy.troubles = Troubles()
    rig.proxy.cut()  # a stream goes on in order afterwards
    return wrong


def street_killed(rig: Rig, rng: random.Random) -> list[str]:
    """kill -9 of SUMO and all cabinets; after a while they are there again, and it is morning. What was held by hand is soon over."""
    held = sorted(rig.watcher.status)[0]
    rig.service.client.command("override", {"signal": held, "phase": 1, "for_s": LEASE_S, "reason": "held before the street was killed"})
    rig.street.kill()
    noticed = rig.until(lambda: "street" in rig.service.alarms(), 20.0)
    rig.until(lambda: False, rng.uniform(0.0, 1.0))
    rig.start_street()
    store = rig.service.state / "city.db"
    late_s = rig.street.found.begin_s + 5.0 * LEASE_S
    rig.until(lambda: rig.watcher.now_s < late_s, BACK_S)
    rig.until(lambda: held not in expected(trail(store)).stands or rig.watcher.now_s > late_s, BACK_S)
    over = held not in expected(trail(store)).stands
    wrong = [] if noticed else ["a street that is gone raised no alarm"]
    return wrong + ([] if over else [f"{held}: an override for {LEASE_S:g} s outlives the street's clock"])


def sumo_ended(rig: Rig, rng: random.Random) -> list[str]:
    """SUMO ends, and with it all sensors; cabinets go on without it, until the street is started again."""
    rig.fault("end")
    blind = rig.until(lambda: healths(rig.service) == {"degraded"}, BACK_S)
    rig.pass_s(GIVEN_UP_S)
    rig.watcher.look()
    alone = rig.until(lambda: set(rig.watcher.modes().values()) == {"base"}, BACK_S)
    rig.street.stop()
    rig.start_street()
    wrong = [] if blind else [f"without any sensor: {told(rig)}"]
    return wrong + ([] if alone else [f"without any sensor cabinets run {rig.watcher.modes()}"])


def broker_killed(rig: Rig, rng: random.Random) -> list[str]:
    """kill -9 of the broker, which forgets what it retained; some time later it is there again."""
    if rig.broker is None:
        return []
    rig.broker.kill()
    noticed = rig.until(lambda: "street" in rig.service.alarms(), 20.0)
    rig.until(lambda: False, rng.uniform(0.0, 2.0))
    rig.broker.start()
    return [] if noticed else ["a broker that is gone raised no alarm"]


def one_clock_jumps(rig: Rig, rng: random.Random) -> list[str]:
    """A cabinet's clock is wrong, ahead or behind; it is served in its own time."""
    name = rng.choice(sorted(rig.watcher.status))
    wrong = []
    for seconds in rng.sample((40.0, -40.0, HOUR_S, -HOUR_S), 2):
        rig.fault("clock", name, seconds=seconds)
        rig.pass_s(40.0)
        if not rig.until(rig.steered, BACK_S):
            wrong.append(f"{name}, whose clock is wrong by {seconds:g} s: {rig.watcher.modes()}, {told(rig)}")
    rig.fault("clock", name, seconds=0.0)
    return wrong


def all_clocks_jump(rig: Rig, rng: random.Random) -> list[str]:
    """Summer time, by mistake: the clocks of all cabinets go forward by an hour, or back, and some time later they are right again."""
    wrong = []
    for seconds in rng.sample((HOUR_S, -HOUR_S), 1):
        rig.fault("clock", seconds=seconds)
        rig.pass_s(60.0)
        # The sensors' clock did not jump: what they say is of another time now, and nobody may plan on it.
        if not rig.until(lambda: rig.steered() or healths(rig.service) == {"degraded"}, BACK_S):
            wrong.append(f"when all clocks had jumped by {seconds:g} s: {rig.watcher.modes()}, {told(rig)}")
    rig.fault("clock", seconds=0.0)
    rig.pass_s(60.0)
    return wrong


def sensors_dead(rig: Rig, rng: random.Random) -> list[str]:
    """30 % of the detectors are dead, then others are stuck."""
    wrong = []
    for do in ("dead", "stuck"):
        rig.fault(do, share=0.3, seed=rng.randint(0, 1000))
        passed_veh = rig.watcher.passed_veh
        rig.pass_s(90.0)
        if not rig.watcher.passed_veh > passed_veh or not rig.service.ready():
            wrong.append(f"with 30 % of the detectors {do}: {told(rig)}")
        rig.fault("heal")
    return wrong


def controllers_disobey(rig: Rig, rng: random.Random) -> list[str]:
    """One controller refuses, answers late, lies in read-back, or says nothing; the others are steered as before."""
    wrong = []
    names = sorted(rig.watcher.status)
    for do, health in (("refuse", "degraded"), ("lie", "degraded"), ("mute", "silent"), ("late", "")):
        name = rng.choice(names)
        rig.fault(do, name, seconds=15.0)
        if health and not rig.until(lambda name=name, health=health: by_signal(rig.service).get(name) == health, 20.0):  # type: ignore[misc]
            wrong.append(f"{name}: {do}: shown as {by_signal(rig.service).get(name)}; expected {health}")
        rig.pass_s(40.0)
        if not rig.until(lambda name=name: rig.steered(set(names) - {name}), 20.0):  # type: ignore[misc]
            wrong.append(f"{name}: {do}: others run {rig.watcher.modes()}")
        rig.fault("heal", name)
        wrong += well(rig)
    return wrong


def cabinet_flashes(rig: Rig, rng: random.Random) -> list[str]:
    """A cabinet's lamps are broken, its monitor latches flash; only a person can reset it."""
    name = rng.choice(sorted(rig.watcher.status))
    rig.fault("flash", name)
    wrong = []
    if not rig.until(lambda: by_signal(rig.service).get(name) == "flash" and "flash" in rig.service.alarms(), 20.0):
        wrong.append(f"{name} flashes: {told(rig)}")
    rig.pass_s(30.0)
    if rig.watcher.modes()[name] != "flash":
        wrong.append(f"{name}: left flash by itself")
    rig.fault("reset", name, by="a person")
    return wrong

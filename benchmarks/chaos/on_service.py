"""What may befall the service itself: killed, stopped, without room, with torn files, with a wrong clock, or not alone."""

from __future__ import annotations

import random
import signal
from pathlib import Path

from benchmarks.chaos.ledger import Submitting, expected, trail
from benchmarks.chaos.recovery import BACK_S, LEASE_S, by_signal, epochs, promises_kept, told, with_luck
from benchmarks.chaos.rig import Rig, ServiceProcess
from signals.errors import LinkError

LONGEST_LIFE_S, LONGEST_BIRTH_S = 3.0, 2.5  # of the wall
HOUR_S = 3600.0


def killed(rig: Rig, rng: random.Random) -> list[str]:
    """kill -9 while commands come in; sometimes before it has begun to decide."""
    births = rng.choice((0, 0, 0, 1))
    submitting = Submitting(rig.ledger, rig.service.client, rig.service.sensor)
    rig.until(lambda: False, rng.uniform(0.05, LONGEST_LIFE_S))
    rig.service.kill()
    submitting.end()
    for _ in range(births):
        rig.service.start()
        rig.until(lambda: False, rng.uniform(0.0, LONGEST_BIRTH_S))
        rig.service.kill()
    rig.service.start()
    try:
        rig.until(rig.service.ready, BACK_S)
        rig.figures.setdefault("restart_s", []).append(round(rig.service.wait_ready(), 3))
    except LinkError as error:
        return [str(error)]
    rig.figures["kills"] = rig.figures.get("kills", 0) + 1 + births
    return promises_kept(rig)


def stopped(rig: Rig, rng: random.Random) -> list[str]:
    """SIGSTOP for longer than any lease, then SIGCONT: cabinets help themselves, what it says late is refused."""
    rig.service.send(signal.SIGSTOP)
    try:
        rig.pass_s(LEASE_S + rng.uniform(0.0, LEASE_S))
        alone = rig.until(lambda: set(rig.watcher.modes().values()) == {"base"}, BACK_S)
    finally:
        rig.service.send(signal.SIGCONT)
    return [] if alone else [f"with a service that stands still: {rig.watcher.modes()}"]


def disk_full(rig: Rig, rng: random.Random) -> list[str]:
    """No file may grow: nothing is acknowledged, plans go on; when there is room again all is as before."""
    wrong, client = [], rig.service.client
    held = sorted(rig.watcher.status)[0]
    client.command("override", {"signal": held, "phase": 1, "for_s": 0.5 * LEASE_S, "reason": "over when there is no room"})
    rig.service.limit_files(rng.choice((0, 4096)))
    try:
        if not rig.until(lambda: "store" in rig.service.alarms(), 20.0):
            wrong.append("a full disk raised no alarm")
        before = len(trail(rig.service.state / "city.db"))
        for k in range(3):
            if with_luck(lambda k=k: client.command("set_mode", {"mode": "automatic", "reason": f"no room {k}"})):  # type: ignore[misc]
                wrong.append("a command was acknowledged that cannot be on the disk")
        began_s = rig.watcher.now_s
        if not rig.pass_s(2.0 * LEASE_S) or not rig.until(rig.steered, 10.0):
            wrong.append(f"a full disk from {began_s:.0f} s on stopped the plans: {rig.watcher.modes()}")
        if "street" in rig.service.alarms():
            wrong.append(f"a full disk is told as trouble of the street: {told(rig)}")
        if len(trail(rig.service.state / "city.db")) != before:
            wrong.append("the trail has grown on a full disk")
    finally:
        rig.service.limit_files(None)
    if not rig.until(lambda: with_luck(lambda: client.command("set_mode", {"mode": "automatic", "reason": "room"})), 10.0):
        wrong.append(f"with room again no command is taken: {told(rig)}")
    if not rig.until(lambda: held not in expected(trail(rig.service.state / "city.db")).stands, 10.0):
        wrong.append(f"{held}: an override that was over when there was no room still stands")
    return wrong + promises_kept(rig)


def torn(rig: Rig, rng: random.Random) -> list[str]:
    """Killed in the middle of writing: half a record behind the last whole one, in the store's journal and in the sample log."""
    submitting = Submitting(rig.ledger, rig.service.client, rig.service.sensor)
    rig.until(lambda: False, rng.uniform(0.2, 1.0))
    rig.service.kill()
    submitting.end()
    for path in (rig.service.state / "city.db-wal", *newest_segment(rig.service.state)):
        with path.open("ab") as file:
            file.write(rng.randbytes(rng.randint(1, 5000)))
    rig.service.start()
    rig.service.wait_ready()
    return promises_kept(rig)


def cut_off(rig: Rig, rng: random.Random) -> list[str]:
    """The disk has lost the end of its files, although it was told to keep it: what is left must be whole in itself."""
    submitting = Submitting(rig.ledger, rig.service.client, rig.service.sensor)
    rig.until(lambda: False, rng.uniform(0.2, 1.0))
    rig.service.kill()
    submitting.end()
    for path in (rig.service.state / "city.db-wal", *newest_segment(rig.service.state)):
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.truncate(rng.randint(0, size))
    rig.ledger.forget()
    rig.service.start()
    rig.service.wait_ready()
    return promises_kept(rig)


def newest_segment(state: Path) -> list[Path]:
    """The segment of the sample log that was written last."""
    return sorted((state / "samples").glob("*.log"))[-1:]


def wall_clock_jumps(rig: Rig, rng: random.Random) -> list[str]:
    """The machine's own clock is put forward and back by an hour; the street must not notice."""
    if rig.service.shift is None:
        return []
    wrong = []
    for seconds in (HOUR_S, -HOUR_S, 0.0):
        rig.service.shift.write_text(f"{seconds:g}", encoding="ascii")
        command = {"mode": "automatic", "reason": f"the wall clock is wrong by {seconds:g} s"}
        if not with_luck(lambda command=command: rig.service.client.command("set_mode", command)):  # type: ignore[misc]
            wrong.append(f"no command is taken when the wall clock is wrong by {seconds:g} s")
        rig.pass_s(30.0)
        if not rig.until(lambda: rig.service.ready() and rig.steered(), 20.0):
            wrong.append(f"the wall clock is wrong by {seconds:g} s: {told(rig)}")
    return wrong + promises_kept(rig)


def two_services(rig: Rig, rng: random.Random) -> list[str]:
    """Another service, on another folder, takes the signals over; the older one stops lending and says so, until it is started anew."""
    wrong = []
    other = rig.second_service(f"other{len(rig.others)}")
    try:
        other.start()
        other.wait_ready()
        if not rig.until(lambda: "fenced" in rig.service.alarms(), 20.0):
            wrong.append(f"the older of two services raised no alarm: {told(rig)}")
        rig.watcher.look()
        epoch = max(epochs(rig).values())
        rig.pass_s(40.0)
        if set(epochs(rig).values()) != {epoch} or not rig.until(rig.steered, 20.0):
            wrong.append(f"two services: {epochs(rig)}, {rig.watcher.modes()}")
    finally:
        other.kill()
    rig.service.kill()
    rig.service.start()
    rig.service.wait_ready()
    return wrong


def two_at_once(rig: Rig, rng: random.Random) -> list[str]:
    """Two services that start at the same moment see the same epochs; one of them must win."""
    other = rig.second_service(f"other{len(rig.others)}")
    rig.service.send(signal.SIGSTOP)
    wrong = []
    try:
        rig.service.kill()
        for one in (rig.service, other):
            one.start()
        for one in (rig.service, other):
            rig.until(lambda one=one: bool(by_signal(one)), BACK_S)  # type: ignore[misc]
        fenced = rig.until(lambda: "fenced" in rig.service.alarms() or "fenced" in other.alarms(), 20.0)
        if not fenced or not rig.until(lambda: len(set(epochs(rig).values())) == 1, 20.0):
            wrong.append(f"two services at once: {epochs(rig)}, {rig.service.alarms()}, {other.alarms()}")
        rig.pass_s(40.0)
    finally:
        other.kill()
    rig.service.kill()
    rig.service.start()
    rig.service.wait_ready()
    return wrong


def same_folder(rig: Rig, rng: random.Random) -> list[str]:
    """A second service on the same folder is refused in one sentence, and the first does not notice."""
    twin = ServiceProcess(rig.service.settings, rig.service.state, rig.service.port, rig.service.token, rig.service.sensor_token)
    log = rig.spec.folder / "service.log"
    size = log.stat().st_size
    twin.start()
    rig.until(lambda: twin.process is not None and twin.process.poll() is not None, BACK_S)
    code = twin.stop()
    said = log.read_bytes()[size:].decode()
    refused = code == 2 and "another" in said and "Traceback" not in said
    return [] if refused else [f"a second service on the folder: exit code {code}, {said}"]

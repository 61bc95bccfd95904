"""`citybrain serve --demo`: a simulated street in a process of its own, the service in another, and somebody who starts both.

The street outlives the service, as a real one does: kill the service, and the controllers go on by themselves; it is started again and
takes over from where it was.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from citybrain.field.secret_file import made_secret
from signals.errors import ConfigError, LinkError
from sumo_nets.scenario import check, scenario

SETTINGS, LOG, SECRET = "city.toml", "service.log", "street.secret"
START_S = 60.0
END_S = 15.0
AGAIN_S = 0.2
MOST_DEATHS = 1000
BAD_INPUT = 2


@dataclass(frozen=True, slots=True)
class DemoSpec:
    """What to show; `speed` in simulated seconds a second."""

    scenario: str = "resco/cologne8"
    folder: Path = Path("out/serve")
    port: int = 8080
    speed: float = 1.0
    seed: int = 1
    controller: str = "learned"
    mode: str = "automatic"


class Street:
    """The simulated street's process; lives as long as the demo."""

    def __init__(self, spec: DemoSpec) -> None:
        self.secret_file = (spec.folder / SECRET).resolve()
        made_secret(self.secret_file)
        words = [
            sys.executable,
            "-m",
            "citybrain.field.street",
            spec.scenario,
            "--faults",
            "--around-the-clock",
            "--seed",
            str(spec.seed),
            "--speed",
            f"{spec.speed:g}",
            "--secret-file",
            str(self.secret_file),
        ]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.port = self._listening()

    def _listening(self) -> int:
        out = self.process.stdout
        line = out.readline() if out is not None else ""
        if not line.strip():
            if out is not None:
                out.close()
            raise LinkError(f"the street did not start (exit code {self.process.wait(END_S)})")
        return int(json.loads(line)["port"])

    def stop(self) -> None:
        """End it; never raises."""
        ended(self.process)
        if self.process.stdout is not None:
            self.process.stdout.close()


def ended(process: subprocess.Popen[str]) -> int:
    """Ask a process to end, make it if it does not; its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def write_settings(spec: DemoSpec, street_port: int, secret_file: Path | None = None) -> Path:
    """The demo's city.toml, as a city of one's own would have it. `secret_file`: what the street was started with."""
    found = check(scenario(spec.scenario))
    street: dict[str, object] = {
        "net": str(Path(found.net).resolve()), "at": f"tcp:127.0.0.1:{street_port}", "rules": "street", "simulated": True,
        "decision_s": found.decision_s or 0.0, "yellow_s": found.yellow_s or 0.0,
    }  # fmt: skip
    if secret_file is not None:
        street["secret_file"] = str(secret_file.resolve())
    tables: dict[str, dict[str, object]] = {
        "street": street,
        "plan": {"controller": spec.controller, "mode": spec.mode, "weekday": found.weekday},
        "keep": {"folder": "state"},
        "web": {"port": spec.port or free_port()},  # the same when the service is started again: pages find it there
    }
    lines = [f"site = {quoted(found.name[-64:])}"]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {quoted(value)}" for key, value in table.items())]
    try:
        spec.folder.mkdir(parents=True, exist_ok=True)
        path = spec.folder / SETTINGS
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{spec.folder}: cannot be written ({error.strerror})") from error
    return path


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def quoted(value: object) -> str:
    """A value as TOML has it; JSON's words for texts, numbers and truth are TOML's too."""
    return json.dumps(value, ensure_ascii=False)


def supervise(path: Path, stopped: Callable[[], bool], told: Callable[[str], None]) -> int:
    """Run the service on a city's file, again whenever it dies; its exit code when it ends by itself or is asked to.

    Its log is beside the file, so that the terminal is left to the link; what it says in dying is shown there as well.
    """
    deaths, log = 0, path.parent / LOG
    log.write_bytes(b"")
    while True:
        begun = log.stat().st_size
        with log.open("ab") as kept:
            command = [sys.executable, "-m", "citybrain", "serve", str(path)]
            child = subprocess.Popen(command, stderr=kept, text=True, start_new_session=True)
        while child.poll() is None and not stopped():
            time.sleep(0.05)
        if stopped():
            return ended(child)
        code = child.wait()
        sys.stderr.write(last_words(log, begun))
        if code in (0, BAD_INPUT):
            return code
        deaths += 1
        if deaths > MOST_DEATHS:
            return code
        told(f"the service died ({code_words(code)}); the controllers go on by themselves; starting it again")
        time.sleep(AGAIN_S)


def last_words(log: Path, begun: int) -> str:
    """What stands in a log from there on beside its records, which are JSON."""
    said = log.read_bytes()[begun:].decode(errors="replace").splitlines(keepends=True)
    return "".join(line for line in said if not line.startswith("{"))


def code_words(code: int) -> str:
    """An exit code in words."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def kill_service(folder: Path) -> int:
    """Kill the service of a folder at once, as a crash would: the number of its process; ConfigError where none runs there."""
    try:
        number = int((folder / "lock").read_text(encoding="ascii").strip())
        os.kill(number, signal.SIGKILL)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder}: no service runs on this folder ({error})") from error
    return number

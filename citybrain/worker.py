"""Episodes in fresh processes that can be killed: a clean parent imports everything once and forks a child per episode.

libsumo's second simulation in a process need not repeat the first, and a hanging one cannot be interrupted: so every reported
episode runs in a fork of a process that has started none, and whoever asked for it watches the clock.
`python -m citybrain.worker` speaks JSON lines: a spec in; progress, then a result or an error out.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from citybrain import warm
from citybrain.episode import EpisodeSpec, prepare, run_episode
from signals import errors
from signals.errors import LinkError, SignalsError
from sumo_nets.session import preload

SILENCE_LIMIT_S = 120.0
"""No progress for so long means that the simulator hangs."""
WARM_UP_LIMIT_S = 900.0
"""Until a worker is ready: after an installation it compiles the kernels, on a slow or busy machine for minutes."""


class Worker:
    """One worker process; lives until closed. Use it from one thread at a time."""

    def __init__(self, silence_limit_s: float = SILENCE_LIMIT_S) -> None:
        self.silence_limit_s = silence_limit_s
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._ready = False

    def run(self, spec: EpisodeSpec, progress: Callable[[float, float, float], None] | None = None) -> dict[str, Any]:
        """The episode's result; the error it ended with, as if it had been run here; LinkError when it died or hung."""
        self._ask(spec)
        while True:
            message = self._answer(spec)
            if "progress" in message and progress is not None:
                progress(*message["progress"])
            elif "result" in message:
                result: dict[str, Any] = message["result"]
                return result
            elif "error" in message:
                raise getattr(errors, message["error"])(message["sentence"])
            elif "missing" in message:
                raise ModuleNotFoundError(f"No module named {message['missing']!r}", name=message["missing"])
            elif "bug" in message:
                raise RuntimeError(message["bug"])

    def _ask(self, spec: EpisodeSpec) -> None:
        process = self._started()
        try:
            if process.stdin is not None:
                process.stdin.write(json.dumps(asdict(spec)) + "\n")
                process.stdin.flush()
        except OSError as error:
            self.close()
            raise LinkError(f"{name_of(spec)}: the worker process died") from error

    def _answer(self, spec: EpisodeSpec) -> dict[str, Any]:
        """The next whole message."""
        while True:
            limit_s = self.silence_limit_s if self._ready else max(WARM_UP_LIMIT_S, self.silence_limit_s)
            try:
                line = self._lines.get(timeout=limit_s)
            except queue.Empty:
                hung = "SUMO hangs" if self._ready else "the worker does not get ready"
                self.close()
                raise LinkError(f"{name_of(spec)}: no progress for {limit_s:.0f} s; {hung}, killed") from None
            if line is None:
                self.close()
                raise LinkError(f"{name_of(spec)}: the worker process died")
            # A child that was killed in the midst of a message leaves half a line; how it ended is said in the next.
            with suppress(json.JSONDecodeError):
                message: dict[str, Any] = json.loads(line)
                if "ready" not in message:
                    return message
                self._ready = bool(message["ready"])

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._lines, self._ready = queue.Queue(), False
            self._process = subprocess.Popen(
                [sys.executable, "-m", "citybrain.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            threading.Thread(target=_pump, args=(self._process, self._lines), daemon=True).start()
        return self._process

    def close(self) -> None:
        """Kill the worker with all it started."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def name_of(spec: EpisodeSpec) -> str:
    """Which episode, in a sentence."""
    return f"{spec.scenario or spec.net}, {spec.controller}, seed {spec.seed}"


def _pump(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Hand the worker's lines on; None when it has gone."""
    try:
        for line in process.stdout or ():
            lines.put(line)
    except ValueError:
        pass  # the stream was closed under us
    lines.put(None)


def serve() -> None:
    """The worker's side: fork a child for every spec that comes in."""
    # SUMO writes to the standard output; ours is kept apart for the protocol.
    out = os.dup(1)
    os.dup2(2, 1)
    _say(out, {"ready": True})
    for line in sys.stdin:
        spec = EpisodeSpec(**_tuples(json.loads(line)))
        _say(out, {"ready": False})  # a forecaster's first fit compiles kernels too
        with suppress(Exception):  # whatever is wrong with the spec, the episode itself meets it again and says so
            prepare(spec)
        _say(out, {"ready": True})
        child = os.fork()
        if child == 0:
            os._exit(_child(spec, out))
        _, status = os.waitpid(child, 0)
        if status != 0:
            code = os.waitstatus_to_exitcode(status)
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            os.write(out, b"\n")  # ends what the child may have left unfinished
            _say(out, {"error": "LinkError", "sentence": f"{name_of(spec)}: the episode's process ended ({how})"})


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def _child(spec: EpisodeSpec, out: int) -> int:
    """Run one episode and say how it ended."""
    try:
        preload()
        result = run_episode(spec, lambda begin_s, now_s, end_s: _say(out, {"progress": [begin_s, now_s, end_s]}))
        _say(out, {"result": result})
    except SignalsError as error:
        _say(out, {"error": type(error).__name__, "sentence": str(error)})
    except ModuleNotFoundError as error:
        _say(out, {"missing": error.name or str(error)})
    except Exception:
        _say(out, {"bug": traceback.format_exc()})
    return 0


def _say(out: int, message: dict[str, Any]) -> None:
    data = (json.dumps(message) + "\n").encode()
    while data:
        data = data[os.write(out, data) :]


def warm_up() -> None:
    """Import what every episode needs and load the kernels; nothing of it may start a simulation or a thread."""
    # What is missing or broken here is so in the first episode too, which says so.
    with suppress(ModuleNotFoundError, SignalsError):
        preload()
        warm.warm_up()


if __name__ == "__main__":
    warm_up()
    serve()

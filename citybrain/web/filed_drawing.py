"""A city too large for its net.xml to be read at every start: drawn out of a file that is made beside the state, once, in the background.

Until the file is there its streets are drawn straight. The file is made by another process with the lowest priority, so that the service
neither waits for it nor ever needs the memory that reading takes; it is named after all that it follows from, and never out of date.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from citybrain.service.network_file import ROOT, contents_of, key_of, network_of
from citybrain.web.drawing_file import DrawingFile, write
from citybrain.web.geometry import arms_of, checked, junction, lanes_column, listed, packed, titled
from citybrain.web.roads import straight_lines
from citybrain.web.tiles import Grid
from signals.errors import ConfigError, ScenarioError, SignalsError
from signals.rules import Rules
from signals.types import Floats, Network

log = logging.getLogger("citybrain")
NICE = 19
LIMIT_S = 3600.0
LOOK_S = 0.2
DRAWERS = tuple(
    ROOT / place
    for place in (
        "citybrain/web/roads.py", "citybrain/web/geometry.py", "citybrain/web/tiles.py", "citybrain/web/drawing_file.py",
        "sumo_nets/shapes.py",
    )
)  # fmt: skip
"""The code on which the contents of a file depend."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a city's drawing is made from, and where it is kept."""

    net: Path
    rules: Rules
    folder: Path

    def file(self) -> Path:
        """The drawing's file; reads the net, unless it is known already what it holds."""
        total = hashlib.sha256(key_of(self.net, self.rules, self.folder).encode())
        for place in DRAWERS:
            total.update(contents_of(place))
        return self.folder / f"drawing-{total.hexdigest()[:24]}.db"


class FiledDrawing:
    """Lives as long as the service; `start` when there is time for it."""

    def __init__(self, network: Network, source: Source, *, site: str = "", simulated: bool = True) -> None:
        self._network, self._title = checked(network), titled(network, site, simulated=simulated)
        self._index = {s.id: i for i, s in enumerate(network.signals)}
        self._grid = Grid.around(network)
        self._source = source
        self._file: DrawingFile | None = None
        self._pending, self._stop = True, threading.Event()
        self._thread = threading.Thread(target=self._find, name="drawing", daemon=True)
        self.edition = 0

    def start(self, ready: Callable[[float], bool] = lambda _: True) -> None:
        """Look for the file, or have it made, in a thread of its own, once `ready(timeout_s)` says so."""
        self._ready = ready
        self._thread.start()

    def stop(self) -> None:
        """End what is being made, and let go of the file."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        if self._file is not None:
            self._file.close()

    def wait_drawn(self, timeout_s: float) -> bool:
        """Whether the file is there within this time."""
        self._thread.join(timeout_s)
        return self._file is not None

    def _find(self) -> None:
        """A drawing that cannot be made is told once; the streets stay straight."""
        try:
            while not self._stop.is_set() and not self._ready(LOOK_S):
                pass
            if not self._stop.is_set():
                file = self._source.file()
                self._file = self._opened(file)
                forget_others(file)
        except (SignalsError, OSError) as error:
            if not self._stop.is_set():
                log.warning("the city's roads are drawn straight: %s", error)
        self._pending = False
        self.edition += 1

    def _opened(self, file: Path) -> DrawingFile:
        try:
            return DrawingFile(file, self._network)
        except ConfigError:
            made_by_child(self._source, file, self._stop)
            return DrawingFile(file, self._network)

    def city(self) -> dict[str, Any]:
        """All signals and the main roads; stop lines and lamps come in the tiles."""
        file = self._file
        lines, lanes = straight_lines(self._network) if file is None else (np.zeros((0, 2, 2)), [])
        return {
            **self._title,
            "bounds_m": self._grid.bounds_m,
            "signals": listed(self._network.signals),
            "roads": straight_columns(lines, lanes) if file is None else file.overview(),
            "tiles": self._grid.as_json() if file is not None else None,
            "pending": self._pending,
        }

    def tile(self, number: int) -> bytes | None:
        """A tile as it is sent; None where there is nothing, or nothing yet."""
        return None if self._file is None else self._file.tile(number)

    def signal(self, name: str) -> dict[str, Any]:
        """One junction from close by."""
        i = self._index[name]
        return junction(self._network.signals[i], self._shapes(i))

    def arms(self, name: str) -> dict[str, str]:
        """The names of its approaches; none before the file is there."""
        i = self._index[name]
        return arms_of(self._network.signals[i], self._shapes(i))

    def _shapes(self, i: int) -> dict[str, Floats]:
        return {} if self._file is None else self._file.shapes(i, self._network.signals[i])


def straight_columns(lines: Floats, lanes: list[int]) -> dict[str, str]:
    """Lines [street, end, xy] as columns."""
    start = np.arange(len(lines) + 1) * 2
    return {"start": packed(start, "<u4"), "xy_dm": packed(lines.reshape(-1, 2) * 10.0, "<i4"), "lanes": lanes_column(lanes)}


def forget_others(file: Path) -> None:
    """Remove drawings of other nets, or by other code: nobody will ask for them."""
    for other in file.parent.glob("drawing-*.db"):
        if other != file:
            other.unlink(missing_ok=True)


def made_by_child(source: Source, file: Path, stop: threading.Event) -> None:
    """Have another process write the file; ScenarioError in its words where it cannot, ConfigError where it is told to stop."""
    rules = asdict(source.rules)
    places = {"net": source.net, "folder": source.folder, "file": file}
    order = json.dumps({"rules": rules, **{name: str(place.resolve()) for name, place in places.items()}})
    ask = [sys.executable, "-m", "citybrain.web.filed_drawing"]
    child = subprocess.Popen(ask, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=ROOT)
    try:
        said, waited_s, told = "", 0.0, order
        while True:
            try:
                _, said = child.communicate(told or None, timeout=LOOK_S)
                break
            except subprocess.TimeoutExpired:
                waited_s, told = waited_s + LOOK_S, ""  # what was told is on its way
                if stop.is_set() or waited_s > LIMIT_S:
                    raise ConfigError(f"{source.net}: not drawn within {waited_s:.0f} s") from None
    finally:
        child.kill()
        child.communicate()
    if child.returncode != 0:
        raise ScenarioError((said.strip().splitlines() or [f"{source.net}: who draws it ended with {child.returncode}"])[-1])


def main() -> int:
    """Make the file that is ordered on standard input; an error is one sentence on standard error."""
    os.nice(NICE)
    try:
        order = json.loads(sys.stdin.read())
        net, rules = Path(order["net"]), Rules(**order["rules"])
        write(network_of(net, rules, Path(order["folder"])), net, Path(order["file"]))
    except SignalsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

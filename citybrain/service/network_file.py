"""A large city's network kept ready: reading a net.xml of hundreds of megabytes takes minutes and gigabytes, this file about a second.

The file lies beside the state and is named after the contents of the net.xml, the rules and the code that reads it, so that it is never
out of date. It is made in a child process: the service itself never needs the memory that reading takes. An npz without pickle.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from citybrain.service.network_columns import packed, unpacked
from signals.errors import ConfigError, ScenarioError, SignalsError
from signals.layout import laid_out, remembered
from signals.rules import Rules
from signals.types import Network

SMALL_BYTES = 8_000_000  # of a net.xml that is read at once, without a file
LARGEST_BYTES = 1 << 31
LIMIT_S = 3600.0
SEEN, SETTLED_NS = "network-seen.json", 2_000_000_000
ROOT = Path(__file__).resolve().parent.parent.parent
READERS = tuple(
    ROOT / place
    for place in (
        "sumo_nets/network.py",
        "sumo_nets/tracing.py",
        "signals/rules.py",
        "signals/types.py",
        "citybrain/service/network_columns.py",
    )
)
"""The code on which the contents of a file depend."""


def network_of(net: Path, rules: Rules, folder: Path, name: str = "") -> Network:
    """The network of a net.xml under these rules, by this name or the file's own; a large one by way of a file in `folder`.

    ScenarioError where it is none.
    """
    if not net.is_file():
        raise ScenarioError(f"{net}: no such network file")
    if net.stat().st_size <= SMALL_BYTES:
        return replace(read(net, rules), name=name or net.stem)
    file = folder / f"network-{key_of(net, rules, folder)}.npz"
    with suppress(ConfigError):
        return loaded(file, name or net.stem)
    made_by_child(net, rules, file)
    return loaded(file, name or net.stem)


def read(net: Path, rules: Rules) -> Network:
    """As `sumo_nets.network` reads it, which is loaded only where it is needed."""
    found: Network = importlib.import_module("sumo_nets.network").read_network(net, rules)
    return found


def key_of(net: Path, rules: Rules, folder: Path) -> str:
    """24 hexadecimal digits of the net's contents, the rules, and the code that reads it."""
    total = hashlib.sha256(json.dumps(asdict(rules), sort_keys=True).encode())
    for place in READERS:
        total.update(contents_of(place))
    total.update(known_contents(net, folder / SEEN))
    return total.hexdigest()[:24]


def contents_of(place: Path) -> bytes:
    """The SHA-256 of a file."""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def known_contents(net: Path, note: Path) -> bytes:
    """As `contents_of`; a file that has not been touched since it was last read is not read again.

    Size, inode and the kernel's own time of the last change say so. A file changed moments before it was read is not noted down: it
    might be changed once more within the clock's grain.
    """
    found = net.stat()
    stamp = [str(net.resolve()), found.st_size, found.st_ino, found.st_dev, found.st_mtime_ns, found.st_ctime_ns]
    with suppress(OSError, ValueError, TypeError, KeyError):
        noted = json.loads(note.read_text(encoding="utf-8"))
        if noted["stamp"] == stamp:
            return bytes.fromhex(noted["sha256"])
    contents = contents_of(net)
    if time.time_ns() - found.st_ctime_ns > SETTLED_NS:
        with suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            part = note.with_suffix(".part")
            part.write_text(json.dumps({"stamp": stamp, "sha256": contents.hex()}), encoding="utf-8")
            part.replace(note)
    return contents


def made_by_child(net: Path, rules: Rules, file: Path) -> None:
    """Have another process read the net.xml and write the file; ScenarioError in its words where it cannot."""
    order = json.dumps({"net": str(net.resolve()), "rules": asdict(rules), "file": str(file.resolve())})
    ask = [sys.executable, "-m", "citybrain.service.network_file"]
    try:
        done = subprocess.run(ask, input=order, capture_output=True, text=True, check=False, timeout=LIMIT_S, cwd=ROOT)
    except subprocess.TimeoutExpired as error:
        raise ScenarioError(f"{net}: not read within {LIMIT_S:.0f} s") from error
    if done.returncode != 0:
        raise ScenarioError((done.stderr.strip().splitlines() or [f"{net}: its reader ended with {done.returncode}"])[-1])


def write(network: Network, file: Path) -> None:
    """Write a network's file, whole or not at all; ConfigError where that cannot be."""
    arrays = packed(network)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".network-", delete=False) as out:
            try:
                np.savez(out, allow_pickle=False, **arrays)
                out.flush()
                os.fsync(out.fileno())
                os.replace(out.name, file)
            except BaseException:
                os.unlink(out.name)
                raise
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written ({error})") from error


def loaded(file: Path, name: str) -> Network:
    """The network in a file, under this name, with its layout ready; ConfigError where there is none, or it is damaged."""
    collecting = gc.isenabled()
    gc.disable()  # a million objects are made and none of them is garbage
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise ConfigError(f"{file}: larger than {LARGEST_BYTES} bytes")
        # np.load leaves a file open whose archive is broken, unless it was given an open one.
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            signals, streets, flat = unpacked({one: stored[one] for one in stored.files})
            network = Network(name, signals, streets)
            remembered(laid_out(network, flat))
            return network
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{file}: no network can be read from it ({type(error).__name__}: {error})") from error
    finally:
        if collecting:
            gc.enable()


def made(order: dict[str, Any]) -> None:
    """Read a net.xml and write its file."""
    write(read(Path(order["net"]), Rules(**order["rules"])), Path(order["file"]))


def main() -> int:
    """Make the file that is ordered on standard input; an error is one sentence on standard error."""
    try:
        made(json.loads(sys.stdin.read()))
    except SignalsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

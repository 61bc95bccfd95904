"""Viewers of a service under load: real server-sent streams over HTTP, read by another process, which counts what it was sent."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.service_load import Load, Row, Ticks, open_loop
from citybrain.service.desk import Role
from citybrain.service.keys import KeyRing

ENDS_S = 10.0
LOOK_S = 0.2  # so often a viewer looks whether it is time to go


def watched(load: Load, folder: Path, seconds: int, number: int) -> tuple[Ticks, Row]:
    """Ticks on the schedule while so many viewers watch, and what they were sent."""
    token, _ = KeyRing(folder / "keys.json", time.time).add("viewers", Role.VIEWER)
    port = load.serving.web.address.rpartition(":")[2]
    ask = [sys.executable, "-m", "benchmarks.service_viewers", port, str(number), str(seconds)]
    watching = subprocess.Popen(ask, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        started(watching, token)
        found = open_loop(load, seconds)
        sent: Row = json.loads(watching.communicate(timeout=seconds + ENDS_S)[0])
    finally:
        watching.kill()
        watching.wait()
    return found, sent


def started(watching: subprocess.Popen[str], token: str) -> None:
    """Hand the key to the viewers and wait until all of them have their first picture."""
    if watching.stdin is None or watching.stdout is None:
        raise RuntimeError("the viewers' process has no pipes")
    watching.stdin.write(token + "\n")
    watching.stdin.flush()
    watching.stdout.readline()


async def viewer(port: int, token: str, started: asyncio.Event, ends_s: asyncio.Future[float]) -> list[tuple[float, int, int]]:
    """(moment, bytes, events) of everything that came on one stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    await writer.drain()
    came: list[tuple[float, int, int]] = []
    while not ends_s.done() or time.monotonic() < ends_s.result():
        try:
            chunk = await asyncio.wait_for(reader.read(1 << 20), LOOK_S)
        except TimeoutError:
            continue
        if not chunk:
            break
        came.append((time.monotonic(), len(chunk), chunk.count(b"event: d\n")))
        if b"event: w" in chunk:
            started.set()
    writer.close()
    return came


async def watch(port: int, token: str, number: int, seconds: int) -> Row:
    """All viewers for so long; bytes a second and pictures of each, the first whole picture apart."""
    ends_s: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    begun = [asyncio.Event() for _ in range(number)]
    tasks = [asyncio.create_task(viewer(port, token, one, ends_s)) for one in begun]
    await asyncio.gather(*(asyncio.wait_for(one.wait(), ENDS_S) for one in begun))
    sys.stdout.write("\n")
    sys.stdout.flush()
    first_s = time.monotonic() + 1.0
    ends_s.set_result(first_s + seconds)
    came = await asyncio.gather(*tasks)
    later = [[one for one in some if one[0] >= first_s] for some in came]
    rates = [sum(size for _, size, _ in some) / seconds / 1e3 for some in later]
    pictures = [sum(count for _, _, count in some) for some in later]
    return {
        "viewers": number, "kb_s_most": round(max(rates), 2), "kb_s_mean": round(sum(rates) / number, 2), "pictures_least": min(pictures),
    }  # fmt: skip


def main() -> int:
    """Watch; the key comes on standard input, the counts go to standard output."""
    port, number, seconds = (int(word) for word in sys.argv[1:4])
    token = sys.stdin.readline().strip()
    sys.stdout.write(json.dumps(asyncio.run(watch(port, token, number, seconds))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

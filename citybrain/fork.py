"""A job in a fork of this process: libsumo holds one simulation a process, and its second one need not repeat the first."""

from __future__ import annotations

import os
from collections.abc import Callable

from signals.errors import LinkError


def in_fork(job: Callable[[], bytes], what: str) -> bytes:
    """What the job returns in the child; LinkError with `what` where the child failed. This process must have no threads."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read)
            with os.fdopen(write, "wb") as out:
                out.write(job())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        data = answer.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise LinkError(f"{what} failed in SUMO")
    return data

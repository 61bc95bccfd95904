"""A job in a fork of this process: libsumo holds one simulation a process, and its second one need not repeat the first."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from signals.errors import LinkError

DONE, FAILED = b"+", b"-"


def in_fork(job: Callable[[], bytes], what: str) -> bytes:
    """What the job returns in the child; LinkError with `what`, and what went wrong there. This process must have no threads."""
    sys.stdout.flush()
    sys.stderr.flush()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read)
            with os.fdopen(write, "wb") as out:
                try:
                    out.write(DONE + job())
                except Exception as error:
                    out.write(FAILED + f"{type(error).__name__}: {error}".encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    if status or not told.startswith(DONE):
        raise LinkError(f"{what} failed: {told[1:].decode(errors='replace') or f'its process ended with status {status}'}")
    return told[1:]

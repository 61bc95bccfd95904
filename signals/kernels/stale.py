"""Compiled kernels that are out of date: Numba notices when a kernel's own file has changed, but not the file of one that it calls."""

import hashlib
from contextlib import suppress
from pathlib import Path

STAMP = "kernels.sha256"


def forget_stale(folder: Path) -> bool:
    """Let go of what is compiled in a folder's cache if any of its sources is not as it was then; whether that was so.

    Where the cache cannot be written, as in an installation for all users, nothing is in it.
    """
    cache = folder / "__pycache__"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))).hexdigest()
    with suppress(OSError):
        if (cache / STAMP).is_file() and (cache / STAMP).read_text(encoding="ascii") == digest:
            return False
        for index in cache.glob("*.nbi"):
            index.unlink(missing_ok=True)
        cache.mkdir(exist_ok=True)
        (cache / STAMP).write_text(digest, encoding="ascii")
    return True

"""How the C library keeps memory that was let go: large blocks go back to the system at once, so that bursts do not stay resident.

glibc by itself learns to keep ever larger blocks; a city's arrays of a moment then tear holes that nobody fills.
"""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
LARGE_BYTES = 4 << 20  # a tick's own arrays are smaller, and are kept for the next tick


def give_back_large_blocks() -> bool:
    """For the whole process, from now on; whether the C library could be told."""
    try:
        library = ctypes.CDLL(None)
        return bool(library.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES) == 1)
    except (OSError, AttributeError, TypeError):  # another C library, or another system
        return False

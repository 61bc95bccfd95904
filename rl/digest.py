"""Identity of a policy's arrays: goes into its card, and what is loaded must match it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


def arrays_digest(arrays: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """SHA-256 over names, shapes and little-endian values, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype="<f4")
        total.update(f"{name}{list(array.shape)}".encode())
        total.update(array.tobytes())
    return total.hexdigest()

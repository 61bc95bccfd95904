"""Work on many signals, shared out among the processor's cores: for kernels that let go of the interpreter."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", bound=np.generic)
LEAST = 250  # signals a share: fewer are not worth a thread
SHARES_PER_CORE = 4  # signals differ: who is done early takes another


def in_shares(work: Callable[[int, int], npt.NDArray[Number]], n: int, cores: int | None = None) -> npt.NDArray[Number]:
    """Rows [n, ...] of `work(first, last)` over all of them; in this thread where they are few.

    Threads last as long as the call: none is left over that would be missing after a fork.
    """
    if n < 2 * LEAST:
        return work(0, n)
    cores = cores or os.cpu_count() or 1
    shares = min(cores * SHARES_PER_CORE, n // LEAST) if cores > 1 else 1
    if shares < 2:
        return work(0, n)
    cuts = np.linspace(0, n, shares + 1).astype(np.int64).tolist()
    with ThreadPoolExecutor(cores) as threads:
        return np.concatenate(list(threads.map(work, cuts[:-1], cuts[1:])))

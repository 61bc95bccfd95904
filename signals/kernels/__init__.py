"""Compiled array functions: numbers in, numbers out; no classes, strings or exceptions.

A kernel with `_nrt=False` makes no arrays. It is spared the counting of references to those that it is given, which would cost more
than the work of a short one: Numba counts atomically, and once for every array of a named tuple.
"""

from pathlib import Path

from signals.kernels.stale import forget_stale

forget_stale(Path(__file__).parent)

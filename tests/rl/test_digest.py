"""Identity of arrays."""

import numpy as np

from rl.digest import arrays_digest

ARRAYS = {"a": np.arange(4, dtype=np.float32), "b": np.ones((2, 2), dtype=np.float32)}


def test_the_digest_is_of_names_shapes_and_values_and_not_of_their_order() -> None:
    whole = arrays_digest(ARRAYS)
    assert whole == arrays_digest(dict(reversed(ARRAYS.items())))
    others = [
        {**ARRAYS, "a": np.arange(4, dtype=np.float32) + np.float32(1e-6)},
        {**ARRAYS, "a": np.arange(4, dtype=np.float32).reshape(2, 2)},
        {"a": ARRAYS["a"], "c": ARRAYS["b"]},
    ]
    assert len({whole, *(arrays_digest(other) for other in others)}) == 4

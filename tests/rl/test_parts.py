"""Looking up parts by name."""

import pytest

from rl.parts import named
from signals.errors import ConfigError


def test_a_known_name_is_its_part() -> None:
    assert named("fruit", "apple", {"apple": 1}) == 1


@pytest.mark.parametrize(("wrong", "said"), [("aple", "did you mean 'apple'?"), ("xyz", "known are apple, pear"), (3, "fruit 3: no such")])
def test_a_wrong_name_is_answered_with_the_nearest_or_all(wrong: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        named("fruit", wrong, {"apple": 1, "pear": 2})

"""Bodies of commands: made from the nouns, strict, bounded, and without anything that would spoil a record."""

from typing import Any

import pytest
from pydantic import ValidationError

from citybrain.service.desk import COMMANDS, Mode, Propose, SetMode
from citybrain.web.bodies import LONGEST_TEXT, body_model, command_of


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_a_body_that_becomes_the_noun(name: str, bodies: dict[str, Any]) -> None:
    noun, _ = COMMANDS[name]
    command = command_of(noun, body_model(noun).model_validate(bodies[name]))
    assert type(command) is noun


def test_lists_become_the_nouns_tuples() -> None:
    body = body_model(Propose).model_validate({"signal": "A0", "stages": [[1, 20], [2, 30.5]]})
    assert command_of(Propose, body) == Propose("A0", ((1, 20.0), (2, 30.5)))
    body = body_model(SetMode).model_validate({"mode": "shadow", "signals": ["A0"]})
    assert command_of(SetMode, body) == SetMode(Mode.SHADOW, ("A0",))


@pytest.mark.parametrize(
    "change",
    [
        {"phase": "1"}, {"phase": True}, {"phase": 1.5}, {"phase": -1}, {"phase": 2**60}, {"for_s": "60"}, {"for_s": float("nan")},
        {"for_s": float("inf")}, {"for_s": 1e300}, {"reason": "x" * (LONGEST_TEXT + 1)}, {"reason": "a\nb"}, {"reason": "\x00"},
        {"reason": "\ud800"}, {"reason": None}, {"signal": 7}, {"signal": ["A0"]}, {"owner": "root"},
    ],
    ids=ascii,
)  # fmt: skip
def test_what_does_not_fit_is_refused(change: dict[str, Any], bodies: dict[str, Any]) -> None:
    model = body_model(COMMANDS["override"][0])
    assert model.model_validate(bodies["override"])
    with pytest.raises(ValidationError):
        model.model_validate({**bodies["override"], **change})

"""The desk's commands as bodies of requests, made from the nouns themselves: strict, bounded, no unknown entries."""

from __future__ import annotations

from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from citybrain.service.desk import Command

LONGEST_TEXT = 300
MOST_ENTRIES = 65536
PLAIN = r"^[^\x00-\x1f\x7f]*$"  # no line breaks or control characters: these texts end in records and logs
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT, pattern=PLAIN)]
Whole = Annotated[int, Field(strict=True, ge=0, le=2**53)]
Real = Annotated[float, Field(strict=True, ge=-1e9, le=1e9, allow_inf_nan=False)]


def body_model(noun: type[Any]) -> type[BaseModel]:
    """A command's body, with its docstring as the API's description."""
    hints = get_type_hints(noun)
    entries: dict[str, Any] = {f.name: (bounded(hints[f.name]), ... if f.default is MISSING else f.default) for f in fields(noun)}
    config = ConfigDict(extra="forbid", frozen=True)
    return create_model(noun.__name__, __config__=config, __doc__=noun.__doc__, **entries)


def bounded(hint: Any) -> Any:
    """A field's type with the limits that the border sets."""
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        of: Any = tuple.__class_getitem__(tuple(one if one is Ellipsis else bounded(one) for one in inner))
        return Annotated[of, Field(max_length=MOST_ENTRIES)] if inner[-1] is Ellipsis else of
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    return {str: Text, int: Whole, float: Real}[hint]


def command_of(noun: type[Any], body: BaseModel) -> Command:
    """The noun that a checked body speaks of."""
    command: Command = noun(**{f.name: getattr(body, f.name) for f in fields(noun)})
    return command

"""Refusals as answers: one sentence in JSON, the same shape whoever refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from citybrain.web.log import log
from signals.errors import LinkError, SignalsError


class Problem(BaseModel):
    """Why a request was refused."""

    error: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": text}
    for code, text in {
        400: "not readable",
        401: "no key, or not a living one",
        403: "the key does not allow this",
        413: "too large",
        421: "the host name is not one of this service's",
        422: "readable, but not possible",
        429: "too many requests",
        503: "not now",
    }.items()
}

MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such signal"}}


def problem(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A refusal."""
    return JSONResponse({"error": printable(sentence)}, status, headers)


def printable(sentence: str) -> str:
    """Text that any encoding can carry: half a surrogate pair, as JSON may smuggle it in, is written as its code."""
    return sentence.encode("utf-8", "backslashreplace").decode("utf-8")


def add_handlers(app: FastAPI) -> None:
    """Every error that is expected becomes a sentence; what is not is the guard's to answer."""
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(SignalsError, impossible)


async def refused(_: Request, error: Exception) -> JSONResponse:
    """404, 405 and what handlers raise."""
    status, detail = getattr(error, "status_code", 500), getattr(error, "detail", "")
    return problem(status, str(detail), getattr(error, "headers", None))


async def invalid(_: Request, error: Exception) -> JSONResponse:
    """A body or a parameter that does not fit: where, what, and what was expected."""
    found: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    said = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in found[:3]]
    return problem(422, "; ".join(said) or "the request does not fit")


async def impossible(_: Request, error: Exception) -> JSONResponse:
    """A command or a batch that cannot be, in the words of who knows."""
    if isinstance(error, LinkError):
        log.warning("the street does not answer: %s", error)
        return problem(503, str(error))
    return problem(422, str(error))

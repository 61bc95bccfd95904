"""Routes that change something: a command each entry of the desk's table, edit locks, and data handed in.

Annotations are real here, not text: FastAPI reads those of the handlers that are made from the table.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from citybrain.service.desk import COMMANDS, Command, Role, SetMode
from citybrain.service.keys import Purpose
from citybrain.service.locks import EditLock, EditLocks
from citybrain.web.access import Access, Asker, access_of, need
from citybrain.web.bodies import body_model, command_of
from citybrain.web.problems import MISSING, REFUSALS, Problem, problem
from citybrain.web.served import Parts, Served, Signal, answer, served_of

FRAME, JSON = "application/vnd.citybrain.frame", "application/json"
KINDS = {FRAME: "frame", JSON: "json"}
TAKES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {FRAME: {"schema": {"type": "string", "format": "binary"}}, JSON: {"schema": {"type": "object"}}},
    }
}
Ways = Annotated[Access, Depends(access_of)]
Engineer = Annotated[Asker, Depends(need(Role.ENGINEER))]
Sensor = Annotated[Asker, Depends(need(Role.VIEWER, Purpose.INGEST))]
HELD: dict[int | str, dict[str, Any]] = {**MISSING, 409: {"model": Problem, "description": "somebody else works on this signal"}}

router = APIRouter(prefix="/v1", responses=REFUSALS)


class Done(BaseModel):
    """What became of a command: on disk under this number."""

    number: int
    accepted: bool
    sentence: str
    found: dict[str, Any]


def handler(noun: type[Any], role: Role) -> Callable[..., Response]:
    """The route of one command."""
    asked = Depends(need(role))

    def give(body: BaseModel, asker: Asker = asked, served: Served = Depends(served_of), ways: Access = Depends(access_of)) -> Response:  # noqa: B008
        command = command_of(noun, body)
        unlocked(command, asker, served, ways.locks)
        receipt = served.service.submit(command, asker.who)
        done = Done(number=receipt.number, accepted=receipt.accepted, sentence=receipt.sentence, found=receipt.found)
        return answer(done.model_dump(), 200 if receipt.accepted else 409)

    give.__annotations__["body"] = body_model(noun)
    give.__doc__ = f"{noun.__doc__} Needs the role {role}."
    return give


for _name, (_noun, _role) in COMMANDS.items():
    router.add_api_route(
        f"/commands/{_name}", handler(_noun, _role), methods=["POST"], name=_name, tags=["commands"],
        response_model=Done, responses={409: {"model": Done | Problem, "description": "refused, or somebody else works on the signal"}},
    )  # fmt: skip


def unlocked(command: Command, asker: Asker, served: Served, locks: EditLocks) -> None:
    """409 where somebody else is at work on a signal that this would change."""
    touched = touched_signals(command, served)
    lock = locks.in_the_way(touched, asker.who) if touched is not None else None
    if lock is not None:
        raise HTTPException(409, held_by(lock, locks))


def touched_signals(command: Command, served: Served) -> tuple[str, ...] | None:
    """Signals that a command is about, none named for all; None where it is about none."""
    if isinstance(command, SetMode):
        return command.signals
    if getattr(command, "signal", ""):
        return (str(getattr(command, "signal")),)  # noqa: B009 - only some commands have one
    number = getattr(command, "proposal", None)
    if number is None:
        return None
    proposal = served.service.orders.proposals.get(number)
    return None if proposal is None else (proposal.signal,)


def held_by(lock: EditLock, locks: EditLocks) -> str:
    """Who is at work, and for how long."""
    return f"{lock.signal}: {lock.who} works on it, for {locks.left_s(lock):.0f} s more unless it is given back"


class Lock(BaseModel):
    """An edit lock of one's own."""

    signal: str
    who: str
    left_s: float


@router.post("/locks/{signal}", tags=["locks"], response_model=Lock, responses=HELD)
def take(asker: Engineer, signal: Signal, ways: Ways) -> Response:
    """Take or prolong the edit lock of a signal; it runs out by itself."""
    taken, lock = ways.locks.take(signal, asker.who)
    if not taken:
        return problem(409, held_by(lock, ways.locks))
    return answer(Lock(signal=signal, who=lock.who, left_s=ways.locks.left_s(lock)).model_dump())


@router.delete("/locks/{signal}", tags=["locks"], status_code=204, responses=HELD)
def give_back(asker: Engineer, signal: Signal, ways: Ways) -> Response:
    """Give a lock back; an admin may also end somebody else's."""
    if not ways.locks.give_back(signal, asker.who, force=asker.key.may(Role.ADMIN, Purpose.SERVE)):
        return problem(409, f"{signal}: somebody else works on it")
    return Response(status_code=204)


@router.post("/ingest", tags=["ingest"], openapi_extra=TAKES, responses={415: {"model": Problem, "description": "another kind of data"}})
async def ingest(request: Request, asker: Sensor, served: Parts) -> Response:
    """Take a batch of samples, as a frame or as JSON; it is on disk when this answers. The key's name is the source.

    Of a key that is limited to some sensors, a batch that holds others is not taken at all.
    """
    kind = KINDS.get(request.headers.get("content-type", "").split(";", maxsplit=1)[0].strip().lower())
    if kind is None:
        raise HTTPException(415, f"expected Content-Type {FRAME} or {JSON}")
    if served.take is None:
        raise HTTPException(503, "this service hears its sensors by other ways")
    payload = await request.body()
    return answer(await run_in_threadpool(served.take, payload, kind, asker.key))

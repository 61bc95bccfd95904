"""Routes that read: the city, its signals, plans, figures, records. Any viewer may, and training may; sensors' keys may not."""

from __future__ import annotations

import gzip
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from citybrain.service.board import Picture
from citybrain.service.desk import Role
from citybrain.service.keys import Purpose
from citybrain.web.access import need
from citybrain.web.problems import MISSING, REFUSALS, Problem
from citybrain.web.served import Drawing, Parts, Signal, answer

LONGEST_HISTORY_S = 86400.0
LONGEST_JOURNAL_S = 86400.0
Limit = Annotated[int, Query(ge=1, le=1000)]
Moment = Annotated[float, Query(ge=0.0, le=1e11, description="field time [s]")]
TEXT_CSV, XML = "text/csv; charset=utf-8", "application/xml"

router = APIRouter(
    prefix="/v1",
    tags=["reading"],
    responses=REFUSALS,
    dependencies=[Depends(need(Role.VIEWER, Purpose.SERVE, Purpose.TRAIN))],
)


@router.get("/city")
def city(request: Request, drawing: Drawing) -> Response:
    """What never changes on the map, as columns in base64; of a large city an overview, and how its tiles lie. Sent again only when new."""
    mark, packed = drawing.packed()
    return unzipped(request, packed, mark)


@router.get("/tiles/{number}", responses={404: {"model": Problem, "description": "no such tile, or none yet"}})
def tile(request: Request, number: Annotated[int, Path(ge=0, le=2**31)], drawing: Drawing) -> Response:
    """A square of a large city from close by: roads, stop lines, and which of them each phase lights, as columns in base64."""
    packed = drawing.drawing.tile(number)
    if packed is None:
        raise HTTPException(404, "there is nothing to be drawn under that number")
    return unzipped(request, packed, f'"{hashlib.sha256(packed).hexdigest()[:32]}"')


def unzipped(request: Request, packed: bytes, mark: str) -> Response:
    """Gzipped JSON, for whoever does not have it yet, as they can read it."""
    headers = {"ETag": mark, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type="application/json", headers={**headers, "Content-Encoding": "gzip"})
    return Response(gzip.decompress(packed), media_type="application/json", headers=headers)


@router.get("/city/{signal}", responses=MISSING)
def junction(signal: Signal, drawing: Drawing) -> Response:
    """One junction from close by: phases, movements, lanes' curves [m]."""
    return answer(drawing.drawing.signal(signal))


@router.get("/state")
def state(served: Parts) -> Response:
    """Every signal now, a number a value, in the order of `/v1/city`; as `/v1/events` goes on telling it."""
    picture = served.service.board.latest()
    if picture is None:
        raise HTTPException(503, "nothing has been observed yet")
    return answer(picture_json(picture))


def picture_json(picture: Picture) -> dict[str, Any]:
    """A picture as lists."""
    columns = {name: getattr(picture, name).tolist() for name in ("light", "queue", "mode", "health", "congestion", "congestion_15")}
    return {"n": picture.n, "now_s": picture.now_s, **columns}


@router.get("/signals")
def signals(served: Parts) -> Response:
    """A line a signal: mode, health, phase, queue [veh], congestion index, override."""
    return answer(served.showing.signals())


@router.get("/signals/{signal}", responses=MISSING)
def detail(signal: Signal, served: Parts) -> Response:
    """Everything of one signal now: lights, plan, wish, queues [veh], forecast [veh/h], why, acknowledgement."""
    return answer(served.showing.detail(signal))


@router.get("/signals/{signal}/history", responses=MISSING)
def history(signal: Signal, served: Parts, seconds: Annotated[float, Query(gt=0.0, le=LONGEST_HISTORY_S)] = 3600.0) -> Response:
    """Greens, counts, forecasts and splits of the last seconds."""
    return answer(served.showing.history(signal, seconds))


@router.get("/signals/{signal}/arterial", responses=MISSING)
def arterial(signal: Signal, served: Parts) -> Response:
    """The street through this signal: its signals and their greens, shown and planned."""
    return answer(served.showing.arterial(signal))


@router.get("/signals/{signal}/plans", responses=MISSING)
def plans(signal: Signal, served: Parts, limit: Limit = 50) -> Response:
    """The archive of its plans, newest first."""
    return answer(served.showing.plans(signal, limit))


@router.get("/proposals")
def proposals(served: Parts) -> Response:
    """Plans that wait for approval."""
    return answer(served.showing.proposals())


@router.get("/alarms")
def alarms(served: Parts) -> Response:
    """What needs somebody's eye."""
    return answer(served.service.alarms_raised.as_json())


@router.get("/kpi")
def kpi(served: Parts) -> Response:
    """Congestion, throughput and delay now, and before against after with the interval."""
    return answer(served.service.state.kpi)


@router.get("/health")
def health(served: Parts) -> Response:
    """Every check with its sentence."""
    return answer(served.showing.health())


@router.get("/audit", dependencies=[Depends(need(Role.ENGINEER))])
def audit(served: Parts, first: Annotated[int | None, Query(alias="from", ge=1, le=2**53)] = None, limit: Limit = 100) -> Response:
    """Records from this number on, oldest first; without a number, the newest. Needs the role engineer."""
    return answer(served.showing.audit(first, limit))


@router.get("/export/plans.csv", response_class=Response)
def plans_csv(served: Parts) -> Response:
    """The plans in force."""
    return StreamingResponse(served.showing.export("plans.csv", 0.0, 0.0), media_type=TEXT_CSV, headers=attached("plans.csv"))


@router.get("/export/plans.add.xml", response_class=Response)
def plans_xml(served: Parts) -> Response:
    """The plans in force, as an additional file for SUMO."""
    return StreamingResponse(served.showing.export("plans.add.xml", 0.0, 0.0), media_type=XML, headers=attached("plans.add.xml"))


@router.get("/export/journal.csv", response_class=Response)
def journal_csv(served: Parts, from_s: Moment | None = None, to_s: Moment | None = None) -> Response:
    """What was observed and decided, from_s <= field time < to_s; an hour until now where nothing is said, a day at most."""
    to_s = served.service.now_s + 1.0 if to_s is None else to_s
    from_s = to_s - 3600.0 if from_s is None else from_s
    if to_s - from_s > LONGEST_JOURNAL_S:
        raise HTTPException(422, f"{to_s - from_s:.0f} s of the journal; expected at most {LONGEST_JOURNAL_S:.0f} s at once")
    return StreamingResponse(served.showing.export("journal.csv", from_s, to_s), media_type=TEXT_CSV, headers=attached("journal.csv"))


def attached(name: str) -> dict[str, str]:
    """A file to keep, not a page to show."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}

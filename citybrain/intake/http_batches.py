"""What an HTTP body says, by its media type: the web layer hands bytes in and answers with what is raised or returned here."""

from __future__ import annotations

from citybrain.intake import frame, json_form
from citybrain.intake.batch import IntakeError
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import Frame
from citybrain.intake.network_names import NetworkNames

FRAME_TYPE, JSON_TYPE = "application/x-citybrain-frame", "application/json"
LARGEST_BODY_BYTES = {FRAME_TYPE: frame.LARGEST_FRAME_BYTES, JSON_TYPE: json_form.LARGEST_BYTES}


def delivery(body: bytes, media_type: str, catalogue: Catalogue, names: NetworkNames) -> Frame:
    """The samples and snapshots of a body; IntakeError where they are none, or of another catalogue."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind == FRAME_TYPE:
        found = frame.decode(body)
        frame.check_key(found, catalogue.key)
        return found
    if kind == JSON_TYPE:
        return json_form.parsed(body, catalogue, names)
    raise IntakeError(f"media type {media_type[:60]!r}; expected {FRAME_TYPE} or {JSON_TYPE}")

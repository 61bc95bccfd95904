"""Structured logs, one JSON object a line, from which keys, session cookies and passwords in addresses are blotted out."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import IO, Any

BLOT = "[secret]"
SECRETS = (
    (re.compile(r"cb_[0-9a-f]{12}_[A-Za-z0-9_-]{8,}"), BLOT),
    (re.compile(r"cbs1\.[A-Za-z0-9_.=-]{8,}"), BLOT),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+"), rf"\1 {BLOT}"),
    (re.compile(r"(?i)(x-csrf-token[\"']?\s*[:=,]\s*[b\"']*)[^\s\"',;)]+"), rf"\1{BLOT}"),
    (re.compile(r"(?i)(://[^/\s:@\"]*:)[^/\s\"]+@"), rf"\1{BLOT}@"),
    (re.compile(r"(?i)\b((?:\w*_)?(?:password|passwd|secret)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]+"), rf"\1{BLOT}"),
)
log = logging.getLogger("citybrain")


def blotted(text: str) -> str:
    """The text without what opens doors."""
    for pattern, stand_in in SECRETS:
        text = pattern.sub(stand_in, text)
    return text


class JsonLines(logging.Formatter):
    """One JSON object a record. The finished text is blotted, so traces and other people's messages are too."""

    def format(self, record: logging.LogRecord) -> str:
        """`extra={"fields": {...}}` of a call becomes entries of its own."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": blotted(record.getMessage()),
        }
        fields = getattr(record, "fields", {})
        entry |= {name: blotted(value) if isinstance(value, str) else value for name, value in fields.items()}
        if record.exc_info:
            entry["trace"] = blotted(self.formatException(record.exc_info))
        return blotted(json.dumps(entry, ensure_ascii=False, default=str))


def log_to(stream: IO[str], level: int = logging.INFO) -> logging.Handler:
    """All of this process's logs to a stream, as JSON lines; the handler, for who wants to take it away again."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    return handler

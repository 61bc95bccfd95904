"""Messages on a stream of bytes: length, length of the topic, whether it is retained, topic, payload."""

from __future__ import annotations

import struct

from citybrain.field.transport import MOST_TOPIC_BYTES, Message
from citybrain.intake.frame import LARGEST_FRAME_BYTES
from signals.errors import LinkError

HEAD = struct.Struct("<IHB")
SEAL_BYTES = 24  # number and signature, on a wire whose ends know a secret
MOST_BYTES = LARGEST_FRAME_BYTES + MOST_TOPIC_BYTES + SEAL_BYTES
KEEP_ALIVE = HEAD.pack(0, 0, 0)


def framed(topic: str, payload: bytes, retain: bool = False) -> bytes:
    """One message as it goes over the wire."""
    name = topic.encode()
    if len(name) > MOST_TOPIC_BYTES or len(payload) > LARGEST_FRAME_BYTES + SEAL_BYTES:
        raise LinkError(f"{topic[:60]}: {len(payload)} bytes; expected at most {LARGEST_FRAME_BYTES}, and {MOST_TOPIC_BYTES} of topic")
    return HEAD.pack(len(name) + len(payload), len(name), retain) + name + payload


class Decoder:
    """Bytes in as they come, messages out; LinkError where the other end does not speak this language."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._buffer = bytearray()
        self.most_bytes = most_bytes  # of a message

    def feed(self, data: bytes) -> list[tuple[Message, bool]]:
        """Messages that are whole now, and whether each is retained; a keep-alive is none."""
        buffer = self._buffer
        buffer += data
        found, at = [], 0
        while len(buffer) - at >= HEAD.size:
            size, named, retain = HEAD.unpack_from(buffer, at)
            if size > self.most_bytes or named > min(size, MOST_TOPIC_BYTES) or retain > 1:
                raise LinkError(
                    f"a message of {size} bytes with a topic of {named}; expected at most {self.most_bytes} and {MOST_TOPIC_BYTES}"
                )
            begin, end = at + HEAD.size, at + HEAD.size + size
            if len(buffer) < end:
                break
            if size:
                found.append((Message(_text(buffer[begin : begin + named]), bytes(buffer[begin + named : end])), bool(retain)))
            at = end
        del buffer[:at]
        return found


def _text(name: bytearray) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise LinkError("a topic that is no UTF-8; expected a name") from error

"""Two ends of a TCP wire that know a secret: each shows the other that it does, and then every frame is numbered and signed.

    field  → centre   auth: MAGIC, the field's nonce
    centre → field    auth: MAGIC, the centre's nonce, HMAC(secret, "centre" and both nonces)
    field  → centre   auth: MAGIC, HMAC(secret, "field" and both nonces)

The secret itself is never sent, nor anything that would do on another connection. Afterwards each direction has a key of its own; a frame
ends with its number and HMAC-SHA256 over all of it, cut to 16 bytes. What was not sent by the other end, on this connection, in this
direction, is not taken; what comes twice is taken once. Frames may be missing or overtake one another, as everywhere on our wires.
Nothing is encrypted: who can listen, reads.
"""

from __future__ import annotations

import hmac
import struct
from typing import NoReturn

from citybrain.field.framing import HEAD, KEEP_ALIVE, SEAL_BYTES, framed
from citybrain.field.transport import Message
from signals.errors import LinkError

AUTH = "auth"
MAGIC = b"CBfield1"
NONCE_BYTES, MAC_BYTES, SIGNED_BYTES = 32, 32, 16
CHALLENGE_BYTES, PROOF_BYTES, ANSWER_BYTES = len(MAGIC) + NONCE_BYTES, len(MAGIC) + NONCE_BYTES + MAC_BYTES, len(MAGIC) + MAC_BYTES
HANDSHAKE_S = 5.0  # of the wall: who has not shown by then that it knows the secret is hung up on
STRANGER_BYTES = 128  # of a message of somebody who has not
WINDOW = 4096  # frames that may be missing, or late, at a time
NUMBER = struct.Struct("<Q")


class Open:
    """A wire whose ends know no secret: frames as they are."""

    def framed(self, topic: str, payload: bytes, retain: bool = False) -> bytes:
        """A message as it goes over the wire."""
        return framed(topic, payload, retain)

    def keep_alive(self) -> bytes:
        """A word when there is nothing to say."""
        return KEEP_ALIVE

    def taken(self, message: Message, retain: bool) -> Message | None:
        """The message; LinkError where the other end wants to know a secret."""
        if message.topic == AUTH:
            raise LinkError("wants to know a secret; expected a secret_file that both ends have")
        return message


class Sealed:
    """One end of a wire after the handshake. Lives as long as the connection."""

    def __init__(self, out_key: bytes, in_key: bytes) -> None:
        self._out, self._in = hmac.new(out_key, digestmod="sha256"), hmac.new(in_key, digestmod="sha256")
        self._sent, self._next = 0, 0
        self._missing: dict[int, None] = {}  # in the order of their numbers
        self.repeated = 0

    def framed(self, topic: str, payload: bytes, retain: bool = False) -> bytes:
        """A message as it goes over the wire, with the next number."""
        number = NUMBER.pack(self._sent)
        self._sent += 1
        return framed(topic, payload + number + _signature(self._out, topic, payload, number, retain), retain)

    def keep_alive(self) -> bytes:
        """A word when there is nothing to say."""
        return self.framed("", b"")

    def taken(self, message: Message, retain: bool) -> Message | None:
        """What the other end has said; None where it has been heard already. LinkError where it is not the other end's."""
        if message.topic == AUTH:
            return None  # the handshake, once more: it is over and opens nothing
        signed = message.payload
        payload, number, signature = signed[:-SEAL_BYTES], signed[-SEAL_BYTES:-SIGNED_BYTES], signed[-SIGNED_BYTES:]
        if len(signed) < SEAL_BYTES or not hmac.compare_digest(signature, _signature(self._in, message.topic, payload, number, retain)):
            raise LinkError("a frame that is not signed by the other end; expected one of this connection")
        return Message(message.topic, payload) if self._is_new(NUMBER.unpack(number)[0]) else None

    def _is_new(self, number: int) -> bool:
        if number >= self._next:
            if number - self._next > WINDOW:
                raise LinkError(f"{number - self._next} frames are missing; expected at most {WINDOW}")
            self._missing.update(dict.fromkeys(range(self._next, number)))
            self._next = number + 1
            while len(self._missing) > WINDOW:
                del self._missing[next(iter(self._missing))]
            return True
        if number in self._missing:
            del self._missing[number]
            return True
        self.repeated += 1
        return False


Line = Open | Sealed


class FieldHandshake:
    """The field's side of one connection; `nonce`: drawn for it alone."""

    def __init__(self, secret: bytes, nonce: bytes) -> None:
        self._secret, self._nonce = secret, nonce
        self.challenge = framed(AUTH, MAGIC + nonce)

    def hear(self, message: Message) -> tuple[bytes, Sealed]:
        """What to answer to a centre that knows the secret, and the wire from now on; LinkError for anybody else."""
        payload = message.payload
        if message.topic != AUTH or len(payload) != PROOF_BYTES or not payload.startswith(MAGIC):
            _refuse("no proof")
        both = self._nonce + payload[len(MAGIC) : len(MAGIC) + NONCE_BYTES]
        if not hmac.compare_digest(payload[-MAC_BYTES:], _mac(self._secret, b"centre", both)):
            _refuse("a proof of another secret")
        answer = framed(AUTH, MAGIC + _mac(self._secret, b"field", both))
        return answer, Sealed(_mac(self._secret, b"key field", both), _mac(self._secret, b"key centre", both))


class CentreHandshake:
    """The centre's side of one connection; `nonce`: drawn for it alone. Done as soon as `line` is there."""

    def __init__(self, secret: bytes, nonce: bytes) -> None:
        self._secret, self._nonce = secret, nonce
        self._challenge, self._both = b"", b""
        self.line: Sealed | None = None

    @property
    def proved(self) -> bool:
        """Whether we have shown that we know the secret; a field that hangs up then has another one."""
        return bool(self._both)

    def hear(self, message: Message) -> bytes:
        """What to answer, if anything; LinkError where the field does not know the secret."""
        payload = message.payload
        if not self._both:
            if message.topic != AUTH or len(payload) != CHALLENGE_BYTES or not payload.startswith(MAGIC):
                raise LinkError("does not ask for the secret that we have; expected a street that was started with the same one")
            self._challenge, self._both = payload, payload[len(MAGIC) :] + self._nonce
            return framed(AUTH, MAGIC + self._nonce + _mac(self._secret, b"centre", self._both))
        if message.topic != AUTH or payload == self._challenge:
            return b""  # overtook the answer, or came twice: not heeded
        if len(payload) != ANSWER_BYTES or not hmac.compare_digest(payload[len(MAGIC) :], _mac(self._secret, b"field", self._both)):
            raise LinkError("has another secret than we; expected the same one at both ends")
        self.line = Sealed(_mac(self._secret, b"key centre", self._both), _mac(self._secret, b"key field", self._both))
        return b""


def _mac(secret: bytes, label: bytes, both: bytes) -> bytes:
    return hmac.digest(secret, MAGIC + b" " + label + b"\0" + both, "sha256")


def _signature(keyed: hmac.HMAC, topic: str, payload: bytes, number: bytes, retain: bool) -> bytes:
    name, mac = topic.encode(), keyed.copy()  # the key is worked in once a connection
    mac.update(HEAD.pack(len(payload), len(name), retain) + name + payload + number)
    return mac.digest()[:SIGNED_BYTES]


def _refuse(what: str) -> NoReturn:
    raise LinkError(f"{what}; expected one of somebody who knows the secret")

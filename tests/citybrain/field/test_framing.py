"""Messages on a stream of bytes: whole again however they are cut, and no memory for those who lie about their length."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.field.framing import HEAD, KEEP_ALIVE, MOST_BYTES, SEAL_BYTES, Decoder, framed
from citybrain.field.transport import Message
from citybrain.intake.frame import LARGEST_FRAME_BYTES
from signals.errors import LinkError

topics = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
messages = st.lists(st.tuples(topics, st.binary(max_size=300), st.booleans()).filter(lambda m: m[0] or m[1]), max_size=6)


@given(messages, st.lists(st.integers(1, 400), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_messages_are_whole_again_however_the_stream_is_cut(sent: list[tuple[str, bytes, bool]], cuts: list[int]) -> None:
    stream = KEEP_ALIVE.join(framed(*one) for one in sent)
    decoder, found = Decoder(), []
    while stream:
        size = cuts[len(stream) % len(cuts)]
        found += decoder.feed(stream[:size])
        stream = stream[size:]
    assert found == [(Message(topic, payload), retain) for topic, payload, retain in sent]


@pytest.mark.parametrize(
    "head",
    [HEAD.pack(MOST_BYTES + 1, 3, 0), HEAD.pack(10, 11, 0), HEAD.pack(400, 300, 0), HEAD.pack(4, 2, 7), HEAD.pack(2, 2, 0) + b"\xff\xfe"],
    ids=["too long", "topic longer than the message", "topic too long", "unknown flag", "topic that is no text"],
)
def test_who_does_not_speak_the_language_is_an_error_at_once(head: bytes) -> None:
    with pytest.raises(LinkError, match="expected"):
        Decoder().feed(head)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_bytes_are_messages_or_one_sentence(data: bytes) -> None:
    try:
        Decoder().feed(data)
    except LinkError as error:
        assert "\n" not in str(error)


def test_what_nobody_would_take_is_not_sent() -> None:
    for topic, payload in (("t" * 300, b""), ("sense", bytes(LARGEST_FRAME_BYTES + SEAL_BYTES + 1))):
        with pytest.raises(LinkError, match="expected at most"):
            framed(topic, payload)

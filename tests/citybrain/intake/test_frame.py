"""What was encoded is decoded; what was not is one error, whatever the bytes, and takes no memory."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from citybrain.intake import frame
from citybrain.intake.batch import IntakeError, Samples, Tracks

FLOATS32 = st.floats(width=32)
COUNTS = st.lists(st.integers(0, 3), max_size=5)


@st.composite
def samples(draw: st.DrawFn) -> Samples:
    """Any samples, of sensors that need not be."""
    n = draw(st.integers(0, 6))
    source = draw(st.text("ab/é", min_size=1, max_size=9))
    return Samples(
        source, draw(arrays(np.int32, n)), draw(arrays(np.float64, n, elements=st.floats())), draw(arrays(np.float32, n, elements=FLOATS32))
    )  # fmt: skip


@st.composite
def tracks(draw: st.DrawFn, source: str) -> Tracks:
    """Any snapshots."""
    vehicles = draw(COUNTS)
    n, v = len(vehicles), sum(vehicles)
    return Tracks(
        source, draw(arrays(np.int32, n)), draw(arrays(np.float64, n, elements=st.floats())), np.array(vehicles, np.int32),
        draw(arrays(np.int32, v)), draw(arrays(np.int32, v)),
        draw(arrays(np.float32, v, elements=FLOATS32)), draw(arrays(np.float32, v, elements=FLOATS32)),
    )  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_what_was_encoded_is_decoded(data: st.DataObject) -> None:
    sent = data.draw(samples())
    views = data.draw(tracks(sent.source))
    key = data.draw(st.integers(0, 2**64 - 1))
    found = frame.decode(frame.encode(sent, views, key))
    assert (found.source, found.key) == (sent.source, key)
    pairs = zip(frame.columns_of(found.samples, found.tracks), frame.columns_of(sent, views), strict=True)
    assert all(a.tobytes() == b.tobytes() and a.dtype == b.dtype for a, b in pairs)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.booleans())
def test_other_bytes_are_one_error(data: bytes, begins_well: bool) -> None:
    with pytest.raises(IntakeError):
        frame.decode(frame.MAGIC + struct.pack("<H", frame.VERSION) + data if begins_well else data)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_anywhere_is_noticed(at: int, change: int) -> None:
    data = bytearray(sent())
    data[at % len(data)] ^= change
    with pytest.raises(IntakeError):
        frame.decode(data)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.tuples(*[st.integers(0, 2**32 - 1) | st.integers(0, 9)] * 3), st.integers(0, 2**16 - 1) | st.integers(1, 9), st.binary(max_size=150)
)
def test_a_head_that_promises_anything_with_a_right_check_sum_is_held_to_it(sizes: tuple[int, int, int], name: int, body: bytes) -> None:
    head = frame.HEAD.pack(frame.MAGIC, frame.VERSION, name, 0, *sizes, 0)
    data = head[:-4] + struct.pack("<I", zlib.crc32(body, zlib.crc32(head))) + body
    try:
        found = frame.decode(data)
    except IntakeError:
        return
    assert (len(found.samples), len(found.tracks), len(found.tracks.lane)) == sizes


def sent() -> bytes:
    """Some frame."""
    return frame.encode(Samples("loops", np.arange(3, dtype=np.int32), np.arange(3.0), np.ones(3, np.float32)))


@pytest.mark.parametrize("number", range(len(sent())))
def test_a_cut_frame_is_none(number: int) -> None:
    with pytest.raises(IntakeError, match="frame of"):
        frame.decode(sent()[:number])


def test_a_frame_that_promises_too_much_is_refused_before_any_memory_is_taken() -> None:
    head = frame.HEAD.pack(frame.MAGIC, frame.VERSION, 5, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1, 0)
    tracemalloc.start()
    try:
        with pytest.raises(IntakeError, match="frame of 4294967295 samples; expected at most 1048576"):
            frame.decode(head + b"loops\0\0\0")
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_more_than_a_taker_allows_is_not_sent(sampled: Callable[..., Samples]) -> None:
    many = sampled([0], 0.0, 0.0)
    wide = Samples("loops", np.resize(many.sensor, 2**20 + 1), np.resize(many.at_s, 2**20 + 1), np.resize(many.value, 2**20 + 1))
    with pytest.raises(IntakeError, match="expected at most 1048576"):
        frame.encode(wide)


def test_one_frame_is_of_one_source(sampled: Callable[..., Samples], tracked: Callable[..., Tracks]) -> None:
    with pytest.raises(IntakeError, match="two sources, loops and cameras"):
        frame.encode(sampled([0], 0.0, 0.0), tracked(0.0, {0: []}))
    assert frame.decode(frame.encode_tracks(tracked(0.0, {0: []}), 7)).source == "cameras"

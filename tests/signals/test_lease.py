"""What passes between centre and controller: back as it went out, and one sentence for anything else."""

import json
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.errors import LinkError
from signals.lease import (
    MOST_BYTES,
    Ack,
    Lease,
    Status,
    content_id,
    decode_ack,
    decode_lease,
    decode_status,
    encode_ack,
    encode_lease,
    encode_status,
    lease_of,
)
from signals.types import Stage, TimingPlan

PLAN = TimingPlan("A0", (Stage(0, 12.0), Stage(2, 7.5)), 100.0, 130.0)
LEASE = lease_of("A0", PLAN, 3, 7, 100.25)
ACK = Ack("A0", 3, 7, "00ff", False, "epoch 3 is over; epoch 4 is the centre", 101.0)
STATUS = Status("A0", 101.0, "adaptive", 2, -1.5, (0.0, 12.0, 3.5), "rGy", 3, 7, "00ff", False)
DECODERS = {"lease": decode_lease, "ack": decode_ack, "status": decode_status}
SENT = {"lease": encode_lease(LEASE), "ack": encode_ack(ACK), "status": encode_status(STATUS)}
times = st.floats(allow_nan=False, allow_infinity=False)
stages = st.lists(st.builds(Stage, st.integers(0, 63), times), min_size=1, max_size=8).map(tuple)
plans = st.none() | st.builds(TimingPlan, st.just("A0"), stages, times, times, st.booleans(), times, times)


@given(plans, st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1), times)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_lease_arrives_as_it_was_sent(plan: TimingPlan | None, epoch: int, seq: int, sent_s: float) -> None:
    lease = lease_of("A0", plan, epoch, seq, sent_s)
    assert decode_lease(encode_lease(lease)) == lease


def test_acknowledgements_and_statuses_arrive_as_they_were_sent() -> None:
    assert decode_ack(encode_ack(ACK)) == ACK and decode_status(encode_status(STATUS)) == STATUS
    flashing = decode_status(encode_status(replace(STATUS, mode="flash", age_s=nan, latched=True)))
    assert flashing.latched and flashing.age_s != flashing.age_s


def test_the_content_id_names_what_is_shown_and_not_until_when() -> None:
    ours = content_id("A0", PLAN)
    assert ours == content_id("A0", replace(PLAN, valid_until_s=999.0))
    others = [
        replace(PLAN, starts_s=101.0), replace(PLAN, stages=PLAN.stages[:1]), replace(PLAN, stages=(Stage(0, 12.0), Stage(1, 7.5))),
        replace(PLAN, repeats=True), replace(PLAN, cycle_s=60.0), replace(PLAN, offset_s=1.0), None,
    ]  # fmt: skip
    names = {ours, content_id("B1", PLAN), *(content_id("A0", other) for other in others)}
    assert len(names) == 2 + len(others)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("lease", {"epoch": -1}, "lease: epoch is -1; expected a whole number"),
    ("lease", {"epoch": 2**53}, "expected a whole number from 0 to"),
    ("lease", {"seq": 1.0}, "lease: seq is 1.0"),
    ("lease", {"seq": True}, "lease: seq is True"),
    ("lease", {"signal": "x" * 300}, "expected a text of at most 256"),
    ("lease", {"content_id": "0" * 16}, "that of its plan"),
    ("lease", {"plan": []}, "expected an object"),
    ("lease", {"plan": {"stages": []}}, "missing"),
    ("lease", {"more": 1}, "'more' is unknown"),
    ("ack", {"accepted": 1}, "expected true or false"),
    ("ack", {"now_s": "soon"}, "expected a finite number"),
    ("status", {"mode": "dance"}, "expected one of adaptive, base, flash"),
    ("status", {"red_s": [0.0] * 300}, "a list of at most 256"),
    ("status", {"red_s": [None]}, "expected a finite number"),
    ("status", {"red_s": 7}, "a list of at most 256"),
]


@pytest.mark.parametrize(("kind", "change", "said"), WRONG, ids=[f"{w[0]} {w[2][:40]}" for w in WRONG])
def test_a_wrong_field_is_one_sentence(kind: str, change: dict[str, Any], said: str) -> None:
    payload = json.dumps({**json.loads(SENT[kind]), **change}).encode()
    with pytest.raises(LinkError, match=r"^" + kind) as caught:
        DECODERS[kind](payload)
    assert said in str(caught.value) and "\n" not in str(caught.value)


HOSTILE = {
    "nothing": b"", "no object": b"[1]", "half": SENT["lease"][:-9], "not text": b"\xff\xfe\x00", "deep": b"[" * 9000,
    "no number": b'{"now_s": NaN}', "thousands of digits": b"9" * 9000, "too long": b" " * (MOST_BYTES + 1), "null": b"null",
}  # fmt: skip


@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_one_sentence(kind: str, payload: bytes) -> None:
    with pytest.raises(LinkError) as caught:
        DECODERS[kind](payload)
    assert len(str(caught.value)) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["stages", "plan", "starts_s", "x"]), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(DECODERS)), st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_value_in_any_field_is_taken_or_is_one_sentence(kind: str, data: st.DataObject) -> None:
    table = json.loads(SENT[kind])
    table[data.draw(st.sampled_from(sorted(table)))] = data.draw(json_values)
    try:
        DECODERS[kind](json.dumps(table).encode())
    except LinkError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("plan", [replace(PLAN, valid_until_s=inf), replace(PLAN, starts_s=nan)])
def test_no_lease_is_for_ever(plan: TimingPlan) -> None:
    with pytest.raises(LinkError, match="lease of A0: a time in it is not finite"):
        encode_lease(lease_of("A0", plan, 1, 1, 0.0))


def test_a_lease_that_would_not_be_taken_is_not_sent() -> None:
    endless = replace(PLAN, stages=tuple(Stage(k % 2, 7.0) for k in range(4000)))
    with pytest.raises(LinkError, match=f"expected at most {MOST_BYTES}"):
        encode_lease(Lease("A0", 1, 1, "x", endless, 0.0))

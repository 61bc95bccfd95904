"""Records are found again by their own check sum, whatever lies between them; nothing else passes for one."""

import pytest

from citybrain.intake import log_record
from citybrain.intake.log_record import Bytes, found, head_of, salt_of, segment_head


def segment(payloads: list[bytes], salt: int = 5) -> bytes:
    """Records 0, 1, ... behind a head."""
    parts = [head_of(k, 10.0 + k, payload, salt) + payload for k, payload in enumerate(payloads)]
    return log_record.SEGMENT_HEAD.pack(log_record.SEGMENT_MAGIC, salt) + b"".join(parts)


def numbers(data: Bytes, salt: int = 5) -> list[int]:
    """Of the records that are found."""
    return [one.number for one in found(data, salt)]


def test_records_are_found_in_order_with_their_times_and_payloads() -> None:
    data = segment([b"a", b"", b"ccc"])
    assert [(one.number, one.now_s, data[one.payload : one.end]) for one in found(data, 5)] == [
        (0, 10.0, b"a"),
        (1, 11.0, b""),
        (2, 12.0, b"ccc"),
    ]


def test_a_damaged_record_is_passed_over_and_those_behind_it_are_found() -> None:
    whole = segment([b"aaaa", b"bbbb", b"cccc"])
    spans = [(one.start, one.end) for one in found(whole, 5)]
    for at in range(spans[1][0], spans[1][1]):
        data = bytearray(whole)
        data[at] ^= 0x40
        assert numbers(bytes(data)) == [0, 2]


def test_records_of_another_segment_and_doubled_ones_are_none() -> None:
    data = segment([b"a", b"b"])
    assert numbers(data, salt=6) == []
    assert numbers(data + data[log_record.SEGMENT_HEAD.size :]) == [0, 1]


def test_what_a_payload_holds_does_not_pass_for_a_record() -> None:
    planted = head_of(7, 0.0, b"x", salt=0) + b"x"
    data = bytearray(segment([planted, b"b"]))
    data[log_record.SEGMENT_HEAD.size] ^= 1
    assert numbers(bytes(data)) == [1]


@pytest.mark.parametrize("data", [b"", b"CBlog", b"x" * 100])
def test_what_does_not_begin_as_a_segment_has_no_salt(data: bytes) -> None:
    assert salt_of(data) is None


def test_each_segment_has_a_salt_of_its_own() -> None:
    heads = [segment_head() for _ in range(8)]
    assert [salt_of(head) for head, _ in heads] == [salt for _, salt in heads]
    assert len({salt for _, salt in heads}) > 1

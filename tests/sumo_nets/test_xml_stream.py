"""Claims about reading SUMO's XML files as a stream."""

import gzip
from pathlib import Path

import pytest

from signals.errors import ScenarioError
from sumo_nets.xml_stream import visit

ROOT = frozenset({"routes"})


def tags(path: Path) -> list[str]:
    seen: list[str] = []
    visit(path, lambda tag, _: seen.append(tag), ROOT)
    return seen


@pytest.mark.parametrize("name", ["demand.xml", "demand.xml.gz"])
def test_plain_and_compressed_files_read_the_same(tmp_path: Path, name: str) -> None:
    content = b'<?xml version="1.0" encoding="UTF-8"?><routes><trip id="a"/><vehicle><route edges="x"/></vehicle></routes>'
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert tags(path) == ["routes", "trip", "vehicle", "route"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xml", b"<routes>\n<trip>\n</routes>\n", r"a\.xml, line 3: not well-formed XML \(mismatched tag\)"),
        ("a.xml", b"", "line 1: not well-formed XML"),
        ("a.xml", b"<net/>", r"begins with <net>, expected <routes>"),
        (
            "a.xml",
            b'<!DOCTYPE a [\n<!ENTITY b "c">]><routes>&b;</routes>',
            "line 2: a file with <!ENTITY b is not read",
        ),
        (
            "a.xml",
            b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><routes/>',
            "the foreign DTD http://example.org/a.dtd",
        ),
        ("a.xml.gz", b"<routes/>", "cannot be read"),
        ("a.xml.gz", gzip.compress(b"<routes>" + b" " * 5000 + b"</routes>", mtime=0)[:-12], "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_one_clear_error(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match=says):
        tags(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="there is no such file"):
        tags(tmp_path / "none.xml")
    with pytest.raises(ScenarioError, match="cannot be read"):
        tags(tmp_path)

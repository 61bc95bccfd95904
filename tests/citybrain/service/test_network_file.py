"""A large city's network is made once, by another process, and made anew when anything that it follows from has changed."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from citybrain.service import network_file
from citybrain.service.network_file import contents_of, key_of, known_contents, loaded, main, network_of, write
from signals.errors import ConfigError, ScenarioError
from signals.rules import RULES
from signals.types import Network
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

STREET = RULES["street"]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    file = tmp_path / "town.net.xml"
    file.write_bytes(scenario("grid_2x2").net.read_bytes())
    return file


@pytest.fixture
def network(net: Path) -> Network:
    return read_network(net, STREET)


def names(network: Network) -> list[str]:
    return [m.id for s in network.signals for m in s.movements]


def test_a_small_net_is_read_at_once_and_leaves_no_file(net: Path, tmp_path: Path) -> None:
    assert len(network_of(net, STREET, tmp_path / "state").signals) == 4
    assert not (tmp_path / "state").exists()


def test_a_large_net_is_read_once_by_another_process(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_file, "SMALL_BYTES", 0)
    folder = tmp_path / "state"
    found = network_of(net, STREET, folder)
    (file,) = folder.glob("network-*.npz")
    made = file.stat().st_mtime_ns
    assert found.name == "town.net" and names(found) == names(read_network(net, STREET))
    monkeypatch.setattr(network_file, "made_by_child", lambda *_: pytest.fail("made again"))
    assert names(network_of(net, STREET, folder)) == names(found) and file.stat().st_mtime_ns == made


def test_a_damaged_file_is_made_anew(net: Path, tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_file, "SMALL_BYTES", 0)
    file = tmp_path / f"network-{key_of(net, STREET, tmp_path)}.npz"
    file.write_bytes(b"PK\x03\x04 torn")
    monkeypatch.setattr(network_file, "made_by_child", lambda net, rules, file: write(network, file))
    assert names(network_of(net, STREET, tmp_path)) == names(network)


def test_every_bit_of_a_file_is_checked(tmp_path: Path, network: Network) -> None:
    file = tmp_path / "one.npz"
    write(network, file)
    whole = file.read_bytes()
    assert names(loaded(file, "town")) == names(network)
    for at in range(100, len(whole), len(whole) // 40):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        try:
            found = loaded(file, "town")
        except ConfigError:
            continue
        assert names(found) == names(network)  # only what the archive does not need was hit


@pytest.mark.parametrize("size", [0, 10, 1000])
def test_a_torn_or_missing_file_is_one_sentence(tmp_path: Path, network: Network, size: int) -> None:
    file = tmp_path / "one.npz"
    with pytest.raises(ConfigError, match="no network can be read from it"):
        loaded(file, "town")
    write(network, file)
    os.truncate(file, size)
    with pytest.raises(ConfigError, match="no network can be read from it"):
        loaded(file, "town")


def test_the_key_follows_the_net_and_the_rules(net: Path, tmp_path: Path) -> None:
    key = key_of(net, STREET, tmp_path)
    assert key_of(net, STREET, tmp_path) == key and len(key) == 24
    assert key_of(net, replace(STREET, max_red_s=STREET.max_red_s + 1.0), tmp_path) != key
    net.write_bytes(net.read_bytes() + b"\n")
    assert key_of(net, STREET, tmp_path) != key


def test_an_untouched_net_is_not_read_again_and_a_touched_one_is(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "seen.json"
    monkeypatch.setattr(network_file, "SETTLED_NS", 0)
    contents = known_contents(net, note)
    assert contents == contents_of(net) and note.is_file()
    with monkeypatch.context() as blind:
        blind.setattr(network_file, "contents_of", lambda _: pytest.fail("read again"))
        assert known_contents(net, note) == contents
    times = net.stat().st_atime_ns, net.stat().st_mtime_ns
    net.write_bytes(net.read_bytes()[:-1] + b" ")  # as long as before, and its time put back
    os.utime(net, ns=times)
    assert known_contents(net, note) == contents_of(net) != contents


@pytest.mark.parametrize("noted", ["", "[]", "{", '{"stamp": 1}', '{"stamp": [], "sha256": "x"}'])
def test_a_note_that_is_none_or_of_a_file_just_changed_is_not_gone_by(net: Path, tmp_path: Path, noted: str) -> None:
    note = tmp_path / "seen.json"
    note.write_text(noted)
    net.touch()
    assert known_contents(net, note) == contents_of(net)
    assert note.read_text() == noted


def test_a_folder_that_takes_nothing_is_an_error_and_leaves_nothing(tmp_path: Path, network: Network) -> None:
    (tmp_path / "full").write_text("a file, no folder")
    with pytest.raises(ConfigError, match="cannot be written"):
        write(network, tmp_path / "full" / "one.npz")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".network")] == []


@pytest.mark.parametrize(("text", "said"), [(None, "no such network file"), ("<net>", "not a readable SUMO network")])
def test_what_is_no_net_is_told_in_the_reader_s_words(tmp_path: Path, text: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_file, "SMALL_BYTES", 0)
    net = tmp_path / "odd.net.xml"
    if text is not None:
        net.write_text(text)
    with pytest.raises(ScenarioError, match=said):
        network_of(net, STREET, tmp_path)


def test_the_other_process_says_what_is_wrong_and_ends_with_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Order:
        def read(self) -> str:
            rules = {f: getattr(STREET, f) for f in STREET.__slots__}
            return network_file.json.dumps({"net": str(tmp_path / "none.xml"), "rules": rules, "file": str(tmp_path / "x.npz")})

    monkeypatch.setattr(network_file.sys, "stdin", Order())
    assert main() == 2
    assert "no such network file" in capsys.readouterr().err

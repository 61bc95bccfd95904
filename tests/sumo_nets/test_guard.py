"""Claims about the guard: whole messages both ways, and a goodbye to SUMO whenever its client is gone."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import sumo_nets.guard as module
from sumo_nets.guard import GOODBYE, exactly, main, message, pass_on, take_leave

ROOT = Path(module.__file__).parents[1]
STEP = struct.pack("!iBBd", 14, 10, 0x02, 0.0)
ANSWER = struct.pack("!iBBBi", 11, 7, 0x02, 0, 0)
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def client() -> Iterator[Pair]:
    """Our end, and the guard's end of the client's connection."""
    ours, guards = socket.socketpair()
    with ours, guards:
        ours.settimeout(5.0)
        yield ours, guards


@pytest.fixture
def sumo() -> Iterator[Pair]:
    """Our end, and the guard's end of SUMO's connection."""
    ours, guards = socket.socketpair()
    with ours, guards:
        ours.settimeout(5.0)
        yield ours, guards


@pytest.fixture
def carrying(client: Pair, sumo: Pair) -> Iterator[threading.Thread]:
    """A guard at work between the two."""
    thread = threading.Thread(target=pass_on, args=(client[1], sumo[1]))
    thread.start()
    yield thread
    for end in (client[0], sumo[0]):
        end.close()
    thread.join(5.0)


def test_a_message_comes_whole_though_it_was_sent_in_pieces(client: Pair) -> None:
    ours, guards = client
    for byte in STEP:
        ours.sendall(bytes([byte]))
    assert message(guards) == STEP
    ours.sendall(STEP[:9])
    ours.close()
    assert message(guards) is None


def test_no_bytes_are_asked_of_nobody(client: Pair) -> None:
    assert exactly(client[1], 0) == b""


def test_messages_pass_both_ways_unchanged(client: Pair, sumo: Pair, carrying: threading.Thread) -> None:
    for _ in range(3):
        client[0].sendall(STEP)
        assert message(sumo[0]) == STEP
        sumo[0].sendall(ANSWER)
        assert message(client[0]) == ANSWER
    assert carrying.is_alive()


def test_a_client_that_vanishes_between_messages_gets_its_goodbye_said(client: Pair, sumo: Pair, carrying: threading.Thread) -> None:
    client[0].close()
    assert message(sumo[0]) == GOODBYE
    sumo[0].sendall(ANSWER)
    carrying.join(5.0)
    assert not carrying.is_alive()


def test_the_goodbye_waits_for_the_answer_that_is_due(client: Pair, sumo: Pair, carrying: threading.Thread) -> None:
    client[0].sendall(STEP)
    assert message(sumo[0]) == STEP
    client[0].close()
    sumo[0].settimeout(0.2)
    assert message(sumo[0]) is None
    sumo[0].settimeout(5.0)
    sumo[0].sendall(ANSWER)
    assert message(sumo[0]) == GOODBYE
    sumo[0].sendall(ANSWER)
    carrying.join(5.0)
    assert not carrying.is_alive()


def test_a_command_cut_short_by_death_never_reaches_sumo(client: Pair, sumo: Pair, carrying: threading.Thread) -> None:
    client[0].sendall(STEP[:7])
    client[0].close()
    assert message(sumo[0]) == GOODBYE


def test_when_sumo_is_gone_the_guard_ends(client: Pair, sumo: Pair, carrying: threading.Thread) -> None:
    sumo[0].close()
    carrying.join(5.0)
    assert not carrying.is_alive()


def test_leave_of_a_sumo_that_is_gone_is_taken_in_silence(sumo: Pair) -> None:
    sumo[0].close()
    take_leave(sumo[1])
    take_leave(sumo[1], due=1)


def test_where_no_sumo_listens_the_guard_says_so_and_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        main("127.0.0.1", port)
    done = started("127.0.0.1", str(port))
    out, _ = done.communicate(timeout=20.0)
    assert "refused" in out
    assert done.returncode == 1


def test_a_client_that_never_comes_gets_its_goodbye_said() -> None:
    impatient = "import sys, sumo_nets.guard as g; g.CLIENT_LIMIT_S = 0.2; g.main('127.0.0.1', int(sys.argv[1]))"
    with socket.create_server(("127.0.0.1", 0)) as server:
        guard = subprocess.Popen(
            [sys.executable, "-c", impatient, str(server.getsockname()[1])],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        sumo, _ = server.accept()
        with sumo:
            sumo.settimeout(10.0)
            assert message(sumo) == GOODBYE
            sumo.sendall(ANSWER)
            _, said = guard.communicate(timeout=10.0)
    assert b"timed out" in said
    assert guard.returncode == 1


def test_a_guard_outlives_its_killed_client_and_ends_after_the_goodbye() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        guard = started("127.0.0.1", str(server.getsockname()[1]))
        sumo, _ = server.accept()
        with sumo:
            sumo.settimeout(10.0)
            port = (guard.stdout.readline() if guard.stdout is not None else "").strip()
            connect = f"import socket, time; s = socket.create_connection(('127.0.0.1', {port})); print(); time.sleep(60)"
            client = subprocess.Popen([sys.executable, "-u", "-c", connect], stdout=subprocess.PIPE)
            with client.stdout or contextlib.nullcontext() as connected:
                assert connected is not None
                assert connected.readline()
            # Ctrl-C is meant for the client: the guard goes on.
            guard.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                guard.wait(0.3)
            client.kill()
            client.wait()
            assert message(sumo) == GOODBYE
            sumo.sendall(ANSWER)
            guard.communicate(timeout=10.0)
            assert guard.returncode == 0


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sumo_nets.guard", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

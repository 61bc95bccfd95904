"""A guard between us and a SUMO of others: when our process is killed, it takes our leave from SUMO in due form.

SUMO ends itself, with everybody's simulation, when the connection of one TraCI client breaks. So the client's socket to SUMO is
held by this small process of its own; it passes on whole messages, and when its client vanishes it lets the answer that is due
arrive and says goodbye. The signals then go on with the programs that were pushed last.
`python -m sumo_nets.guard HOST PORT` prints the port it listens on, serves one client, and ends.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import struct
import sys

GOODBYE = struct.pack("!iBB", 6, 2, 0x7F)
ANSWER_LIMIT_S = 60.0
CLIENT_LIMIT_S = 10.0


def message(sock: socket.socket) -> bytes | None:
    """One whole TraCI message with its length in front; None when the other side is gone."""
    head = exactly(sock, 4)
    if head is None:
        return None
    body = exactly(sock, struct.unpack("!i", head)[0] - 4)
    return None if body is None else head + body


def exactly(sock: socket.socket, count: int) -> bytes | None:
    """So many bytes, or None when the other side is gone first."""
    data = b""
    while len(data) < count:
        try:
            more = sock.recv(count - len(data))
        except OSError:
            return None
        if not more:
            return None
        data += more
    return data


def pass_on(client: socket.socket, sumo: socket.socket) -> None:
    """Carry messages both ways until one side is gone; take leave from SUMO if it is the client."""
    due = 0
    while True:
        readable, _, _ = select.select([client, sumo], [], [])
        if sumo in readable:
            answer = message(sumo)
            if answer is None:
                return
            due = max(due - 1, 0)
            try:
                client.sendall(answer)
            except OSError:
                break
        elif client in readable:
            command = message(client)
            if command is None:
                break
            try:
                sumo.sendall(command)
            except OSError:
                return
            due += 1
    take_leave(sumo, due)


def take_leave(sumo: socket.socket, due: int = 0) -> None:
    """Let the answers that are due arrive, then say goodbye; nothing where SUMO is gone as well."""
    # A step may be due for as long as the other clients, or a person at sumo-gui, take their time: no limit here.
    for _ in range(due):
        if message(sumo) is None:
            return
    sumo.settimeout(ANSWER_LIMIT_S)
    try:
        sumo.sendall(GOODBYE)
        message(sumo)
    except OSError:
        return


def main(host: str, port: int) -> None:
    """Connect to SUMO first, then listen for our one client on the loopback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the client; the guard ends when the client has
    with socket.create_connection((host, port), timeout=5.0) as sumo, socket.create_server(("127.0.0.1", 0)) as server:
        sumo.settimeout(None)
        sumo.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sumo.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sys.stdout.write(f"{server.getsockname()[1]}\n")
            sys.stdout.flush()
            server.settimeout(CLIENT_LIMIT_S)
            client, _ = server.accept()
        except OSError:  # our client is gone before it came, killed perhaps
            take_leave(sumo)
            raise
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pass_on(client, sumo)


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except OSError as error:
        with contextlib.suppress(OSError):  # nobody may be left to read it
            sys.stdout.write(f"{error}\n")
            sys.stdout.flush()
        sys.exit(1)

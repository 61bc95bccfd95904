"""Claims about one service a store: whatever cuts the line between them, two never write."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from citybrain.service import audit, pg
from citybrain.service.claim import SIGNED, Lock
from citybrain.service.store import Store, TakenOver
from signals.errors import ConfigError

KILL = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = {claim}"


class Service:
    """What of a service writes: a lock, and two connections."""

    def __init__(self, folder: Path, url: str) -> None:
        with ExitStack() as closing:
            self.lock = Lock(folder / "lock", url)
            closing.callback(self.lock.release)
            self.stores = [closing.enter_context(Store(url, durable=durable, holder=self.lock)) for durable in (True, False)]
            self.lock.sign(self.stores[0])
            self.closing = closing.pop_all()

    def write(self, who: str, by: int = 0) -> None:
        with self.stores[by].transaction() as db:
            audit.append(db, who, "lift", {}, "done", 1.0)


@pytest.fixture
def services() -> Iterator[Any]:
    """`services(folder, url)` begins one; all of them are ended."""
    with ExitStack() as closing:

        def begin(folder: Path, url: str) -> Service:
            one = Service(folder, url)
            closing.callback(one.closing.close)
            return one

        yield begin


def cut(url: str) -> None:
    """End the session that holds the claim, as a router that is switched off would."""
    admin = pg.Connection(url, durable=True)
    assert admin.execute(KILL.format(claim=pg.CLAIM)).fetchall() == [(True,)]
    until_s = time.monotonic() + 10.0
    while admin.execute(f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = {pg.CLAIM}").fetchone():
        assert time.monotonic() < until_s
        time.sleep(0.01)
    admin.close()


def writers(url: str) -> list[str]:
    """Who has written, in order."""
    with Store(url, durable=False) as store:
        assert audit.judged(store.db, None).first_bad is None
        return [one["who"] for one in audit.records(store.db)]


def test_two_services_on_one_folder_are_one_too_many(tmp_path: Path) -> None:
    first = Lock(tmp_path / "lock")
    with pytest.raises(ConfigError, match=f"process {os.getpid()}"):
        Lock(tmp_path / "lock")
    first.release()
    Lock(tmp_path / "lock").release()


def test_a_lock_on_a_file_needs_no_word_in_the_store(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    with Store(tmp_path / "city.db", durable=True, holder=lock) as store:
        lock.sign(store)
        with store.transaction() as db:
            audit.append(db, "ada", "lift", {}, "done", 1.0)
        assert store.state(SIGNED) is None
    lock.release()


def test_a_claim_that_a_cut_line_ended_is_taken_again_before_anything_is_written(services: Any, url: str, tmp_path: Path) -> None:
    first = services(tmp_path / "a", url)
    first.write("first")
    for by in (0, 1):
        cut(url)
        first.write("first", by)
        with pytest.raises(ConfigError, match="another service works on this store"):
            services(tmp_path / "b", url)
    assert writers(url) == ["first"] * 3


def test_a_service_whose_store_was_taken_over_writes_nothing_more_by_any_of_its_connections(
    services: Any, url: str, tmp_path: Path
) -> None:
    first = services(tmp_path / "a", url)
    first.write("first")
    cut(url)
    second = services(tmp_path / "b", url)
    for by in (0, 1, 0):
        with pytest.raises(TakenOver, match="another service has taken over this store; this one stands down"):
            first.write("first", by)
        second.write("second", by)
    assert writers(url) == ["first", "second", "second", "second"]


def test_a_store_that_was_another_s_for_a_while_is_not_written_to_from_what_was_known_before(
    services: Any, url: str, tmp_path: Path
) -> None:
    first = services(tmp_path / "a", url)
    cut(url)
    second = services(tmp_path / "b", url)
    second.write("second")
    second.closing.close()
    with pytest.raises(TakenOver):
        first.write("first")
    assert writers(url) == ["second"]
    services(tmp_path / "b", url).write("third")


def test_who_has_the_claim_and_has_not_signed_yet_is_given_way(services: Any, url: str, tmp_path: Path) -> None:
    first = services(tmp_path / "a", url)
    cut(url)
    other = Lock(tmp_path / "b" / "lock", url)
    with pytest.raises(TakenOver):
        first.write("first")
    other.release()
    assert writers(url) == []


def test_a_server_that_was_started_again_is_claimed_again(
    services: Any, server: Any, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg, "AGAIN_S", 0.0)
    first = services(tmp_path / "a", url)
    server.kill()
    for _ in range(2):
        with pytest.raises(ConfigError, match="nothing was written"):
            first.write("first")
    server.start()
    first.write("first")
    with pytest.raises(ConfigError, match="another service works on this store"):
        services(tmp_path / "b", url)
    assert writers(url) == ["first"]


def test_of_services_that_fight_for_a_store_while_lines_are_cut_each_writes_in_one_piece(services: Any, url: str, tmp_path: Path) -> None:
    """Whoever was taken over begins anew, as systemd would have it: in the trail, no one ever writes after somebody else has begun."""
    stop, errors = threading.Event(), list[BaseException]()

    def work(name: str) -> None:
        life = 0
        try:
            while not stop.is_set():
                try:
                    one = Service(tmp_path / name, url)
                except ConfigError:
                    time.sleep(0.005)
                    continue
                life += 1
                try:
                    while not stop.is_set():
                        one.write(f"{name}{life}", life % 2)
                        time.sleep(0.002)
                except (TakenOver, ConfigError):
                    pass
                finally:
                    one.closing.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for one in threads:
        one.start()
    admin = pg.Connection(url, durable=True)
    for _ in range(12):
        time.sleep(0.1)
        admin.execute(KILL.format(claim=pg.CLAIM))
    stop.set()
    for one in threads:
        one.join()
    admin.close()
    wrote = writers(url)
    turns = [who for k, who in enumerate(wrote) if k == 0 or wrote[k - 1] != who]
    assert not errors and len(turns) == len(set(turns)), "nobody wrote again after another had"

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forecasting import store
from forecasting.history import FlowHistory
from forecasting.models import fit_forecaster
from forecasting.succession import (
    CHALLENGER,
    CHAMPION,
    CHANGE,
    FITTING,
    FOUNDED,
    JOURNAL,
    KEPT,
    LOCK,
    PREVIOUS,
    PROMOTED,
    ROLLED_BACK,
    conclude,
    forecaster_in,
    held,
    is_founded,
    journal,
    roll_back,
    seated,
)
from signals.errors import ForecastError

KILLED = 77
STEPS = ("rename", "replace", "fsync", "unlink", "rmdir", "write")


@pytest.fixture(scope="module")
def stored(site: FlowHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stored forecasters of 5, 6, 7 and 8 days."""
    folder = tmp_path_factory.mktemp("stored")
    for days in (5, 6, 7, 8):
        history = site.between(0, days * 96)
        about: dict[str, object] = {"span": f"{history.time(0)} to {history.time(history.bins)}"}
        store.save(fit_forecaster(history, "last"), folder / str(days), about)
    return folder


def put(folder: Path, stored: Path, days: int) -> None:
    shutil.copytree(stored / str(days), folder / FITTING, dirs_exist_ok=True)


def happens(folder: Path, event: str, stored: Path, days: int = 5) -> None:
    if event == ROLLED_BACK:
        roll_back(folder, "later")
    else:
        put(folder, stored, days)
        conclude(folder, event, "then", f"last, {days} days", {}, f"{event} {days}")


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> Path:
    """Champion of 6 days, previous of 5, challenger of 7."""
    for event, days in ((FOUNDED, 5), (PROMOTED, 6), (KEPT, 7)):
        happens(tmp_path, event, stored, days)
    return tmp_path


def days_of(folder: Path) -> dict[str, int]:
    """How many days each of the three was fitted to."""
    found = {}
    for name in (CHAMPION, PREVIOUS, CHALLENGER):
        if (folder / name).exists():
            store.load(folder / name)
            found[name] = int(str(store.fitted_until(folder / name))[8:10]) - 1
    return found


AFTER: dict[str, dict[str, int]] = {
    PROMOTED: {CHAMPION: 8, PREVIOUS: 6},
    KEPT: {CHAMPION: 6, PREVIOUS: 5, CHALLENGER: 8},
    ROLLED_BACK: {CHAMPION: 5, CHALLENGER: 6},
}


@pytest.mark.parametrize("event", AFTER)
def test_each_event_puts_everyone_in_his_place(event: str, folder: Path, stored: Path) -> None:
    assert days_of(folder) == {CHAMPION: 6, PREVIOUS: 5, CHALLENGER: 7}
    happens(folder, event, stored, 8)
    assert days_of(folder) == AFTER[event]
    assert [one.event for one in journal(folder)] == [FOUNDED, PROMOTED, KEPT, event]
    assert [one.number for one in journal(folder)] == [1, 2, 3, 4]
    assert journal(folder)[-1].champion == seated(folder).title
    assert {one.name for one in folder.iterdir()} == {*AFTER[event], JOURNAL, LOCK}


def in_child(job: Callable[[], None], prepare: Callable[[], None]) -> int:
    """Exit code of a child that does the job after `prepare`; 0 where it came to its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            prepare()
            job()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(step: int) -> None:
    """From now on this process dies before its `step`-th change of the disk."""
    left = step

    def deadly(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(KILLED)
            return real(*args, **options)

        return call

    for name in STEPS:
        setattr(os, name, deadly(name))


@pytest.mark.parametrize("event", AFTER)
def test_killed_at_any_step_it_comes_back_whole(event: str, folder: Path, stored: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = days_of(folder)
    codes, outcomes = [], []
    for step in range(100):
        again = tmp_path_factory.mktemp("again") / "folder"
        shutil.copytree(folder, again)
        if event != ROLLED_BACK:
            put(again, stored, 8)

        def job(here: Path = again) -> None:
            if event == ROLLED_BACK:
                roll_back(here, "later")
            else:
                conclude(here, event, "then", "last, 8 days", {}, event)

        codes.append(in_child(job, lambda at=step: killed_at(at)))  # type: ignore[misc]
        happened = len(journal(again)) == 4
        outcomes.append(happened)
        assert days_of(again) == (AFTER[event] if happened else before)
        assert journal(again)[-1].champion == seated(again).title
        assert not [one for one in again.iterdir() if one.name.startswith(".gone")]
        # And it works on.
        happens(again, PROMOTED, stored, 7)
        assert days_of(again)[CHAMPION] == 7
        if codes[-1] == 0:
            break
    assert codes[-1] == 0 and len(codes) > 6 and set(codes[:-1]) == {KILLED}
    assert outcomes == sorted(outcomes) and not outcomes[0] and outcomes[-1]


def test_a_killed_first_champion_is_none_or_whole(stored: Path, tmp_path: Path) -> None:
    for step in range(8):
        folder = tmp_path / str(step)
        put(folder, stored, 5)

        def job(here: Path = folder) -> None:
            conclude(here, FOUNDED, "", "", {}, "")

        in_child(job, lambda at=step: killed_at(at))  # type: ignore[misc]
        assert is_founded(folder) == (len(journal(folder)) == 1)


def test_a_line_that_was_cut_short_does_not_count(folder: Path, stored: Path) -> None:
    with (folder / JOURNAL).open("a") as out:
        out.write('{"number": 4, "at"')
    assert len(journal(folder)) == 3
    happens(folder, KEPT, stored, 8)
    assert [one.number for one in journal(folder)] == [1, 2, 3, 4]


def test_a_broken_line_in_the_midst_is_one_sentence(folder: Path) -> None:
    lines = (folder / JOURNAL).read_text().split("\n")
    (folder / JOURNAL).write_text("\n".join([lines[0], json.dumps({"number": 2}), *lines[2:]]))
    with pytest.raises(ForecastError, match=r"upkeep\.jsonl: line 2 is no record"):
        journal(folder)


def test_a_change_that_cannot_be_finished_is_one_sentence(folder: Path) -> None:
    (folder / CHANGE).write_text(json.dumps({"moves": [["nobody", "nowhere"]], "record": {"number": 4}}))
    with pytest.raises(ForecastError, match=r"the change in \.change\.json cannot be finished"):
        seated(folder)


def test_a_folder_is_a_champions_or_a_single_forecasters(folder: Path, stored: Path) -> None:
    for place in (folder, folder / CHAMPION, stored / "6"):
        found = forecaster_in(place)
        assert found.name == "last" and found.detectors == ("A", "B", "C", "D")


def test_there_is_one_way_back_only(folder: Path) -> None:
    roll_back(folder, "now")
    with pytest.raises(ForecastError, match="there is no previous champion"):
        roll_back(folder, "now")


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="no folder of a champion that can be written"):
        seated(tmp_path / "none")
    with pytest.raises(ForecastError, match="there is no champion in it"):
        seated(tmp_path)


def test_a_lock_lasts_as_long_as_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held(path, wait=False), pytest.raises(ForecastError, match="another refit is under way"), held(path, wait=False):
        pass
    with held(path, wait=False):
        pass

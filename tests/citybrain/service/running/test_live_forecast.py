"""The forecaster's upkeep in a service: bins of a real intake, a champion in a folder, promotions, roll-backs, kills and late counts."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from citybrain.forecasts import movement_names
from citybrain.intake.batch import Int32s, Samples
from citybrain.intake.catalogue import CODE, Catalogue, Kind
from citybrain.intake.group_commit import GroupCommit
from citybrain.intake.intake import Intake
from citybrain.intake.sample_log import SampleLog
from citybrain.service.alarms import Alarms
from citybrain.service.demo import DemoSpec, write_settings
from citybrain.service.forecasters import Forecasters, live_forecast
from citybrain.service.live_forecast import forecast_figures
from citybrain.service.serving import Serving
from citybrain.service.settings import KeepSettings, PlanSettings, city_settings
from citybrain.service.street import Stepped
from forecasting import count_book, store
from forecasting.city_voice import PartForecaster
from forecasting.history import FlowHistory
from forecasting.models import fit_forecaster
from forecasting.succession import CHAMPION, FITTING, FOUNDED, PROMOTED, conclude
from forecasting.upkeep import Wanted, keep_up, roll_back
from signals.errors import ForecastError
from signals.types import Floats, Network, Observation
from sumo_nets.scenario import check, scenario
from sumo_nets.session import start

BIN_S, STEP_S = 900.0, 300.0
MONDAY = np.datetime64("2024-04-01T00:00", "s")
FITTED = 14 * 96  # bins of the days that the champion was founded on


@pytest.fixture(scope="session")
def two(line: Network) -> Network:
    """Two signals: enough of a city."""
    return Network("two", line.signals[:2])


@pytest.fixture(scope="session")
def days(two: Network) -> FlowHistory:
    """Three weeks of it."""
    names = movement_names(two)
    hour = np.arange(21 * 96) / 4.0 % 24.0
    shape = 0.2 + np.exp(-((hour - 8.0) ** 2) / 4.0) + np.exp(-((hour - 17.0) ** 2) / 6.0)
    counts_veh = np.random.default_rng(3).poisson(shape[:, None] * np.linspace(10.0, 40.0, len(names)))
    return FlowHistory(MONDAY, BIN_S, names, counts_veh.astype(np.float64))


@pytest.fixture(scope="session")
def once_founded(days: FlowHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("founded")
    keep_up(folder, days.between(0, FITTED), Wanted("", "last"))
    return folder


@pytest.fixture(scope="session")
def better(once_founded: Path, days: FlowHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a refit has made of the same weeks."""
    folder = Path(shutil.copytree(once_founded, tmp_path_factory.mktemp("better") / "kept"))
    record = keep_up(folder, days.between(0, FITTED), Wanted("", "residual"))
    assert record.event == PROMOTED, record.sentence
    return folder / CHAMPION


def promote(folder: Path, better: Path) -> None:
    """As the end of a refit does."""
    shutil.copytree(better, folder / FITTING)
    conclude(folder, PROMOTED, "", "residual", {}, "it gains")


@pytest.fixture
def folder(once_founded: Path, tmp_path: Path) -> Path:
    """A folder whose champion repeats the last value, founded on the first two weeks."""
    return Path(shutil.copytree(once_founded, tmp_path / "kept"))


class Service:
    """What a service has of the forecaster's upkeep, ticked by hand. Its street's clock is Unix time in London."""

    def __init__(self, network: Network, folder: Path, state: Path, plan: PlanSettings | None = None) -> None:
        self.plan = PlanSettings(forecast=str(folder), zone="Europe/London") if plan is None else plan
        self.catalogue, self.now_s = Catalogue.of(network), float("nan")
        self.sensors = np.flatnonzero(self.catalogue.kind == CODE[Kind.COUNT]).astype(np.int32)
        self.log = SampleLog(state / "samples")
        self.commits = GroupCommit(self.log)
        self.forecasters = Forecasters(self.plan, network)
        self.intake = Intake(network, self.catalogue, lambda: self.now_s, self.commits)
        self.live = live_forecast(self.forecasters, self.intake, self.log, lambda: self.now_s, KeepSettings(state))
        self.parts = [self.forecasters.make(Network("", (one,))) for one in network.signals]
        self.alarms = Alarms(network)
        self.unheard = self.muted = 0
        self._columns = [np.array([m.id for m in one.movements]) for one in network.signals]

    def run(self, from_s: float, days: FlowHistory, first: int, last: int) -> None:
        """The street counts the bins first to last - 1 of a table, the first of them from `from_s` on; a tick every five minutes."""
        place = {name: k for k, name in enumerate(days.detectors)}
        for k in range(first, last):
            row = days.counts_veh[k]
            for end_s in np.arange(STEP_S, BIN_S + 1.0, STEP_S):
                self.now_s = from_s + (k - first) * BIN_S + end_s
                self.count(row, self.now_s, self.sensors[self.muted :])
                for part, own in zip(self.parts, self._columns, strict=True):
                    said = part.update(self.now_s, row[[place[name] for name in own]] * STEP_S / BIN_S)
                    self.unheard += said is None and isinstance(part, PartForecaster)
                self.live.step()
                self.live.report(self.alarms, self.now_s)

    def count(self, bin_veh: Floats, until_s: float, sensors: Int32s) -> None:
        """Five minutes' samples of these sensors, one a second, of a bin's counts [movement]."""
        movement = self.catalogue.link_movement[np.searchsorted(self.catalogue.link_sensor, sensors)]
        seconds = round(STEP_S)
        at_s = np.repeat(np.arange(1.0 - seconds, 1.0) + until_s, len(sensors))
        value = np.tile(bin_veh[movement] / BIN_S, seconds).astype(np.float32)
        self.intake.take(Samples("loops", np.tile(sensors, seconds), at_s, value))

    def killed(self) -> None:
        """No last word: only the disk knows."""
        self.commits.close()
        self.log.close()

    def stopped(self) -> None:
        """In order."""
        self.live.stop()
        self.killed()


def unix_s(days: FlowHistory, k: int) -> float:
    """When the bin k of the table begins: London is an hour ahead of UTC in April."""
    return float(days.time(k).astype(np.int64)) - 3600.0


@pytest.fixture
def service(two: Network, folder: Path, tmp_path: Path) -> Iterator[Service]:
    one = Service(two, folder, tmp_path / "state")
    yield one
    one.killed()


def test_bins_that_the_service_measures_are_written_down_for_the_refit_and_led_through(service: Service, days: FlowHistory) -> None:
    service.run(unix_s(days, FITTED), days, FITTED, FITTED + 4)
    book = count_book.read(service.live._book.folder)
    assert book.detectors == days.detectors and book.time(book.bins) == days.time(FITTED + 4)
    watched = np.isfinite(book.counts_veh[-1])
    assert watched.sum() == len(service.sensors)
    np.testing.assert_allclose(book.counts_veh[-4:, watched], days.counts_veh[FITTED : FITTED + 4, watched], rtol=1e-4)
    follower = service.forecasters.voice.follower if service.forecasters.voice is not None else None
    assert follower is not None and follower.next_at == days.time(FITTED + 4)
    standing = service.live.standing
    assert standing.champion.startswith("last fitted until") and standing.trouble == ""
    assert "knows the counts until" in standing.sentence
    assert service.unheard <= 2 * len(service.parts)  # before the first word


def test_a_promoted_champion_is_gone_over_to_in_the_running_service_and_a_rolled_back_one_too(
    service: Service, folder: Path, better: Path, days: FlowHistory
) -> None:
    service.run(unix_s(days, FITTED), days, FITTED, FITTED + 2)
    service.unheard = 0
    promote(folder, better)
    service.run(unix_s(days, FITTED + 2), days, FITTED + 2, FITTED + 4)
    standing = service.live.standing
    assert standing.champion.startswith("residual") and standing.since_s > unix_s(days, FITTED + 2)
    said = service.parts[0].update(service.now_s, np.zeros(len(service.forecasters._network.signals[0].movements)))
    assert said is not None and "residual" in said.rung
    assert (folder / CHAMPION / "live.npz").is_file()
    roll_back(folder, "")
    service.run(unix_s(days, FITTED + 4), days, FITTED + 4, FITTED + 6)
    assert service.live.standing.champion.startswith("last")
    assert service.unheard == 0 and not service.alarms.as_json()


def test_late_counts_correct_the_book(service: Service, days: FlowHistory) -> None:
    service.run(unix_s(days, FITTED), days, FITTED, FITTED + 2)
    service.muted = 1  # the line of the first sensor is down for a quarter of an hour
    service.run(unix_s(days, FITTED + 2), days, FITTED + 2, FITTED + 3)
    movement = service.catalogue.link_movement[service.catalogue.link_sensor == service.sensors[0]][0]
    assert np.isnan(service.live._book.row(days.time(FITTED + 2))[movement])
    for k in range(3):
        service.count(days.counts_veh[FITTED + 2], unix_s(days, FITTED + 2) + STEP_S * (k + 1), service.sensors[:1])
    service.now_s += 30.0
    service.live.step()
    row = count_book.read(service.live._book.folder).counts_veh[-1]
    assert row[movement] == pytest.approx(days.counts_veh[FITTED + 2][movement])
    voice = service.forecasters.voice
    assert voice is not None and voice.follower.next_at == days.time(FITTED + 3)
    np.testing.assert_array_equal(voice.follower.log[-1], row.astype(np.float32))


@pytest.mark.parametrize("ends", ["killed", "stopped"])
def test_after_a_restart_it_goes_on_as_if_nothing_had_happened(
    ends: str, two: Network, folder: Path, days: FlowHistory, tmp_path: Path
) -> None:
    always = Service(two, Path(shutil.copytree(folder, tmp_path / "other")), tmp_path / "always")
    first = Service(two, folder, tmp_path / "state")
    for one in (always, first):
        one.run(unix_s(days, FITTED), days, FITTED, FITTED + 3)
    getattr(first, ends)()
    second = Service(two, folder, tmp_path / "state")
    try:
        for one in (always, second):
            one.run(unix_s(days, FITTED + 3), days, FITTED + 3, FITTED + 5)
        followers = [one.forecasters.voice.follower for one in (always, second) if one.forecasters.voice is not None]
        assert followers[0].next_at == followers[1].next_at == days.time(FITTED + 5)
        np.testing.assert_array_equal(followers[0].forecast().flow_veh_h, followers[1].forecast().flow_veh_h)
        np.testing.assert_array_equal(np.array(followers[0].log), np.array(followers[1].log))
        books = [count_book.read(one.live._book.folder).counts_veh for one in (always, second)]
        np.testing.assert_array_equal(books[0], books[1])
    finally:
        always.killed()
        second.killed()


def test_a_champion_that_cannot_be_read_is_an_alarm_and_the_last_minutes_speak_meanwhile(
    two: Network, folder: Path, days: FlowHistory, tmp_path: Path
) -> None:
    arrays = folder / CHAMPION / "arrays.npz"
    good = arrays.read_bytes()
    arrays.write_bytes(good[:100])
    service = Service(two, folder, tmp_path / "state")
    try:
        service.run(unix_s(days, FITTED), days, FITTED, FITTED + 1)
        (alarm,) = service.alarms.as_json()
        assert alarm["kind"] == "forecast" and "no arrays can be read" in alarm["sentence"]["en"]
        assert service.live.standing.champion.startswith("the last minutes")
        said = service.parts[0].update(service.now_s, np.zeros(len(two.signals[0].movements)))
        assert said is not None and "last" in said.rung
        assert dict((name, value) for name, _, _, _, value in forecast_figures(service.live.standing, service.now_s)) == {
            "citybrain_forecast_trouble": 1.0,
            "citybrain_forecast_champion_seconds": pytest.approx(service.now_s - service.live.standing.since_s),
        }
        arrays.write_bytes(good)
        service.run(unix_s(days, FITTED + 1), days, FITTED + 1, FITTED + 2)
        assert not service.alarms.as_json() and service.live.standing.champion.startswith("last fitted until")
    finally:
        service.killed()


def test_a_new_champion_that_is_broken_is_an_alarm_and_the_old_one_speaks_on(
    service: Service, folder: Path, better: Path, days: FlowHistory
) -> None:
    service.run(unix_s(days, FITTED), days, FITTED, FITTED + 1)
    promote(folder, better)
    (folder / CHAMPION / "live.npz").write_bytes(b"nothing")
    service.unheard = 0
    service.run(unix_s(days, FITTED + 1), days, FITTED + 1, FITTED + 3)
    assert [one["kind"] for one in service.alarms.as_json()] == ["forecast"]
    assert service.live.standing.champion.startswith("last") and service.unheard == 0


def test_a_thread_that_ends_for_a_reason_nobody_foresaw_is_an_alarm(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> float:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr(service.live, "_now_s", broken)
    service.live.start()
    assert until(lambda: service.live.standing.trouble != "", 5.0)
    service.live.report(service.alarms, 0.0)
    assert "nobody foresaw this" in service.alarms.as_json()[0]["sentence"]["en"]
    service.live.stop()


def test_the_hour_that_comes_twice_in_autumn_is_counted_once_and_the_one_that_is_skipped_in_spring_is_a_gap(
    two: Network, folder: Path, days: FlowHistory, tmp_path: Path
) -> None:
    found = {}
    for night, hours in (("2024-10-27", 4), ("2025-03-30", 3)):
        service = Service(two, folder, tmp_path / night)
        try:
            service.run(float(np.datetime64(f"{night}T00:00", "s").astype(np.int64)) - 3600.0 * (hours == 4), days, 0, 4 * hours + 1)
            history = count_book.read(service.live._book.folder)
            first = history.index(np.datetime64(night, "s"))
            found[night] = np.isfinite(history.counts_veh[first:, 0]) | np.isfinite(history.counts_veh[first:]).any(axis=1)
            assert service.live.standing.trouble == ""
        finally:
            service.killed()
    assert found["2024-10-27"][1:12].all()
    assert found["2025-03-30"][1:12].tolist() == [True] * 3 + [False] * 4 + [True] * 4


def test_without_a_kept_up_folder_counts_are_written_down_all_the_same(two: Network, days: FlowHistory, tmp_path: Path) -> None:
    service = Service(two, tmp_path, tmp_path / "state", PlanSettings(forecast="last", weekday=0))
    try:
        service.run(25_200.0, days, 0, 3)
        assert service.live.standing.sentence == "the mean of the last minutes speaks"
        history = count_book.read(tmp_path / "state" / "counts")
        assert history.time(history.bins) == np.datetime64("2024-01-01T07:45", "s")
    finally:
        service.stopped()


def test_a_simulated_day_that_begins_again_is_the_next_of_its_kind(two: Network, days: FlowHistory, folder: Path, tmp_path: Path) -> None:
    service = Service(two, folder, tmp_path / "state", PlanSettings(forecast=str(folder), weekday=0))
    try:
        service.run(25_200.0, days, FITTED + 28, FITTED + 31)
        first = service.live._book.end
        assert first == days.time(FITTED + 31)
        service.parts = [service.forecasters.make(Network("", (one,))) for one in two.signals]
        service.run(18_000.0, days, FITTED + 20, FITTED + 23)
        assert service.live._book.end == days.time(FITTED + 23) + np.timedelta64(7, "D")
        assert service.live.standing.trouble == ""
    finally:
        service.killed()


def test_a_folder_of_another_network_is_refused_at_the_start(two: Network, line: Network, folder: Path) -> None:
    with pytest.raises(ForecastError, match="fitted to other movements than the network has"):
        Forecasters(PlanSettings(forecast=str(folder)), line)


@pytest.mark.sumo
def test_a_running_service_goes_over_to_a_promoted_champion_and_is_never_silent(grid: Network, tmp_path: Path) -> None:
    names, bin_s = movement_names(grid), 60.0
    counts_veh = np.random.default_rng(1).poisson(2.0, (3 * 1440, len(names))).astype(np.float64)
    # The street's day begins at seven on a Tuesday.
    known = FlowHistory(np.datetime64("2024-01-06T06:55", "s"), bin_s, names, counts_veh)

    def put(model: str, event: str) -> None:
        span = f"{known.time(0)} to {known.time(known.bins)}"
        store.save(fit_forecaster(known, model), tmp_path / "kept" / FITTING, {"span": span})
        conclude(tmp_path / "kept", event, "", model, {}, "so it is")

    (tmp_path / "kept").mkdir()
    put("last", FOUNDED)
    words = [sys.executable, "-m", "citybrain.field.street", "grid_2x2", "--speed", "20"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as street:
        try:
            port = json.loads((street.stdout or iter(())).readline())["port"]  # type: ignore[union-attr]
            path = write_settings(DemoSpec("grid_2x2", tmp_path, 0, controller="max_pressure"), port)
            path.write_text(
                path.read_text(encoding="utf-8").replace("[plan]", f'[plan]\nforecast = "{tmp_path / "kept"}"'), encoding="utf-8"
            )
            with Serving(city_settings(path)) as serving:
                serving.start()
                assert until(lambda: heard(serving) and counted(serving)), (serving.forecast.standing, serving.service.now_s)
                assert serving.forecast.standing.champion.startswith("last")
                put("profile", PROMOTED)
                silent = 0

                def gone_over() -> bool:
                    nonlocal silent
                    silent += not heard(serving)
                    return serving.forecast.standing.champion.startswith("profile")

                assert until(gone_over), (serving.forecast.standing, serving.service.now_s)
                assert silent == 0 and not serving.showing.alarms()
                (told,) = (one["sentence"] for one in serving.showing.health()["checks"] if one["name"] == "forecast")
                assert told.startswith("profile fitted until 2024-01-09T06:55:00 speaks since")
                assert ("citybrain_forecast_trouble", 0.0) in [(name, value) for name, _, _, _, value in serving.showing.metrics()]
            written = count_book.read(tmp_path / "state" / "counts")
            assert written.bin_s == bin_s and np.isfinite(written.counts_veh[-1]).any()
            assert (tmp_path / "kept" / CHAMPION / "live.npz").is_file() and (tmp_path / "state" / "bins.npz").is_file()
        finally:
            street.terminate()


@pytest.mark.sumo
def test_a_sumo_of_others_tells_what_it_counted(grid: Network) -> None:
    told: list[Observation] = []
    street = Stepped(start(check(scenario("grid_2x2")), 101), grid, tell=told.append)
    try:
        now_s = street.wait(street.now_s + 1.0, 5.0)
        assert [street.observe(now_s)] == told
    finally:
        street.close()


def heard(serving: Serving) -> bool:
    """Whether the first signal has a forecast."""
    return serving.service.engine is not None and serving.service.engine.forecast(0) is not None


def counted(serving: Serving) -> bool:
    """Whether a bin has closed in which something was counted."""
    end = serving.forecast._book.end
    return end is not None and bool(np.isfinite(serving.forecast._book.row(end - np.timedelta64(60, "s"))).any())


def until(come: Callable[[], bool], limit_s: float = 40.0) -> bool:
    """Whether it comes true within the time."""
    ends_s = time.monotonic() + limit_s
    while not come() and time.monotonic() < ends_s:
        time.sleep(0.02)
    return come()

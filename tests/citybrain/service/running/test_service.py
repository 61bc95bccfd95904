"""The service: what is acknowledged is on disk and in force, also for the next one on the same folder; nothing it meets ends it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain import assemble
from citybrain.service import audit, pg
from citybrain.service.claim import Lock
from citybrain.service.desk import Approve, Fault, Mode, Override, Propose, RollBack, SetController, SetMode
from citybrain.service.engine import Spoken
from citybrain.service.orders import Orders, Standing
from citybrain.service.outage import Uptime
from citybrain.service.record import decoded
from citybrain.service.service import CityService, Plant, Upkeep, changed_signals
from citybrain.service.store import Store, TakenOver
from citybrain.service.street import SILENT, Stepped
from signals.errors import ConfigError, LinkError
from signals.rules import RULES
from signals.types import ApprovedPlan, Network, Observation
from sumo_nets.scenario import check, scenario
from sumo_nets.session import start

pytestmark = pytest.mark.sumo
Ticked = Callable[[CityService, int], None]


def again(service: CityService, grid: Network) -> CityService:
    """Another service on the same folder, once this one has gone without a word."""
    service.stop()
    street = Stepped(start(check(scenario("grid_2x2")), 102), grid)
    return CityService(Plant(grid, service.plant.rules, street, assemble.planner, lambda n: Spoken(None), "grid"), service.upkeep)


def test_what_was_acknowledged_stands_after_a_restart(serving: CityService, grid: Network, ticked: Ticked) -> None:
    name = grid.signals[0].id
    stages = tuple((s.phase + 1, s.green_s + 4.0) for s in grid.signals[0].base.stages)
    serving.submit(SetMode(Mode.AUTOMATIC), "Ann")
    serving.submit(SetController("max_pressure"), "Ann")
    number = serving.submit(Propose(name, stages, 2.0, "longer"), "Ben").found["proposal"]
    serving.submit(Approve(number), "Ann")
    before = serving.orders
    later = again(serving, grid)
    try:
        assert later.orders == before
        assert later.orders.standing[name].stages == tuple((p - 1, g) for p, g in stages)
        ticked(later, 5)
        assert later.engine is not None and later.engine.plan_of(0).plan.repeats
    finally:
        later.stop()
        later.plant.street.close()


def test_every_command_taken_or_refused_is_in_the_audit_trail(serving: CityService, grid: Network) -> None:
    serving.submit(SetMode(Mode.ADVISE), "Ann")
    with pytest.raises(ConfigError, match="none of that name"):
        serving.submit(Override("nowhere", 1, 10.0, "x"), "Eve")
    rows = serving.read(lambda db: audit.records(db, 1, 10))
    assert [(r["who"], r["what"]) for r in rows] == [("service", "begin"), ("Ann", "set_mode"), ("Eve", "override")]
    assert rows[-1]["outcome"].startswith("refused: signal 'nowhere'")
    assert audit.verify(serving.upkeep.folder / "city.db").first_bad is None


def test_nothing_is_acknowledged_that_the_disk_did_not_take(serving: CityService, monkeypatch: pytest.MonkeyPatch) -> None:
    serving.store.db.execute("PRAGMA query_only=ON")  # as a full disk refuses
    before = serving.orders
    with pytest.raises(ConfigError, match="nothing was written"):
        serving.submit(SetMode(Mode.AUTOMATIC), "Ann")
    assert serving.orders is before
    serving.store.db.execute("PRAGMA query_only=OFF")
    assert serving.submit(SetMode(Mode.AUTOMATIC), "Ann").accepted


def test_a_journal_that_cannot_be_written_raises_an_alarm_and_stops_no_plan(serving: CityService, ticked: Ticked) -> None:
    serving.submit(SetMode(Mode.AUTOMATIC), "Ann")
    ticked(serving, 5)
    serving._scribe.store.db.execute("PRAGMA query_only=ON")
    ticked(serving, 30)
    assert [a["kind"] for a in serving.alarms_raised.as_json()] == ["store"]
    assert serving.engine is not None and any(serving.engine.plan_of(i).plan is not s.base for i, s in enumerate(serving.network.signals))
    serving._scribe.store.db.execute("PRAGMA query_only=OFF")
    ticked(serving, 2)
    assert not serving.alarms_raised.as_json()


def test_an_override_that_is_over_is_let_go_and_written_down(serving: CityService, grid: Network, ticked: Ticked) -> None:
    ticked(serving, 2)
    serving.submit(Override(grid.signals[1].id, 2, 20.0, "fair"), "Ann")
    ticked(serving, 25)
    assert not serving.orders.standing
    last = serving.read(lambda db: audit.records(db, audit.head(db).number, 1))[0]
    assert (last["who"], last["what"]) == ("service", "expire")


def test_a_phase_is_held_for_as_long_as_was_asked_though_the_street_s_clock_is_put_back(
    serving: CityService, grid: Network, ticked: Ticked
) -> None:
    ticked(serving, 3)
    name, asked_s = grid.signals[0].id, serving.now_s
    serving.submit(Override(name, 2, 60.0, "an event"), "Ann")
    assert serving.orders.standing[name].until_s == asked_s + 60.0
    serving.tick(asked_s - 1800.0)
    assert asked_s - 1800.0 + 55.0 <= serving.orders.standing[name].until_s <= asked_s - 1800.0 + 65.0
    serving.tick(asked_s - 1730.0)
    assert name not in serving.orders.standing
    assert audit.records(serving.store.db, 1, 10)[2]["what"] == "clock"


class Clocks:
    """The street's clock, the calendar's and the machine's, each set by hand."""

    def __init__(self) -> None:
        self.field_s = self.wall_s = 1_800_000_000.0
        self.up_s = 5000.0

    def go_on(self, by_s: float) -> None:
        """As time does."""
        self.field_s, self.wall_s, self.up_s = self.field_s + by_s, self.wall_s + by_s, self.up_s + by_s


class Dated(Stepped):
    """A street that goes by a clock that is set by hand."""

    clocks: Clocks

    @property
    def now_s(self) -> float:
        """What the clock shows."""
        return self.clocks.field_s

    def observe(self, now_s: float) -> Observation:
        """As SUMO's, dated."""
        return replace(super().observe(self.session.now_s), now_s=now_s)

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """To nobody: these controllers do not follow."""


@pytest.mark.parametrize(
    ("jump_s", "any_speed", "left_s"),
    [(0.0, False, 180.0), (-3600.0, False, 180.0), (3600.0, False, 180.0), (-1_800_000_360.0, True, 180.0), (0.0, True, 180.0)],
)
def test_a_hold_lasts_as_long_as_was_asked_though_the_street_s_clock_was_set_while_the_service_was_away(
    grid: Network, tmp_path: Path, jump_s: float, any_speed: bool, left_s: float
) -> None:
    clocks, (name, other), session = Clocks(), [s.id for s in grid.signals[:2]], start(check(scenario("grid_2x2")), 101)
    street = Dated(session, grid)
    street.clocks = clocks

    def begun() -> CityService:
        plant = Plant(grid, RULES["resco"], street, assemble.planner, lambda n: Spoken(None), "grid", any_speed=any_speed)
        upkeep = Upkeep(tmp_path / "state", "max_pressure")
        return CityService(plant, upkeep, lambda: clocks.wall_s, lambda: Uptime("boot", clocks.up_s))

    service = begun()
    try:
        service.tick(street.now_s)
        service.submit(Override(name, 2, 600.0, "an event"), "Ann")
        clocks.go_on(60.0)
        service.tick(street.now_s)
        service.stop()
        clocks.go_on(300.0)
        clocks.field_s += jump_s
        service = begun()
        clocks.go_on(60.0)
        service.submit(Override(other, 2, 90.0, "asked before the first tick"), "Ann")
        service.tick(street.now_s)
        assert service.orders.standing[name].until_s - street.now_s == pytest.approx(left_s)
        assert service.orders.standing[other].until_s - street.now_s == pytest.approx(90.0)
        service.stop()
        service = begun()  # and once more, without anything having been set
        service.tick(street.now_s)
        assert service.orders.standing[name].until_s - street.now_s == pytest.approx(left_s)
        assert [one["what"] for one in audit.records(service.store.db)].count("clock") == (jump_s != 0.0)
        clocks.go_on(left_s + 1.0)
        service.tick(street.now_s)
        assert name not in service.orders.standing
    finally:
        service.stop()
        session.close()


def test_an_override_that_is_over_on_a_full_disk_is_the_store_s_trouble_and_stops_no_plan(
    serving: CityService, grid: Network, monkeypatch: pytest.MonkeyPatch, ticked: Ticked
) -> None:
    ticked(serving, 1)
    serving.submit(Override(grid.signals[0].id, 2, 2.0, "an event"), "Ann")

    def full(*args: Any) -> int:
        raise ConfigError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(audit, "append", full)
        ticked(serving, 6)
    assert serving.state.ticks == 7 and grid.signals[0].id in serving.orders.standing
    ticked(serving, 1)
    assert grid.signals[0].id not in serving.orders.standing


def test_every_tick_is_in_the_journal_as_it_was(serving: CityService, ticked: Ticked) -> None:
    serving.submit(SetMode(Mode.AUTOMATIC), "Ann")
    began_s = serving.plant.street.now_s
    ticked(serving, 40)
    records = [decoded(blob) for blob in serving.records(began_s, began_s + 100.0)]
    planned = [began_s + k for k in range(0, 40, 10)]  # the resco rules decide every ten seconds
    assert [r.now_s for r in records] == planned
    assert all(r.pushed.all() for r in records)


def test_base_plans_are_in_the_archive_from_the_first_moment_and_can_be_gone_back_to(
    serving: CityService, grid: Network, ticked: Ticked
) -> None:
    name = grid.signals[2].id
    (base,) = serving.stored_plans(name, 10)
    assert base.by == "as built"
    serving.submit(SetMode(Mode.AUTOMATIC), "Ann")
    ticked(serving, 30)
    serving.submit(RollBack(name, base.number, "too lively"), "Ann")
    ticked(serving, 30)
    assert serving.engine is not None and serving.engine.plan_of(2).plan is grid.signals[2].base


def test_two_services_never_work_on_one_folder(serving: CityService, grid: Network) -> None:
    with pytest.raises(ConfigError, match="another service"):
        CityService(serving.plant, serving.upkeep)


def cut_claim(url: str) -> None:
    """End the session by which a service claims its database, as a router that is switched off would."""
    with closing(pg.Connection(url, durable=True)) as admin:
        held = f"FROM pg_locks WHERE locktype = 'advisory' AND objid = {pg.CLAIM}"
        assert admin.execute(f"SELECT pg_terminate_backend(pid) {held}").fetchall() == [(True,)]
        assert waited(lambda: not admin.execute(f"SELECT 1 {held}").fetchall())


@pytest.fixture
def on_postgres(simulated: Stepped, grid: Network, url: str, tmp_path: Path) -> Iterator[CityService]:
    """The service with its store on PostgreSQL."""
    plant = Plant(grid, RULES["resco"], simulated, assemble.planner, lambda n: Spoken(None), "grid")
    service = CityService(plant, Upkeep(tmp_path / "here", "max_pressure", database=url))
    yield service
    service.stop()


def test_a_service_whose_claim_was_cut_goes_on_and_one_whose_store_was_taken_over_stands_down(
    on_postgres: CityService, url: str, tmp_path: Path, ticked: Ticked
) -> None:
    ticked(on_postgres, 2)
    cut_claim(url)
    ticked(on_postgres, 2)
    assert not on_postgres.alarms_raised.as_json()
    cut_claim(url)
    assert on_postgres.submit(SetMode(Mode.AUTOMATIC), "Ann").accepted
    cut_claim(url)
    other = Lock(tmp_path / "there" / "lock", url)
    with Store(url, durable=True, holder=other) as store:
        other.sign(store)
        with pytest.raises(TakenOver, match="this one stands down"):
            on_postgres.submit(SetMode(Mode.SHADOW), "Ann")
        on_postgres.start()
        assert waited(lambda: isinstance(on_postgres.failed, TakenOver))
        assert (store.state("orders") or {})["mode"] == "automatic"
    other.release()


def test_a_store_that_does_not_answer_raises_an_alarm_and_refuses_in_a_sentence_and_stops_no_plan(
    on_postgres: CityService, server: Any, ticked: Ticked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg, "AGAIN_S", 0.0)
    ticked(on_postgres, 5)
    server.kill()
    try:
        ticked(on_postgres, 10)
        assert [a["kind"] for a in on_postgres.alarms_raised.as_json()] == ["store"] and on_postgres.state.ticks == 15
        with pytest.raises(ConfigError, match="nothing was written"):
            on_postgres.submit(SetMode(Mode.AUTOMATIC), "Ann")
        with pytest.raises(ConfigError, match="cannot be read now"):
            on_postgres.stored_plans("A0", 1)
    finally:
        server.start()
    ticked(on_postgres, 1)
    assert not on_postgres.alarms_raised.as_json() and on_postgres.submit(SetMode(Mode.AUTOMATIC), "Ann").accepted


def test_a_street_that_ends_is_an_alarm(serving: CityService) -> None:
    serving.plant.street.session.end_s = serving.plant.street.now_s + 5.0  # type: ignore[attr-defined]
    serving.start()
    assert serving.wait_ready(30.0)
    until_s = time.monotonic() + 30.0
    while not (serving.fitness.health == SILENT).all() and time.monotonic() < until_s:
        time.sleep(0.02)
    assert serving.failed is None


def test_faults_are_for_simulated_streets_of_our_own(serving: CityService) -> None:
    with pytest.raises(ConfigError, match="no emulated controllers"):
        serving.submit(Fault("dead", 0.3), "Ann")


class Dumb(Stepped):
    """A street that stops answering."""

    mute = False

    def observe(self, now_s: float) -> Observation:
        """Nothing, when it is mute."""
        if self.mute:
            raise LinkError("nobody answers")
        return super().observe(now_s)


def waited(for_what: Callable[[], bool]) -> bool:
    """Whether it comes true within half a minute."""
    until_s = time.monotonic() + 30.0
    while not for_what() and time.monotonic() < until_s:
        time.sleep(0.02)
    return for_what()


def test_a_link_that_fails_raises_an_alarm_until_it_answers_again(grid: Network, tmp_path: Path) -> None:
    street = Dumb(start(check(scenario("grid_2x2")), 103), grid)
    service = CityService(Plant(grid, RULES["resco"], street, assemble.planner, lambda n: Spoken(None)), Upkeep(tmp_path, "max_pressure"))
    service.start()
    try:
        assert service.wait_ready(30.0)
        street.mute = True
        assert waited(lambda: [a["kind"] for a in service.alarms_raised.as_json()] == ["street"])
        ticks = service.state.ticks
        street.mute = False
        assert waited(lambda: not service.alarms_raised.as_json() and service.state.ticks > ticks)
    finally:
        service.stop()


def test_a_minute_has_its_figures_on_disk(serving: CityService, ticked: Ticked) -> None:
    ticked(serving, 200)
    with Store(serving.upkeep.folder / "city.db", durable=False) as store:
        kept = store.minutes(0.0, np.inf)
    assert len(kept) == 3 and all(m["setting"] == "base plans" for m in kept)
    assert json.dumps(serving.state.kpi, default=float)


def test_what_stands_otherwise_is_what_has_changed() -> None:
    one, other = Standing("a", "x", 1), Standing("a", "x", 2)
    before, after = Orders("c", standing={"s": one, "t": one}), Orders("c", standing={"s": one, "t": other, "u": one})
    assert changed_signals(before, after) == {"t", "u"}


def test_shadow_mode_scores_what_it_would_have_done(serving: CityService, ticked: Ticked) -> None:
    ticked(serving, 120)
    looks: Any = serving.pulse.scored
    assert (looks[:, 0] > 0).all() and (looks[:, 1] <= looks[:, 0]).all()

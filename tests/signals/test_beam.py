"""Claims about the beam: looking lanes up gives the very prices of playing every lane of every sequence, compiled and not."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from signals.kernels import beam, discharge, lane_states, lights, lookahead
from signals.kernels.beam import Site
from signals.kernels.discharge import play
from signals.kernels.lane_states import Waiting, room_for, waiting_of, waiting_s
from signals.kernels.lookahead import phase_costs_s, useful_phases
from signals.kernels.outlook import Tariff
from signals.kernels.queues import Queues, present
from signals.types import Floats, Ints

MODULES: tuple[ModuleType, ...] = (discharge, lights, lane_states, beam, lookahead)
SLOW = Tariff(1.0, 3.0, 8.0, 2.0, 10.0, 10.0, 6, 4)
FAST = Tariff(1.0, 3.0, 8.0, 2.0, 2.0, 5.0, 8, 4)  # an intergreen outlasts the first stretch
Price = Callable[..., tuple[Floats, Ints]]


@pytest.fixture(params=["compiled", "py_func"])
def price(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Price:
    """`price(phase, age_s, site, queues, tariff)`, with every kernel below it compiled or not."""
    function = phase_costs_s
    if request.param == "py_func":
        function = phase_costs_s.py_func
        plain = {name: f.py_func for module in MODULES for name, f in vars(module).items() if hasattr(f, "py_func")}
        for module in MODULES:
            for name in plain.keys() & vars(module).keys():
                monkeypatch.setattr(module, name, plain[name])

    def priced(phase: int, age_s: float, site: Site, queues: Queues, tariff: Tariff) -> tuple[Floats, Ints]:
        room = room_for(queues.start.size, tariff.epochs)
        found: tuple[Floats, Ints] = function(phase, age_s, site, queues, room, tariff)
        return found

    return priced


def some_site(rng: np.random.Generator, phases: int, movements: int, yielding: float, kinds: int) -> Site:
    """A signal by chance, whose intergreens are of so many lengths."""
    serves = rng.choice([0, 0, 1, 2], (phases, movements))
    intergreen_s = rng.choice(np.linspace(2.0, 6.0, kinds), (phases, phases)) if kinds > 1 else np.full((phases, phases), 3.0)
    np.fill_diagonal(intergreen_s, 0.0)
    yields_to = (rng.random((movements, movements)) < yielding).astype(np.int64)
    np.fill_diagonal(yields_to, 0)
    return Site(phases, np.full(phases, 5.0), serves, intergreen_s, yields_to)


def some_queues(rng: np.random.Generator, lanes: int, movements: int) -> Queues:
    """Vehicles by chance: some lanes are empty, some blocked, some take two movements, in some somebody stands inside the junction."""
    sizes = rng.poisson(2.5, lanes)
    end = np.cumsum(sizes)
    n = int(end[-1])
    start = end - sizes
    arrival_s, inside = rng.uniform(0.0, 40.0, n), np.zeros(n, dtype=np.bool_)
    for first, last in zip(start, end, strict=True):
        arrival_s[first:last] = np.sort(arrival_s[first:last])
        inside[first:last][:1] = rng.random() < 0.15
    movement = (np.repeat(np.arange(lanes), sizes) + rng.integers(0, 2, n)) % movements
    ready_s = np.where(rng.random(lanes) < 0.2, 20.0, 0.0)
    weight = rng.choice([0.5, 1.0, 1.0, 2.0], n)
    headway_s = rng.uniform(1.5, 2.5, lanes)
    return Queues(
        start,
        end,
        headway_s,
        ready_s,
        arrival_s,
        movement,
        rng.random(n) < 0.3,
        rng.random(n) < 0.3,
        inside,
        weight,
        np.minimum(weight, 1.0),
    )


Sequence = tuple[float, float, int, float, Ints, Floats]  # price, spent [s], phase, green since [s], where its lanes have got to


def played(before: Sequence, after: int, e: int, site: Site, queues: Queues, waiting: Waiting, tariff: Tariff) -> Sequence:
    """A sequence that goes on into a phase for an epoch, every lane of it played."""
    _, spent_s, phase, since_s, head, ready_s = before
    head, ready_s, paid_s, lanes = head.copy(), ready_s.copy(), np.zeros(head.size), np.arange(head.size)
    t1_s = tariff.first_s + e * tariff.epoch_s
    t0_s = t1_s - tariff.epoch_s if e else 0.0
    play(
        phase, after, t0_s, t1_s, site.serves, site.intergreen_s, site.yields_to, queues, tariff.startup_s, tariff.stop_s, lanes, head,
        ready_s, paid_s, np.zeros(lanes.size, dtype=np.int64), np.zeros(queues.arrival_s.size),
    )  # fmt: skip
    total_s = spent_s
    for k in lanes:  # summed as the beam does: of equal prices the first counts
        total_s += float(paid_s[k]) + waiting_s(e, int(k), int(head[k]), waiting, tariff)
        spent_s += float(paid_s[k])
    return total_s, spent_s, after, since_s if after == phase else t0_s + float(site.intergreen_s[phase, after]), head, ready_s


def every_lane_played(phase: int, age_s: float, site: Site, queues: Queues, tariff: Tariff) -> Floats:
    """The same prices the long way: every sequence that is tried is played on all lanes [phase]."""
    waiting, useful = waiting_of(queues, tariff.epochs, tariff), useful_phases(site.phases, site.serves, queues.movement)
    found = np.full(site.phases, np.nan)
    for first in range(site.phases):
        kept: list[Sequence] = [(0.0, 0.0, phase, -age_s, queues.start, queues.ready_s)]
        for e in range(tariff.epochs):
            t0_s = tariff.first_s + (e - 1) * tariff.epoch_s
            older, kept = kept, []
            for one in older:
                held = t0_s - one[3] < site.min_green_s[one[2]]
                allowed = [q for q in range(site.phases) if q == one[2] or (useful[q] and not held)]
                for q in [first] if e == 0 else allowed:
                    grown = played(one, q, e, site, queues, waiting, tariff)
                    dearest = int(np.argmax([k[0] for k in kept])) if kept else 0
                    if len(kept) < tariff.width:
                        kept.append(grown)
                    elif grown[0] < kept[dearest][0]:
                        kept[dearest] = grown
        found[first] = min(k[0] for k in kept)
    return found


@pytest.mark.parametrize("tariff", [SLOW, FAST], ids=["slow", "fast"])
@pytest.mark.parametrize("yielding", [0.0, 0.15])
@pytest.mark.parametrize("kinds", [1, 40], ids=["one intergreen", "forty intergreens"])
def test_looking_lanes_up_gives_the_prices_of_playing_every_lane(price: Price, tariff: Tariff, yielding: float, kinds: int) -> None:
    rng = np.random.default_rng(104)
    for _ in range(6):
        site, queues = some_site(rng, 7, 8, yielding, kinds), some_queues(rng, 8, 8)
        costs_s, _ = price(2, 9.0, site, queues, tariff)
        np.testing.assert_allclose(costs_s, every_lane_played(2, 9.0, site, queues, tariff), rtol=1e-9, atol=1e-9)


def test_a_lane_sees_more_lights_than_are_told_apart_where_intergreens_differ() -> None:
    # So the case above with forty of them covers what is not remembered.
    rng = np.random.default_rng(104)
    site, queues = some_site(rng, 7, 8, 0.0, 40), some_queues(rng, 8, 8)
    queues = present(queues)
    known = lights.no_lights(site.phases, queues)
    for before in range(site.phases):
        for after in range(site.phases):
            lights.learn(before, after, site.phases, known, site.serves, site.intergreen_s, site.yields_to, queues, 9.0)
    assert known.told_apart.max() == lights.LIGHTS - 1
    assert known.light.max() == lights.LIGHTS - 1
    assert known.crowded.any()


@pytest.mark.parametrize("tariff", [SLOW, FAST], ids=["slow", "fast"])
def test_the_path_found_begins_with_the_first_choice_and_costs_its_price(price: Price, tariff: Tariff) -> None:
    rng = np.random.default_rng(105)
    for _ in range(4):
        site, queues = some_site(rng, 5, 8, 0.1, 4), some_queues(rng, 8, 8)
        costs_s, paths = price(1, 9.0, site, queues, tariff)
        assert paths[:, 0].tolist() == [0, 1, 2, 3, 4]
        waiting = waiting_of(queues, tariff.epochs, tariff)
        for first in range(site.phases):
            one: Sequence = (0.0, 0.0, 1, -9.0, queues.start, queues.ready_s)
            for e, phase in enumerate(paths[first].tolist()):
                one = played(one, phase, e, site, queues, waiting, tariff)
            assert one[0] == pytest.approx(costs_s[first], abs=1e-9)


def test_room_that_has_to_be_made_changes_no_price(price: Price) -> None:
    rng = np.random.default_rng(106)
    site, queues = some_site(rng, 6, 8, 0.1, 1), some_queues(rng, 8, 8)
    narrow, ample = (phase_costs_s(2, 9.0, site, queues, room_for(8, SLOW.epochs, n), SLOW)[0] for n in (8, 10000))
    np.testing.assert_array_equal(narrow, ample)
    np.testing.assert_allclose(price(2, 9.0, site, queues, SLOW)[0], ample, rtol=1e-9)

"""The monitor fires on every planted violation, and on nothing that a proper controller shows."""

from dataclasses import replace

import pytest

from signals.errors import LinkError
from signals.monitor import LightsMonitor, as_built, monitor_for
from signals.rules import RULES
from signals.types import Intersection, Network

NS, NS_LEFT, EW = "GGgrrrGGgrrr", "rrGsrrrrGsrr", "rrrGGgrrrGGg"
NS_YELLOW = "yyyrrryyyrrr"
ALL_RED = "r" * 12


def seen(monitor: LightsMonitor, *shown: tuple[str, int]) -> list[str]:
    """The rules that the monitor finds broken by lights and how many seconds each is shown."""
    t = 0.0
    for lights, lasts_s in shown:
        for _ in range(lasts_s):
            monitor.watch(t, [lights])
            t += 1.0
    return [violation.rule for violation in monitor.violations]


def lit(base: str, **lamps: str) -> str:
    """Lights with single lamps changed: `lit(EW, _1="G")` is EW with movement 1 green."""
    aspects = list(base)
    for name, aspect in lamps.items():
        aspects[int(name[1:])] = aspect
    return "".join(aspects)


PLANTED: dict[str, list[list[tuple[str, int]]]] = {
    "conflicting greens": [
        [(lit(NS, _4="G"), 1)],  # north-south through and east through
        [(ALL_RED, 9), (lit(NS, _8="G", _0="r"), 9)],  # protected left against the opposing through
        [(ALL_RED, 9), (lit(ALL_RED, _4="g", _1="G"), 9)],  # permissive, but not a turn that may yield
    ],
    "no yellow": [[(NS, 30), (ALL_RED, 3)], [(NS, 30), (lit(NS_YELLOW, _1="s"), 3), (ALL_RED, 3)]],
    "short yellow": [[(NS, 30), (NS_YELLOW, 2), (ALL_RED, 3)]],
    "green after yellow": [[(NS, 30), (NS_YELLOW, 3), (NS, 10)], [(NS_YELLOW, 3), (lit(ALL_RED, _1="g"), 10)]],
    "short green": [[(ALL_RED, 5), (NS, 6), (NS_YELLOW, 3), (ALL_RED, 3)]],
    "short clearance": [
        [(NS, 30), (lit(NS_YELLOW, _4="G"), 9)],
        [(NS, 30), (NS_YELLOW, 2), (lit(NS_YELLOW, _10="G"), 1)],
    ],
    "no lights": [[(NS, 9), ("", 1)], [(NS, 9), (lit(NS, _5="o"), 1)], [("O" * 12, 1)]],
    "wrong length": [[(NS, 9), (NS[:-1], 1)], [(NS + "r", 1)]],
    "unknown aspect": [[(NS, 9), (lit(NS, _5="x"), 1)]],
}


@pytest.mark.parametrize(("rule", "shown"), [(rule, shown) for rule, cases in PLANTED.items() for shown in cases])
def test_a_planted_violation_is_found_and_latches_the_signal(rule: str, shown: list[tuple[str, int]], four_arm: Network) -> None:
    monitor = monitor_for(four_arm, RULES["resco"])
    assert set(seen(monitor, *shown)) == {rule}
    assert monitor.latched == {"A0"}
    assert all(v.signal == "A0" and v.sentence for v in monitor.violations)


PROPER: list[list[tuple[str, int]]] = [
    [(NS, 30), (NS_YELLOW, 3), (EW, 7), (lit(EW, _3="y", _4="y", _5="y", _9="y", _10="y", _11="y"), 3), (NS, 7)],
    [(NS, 30), ("yyGrrryyGrrr", 3), (NS_LEFT, 7), ("rryrrrrryrrr", 3), (EW, 7)],  # lefts stay green into their own
    [(NS, 1), (NS_YELLOW, 3), (EW, 7)],  # how long the first green had been shown is not known
    [(NS_YELLOW, 1), (EW, 7)],  # nor how long the first yellow
    [(ALL_RED, 5), (lit(ALL_RED, _1="u"), 1), (lit(ALL_RED, _1="G"), 7)],
    [(lit(ALL_RED, _2="G"), 10), (lit(ALL_RED, _2="g"), 3), (lit(ALL_RED, _2="y"), 3), (ALL_RED, 1)],
    [(lit(ALL_RED, _0="s"), 10), (ALL_RED, 10), (lit(ALL_RED, _0="s"), 10)],
]


@pytest.mark.parametrize("shown", PROPER)
def test_proper_lights_are_no_violation(shown: list[tuple[str, int]], four_arm: Network) -> None:
    monitor = monitor_for(four_arm, RULES["resco"])
    assert seen(monitor, *shown) == []
    assert monitor.latched == set()


def test_street_rules_ask_for_all_red_and_longer_yellow(with_crossing: Network) -> None:
    change = [(NS + "r", 30), (NS_YELLOW + "r", 4)]
    for all_red_s, found in ((3, []), (2, ["short clearance"])):
        monitor = monitor_for(with_crossing, RULES["street"])
        assert sorted(set(seen(monitor, *change, (ALL_RED + "r", all_red_s), (EW + "r", 9)))) == found
    monitor = monitor_for(with_crossing, RULES["street"])
    assert "short yellow" in seen(monitor, (NS + "r", 30), (NS_YELLOW + "r", 3), (ALL_RED + "r", 4))


@pytest.mark.parametrize(("walk_s", "clear_s", "found"), [(15, 6, []), (14, 6, ["short green"]), (15, 5, ["short clearance"])])
def test_walkers_need_no_yellow_but_their_time_and_their_clearance(
    walk_s: int, clear_s: int, found: list[str], with_crossing: Network
) -> None:
    monitor = monitor_for(with_crossing, RULES["street"])
    walk, stop = ALL_RED + "G", ALL_RED + "r"
    assert seen(monitor, (stop, 3), (walk, walk_s), (stop, clear_s), (EW + "r", 9))[:1] == found


def test_a_permissive_turn_must_yield_to_the_green_it_crosses(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    deaf = replace(four_arm, signals=(replace(signal, yields_to=signal.yields_to & False),))
    assert seen(monitor_for(four_arm, RULES["resco"]), (NS, 1)) == []
    assert set(seen(monitor_for(deaf, RULES["resco"]), (NS, 1))) == {"conflicting greens"}


def test_a_listed_exception_of_the_site_is_no_violation(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    excused = replace(four_arm, signals=(replace(signal, exceptions=((4, 1),)),))
    both = lit(ALL_RED, _1="G", _4="G")
    assert seen(monitor_for(excused, RULES["resco"]), (both, 1)) == []
    assert seen(monitor_for(four_arm, RULES["resco"]), (both, 1)) == ["conflicting greens"]


def test_a_lasting_violation_is_reported_once(four_arm: Network) -> None:
    monitor = monitor_for(four_arm, RULES["resco"])
    both = lit(ALL_RED, _1="G", _4="G")
    assert seen(monitor, (both, 50), (lit(both, _7="G"), 1), (both, 1)).count("conflicting greens") == 2


def test_the_sentence_says_who_when_and_how_much(four_arm: Network) -> None:
    monitor = monitor_for(four_arm, RULES["resco"])
    seen(monitor, (lit(ALL_RED, _1="G"), 30), (lit(ALL_RED, _1="y"), 2), (ALL_RED, 1))
    violation = monitor.violations[0]
    assert violation.now_s == 32.0
    assert violation.sentence == "n_through was yellow for 2.0 s, under 3.0 s"


OTHERS: list[tuple[list[tuple[str, int]], list[str]]] = [
    ([(NS, 2), (NS_YELLOW, 1), (EW, 3), (lit(EW, _4="y"), 1), (EW, 1)], []),
    ([(NS, 2), (NS_YELLOW, 1), (lit(EW, _1="G"), 3)], ["conflicting greens"]),
    ([(NS, 2), (EW, 3)], ["no yellow"]),
    ([(NS, 2), (lit(NS, _1="o"), 3)], ["no lights"]),
]


@pytest.mark.parametrize(("shown", "found"), OTHERS)
def test_programs_of_others_are_judged_only_for_conflicts_dark_lamps_and_missing_yellow(
    shown: list[tuple[str, int]], found: list[str], four_arm: Network
) -> None:
    assert sorted(set(seen(as_built(four_arm), *shown))) == found


def test_walkers_of_other_peoples_programs_need_no_yellow(with_crossing: Network) -> None:
    assert seen(as_built(with_crossing), (ALL_RED + "G", 5), (ALL_RED + "r", 5)) == []


def test_lamps_that_are_dark_as_built_may_stay_dark(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    dark = replace(signal.phases[0], lights=lit(NS, _5="O"))
    network = replace(four_arm, signals=(replace(signal, phases=(dark, *signal.phases[1:])),))
    assert seen(as_built(network), (lit(NS, _5="O"), 5), (lit(NS_YELLOW, _5="o"), 3)) == []


def test_the_longest_red_is_reported_and_not_judged(pair: Network) -> None:
    monitor = monitor_for(pair, RULES["resco"])
    for t in range(1000):
        monitor.watch(float(t), [NS if t < 400 else NS_YELLOW if t < 403 else EW, ALL_RED])
    assert monitor.longest_red_s() == (999.0 - 403.0, 999.0)
    assert monitor.violations == []


def test_each_signal_has_its_own_history(pair: Network) -> None:
    monitor = monitor_for(pair, RULES["resco"])
    monitor.watch(0.0, [NS, NS])
    monitor.watch(30.0, [NS, ALL_RED])
    assert monitor.latched == {"E"}


def test_after_unreadable_lights_every_age_is_unknown(four_arm: Network) -> None:
    assert seen(monitor_for(four_arm, RULES["resco"]), (ALL_RED, 5), (NS, 1), ("", 1), (ALL_RED, 1), (EW, 9)) == ["no lights"]


@pytest.mark.parametrize("count", [0, 2])
def test_lights_of_another_number_of_signals_raise(count: int, four_arm: Network) -> None:
    with pytest.raises(LinkError, match=f"lights of {count} signals; expected 1"):
        monitor_for(four_arm, RULES["resco"]).watch(0.0, [NS] * count)


def test_lamp_times_of_another_number_of_signals_raise(pair: Network) -> None:
    with pytest.raises(LinkError, match="pair: lamp times of 0 signals; expected 2"):
        LightsMonitor(pair, ())


@pytest.mark.parametrize(("site", "rules"), [("four_arm", "resco"), ("with_crossing", "street")])
def test_a_cabinet_that_runs_its_base_plan_for_an_hour_shows_no_violation(site: str, rules: str, request: pytest.FixtureRequest) -> None:
    network: Network = request.getfixturevalue(site)
    monitor = monitor_for(network, RULES[rules])
    seen(monitor, *base_lights(network.signals[0]) * 40)
    assert monitor.violations == []
    assert 30.0 < monitor.longest_red_s()[0] < network.signals[0].base.cycle_s


def base_lights(signal: Intersection) -> list[tuple[str, int]]:
    """One cycle of the base plan as lights and their seconds."""
    shown = []
    stages = signal.base.stages
    for stage, after in zip(stages, (*stages[1:], stages[0]), strict=True):
        now, then = signal.phases[stage.phase].lights, signal.phases[after.phase].lights
        shown.append((now, int(stage.green_s)))
        for aspect, times_s in (("y", signal.yellow_s), ("r", signal.all_red_s)):
            lights = "".join(aspect if a in "gG" and b not in "gG" else a for a, b in zip(now, then, strict=True))
            shown.append((lights, int(times_s[stage.phase, after.phase])))
    return shown

"""What a controller refuses: each rule at its limit. How it acts on a refusal is in `test_emulator.py`."""

from dataclasses import replace

import pytest

from signals.refusal import Lit, refusal
from signals.rules import RULES, envelope
from signals.site import Site, sites
from signals.types import Network, Stage, TimingPlan

NOW_S = 5000.0
GREEN = Lit(NOW_S, 0, 20.0)
HOLD = TimingPlan("A0", (Stage(0, 20.0),), NOW_S, NOW_S + 30.0)
CYCLE = TimingPlan("A0", tuple(Stage(p, 12.0) for p in range(4)), 0.0, NOW_S + 30.0, True, 60.0, 0.0)


@pytest.fixture(scope="module")
def site(four_arm: Network) -> Site:
    """The four-arm signal: minimum green 5 s, maximum 300 s, intergreen 3 s, leases up to 60 s."""
    return sites(four_arm, (envelope(four_arm.signals[0], RULES["free"]),))[0]


@pytest.mark.parametrize(
    ("plan", "lit", "said"),
    [
        (HOLD, GREEN, ""),
        (replace(HOLD, starts_s=NOW_S - 5.0), GREEN, ""),
        (replace(HOLD, starts_s=NOW_S - 5.1), GREEN, "starts 5.1"),
        (replace(HOLD, starts_s=NOW_S + 1.1), GREEN, "starts -1.1"),
        (replace(HOLD, valid_until_s=NOW_S), GREEN, "lent for 0.0 s"),
        (replace(HOLD, valid_until_s=NOW_S + 61.1), GREEN, "lent for 61.1"),
        (HOLD, replace(GREEN, age_s=float("nan")), "not known"),
        (replace(HOLD, stages=(Stage(2, 5.0),)), GREEN, ""),
        (replace(HOLD, stages=(Stage(2, 4.9),)), GREEN, "green 4.9 s of phase 2"),
        (replace(HOLD, stages=(Stage(2, 20.0),)), replace(GREEN, age_s=4.9), "expected its minimum 5.0 s"),
        (replace(HOLD, stages=(Stage(2, 20.0),)), replace(GREEN, age_s=-1.0), "while the intergreen towards phase 0 runs"),
        (CYCLE, GREEN, ""),
        (replace(CYCLE, starts_s=NOW_S + 2.0), GREEN, "expected at most 1.0 s from now"),
        (replace(CYCLE, offset_s=60.0), GREEN, "offset 60.0 s"),
        (replace(CYCLE, cycle_s=60.6), GREEN, "add up to 60.0 s"),
        (replace(CYCLE, valid_until_s=NOW_S + 902.0), GREEN, "at most 900.0 s"),
    ],
)
def test_each_rule_at_its_limit(plan: TimingPlan, lit: Lit, said: str, site: Site) -> None:
    found = refusal(plan, site, lit, renewed=False)
    assert (said in found) if said else found == ""


def test_a_renewal_may_have_started_long_ago_but_not_be_lent_for_too_long(site: Site) -> None:
    old = replace(HOLD, starts_s=NOW_S - 25.0)
    assert refusal(old, site, GREEN, renewed=True) == ""
    assert "lent for 99.0 s" in refusal(replace(old, valid_until_s=NOW_S + 99.0), site, GREEN, renewed=True)

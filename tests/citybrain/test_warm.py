"""Claims about warming up: every planner's kernels are loaded, without a simulation."""

import pytest

from citybrain import assemble, warm
from signals.kernels import lookahead, pressure, webster

pytestmark = pytest.mark.sumo


def test_after_warming_up_the_kernels_of_every_planner_are_compiled() -> None:
    warm.warm_up()
    for kernel in (lookahead.network_costs, pressure.phase_pressures, webster.class_plan_s):
        assert kernel.signatures, kernel.__name__


def test_all_planners_of_the_table_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    build = assemble.planner
    monkeypatch.setattr(assemble, "planner", lambda name, *rest: built.append(name) or build(name, *rest))
    warm.warm_up()
    assert built == [c.name for c in assemble.CONTROLLERS.values() if c.make is not None]

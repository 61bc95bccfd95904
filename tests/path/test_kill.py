"""Claims about the worst moment: our process dies, and the street goes on with safe lights."""

import signal
from typing import Protocol

import pytest

from signals.monitor import LightsMonitor
from signals.types import Network

pytestmark = pytest.mark.sumo


class Steering(Protocol):
    """Our process."""

    def send_signal(self, number: int) -> None: ...

    def wait(self, timeout: float) -> int: ...


class Street(Protocol):
    """See conftest.py."""

    network: Network
    monitor: LightsMonitor
    steering: Steering
    now_s: float

    def drive(self, seconds: int) -> list[tuple[str, ...]]: ...

    def programs(self) -> set[str]: ...


def base_lights(network: Network) -> list[set[str]]:
    """[signal] the greens of its base plan."""
    return [{s.phases[stage.phase].lights for stage in s.base.stages} for s in network.signals]


def test_after_a_kill_in_mid_run_the_lights_go_on_with_the_base_plans_phases(street: Street) -> None:
    before = street.drive(67)
    assert street.programs() == {"citybrain"}
    assert len(set(before)) > 3
    street.steering.send_signal(signal.SIGKILL)
    assert street.steering.wait(10.0) == -signal.SIGKILL
    after = street.drive(260)
    assert street.monitor.violations == []
    for i, greens in enumerate(base_lights(street.network)):
        assert greens <= {shown[i] for shown in after[-200:]}
    assert street.programs() == {"citybrain"}


def test_the_cycle_after_a_kill_is_the_base_plans(street: Street) -> None:
    street.drive(47)
    street.steering.send_signal(signal.SIGKILL)
    street.steering.wait(10.0)
    after = street.drive(300)
    for i, one in enumerate(street.network.signals):
        cycle = int(one.base.cycle_s)
        shown = [lights[i] for lights in after]
        assert shown[-cycle:] == shown[-2 * cycle : -cycle]
        for stage in one.base.stages:
            assert shown[-cycle:].count(one.phases[stage.phase].lights) == stage.green_s


def test_asked_to_stop_it_releases_the_signals_and_exits_with_zero(street: Street) -> None:
    street.drive(47)
    street.steering.send_signal(signal.SIGTERM)
    after = street.drive(320)
    assert street.steering.wait(20.0) == 0
    assert street.monitor.violations == []
    # Released means the base plan with its own cycle and offset.
    for i, one in enumerate(street.network.signals):
        cycle = int(one.base.cycle_s)
        first = one.phases[one.base.stages[0].phase].lights
        shown = [lights[i] for lights in after]
        turned_s = [street.now_s - len(shown) + k for k in range(1, len(shown)) if shown[k - 1] != first == shown[k]]
        assert [(t - one.base.offset_s) % cycle for t in turned_s[-2:]] == [0.0, 0.0]

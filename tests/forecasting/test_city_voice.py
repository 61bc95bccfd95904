"""One forecaster speaks for shards that are planned in turn: as it would for all of them at once, and whoever leads is heard at once."""

import numpy as np
import pytest

from forecasting.city_voice import STALE_S, CityVoice
from forecasting.fitted import FittedForecaster
from forecasting.follower import Follower, alone
from forecasting.history import FlowHistory
from forecasting.local_time import LocalTime
from forecasting.models import fit_forecaster
from forecasting.online import OnlineForecaster, newcomer
from forecasting.recording import MONDAY
from signals.errors import ForecastError
from signals.types import Floats

MOVEMENTS = ("A", "B", "C", "D")
SEVEN_S = 25_200.0
SEVEN = MONDAY + np.timedelta64(7, "h")
PER_S = np.array([50.0, 20.0, 10.0, 3.0]) / 900.0


@pytest.fixture(scope="module")
def fitted(site: FlowHistory) -> FittedForecaster:
    return fit_forecaster(site, "residual")


@pytest.fixture
def follower(fitted: FittedForecaster) -> Follower:
    return alone(fitted, "residual", SEVEN)


def voice_of(follower: Follower) -> CityVoice:
    return CityVoice(follower, MOVEMENTS, LocalTime())


def drive(voice: CityVoice, until_s: float, per_s: Floats = PER_S, from_s: float = SEVEN_S) -> None:
    """Two shards take turns each five seconds, and somebody speaks each second; bins close as they end."""
    parts = [voice.part(("A", "C")), voice.part(("D", "B"))]
    columns, told_s = [[0, 2], [3, 1]], [from_s, from_s]
    for now_s in np.arange(from_s, until_s + 1.0):
        for k, (part, own) in enumerate(zip(parts, columns, strict=True)):
            if now_s % 5.0 == k:
                part.update(now_s, per_s[own] * (now_s - told_s[k]))
                told_s[k] = now_s
        if now_s % 900.0 == 0.0 and now_s > from_s:
            voice.follower.observe(voice.follower.next_at, per_s * 900.0)
        voice.speak()


def test_shards_are_told_their_columns_of_what_one_forecaster_of_all_would_say(fitted: FittedForecaster, follower: Follower) -> None:
    voice, whole = voice_of(follower), OnlineForecaster(MOVEMENTS, fitted)
    drive(voice, SEVEN_S + 1865.0)
    for now_s in np.arange(SEVEN_S, SEVEN_S + 1861.0):
        expected = whole.update(now_s, PER_S)
    shards = list(voice._parts.values())
    for part, own in zip(shards, ([0, 2], [3, 1]), strict=True):
        found = part.update(SEVEN_S + 1866.0, np.zeros(2))
        assert found is not None and found.made_at_s == SEVEN_S + 1860.0
        np.testing.assert_allclose(found.flow_veh_h, expected.flow_veh_h[:, own], rtol=0.02)
        np.testing.assert_allclose(found.high_veh_h, expected.high_veh_h[:, own], rtol=0.02)
        assert found.rung == tuple(expected.rung[k] for k in own)


def test_nobody_speaks_before_all_shards_know_the_time_and_then_the_profile_does(follower: Follower) -> None:
    voice = voice_of(follower)
    first, second = voice.part(("A", "C")), voice.part(("B", "D"))
    assert first.update(SEVEN_S, np.zeros(2)) is None and not voice.speak()
    assert second.update(SEVEN_S, np.zeros(2)) is None and voice.speak()
    found = first.update(SEVEN_S + 1.0, np.zeros(2))
    assert found is not None and found.rung == ("profile", "profile") and found.start_s == SEVEN_S
    assert not voice.speak()


def test_after_a_restart_the_bins_of_the_clock_stand_in_for_what_was_not_lived_through(fitted: FittedForecaster) -> None:
    follower = alone(fitted, "residual", SEVEN)
    for _ in range(4):
        follower.observe(follower.next_at, PER_S * 900.0)
    expected = follower.forecast().flow_veh_h
    voice = voice_of(follower)
    drive(voice, SEVEN_S + 3605.0, from_s=SEVEN_S + 3600.0)
    (found,) = (part.said for part in list(voice._parts.values())[:1])
    assert found is not None and found.rung == ("residual", "residual")
    np.testing.assert_allclose(found.flow_veh_h[0], expected[0, [0, 2]], rtol=1e-6)


def test_bins_of_long_ago_do_not_stand_in(fitted: FittedForecaster) -> None:
    follower = alone(fitted, "residual", SEVEN)
    follower.observe(follower.next_at, PER_S * 900.0)
    voice = voice_of(follower)
    drive(voice, SEVEN_S + 7205.0, from_s=SEVEN_S + 7200.0)
    assert {part.said.rung for part in voice._parts.values() if part.said is not None} == {("profile", "profile")}


def test_who_knows_nothing_speaks_of_the_last_minutes_after_three_of_them() -> None:
    voice = voice_of(alone(newcomer(MOVEMENTS), "nobody", SEVEN))
    drive(voice, SEVEN_S + 185.0)
    (found,) = (part.said for part in list(voice._parts.values())[:1])
    assert found is not None and found.rung == ("last", "last")
    np.testing.assert_allclose(found.flow_veh_h[0], PER_S[[0, 2]] * 3600.0, rtol=1e-3)


def test_a_new_leader_is_heard_at_once_without_a_silent_moment(fitted: FittedForecaster, follower: Follower) -> None:
    voice = voice_of(alone(newcomer(MOVEMENTS), "nobody", SEVEN))
    drive(voice, SEVEN_S + 245.0)
    part = next(iter(voice._parts.values()))
    before = part.said
    voice.lead_by(follower)
    assert part.said is before and voice.speak()
    assert part.said is not None and part.said.rung == ("residual", "residual")
    with pytest.raises(ForecastError, match="other movements"):
        voice.lead_by(alone(newcomer(("A", "B")), "other", SEVEN))
    assert voice.follower is follower


def test_what_was_said_long_ago_is_not_repeated(follower: Follower) -> None:
    voice = voice_of(follower)
    part = voice.part(MOVEMENTS)
    part.update(SEVEN_S, np.zeros(4))
    voice.speak()
    assert part.update(SEVEN_S + STALE_S, np.zeros(4)) is not None
    assert part.update(SEVEN_S + STALE_S + 1.0, np.zeros(4)) is None


def test_a_shard_that_is_asked_for_again_begins_anew(follower: Follower) -> None:
    voice = voice_of(follower)
    drive(voice, SEVEN_S + 125.0)
    again = voice.part(("A", "C"))
    assert len(voice._parts) == 2 and not again.minutes.begun
    with pytest.raises(ForecastError, match=r"other movements than the network has, e\.g\. X"):
        voice.part(("A", "X"))


def test_a_model_that_looks_back_for_a_week_reads_the_bins_of_the_clock(site: FlowHistory) -> None:
    fitted = fit_forecaster(site, "week")
    follower = alone(fitted, "week", site.time(site.bins) - np.timedelta64(7, "D"))
    for k in range(site.bins - 672, site.bins):
        follower.observe(site.time(k), site.counts_veh[k])
    voice = CityVoice(follower, MOVEMENTS, LocalTime())
    local = LocalTime()
    local.anchor(0.0, 900.0, site.time(site.bins))
    voice._local = local
    part = voice.part(MOVEMENTS)
    part.update(0.0, np.zeros(4))
    voice.speak()
    assert part.said is not None
    np.testing.assert_allclose(part.said.flow_veh_h[0], site.counts_veh[site.bins - 672] * 4.0)

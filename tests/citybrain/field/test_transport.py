"""The topics of the wire."""

import pytest

from citybrain.field.transport import Inbox, Message, ack_topic, lease_topic, online_topic, signal_of, status_topic


@pytest.mark.parametrize("signal", ["A0", "GS_cluster_2415878664", "north/of/the river", "信号 7"])
def test_a_signals_topics_name_it_and_what_they_are_for(signal: str) -> None:
    topics = {lease_topic: "lease", ack_topic: "ack", status_topic: "status", online_topic: "online"}
    assert [signal_of(topic(signal)) for topic in topics] == [(signal, kind) for kind in topics.values()]


@pytest.mark.parametrize("topic", ["", "sense", "signal", "signal/", "signal/lease", "signals/A0/lease"])
def test_any_other_topic_is_of_no_signal(topic: str) -> None:
    assert signal_of(topic) == ("", "")


def test_an_inbox_gives_what_came_once_and_wakes_who_waits_for_nothing() -> None:
    inbox, some = Inbox(), [Message("sense", b"1"), Message("sense", b"2")]
    inbox.put(some)
    assert inbox.take(0.0) == some and inbox.take(0.0) == []
    inbox.wake()
    assert inbox.take(60.0) == []

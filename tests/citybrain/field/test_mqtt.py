"""The wire over a real broker: what is retained, who is gone, and a broker that dies and comes back."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from citybrain.field.mqtt import MqttTransport
from citybrain.field.transport import ALIVE, CENTRE, GONE, ONLINE, Message, lease_topic, status_topic
from signals.errors import ConfigError

Soon = Callable[..., bool]


class Listener:
    """Everything that an end has heard."""

    def __init__(self, end: MqttTransport) -> None:
        self.end, self.heard = end, list[Message]()

    def __contains__(self, message: Message) -> bool:
        self.heard += self.end.receive(0.02)
        return message in self.heard


def test_leases_and_statuses_pass_and_are_kept_for_who_comes_later(broker: Any, soon: Soon) -> None:
    place = broker.place
    with closing(MqttTransport.at(place, "town", field=True)) as kerb, closing(MqttTransport.at(place, "town", field=False)) as centre:
        assert soon(lambda: kerb.connected and centre.connected)
        street, office = Listener(kerb), Listener(centre)
        lease, status = Message(lease_topic("A0"), b"lease"), Message(status_topic("A0"), bytes(range(256)) * 400)
        assert centre.send(*lease, True) and kerb.send(*status, True)
        assert soon(lambda: lease in street and status in office)
        with closing(MqttTransport.at(place, "town", field=False)) as later, closing(MqttTransport.at(place, "other", field=False)) as far:
            second, foreign = Listener(later), Listener(far)
            assert soon(lambda: status in second and Message(ONLINE, ALIVE) in second)
            assert status not in foreign


def test_each_end_knows_when_the_other_is_gone(broker: Any, soon: Soon) -> None:
    place = broker.place
    with closing(MqttTransport.at(place, "town", field=True)) as kerb:
        street = Listener(kerb)
        centre = MqttTransport.at(place, "town", field=False)
        assert soon(lambda: Message(CENTRE, ALIVE) in street)
        centre.close()
        assert soon(lambda: Message(CENTRE, GONE) in street)


def test_a_broker_that_dies_and_comes_back_is_told_again_what_is_retained(broker: Any, soon: Soon) -> None:
    place = broker.place
    with closing(MqttTransport.at(place, "town", field=True)) as kerb, closing(MqttTransport.at(place, "town", field=False)) as centre:
        assert soon(lambda: kerb.connected and centre.connected)
        office, status = Listener(centre), Message(status_topic("A0"), b"as ever")
        assert kerb.send(*status, True) and soon(lambda: status in office)
        broker.kill()
        assert soon(lambda: not kerb.connected and not centre.connected) and not centre.send("signal/A0/lease", b"lost")
        office.heard.clear()
        broker.start()
        assert soon(lambda: kerb.connected and centre.connected) and soon(lambda: status in office)
        assert kerb.connections == centre.connections == 2


@pytest.mark.parametrize("place", ["broker", "broker:", "broker:99999", ":1883", "broker:1x"])
def test_a_place_that_is_none_is_one_sentence(place: str) -> None:
    with pytest.raises(ConfigError, match="expected HOST:PORT"):
        MqttTransport.at(place, "town", field=False)


@pytest.mark.parametrize("site", ["", "a/b", "+", "#", "x" * 65])
def test_a_site_that_would_mean_other_topics_is_refused(site: str) -> None:
    with pytest.raises(ConfigError, match="expected 1 to 64 characters"):
        MqttTransport("127.0.0.1", 1, site, field=False)

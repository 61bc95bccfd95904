"""Logins at a real broker: who is let in, whose certificate is believed, who may say what; and that nobody ever hears the password."""

import gc
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from citybrain.field.broker_login import BrokerLogin, broker_trouble
from citybrain.field.broker_probe import broker_refusal
from citybrain.field.mqtt import MqttTransport
from citybrain.field.transport import Message, ack_topic, lease_topic, status_topic
from signals.errors import ConfigError

Soon = Callable[..., bool]
Program = Callable[[str], str]
Guarded = Callable[..., Any]
PASSWORDS = {"citybrain": "word-of-the-service", "A0": "word-of-a-cabinet", "loop-17": "word-of-a-sensor", "gateway": "word-of-a-street"}
DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
ACL = DEPLOY / "mosquitto.acl"
WITHIN_S = 5.0


def login(user: str, **more: Any) -> BrokerLogin:
    return BrokerLogin(user, PASSWORDS[user], **more)


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Path:
    """Two authorities; the first one's certificates of a broker, of a centre, and of a broker elsewhere."""
    program("openssl")
    folder = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for ca in ("ca", "other"):
        openssl(folder, "req", "-x509", *key, "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-days", "2", "-subj", f"/CN={ca}")
    for name, host, purpose in (
        ("broker", "IP:127.0.0.1", "serverAuth"),
        ("far", "DNS:far.example", "serverAuth"),
        ("centre", "", "clientAuth"),
    ):
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "more").write_text(f"extendedKeyUsage={purpose}\n" + (f"subjectAltName={host}\n" if host else ""))
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "more")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    for path in folder.glob("*.key"):
        path.chmod(0o600)
    return folder


@pytest.fixture
def guarded(tmp_path: Path, program: Program, make_broker: Callable[[str], Any]) -> Callable[..., Any]:
    """`guarded("further lines")`: a broker with names, passwords and the topics of `deploy/mosquitto.acl`."""

    def make(more: str = "") -> Any:
        passwords = tmp_path / "passwords"
        passwords.write_text("".join(f"{user}:{word}\n" for user, word in PASSWORDS.items()))
        passwords.chmod(0o600)
        subprocess.run([program("mosquitto_passwd"), "-U", str(passwords)], check=True)
        return make_broker(f"allow_anonymous false\npassword_file {passwords}\nacl_file {ACL}\n{more}")

    return make


def encrypted(folder: Path, name: str = "broker", more: str = "") -> str:
    return f"cafile {folder}/ca.pem\ncertfile {folder}/{name}.pem\nkeyfile {folder}/{name}.key\n{more}"


def test_who_knows_the_password_is_let_in_and_nobody_else(guarded: Guarded, soon: Soon, caplog: pytest.LogCaptureFixture) -> None:
    broker = guarded()
    place = broker.place
    with closing(MqttTransport.at(place, "city", field=False, login=login("citybrain"))) as centre:
        assert soon(lambda: centre.connected) and centre.trouble == ""
    wrong = replace(login("citybrain"), password=PASSWORDS["A0"])
    for who, named in ((wrong, "user 'citybrain'"), (BrokerLogin(), "who gives no name"), (BrokerLogin("eve", "x"), "user 'eve'")):
        said = f"broker {place}: does not let {named} in; expected another user or password"
        with closing(MqttTransport.at(place, "city", field=False, login=who)) as centre:
            assert soon(lambda centre=centre: centre.trouble != "") and centre.trouble == said and not centre.connected
        assert broker_refusal("127.0.0.1", broker.port, who, WITHIN_S) == said
    assert broker_refusal("127.0.0.1", broker.port, login("loop-17"), WITHIN_S) == ""
    heard = caplog.text + repr(wrong) + str(wrong)
    assert not any(word in heard for word in PASSWORDS.values())


@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
def test_a_broker_is_believed_by_its_certificate_and_a_centre_by_its_own(guarded: Guarded, certificates: Path, soon: Soon) -> None:
    ours = login("citybrain", tls=True, ca_file=certificates / "ca.pem")
    with_certificate = replace(ours, cert_file=certificates / "centre.pem", key_file=certificates / "centre.key")
    broker = guarded(encrypted(certificates))
    with closing(MqttTransport.at(broker.place, "city", field=False, login=ours)) as centre:
        assert soon(lambda: centre.connected)
    said = broker_refusal("127.0.0.1", broker.port, replace(ours, ca_file=certificates / "other.pem"), WITHIN_S)
    assert "its certificate is refused (" in said and said.endswith("other.pem, made out for this host")
    assert "expected one that this machine trusts" in broker_refusal("127.0.0.1", broker.port, login("citybrain", tls=True), WITHIN_S)
    assert "or hangs up; does it want TLS (tls, ca_file)?" in broker_refusal("127.0.0.1", broker.port, login("citybrain"), 0.5)
    broker = guarded(encrypted(certificates, "far"))
    assert "refused (IP address mismatch" in broker_refusal("127.0.0.1", broker.port, ours, WITHIN_S)
    broker = guarded(encrypted(certificates, more="require_certificate true"))
    assert broker_refusal("127.0.0.1", broker.port, with_certificate, WITHIN_S) == ""
    assert "certificate" in broker_refusal("127.0.0.1", broker.port, ours, 1.0)
    gc.collect()  # lines that came to nothing: paho leaves it to the collector to close them


def test_the_broker_s_file_that_operators_are_handed_works_with_their_own_places_in_it(
    tmp_path: Path, certificates: Path, program: Program, make_broker: Callable[[str], Any]
) -> None:
    words = (DEPLOY / "mosquitto.conf").read_text(encoding="utf-8").replace("listener 8883", "listener PORT 127.0.0.1")
    passwords = tmp_path / "citybrain.passwd"
    subprocess.run([program("mosquitto_passwd"), "-b", "-c", str(passwords), "citybrain", PASSWORDS["citybrain"]], check=True)
    passwords.chmod(0o600)
    for stands, ours in (
        ("/etc/mosquitto/certs", certificates),
        ("/etc/mosquitto/citybrain.acl", ACL),
        ("/etc/mosquitto/citybrain.passwd", passwords),
    ):
        assert stands in words
        words = words.replace(stands, str(ours))
    broker = make_broker(words)
    ours = login("citybrain", ca_file=certificates / "ca.pem")
    assert broker_refusal("127.0.0.1", broker.port, ours, WITHIN_S) == ""
    assert "does not let who gives no name in" in broker_refusal("127.0.0.1", broker.port, replace(ours, user="", password=""), WITHIN_S)


def test_certificates_that_cannot_be_used_are_one_sentence(tmp_path: Path, certificates: Path) -> None:
    (tmp_path / "soup.pem").write_text("soup")
    open_key = tmp_path / "open.key"
    open_key.write_bytes((certificates / "centre.key").read_bytes())
    open_key.chmod(0o644)
    locked = tmp_path / "locked.key"
    openssl(tmp_path, "ec", "-aes128", "-passout", "pass:x", "-in", str(certificates / "centre.key"), "-out", str(locked))
    locked.chmod(0o600)
    pem = certificates / "centre.pem"
    for one, said in (
        (BrokerLogin(ca_file=tmp_path / "soup.pem"), r"^ca_file .*soup.pem: .*; expected certificates as PEM$"),
        (BrokerLogin(ca_file=tmp_path / "none.pem"), r"^ca_file .*no such file"),
        (BrokerLogin(cert_file=pem, key_file=open_key), r"^key_file .*mode 0644"),
        (BrokerLogin(cert_file=pem, key_file=certificates / "broker.key"), r"^cert_file .*key values mismatch"),
        (BrokerLogin(cert_file=pem, key_file=locked), r"^cert_file .*without a pass phrase"),
    ):
        with pytest.raises(ConfigError, match=said):
            one.tls_context()
    assert BrokerLogin("u", "p").tls_context() is None


class Ear:
    """Everything that somebody hears."""

    def __init__(self, wire: MqttTransport) -> None:
        self.wire, self.heard = wire, list[Message]()

    def has(self, message: Message) -> bool:
        self.heard += self.wire.receive(0.02)
        return message in self.heard


async def say(broker: Any, who: BrokerLogin, words: list[tuple[str, bytes]]) -> None:
    import aiomqtt

    user, password = who.name_and_password()
    async with aiomqtt.Client("127.0.0.1", broker.port, username=user, password=password) as client:
        for topic, payload in words:
            await client.publish(topic, payload, qos=1)


def test_a_sensor_cannot_lend_a_controller_speaks_for_itself_alone_and_the_service_does_what_it_must(guarded: Guarded, soon: Soon) -> None:
    import asyncio

    base, broker = "citybrain/city/", guarded()
    with (
        closing(MqttTransport.at(broker.place, "city", field=True, login=login("gateway"))) as kerb,
        closing(MqttTransport.at(broker.place, "city", field=False, login=login("citybrain"))) as centre,
    ):
        assert soon(lambda: kerb.connected and centre.connected)
        street, office = Ear(kerb), Ear(centre)
        forged = [(base + lease_topic("A0"), b"forged"), (base + "centre", b"forged")]
        asyncio.run(say(broker, login("loop-17"), [*forged, (base + status_topic("A0"), b"forged"), ("city/sensors/loop-18", b"forged")]))
        asyncio.run(say(broker, login("A0"), [*forged, (base + status_topic("B0"), b"forged"), (base + ack_topic("A0"), b"of A0")]))
        assert centre.send(lease_topic("A0"), b"true", retain=True) and kerb.send(status_topic("B0"), b"true")
        assert soon(lambda: street.has(Message(lease_topic("A0"), b"true")))
        assert soon(lambda: office.has(Message(status_topic("B0"), b"true"))) and office.has(Message(ack_topic("A0"), b"of A0"))
        time.sleep(0.05)
        assert not any(street.has(Message(topic.removeprefix(base), b"forged")) for topic, _ in forged)
        assert not any(message.payload == b"forged" for message in (*street.heard, *office.heard))


def test_what_a_sensor_may_say_is_heard_by_the_service(guarded: Guarded) -> None:
    import asyncio

    import aiomqtt

    async def heard(broker: Any) -> list[tuple[str, bytes]]:
        user, password = login("citybrain").name_and_password()
        found = []
        async with aiomqtt.Client("127.0.0.1", broker.port, username=user, password=password) as client:
            await client.subscribe("city/sensors/#", qos=1)
            await say(broker, login("A0"), [("city/sensors/loop-17", b"forged")])
            await say(broker, login("loop-17"), [("city/sensors/loop-17", b"seen")])
            async for message in client.messages:
                found.append((str(message.topic), bytes(message.payload)))
                break
        return found

    assert asyncio.run(asyncio.wait_for(heard(guarded()), 10.0)) == [("city/sensors/loop-17", b"seen")]


def test_nobody_there_is_one_sentence_and_an_odd_error_keeps_its_words() -> None:
    assert broker_refusal("127.0.0.1", 1, BrokerLogin(), 1.0).startswith("broker 127.0.0.1:1: does not answer (")
    assert broker_trouble("b:1", BrokerLogin("u", "secret-word"), OSError("no\nroute")) == "broker b:1: does not answer (no route)"

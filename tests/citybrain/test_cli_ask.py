"""Claims about `citybrain ask`, against a real service on a street of emulated controllers: orders, questions, and who may."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from citybrain.cli_ask import COMMANDS, ask_app, cell, of_words, stage_of
from citybrain.field.server import FieldServer
from citybrain.field.transport import status_topic
from citybrain.service.desk import Mode, Role
from citybrain.service.keys import KeyRing, write_private
from citybrain.service.serving import Serving
from citybrain.service.settings import city_settings
from signals.emulator import EmulatedController
from signals.errors import ConfigError, LinkError, SignalsError
from signals.lease import encode_status
from signals.rules import RULES
from signals.types import Network

Ask = Callable[..., tuple[int, str]]


def speak(network: Network, wire: FieldServer, stop: threading.Event) -> None:
    """The street: controllers that tell where they are, ten seconds of theirs a second."""
    cabinets, now_s = [EmulatedController(s, RULES["street"], 0.0) for s in network.signals], 0.0
    while not stop.is_set():
        for one in cabinets:
            one.step(now_s)
            wire.send(status_topic(one.signal.id), encode_status(one.status(now_s)), retain=True)
        wire.receive(0.1)
        now_s += 1.0
    wire.close()


@pytest.fixture(scope="module")
def city(grid: Network, grid_net: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a service that runs."""
    folder, wire, stop = tmp_path_factory.mktemp("city"), FieldServer(), threading.Event()
    path = folder / "city.toml"
    path.write_text(
        f'site = "grid"\n[street]\nnet = "{grid_net}"\nat = "tcp:127.0.0.1:{wire.port}"\nsimulated = true\n'
        '[plan]\ncontroller = "max_pressure"\nmode = "shadow"\n[web]\nport = 0\n'
    )
    thread = threading.Thread(target=speak, args=(grid, wire, stop))
    thread.start()
    try:
        with Serving(city_settings(path)) as running:
            running.start()
            (folder / "state" / "address").write_text(running.web.address)
            assert running.service.wait_ready(60.0)
            yield path
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def ask(city: Path) -> Ask:
    """`ask("lift", "A0")` as if typed after `citybrain ask`; its exit code and what it said, errors raised."""

    def typed(*words: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        shared = () if "--at" in options else ("--city", str(city))
        ran = CliRunner().invoke(ask_app, [*shared, *options, *words])
        if isinstance(ran.exception, SignalsError):
            raise ran.exception
        return ran.exit_code, ran.output

    return typed


def records(city: Path, ask: Ask) -> int:
    """How many commands the service has written down."""
    return int(ask("set-mode", "shadow", options=("--json",))[1].split('"number": ')[1].split(",")[0])


def test_an_order_is_written_down_and_in_force(ask: Ask) -> None:
    code, said = ask("set-mode", "advise", "--signals", "A0", "--signals", "B1", "--reason", "试运行")
    assert code == 0 and said.startswith("record ") and "2 signals: mode advise" in said
    modes = {row["id"]: row["mode"] for row in json.loads(ask("signals", options=("--json",))[1])}
    assert modes == {"A0": "advise", "A1": "shadow", "B0": "shadow", "B1": "advise"}
    assert ask("set-mode", "shadow")[0] == 0


def test_an_override_is_given_shown_and_lifted(ask: Ask) -> None:
    assert ask("override", "A0", "2", "60", "road works")[0] == 0
    shown = json.loads(ask("detail", "A0")[1])
    assert shown["override"]["reason"] == "road works" and shown["override"]["phase"] == 2
    assert shown["override"]["owner"].startswith("ask "), "records name whose key it was"
    assert ask("lift", "A0")[0] == 0
    assert json.loads(ask("detail", "A0")[1])["override"] is None


def test_a_plan_is_proposed_listed_approved_and_rolled_back(ask: Ask) -> None:
    base = json.loads(ask("plans", "A0", options=("--json",))[1])[-1]
    stages = [f"{phase}:{green_s + 2.0}" for phase, green_s in base["stages"]]
    code, said = ask("propose", "A0", *stages, "--reason", "longer", options=("--json",))
    number = json.loads(said)["found"]["proposal"]
    assert code == 0 and str(number) in ask("proposals")[1] and "longer" in ask("proposals")[1]
    assert ask("approve", str(number))[0] == 0
    archived = json.loads(ask("plans", "A0", options=("--json",))[1])
    assert archived[0]["stages"] == [[p, g + 2.0] for p, g in base["stages"]]
    assert ask("roll-back", "A0", str(base["number"]))[0] == 0
    assert ask("lift", "A0")[0] == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("override", "A0", "9", "60", "why"), "phase 9"),
        (("override", "Z9", "1", "60", "why"), "Z9"),
        (("override", "A0", "1", "nan", "why"), "expected a finite number"),
        (("lift", "A1"), "nothing stands"),
        (("approve", "4711"), "4711"),
        (("set-controller", "turbo"), "turbo"),
        (("set-mode", "turbo"), "known are advise"),
        (("propose", "A0", "1:x"), "expected PHASE:GREEN_S"),
        (("fault", "soup"), "soup"),
        (("detail", "Z9"), "no signal of that name"),
        (("detail", "../kpi"), "refused"),
    ],
)
def test_what_cannot_be_is_one_sentence(ask: Ask, words: tuple[str, ...], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        ask(*words)


@pytest.mark.parametrize("words", [("override", "A0"), ("soup",), ("lift",), ("plans", "A0", "--limit", "x")])
def test_what_was_typed_wrongly_is_exit_code_2(ask: Ask, words: tuple[str, ...]) -> None:
    assert ask(*words)[0] == 2


def test_questions_are_answered_for_people_and_for_programs(ask: Ask) -> None:
    assert "shadow" in ask("signals")[1] and "B1" in ask("signals")[1]
    assert json.loads(ask("kpi")[1])["simulated"] is True
    assert isinstance(json.loads(ask("alarms", options=("--json",))[1]), list)
    assert "as built" in ask("plans", "A1")[1]


def test_every_command_of_the_desk_is_a_verb() -> None:
    verbs = typer.main.get_command(ask_app).commands  # type: ignore[attr-defined]
    assert {name.replace("_", "-") for name in COMMANDS} <= verbs.keys()
    said = CliRunner().invoke(ask_app, ["override", "--help"]).output
    assert "Needs the role operator" in said.replace("\n", " ").replace("  ", " ")


def test_a_viewers_key_from_a_file_reads_and_orders_nothing(city: Path, ask: Ask, tmp_path: Path) -> None:
    token, _ = KeyRing(city.parent / "state" / "keys.json", time.time).add("vera", Role.VIEWER)
    write_private(tmp_path / "key", token)
    options = ("--key-file", str(tmp_path / "key"))
    address = (city.parent / "state" / "address").read_text()
    assert ask("signals", options=options)[0] == 0
    assert ask("signals", options=("--at", address, *options))[0] == 0
    before = records(city, ask)
    with pytest.raises(ConfigError, match="refused: this key has the role viewer"):
        ask("set-mode", "automatic", options=options)
    assert records(city, ask) == before + 1, "nothing was written but the question itself"


def test_without_a_key_an_address_or_a_service_it_says_what_it_expected(city: Path, ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--key-file"):
        ask("signals", options=("--at", "http://127.0.0.1:1"))
    real = tmp_path / "city.toml"
    real.write_text(city.read_text().replace("simulated = true", "").replace("port = 0", "port = 1"))
    with pytest.raises(ConfigError, match="a street that is not simulated; expected --key-file"):
        ask("signals", options=("--city", str(real)))
    real.write_text(city.read_text().replace("port = 0", "port = 1"))
    with pytest.raises(LinkError, match="no service answers"):
        ask("signals", options=("--city", str(real)))


def test_words_become_what_the_body_has() -> None:
    assert stage_of("2:25") == (2, 25.0)
    assert of_words(Mode, "shadow", "mode") == "shadow"
    assert of_words(tuple[str, ...], ("A0",), "signals") == ["A0"]
    for word in ("", "2", "0:5", "1:nan", "x:1"):
        with pytest.raises(ConfigError, match="expected PHASE:GREEN_S"):
            stage_of(word)
    assert [cell(v) for v in (None, "", 3, {"en": "a"}, {"owner": "b"}, [[1, 30.0]])] == ["-", "-", "3", "a", "owner b", "1:30"]

"""Claims about what operators are handed: every alarm has its line, every command and every figure that is named exists."""

import re
from pathlib import Path

import pytest
import typer

from citybrain import cli
from citybrain.cli_ask import ask_app
from citybrain.service.alarms import WORDS

ROOT = Path(cli.__file__).resolve().parents[1]
RUNBOOKS = ("docs/runbook.md", "docs/runbook.zh.md")
UNITS = ("deploy/citybrain.service", "deploy/citybrain-backup.service", "deploy/citybrain-forecast.service")
FIGURES = ("citybrain/service/showing.py", "citybrain/web/exposition.py")


@pytest.mark.parametrize("name", RUNBOOKS)
def test_the_runbook_says_what_to_do_at_every_alarm(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(WORDS)


@pytest.mark.parametrize(
    "name",
    [
        *RUNBOOKS,
        "deploy/citybrain.service",
        "deploy/citybrain-backup.service",
        "deploy/citybrain-forecast.service",
        "deploy/prometheus.yml",
    ],
)
def test_every_command_that_is_named_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    asked = {word.replace("-", "_") for word in re.findall(r"`ask ([a-z-]+)", text)}
    verbs = {word for word in re.findall(r"(?:citybrain|cb) ([a-z]+)(?=[ `])", text)}
    known = {one.name or one.callback.__name__ for one in cli.app.registered_commands if one.callback}
    known |= {group.name for group in cli.app.registered_groups}
    assert verbs and verbs <= known
    assert asked <= {verb.replace("-", "_") for verb in typer.main.get_command(ask_app).commands}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["deploy/alerts.yml"])
def test_every_figure_that_wakes_somebody_exists(name: str) -> None:
    asked = set(re.findall(r"\bcitybrain_\w+", (ROOT / name).read_text(encoding="utf-8")))
    given = set(re.findall(r"\bcitybrain_\w+", "".join((ROOT / file).read_text(encoding="utf-8") for file in FIGURES)))
    assert asked and asked <= given


def test_the_service_stops_slower_than_systemd_waits_and_starts_again_for_ever() -> None:
    unit = (ROOT / "deploy/citybrain.service").read_text(encoding="utf-8")
    for line in (
        "Restart=always",
        "StartLimitIntervalSec=0",
        "TimeoutStopSec=45",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "DynamicUser=yes",
    ):
        assert f"\n{line}\n" in unit


def test_the_container_runs_as_nobody_special_and_says_whether_it_is_well() -> None:
    lines = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").splitlines()
    last = max(k for k, line in enumerate(lines) if line.startswith("USER "))
    assert lines[last] == "USER 10001" and any(line.startswith("HEALTHCHECK") for line in lines)
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert all((ROOT / name).exists() for name in copied if name != "pyproject.toml" and "." not in name)

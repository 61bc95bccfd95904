"""A city's file: what it may say, and a sentence for everything else."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citybrain.service.settings import city_settings
from signals.errors import ConfigError

WHOLE = """
site = "here"
[street]
net = "net.xml"
at = "mqtt:broker:1883"
rules = "resco"
decision_s = 5
[plan]
controller = "webster"
mode = "advise"
[keep]
folder = "kept"
days = 3
[web]
port = 9000
[[sources]]
kind = "replay"
at = "counts.csv"
speed = 60
"""


def written(folder: Path, text: str) -> Path:
    """A file of it."""
    path = folder / "city.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_file_is_taken_over(tmp_path: Path) -> None:
    found = city_settings(written(tmp_path, WHOLE))
    assert found.site == "here" and found.street.wire == ("mqtt", "broker", 1883)
    assert found.street.net == tmp_path / "net.xml" and found.keep.folder == tmp_path / "kept"
    assert (found.street.chosen_rules.decision_s, found.plan.mode, found.web.port) == (5.0, "advise", 9000)
    assert [one.speed for one in found.sources] == [60.0]


def test_little_is_enough(tmp_path: Path) -> None:
    found = city_settings(written(tmp_path, '[street]\nnet = "n.xml"\nat = "tcp:127.0.0.1:7400"\n'))
    assert (found.plan.mode, found.web.host, found.street.simulated) == ("shadow", "127.0.0.1", False)


WRONG = [
    ("", "no [street]"),
    ("site = 3\n[street]\nnet='n'\nat='tcp:a:1'", "site 3"),
    ("strete = 1", "did you mean 'street'"),
    ("[street]\nnet = 'n'", "a key is missing"),
    ("[street]\nnet='n'\nat='tcp:a'", "expected one of tcp:HOST:PORT"),
    ("[street]\nnet='n'\nat='http:a:80'", "expected one of tcp:HOST:PORT"),
    ("[street]\nnet='n'\nat='tcp:a:70000'", "expected one of tcp:HOST:PORT"),
    ("[street]\nnet='n'\nat='tcp:a:1'\nrules='streets'", "did you mean 'street'"),
    ("[street]\nnet='n'\nat='tcp:a:1'\nspeed=0", "above 0"),
    ("[street]\nnet='n'\nat='tcp:a:1'\nspeed='fast'", "expected float"),
    ("[street]\nnet='n'\nat='tcp:a:1'\n[plan]\nmode='auto'", "did you mean 'automatic'"),
    ("[street]\nnet='n'\nat='tcp:a:1'\n[plan]\nweekday=7", "0 (Monday) to 6"),
    ("[street]\nnet='n'\nat='tcp:a:1'\n[plan]\nzone='Mars/Base'", "there is none of that name"),
    ("[street]\nnet='n'\nat='tcp:a:1'\n[keep]\ncounts_days=0.5", "expected 1 or more"),
    ("[street]\nnet='n'\nat='tcp:a:1'\n[plan]\ncontroller='lerned'", "did you mean 'learned'"),
    ("[street]\nnet='n'\nat='tcp:a:1'\n[web]\nhost='0.0.0.0'", "is not loopback"),
    ("[street]\nnet='n'\nat='tcp:a:1'\n[web]\nport=99999", "expected 0 to 65535"),
    ("street = 4", "expected a table [street]"),
    ("sources = 4\n[street]\nnet='n'\nat='tcp:a:1'", "[[sources]]"),
    ("[street", "not readable TOML"),
]


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[words for _, words in WRONG])
def test_a_wrong_file_is_told_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        city_settings(written(tmp_path, text))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        city_settings(tmp_path / "none.toml")


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_at_all_breaks_the_reader(tmp_path: Path, data: st.DataObject) -> None:
    lines = WHOLE.splitlines()
    value = st.one_of(st.integers(), st.floats(), st.text(max_size=20), st.booleans(), st.lists(st.integers(), max_size=3))
    for _ in range(data.draw(st.integers(1, 4))):
        k = data.draw(st.integers(0, len(lines) - 1))
        key = lines[k].partition("=")[0]
        lines[k] = data.draw(st.one_of(st.text(max_size=40), value.map(lambda v, key=key: f"{key}= {json.dumps(v)}")))  # type: ignore[misc]
    try:
        city_settings(written(tmp_path, "\n".join(lines)))
    except ConfigError as error:
        assert "\n" not in str(error).strip()

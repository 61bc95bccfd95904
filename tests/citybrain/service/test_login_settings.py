"""What a city's file may say of logins: files and names beside it, and no password."""

from pathlib import Path
from typing import Any

import pytest

from citybrain.service.login_settings import LoginSettings, check_login, login_beside
from citybrain.service.settings import CitySettings, city_settings
from signals.errors import ConfigError

WORD = "geheim-und-lang-genug-fuer-einen-test"
MQTT = 'at = "mqtt:broker:8883"'


def read(folder: Path, street: str, more: str = "") -> CitySettings:
    path = folder / "city.toml"
    path.write_text(f'[street]\nnet = "net.xml"\n{street}\n{more}', encoding="utf-8")
    return city_settings(path)


def test_files_are_beside_the_city_s_and_read_when_they_are_used(tmp_path: Path) -> None:
    street = f'{MQTT}\nuser = "citybrain"\npassword_file = "broker.password"\nca_file = "ca.pem"'
    source = '[[sources]]\nkind = "mqtt"\nat = "b:8883/x/#"\nuser = "citybrain"\npassword_file = "/run/other"\n'
    found = read(tmp_path, street, source)
    assert found.street.password_file == tmp_path / "broker.password" and found.street.ca_file == tmp_path / "ca.pem"
    assert found.sources[0].password_file == Path("/run/other")
    with pytest.raises(ConfigError, match="no such file"):
        found.street.read_login()
    (tmp_path / "broker.password").write_text(WORD + "\n")
    with pytest.raises(ConfigError, match="others than its owner") as caught:
        found.street.read_login()
    assert WORD not in str(caught.value)
    (tmp_path / "broker.password").chmod(0o600)
    login = found.street.read_login()
    assert login.name_and_password() == ("citybrain", WORD) and login.encrypted
    assert WORD not in repr(login) + repr(found) + str(found)


def test_a_password_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    street = read(tmp_path, f'{MQTT}\nuser = "citybrain"\npassword_env = "STREET_WORD"').street
    monkeypatch.delenv("STREET_WORD", raising=False)
    with pytest.raises(ConfigError, match="password_env STREET_WORD: no such environment variable"):
        street.read_login()
    monkeypatch.setenv("STREET_WORD", WORD)
    assert street.read_login().password == WORD and WORD not in repr(street)


def test_without_a_word_nobody_logs_in(tmp_path: Path) -> None:
    login = read(tmp_path, MQTT).street.read_login()
    assert login.name_and_password() == (None, None) and not login.encrypted


def test_a_secret_of_both_ends_is_read_for_tcp_alone(tmp_path: Path) -> None:
    street = read(tmp_path, 'at = "tcp:127.0.0.1:1"\nsecret_file = "street.secret"').street
    (tmp_path / "street.secret").write_text(WORD)
    (tmp_path / "street.secret").chmod(0o600)
    assert street.secret == WORD.encode() and read(tmp_path, 'at = "tcp:127.0.0.1:1"').street.secret == b""
    with pytest.raises(ConfigError, match="secret_file is for a tcp street"):
        read(tmp_path, f'{MQTT}\nsecret_file = "street.secret"')


WRONG = {
    f'{MQTT}\npassword = "{WORD}"': "unknown key 'password'",
    f'at = "mqtt:citybrain:{WORD}@broker:8883"': "at has an @ in it",
    'at = "tcp:127.0.0.1:1"\nuser = "x"': "user, password and certificates are for MQTT brokers",
    f'{MQTT}\nuser = "x"\npassword_file = "a"\npassword_env = "B"': "password_file and password_env; expected one of them",
    f'{MQTT}\npassword_file = "a"': "a password of nobody",
    f'{MQTT}\nkey_file = "a"': "key_file without cert_file",
    f"{MQTT}\npassword_file = 1": "password_file is 1; expected Path",
}


@pytest.mark.parametrize("street", WRONG)
def test_keys_that_do_not_go_together_are_one_sentence_without_a_password(tmp_path: Path, street: str) -> None:
    with pytest.raises(ConfigError, match=WRONG[street]) as caught:
        read(tmp_path, street)
    assert WORD not in str(caught.value)


def test_a_source_s_place_with_a_password_in_it_is_not_repeated(tmp_path: Path) -> None:
    source = f'[[sources]]\nkind = "mqtt"\nat = "citybrain:{WORD}@broker:8883/x"\n'
    with pytest.raises(ConfigError, match="sources: at has an @ in it") as caught:
        read(tmp_path, 'at = "tcp:127.0.0.1:1"', source)
    assert WORD not in str(caught.value)


def test_settings_of_a_login_by_themselves() -> None:
    one = LoginSettings(user="x", cert_file=Path("c.pem"))
    assert login_beside(one, Path("/etc/city")).cert_file == Path("/etc/city/c.pem")
    check_login(one, "b:1", True, "here")
    with pytest.raises(ConfigError, match=r"^here: "):
        check_login(one, "b:1", False, "here")


def test_the_doctor_and_the_service_say_one_sentence_of_a_file_that_others_can_read(city: Any) -> None:
    from citybrain.service.doctor import examined
    from citybrain.service.wires import broker_of, wire_to

    text = city.path.read_text().replace('at = "tcp:127.0.0.1:1"', 'at = "mqtt:127.0.0.1:1"\nuser = "x"\npassword_file = "word"')
    city.path.write_text(text + '[[sources]]\nkind = "mqtt"\nat = "127.0.0.1:1/x"\nuser = "x"\npassword_file = "word"\n')
    word = city.path.parent / "word"
    word.write_text(WORD)
    word.chmod(0o644)
    found = list(examined(city.path, 1_800_000_100.0))
    said = [one.sentence for one in found if "others than its owner may use it" in one.sentence]
    assert len(said) == 2 and not any(WORD in repr(one) for one in found)
    settings = city_settings(city.path)
    for read_it in (lambda: wire_to(settings.street, "city"), lambda: broker_of(settings.sources[0])):
        with pytest.raises(ConfigError, match="others than its owner"):
            read_it()

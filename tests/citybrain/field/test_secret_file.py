"""Secrets in files: made for one, refused where others could read them, and never repeated."""

import os
import stat
from pathlib import Path

import pytest

from citybrain.field.secret_file import CREDENTIALS, check_private, made_secret, secret_of, shared_secret
from signals.errors import ConfigError

WORD = "geheim-und-lang-genug-fuer-einen-test"


def written(path: Path, words: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(words)
    path.chmod(mode)
    return path


def test_a_secret_is_drawn_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "street.secret"
    secret = made_secret(path)
    assert len(secret) == 64 and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made_secret(path) == shared_secret(path) == secret and made_secret(tmp_path / "other") != secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_what_others_may_use_is_refused_and_not_repeated(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "word", WORD.encode(), mode)
    for read in (lambda: secret_of(path, "password_file"), lambda: shared_secret(path), lambda: made_secret(path)):
        with pytest.raises(ConfigError, match=rf"others than its owner may use it \(mode {mode:04o}\); expected mode 0600") as caught:
            read()
        assert WORD not in str(caught.value)


WRONG = {
    "empty": (b"", "0 lines"),
    "blank": (b"  \n", "expected one line"),
    "two": (f"{WORD}\n{WORD}\n".encode(), "2 lines"),
    "long": (b"x" * 5000, "expected one line of 1 to 4096 bytes"),
    "bytes": (b"\xff\xfe" + WORD.encode(), "is no text"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_secret_is_one_sentence(tmp_path: Path, name: str) -> None:
    words, said = WRONG[name]
    with pytest.raises(ConfigError, match=said) as caught:
        secret_of(written(tmp_path / name, words), "password_file")
    assert WORD not in str(caught.value) and caught.value.__cause__ is None


def test_what_is_missing_no_file_or_anothers_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or directory; expected a file that its owner alone may read"):
        check_private(tmp_path / "none", "key_file")
    with pytest.raises(ConfigError, match="is no file"):
        check_private(tmp_path, "key_file")
    if os.geteuid() == 0:
        path = written(tmp_path / "theirs", WORD.encode())
        os.chown(path, 12345, 12345)
        with pytest.raises(ConfigError, match="belongs to user 12345"):
            check_private(path, "key_file")


def test_a_secret_that_could_be_guessed_is_refused_as_one_of_two_ends(tmp_path: Path) -> None:
    path = written(tmp_path / "short", b"hunter2\n")
    assert secret_of(path, "password_file") == "hunter2"
    with pytest.raises(ConfigError, match="7 characters; expected at least 32"):
        shared_secret(path)


def test_what_systemd_hands_over_is_taken_from_its_own_folder_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to whom a credential belongs")
    path = written(tmp_path / "street.password", WORD.encode(), 0o440)
    with pytest.raises(ConfigError, match="mode 0440"):
        check_private(path, "password_file")
    monkeypatch.setenv(CREDENTIALS, str(tmp_path))
    assert secret_of(path, "password_file") == WORD
    path.chmod(0o444)
    with pytest.raises(ConfigError, match="mode 0444"):
        check_private(path, "password_file")

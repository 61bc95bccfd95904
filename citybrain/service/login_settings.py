"""What a city's file says of logins at a wire: names and files, never a password. Files are beside city.toml; secrets are read on use."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from citybrain.field.broker_login import BrokerLogin
from citybrain.field.secret_file import secret_of
from signals.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSettings:
    """Of an MQTT broker: who we are (`user` with a password in a file or in a variable), and how both ends know one another (TLS)."""

    user: str = ""
    password_file: Path | None = None
    password_env: str = ""  # name of an environment variable
    tls: bool = False
    ca_file: Path | None = None  # implies tls
    cert_file: Path | None = None  # of ours, with its key; implies tls
    key_file: Path | None = None

    def read_login(self) -> BrokerLogin:
        """With the password, read now; ConfigError in one sentence where it cannot be."""
        password = ""
        if self.password_file is not None:
            password = secret_of(self.password_file, "password_file")
        elif self.password_env:
            password = os.environ.get(self.password_env, "")
            if not password:
                raise ConfigError(f"password_env {self.password_env}: no such environment variable; expected one with the password")
        return BrokerLogin(self.user, password, self.tls, self.ca_file, self.cert_file, self.key_file)


S = TypeVar("S", bound=LoginSettings)
FILES = ("password_file", "ca_file", "cert_file", "key_file")


def login_beside(settings: S, folder: Path) -> S:
    """The login's files where the city's file lies."""
    named = {name: folder / path for name in FILES if (path := getattr(settings, name)) is not None}
    return replace(settings, **named)


def check_login(settings: LoginSettings, place: str, broker: bool, where: str) -> None:
    """ConfigError where the keys do not go together; nothing is read."""
    if "@" in place:  # its text might be a password: it is not repeated
        raise ConfigError(f"{where}: at has an @ in it; expected KIND:HOST:PORT, with the name in user and the password in password_file")
    given = any((settings.user, settings.password_file, settings.password_env, settings.tls, settings.ca_file, settings.cert_file))
    if given and not broker:
        raise ConfigError(f"{where}: user, password and certificates are for MQTT brokers; expected none of them at {place}")
    if settings.password_file is not None and settings.password_env:
        raise ConfigError(f"{where}: password_file and password_env; expected one of them")
    if (settings.password_file is not None or settings.password_env) and not settings.user:
        raise ConfigError(f"{where}: a password of nobody; expected a user")
    if settings.key_file is not None and settings.cert_file is None:
        raise ConfigError(f"{where}: key_file without cert_file; expected both")

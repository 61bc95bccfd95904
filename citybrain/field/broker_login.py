"""Who we are to an MQTT broker, and how we know that it is the right one: name and password, and certificates. And why it says no.

Nothing here ever says the password: not its text form, not a sentence.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from citybrain.field.secret_file import check_private
from signals.errors import ConfigError

NOT_LET_IN = {4, 5, 134, 135, 138, 140}  # codes of CONNACK, MQTT 3 and 5, that speak of the login


@dataclass(frozen=True, slots=True)
class BrokerLogin:
    """Empty: no name, no encryption. `ca_file` is of who vouches for the broker; without it, those that the machine trusts."""

    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the line is."""
        return self.tls or self.ca_file is not None or self.cert_file is not None

    def name_and_password(self) -> tuple[str | None, str | None]:
        """As a client wants them."""
        return self.user or None, self.password or None

    def tls_context(self) -> ssl.SSLContext | None:
        """How the line is encrypted and the broker's certificate is checked, by its host's name too; None: not at all."""
        if not self.encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(f"ca_file {self.ca_file}: {_reason(error)}; expected certificates as PEM") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert_file is not None:
            key_file = self.key_file or self.cert_file
            check_private(key_file, "key_file")
            try:
                context.load_cert_chain(self.cert_file, key_file, password=lambda: "")  # nobody is asked for a pass phrase
            except (ssl.SSLError, OSError) as error:
                raise ConfigError(
                    f"cert_file {self.cert_file}: {_reason(error)}; expected a certificate and its key without a pass phrase, as PEM"
                ) from error
        return context


def broker_trouble(place: str, login: BrokerLogin, error: BaseException) -> str:
    """Why a broker cannot be used, in one sentence."""
    said = re.sub(r"\s+", " ", str(error)).strip()
    if _code(error) in NOT_LET_IN:
        who = f"user {login.user!r}" if login.user else "who gives no name"
        return f"broker {place}: does not let {who} in; expected another user or password"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        of = f"one of {login.ca_file}" if login.ca_file else "one that this machine trusts"
        why = said.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "it cannot be verified"
        return f"broker {place}: its certificate is refused ({why}); expected {of}, made out for this host"
    if "SSL" in said or "TLS" in said:
        return f"broker {place}: no encrypted line comes about ({said[:120]}); expected TLS at this port, and a certificate that it accepts"
    if "code:7" in said or "disconnected during" in said.lower() or "timed out" in said.lower():
        wants = "a certificate of ours (cert_file)" if login.encrypted else "TLS (tls, ca_file)"
        return f"broker {place}: takes the connection and does not answer, or hangs up; does it want {wants}?"
    return f"broker {place}: does not answer ({said[:120] or type(error).__name__})"


def _code(error: BaseException) -> int:
    """Of the broker's answer; -1 where it gave none."""
    rc: Any = getattr(error, "rc", None)
    value = getattr(rc, "value", rc)
    return value if isinstance(value, int) else -1


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no PEM").replace("_", " ").lower()
    return (error.strerror or type(error).__name__).lower()

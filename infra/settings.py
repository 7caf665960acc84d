"""What can be set, from the environment (``BALLYHOO_…``) and from a file ``.env`` in the current folder.

The environment is stronger than the file, the command line stronger than both.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "BALLYHOO_"

_OWNER_KEY = re.compile(r"[A-Za-z0-9_-]{32,256}")


class SettingError(Exception):
    """A setting is wrong; the message is the sentence that names it."""


class Settings(BaseSettings):
    """Every setting with its default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    data: Path = Field(Path("ballyhoo-data"), description="folder of the embedded Postgres")
    database_url: SecretStr | None = Field(
        None, description="a Postgres 15 or later, instead of the embedded one"
    )
    kafka: str | None = Field(None, description="brokers, host:port with commas between")
    kafka_prefix: str = Field("ballyhoo.", description="begins the names of Ballyhoo's topics")
    kafka_replication: int = Field(1, ge=1, description="copies of each topic; 3 on three brokers or more")
    kafka_min_insync: int = Field(1, ge=1, description="copies that must have a record before it is acknowledged")
    kafka_retention_hours: int = Field(168, ge=1, description="how long Kafka keeps what it was given")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_ssl_cafile: str | None = None
    kafka_ssl_certfile: str | None = None
    kafka_ssl_keyfile: str | None = None
    kafka_ssl_password: SecretStr | None = None
    kafka_ssl_check_hostname: bool = True
    kafka_sasl_mechanism: str | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    host: str = Field("127.0.0.1", description="address on which the API listens")
    port: int = Field(8000, ge=1, le=65535, description="port on which the API listens")
    health_port: int | None = Field(
        None, ge=1, le=65535, description="port on which a projector, relay or worker answers /health/ready, if any"
    )
    owner_key: SecretStr | None = Field(None, description="first API key, instead of a random one")
    connections: int = Field(
        2000, ge=1, le=100_000, description="connections that one API process holds open"
    )
    archive: Path | None = Field(
        None, description="folder of the archive files; beside an embedded Postgres it is archive in its folder"
    )
    archive_after_days: int = Field(400, ge=0, description="age at which facts are archived where no time is given")
    check_every: float = Field(30.0, gt=0, description="seconds between two self-checks of a projector")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("database_url")
    @classmethod
    def _names_a_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("it must begin with postgresql://")
        return value

    @field_validator("owner_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _OWNER_KEY.fullmatch(value.get_secret_value()):
            raise ValueError("it must have 32 to 256 characters, each a letter, a digit, - or _")
        return value


def load(**stronger: Any) -> Settings:
    """The settings in force; ``stronger`` come from the command line, None where not given there.

    SettingError names each wrong one.
    """
    try:
        return Settings(**{name: value for name, value in stronger.items() if value is not None})
    except ValidationError as error:
        raise SettingError("; ".join(_sentence(wrong) for wrong in error.errors()) + ".") from None


def shown(settings: Settings) -> list[str]:
    """One line for each setting, as it would stand in ``.env``, with secrets masked."""
    return [f"{PREFIX}{name.upper()}={_masked(getattr(settings, name))}" for name in Settings.model_fields]


def _sentence(wrong: ErrorDetails) -> str:
    name = str(wrong["loc"][0])
    reason = wrong["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if wrong["type"] == "int_parsing":
        reason = "a whole number"
    if wrong["type"] != "value_error":
        reason = f"it should be {reason}, not {wrong['input']!r}"
    return f"{PREFIX}{name.upper()} is wrong: {reason}"


def _masked(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, SecretStr):
        return str(value)
    secret = value.get_secret_value()
    if "://" not in secret:
        return "********"
    url = urlsplit(secret)
    host = url.netloc.rpartition("@")[2]
    user = f"{quote(url.username)}:********@" if url.username else ""
    return urlunsplit((url.scheme, user + host, url.path, "", ""))

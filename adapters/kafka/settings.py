"""Where Kafka is and how one is let in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class KafkaSettings:
    """``servers``: host:port with commas between. The TLS and SASL settings go to the client as they are.

    ``replication`` and ``min_insync`` are those of topics that the relay makes: 3 and 2 on three brokers or
    more. ``retention_hours`` is how long a projector may be away and still go on from Kafka; after that it
    catches up from the store.
    """

    servers: str
    prefix: str = "ballyhoo."
    replication: int = 1
    min_insync: int = 1
    retention_hours: int = 168
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: str | None = None
    ssl_check_hostname: bool = True
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None

    def topic(self, log: str) -> str:
        """The topic of a log: ``events`` or ``engagement`` behind the prefix."""
        return self.prefix + log

    def connection(self) -> dict[str, Any]:
        """What every client is given: where to connect, and to come back within half a second of an outage's
        end.

        Metadata is read anew every three seconds: that is how an exchanged cluster or topic is noticed.
        """
        return {
            "bootstrap_servers": self.servers.split(","),
            "bootstrap_timeout_ms": 3_000,
            "metadata_max_age_ms": 3_000,
            "reconnect_backoff_max_ms": 500,
            "security_protocol": self.security_protocol,
            "ssl_cafile": self.ssl_cafile,
            "ssl_certfile": self.ssl_certfile,
            "ssl_keyfile": self.ssl_keyfile,
            "ssl_password": self.ssl_password,
            "ssl_check_hostname": self.ssl_check_hostname,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
        }

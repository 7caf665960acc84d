"""TLS and SASL settings reach the broker as they are."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kafka.errors import KafkaError

from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import Topics
from infra.kafka.broker import Broker
from infra.kafka.metadata import free_port
from tests.adapters.kafka.ledger import Store, projecting, relaying, until
from tests.plugins.broker import to_be_had

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def key_and_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1: one file with its key, for the broker, and one without."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both, alone = folder / "broker.pem", folder / "authority.pem"
    both.write_bytes(private + public)
    alone.write_bytes(public)
    return both, alone


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[KafkaSettings]:
    """The way into a broker that asks for TLS and a password; the broker ends with the test."""
    to_be_had()
    both, authority = key_and_certificate(tmp_path)
    broker = Broker(tmp_path / "kafka")
    port = free_port()
    listeners = f"{broker.listeners},GUARDED://127.0.0.1:{port}"
    broker.settings = {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(both),
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.guarded.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule"
        ' required user_ballyhoo="opensesame";',
    }
    broker.start()
    yield KafkaSettings(
        f"127.0.0.1:{port}",
        security_protocol="SASL_SSL",
        ssl_cafile=str(authority),
        sasl_mechanism="PLAIN",
        sasl_username="ballyhoo",
        sasl_password="opensesame",
    )
    broker.kill()


def test_facts_pass_a_broker_that_asks_for_tls_and_a_password(store: Store, guarded: KafkaSettings) -> None:
    with relaying(store, guarded), projecting(store, guarded):
        store.append_facts(200)
        until(store.caught_up)

    assert store.exact()
    with pytest.raises(KafkaError):
        Topics(replace(guarded, sasl_password="wrong"))

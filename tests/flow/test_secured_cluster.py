"""A cluster that asks for TLS and a password: librdkafka and Faust's own client both get in by `WEIR_KAFKA_OPTIONS`, or nothing starts."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import msgspec
import pytest

from app.running import POLICY_FILE
from app.settings import Settings
from broker.connection import Connection
from broker.embedded import embedded_broker
from schemas.errors import BrokerUnreachable
from tests.flow.commands import weir
from tests.flow.engine import running, settings_of
from tests.flow.records import Customer
from tests.kafka import kafka_java, kafka_libs

PASSWORD = secrets.token_hex(8)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The certificate of a broker on loopback; its key beside it, for Java."""
    keytool = which("keytool") or which("keytool", path=str(Path(which(kafka_java()) or "").resolve().parent))
    if keytool is None:
        pytest.skip("a certificate needs keytool, which this Java lacks")
    store = ["-keystore", str(tmp_path / "keys.p12"), "-storetype", "PKCS12", "-storepass", PASSWORD, "-alias", "broker"]
    made = ["-genkeypair", "-keyalg", "EC", "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-ext", "bc:c", "-validity", "2", *store]
    subprocess.run([keytool, *made], check=True, capture_output=True)
    subprocess.run([keytool, "-exportcert", "-rfc", "-file", str(tmp_path / "ca.pem"), *store], check=True, capture_output=True)
    return tmp_path / "ca.pem"


@pytest.fixture
def secured(authority: Path) -> Iterator[str]:
    """Bootstrap servers of a broker that lets nobody in without TLS, name and password."""
    login = (
        f'org.apache.kafka.common.security.plain.PlainLoginModule required username="weir" password="{PASSWORD}" user_weir="{PASSWORD}";'
    )
    wanted = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.plaintext.plain.sasl.jaas.config": login,
    }
    for store in ("keystore", "truststore"):
        wanted |= {
            f"ssl.{store}.type": "PKCS12",
            f"ssl.{store}.location": str(authority.with_name("keys.p12")),
            f"ssl.{store}.password": PASSWORD,
        }
    with embedded_broker(java=kafka_java(), libs=kafka_libs(), settings=wanted) as broker:
        yield broker.bootstrap


def secured_settings(bootstrap: str, prefix: str, folder: Path, **options: str) -> Settings:
    given = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "weir",
        "sasl.password": PASSWORD,
        **{name.replace("_", "."): value for name, value in options.items()},
    }
    return settings_of(bootstrap, prefix, folder, kafka_options=",".join(f"{name}={value}" for name, value in given.items()))


def test_a_worker_decides_and_hears_wishes_in_a_secured_cluster(secured: str, authority: Path, prefix: str, tmp_path: Path) -> None:
    settings = secured_settings(secured, prefix, tmp_path, ssl_ca_location=str(authority))
    wrong = msgspec.structs.replace(settings, kafka_options=settings.kafka_options.replace(PASSWORD, "wrong"))
    with pytest.raises(BrokerUnreachable, match=r"[Aa]uthentication") as raised:
        Connection(secured, wrong.librdkafka_options()).require_broker(4.0)
    assert "wrong" not in str(raised.value)
    with running(settings, tmp_path, partitions=1) as engine:
        (before,) = engine.decided(engine.send([Customer().record()]))
        assert before.decided_by == "model"
        policy = tmp_path / "other.yaml"
        policy.write_text(POLICY_FILE.read_text().replace("name: demo", "name: other"))
        assert weir(settings, "control", "put", "policy", str(policy)).code == 0

        def other() -> bool:
            """Only Faust's client reads the wish while the worker runs."""
            (decision,) = engine.decided(engine.send([Customer().record()]))
            return (decision.versions.policy or "").startswith("other@")

        engine.until(other, "the policy that was wished while it ran")

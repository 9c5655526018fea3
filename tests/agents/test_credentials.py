"""librdkafka's options in the words of Faust's client; what cannot be said in them is refused by name."""

import ssl
from pathlib import Path

import faust
import pytest

from agents.credentials import credentials
from schemas.errors import BadSetting

PASSWORD = {"sasl.username": "weir", "sasl.password": "secret"}


def test_an_open_cluster_needs_none() -> None:
    assert credentials({}) is None
    assert credentials({"security.protocol": "PLAINTEXT", "client.id": "x"}) is None


def test_tls_checks_the_broker_unless_it_is_told_not_to() -> None:
    for options, check_hostname, mode in (
        ({}, True, ssl.CERT_REQUIRED),
        ({"ssl.endpoint.identification.algorithm": "none"}, False, ssl.CERT_REQUIRED),
        ({"enable.ssl.certificate.verification": "false"}, False, ssl.CERT_NONE),
    ):
        made = credentials({"security.protocol": "SSL", **options})
        assert isinstance(made, faust.SSLCredentials)
        assert (made.context.check_hostname, made.context.verify_mode) == (check_hostname, mode)


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "sasl_ssl"])
def test_name_and_password_go_over_tls_only_where_it_is_asked_for(protocol: str) -> None:
    made = credentials({"security.protocol": protocol, "sasl.mechanisms": "SCRAM-SHA-512", **PASSWORD})
    assert isinstance(made, faust.SASLCredentials)
    assert (made.username, made.password, made.mechanism.value) == ("weir", "secret", "SCRAM-SHA-512")
    assert (made.ssl_context is not None) == (protocol == "sasl_ssl")
    assert made.protocol.value == protocol.upper()


def test_what_fausts_client_cannot_do_is_refused_by_name(tmp_path: Path) -> None:
    for options, says in (
        ({"security.protocol": "SASL_SSL"}, "sasl.mechanism GSSAPI cannot be used; there are PLAIN, SCRAM"),
        ({"security.protocol": "SSL", "ssl.keystore.location": "x"}, "ssl.keystore.location cannot be used"),
        (
            {"security.protocol": "SSL", "ssl.ca.location": str(tmp_path / "none")},
            r"a file that ssl\.\*\.location names cannot be used: No such",
        ),
    ):
        with pytest.raises(BadSetting, match=says):
            credentials(options)

"""How Faust's own client, which reads the control topic, gets into a secured cluster: librdkafka's options in its words."""

import ssl
from collections.abc import Mapping
from pathlib import Path

import faust
from faust.auth import Credentials

from schemas.errors import BadSetting

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_UNDERSTOOD = {
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
}


def credentials(options: Mapping[str, str]) -> Credentials | None:
    """None where the cluster is open. Raises BadSetting for what Faust's client cannot do, and for a file that cannot be read."""
    for name in options:
        if name.startswith(("ssl.", "sasl.")) and name not in _UNDERSTOOD:
            raise BadSetting(f"WEIR_KAFKA_OPTIONS: {name} cannot be used; there are {', '.join(sorted(_UNDERSTOOD))}")
    protocol = options.get("security.protocol", "plaintext").lower()
    if protocol == "plaintext":
        return None
    context = _tls(options) if protocol.endswith("ssl") else None
    if protocol == "ssl":
        return faust.SSLCredentials(context)
    mechanism = options.get("sasl.mechanism", options.get("sasl.mechanisms", "GSSAPI"))  # librdkafka's default
    if mechanism not in MECHANISMS:
        raise BadSetting(f"WEIR_KAFKA_OPTIONS: sasl.mechanism {mechanism} cannot be used; there are {', '.join(MECHANISMS)}")
    return faust.SASLCredentials(
        mechanism=mechanism, username=options.get("sasl.username"), password=options.get("sasl.password"), ssl_context=context
    )


def _tls(options: Mapping[str, str]) -> ssl.SSLContext:
    authorities = options.get("ssl.ca.location", "probe")
    folder = Path(authorities).is_dir()
    file = None if folder or authorities == "probe" else authorities
    try:
        context = ssl.create_default_context(cafile=file, capath=authorities if folder else None)
        if certificate := options.get("ssl.certificate.location"):
            context.load_cert_chain(certificate, options.get("ssl.key.location"), options.get("ssl.key.password"))
    except OSError as error:  # of which ssl.SSLError is one
        raise BadSetting(f"WEIR_KAFKA_OPTIONS: a file that ssl.*.location names cannot be used: {error.strerror or error}") from None
    if options.get("ssl.endpoint.identification.algorithm", "https") == "none":
        context.check_hostname = False
    if options.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

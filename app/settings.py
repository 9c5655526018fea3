"""Every setting, and the only reader of the environment.

A setting is a field of `Settings`; its environment variable is `WEIR_` and the field in capitals, its default stands here.
Some come from elsewhere: `KAFKA_BOOTSTRAP` names the cluster, and `WEIR_KAFKA_HOME` and `WEIR_JAVA` are set by the launcher.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_type_hints

import msgspec

from schemas.errors import BadSetting

Delivery = Literal["at_least_once", "exactly_once"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one process works by. Units are in the names."""

    prefix: str = "weir"
    """Every topic, consumer group and data folder stands under it."""
    bootstrap: str = "127.0.0.1:9092"
    """Kafka's bootstrap servers, `host:port,host:port`."""
    kafka_options: str = ""
    """Further librdkafka settings, for TLS and SASL: `security.protocol=SSL,ssl.ca.location=/etc/ca.pem`."""
    replication: int = 1
    """Replication factor of our topics, of `weir topics create`; `check` demands at least this."""
    transactions: str = ""
    """The source topic; empty: `PREFIX-transactions`."""
    labels: str = ""
    """The topic of labels; empty: `PREFIX-labels`, which need not be there. One that is named here has to be."""
    mapping: str = ""
    """How the transactions' topic names its fields: a mapping that ships or a file of yours; empty: as the contract does."""
    data: str = ".weir/data"
    """The data folder: a local disk. Each prefix and worker has a folder below it, held by one process at a time."""
    artefacts: str = ".weir/artefacts"
    """Where `weir control put` copies packages and workers find them; on several machines, a shared folder."""
    id_key: str = ""
    """The key that hashes identifiers, 16 to 64 bytes. A file is safer: an environment can be read."""
    id_key_file: str = ""
    """A file that holds the key; it stands above the variable."""
    worker: str = "w1"
    """This worker's name, unique in the group and the same after a restart."""
    roles: str = "intake,decide"
    """What it does: `intake` makes rows of records, `decide` decides about them."""
    record_bytes_max: int = 65_536
    """A record of more bytes is refused: `record_too_large`."""
    cache_mib: int = 256
    """Values kept in memory by a task; past it those that are stored leave."""
    store_mib: int = 32
    """A task's RocksDB: blocks of files kept in memory, and as much of what it has not written to files yet."""
    delivery: Delivery = "at_least_once"
    """`exactly_once`: answers and the log's offset in one Kafka transaction, nothing is hedged, readers must be `read_committed`."""
    transaction_ms: int = 50
    """Exactly once: how often a transaction is begun, 20 to 100; so long answers wait for each other."""
    commit_ms: int = 50
    """How often what is acknowledged is committed; exactly once, that of the sources only."""
    checkpoint_seconds: float = 3.0
    """How often what changed is stored on disk; a start after a kill folds so much of the log again."""
    save_seconds: float = 60.0
    """How often what is stored is saved to the changelog; a start without a disk folds so much of the log again."""
    standby: bool = True
    """Fold the cells that others own, too, and hedge what they and the intakes are late with."""
    cells: str = ""
    """The cells to stand by for, `0,2,3`; empty: all. A cell that the group gives beyond them is begun from disk or changelog."""
    hedge_ms: int = 300
    """The hedge time: what nobody answered or appended for so long is answered or appended here. Above `commit_ms` and what is normal."""
    hedge_share: float = 0.1
    """Of the rows folded, so many may be hedged while those that own them are slow and not dead."""
    held_mib: int = 64
    """Answers, and records, held for hedging; past it no more is read until some are not needed any more."""
    metrics_port: int = 0
    """Loopback port of /metrics, /livez and /readyz; 0: a free one, which the log names."""
    log_json: bool = False
    """Log lines as JSON, one object each."""
    leash: bool = False
    """End in order when standard input closes: of a child that must not outlive its parent."""
    failpoint: str = ""
    """Kills the process at a step, `STEP:before|after:N`: for proofs only."""
    kafka_home: str = ""
    """Where the jars of the embedded broker are; the launcher sets it."""
    java: str = "java"
    """The Java that runs it; the launcher sets it."""

    def topic(self, name: str) -> str:
        """The full name of a topic or group of ours."""
        return f"{self.prefix}-{name}"

    @property
    def transactions_topic(self) -> str:
        """The source topic's full name."""
        return self.transactions or self.topic("transactions")

    @property
    def labels_topic(self) -> str:
        """The full name of the topic of labels."""
        return self.labels or self.topic("labels")

    @property
    def data_folder(self) -> Path:
        """The data folder of this prefix and worker."""
        return Path(self.data) / self.prefix / self.worker

    def cells_of(self, partitions: int) -> tuple[int, ...]:
        """The cells to stand by for, of so many. Raises BadSetting."""
        if not self.standby:
            return ()
        named = [name.strip() for name in self.cells.split(",") if name.strip()]
        if wrong := [name for name in named if not name.isdecimal() or int(name) >= partitions]:
            raise BadSetting(f"WEIR_CELLS: there is no cell {wrong[0]!r}; the log has {partitions}, from 0 on")
        return tuple(sorted({int(name) for name in named})) or tuple(range(partitions))

    def key(self) -> bytes:
        """The id key. Raises BadSetting if there is none, or it is shorter than 16 bytes."""
        if self.id_key_file:
            try:
                key = Path(self.id_key_file).read_bytes().strip()
            except OSError as error:
                raise BadSetting(f"WEIR_ID_KEY_FILE {self.id_key_file} cannot be read: {error.strerror}") from None
        else:
            key = self.id_key.encode()
        if not key:
            raise BadSetting(
                "no id key: set WEIR_ID_KEY_FILE to a file of at least 16 random bytes (head -c 32 /dev/urandom | base64 > FILE)"
            )
        if not 16 <= len(key) <= 64:
            raise BadSetting(f"the id key has {len(key)} bytes, it must have 16 to 64")
        return key

    def librdkafka_options(self) -> dict[str, str]:
        """`kafka_options` as a dictionary. Raises BadSetting."""
        options = {}
        for part in filter(None, self.kafka_options.split(",")):
            name, equals, value = part.partition("=")
            if not equals:
                raise BadSetting(f"WEIR_KAFKA_OPTIONS: {part!r} is not name=value")
            options[name.strip()] = value.strip()
        return options


ELSEWHERE = {"bootstrap": "KAFKA_BOOTSTRAP", "labels": "WEIR_LABELS_TOPIC"}


def variable(field: str) -> str:
    """The environment variable of a field."""
    return ELSEWHERE.get(field, f"WEIR_{field.upper()}")


def read_settings(environment: Mapping[str, str] | None = None, **given: object) -> Settings:
    """Settings from the environment, `given` (a command's options; None: not given) above it. Raises BadSetting."""
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    for field, kind in get_type_hints(Settings).items():
        name = variable(field)
        if given.get(field) is not None:
            values[field] = given[field]
        elif environment.get(name):
            try:
                values[field] = msgspec.convert(environment[name], kind, strict=False)
            except msgspec.ValidationError as error:
                raise BadSetting(f"{name} is {environment[name]!r}: {str(error)[0].lower()}{str(error)[1:]}") from None
    settings = Settings(**values)  # type: ignore[arg-type]  # each value was converted to its field's type above
    if not 20 <= settings.transaction_ms <= 100:
        raise BadSetting(f"WEIR_TRANSACTION_MS is {settings.transaction_ms}: 20 to 100")
    if settings.store_mib < 1:
        raise BadSetting(f"WEIR_STORE_MIB is {settings.store_mib}: at least 1")
    if not settings.prefix.replace("-", "").replace(".", "").replace("_", "").isalnum():
        raise BadSetting(f"prefix {settings.prefix!r}: letters, digits, dots, dashes and underscores only")
    return settings


def forbid_telemetry() -> None:
    """Before onnxruntime is imported: its official builds report to their maker, and leave a device id on disk, unless told not to.

    A payment engine reports to nobody. (onnxruntime 1.32, Privacy.md, "Disabling Telemetry".)
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def embedded_asked(environment: Mapping[str, str] | None = None) -> bool:
    """True where no cluster is named, so that the demo and the tests start their own."""
    return not (os.environ if environment is None else environment).get("KAFKA_BOOTSTRAP")


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a child process that is to work by these settings."""
    default = Settings()
    ours = {variable(f): str(getattr(settings, f)) for f in settings.__struct_fields__ if getattr(settings, f) != getattr(default, f)}
    return {**os.environ, **ours}

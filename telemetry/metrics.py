"""Every metric: its name, meaning and labels stand here and nowhere else. `python -m telemetry.metrics` prints docs/metrics.md.

A label's values are few and known beforehand (topics, partitions, reasons); an identifier is never one.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()


class Metric(NamedTuple):
    """One line of the table."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


METRICS: list[Metric] = []

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_SHORT_SECONDS = (0.00005, 0.0001, 0.0002, 0.0005, *_SECONDS[:12])
_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    METRICS.append(Metric(f"{name}_total", "counter", labels, meaning))
    return Counter(name, meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    METRICS.append(Metric(name, "gauge", labels, meaning))
    return Gauge(name, meaning, labels, registry=REGISTRY)


def _histogram(name: str, meaning: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    METRICS.append(Metric(name, "histogram", labels, meaning))
    return Histogram(name, meaning, labels, buckets=buckets, registry=REGISTRY)


# what comes in and goes out
RECORDS_IN = _counter("weir_records_in", "records read and handed to an agent", "topic")
MESSAGES_OUT = _counter("weir_messages_out", "messages acknowledged by the broker", "topic")
DECISIONS = _counter("weir_decisions", "decisions sent as they were made, by the owner of their cell", "action", "decided_by")
REFUSALS = _counter("weir_refusals", "events refused: each is one dead letter", "reason")
REPEATS = _counter("weir_repeats", "retries of a producer, answered with the first answer")
LABELS = _counter("weir_labels", "labels taken, those that came again among them", "label")
REPLAYED = _counter("weir_replayed_rows", "rows folded silently since the start: they were answered in an earlier life", "partition")

HEDGED_RECORDS = _counter("weir_hedged_records", "records of sources that the group gave to others, appended to the log here", "topic")
HEDGE_HELD_BYTES = _gauge("weir_hedge_held_bytes", "bytes of such records, read and not yet seen in the log")

# how long
BATCH_ROWS = _histogram("weir_batch_rows", "rows in one batch", "stage", buckets=_ROWS)
STEP_SECONDS = _histogram("weir_step_seconds", "seconds in one step: of a batch, or of a task's protocol", "step", buckets=_SHORT_SECONDS)
END_TO_END_SECONDS = _histogram(
    "weir_end_to_end_seconds", "from the source record's timestamp until its decision was handed to the producer", buckets=_SECONDS
)

# where a task stands
POSITION = _gauge("weir_position", "offset in the log: folded, acknowledged, committed, stored or saved", "partition", "position")
POSITION_AGE_SECONDS = _gauge(
    "weir_position_age_seconds", "since that position last moved, or had nothing to move for", "partition", "position"
)
LAG = _gauge("weir_lag_records", "records of a partition not yet read", "topic", "partition")
IN_FORCE = _gauge("weir_in_force", "1 for what decides: catalogue, model, policy", "partition", "key", "version")

# who answers
ROLE = _gauge("weir_role", "1 for what this worker is in a cell: `owner`, or `standby`", "partition", "role")
HELD_ANSWERS = _gauge("weir_held_answers", "answers that are held because their owner is to send them", "partition")
HELD_BYTES = _gauge("weir_held_bytes", "bytes of these", "partition")
HEDGED_ANSWERS = _counter("weir_hedged_answers", "answers sent by a standby, for want of the owner's", "partition")
WITHHELD_ANSWERS = _counter("weir_withheld_answers", "overdue answers that a standby kept back: their owner moves", "partition")

# what a task keeps
CACHE_BYTES = _gauge("weir_cache_bytes", "bytes of values in memory", "partition")
CACHE_KEYS = _gauge("weir_cache_keys", "values in memory", "partition")
CACHE_MISSES = _counter("weir_cache_misses", "keys that were not in memory: read from disk, or new", "partition")
STORE_BYTES = _gauge(
    "weir_store_bytes",
    "bytes of memory of a task's RocksDB: `blocks` of files that were read, `buffers` of what is not in files yet, `readers` of files",
    "partition",
    "part",
)
DROPPED = _counter("weir_dropped", "merges of hot keys beyond the bound, members that left samples of full sets", "partition", "part")

# what it died of
FOLD_DEATHS = _gauge(
    "weir_fold_deaths",
    "processes that died at the worst place of the log that this cell knows of; 0: none; from 3 on the reference fold has that row. Page",
    "partition",
)
BY_REFERENCE = _counter(
    "weir_rows_by_reference", "rows that the reference fold was asked about, since the compiled one died of them", "partition"
)

# the changelog
SAVES = _counter(
    "weir_saves",
    "saves of a cell's state into the changelog: `done`, or `given up` (aborted; the next one holds it)",
    "partition",
    "outcome",
)
SAVE_SECONDS = _histogram("weir_save_seconds", "from the view of the database until the save was committed", buckets=_SECONDS)
SAVED_VALUES = _counter("weir_saved_values", "values sent to the changelog, deletions among them", "partition")
SAVED_BYTES = _counter("weir_saved_bytes", "bytes of keys and values sent to the changelog", "partition")
RESTORED_VALUES = _counter("weir_restored_values", "values read from the changelog into an empty database", "partition")
RESTORE_VALUES_PER_SECOND = _gauge("weir_restore_values_per_second", "of the last restore; 0: there was none", "partition")

# exactly once
TRANSACTIONS = _counter(
    "weir_transactions",
    "transactions of a task's answers and its offset: `committed`, or `aborted` (the same answers are sent again)",
    "partition",
    "outcome",
)
TRANSACTION_SECONDS = _histogram("weir_transaction_seconds", "from the begin of a transaction until it was committed", buckets=_SECONDS)

# what the group and the broker do
COMMITS = _counter("weir_commits", "moves of the group's offset", "topic", "outcome")
PARTITIONS = _counter("weir_partition_changes", "partitions assigned, revoked, or lost (nothing was committed)", "topic", "change")
TASK_STARTS = _counter(
    "weir_task_starts",
    "starts of a task: from its disk, from the changelog, or from the first row of the log (began: `disk`, `changelog`, `first row`)",
    "began",
)
BROKER_ERRORS = _counter("weir_broker_errors", "errors that a client of the broker reported", "client", "error")
OUTSTANDING = _gauge("weir_outstanding_messages", "messages sent and not yet acknowledged")
START_SECONDS = _gauge("weir_start_seconds", "from the start of the process until it was ready")


def observe_all(histogram: Histogram, values: Iterable[float]) -> None:
    """One observation each, at the cost of one a bucket. values: a sequence or an array."""
    observed = sorted(values)
    bounds = histogram._upper_bounds  # noqa: SLF001  # the client has no way to observe many
    histogram._sum.inc(sum(observed))  # noqa: SLF001
    begin = 0
    for bound, bucket in zip(bounds, histogram._buckets, strict=True):  # noqa: SLF001
        end = bisect_right(observed, bound, begin)
        if end > begin:
            bucket.inc(end - begin)
        begin = end


def table() -> str:
    """docs/metrics.md."""
    rows = [f"| `{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in m.labels)} | {m.meaning} |" for m in METRICS]
    head = [
        "# Metrics",
        "",
        "Made by `python -m telemetry.metrics`; a test holds it current. Served at `/metrics` on loopback.",
        "",
        "| name | kind | labels | meaning |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


if __name__ == "__main__":
    print(table(), end="")

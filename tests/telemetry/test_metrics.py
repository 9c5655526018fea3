"""Every metric stands in one module; its page is made from it."""

import ast
from pathlib import Path

import numpy as np
from prometheus_client import Histogram, generate_latest

from telemetry import metrics

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == metrics.table(), "python -m telemetry.metrics > docs/metrics.md"


def test_every_line_of_the_page_is_a_metric_that_is_served() -> None:
    served = {line.split()[2] for line in generate_latest(metrics.REGISTRY).decode().splitlines() if line.startswith("# TYPE")}
    assert {m.name for m in metrics.METRICS} <= served


def test_no_label_could_hold_an_identifier() -> None:
    allowed = {"topic", "partition", "position", "stage", "step", "action", "decided_by", "reason", "key", "version"}
    allowed |= {"part", "outcome", "change", "began", "client", "error", "label", "role"}  # label: the names of LabelCode
    assert {label for m in metrics.METRICS for label in m.labels} <= allowed


def test_nobody_else_makes_metrics() -> None:
    rooms = [p for p in ROOT.glob("*/**/*.py") if p.parts[len(ROOT.parts)] not in {"tests", ".venv", "telemetry"}]
    importers = [p for p in rooms if "prometheus_client" in p.read_text() and _imports(p, "prometheus_client")]
    assert importers == []


def _imports(path: Path, name: str) -> bool:
    nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Import | ast.ImportFrom)]
    return any(name in ast.unparse(node) for node in nodes)


def test_observing_a_batch_is_observing_each() -> None:
    values = np.array([0.0, 0.001, 0.0011, 0.3, 60.0, 1000.0])
    one, each = (Histogram("seconds", "of a test", buckets=(0.001, 0.5, 60), registry=None) for _ in range(2))
    metrics.observe_all(one, values)
    for value in values:
        each.observe(float(value))
    assert _samples(one) == _samples(each)


def _samples(histogram: Histogram) -> list[tuple[str, float]]:
    return [(s.name + str(s.labels), s.value) for metric in histogram.collect() for s in metric.samples if "created" not in s.name]

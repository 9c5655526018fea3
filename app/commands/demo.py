"""`weir demo`: a real Kafka, a worker, simulated payments; watch them become decisions. Ctrl-C ends it, nothing is left behind."""

import argparse
import json
import math
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console

from app.answers import Answers, Brief
from app.running import RunningWorker, WorkerFailed, cluster, prepared, scratch
from app.settings import Settings, read_settings
from app.terminal import Lines, Screen, Story, View
from broker.connection import Connection
from broker.once import read_all
from broker.outside import Outlet
from models.metrics import auc_roc
from schemas.topics import DEAD_LETTERS, DECISIONS
from simulator.reports import with_reports
from simulator.traffic import traffic

CARDS = 2000
HISTORY_DAYS = 400
"""Simulated time begins so long ago and runs faster than ours; it must not pass the present."""
SHOW_SECONDS = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many, how fast, and where the figures go."""
    parser.add_argument("--transactions", type=int, metavar="N", help="end after so many (default: go on until Ctrl-C)")
    parser.add_argument("--rate", type=float, default=1000, metavar="N", help="transactions a second (default: 1000; 0: no pause)")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated people and frauds (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there at the end")
    parser.add_argument("--prefix", help="of topics and groups (default: demo, on a cluster of yours with the time)")


def run(arguments: argparse.Namespace) -> int:
    """0 if every transaction got its decision."""
    console = Console(stderr=False)
    settings = read_settings(prefix=arguments.prefix or f"demo-{int(time.time())}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-demo-")))
        with console.status("starting Kafka …") if console.is_terminal else _said("starting Kafka"):
            settings = stack.enter_context(cluster(scratch(settings, folder), sweep=arguments.prefix is None))
            connection = prepared(settings)
        worker = RunningWorker(settings, log=folder / "worker.log")
        stack.callback(worker.stop)
        with console.status("starting the worker (the first time, it compiles) …") if console.is_terminal else _said("starting the worker"):
            worker.start()
            worker.wait_ready()
        demo = Demo(settings, connection, worker, seed=arguments.seed, rate=arguments.rate)
        screen = Screen(console, f"weir demo   {settings.bootstrap}   metrics http://127.0.0.1:{settings.metrics_port}/metrics")
        figures = demo.run(arguments.transactions, screen if console.is_terminal else Lines(console))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    console.print(_summary(figures), highlight=False, soft_wrap=True)
    return 0 if figures["decisions"] == figures["transactions"] else 1


class _said:  # noqa: N801  # reads as a word where it stands
    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        print(f"{self._what} …", flush=True)

    def __exit__(self, *_: object) -> None:
        pass


class Demo:
    """Sends simulated transactions, and labels where they fall due; reads the decisions."""

    def __init__(self, settings: Settings, connection: Connection, worker: RunningWorker, *, seed: int, rate: float) -> None:
        self._settings, self._connection, self._worker = settings, connection, worker
        self._rate = rate
        start_ms = int(time.time() * 1000) - HISTORY_DAYS * 86_400_000
        self._until_ms = int(time.time() * 1000)
        self._traffic = traffic(seed=seed, cards=CARDS, start_ms=start_ms)
        self._fraud: dict[str, bool] = {}
        self._sent_at: dict[str, float] = {}
        self._keys: dict[str, str] = {}
        self._scores: dict[str, float] = {}
        self._latencies: list[float] = []
        self._stopping = threading.Event()
        self._story = Story()

    def run(self, transactions: int | None, view: View) -> dict[str, Any]:
        """Until so many are decided, or Ctrl-C; the figures."""
        began = time.monotonic()
        with Answers(self._connection, DECISIONS.under(self._settings.prefix), self._keep) as answers:
            sender = threading.Thread(target=self._send, args=(transactions or sys.maxsize,), name="sender", daemon=True)
            sender.start()
            try:
                self._watch(sender, answers, view)
            except KeyboardInterrupt:
                self._stopping.set()
                sender.join()
            answers.wait(len(self._fraud), stall_seconds=10)
            seconds = time.monotonic() - began
            view.show(self._story)
            view.close()
        return self._figures(len(answers), seconds)

    def _watch(self, sender: threading.Thread, answers: Answers[None], view: View) -> None:
        while sender.is_alive() or len(answers) < len(self._fraud):
            if (code := self._worker.ended()) is not None:
                raise WorkerFailed(f"the worker ended with {code}: {self._worker.last_words()}")
            self._story.lag = len(self._fraud) - len(answers)
            view.show(self._story)
            time.sleep(SHOW_SECONDS)

    def _send(self, most: int) -> None:
        outlet = Outlet(self._connection, self._settings.transactions_topic)
        labels = Outlet(self._connection, self._settings.labels_topic)
        began, count = time.monotonic(), 0
        for transaction, label in with_reports(self._traffic):
            if label is None:
                labels.send(msgspec.json.encode(transaction), key=str(transaction["card_id"]).encode())
                continue
            event_time_ms = transaction["event_time_ms"]
            assert isinstance(event_time_ms, int)
            if count >= most or self._stopping.is_set() or event_time_ms > self._until_ms:
                break
            if self._rate and (early := began + count / self._rate - time.monotonic()) > 0:
                outlet.poll()
                time.sleep(early)
            transaction_id, card = str(transaction["transaction_id"]), str(transaction.get("card_id", ""))
            self._fraud[transaction_id] = label.fraud
            self._keys[transaction_id] = card
            self._sent_at[transaction_id] = time.monotonic()
            outlet.send(msgspec.json.encode(transaction), key=card.encode())
            self._story.sent = count = count + 1
        outlet.flush()
        labels.flush()

    def _keep(self, brief: Brief) -> None:
        latency_ms = 1000 * (time.monotonic() - self._sent_at[brief.transaction_id])
        self._latencies.append(latency_ms)
        self._scores[brief.transaction_id] = brief.score
        self._story.tell(brief, key=self._keys[brief.transaction_id], latency_ms=latency_ms)

    def _figures(self, decisions: int, seconds: float) -> dict[str, Any]:
        ids = [each for each in self._fraud if not math.isnan(self._scores.get(each, math.nan))]
        scores = np.array([self._scores[each] for each in ids])
        labels = np.array([self._fraud[each] for each in ids], bool)
        latencies = np.array(self._latencies) if self._latencies else np.array([math.nan])
        return {
            "transactions": len(self._fraud),
            "decisions": decisions,
            "dead_letters": sum(1 for _ in read_all(self._connection, DEAD_LETTERS.under(self._settings.prefix))),
            "events_per_second": round(decisions / seconds, 1),
            "latency_ms": {"p50": round(float(np.percentile(latencies, 50)), 2), "p99": round(float(np.percentile(latencies, 99)), 2)},
            "auc": round(auc_roc(scores, labels), 4) if 0 < labels.sum() < len(labels) else None,
            "actions": dict(self._story.actions),
            "frauds": int(labels.sum()),
        }


def _summary(figures: dict[str, Any]) -> str:
    actions = ", ".join(f"{action} {count:,}" for action, count in sorted(figures["actions"].items()))
    return (
        f"{figures['transactions']:,} transactions, {figures['decisions']:,} decisions, {figures['dead_letters']:,} dead letters; "
        f"{figures['events_per_second']:,}/s, p50 {figures['latency_ms']['p50']} ms, p99 {figures['latency_ms']['p99']} ms\n"
        f"{actions}; AUC ROC of the scores {figures['auc']} ({figures['frauds']:,} simulated frauds)"
    )

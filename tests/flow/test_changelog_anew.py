"""A changelog that is made anew under a live worker: no part is saved to it, and `weir changelog resave` has the next save hold all."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec

from app.commands.topics import create
from broker.once import send_all
from broker.topics import Topics
from schemas.errors import TopicMadeAnew
from schemas.records import Message, Partition
from state.changelog import MARKER_KEY
from state.checkpoint import Marker, encode_marker
from tests.flow.commands import weir
from tests.flow.engine import Engine, running, settings_of
from tests.flow.records import Customer
from tests.flow.starts import assert_refused, end_of_start

CUSTOMERS = 30


class Paying:
    """An engine whose customers pay, and whose changelog is made anew."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.settings = engine, engine.settings
        self.topic = Partition(engine.settings.topic("changelog"), 0)
        self.customers = [Customer() for _ in range(CUSTOMERS)]

    def pay(self, times: int) -> None:
        """Each is decided as one who pays for the n-th time."""
        decisions = self.engine.decided(self.engine.send([customer.record() for customer in self.customers]))
        counts = {decision.features["card_count_24h"] for decision in decisions if decision.features is not msgspec.UNSET}
        assert counts == {times}

    def saved(self, beyond: float) -> None:
        self.engine.until(lambda: self.engine.metric("weir_position", partition="0", position="saved") > beyond, "a save")

    def make_anew(self) -> None:
        admin, name = self.engine.connection.admin(), self.topic.topic
        admin.delete_topics([name])[name].result()
        while Topics(self.engine.connection).there(name):
            time.sleep(0.02)
        create(self.settings, self.engine.connection)

    def resave(self) -> dict[str, Any]:
        """What it says of the one cell."""
        said = weir(self.settings, "changelog", "resave", "--json")
        assert said.code == 0, said.err
        (told,) = json.loads(said.out)
        found: dict[str, Any] = told
        return found

    def said(self) -> str:
        return weir(self.settings, "changelog", "resave").err


def test_no_part_is_saved_and_after_a_resave_an_empty_disk_is_built_from_it(kafka: str, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(kafka, prefix, tmp_path, save_seconds=0.5, checkpoint_seconds=0.5)
    with running(settings, tmp_path, partitions=1) as engine:
        paying, worker = Paying(engine), engine.worker
        paying.pay(1)
        paying.saved(2)
        assert "stop every worker first" in paying.said()
        paying.make_anew()
        engine.send([Customer().record()])
        assert worker.wait(60) == TopicMadeAnew.exit_code
        assert "made anew" in worker.last_words(1)
        assert Topics(engine.connection).log_range(paying.topic) == (0, 0), "a part was saved"

        part = Marker(topic_id="t", offset=1, key_fingerprint="k", fold_version=1, changelog_id="another")
        send_all(engine.connection, [Message(paying.topic.topic, MARKER_KEY, encode_marker(part), 0)])
        says = "holds what belongs to one with another"
        assert_refused(end_of_start(msgspec.structs.replace(settings, data=str(tmp_path / "empty"))), says)
        assert says in paying.said()
        paying.make_anew()
        told = paying.resave()
        assert told["values"] >= CUSTOMERS
        assert paying.resave()["values"] is None

        worker.start()
        worker.wait_ready()
        paying.saved(told["offset"] - 1)
        assert worker.stop() == 0
        shutil.rmtree(settings.data_folder)
        worker.start()
        worker.wait_ready()
        assert engine.metric("weir_task_starts_total", began="changelog") == 1
        assert engine.metric("weir_restored_values_total", partition="0") >= told["values"]
        paying.pay(2)

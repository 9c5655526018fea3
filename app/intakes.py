"""What each source topic is read by: as the cell echoes, never by a wish. A change of what it echoes counts from the next fetch on."""

import asyncio

from app.settings import Settings
from engine.control import ID_KEY, Board
from engine.intake import Intake
from features.catalogue import read_catalogue
from schemas.backfill import under_way
from schemas.control import BACKFILL, CATALOGUE, Control
from schemas.label_writer import LabelWriter
from schemas.mapped import config_of, reads_by
from schemas.mapping import Mapping
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.row_writer import BY_CONTRACT, RowWriter
from schemas.topics import LOG

ASK_SECONDS = 0.05


class Intakes:
    """One a worker. mapping: of a source topic whose fields have other names."""

    def __init__(self, board: Board, settings: Settings, pseudonyms: Pseudonyms, mapping: Mapping | None) -> None:
        self._board, self._settings, self._pseudonyms, self._mapping = board, settings, pseudonyms, mapping
        self._made: dict[str, tuple[Control, Intake]] = {}

    async def known(self) -> None:
        """Waits until the cell has echoed what it works by. Raises IdKeyChanged where that is another key."""
        while (0, CATALOGUE) not in self._board.echoes or (0, ID_KEY) not in self._board.echoes:  # noqa: ASYNC110  # once, at the start
            await asyncio.sleep(ASK_SECONDS)
        self._board.require_id_key(self._pseudonyms.fingerprint)

    async def free(self) -> None:
        """Waits while a history is being put into the log: nothing else stands between its begin and its end."""
        while under_way(self._board.echoes.get((0, BACKFILL))):  # noqa: ASYNC110  # a matter of minutes, once in a log's life
            await asyncio.sleep(ASK_SECONDS)

    def of(self, topic: str) -> Intake:
        """By the catalogue that is in force as far as this worker has heard. Raises BadCatalogue where this build cannot read it."""
        held, intake = self._made.get(topic, (None, None))
        echoed = self._board.echoes.get((0, CATALOGUE), held)
        assert echoed is not None, "nothing is known yet"
        if intake is None or held != echoed:
            intake = self._by(echoed, topic)
            self._made[topic] = echoed, intake
        return intake

    def _by(self, echoed: Control, topic: str) -> Intake:
        catalogue = read_catalogue(echoed.body or "", place="the catalogue in force")
        writer = RowWriter(
            pseudonyms=self._pseudonyms,
            rates=Rates(catalogue.base_currency, catalogue.rates),
            signals=catalogue.signals,
            candidates=tuple(entity.field for entity in catalogue.entities),
            record_bytes_max=self._settings.record_bytes_max,
            reads=reads_by(self._mapping) if self._mapping else BY_CONTRACT,
        )
        its_writer = LabelWriter(writer) if topic == self._settings.labels_topic else writer
        return Intake(LOG.under(self._settings.prefix), writer=its_writer, config=config_of(catalogue.sha256, self._mapping))

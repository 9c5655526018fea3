"""What each source topic is read by: as the cells echo, never by a wish. A change of what they echo counts from the next fetch on."""

import asyncio
from collections.abc import Callable, Mapping

from app.settings import Settings
from engine.control import ID_KEY, Board
from engine.intake import Intake, Way
from features.catalogue import read_catalogue
from schemas.cells import cell_reader, cells_of, require_same_column
from schemas.control import CATALOGUE, CELLS, Control
from schemas.errors import CellsDiffer
from schemas.label_writer import LabelWriter
from schemas.mapped import config_of, reads_by
from schemas.mapping import Mapping as NameMapping
from schemas.money import Rates
from schemas.pseudonyms import Pseudonyms
from schemas.row_writer import BY_CONTRACT, RowWriter
from schemas.topics import LOG

ASK_SECONDS = 0.05


class Intakes:
    """One a worker. mapping: of a source topic whose fields have other names; cells: how many the log has."""

    def __init__(self, board: Board, settings: Settings, pseudonyms: Pseudonyms, mapping: NameMapping | None, *, cells: int) -> None:
        self._board, self._settings, self._pseudonyms, self._mapping = board, settings, pseudonyms, mapping
        self._numbers = range(cells)
        self._cells: Control | None = None
        self._made: dict[str, tuple[tuple[Control, ...], Intake]] = {}
        self._hedging: dict[str, tuple[dict[int, Control], Control | None, Intake]] = {}

    async def known(self, stays: Callable[[], bool]) -> bool:
        """Waits until every cell has echoed what it works by. Raises IdKeyChanged or CellsDiffer where that is something else.

        stays: whether it is still wanted; False where it came to be not: a cell without an owner may be waiting for just that.
        """
        while not self._heard():
            if not stays():
                return False
            await asyncio.sleep(ASK_SECONDS)
        self._board.require_id_key(self._pseudonyms.fingerprint)
        self._cells = self._board.agreed_cells(len(self._numbers))
        if self._cells:
            require_same_column(cells_of(self._cells), self._mapping)
        return True

    def _heard(self) -> bool:
        echoes, told = self._board.echoes, self._board.cells
        if any((cell, key) not in echoes for cell in self._numbers for key in (CATALOGUE, ID_KEY)):
            return False
        one = told is None and len(self._numbers) == 1  # of a log of before there were cells, or its row is not echoed yet
        return one or self._board.agreed_cells(len(self._numbers)) is not None

    async def free(self) -> None:
        """Waits while a history is being put into the log: nothing else stands between its begin and its end."""
        while self._board.history_under_way:  # noqa: ASYNC110  # a matter of minutes, once in a log's life
            await asyncio.sleep(ASK_SECONDS)

    def of(self, topic: str) -> Intake:
        """By the catalogues that are in force as far as this worker has heard.

        Raises BadCatalogue where this build cannot read one, CellsDiffer where cells are told apart otherwise from now on.
        """
        self._require_same_cells()
        held, intake = self._made.get(topic, ((), None))
        echoes = self._board.echoes
        echoed = tuple(echoes.get((cell, CATALOGUE)) or held[cell] for cell in self._numbers)
        if intake is None or held != echoed:
            intake = self._by(dict(zip(self._numbers, echoed, strict=True)), topic, self._cells)
            self._made[topic] = echoed, intake
        return intake

    def _require_same_cells(self) -> None:
        for heard in (self._board.announced, *(self._board.echoes.get((cell, CELLS)) for cell in self._numbers)):
            if heard is None or heard == self._cells:
                continue
            if self._cells is None and cells_of(heard).partitions == len(self._numbers) == 1:
                self._cells = heard  # of the only cell, whose row was not echoed yet when this began
                self._made.clear()
            else:
                began = f"this intake works by {self._cells.version if self._cells else 'none'}"
                raise CellsDiffer(
                    f"the log's cells are told apart by {heard.version} now, {began}: stop every worker while cells are added"
                )

    def settled(self, told: Control | None) -> bool:
        """Whether a hedger may append, as an intake might.

        Every cell has had an owner, who said what it works by; no history is being put into the log; no other cells are announced than
        these, by which the folds stand.
        """
        return self._heard() and not self._board.history_under_way and self._board.announced in {None, told}

    def by(self, topic: str, in_force: Mapping[int, Mapping[str, Control]]) -> Intake:
        """By what stands in the folds of this worker's own cells: a hedger asks nobody else. They are told apart alike in all of them."""
        catalogues = {cell: controls[CATALOGUE] for cell, controls in in_force.items()}
        told = next(iter(in_force.values())).get(CELLS)
        if (made := self._hedging.get(topic)) and made[:2] == (catalogues, told):
            return made[2]
        intake = self._by(catalogues, topic, told)
        self._hedging[topic] = catalogues, told, intake
        return intake

    def _by(self, catalogues: Mapping[int, Control], topic: str, told: Control | None) -> Intake:
        log, cells = LOG.under(self._settings.prefix), cells_of(told) if told else None
        ways: dict[str, Way] = {}
        for control in catalogues.values():
            if control.sha256 not in ways:
                ways[control.sha256] = self._way(control, topic, told)
        of_cells = {cell: ways[control.sha256] for cell, control in catalogues.items()}
        if cells is None or cells.partitions == 1:
            return Intake(log, ways=of_cells)
        name = cells.field if topic == self._settings.labels_topic else cells.column
        return Intake(log, ways=of_cells, cell_of=cell_reader(cells, name=name, pseudonyms=self._pseudonyms))

    def _way(self, echoed: Control, topic: str, told: Control | None) -> Way:
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
        return Way(its_writer, config_of(catalogue.sha256, self._mapping, told.sha256 if told else ""))

"""What a task of a worker folds by, and where it says what it is folding."""

import logging
from collections.abc import Collection

from app.planted import PREFIX, Planted
from app.settings import Settings
from engine.guarded import Guarded
from features.fold import Fold
from features.one_row import FoldOne
from schemas.records import Partition, RowPlace
from state.deaths import Deaths

_log = logging.getLogger("weir.fold")


class Guarding:
    """Of one worker. fold_one: the reference fold. Raises BadSetting where a planted fault is none."""

    def __init__(self, settings: Settings, fold_one: FoldOne) -> None:
        self._folder = settings.data_folder
        planted = Planted(settings.failpoint) if settings.failpoint.startswith(PREFIX) else None
        self.fold: type[Fold] = planted.fold() if planted else Fold
        self._fold_one = planted.one(fold_one) if planted else fold_one
        self.failpoint = "" if planted else settings.failpoint
        """Of steps."""

    def of(self, partition: Partition, *, log_id: str, quarantined: Collection[RowPlace]) -> Guarded:
        """For one task; says in the log what the last process died of. Raises DiskFull, DataFolderUnusable."""
        deaths = Deaths(self._folder / f"{partition.topic}-{partition.number}.folding", log_id=log_id)
        if deaths.said:
            _log.warning("%s, partition %d: %s", partition.topic, partition.number, deaths.said)
        for place in quarantined:
            _log.warning("%s, partition %d: row %s is quarantined: it is refused", partition.topic, partition.number, place)
        return Guarded(deaths, fold_one=self._fold_one, quarantined=quarantined)

"""Builds that compute differently: whose state may be gone on with, and by whom.

A build of another fold version takes a cell over only from an owner that drained: all that it folded was answered, committed and stored, by
it alone; what follows is answered by the newcomer alone. So each row of the log is answered by one version, however often.
"""

from schemas.errors import UnknownVersion
from state.checkpoint import Marker

OUT = "start the old build again, let it catch up, and stop every worker of it in order (SIGTERM), the owner last"


def fits(marker: Marker, fold_version: int) -> bool:
    """Whether this build goes on with it as with its own, or as the successor of an owner that drained."""
    return marker.fold_version == fold_version or (marker.drained and marker.fold_version < fold_version)


def takes_over(marker: Marker, *, committed: int | None, fold_version: int, owner_version: int | None) -> bool:
    """Whether another version has owned the cell before. owner_version: as the cell echoes it; None: it never did.

    committed: None or 0, and a state of nothing: nobody ever answered for it, whoever said what.
    """
    return bool(marker.offset or committed) and (marker.fold_version != fold_version or owner_version not in {None, fold_version})


def require_fold(marker: Marker, *, committed: int | None, fold_version: int, owner_version: int | None, owns: bool) -> None:
    """Raises UnknownVersion where the state is not to be gone on with."""
    if not takes_over(marker, committed=committed, fold_version=fold_version, owner_version=owner_version):
        return
    if marker.fold_version > fold_version:
        raise UnknownVersion(
            f"the state was folded by fold version {marker.fold_version}, this build is {fold_version}: run the one that wrote it"
        )
    last = marker.fold_version if owner_version in {None, fold_version} else owner_version
    says = f"the cell was last owned by a build of fold version {last}, this one is {fold_version}"
    if not owns:
        raise UnknownVersion(f"{says}: it is not folded here until one of {fold_version} owns it, and has saved")
    if not marker.drained or (committed or 0) > marker.offset:
        raise UnknownVersion(f"{says}, and it did not stop in order at offset {marker.offset}: {OUT}")

"""A model package: a folder that says of itself what it needs, and cannot be changed unnoticed.

    model.onnx      what scores
    model.txt       the same trees as LightGBM writes them
    manifest.json   features with the hashes of their definitions, vocabularies, metrics, data span, settings, sha256 of the other files

Its identity is the sha256 of manifest.json, which holds the sha256 of everything else.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from schemas.errors import PackageMismatch

FORMAT = 1
MANIFEST, ONNX, TREES = "manifest.json", "model.onnx", "model.txt"


class Definition(Protocol):
    """A feature as the catalogue defines it."""

    @property
    def name(self) -> str:
        """What the model asks for."""

    @property
    def hash(self) -> str:
        """Of its definition: two features of one name and hash are one feature."""


class Catalogue(Protocol):
    """What a model must know of the feature catalogue: the columns of the matrix it is given."""

    @property
    def features(self) -> Sequence[Definition]:
        """In column order."""

    @property
    def version(self) -> str:
        """Name and hash."""


class Needed(msgspec.Struct, frozen=True):
    """A feature that the model reads, and the definition it was trained on."""

    name: str
    hash: str


class Span(msgspec.Struct, frozen=True):
    """A set of rows: first and last event time, how many, how many frauds."""

    first_ms: int
    last_ms: int
    rows: int
    frauds: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """manifest.json. Fields this build does not know are ignored; what it cannot do without raises `format`."""

    format: int = FORMAT
    name: str
    version: str
    score: str
    """The name under which decisions show the score."""
    catalogue: str
    """Version of the catalogue it was trained with; for readers, the hashes decide."""
    features: tuple[Needed, ...]
    vocabularies: dict[str, tuple[str, ...]]
    metrics: dict[str, float]
    trained_on: Span
    judged_on: Span
    """The rows of the last set that it was judged on, none of which it was trained on."""
    training: dict[str, str | int | float]
    files: dict[str, str]
    """File name -> sha256."""


class Package(NamedTuple):
    """A package whose files are whole and whose features the catalogue has. columns: where they stand in the catalogue's matrix."""

    folder: Path
    manifest: Manifest
    sha256: str
    columns: tuple[int, ...]

    @property
    def version(self) -> str:
        """What decisions name."""
        return f"{self.manifest.name}-{self.manifest.version}@{self.sha256[:12]}"


class _Format(msgspec.Struct):
    format: int


def sha256_of(file: Path) -> str:
    """Of the file's bytes, in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_package(folder: Path, *, catalogue: Catalogue) -> Package:
    """Raises PackageMismatch, naming what is missing, corrupt, or lacking in the catalogue."""
    manifest, sha256 = read_manifest(folder)
    for needed in (ONNX, TREES):
        if needed not in manifest.files:
            raise PackageMismatch(f"package {folder}: {MANIFEST} lists no {needed}")
    for name, expected in manifest.files.items():
        if not (folder / name).is_file():
            raise PackageMismatch(f"package {folder}: {name} is missing")
        found = sha256_of(folder / name)
        if found != expected:
            raise PackageMismatch(f"package {folder}: {name} is corrupt: its sha256 is {found}, {MANIFEST} says {expected}")
    return Package(folder, manifest, sha256, _columns(folder, manifest, catalogue))


def read_manifest(folder: Path) -> tuple[Manifest, str]:
    """The manifest and the package's sha256. Raises PackageMismatch if it is missing, corrupt or of an unknown format."""
    try:
        body = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise PackageMismatch(f"package {folder}: {MANIFEST} is missing ({error.strerror})") from error
    try:
        declared = msgspec.json.decode(body, type=_Format).format
        if declared != FORMAT:
            raise PackageMismatch(f"package {folder}: {MANIFEST} has format {declared}, this build reads format {FORMAT}")
        manifest = msgspec.json.decode(body, type=Manifest)
        for name in manifest.files:
            if name in {"", ".", ".."} or Path(name).name != name:
                raise PackageMismatch(f"package {folder}: {MANIFEST} lists {name!r}, which is no file of the package's own folder")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PackageMismatch(f"package {folder}: {MANIFEST} is corrupt: {error}") from error
    return manifest, hashlib.sha256(body).hexdigest()


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of manifest.json: the same manifest gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def _columns(folder: Path, manifest: Manifest, catalogue: Catalogue) -> tuple[int, ...]:
    known = {feature.name: (column, feature.hash) for column, feature in enumerate(catalogue.features)}
    columns = []
    for feature in manifest.features:
        column, defined = known.get(feature.name, (-1, ""))
        if column < 0:
            raise PackageMismatch(f"package {folder}: catalogue {catalogue.version} has no feature {feature.name}")
        if defined != feature.hash:
            raise PackageMismatch(
                f"package {folder}: feature {feature.name} was trained as {feature.hash}, "
                f"catalogue {catalogue.version} defines it as {defined}"
            )
        columns.append(column)
    return tuple(columns)

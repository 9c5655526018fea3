"""A model in force: a package, read; its trees, loaded; and where its features stand in the catalogue's matrix."""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.categories import Categories
from models.package import MANIFEST, ONNX, Catalogue, Package, read_manifest, read_package
from models.scorer import Scorer
from schemas.errors import PackageMismatch
from schemas.row import Rows

FloatMatrix = NDArray[np.float32]
FloatVector = NDArray[np.float32]


class Model:
    """Scores rows of one catalogue. Raises PackageMismatch if the folder holds no package that fits it."""

    def __init__(self, folder: Path, *, catalogue: Catalogue) -> None:
        self.package: Package = read_package(folder, catalogue=catalogue)
        manifest = self.package.manifest
        names = [feature.name for feature in manifest.features]
        self._columns = np.array(self.package.columns, np.intp)
        try:
            self._categories = Categories(manifest.vocabularies, names)
        except (ValueError, OverflowError) as error:
            raise PackageMismatch(f"package {folder}: the vocabularies in {MANIFEST} do not fit their columns: {error}") from error
        self._scorer = Scorer(folder / ONNX, width=len(names))

    @property
    def version(self) -> str:
        """What decisions name."""
        return self.package.version

    def matrix(self, rows: Rows, features: FloatMatrix) -> FloatMatrix:
        """The model's own columns, float32 (rows, its width), of the catalogue's `features`, categories of `rows` filled in."""
        matrix: FloatMatrix = features.take(self._columns, axis=1)
        self._categories.fill(matrix, rows)
        return matrix

    def scores(self, rows: Rows, features: FloatMatrix) -> FloatVector:
        """Fraud probabilities float32 (rows,). features: float32 (rows, len(catalogue.features)). Raises ScoringFailed."""
        return self._scorer.score(self.matrix(rows, features))


class Packages:
    """The folder of artefacts: each package in a subfolder named by its sha256. A model is loaded once for each catalogue version."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._models: dict[tuple[str, str], Model] = {}

    def model(self, sha256: str, *, catalogue: Catalogue) -> Model:
        """Raises PackageMismatch if it is not there, corrupt, or needs what the catalogue lacks."""
        key = sha256, catalogue.version
        if key not in self._models:
            folder = self._folder / sha256
            if not folder.is_dir():
                raise PackageMismatch(f"no package {sha256} in {self._folder}: `weir control put model` copies it there")
            model = Model(folder, catalogue=catalogue)
            if model.package.sha256 != sha256:
                raise PackageMismatch(
                    f"package {folder}: {MANIFEST} is corrupt: its sha256 is {model.package.sha256}, not the folder's name"
                )
            self._models[key] = model
        return self._models[key]

    def keep(self, source: Path) -> str:
        """Copies a package here under its sha256, which is returned. One that is here already is left alone. Raises PackageMismatch.

        Only the manifest and the files it lists are copied. The folder appears whole or not at all.
        """
        manifest, sha256 = read_manifest(source)
        folder = self._folder / sha256
        if not folder.is_dir():
            arriving = self._folder / f"{sha256}.arriving"
            shutil.rmtree(arriving, ignore_errors=True)
            arriving.mkdir(parents=True)
            for name in (MANIFEST, *manifest.files):
                if not (source / name).is_file():
                    raise PackageMismatch(f"package {source}: {name} is missing")
                shutil.copyfile(source / name, arriving / name)
            arriving.rename(folder)
        return sha256

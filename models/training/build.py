"""From examples to a package: select, train, floor, convert, prove, judge, write.

training rows ---> vocabularies, trees ---> floored text ---> ONNX ---> parity on all other rows ---> metrics ---> folder
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from models.metrics import Evaluation, evaluate
from models.model import Model
from models.package import MANIFEST, ONNX, TREES, Catalogue, Manifest, Needed, encode_manifest
from models.policy import Policy
from models.scorer import Scorer
from models.training.examples import Examples, select
from models.training.export import floored, prove_parity, to_onnx
from models.training.train import Matrix, Progress, Settings, train


class Wanted(NamedTuple):
    """What the package is to be called, what it is to read, and the policy whose actions must survive ONNX."""

    name: str
    version: str
    policy: Policy
    features: Sequence[str] = ("*",)
    settings: Settings = Settings()
    score: str = "fraud"
    threads: int = 0
    """Of training; 0: one for each core. Moves no bit of the package."""


class Built(NamedTuple):
    """A package that was written, loads, and how good it is on each set of examples."""

    model: Model
    evaluations: Mapping[str, Evaluation]
    parity: float
    """The greatest difference between LightGBM's and ONNX's score."""


def build(folder: Path, wanted: Wanted, sets: Mapping[str, Examples], *, catalogue: Catalogue, progress: Progress | None = None) -> Built:
    """Writes the package.

    sets: `training`; `validation`, without which there is no early stopping; any others to be judged. One besides `training` at least.
    Raises BadTraining, or NoParity; then nothing is written.
    """
    training, others = sets["training"], [each for name, each in sets.items() if name != "training"]
    chosen = select(catalogue, wanted.features, training)
    matrices = {name: Matrix(chosen.matrix(each), each.labels) for name, each in sets.items()}
    text = floored(
        train(matrices["training"], matrices.get("validation"), settings=wanted.settings, threads=wanted.threads, progress=progress)
    )
    arriving = folder.with_name(f"{folder.name}.arriving")
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir(parents=True)
    try:
        (arriving / TREES).write_text(text, encoding="utf-8")
        (arriving / ONNX).write_bytes(to_onnx(text, width=len(chosen.features)))
        scorer = Scorer(arriving / ONNX, width=len(chosen.features))
        thresholds = np.array([threshold for threshold, _ in wanted.policy.levels])
        parity = max(
            prove_parity(text, scorer, matrix.features, thresholds=thresholds) for name, matrix in matrices.items() if name != "training"
        )
        evaluations = {
            name: evaluate(scorer.score(matrices[name].features), each.labels, cards=each.cards, days=each.days)
            for name, each in sets.items()
        }
        manifest = Manifest(
            name=wanted.name,
            version=wanted.version,
            score=wanted.score,
            catalogue=catalogue.version,
            features=tuple(Needed(feature.name, feature.hash) for feature in chosen.features),
            vocabularies=chosen.vocabularies,
            metrics=_metrics(evaluations),
            trained_on=training.span,
            judged_on=others[-1].span,
            training=msgspec.to_builtins(wanted.settings),
            files={name: hashlib.sha256((arriving / name).read_bytes()).hexdigest() for name in (ONNX, TREES)},
        )
        (arriving / MANIFEST).write_bytes(encode_manifest(manifest))
        shutil.rmtree(folder, ignore_errors=True)
        arriving.rename(folder)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    return Built(Model(folder, catalogue=catalogue), evaluations, parity)


def _metrics(evaluations: Mapping[str, Evaluation]) -> dict[str, float]:
    return {
        f"{name}_{figure}": round(float(value), 6)
        for name, evaluation in evaluations.items()
        for figure, value in evaluation._asdict().items()
        if np.isfinite(value)
    }

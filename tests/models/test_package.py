"""A package that is not whole, or not of this catalogue, is refused by name."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from features.catalogue import catalogue_text, read_catalogue
from models.model import Model, Packages
from models.package import MANIFEST, Manifest, encode_manifest, read_manifest
from models.training.build import Built
from schemas.errors import PackageMismatch
from tests.models.made import CATALOGUE, examples


@pytest.fixture
def folder(built: Built, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built.model.package.folder, tmp_path / "package"))


def rewrite(folder: Path, change: Callable[[Manifest], Manifest]) -> None:
    manifest, _ = read_manifest(folder)
    (folder / MANIFEST).write_bytes(encode_manifest(change(manifest)))


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(PackageMismatch) as caught:
        Model(folder, catalogue=CATALOGUE)
    for word in (str(folder), *words):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value), "one sentence"


def test_a_whole_package_scores_as_it_did_when_it_was_built(built: Built, folder: Path) -> None:
    model = Model(folder, catalogue=CATALOGUE)
    each = examples(500, seed=9)
    assert model.scores(each.rows, each.features).tobytes() == built.model.scores(each.rows, each.features).tobytes()
    assert model.package.sha256 == hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert model.version == f"test-1@{model.package.sha256[:12]}"
    assert set(model.package.manifest.vocabularies) == {"mcc", "country", "channel"}
    assert model.package.manifest.metrics["validation_auc_roc"] > 0.7


@pytest.mark.parametrize("name", [MANIFEST, "model.onnx", "model.txt"])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder, f"{name} is missing")


@pytest.mark.parametrize("name", ["model.onnx", "model.txt"])
def test_one_changed_byte(folder: Path, name: str) -> None:
    body = bytearray((folder / name).read_bytes())
    body[len(body) // 2] ^= 1
    (folder / name).write_bytes(body)
    refused(folder, f"{name} is corrupt", hashlib.sha256(body).hexdigest())


def test_a_truncated_model(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:1000])
    refused(folder, "model.onnx is corrupt")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": "1"}', b"\xff\xfe", b'{"format": 1, "name": "\xff"}'])
def test_a_manifest_that_is_none(folder: Path, body: bytes) -> None:
    (folder / MANIFEST).write_bytes(body)
    refused(folder, MANIFEST, "corrupt")


def test_an_unknown_format(folder: Path) -> None:
    rewrite(folder, lambda manifest: msgspec.structs.replace(manifest, format=2))
    refused(folder, "format 2", "format 1")


def test_a_manifest_that_lists_no_model(folder: Path) -> None:
    rewrite(folder, lambda manifest: msgspec.structs.replace(manifest, files={}))
    refused(folder, "lists no model.onnx")


def test_a_manifest_that_names_a_file_elsewhere(folder: Path) -> None:
    (folder.parent / "outside").write_bytes(b"x")
    files = {"../outside": hashlib.sha256(b"x").hexdigest()}
    rewrite(folder, lambda manifest: msgspec.structs.replace(manifest, files={**manifest.files, **files}))
    refused(folder, "../outside")


def test_a_feature_the_catalogue_lacks(folder: Path) -> None:
    lacking = msgspec.json.decode(encode_manifest(read_manifest(folder)[0]).replace(b'"card_sum_24h"', b'"card_sum_25h"'), type=Manifest)
    rewrite(folder, lambda _: lacking)
    refused(folder, "no feature card_sum_25h", CATALOGUE.version)


def test_a_feature_of_another_definition(folder: Path) -> None:
    with pytest.raises(PackageMismatch, match=r"feature card_count_1m was trained as .* defines it as"):
        Model(folder, catalogue=read_catalogue(catalogue_text().replace("events_max: 256", "events_max: 128"), place="test"))


def test_a_further_feature_disturbs_no_model(built: Built, folder: Path) -> None:
    wider = read_catalogue(catalogue_text().replace("windows: [1m, 10m, 1h", "windows: [1m, 10m, 30m, 1h"), place="test")
    assert len(wider.features) > len(CATALOGUE.features)
    each = examples(300, seed=4)
    columns = [wider.names.index(name) for name in CATALOGUE.names]
    spread = np.full((len(each.rows), len(wider.features)), np.nan, np.float32)
    spread[:, columns] = each.features
    assert Model(folder, catalogue=wider).scores(each.rows, spread).tobytes() == built.model.scores(each.rows, each.features).tobytes()


def test_a_manifest_of_another_width(folder: Path) -> None:
    rewrite(folder, lambda manifest: msgspec.structs.replace(manifest, features=manifest.features[:-1], vocabularies={}))
    refused(folder, "its manifest lists")


@pytest.mark.parametrize("vocabulary", [("grocery",), ("70000",)])
def test_a_vocabulary_that_fits_no_column(folder: Path, vocabulary: tuple[str, ...]) -> None:
    rewrite(folder, lambda manifest: msgspec.structs.replace(manifest, vocabularies={"mcc": vocabulary}))
    refused(folder, "the vocabularies")


def test_packages_are_kept_and_found_by_their_sha256(built: Built, folder: Path, tmp_path: Path) -> None:
    packages = Packages(tmp_path / "artefacts")
    (folder / "notes.txt").write_text("not of the package")
    sha256 = packages.keep(folder)
    assert sha256 == packages.keep(folder) == built.model.package.sha256
    model = packages.model(sha256, catalogue=CATALOGUE)
    assert model is packages.model(sha256, catalogue=CATALOGUE), "loaded once"
    assert sorted(file.name for file in model.package.folder.iterdir()) == [MANIFEST, "model.onnx", "model.txt"]
    with pytest.raises(PackageMismatch, match="no package 1234"):
        packages.model("1234", catalogue=CATALOGUE)


def test_a_kept_package_whose_manifest_was_changed(folder: Path, tmp_path: Path) -> None:
    packages = Packages(tmp_path / "artefacts")
    sha256 = packages.keep(folder)
    rewrite(tmp_path / "artefacts" / sha256, lambda manifest: msgspec.structs.replace(manifest, version="2"))
    with pytest.raises(PackageMismatch, match=f"package .*{sha256}: {MANIFEST} is corrupt"):
        packages.model(sha256, catalogue=CATALOGUE)


def test_half_a_package_is_not_kept(folder: Path, tmp_path: Path) -> None:
    (folder / "model.txt").unlink()
    packages = Packages(tmp_path / "artefacts")
    with pytest.raises(PackageMismatch, match=r"model\.txt is missing"):
        packages.keep(folder)
    assert not (tmp_path / "artefacts" / read_manifest(folder)[1]).exists()

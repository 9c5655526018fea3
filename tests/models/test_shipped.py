"""The package and the policy that ship fit the catalogue that ships, and are what they are said to be."""

import numpy as np
import onnx
import pytest

from models.in_force import InForce
from models.model import Model, Packages
from models.policy import policy_text, read_policy
from models.training.world import FOLDER
from schemas.control import CATALOGUE as CATALOGUE_KEY
from schemas.control import MODEL, POLICY, Control
from schemas.verdict import Action
from tests.models.made import CATALOGUE


@pytest.fixture(scope="module")
def model() -> Model:
    """Fails where the catalogue has moved on: `weir train --simulated` rebuilds the package."""
    return Model(FOLDER, catalogue=CATALOGUE)


def test_it_is_small_and_of_a_hundred_trees() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 1_000_000
    [trees] = onnx.load(FOLDER / "model.onnx").graph.node
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in trees.attribute}
    inner = np.array(attributes["nodes_modes"]) != b"LEAF"
    assert len(set(attributes["nodes_treeids"])) == 100
    assert (~inner).sum() / 100 == pytest.approx(31, abs=1)
    asked = set(np.array(attributes["nodes_featureids"])[inner].tolist())
    assert len(asked) >= len(CATALOGUE.features) / 2, "a feature is used where a tree asks for it, not where the manifest lists it"


def test_its_figures_are_those_of_rows_it_was_not_trained_on(model: Model) -> None:
    manifest = model.package.manifest
    assert manifest.judged_on.first_ms > manifest.trained_on.last_ms
    assert manifest.metrics["test_auc_roc"] > 0.95
    assert manifest.metrics["test_rows"] == manifest.judged_on.rows
    assert manifest.catalogue == CATALOGUE.version


def test_package_policy_and_catalogue_go_into_force_together(model: Model, tmp_path_factory: pytest.TempPathFactory) -> None:
    packages = Packages(tmp_path_factory.mktemp("artefacts"))
    in_force = InForce(lambda _: CATALOGUE, fold=1).by(Control(CATALOGUE_KEY, "c", "", body=""), packages)
    in_force = in_force.by(Control(MODEL, "m", packages.keep(FOLDER)), packages)
    in_force = in_force.by(Control(POLICY, "p", "", body=policy_text()), packages)
    assert in_force.versions.model == model.version
    assert len(in_force.shows) == 5


def test_the_policy_that_ships_knows_every_action() -> None:
    policy = read_policy(policy_text(), place="the shipped policy")
    assert policy.actions(np.array([0, 0.1, 0.4, 1], np.float32)).tolist() == [
        Action.APPROVE, Action.CHALLENGE, Action.REVIEW, Action.DECLINE,
    ]  # fmt: skip

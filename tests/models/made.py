"""Rows, features and a package to test with: the shipped catalogue, made-up numbers, real LightGBM, real ONNX."""

from pathlib import Path

import numpy as np

from features.catalogue import Catalogue, catalogue_text, read_catalogue
from models.policy import Policy, read_policy
from models.training.build import Built, Wanted, build
from models.training.examples import Examples
from models.training.train import Settings
from schemas.row import ROW, Kind

CATALOGUE: Catalogue = read_catalogue(catalogue_text(), place="the shipped catalogue")
POLICY_TEXT = "name: strict\nthresholds: {challenge: 0.2, review: 0.5, decline: 0.8}\nfallback: decline\nshows: [card_count_24h, amount]\n"
POLICY: Policy = read_policy(POLICY_TEXT, place="test")
USED = ("card_count_*", "card_sum_24h", "amount", "hour", "mcc", "country", "channel")
START_MS = 1_700_000_000_000


def examples(rows: int, *, seed: int) -> Examples:
    """Features of two decimals near 1e5 (the worst case of float32), a tenth unknown; frauds depend on four of them and two categories."""
    random = np.random.default_rng(seed)
    made = np.zeros(rows, ROW)
    made["kind"] = Kind.TRANSACTION
    made["offset"] = np.arange(rows)
    made["event_time_ms"] = START_MS + np.arange(rows) * 60_000
    made["card_id"] = random.integers(1, 1 << 62, (rows // 4 + 1, 2), np.uint64)[random.integers(0, rows // 4 + 1, rows)]
    made["mcc"] = random.choice([-1, 5411, 5812, 4829, 7995], rows)
    made["country"] = random.choice([b"", b"DE", b"FR", b"BR"], rows)
    made["channel"] = random.choice([b"", b"pos", b"ecommerce"], rows)
    features = np.round(random.normal(1e5, 300, (rows, len(CATALOGUE.features))), 2).astype(np.float32)
    features[random.random(features.shape) < 0.1] = np.nan
    at = {name: column for column, name in enumerate(CATALOGUE.names)}
    signal = np.nan_to_num(features[:, [at["card_count_24h"], at["card_sum_24h"], at["amount"]]], nan=1e5) - 1e5
    odds = signal.sum(axis=1) / 200 + 2.0 * (made["mcc"] == 7995) + 1.5 * (made["channel"] == b"ecommerce") - 4.0
    return Examples(made, features, random.random(rows) < 1 / (1 + np.exp(-odds)))


def package(folder: Path, *, trees: int = 30, features: tuple[str, ...] = USED, seed: int = 1, threads: int = 1) -> Built:
    wanted = Wanted("test", "1", POLICY, features, Settings(trees=trees, patience=0, seed=seed), threads=threads)
    return build(folder, wanted, {"training": examples(6000, seed=1), "validation": examples(3000, seed=2)}, catalogue=CATALOGUE)

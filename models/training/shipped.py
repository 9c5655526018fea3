"""What the package that ships is: trained on simulated people, read every feature, 100 trees of 31 leaves."""

from models.policy import Policy
from models.training.build import Wanted
from models.training.splits import Split
from models.training.train import Settings


def shipped(policy: Policy) -> tuple[Wanted, Split]:
    """All trees are grown: what is measured of the package in benchmarks is to be the same after every rebuild."""
    settings = Settings(trees=100, leaves=31, learning_rate=0.08, features_per_tree=0.3, rows_per_leaf_min=30, bins=255, patience=0, seed=1)
    return Wanted("demo", "1", policy, settings=settings), Split(delay_days=0, test_days=15, validation_share=0.0)

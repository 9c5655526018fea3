"""Where the package that ships lies, and of which simulated world it was trained: what may be asked without training anything."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "packages" / "demo"
TRANSACTIONS, CARDS, MERCHANTS, SEED, START = 450_000, 2000, 800, 20_260_101, "2026-01-01"
"""Of the simulated traffic: 110 days, the first of which know nobody, as in a demo."""

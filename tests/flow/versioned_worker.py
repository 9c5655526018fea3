"""`weir` of another fold version, which is all that tells two builds apart here. What it computes is the same; who did stands in decisions.

FOLD_VERSION=N python -m tests.flow.versioned_worker worker
"""

import os
import sys

import features.fold

features.fold.FOLD_VERSION = int(os.environ["FOLD_VERSION"])

from app.__main__ import main  # noqa: E402  # what it imports takes the version from there

sys.exit(main(sys.argv[1:]))

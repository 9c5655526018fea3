"""python -m tests.simulation SEED …                            those seeds again: machines keep their disks where it is even
python -m tests.simulation --crashes 1000000 --jobs 2        new ones until so many crashes were survived; 1, and those that failed
"""

import argparse
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice

BLOCK = 500
"""Seeds of one piece of work."""


def survived(seed: int) -> int:
    """How many crashes there were. Raises whatever is wrong."""
    import tests.conftest  # noqa: F401  # as the launcher does: where numba keeps what it compiled
    from tests.simulation.judge import judge
    from tests.simulation.simulate import simulate

    logging.disable(logging.CRITICAL)  # workers say what happens to them
    outside = simulate(seed, keep_disk=seed % 2 == 0)
    judge(outside, seed)
    return outside.crashes


def block(first: int) -> tuple[int, list[tuple[int, str]]]:
    """Crashes, and the seeds that failed, with what was wrong."""
    crashes, failed = 0, []
    for seed in range(first, first + BLOCK):
        try:
            crashes += survived(seed)
        except Exception:  # noqa: BLE001  # the run goes on: it is to name every seed
            failed.append((seed, traceback.format_exc()))
    return crashes, failed


def run(crashes_wanted: int, jobs: int, first: int) -> int:
    """Until so many crashes; the exit code."""
    began, crashes, seeds, failed = time.monotonic(), 0, 0, list[int]()
    firsts: Iterator[int] = count(first, BLOCK)
    with ProcessPoolExecutor(jobs) as pool:
        while crashes < crashes_wanted:
            for found, wrong in pool.map(block, islice(firsts, jobs)):
                crashes, seeds = crashes + found, seeds + BLOCK
                for seed, why in wrong:
                    failed.append(seed)
                    print(f"seed {seed}:\n{why}", file=sys.stderr, flush=True)
            seconds = time.monotonic() - began
            print(f"{seeds:,} seeds, {crashes:,} crashes, {len(failed)} failed, {seconds:.0f} s", flush=True)
    if failed:
        print(f"failed: python -m tests.simulation {' '.join(map(str, failed[:20]))}", file=sys.stderr)
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seeds", nargs="*", type=int, metavar="SEED", help="to run again")
    parser.add_argument("--crashes", type=int, default=0, help="how many to survive")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; default: as many as there are cores")
    parser.add_argument("--first", type=int, default=10_000, help="the first seed; default 10000, those below are of CI")
    given = parser.parse_args()
    for seed in given.seeds:
        print(f"seed {seed}: {survived(seed)} crashes survived", flush=True)
    return run(given.crashes, given.jobs, given.first) if given.crashes else 0


if __name__ == "__main__":
    sys.exit(main())

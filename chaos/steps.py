"""Death at a step: every effect that a task asks of the world (state/steps.py), before it and after it."""

import re
import shutil

from chaos.scene import Scene

OF_A_RESTORE = {"EmptyStore", "ReadChangelog", "WriteValues"}
OF_AN_END = {"CloseStore", "Delivery"}
OF_A_SAVE_GIVEN_UP = {"AbortSave"}
DEATH_SECONDS_MAX = 25.0
SAVE_SECONDS_MAX = 20.0
READY_SECONDS_MAX = 30.0
_COUNT = r'weir_step_seconds_count\{step="%s"\} (\S+)'


def arm(scene: Scene, failpoint: str) -> str:
    """An owner dies, comes back to die again at the step, and comes back."""
    step = failpoint.partition(":")[0]
    name = scene.owner()
    fleet = scene.fleet
    with fleet.held(name):
        fleet.kill(name)
        if step in OF_A_RESTORE:
            for database in scene.databases(name):
                shutil.rmtree(database, ignore_errors=True)
        often = scene.random.randint(1, 3) if step in {"CommitOffset", "WriteStore"} else 1
        fleet.start(name, WEIR_FAILPOINT=f"{failpoint}:{often}")
        if step in OF_AN_END | OF_A_SAVE_GIVEN_UP:
            fleet.ready(name, READY_SECONDS_MAX)
            if step in OF_A_SAVE_GIVEN_UP:
                _await_save(scene, name)
            reached = fleet.stop(name) < 0
        else:
            reached = fleet.gone(name, DEATH_SECONDS_MAX)
            if not reached:
                fleet.kill(name)
        fleet.start(name)
    return f"{failpoint}, {name}" if reached else f"{failpoint}, {name}: not reached"


def _await_save(scene: Scene, name: str) -> None:
    """Until a save is under way."""
    for _ in range(int(SAVE_SECONDS_MAX / 0.02)):
        try:
            page = scene.fleet.workers[name].get("metrics")
        except OSError:
            return
        begun, ended = (sum(_count(page, step) for step in steps) for steps in (("FreezeStored",), ("CommitSave", "AbortSave")))
        if begun > ended:
            return
        scene.sleep(0.02)


def _count(page: str, step: str) -> float:
    found = re.search(_COUNT % step, page)
    return float(found[1]) if found else 0.0

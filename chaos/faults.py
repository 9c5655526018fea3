"""The accidents, one function each: it happens, and is over when the function returns; what came of it is said in a few words."""

import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from chaos.accidents import BROKER, DISK_DAMAGED, DISK_FULL, KILL
from chaos.scene import Scene
from schemas.errors import BrokerUnreachable

SESSION_SECONDS = 10.0
PAUSE_SECONDS = 5.0
FULL_SECONDS_MAX = 30.0
JOIN_SECONDS_MAX = 30.0
DAMAGED_BYTES = 256
BROKER_STARTS_MAX = 4


def kill(scene: Scene, _: str) -> str:
    """A kill -9 of whoever it hits."""
    name = scene.anybody()
    with scene.fleet.held(name):
        scene.fleet.kill(name)
        scene.away()
        scene.fleet.start(name)
    return name


def kill_all(scene: Scene, _: str) -> str:
    """A kill -9 of all at once."""
    names = scene.mortals
    for name in names:
        scene.fleet.kill(name)
    scene.away()
    for name in names:
        scene.fleet.start(name)
    return ", ".join(names)


def kill_disk_gone(scene: Scene, _: str) -> str:
    """A kill -9 of an owner whose disk is gone afterwards."""
    name = scene.owner()
    with scene.fleet.held(name):
        scene.fleet.kill(name)
        for database in scene.databases(name):
            shutil.rmtree(database, ignore_errors=True)
        scene.away()
        scene.fleet.start(name)
    return name


def kill_disk_damaged(scene: Scene, _: str) -> str:
    """A kill -9 of an owner; bytes of a file of its database are others afterwards."""
    name = scene.owner()
    with scene.fleet.held(name):
        scene.fleet.kill(name)
        files = sorted(file for database in scene.databases(name) for file in database.rglob("*") if file.is_file())
        said = (
            damage(scene.random.choice([file for file in files if file.name not in {"LOCK", "LOG"}] or files), scene.random)
            if files
            else ""
        )
        scene.fleet.start(name)
    return f"{name}: {said}"


def damage(file: Path, random: Random) -> str:
    """Overwrites some bytes somewhere."""
    size = file.stat().st_size
    at = random.randrange(max(1, size - DAMAGED_BYTES))
    with file.open("r+b") as open_file:
        open_file.seek(at)
        open_file.write(random.randbytes(min(DAMAGED_BYTES, max(1, size))))
    return f"{file.name} from byte {at}"


def restart(scene: Scene, _: str) -> str:
    """SIGTERM, and started again."""
    name = scene.anybody()
    with scene.fleet.held(name):
        code = scene.fleet.stop(name)
        scene.fleet.start(name)
    return name if code == 0 else f"{name} ended with {code}"


def pause(scene: Scene, _: str) -> str:
    """SIGSTOP for a while, within the session."""
    return _paused(scene, PAUSE_SECONDS)


def zombie(scene: Scene, _: str) -> str:
    """SIGSTOP until the group has given its partitions to another; then it wakes up."""
    return _paused(scene, SESSION_SECONDS)


def _paused(scene: Scene, seconds: float) -> str:
    name = scene.owner(may_end=False)
    with scene.fleet.held(name):
        scene.fleet.pause(name)
        scene.sleep(seconds)
        scene.fleet.resume(name)
    return name


def broker(scene: Scene, _: str) -> str:
    """A kill -9 of the broker, and started again on its data."""
    assert scene.broker is not None, "planned where it is not ours"
    scene.broker.kill()
    scene.sleep(scene.random.uniform(0.0, 3.0))
    for attempt in range(1, BROKER_STARTS_MAX + 1):
        try:
            scene.broker.start()
        except BrokerUnreachable:
            if attempt == BROKER_STARTS_MAX:
                raise
        else:
            return "" if attempt == 1 else f"it came back at the {attempt}th start"
    return ""


def faust_rebalance(scene: Scene, _: str) -> str:
    """Somebody joins the group in which Faust reads the control topic, and leaves."""
    name = scene.owner(may_end=False)
    with suppress(TimeoutError), scene.stranger(name):
        scene.sleep(1.0)
    return name


def scale(scene: Scene, _: str) -> str:
    """1, 2, 3, 1 workers, then as many as before. Who leaves is gone for longer than the session."""
    before = scene.fleet.running
    stayed = scene.spared or scene.random.choice(before)
    for name in before:
        if name != stayed:
            scene.fleet.stop(name)
    scene.sleep(7.0)
    for name in [f"w{number}" for number in range(1, 4)]:
        if name not in scene.fleet.running:
            scene.fleet.start(name)
            scene.joined(JOIN_SECONDS_MAX)
            scene.sleep(2.0)
    left = scene.spared or scene.owner()
    for name in scene.fleet.running:
        if name != left:
            scene.fleet.stop(name)
    scene.sleep(7.0)
    for name in before:
        if name not in scene.fleet.running:
            scene.fleet.start(name)
    if left not in before:
        scene.fleet.stop(left)
    return f"{stayed}, then {left} alone"


def disk_full(scene: Scene, _: str) -> str:
    """Not one more byte fits on an owner's disk until it has ended; then there is room again."""
    assert scene.disks is not None, "planned where no disk can be full"
    name = scene.owner()
    ballast = scene.disks[name] / "ballast"
    with scene.fleet.held(name):
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"x" * (1 << 20))
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"x")
        ended = scene.fleet.gone(name, FULL_SECONDS_MAX)
        ballast.unlink()
        if ended:
            scene.fleet.start(name)
    return name if ended else f"{name} wrote nothing meanwhile"


ACTS: dict[str, Callable[[Scene, str], str]] = {
    KILL: kill,
    "kill -9 of all at once": kill_all,
    "kill -9, its disk gone": kill_disk_gone,
    DISK_DAMAGED: kill_disk_damaged,
    "SIGTERM and started again": restart,
    "SIGSTOP for 5 s": pause,
    "SIGSTOP past the session": zombie,
    BROKER: broker,
    "rebalance of Faust's group": faust_rebalance,
    "workers 1, 2, 3, 1": scale,
    DISK_FULL: disk_full,
}
"""Told what the plan names beside the accident, here nothing."""


def full_disk(folder: Path, mib: int) -> bool:
    """Makes the folder a small disk of its own; whether that is allowed here. `umount` ends it."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def unmount(folder: Path) -> None:
    """Whatever still stands there goes with it."""
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)

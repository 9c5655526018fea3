"""What can come between any two steps of any worker. Each is told of the lives it comes into."""

from collections.abc import Callable

from schemas.errors import DeliveryFailed
from tests.simulation.disk import Disk
from tests.simulation.lives import Lives
from tests.simulation.worker import Worker


def accident(lives: Lives) -> None:
    random = lives.random
    asleep = [machine for machine in lives.machines if machine not in lives.workers]
    if asleep and random.random() < 0.5:
        lives.start(random.choice(asleep))
        return
    random.choice(ACCIDENTS)(lives)


def _any(lives: Lives) -> Worker | None:
    return lives.random.choice(list(lives.workers.values())) if lives.workers else None


def killed(lives: Lives) -> None:
    if worker := _any(lives):
        lives.kill(worker, lives.random.choice(("kill -9", "kill -9", "power cut")))


def paused(lives: Lives) -> None:
    if worker := _any(lives):
        worker.paused = not worker.paused
        if worker.paused and lives.random.random() < 0.7:
            lives.put_out(worker)


def stopped(lives: Lives) -> None:
    if (worker := _any(lives)) and not worker.paused and lives.random.random() < 0.3:
        lives.outside.happened("an orderly end")
        lives.stop(worker)


def session_ran_out(lives: Lives) -> None:
    dead = [m for m in lives.outside.group.members if all(worker.group.member is not m for worker in lives.workers.values())]
    if dead:
        lives.outside.group.put_out(lives.random.choice(dead))


def rebalanced(lives: Lives) -> None:
    if lives.outside.group.members:
        lives.outside.happened("a rebalance")
        lives.outside.group.rebalance()


def took_too_long(lives: Lives) -> None:
    if worker := _any(lives):
        worker.group.give_back(late=True)


def expired(lives: Lives) -> None:
    if lives.outside.exactly_once:  # which is refused then
        return
    if not lives.workers and not lives.outside.group.members and lives.random.random() < 0.5:
        lives.outside.group.committed.clear()
        lives.outside.happened("the group's offsets were gone")


def arrived_late(lives: Lives) -> None:
    for _ in range(lives.random.randint(1, 4)):
        if lives.outside.late:
            lives.outside.late_turn()


def delivery_failed(lives: Lives) -> None:
    if (worker := _any(lives)) and worker.world.sink.fail(DeliveryFailed("refused by the broker")):
        lives.outside.happened("a delivery error in the middle")
        worker.ended = worker.world.sink.fatal
        lives.judge_end(worker)


def wished(lives: Lives) -> None:
    lives.outside.wish(lives.random)


def compacted(lives: Lives) -> None:
    lives.outside.changelog.compact(lives.random)


def disk_lost(lives: Lives) -> None:
    if not lives.keep_disk:
        lives.outside.disks[lives.random.choice(lives.machines)] = Disk()


def retention(lives: Lives) -> None:
    outside = lives.outside
    if not lives.keep_disk and (saved := outside.saved) > outside.log_begin:
        outside.log_begin = lives.random.randint(outside.log_begin, saved)
        outside.happened("retention")


def time_passed(lives: Lives) -> None:
    lives.outside.clock.now += lives.random.choice((1.0, 12.0))
    for worker in list(lives.workers.values()):
        if not worker.paused:
            worker.tick()
            lives.judge_end(worker)


ACCIDENTS: list[Callable[[Lives], None]] = [
    killed,
    killed,
    paused,
    paused,
    stopped,
    session_ran_out,
    session_ran_out,
    rebalanced,
    rebalanced,
    took_too_long,
    expired,
    arrived_late,
    arrived_late,
    arrived_late,
    compacted,
    delivery_failed,
    *[wished] * 2,
    *[disk_lost] * 3,
    *[retention] * 3,
    time_passed,
]

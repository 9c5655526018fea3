"""A consumer group as its coordinator has it, by either protocol; and what a member is told when it asks.

    cooperative   whoever commits names its generation: an older one is refused, though the partition be still its own
    KIP-848       an older one is good for what is still the member's, and refused for all else

A partition moves in steps: its member is told, ends its work, gives it back; only then is it another's. A member that is not heard of is
put out, and what was its own is another's at once: it learns so when it asks again.
"""

from dataclasses import dataclass, field
from random import Random

from schemas.records import Partition


@dataclass(eq=False)
class Member:
    """One member id: a process that joins again is another."""

    instance: str
    generation: int = 0
    holds: dict[Partition, None] = field(default_factory=dict)
    """As the coordinator has it: what was given to it and not given back."""


class Group:
    """By whose name and in whose generation offsets move."""

    def __init__(self, partitions: list[Partition], random: Random, *, kip848: bool) -> None:
        self.partitions, self.kip848 = partitions, kip848
        self._random = random
        self.members: list[Member] = []
        self.wanted: dict[Partition, Member] = {}
        self.committed: dict[Partition, int] = {}
        self.generation = 0

    def join(self, instance: str) -> Member:
        """A static member: the one of the same name before it is gone, and what it held is given to this one."""
        member = Member(instance)
        for before in [each for each in self.members if each.instance == instance]:
            self.members.remove(before)
            for partition, wanted in self.wanted.items():
                if wanted is before:
                    self.wanted[partition] = member
        self.members.append(member)
        self._assign()
        return member

    def put_out(self, member: Member) -> None:
        """Its session ran out, or it has left."""
        self.members.remove(member)
        self._assign()

    def rebalance(self, wanted: dict[Partition, Member] | None = None) -> None:
        """The partitions are wanted elsewhere; by chance where nobody says where."""
        self.wanted.update(wanted or {p: self._random.choice(self.members) for p in self.partitions if self._random.random() < 0.6})
        self.generation += 1

    def heartbeat(self, member: Member) -> tuple[list[Partition], list[Partition]] | None:
        """What it is to give back, and what is newly its own; None: it is no member any more."""
        if member not in self.members:
            return None
        member.generation = self.generation
        held = {partition for each in self.members for partition in each.holds}
        given = [p for p, wanted in self.wanted.items() if wanted is member and p not in held]
        member.holds.update(dict.fromkeys(given))
        return [p for p in member.holds if self.wanted[p] is not member], given

    def give_back(self, member: Member, partition: Partition) -> None:
        """It has ended its work there."""
        if member in self.members and partition in member.holds:
            del member.holds[partition]
            self.generation += 1

    def takes(self, member: Member, generation: int, partition: Partition) -> bool:
        """Whether an offset that this member sends is taken."""
        if member not in self.members:
            return False
        return partition in member.holds if self.kip848 else generation == self.generation

    def _assign(self) -> None:
        self.generation += 1
        if self.members:
            for partition in self.partitions:
                if self.wanted.get(partition) not in self.members:
                    self.wanted[partition] = self._random.choice(self.members)

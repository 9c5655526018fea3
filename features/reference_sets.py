"""Full sets, readable: which members stay, and what they say of all. `features.aggregates.sampling` does the same."""

HASHES = 1 << 23
UINT64 = (1 << 64) - 1


def hashed(member: int) -> int:
    """The upper 23 bits of splitmix64 (Steele, Lea, Flood 2014) of a uint64."""
    mixed = (member + 0x9E3779B97F4A7C15) & UINT64
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & UINT64
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & UINT64
    return mixed >> 41


def stays(member: int, threshold: int) -> bool:
    """Whether a set of this threshold holds the member; 0: every one."""
    return threshold == 0 or hashed(member) < threshold


def estimate(seen: int, threshold: int, *, present: bool) -> float:
    """How many there are. present: one of them is the row's own, sampled or not."""
    return float(seen) if threshold == 0 else max(seen * HASHES / threshold, float(present))


def within(members: dict[int, int], threshold: int, cap: int) -> tuple[dict[int, int], int]:
    """A set that fits: the members that stay, and the threshold."""
    while len(members) > cap and threshold != 1:
        threshold = max(1, *map(hashed, members))
        members = {member: seen_ms for member, seen_ms in members.items() if hashed(member) < threshold}
    while len(members) > cap:
        members = {member: members[member] for member in members if member != min(members, key=lambda each: (members[each], each))}
    return members, threshold if members else 0

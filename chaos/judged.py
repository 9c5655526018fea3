"""One round's evidence before the oracle, and what it found."""

from collections import Counter
from collections.abc import Iterable

from chaos import evidence
from chaos.oracle import answers, committed
from chaos.oracle.cell import Cell
from chaos.oracle.contract import Contract
from chaos.oracle.due import Due, Place
from chaos.oracle.log import Log
from chaos.oracle.rules import Rules, rules_of
from chaos.oracle.table import compare
from chaos.rounds import Case, Found
from schemas.records import Partition

NAMED_MAX = 5


def judge(case: Case) -> Found:
    """Recomputes everything from the source topics."""
    rules = rules_of(case.catalogue)
    contract = Contract(
        base=rules.base, rates=rules.rates, key=case.key, counted=tuple(dict.fromkeys(entity.field for entity in rules.entities))
    )
    sources = {topic: evidence.source(case.connection, topic) for topic in (case.transactions, case.labels)}
    told = answers.decisions(evidence.answers(case.connection, case.decisions))
    refused = answers.letters(evidence.answers(case.connection, case.dead_letters))
    counts: Counter[str] = Counter(records=sum(map(len, sources.values())), repeats=len(told.repeats) + len(refused.repeats))
    complaints: list[str] = []
    lost: set[answers.Spot] = set()
    wrong: dict[answers.Spot, str] = {}
    appended: set[answers.Spot] = set()
    tables = 0
    followed: dict[tuple[str, int], list[tuple[int, tuple[str, int], int]]] = {}
    for number in range(case.cells):
        log, cell, due = Log(), Cell(rules, contract), dict[Place, Due]()
        partition = Partition(case.log, number)
        rows = followed.setdefault(partition, [])
        for origin, offset, block in log.first(evidence.blocks(case.connection, partition)):
            topic = log.origins[origin].topic
            value, received = sources[topic][log.origins[origin].partition, offset]
            due[origin, offset] = cell.take((origin, offset), value, received=received, label=topic == case.labels)
            spot = topic, log.origins[origin].partition, offset
            appended.add(spot)
            followed.setdefault((topic, log.origins[origin].partition), []).append((offset, partition, block))
            rows += [(block, (case.decisions, found.partition), found.offset) for found in _of(told, spot)]
            rows += [(block, (case.dead_letters, found.partition), found.offset) for found in _of(refused, spot)]
        counts.update(rows=log.rows, rows_again=log.again, accepted=cell.accepted, values=len(cell.lives))
        verdict = answers.judge(due, log.origins, told, refused)
        counts.update(verdict.counts)
        lost |= verdict.lost
        wrong |= verdict.wrong
        tables += _table(case, partition, cell, log, rules, contract, complaints)
    missing = {(topic, *place) for topic, records in sources.items() for place in records} - appended
    complaints += _some("not in the log", missing) + _some("without its answer", lost) + _some("", wrong.items())
    early = committed.judge(case.samples, {each: committed.Followed(records) for each, records in followed.items()})
    counts.update(samples=len(case.samples), committed_early=len(early))
    complaints += early[:NAMED_MAX]
    sent = {(topic, *place): received for topic, records in sources.items() for place, (_, received) in records.items()}
    return Found(dict(counts), [sent[spot] for spot in lost | missing], [sent.get(spot, 0) for spot in wrong], tables, complaints)


def _of(found: answers.Found, spot: answers.Spot) -> list[answers.Answer]:
    answer = found.first.get(spot)
    return [answer] if answer else []


def _table(case: Case, partition: Partition, cell: Cell, log: Log, rules: Rules, contract: Contract, complaints: list[str]) -> int:
    """How many values of the cell's table are not what the oracle has."""
    held = evidence.stored(case.folders, partition)
    if held is None:
        complaints.append(f"{partition}: nobody has its table")
        return len(cell.lives)
    wrong = compare(cell.lives, held.values(), rules, contract.hash64)
    complaints += [f"{entity} {key.hex()}: {what}" for (entity, key), what in list(wrong.items())[:NAMED_MAX]]
    places = {tuple(origin): highest for origin, highest in held.marker.seen}
    true = {tuple(origin): highest for origin, highest in zip(log.origins, log.highest, strict=True)}
    if places != true or held.marker.newest_ms != cell.newest:
        complaints.append(f"{partition}: the marker has {places}, newest {held.marker.newest_ms}; it must be {true}, {cell.newest}")
        return len(wrong) + 1
    return len(wrong)


def _some(what: str, found: Iterable[object]) -> list[str]:
    names = [str(each) for each in found]
    return [f"{len(names)} {what}: {', '.join(sorted(names)[:NAMED_MAX])}"] if names else []

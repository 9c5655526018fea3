"""Every source record in the order in which it was first appended to the log: what becomes of it, and what its keys hold afterwards."""

from chaos.oracle.contract import Contract, Refused, Said
from chaos.oracle.due import Due, Place
from chaos.oracle.life import Entry, Life
from chaos.oracle.rules import Entity, Rules

DAY_MS = 86_400_000


class Cell:
    """One partition of the log. Its records are handed over in order, each once."""

    def __init__(self, rules: Rules, contract: Contract) -> None:
        self.lives: dict[tuple[str, bytes], Life] = {}
        self.newest: int | None = None
        self.accepted = 0
        self._rules, self._contract = rules, contract

    def take(self, place: Place, value: bytes | None, *, received: int, label: bool) -> Due:
        """The next record, and when its source says it was received."""
        said = self._contract.read(value, label=label)
        if isinstance(said, Refused):
            return Due(said.transaction_id, said.reason, letter=True)
        return self._label(said, received) if label else self._transaction(said, place, received)

    def _transaction(self, said: Said, place: Place, received: int) -> Due:
        rules = self._rules
        named = [entity for entity in rules.entities if entity.field in said.keys]
        now = said.time if self.newest is None else max(said.time, self.newest)
        lives = [self._life(entity.name, said.keys[entity.field], now) for entity in named]
        known = lives[0].recall(said.id)
        if known is not None and known.content == said.content:
            return Due(said.id, "", letter=False, first=known.place)
        reason = "transaction_id_reused" if known is not None else ""
        if not reason and self.newest is not None and said.time < self.newest - rules.grace:
            reason = "late"
        if not reason and said.time > received + rules.ahead:
            reason = "event_time_ahead"
        if reason:
            return Due(said.id, reason, letter=True)
        self.newest = now
        count = self._accept(said, list(zip(named, lives, strict=True)))
        lives[0].remember(Entry(said.id, said.content, said.time, place), rules)
        return Due(said.id, "", letter=False, of_card=count)

    def _accept(self, said: Said, lives: list[tuple[Entity, Life]]) -> int | None:
        names = {"amount": said.base, "channel": said.channel or None}
        met = sum(bit for bit, test in self._rules.filters if eval(test, names))  # noqa: S307 (the catalogue's own words)
        count = None
        for entity, life in lives:
            self.lives[entity.name, said.keys[entity.field]] = life
            life.take(entity, self._rules, time=said.time, at=self.accepted, amount=said.base, met=met)
            for field, keep in entity.sets:
                member = said.country if field == "country" else int.from_bytes(said.keys.get(field, b"")[:8], "little")
                life.see(field, member, time=said.time, keep=keep, cap=self._rules.members_max)
            if entity.travel and said.where is not None:
                life.position = (said.time, *said.where)
            if entity.name == "card" and life.events.left is None:
                count = sum(said.time - DAY_MS < event[0] <= said.time for event in life.events.items)
        self.accepted += 1
        return count

    def _label(self, said: Said, received: int) -> Due:
        rules = self._rules
        if self.newest is not None and said.time < self.newest - rules.lifetime:
            return Due("", "label_too_old", letter=True)
        if said.time > received + rules.ahead:
            return Due("", "event_time_ahead", letter=True)
        for entity in rules.entities:
            if said.label > 1 and entity.labels and entity.field in said.keys:
                key = entity.name, said.keys[entity.field]
                life = self.lives[key] = self._life(*key, self.newest)
                life.hear(rules, time=said.time, amount=said.base, code=said.label, label_id=said.id)
        return Due("", "", letter=False)

    def _life(self, entity: str, key: bytes, now: int | None) -> Life:
        """An empty one where there is none, or its lifetime is over."""
        life = self.lives.get((entity, key))
        if life is None or (now is not None and life.last is not None and life.last < now - self._rules.lifetime):
            return Life()
        return life

"""How a worker may end by itself while accidents happen, and how it may not."""

import pytest

from chaos.fleet import Ending
from chaos.run import _wrong


@pytest.mark.parametrize(
    ("code", "words", "wrong"),
    [
        (2, "weir: topic t: retention.ms must be 1, found 2", True),
        (2, "weir: the disk of d is full: No space left on device", False),
        (3, "  File x\nweir: unexpected, stopped without another commit: DecodeError", True),
        (3, "weir: no Kafka broker answered at 127.0.0.1:9 within 10 s: refused", False),
        (3, "weir: the database d is damaged (Corruption)", False),
    ],
)
def test_what_may_end_a_worker(code: int, words: str, wrong: bool) -> None:
    assert _wrong(Ending(0.0, "w1", code, words)) is wrong

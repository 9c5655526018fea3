"""Why: every reason code of a decision or a dead letter. A code's number stands in rows and stored values: numbers are never reused."""

from enum import IntEnum


class Reason(IntEnum):
    """The reason's name, lower-case, is what readers see (`Reason.LATE.code == "late"`)."""

    NONE = 0
    # of intake: the record alone shows it
    NULL_VALUE = 1
    RECORD_TOO_LARGE = 2
    NOT_UTF8 = 3
    NOT_JSON = 4
    TOO_DEEP = 5
    NOT_FINITE = 6
    WRONG_TYPE = 7
    MISSING_FIELD = 8
    INTEGER_TOO_LARGE = 9
    BAD_ID = 10
    NO_PRIMARY_ENTITY = 11
    NEGATIVE_AMOUNT = 12
    AMOUNT_TOO_LARGE = 13
    UNKNOWN_CURRENCY = 14
    EVENT_TIME_TOO_OLD = 15
    OUT_OF_RANGE = 16
    UNKNOWN_SIGNAL = 17
    # of the fold: the state shows it
    LATE = 40
    EVENT_TIME_AHEAD = 41
    TRANSACTION_ID_REUSED = 42
    # of the verdict
    SCORE = 100
    NO_MODEL = 101
    SCORING_FAILED = 102
    BLOCK_LIST = 103
    ALLOW_LIST = 104

    @property
    def code(self) -> str:
        """What stands in decisions and dead letters."""
        return self.name.lower()

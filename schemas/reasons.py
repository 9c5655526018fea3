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
    UNKNOWN_LABEL = 17
    # of the fold: the state shows it
    LATE = 40
    EVENT_TIME_AHEAD = 41
    TRANSACTION_ID_REUSED = 42
    LABEL_TOO_OLD = 43
    UNFOLDABLE = 44
    QUARANTINED = 45
    # of the verdict
    SCORE = 100
    NO_MODEL = 101
    SCORING_FAILED = 102
    BLOCK_LIST = 103
    ALLOW_LIST = 104
    BACKFILLED = 105

    @property
    def code(self) -> str:
        """What stands in decisions and dead letters."""
        return self.name.lower()

    @property
    def meaning(self) -> str:
        """One line for `docs/contract.md`."""
        return _MEANINGS[self]


_MEANINGS = {
    Reason.NONE: "nothing is wrong",
    Reason.NULL_VALUE: "the record has no value",
    Reason.RECORD_TOO_LARGE: "the value has more bytes than `WEIR_RECORD_BYTES_MAX`, 65,536",
    Reason.NOT_UTF8: "a byte of the value is not UTF-8, be it in a field that nobody reads",
    Reason.NOT_JSON: "the value is not JSON",
    Reason.TOO_DEEP: "objects or arrays are nested more than 64 deep",
    Reason.NOT_FINITE: "NaN, Infinity, or a number beyond the range of a float64",
    Reason.WRONG_TYPE: 'a field has another type than the contract says; `12.0` and `"12"` are no integers',
    Reason.MISSING_FIELD: "a required field is absent",
    Reason.INTEGER_TOO_LARGE: "an integer is beyond int64",
    Reason.BAD_ID: "an identifier is empty, too long, or not printable ASCII",
    Reason.NO_PRIMARY_ENTITY: "the record names none of the entities that the catalogue counts",
    Reason.NEGATIVE_AMOUNT: "the amount is below 0",
    Reason.AMOUNT_TOO_LARGE: "the amount is above 2^40 minor units of the base currency",
    Reason.UNKNOWN_CURRENCY: "the catalogue has no rate for the currency",
    Reason.EVENT_TIME_TOO_OLD: "the event time is before 2000-01-01: seconds instead of milliseconds",
    Reason.OUT_OF_RANGE: "another field is outside its range",
    Reason.UNKNOWN_LABEL: "a label or its type is none of the contract's, or a type stands beside another label than `fraud`",
    Reason.LATE: "the event time is further behind the newest of its cell than the grace period",
    Reason.EVENT_TIME_AHEAD: "the event time is further ahead of its record's timestamp than the catalogue allows",
    Reason.TRANSACTION_ID_REUSED: "the id was used before, with another amount, currency or identifier",
    Reason.LABEL_TOO_OLD: "the transaction of a label is further behind the newest of its cell than the lifetime, 400 days",
    Reason.UNFOLDABLE: "a fault of ours: the row can be folded by none of our ways, so it counts nowhere; tell us",
    Reason.QUARANTINED: "an operator took the row out by `weir quarantine`, because processes died of it: it counts nowhere",
    Reason.SCORE: "the model's score and the policy's thresholds",
    Reason.NO_MODEL: "no model, or no policy, is in force yet",
    Reason.SCORING_FAILED: "the model could not score (not given yet)",
    Reason.BACKFILLED: "it repeats a transaction of a history that was put into the log; nothing was ever decided about that one",
    Reason.BLOCK_LIST: "a block list of the policy names one of its identifiers (not given yet)",
    Reason.ALLOW_LIST: "an allow list of the policy names one of its identifiers (not given yet)",
}

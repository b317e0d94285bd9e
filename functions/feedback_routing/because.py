"""Why feedback leads to nothing more: one closed list."""

from enum import StrEnum


class Because(StrEnum):
    CUSTOMER_GONE = "customer-gone"
    OLDER_VERSION = "older-version"
    NO_OFFER = "no-offer"
    HELD_OUT = "held-out"
    NO_ORDER = "no-order"
    NOTHING_GOES_WITH_IT = "nothing-goes-with-it"
    NOT_WANTED = "not-wanted"
    CASE_GONE = "case-gone"
    CASE_CLOSED = "case-closed"
    CASE_OPEN = "case-open"
    ANSWERED = "answered"
    KNOWN = "known"
    TOO_LATE = "too-late"

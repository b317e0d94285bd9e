"""What customers turn to support about, as events and facts name it."""

from enum import StrEnum
from typing import Literal


class CaseTopic(StrEnum):
    """What a customer asked support about."""

    WHERE_IS_MY_ORDER = "where_is_my_order"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    MISSING_ITEM = "missing_item"
    RETURN = "return"
    REFUND = "refund"
    PRODUCT = "product"
    COMPLAINT = "complaint"
    OTHER = "other"


CaseResult = Literal["replaced", "refunded", "explained", "called", "thanked", "nothing"]
"""What came of a case."""

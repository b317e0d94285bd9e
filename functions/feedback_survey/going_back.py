"""Who gives something back by the store's own way is asked once what was wrong with it. Pure.

Who asks for a return on our page is asked there. Of whom the store knows why is not asked at all.
"""

from datetime import datetime, timedelta

from aftercare.consent import Purpose
from aftercare.customer import Customer, Return
from aftercare.proposal import Nothing, Proposal, Unless
from aftercare.returns import is_request_ref
from feedback_survey.asking import Because

ASKED_AFTER = timedelta(hours=3)
"""The news of the return goes first, and the shop may tell the reason yet."""

STILL_FRESH = timedelta(days=5)
"""Later than this after a return was first heard of, it is not asked about."""


def ask_why(
    customer: Customer | None, order_key: str, return_ref: str, now: datetime, caused_by: str, correlation_id: str
) -> Proposal | Nothing:
    """The question, where nobody said why yet; once for each return, whichever of its events comes first."""
    order = customer.order(order_key) if customer else None
    if customer is None or order is None:
        return Nothing(Because.CUSTOMER_GONE if customer is None else Because.ORDER_UNKNOWN)
    back = order.returned(return_ref)
    if back is None:
        return Nothing(Because.NOT_SO)
    facts = (
        (order.is_test, Because.TEST_ORDER),
        (order.deleted_at is not None, Because.ORDER_UNKNOWN),
        (order.suppress_notification, Because.SILENT),
        (back.is_over, Because.RETURN_OVER),
        (_was_asked(back) or back.reason is not None, Because.ANSWERED),
        (back.began_at + STILL_FRESH <= now, Because.TOO_LATE),
    )
    against = next((because for holds, because in facts if holds), None)
    if against:
        return Nothing(against)
    at = back.began_at + ASKED_AFTER
    return Proposal(
        key=f"return-survey#{order.key}:{back.ref}",
        customer_id=customer.id,
        purpose=Purpose.SERVICE,
        template="return-survey",
        references={"order": order.key, "return": back.ref},
        unless=(Unless.ORDER_UNKNOWN, Unless.RETURN_EXPLAINED),
        not_before=at if at > now else None,
        not_after=back.began_at + STILL_FRESH,
        proposed_at=now,
        caused_by=caused_by,
        correlation_id=correlation_id,
    )


def _was_asked(back: Return) -> bool:
    """Whether it was asked for on our own page, which asks why, too."""
    return any(map(is_request_ref, back.names))

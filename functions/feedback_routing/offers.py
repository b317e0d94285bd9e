"""Which offer feedback leads to, for which kind of buyer, and the message that makes it. Pure."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aftercare import keys
from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.proposal import Block, Nothing, Proposal, Unless
from aftercare.signals import Signals
from feedback_routing.because import Because

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue
    from aftercare.feedback_policy import FeedbackPolicy

OPEN_FOR = timedelta(days=14)
"""So long an offer is still an answer to what was said."""

TEMPLATES = {Purpose.SERVICE: "next-help", Purpose.PROMOTIONAL: "next-step"}


def held_out(customer_id: str, share: float) -> bool:
    """Whether a customer gets no offers, so that it is seen what offers do; the same for good."""
    return keys.share(f"offers#{customer_id}") < share


def offer(
    customer: Customer,
    signals: Signals,
    order: Order | None,
    policy: "FeedbackPolicy",
    catalogue: "Catalogue",
    now: datetime,
    caused_by: str,
    correlation_id: str,
) -> Proposal | Nothing:
    """The one message that the signals on record lead to."""
    if signals.offer is None:
        return Nothing(Because.HELD_OUT if signals.held_out else Because.NO_OFFER)
    made = policy.offers.get(signals.offer)
    if made is None:
        return Nothing(Because.NO_OFFER)
    if order is None:
        return Nothing(Because.NO_ORDER)
    blocks = [Block(kind="offer", variant=signals.offer)]
    if made.basket == "goes-with":
        from aftercare.recommend import goes_with  # few offers choose

        add_on = goes_with(customer, (order,), catalogue, now)
        if add_on is None:
            return Nothing(Because.NOTHING_GOES_WITH_IT)
        blocks.append(Block(kind="goes-with", variant=add_on))
    template = TEMPLATES[made.purpose]
    return Proposal(
        key=f"{template}#{signals.origin}:{signals.about}",
        customer_id=customer.id,
        purpose=made.purpose,
        template=template,
        references={"order": order.key},
        blocks=tuple(blocks),
        unless=(Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED, Unless.ANSWERED_ANEW),
        value=made.worth,
        not_after=now + OPEN_FOR,
        proposed_at=now,
        caused_by=caused_by,
        correlation_id=correlation_id,
    )

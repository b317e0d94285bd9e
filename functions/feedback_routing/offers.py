"""Which offer feedback leads to, for which kind of buyer, and the message that makes it. Pure."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aftercare import keys
from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.offer_taps import Pair, Taps, liked
from aftercare.offer_words import FOR_FEEDBACK
from aftercare.proposal import Block, Nothing, Proposal, Unless
from aftercare.signals import Signals
from feedback_routing.because import Because

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue
    from aftercare.feedback_policy import FeedbackPolicy

OPEN_FOR = timedelta(days=14)
"""So long an offer is still an answer to what was said."""

UNLESS = (
    Unless.ORDER_UNKNOWN,
    Unless.ORDER_CANCELLED,
    Unless.ORDER_REFUNDED,
    Unless.ANSWERED_ANEW,
    Unless.OFFER_UNWANTED,
)
GOES_WITH = ("goes-with", "bundle")
TEMPLATES = {Purpose.SERVICE: "next-help", Purpose.PROMOTIONAL: "next-step"}


def held_out(customer_id: str, share: float) -> bool:
    """Whether a customer gets no offers, so that it is seen what offers do; the same for good."""
    return keys.share(f"offers#{customer_id}") < share


def pairs(
    customer: Customer, signals: Signals, order: Order | None, policy: "FeedbackPolicy", catalogue: "Catalogue", now: datetime
) -> tuple[Pair, ...]:
    """What may be offered, with its family; what taps say of it decides what is."""
    made = policy.offers.get(signals.offer or "")
    if made is None or order is None:
        return ()
    if made.basket in GOES_WITH:
        from aftercare.recommend import fitting  # few offers choose

        return fitting(customer, (order,), catalogue, now)
    return ((next(iter(catalogue.by_family(order.lines)), catalogue.default), f"{FOR_FEEDBACK}{signals.offer}"),)


def offer(
    customer: Customer,
    signals: Signals,
    order: Order | None,
    policy: "FeedbackPolicy",
    catalogue: "Catalogue",
    now: datetime,
    caused_by: str,
    correlation_id: str,
    taps: Taps,
) -> Proposal | Nothing:
    """The one message that the signals on record lead to; worth as much more as taps say that it is of use."""
    if signals.offer is None:
        return Nothing(Because.HELD_OUT if signals.held_out else Because.NO_OFFER)
    made = policy.offers.get(signals.offer)
    if made is None:
        return Nothing(Because.NO_OFFER)
    if order is None:
        return Nothing(Because.NO_ORDER)
    if f"{FOR_FEEDBACK}{signals.offer}" in customer.wishes.unwanted(now):
        return Nothing(Because.NOT_WANTED)
    fits = pairs(customer, signals, order, policy, catalogue, now)
    chosen: Pair | None = fits[0] if fits else None
    blocks = [Block(kind="offer", variant=signals.offer)]
    if made.basket in GOES_WITH:
        from aftercare.recommend import goes_with

        chosen = goes_with(customer, fits, catalogue, now, taps)
        if chosen is None:
            return Nothing(Because.NOTHING_GOES_WITH_IT)
        blocks.append(Block(kind="goes-with", family=chosen[0], variant=chosen[1]))
    template = TEMPLATES[made.purpose]
    return Proposal(
        key=f"{template}#{signals.origin}:{signals.about}",
        customer_id=customer.id,
        purpose=made.purpose,
        template=template,
        references={"order": order.key},
        blocks=tuple(blocks),
        unless=UNLESS,
        value=round(made.worth * liked(taps.get(chosen, (0.0, 0.0)))) if chosen else made.worth,
        not_after=now + OPEN_FOR,
        proposed_at=now,
        caused_by=caused_by,
        correlation_id=correlation_id,
    )

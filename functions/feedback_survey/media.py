"""Pictures and films that customers share: counted once by product and quarter; their maker is asked for leave to show them."""

from datetime import datetime, timedelta

from aftercare import keys, telemetry
from aftercare.consent import Purpose
from aftercare.customer import Customer
from aftercare.events import Told
from aftercare.feedback_events import MediaData
from aftercare.gate_queue import propose
from aftercare.media import Repost
from aftercare.outside import Outside
from aftercare.proposal import Block, Proposal
from aftercare.store import find, versioned
from aftercare.table import Absent, Change, Check, ConditionFailed
from feedback_survey.asking import Because

ASKED_FOR = timedelta(days=21)
"""So long the question may wait for its place: a picture is shown while it is news."""

UNNAMED = "-"
"""What a picture shows of which nobody says it."""


def on_shared(event: Told, outside: Outside) -> str:
    """The mark that it was counted is the customer's own and comes first: a sum may miss one, and never counts one twice."""
    data: MediaData = event.data
    customer = find(outside.tables, data.customer_id, data.order)
    if customer is None:
        return f"nothing: {Because.CUSTOMER_GONE}"
    now, product = outside.clock.now(), product_of(customer, data)
    # Asked before it is marked: brought again, it is one question still.
    propose(outside, permission(data, product, event, now))
    mark = Repost(version=1, counted_at=now)
    alive = Check(keys.customer(customer.id, keys.ERASED), Absent())
    try:
        outside.tables.write([versioned(keys.repost(customer.id, data.media), mark.to_json(), 0), alive])
    except ConditionFailed:
        return "nothing: counted before"
    shop = data.media.partition(":")[0]
    outside.tables.write([Change(keys.media_count(shop, product, event.occurred_at), add={f"n_{data.kind}": 1})])
    telemetry.count("MediaShared")
    return "counted"


def product_of(customer: Customer, data: MediaData) -> str:
    """The product's SKU, where somebody says it, or where its order has one product only."""
    order = customer.order(data.order or "")
    skus = {line.sku for line in order.lines if line.quantity and not line.gift_card} if order else set()
    return data.sku or (skus.pop() if len(skus) == 1 else None) or UNNAMED


def permission(data: MediaData, product: str, event: Told, now: datetime) -> Proposal:
    """The question whether it may be shown. It offers nothing, so it is a survey and no offer."""
    order = {"order": data.order} if data.order else {}
    named = {"sku": product} if product != UNNAMED else {}
    return Proposal(
        key=f"repost-request#{data.media}",
        customer_id=data.customer_id,
        purpose=Purpose.SURVEY,
        template="repost-request",
        references={"media": data.media, **order, **named},
        blocks=(Block(kind="media", variant=data.kind), Block(kind="network", variant=data.network)),
        value=-2,  # a survey and a request for a review come first
        not_after=now + ASKED_FOR,
        proposed_at=now,
        caused_by=event.id,
        correlation_id=event.correlation_id,
    )

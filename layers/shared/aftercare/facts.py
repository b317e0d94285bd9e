"""What happened outside, as any sender's adapter tells it and as a custom store writes it on the store bus.

A fact may carry personal data: it goes from the sender into the customer's record and no further. The shop is never read
from a fact: it comes from the source or the credentials that the fact came with.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from aftercare.consent import Channel, Purpose, Says, Weight
from aftercare.customer import Charge, Contact, OrderLine, Refund, Text
from aftercare.model import Model
from aftercare.money import Money

Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._=+/-]{1,128}$")]


class OrderFactType(StrEnum):
    PLACED = "OrderPlaced"
    UPDATED = "OrderUpdated"
    PAID = "OrderPaid"
    EDITED = "OrderEdited"
    PARTIALLY_FULFILLED = "OrderPartiallyFulfilled"
    COMPLETED = "OrderCompleted"
    READY_FOR_PICKUP = "OrderReadyForPickup"
    CANCELLED = "OrderCancelled"
    REFUNDED = "OrderRefunded"
    DELETED = "OrderDeleted"


class OrderDetails(Model):
    """An order as the shopper knows it. `as_of` is the sender's time of this description (default: when it happened)."""

    name: Text
    placed_at: AwareDatetime
    as_of: AwareDatetime | None = None
    contact: Contact = Contact.model_construct()
    customer_ref: Ref | None = None
    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")] | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    region: Text | None = None
    postcode: Text | None = None
    total: Money | None = None
    shop_total: Money | None = None
    discounts: tuple[Charge, ...] = ()
    fees: tuple[Charge, ...] = ()
    lines: tuple[OrderLine, ...] = ()
    estimated_from: AwareDatetime | None = None
    estimated_until: AwareDatetime | None = None
    cancelled_at: AwareDatetime | None = None
    cancel_reason: Text | None = None
    is_test: bool = False
    is_renewal: bool = False
    suppress_notification: bool = False
    source: Text | None = None
    status_url: Annotated[str, Field(pattern=r"^https://", max_length=2000)] | None = None


class Said(Model):
    """One thing a sender says about consent; what it does not mention it does not change.

    `wording` names the text that was agreed to (its version or hash), for the evidence.
    """

    channel: Channel
    purpose: Purpose
    says: Says
    said_at: AwareDatetime | None = None
    wording: Text | None = None


class OrderFact(Model):
    """Something happened to an order. `order` describes it where the sender does; `refund` belongs to OrderRefunded.

    `heard_at` is set by us, for an OrderPlaced that its sender told when it happened: it is no history being imported.
    """

    type: OrderFactType
    ref: Ref
    occurred_at: AwareDatetime
    order: OrderDetails | None = None
    refund: Refund | None = None
    consent: tuple[Said, ...] = ()
    heard_at: AwareDatetime | None = None


class ConsentFact(Model):
    """Consent was changed by the person, or seen inside another payload."""

    type: Literal["ConsentChanged", "ConsentObserved"]
    occurred_at: AwareDatetime
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()
    said: tuple[Said, ...] = ()

    @property
    def weight(self) -> Weight:
        return Weight.EXPLICIT if self.type == "ConsentChanged" else Weight.OBSERVED


class CustomerFact(Model):
    """Something about a customer without an order: who they are, or what they ask of their data."""

    type: Literal["CustomerCreated", "CustomerUpdated", "CustomerTagged", "CustomerErasureRequested", "CustomerExportRequested"]
    occurred_at: AwareDatetime
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()
    locale: str | None = None
    country: str | None = None
    tags: tuple[Text, ...] = ()
    tags_removed: tuple[Text, ...] = ()
    orders: tuple[Ref, ...] = ()


class OtherFact(Model):
    """A fact that is recognised and kept, and that no function acts on yet: it is journaled, its body can be replayed."""

    type: Literal[
        "ShipmentCreated",
        "ShipmentUpdated",
        "ShipmentMoved",
        "ReturnRequested",
        "OrderReadyForPickup",
        "CheckoutStarted",
        "CheckoutUpdated",
        "SubscriptionUpdated",
        "SubscriptionRenewed",
        "ShopErasureRequested",
    ]
    occurred_at: AwareDatetime
    ref: str | None = None
    order_ref: Ref | None = None


Fact = OrderFact | ConsentFact | CustomerFact | OtherFact

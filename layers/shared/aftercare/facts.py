"""What happened outside, as any sender's adapter tells it and as a custom store writes it on the store bus.

A fact may carry personal data: it goes from the sender into the customer's record and no further. The shop is never read
from a fact: it comes from the source or the credentials that the fact came with.
"""

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from aftercare.case_topic import CaseResult, CaseTopic
from aftercare.consent import Channel, Purpose, Says, Weight
from aftercare.customer import Charge, Contact, Endpoint, OrderLine, Ref, Refund, ReturnOutcome, ReturnReason, Text
from aftercare.model import Instant, Model, Term
from aftercare.money import Money
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment_details import PARCELS, Code, Country, Eta, Origin, ShippedLine
from aftercare.subscription_words import Every, SubscriptionStatus
from aftercare.weblink import Https

if TYPE_CHECKING:
    from aftercare.product_facts import AlertFact, AnnouncementFact, RestockFact

Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$", max_length=35)]

MANY = 500
"""So many lines, charges, tags or statements may one fact have; a record that the gate reads whole stays within an item."""

SCANS = 60
"""Scans that one fact may tell of one parcel; adapters keep the first and the last of each status."""


class OrderFactType(Term):
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

    name: Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]
    placed_at: Instant
    as_of: Instant | None = None
    contact: Contact = Contact.model_construct()
    customer_ref: Ref | None = None
    locale: Locale | None = None
    country: Country | None = None
    region: Text | None = None
    postcode: Text | None = None
    total: Money | None = None
    shop_total: Money | None = None
    discounts: Annotated[tuple[Charge, ...], Field(max_length=MANY)] = ()
    fees: Annotated[tuple[Charge, ...], Field(max_length=MANY)] = ()
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MANY)] = ()
    estimated_from: Instant | None = None
    estimated_until: Instant | None = None
    cancelled_at: Instant | None = None
    cancel_reason: Text | None = None
    is_test: bool = False
    is_renewal: bool = False
    suppress_notification: bool = False
    source: Text | None = None
    status_url: Annotated[str, Field(pattern=r"^https://", max_length=2000)] | None = None


class Said(Model):
    """One thing a sender says about consent; what it does not mention it does not change.

    `wording` names the text that was agreed to (its version or hash), `text` is that text where the sender gives it;
    `confirmed` says that the sender has done a double opt-in.
    """

    channel: Channel
    purpose: Purpose
    says: Says
    said_at: Instant | None = None
    wording: Text | None = None
    text: Text | None = None
    confirmed: bool = False


class OrderFact(Model):
    """Something happened to an order. `order` describes it where the sender does; `refund` belongs to OrderRefunded.

    `heard_at` is set by us, for an OrderPlaced that its sender told when it happened: it is no history being imported.
    """

    type: OrderFactType
    ref: Ref
    occurred_at: Instant
    order: OrderDetails | None = None
    refund: Refund | None = None
    consent: tuple[Said, ...] = ()
    heard_at: Instant | None = None


class ConsentFact(Model):
    """Consent was changed by the person, or seen inside another payload."""

    type: Literal["ConsentChanged", "ConsentObserved"]
    occurred_at: Instant
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()
    said: tuple[Said, ...] = ()

    @property
    def weight(self) -> Weight:
        return Weight.EXPLICIT if self.type == "ConsentChanged" else Weight.OBSERVED


class CustomerFact(Model):
    """Something about a customer without an order: who they are, or what they ask of their data. `devices` are the SNS endpoints
    of the devices with the store's app that are in use now."""

    type: Literal["CustomerCreated", "CustomerUpdated", "CustomerTagged", "CustomerErasureRequested", "CustomerExportRequested"]
    occurred_at: Instant
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()
    locale: Locale | None = None
    country: Country | None = None
    tags: Annotated[tuple[Text, ...], Field(max_length=MANY)] = ()
    tags_removed: Annotated[tuple[Text, ...], Field(max_length=MANY)] = ()
    orders: tuple[Ref, ...] = ()
    devices: Annotated[tuple[Endpoint, ...], Field(max_length=10)] = ()


class ShipmentFactType(Term):
    CREATED = "ShipmentCreated"
    UPDATED = "ShipmentUpdated"
    MOVED = "ShipmentMoved"
    ETA_CHANGED = "ShipmentEtaChanged"
    STALLED = "ShipmentStalled"
    CANCELLED = "ShipmentCancelled"


class Scan(Model):
    """One word of a carrier. `at` is the scan's own time; `country` and `region` are codes."""

    status: ShipmentStatus
    at: Instant
    country: Country | None = None
    region: Code | None = None


class ToldParcel(Model):
    """A parcel as a sender names it. `other_numbers` are further numbers of the same parcel (it was handed on)."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    carrier: Annotated[str, StringConstraints(max_length=80)] | None = None
    url: Https | None = None
    other_numbers: Annotated[tuple[str, ...], Field(max_length=5)] = ()
    scans: Annotated[tuple[Scan, ...], Field(max_length=SCANS)] = ()
    eta: Eta | None = None


class ShipmentFact(Model):
    """Something happened to a shipment, told by the shop (`ref`, `order_ref`) or by a carrier (`parcels` with their numbers).

    ShipmentCreated and ShipmentUpdated describe it: the parcels are then all there are, the lines all that is in it. `scans`
    are of the shipment as a whole. `as_of` is the sender's time of the description (default: when it happened).
    """

    type: ShipmentFactType
    occurred_at: Instant
    as_of: Instant | None = None
    ref: Ref | None = None
    order_ref: Ref | None = None
    order_refs: Annotated[tuple[Ref, ...], Field(max_length=20)] = ()
    parcels: Annotated[tuple[ToldParcel, ...], Field(max_length=PARCELS)] = ()
    lines: Annotated[tuple[ShippedLine, ...], Field(max_length=200)] = ()
    scans: Annotated[tuple[Scan, ...], Field(max_length=SCANS)] = ()
    eta: Eta | None = None
    shipped_at: Instant | None = None
    cancelled_at: Instant | None = None
    origin: Origin = Origin.model_construct()
    service: Code | None = None
    weight_grams: Annotated[int, Field(ge=0)] | None = None
    is_test: bool = False
    suppress_notification: bool = False

    @property
    def orders(self) -> tuple[str, ...]:
        """The shop's references of all orders that it serves."""
        return tuple(dict.fromkeys(ref for ref in (self.order_ref, *self.order_refs) if ref))

    @property
    def describes(self) -> bool:
        """Whether it says what the shipment is, and not only what a carrier saw of it."""
        described = (ShipmentFactType.CREATED, ShipmentFactType.UPDATED, ShipmentFactType.CANCELLED)
        return self.type in described or bool(self.parcels and self.orders)


class ReturnFact(Model):
    """Goods come back. Without `order_ref` it is journaled only: a return names no person.

    `request_ref` is the reference under which our own ReturnRequested told it, where the sender gave it another. `lines` says
    how many of each line of the order. `outcome` and `amount` belong to ReturnSettled.
    """

    type: Literal["ReturnRequested", "ReturnApproved", "ReturnExpired", "ReturnDeclined", "ReturnReceived", "ReturnSettled"]
    occurred_at: Instant
    ref: Ref
    order_ref: Ref | None = None
    request_ref: Ref | None = None
    lines: Annotated[dict[Ref, Annotated[int, Field(ge=1, le=1_000_000)]], Field(max_length=200)] = Field(default_factory=dict)
    reason: ReturnReason | None = None
    wish: ReturnOutcome | None = None
    outcome: ReturnOutcome | None = None
    amount: Money | None = None


class SubscriptionFact(Model):
    """Something about a subscription. `ref` is the contract's reference, `order_ref` the order that a renewal led to or that
    the contract came from (SubscriptionUpdated), `attempt_ref` the attempt to take the money.

    Of SubscriptionUpdated: `every` is its period, `next_at` when it renews, where the shop knows; `single_price` is what one
    delivery would cost without it."""

    type: Literal["SubscriptionUpdated", "SubscriptionRenewed", "PaymentFailed"]
    occurred_at: Instant
    ref: Ref
    order_ref: Ref | None = None
    customer_ref: Ref | None = None
    attempt_ref: Ref | None = None
    status: SubscriptionStatus | None = None
    every: Every | None = None
    next_at: Instant | None = None
    single_price: Money | None = None


class StockFact(Model):
    """Lines of an order that cannot be sent at present, and from when they can if the shop knows. A repeated one is newer."""

    type: Literal["ItemOutOfStock"]
    occurred_at: Instant
    order_ref: Ref
    line_refs: Annotated[tuple[Ref, ...], Field(min_length=1, max_length=200)]
    expected_at: Instant | None = None


Written = Annotated[str, StringConstraints(max_length=10_000, strip_whitespace=True)]
"""A customer's own words."""

Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._=+/-]{1,64}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class OfSomebody(Model):
    """What somebody who is known did beside their orders; it makes nobody known. Those of what customers write elsewhere are in
    heard_facts.py, which is loaded with the first of them."""

    if TYPE_CHECKING:
        type: str
        occurred_at: Instant
        order_ref: Ref | None
        customer_ref: Ref | None
        contact: Contact


class CaseFact(OfSomebody):
    """A customer turned to support, got an answer, or the case is closed.

    Known by the order, the account or the address. `topic` and `text`, the customer's own words, belong to SupportCaseOpened,
    `result` to SupportCaseClosed; a case may be opened again.
    """

    type: Literal["SupportCaseOpened", "SupportCaseAnswered", "SupportCaseClosed"]
    occurred_at: Instant
    ref: Ref
    topic: CaseTopic = CaseTopic.OTHER
    result: CaseResult | None = None
    text: Written = ""
    locale: Locale | None = None
    order_ref: Ref | None = None
    customer_ref: Ref | None = None
    contact: Contact = Contact.model_construct()


class OtherFact(Model):
    """A fact that is recognised and kept, and that no function acts on yet: it is journaled, its body can be replayed."""

    type: Literal["OrderReadyForPickup", "CheckoutStarted", "CheckoutUpdated", "ShopErasureRequested"]
    occurred_at: Instant
    ref: Text | None = None
    order_ref: Ref | None = None


AboutOrder = OrderFact | ReturnFact | SubscriptionFact | StockFact
"""What is kept on an order's record."""

if TYPE_CHECKING:  # the other shapes of facts come with the first of them
    Fact: TypeAlias = (
        AboutOrder
        | ShipmentFact
        | ConsentFact
        | CustomerFact
        | OfSomebody
        | OtherFact
        | AlertFact
        | RestockFact
        | AnnouncementFact
    )
else:
    Fact = AboutOrder | ShipmentFact | ConsentFact | CustomerFact | CaseFact | OtherFact

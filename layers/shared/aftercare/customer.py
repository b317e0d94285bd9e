"""The customer's record as the gate and the capabilities read it: profile, orders, consent, held messages."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import AwareDatetime, Field, StringConstraints

from aftercare import keys
from aftercare.consent import ConsentRecord
from aftercare.forecast import Forecast
from aftercare.keys import Key
from aftercare.learned import NOTHING, Learned
from aftercare.model import Instant, Model
from aftercare.money import Money
from aftercare.wishes import Wishes

if TYPE_CHECKING:  # the shapes that only some customers' records have
    from aftercare.alerts import Alert
    from aftercare.behaviour import Behaviour
    from aftercare.caps import Caps
    from aftercare.cases import Case
    from aftercare.decision import Message
    from aftercare.feedback import Feedback
    from aftercare.shipment import Shipment
    from aftercare.signals import Signals

Text = Annotated[str, StringConstraints(max_length=1000, strip_whitespace=True)]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._=+/-]{1,128}$")]
"""A sender's own reference. It becomes part of keys, and of events, which carry no free text."""


Cue = Literal["good", "fine", "bad"]
"""How an order felt to the customer, by one tap."""


class Contact(Model):
    """How to reach a person; an absent address is None, never empty text. `phone` is E.164."""

    email: Annotated[str, Field(max_length=320)] | None = None
    phone: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")] | None = None
    name: Text | None = None


class OrderLine(Model):
    """One line of an order. `unit_price` is what the shopper was shown, `variant_ref` what a basket's address knows it by."""

    line_ref: Text
    product_ref: Text | None = None
    variant_ref: Text | None = None
    title: Text
    variant: Text | None = None
    sku: Text | None = None
    product_type: Text | None = None
    tags: tuple[Text, ...] = ()
    quantity: Annotated[int, Field(ge=0, le=1_000_000_000)]
    unit_price: Money | None = None
    requires_shipping: bool = True
    gift_card: bool = False
    plan: Text | None = None


class Refund(Model):
    """Money given back once, by the sender's own reference."""

    ref: Ref
    at: Instant
    amount: Money | None = None
    whole: bool = False


class Charge(Model):
    """A fee or discount that the shopper sees as a line of its own. `kind`: shipping, tax, duty, tip, discount."""

    kind: Text
    label: Text
    amount: Money


ReturnState = Literal["requested", "approved", "expired", "declined", "received", "settled"]
"""How far a return is; it goes forward only. One that lapsed or was declined is over, unless the goods arrive all the same."""

ReturnReason = Literal[
    "too-small",
    "too-large",
    "not-to-taste",
    "stopped-working",
    "hard-to-use",
    "missing-parts",
    "not-as-expected",
    "damaged",
    "wrong-item",
    "late",
    "changed-mind",
    "unsaid",
]
"""Why something goes back, as a customer may choose to say; which of them are offered is said by what goes back
(aftercare.return_reasons)."""

ReturnOutcome = Literal["refund", "exchange", "credit"]
"""What a customer gets for what goes back."""


class Return(Model):
    """Goods that the customer gives back. Each time is set once, in whatever order they become known.

    `ref` is the reference that our own page gave it, else the sender's; `also` are its names at other senders. `lines` is how
    many of each line of the order (none: nobody said). `wish` is what the customer wants for it, `outcome` what they got.
    """

    ref: str
    also: tuple[str, ...] = ()
    requested_at: AwareDatetime | None = None
    approved_at: AwareDatetime | None = None
    expired_at: AwareDatetime | None = None
    declined_at: AwareDatetime | None = None
    received_at: AwareDatetime | None = None
    settled_at: AwareDatetime | None = None
    lines: dict[str, int] = Field(default_factory=dict)
    reason: ReturnReason | None = None
    wish: ReturnOutcome | None = None
    outcome: ReturnOutcome | None = None
    amount: Money | None = None

    @property
    def names(self) -> frozenset[str]:
        return frozenset((self.ref, *self.also))

    @property
    def state(self) -> ReturnState:
        """The furthest that is known of it."""
        states: tuple[ReturnState, ...] = get_args(ReturnState)
        return next((state for state in reversed(states) if getattr(self, f"{state}_at")), "requested")

    @property
    def began_at(self) -> datetime:
        """When it was first heard of."""
        times = (self.requested_at, self.approved_at, self.expired_at, self.declined_at, self.received_at, self.settled_at)
        return min(at for at in times if at)

    @property
    def is_over(self) -> bool:
        """Whether nothing goes back by it any more: what it named may be asked for again."""
        return self.state in ("expired", "declined")


class Stockout(Model):
    """A line that cannot be sent at present: since when, and from when it can (if the shop knows)."""

    line_ref: str
    at: AwareDatetime
    expected_at: AwareDatetime | None = None


class Order(Model):
    """All that is known of one order: the join of its facts, so the order of their arrival does not matter.

    `key` is `<shop>:<sender's reference>`; `name` is what the shopper knows it by. `as_of` is the sender's time of the
    newest description; the `_at` fields are facts, set once. `version` counts the writes of this record. A part that the
    newest description left out keeps its value; `older` says when such a part was last told. `forecast` is of the time before
    there is a shipment, and shipping_delay's. `shipment_keys` are kept from when the order first lies in the archive: its
    shipments, wherever they lie.
    """

    key: str
    shop: str
    platform: str
    ref: str
    name: Text
    version: int = 0
    as_of: AwareDatetime
    placed_at: AwareDatetime | None = None
    heard_at: AwareDatetime | None = None
    paid_at: AwareDatetime | None = None
    edited_at: AwareDatetime | None = None
    partially_fulfilled_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    ready_for_pickup_at: AwareDatetime | None = None
    cancelled_at: AwareDatetime | None = None
    cancel_reason: str | None = None
    deleted_at: AwareDatetime | None = None
    refunds: tuple[Refund, ...] = ()
    returns: tuple[Return, ...] = ()
    stockouts: tuple[Stockout, ...] = ()
    renewed_at: AwareDatetime | None = None
    subscription: str | None = None
    contact: Contact = Contact.model_construct()
    customer_ref: str | None = None
    locale: str | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    region: str | None = None
    postcode: str | None = None
    total: Money | None = None
    shop_total: Money | None = None
    discounts: tuple[Charge, ...] = ()
    fees: tuple[Charge, ...] = ()
    lines: tuple[OrderLine, ...] = ()
    estimated_from: AwareDatetime | None = None
    estimated_until: AwareDatetime | None = None
    is_test: bool = False
    is_renewal: bool = False
    suppress_notification: bool = False
    source: str | None = None
    status_url: str | None = None
    older: dict[str, AwareDatetime] = Field(default_factory=dict)
    cue: Cue | None = None
    cue_at: AwareDatetime | None = None
    forecast: Forecast | None = None
    shipment_keys: tuple[str, ...] = ()

    @property
    def closed(self) -> Literal["deleted", "cancelled", "refunded"] | None:
        """Why nothing more should be said about this order as if it stood; lies beside `doc` for the gate's claim to check."""
        if self.deleted_at:
            return "deleted"
        if self.cancelled_at:
            return "cancelled"
        return "refunded" if self.refunded_in_whole else None

    def returned(self, ref: str) -> Return | None:
        """The return of that name, by whichever of its names; what a shop answered under a name of its own is the request's."""
        from aftercare.returns import one_each  # here: few orders have a return

        return next((r for r in one_each(self.returns) if ref in r.names), None)

    @property
    def refunded_in_whole(self) -> bool:
        """Whether nothing of the price is left with the shop, by the sender's word or by the sum of the refunds."""
        if any(r.whole for r in self.refunds):
            return True
        amounts = [r.amount for r in self.refunds if r.amount]
        if not amounts or self.total is None or self.total.amount <= 0:
            return False
        return sum(a.amount for a in amounts if a.currency == self.total.currency) >= self.total.amount


Endpoint = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:endpoint/[A-Z_]+/.+$", max_length=512)]
"""The ARN of an SNS platform endpoint."""


class Device(Model):
    """A device with the store's app: its SNS endpoint, and when the store last said that it is in use."""

    endpoint: Endpoint
    seen_at: Instant


class Profile(Model):
    """Who a customer is across orders. `shop_refs` are `<shop>:<platform's customer id>`.

    `wrote_at` is the customer's own last WhatsApp message: for 24 hours after it, anything may be answered there.

    `told` says for each part when it was told and by whom (1: the customer's account, 0: an order), as sortable text, so
    that the order of arrival does not matter. `archived_until` is when the newest of the orders was placed that lie in the
    archive, None while none does. `bought` are the sums of the orders and what kind of buyer they make (aftercare.segments).
    """

    version: int = 0
    contact: Contact = Contact.model_construct()
    shop_refs: tuple[str, ...] = ()
    locale: str | None = None
    country: str | None = None
    first_seen: AwareDatetime
    tags: tuple[str, ...] = ()
    shops: tuple[str, ...] = ()
    archived_until: AwareDatetime | None = None
    bought: dict[str, str] = Field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    wrote_at: Instant | None = None
    told: dict[str, str] = Field(default_factory=dict)

    def device(self, applications: str) -> Device | None:
        """The device that was last in use, of an app of these (ARNs, with spaces between them)."""
        ours = tuple(app.replace(":app/", ":endpoint/") + "/" for app in applications.split())
        found = [device for device in self.devices if device.endpoint.startswith(ours)] if ours else []
        return max(found, key=lambda device: (device.seen_at, device.endpoint), default=None)


class Slot(Model):
    """The customer's one timer: when held messages are looked at again."""

    at: AwareDatetime


# Most customers have none of these, and nobody can change one.
NO_CONSENT = ConsentRecord.model_construct()
NO_WISHES = Wishes.model_construct()


@lru_cache(maxsize=1)
def _nothing_counted() -> "Caps":
    from aftercare.caps import Caps

    return Caps.model_construct()


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One hot partition, read at once. Everything a rule may look at is here.

    `archived` are the hot sort keys of those records that were read from the archive, and are written there; `whole` says
    whether all that lies there was read.
    """

    id: str
    profile: Profile
    consent: ConsentRecord = NO_CONSENT
    wishes: Wishes = NO_WISHES
    orders: tuple[Order, ...] = ()
    shipments: tuple["Shipment", ...] = ()
    held: tuple["Message", ...] = ()
    slot: Slot | None = None
    cases: tuple["Case", ...] = ()
    alerts: tuple["Alert", ...] = ()
    caps: "Caps" = field(default_factory=_nothing_counted)
    learned: Learned = NOTHING
    feedback: "Feedback | None" = None
    signals: "Signals | None" = None
    behaviour: "Behaviour | None" = None
    archived: frozenset[str] = frozenset()
    whole: bool = False

    @cached_property
    def _orders(self) -> dict[str, Order]:
        return {o.key: o for o in self.orders}

    def order(self, order_key: str) -> Order | None:
        return self._orders.get(order_key)

    def order_place(self, order_key: str) -> Key:
        """Where an order lies."""
        return keys.order(self.id, order_key, archived=keys.ORDER + order_key in self.archived)

    def shipment_place(self, shipment_key: str) -> Key:
        """Where a shipment lies."""
        return keys.shipment(self.id, shipment_key, archived=keys.SHIPMENT + shipment_key in self.archived)

    def case_place(self, case_ref: str) -> Key:
        """Where a case lies."""
        return keys.case(self.id, case_ref, archived=keys.CASE + case_ref in self.archived)

    def lacks_orders_since(self, order_key: str | None) -> bool:
        """Whether an order that was placed after this one may lie unread in the archive."""
        order = self.order(order_key) if order_key else None
        return self.lacks_orders_after(order.placed_at if order else None)

    def lacks_orders_after(self, instant: datetime | None) -> bool:
        """Whether an order that was placed after an instant (None: whenever) may lie unread in the archive."""
        until = self.profile.archived_until
        return until is not None and not self.whole and (instant is None or instant < until)

    def shipments_of(self, order_key: str) -> tuple["Shipment", ...]:
        """The shipments of an order that stand, in the order of their keys."""
        return tuple(s for s in self.shipments if s.stands and order_key in s.order_keys)

    def delivered_at(self, order_key: str) -> datetime | None:
        """When the last parcel of an order arrived, or None while one is on its way or goods wait to be sent.

        An order is delivered when all parcels of all its standing shipments are, and these hold all its lines as far as the
        shop says what is in them.
        """
        order, shipments = self.order(order_key), self.shipments_of(order_key)
        times = [s.delivered_at for s in shipments if s.delivered_at]
        if order is None or not times or len(times) < len(shipments) or not _all_sent(order, shipments):
            return None
        return max(times)

    def felt(self, how: Literal["good", "bad"]) -> tuple[datetime, str] | None:
        """When a customer last said that an order was so, by one tap or by an answer to the survey, and which order."""
        taps = [(o.cue_at, o.key) for o in self.orders if o.cue == how and o.cue_at]
        answers = [(one.at, one.order) for one in self.feedback.answers if one.felt == how] if self.feedback else []
        return max((*taps, *answers), default=None)

    def ordered_since(self, instant: datetime) -> tuple[Order, ...]:
        """Orders placed after an instant that still stand, oldest first."""
        later = [o for o in self.orders if o.placed_at and o.placed_at > instant and not o.cancelled_at and not o.is_test]
        return tuple(sorted(later, key=lambda o: (o.placed_at or o.as_of, o.key)))


def _all_sent(order: Order, shipments: tuple["Shipment", ...]) -> bool:
    """Whether the shipments hold every line that is sent; one that does not say what it holds may hold all of them."""
    if not all(s.lines for s in shipments):
        return True
    sent: dict[str, int] = {}
    for line in (line for s in shipments for line in s.lines if line.order_ref in (None, order.ref)):
        sent[line.line_ref] = sent.get(line.line_ref, 0) + line.quantity
    due = {line.line_ref: line.quantity for line in order.lines if line.requires_shipping and not line.gift_card}
    return not sent.keys() & due.keys() or all(sent.get(ref, 0) >= quantity for ref, quantity in due.items())

"""What an order's account shows: five places in the order in which a customer needs them. Pure, from record and content.

A view holds words' keys, instants and amounts, never finished text of ours: the page and the JSON form are written from the
same one. Outside text is in it as it came, on one line, and is escaped where it is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aftercare.arrival import Window, expected
from aftercare.behaviour import best_first, interest
from aftercare.brand import Brand
from aftercare.carriers import is_known
from aftercare.catalogue import Catalogue, Family, Skill
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Charge, Customer, Order, OrderLine
from aftercare.decision import Message, State
from aftercare.language import pick
from aftercare.money import Money
from aftercare.one_line import plain
from aftercare.parcel_status import TROUBLES, ShipmentStatus
from aftercare.places import zone_of
from aftercare.shipment import Parcel, Shipment
from aftercare.weblink import NotHttps, https
from customer_pages.going_back import Returns, returns_of

CHARGES = frozenset(("shipping", "tax", "tax_included", "duty", "tip", "discount"))
MOST_BUTTONS = 2

PLACES = ("confirm", "inform", "support", "secure", "re_engage")
"""The five places, by their names in a view and, with hyphens, on a page."""


class Own(str):
    """A path of our own."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """What a view is made for besides the record: when, for whose language, with which content and links of ours."""

    now: datetime
    locale: str
    brand: Brand
    catalogue: Catalogue
    links: Mapping[str, Own]

    def pick(self, texts: Mapping[str, Any]) -> Any:
        return pick(texts, self.locale, self.brand.default_locale)


# ---------------------------------------------------------------- confirm


@dataclass(frozen=True, slots=True)
class Line:
    """So many of a line of the order; `amount` is the price of all of them."""

    title: str
    quantity: int
    variant: str | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """A fee or discount as a line of its own: a word for its kind and the shop's label. A discount's amount is negative."""

    kind: str
    label: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Button:
    """One of the few large actions: a word and where it leads; `outside` is not an address of ours."""

    word: str
    url: str
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Confirm:
    """The order as the shopper knows it: number, days, every fee and discount a line, and what there is to do now."""

    number: str
    state: str
    placed_at: datetime
    window: Window | None
    buttons: tuple[Button, ...]
    lines: tuple[Line, ...]
    sums: tuple[Sum, ...]
    included: tuple[Sum, ...]
    total: Money | None
    cue_url: str | None


# ---------------------------------------------------------------- inform


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something that happened, by its word, and when."""

    word: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ParcelView:
    """A parcel where it is: `number` of `count`, the carrier's own page, what happened to it, and when it is expected."""

    number: int
    count: int
    status: str
    carrier: str | None
    tracking_url: str | None
    seen_country: str | None
    seen_region: str | None
    window: Window | None
    late: bool
    milestones: tuple[Milestone, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class News:
    """A message to the customer: what it was, when and by which way; `waits_until` for one that has not been sent."""

    id: str
    template: str
    channel: str | None
    at: datetime
    read_at: datetime | None
    title: str | None
    text: str | None
    waits_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Inform:
    """What happened to the order and its parcels, what is still to be sent, and the messages about it, the newest first."""

    milestones: tuple[Milestone, ...]
    parcels: tuple[ParcelView, ...]
    waiting: tuple[Line, ...]
    messages: tuple[News, ...]
    chose_channel: bool
    preferences_url: str


# ---------------------------------------------------------------- support, secure, re-engage


@dataclass(frozen=True, slots=True)
class Question:
    """What the customer asked support about this order."""

    topic: str
    opened_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Support:
    """Who helps, by which ways and when."""

    page: str
    chat: str | None
    phone: str | None
    mail: str
    hours: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """Money given back."""

    at: datetime
    amount: Money


@dataclass(frozen=True, slots=True)
class Secure:
    """Returns and payment: until when, what it costs, what becomes of it, and what was paid and given back."""

    returns: Returns
    paid_at: datetime | None
    refunds: tuple[Given, ...]
    payment_url: str | None
    shop_url: str | None


@dataclass(frozen=True, slots=True)
class Guide:
    """Something of use with what was bought. `minutes` of a film, `years` of a warranty."""

    kind: str
    family: str
    points: tuple[str, ...]
    url: str
    minutes: int | None = None
    years: int | None = None
    more_url: str | None = None


@dataclass(frozen=True, slots=True)
class Idea:
    """A thing that goes with what was bought."""

    name: str
    why: str
    url: str


@dataclass(frozen=True, slots=True)
class Loyalty:
    title: str
    text: str
    points: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class ReEngage:
    """What comes next: guides for what was bought, what goes with it, how staying is rewarded. No offers to who wants none."""

    guides: tuple[Guide, ...]
    ideas: tuple[Idea, ...]
    again_url: str | None
    tutorials: str
    loyalty: Loyalty | None


@dataclass(frozen=True, slots=True)
class Account:
    """The five places of one order."""

    locale: str
    confirm: Confirm
    inform: Inform
    support: Support
    secure: Secure
    re_engage: ReEngage


# ---------------------------------------------------------------- the view


def account(customer: Customer, order: Order, letters: Iterable[tuple[Message, datetime | None]], setting: Setting) -> Account:
    """The account of one order; `letters` are the customer's messages on the ledger, each with when it was read."""
    parcels = _parcels(customer, order, setting)
    returns = returns_of(customer, order, setting.brand, setting.catalogue, setting.now)
    return Account(
        locale=setting.locale,
        confirm=_confirm(customer, order, parcels, returns, setting),
        inform=Inform(
            milestones=milestones(order),
            parcels=parcels,
            waiting=_waiting(customer, order),
            messages=news(customer, order, letters),
            chose_channel=bool(customer.wishes.channels),
            preferences_url=setting.links["preferences"],
        ),
        support=support(customer, order, setting),
        secure=_secure(order, returns, setting),
        re_engage=_re_engage(customer, order, setting),
    )


def safe_url(url: str | None) -> str | None:
    """An address that may stand on a page, or None."""
    try:
        return https(url) if url else None
    except NotHttps:
        return None


def state_of(customer: Customer, order: Order) -> str:
    """The one word for where the order is."""
    if order.cancelled_at or order.deleted_at:
        return "cancelled"
    if order.refunded_in_whole:
        return "refunded"
    shipments = customer.shipments_of(order.key)
    if customer.delivered_at(order.key):
        return "delivered"
    under_way = [s for s in shipments if s.delivered_at is None]
    for status, word in (
        *((trouble, "held_up") for trouble in TROUBLES),
        (ShipmentStatus.RETURN_TO_SENDER, "going_back"),
        (ShipmentStatus.READY_FOR_PICKUP, "to_fetch"),
        (ShipmentStatus.DELIVERY_ATTEMPTED, "attempted"),
        (ShipmentStatus.OUT_FOR_DELIVERY, "out_for_delivery"),
        (ShipmentStatus.IN_TRANSIT, "on_its_way"),
    ):
        if any(s.status is status for s in under_way):
            return word
    if any(s.shipped_at for s in under_way):
        return "on_its_way"
    if under_way or shipments:
        return "packed" if under_way else "partly_there"
    if order.ready_for_pickup_at:
        return "to_fetch"
    if order.lines and not any(line.requires_shipping for line in order.lines):
        return "ready_now"
    return "sent" if order.completed_at else "ordered"


def _confirm(customer: Customer, order: Order, parcels: tuple[ParcelView, ...], returns: Returns, setting: Setting) -> Confirm:
    state = state_of(customer, order)
    goods = [line for line in order.lines if line.quantity]
    fees = [fee for fee in order.fees if fee.kind != "tax_included"]
    return Confirm(
        number=plain(order.name, 60),
        state=state,
        placed_at=order.placed_at or order.as_of,
        window=_window(customer, order, parcels, state, setting),
        buttons=_buttons(state, parcels, returns, order, setting),
        lines=tuple(_line(line, line.quantity, priced=True) for line in goods),
        sums=(*(_sum(charge, -1) for charge in order.discounts), *(_sum(fee, 1) for fee in fees)),
        included=tuple(_sum(fee, 1) for fee in order.fees if fee.kind == "tax_included"),
        total=order.total,
        cue_url=None if order.cue or order.is_renewal else setting.links["cue"],
    )


def _line(line: OrderLine, quantity: int, priced: bool = False) -> Line:
    price = line.unit_price if priced else None
    amount = Money.model_construct(amount=price.amount * quantity, currency=price.currency) if price else None
    return Line(plain(line.title), quantity, plain(line.variant, 60) if line.variant else None, amount)


def _sum(charge: Charge, sign: int) -> Sum:
    amount = Money.model_construct(amount=sign * abs(charge.amount.amount), currency=charge.amount.currency)
    return Sum(charge.kind if charge.kind in CHARGES else "other", plain(charge.label, 60), amount)


def _window(customer: Customer, order: Order, parcels: tuple[ParcelView, ...], state: str, setting: Setting) -> Window | None:
    """When all that is still to come is there: from the first of the parcels to the last."""
    if state in ("cancelled", "refunded", "delivered", "to_fetch", "ready_now", "going_back"):
        return None
    windows = [parcel.window for parcel in parcels if parcel.window]
    if not parcels or not windows:
        return expected(order, None, None, setting.now, _zone(order, customer, setting)) if not parcels else None
    firsts, lasts = [w.first for w in windows if w.first], [w.last for w in windows if w.last]
    return Window(min(firsts, default=None), max(lasts, default=None), likely=all(w.likely for w in windows))


def _buttons(state: str, parcels: tuple[ParcelView, ...], returns: Returns, order: Order, setting: Setting) -> tuple[Button, ...]:
    """At most two: what most people come for now, and help."""
    tracked = [p for p in parcels if p.tracking_url and p.status != ShipmentStatus.DELIVERED]
    first: Button | None = None
    if state == "delivered" and returns.may == "open":
        first = Button("send_back", setting.links["return"])
    elif len(tracked) == 1 and tracked[0].tracking_url:
        first = Button("track", tracked[0].tracking_url, outside=True)
    elif tracked:
        first = Button("where", "#inform")
    elif (url := safe_url(order.status_url)) and state not in ("cancelled", "refunded"):
        first = Button("shop_page", url, outside=True)
    return (*((first,) if first else ()), Button("help", "#support"))[:MOST_BUTTONS]


def milestones(order: Order) -> tuple[Milestone, ...]:
    """What happened to the order before its parcels, the oldest first; a refund has its own line in the sums."""
    known = (
        ("ordered", order.placed_at),
        ("paid", order.paid_at),
        ("edited", order.edited_at),
        ("partly_sent", order.partially_fulfilled_at),
        ("ready", order.ready_for_pickup_at),
        ("completed", order.completed_at),
        ("cancelled", order.cancelled_at),
    )
    found = [(at, place, word) for place, (word, at) in enumerate(known) if at is not None]
    return tuple(Milestone(word, at) for at, _, word in sorted(found))


# ---------------------------------------------------------------- parcels


def _zone(order: Order, customer: Customer, setting: Setting) -> Any:
    if order.country is None:
        return zone_of(customer.profile.country, setting.brand.timezone)
    return zone_of(order.country, setting.brand.timezone, order.region, order.postcode)


def _parcels(customer: Customer, order: Order, setting: Setting) -> tuple[ParcelView, ...]:
    shipments = sorted(customer.shipments_of(order.key), key=lambda s: (s.described_at or s.as_of, s.key))
    each: list[tuple[Shipment, Parcel | None]] = []
    for shipment in shipments:
        each += [(shipment, parcel) for parcel in shipment.current or (None,)]
    return tuple(
        _parcel(customer, order, shipment, parcel, number, len(each), setting)
        for number, (shipment, parcel) in enumerate(each, 1)
    )


def _parcel(
    customer: Customer, order: Order, shipment: Shipment, parcel: Parcel | None, number: int, count: int, setting: Setting
) -> ParcelView:
    logs = shipment.logs_of(parcel) if parcel else (shipment.log,)
    place = max((log.place for log in logs if log.place), key=lambda p: p.at, default=None)
    status = parcel.status if parcel else shipment.status
    over = status in (ShipmentStatus.DELIVERED, ShipmentStatus.RETURN_TO_SENDER)
    carrier = parcel.carrier if parcel else None
    return ParcelView(
        number=number,
        count=count,
        status=str(status),
        carrier=carrier if carrier and is_known(carrier) else None,
        tracking_url=safe_url(parcel.url) if parcel else None,
        seen_country=place.country if place and not over else None,
        seen_region=place.region if place and not over else None,
        window=None if over else expected(order, shipment, parcel, setting.now, _zone(order, customer, setting)),
        late=shipment.late is not None and not over,
        milestones=_scanned(shipment, logs),
        lines=_inside(order, shipment),
    )


_UNTOLD = (ShipmentStatus.UNKNOWN, ShipmentStatus.STALLED)
"""What says nothing to a customer: the second is for the operator."""


def _scanned(shipment: Shipment, logs: Iterable[Any]) -> tuple[Milestone, ...]:
    """Each status with its first scan, the newest last."""
    first: dict[str, datetime] = {}
    for log in logs:
        for status, span in log.spans.items():
            if status not in _UNTOLD:
                first[str(status)] = min(first.get(str(status), span.first), span.first)
    if shipment.told_shipped_at and not first.keys() & {str(ShipmentStatus.IN_TRANSIT)}:
        first[str(ShipmentStatus.IN_TRANSIT)] = shipment.told_shipped_at
    if shipment.assumed_at and not first.keys() & {str(ShipmentStatus.DELIVERED)}:
        first["assumed"] = shipment.assumed_at
    return tuple(Milestone(word, at) for at, word in sorted((at, word) for word, at in first.items()))


def _held(order: Order, shipment: Shipment) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in shipment.lines:
        if line.order_ref in (None, order.ref):
            found[line.line_ref] = found.get(line.line_ref, 0) + line.quantity
    return found


def _inside(order: Order, shipment: Shipment) -> tuple[Line, ...]:
    held = _held(order, shipment)
    return tuple(_line(line, held[line.line_ref]) for line in order.lines if held.get(line.line_ref, 0) > 0)


def _waiting(customer: Customer, order: Order) -> tuple[Line, ...]:
    """What is sent and no shipment holds yet, as far as the shipments say what they hold."""
    shipments = customer.shipments_of(order.key)
    if not shipments or not all(s.lines for s in shipments) or order.closed:
        return ()
    sent: dict[str, int] = {}
    for shipment in shipments:
        for ref, quantity in _held(order, shipment).items():
            sent[ref] = sent.get(ref, 0) + quantity
    due = [line for line in order.lines if line.requires_shipping and not line.gift_card]
    if not sent.keys() & {line.line_ref for line in due}:
        return ()
    left = ((line, line.quantity - sent.get(line.line_ref, 0)) for line in due)
    return tuple(_line(line, quantity) for line, quantity in left if quantity > 0)


# ---------------------------------------------------------------- messages


def news(customer: Customer, order: Order, letters: Iterable[tuple[Message, datetime | None]]) -> tuple[News, ...]:
    """The messages about an order: those that wait to be sent, then those that were, the newest first.

    Of what waits only news and help are shown: an offer that may come is none yet.
    """
    waiting = [
        News(
            id=held.proposal.message_id,
            template=held.proposal.template,
            channel=None,
            at=held.proposal.proposed_at,
            read_at=None,
            title=None,
            text=None,
            waits_until=held.due_at,
        )
        for held in customer.held
        if is_about(held, order) and held.proposal.purpose in (Purpose.TRANSACTIONAL, Purpose.SERVICE) and held.due_at
    ]
    found = [
        News(
            id=message.proposal.message_id,
            template=message.proposal.template,
            channel=message.channel,
            at=message.sent_at or message.last.at,
            read_at=read_at,
            title=message.title,
            text=message.text,
        )
        for message, read_at in letters
        if message.state is State.SENT and is_about(message, order)
    ]
    waiting.sort(key=lambda one: (one.waits_until or one.at, one.id))
    return (*waiting, *sorted(found, key=lambda one: (one.at, one.id), reverse=True))


def is_about(message: Message, order: Order) -> bool:
    return message.proposal.references.get("order") == order.key


# ---------------------------------------------------------------- the rest


def support(customer: Customer, order: Order, setting: Setting) -> Support:
    """Always the same ways, and what was asked about this order and is not closed."""
    ours = setting.brand.support
    asked = [case for case in customer.cases if case.order_key == order.key and case.open and case.opened_at]
    questions = [Question(str(case.topic), case.opened_at, case.answered_at) for case in asked if case.opened_at]
    return Support(
        page=ours.page,
        chat=ours.chat,
        phone=ours.phone,
        mail=setting.brand.reply_to,
        hours=setting.pick(ours.hours),
        questions=tuple(sorted(questions, key=lambda q: q.opened_at)),
    )


def _secure(order: Order, returns: Returns, setting: Setting) -> Secure:
    refunds = [Given(refund.at, refund.amount) for refund in order.refunds if refund.amount]
    return Secure(
        returns=returns,
        paid_at=order.paid_at,
        refunds=tuple(sorted(refunds, key=lambda given: given.at)),
        payment_url=setting.brand.shop_of(order.shop).payment if order.subscription else None,
        shop_url=safe_url(order.status_url),
    )


def wants_offers(customer: Customer) -> bool:
    """Whether this customer has not turned offers off, on any channel: an objection to marketing holds everywhere (rule C28)."""
    said = [head.says for channel in Channel if (head := customer.consent.head(channel, Purpose.PROMOTIONAL))]
    return Says.WITHDRAWN not in said


def _re_engage(customer: Customer, order: Order, setting: Setting) -> ReEngage:
    goods, shop = setting.catalogue, setting.brand.shop_of(order.shop)
    bought = goods.by_family(order.lines)
    families = {name: goods.family(name) for name in bought}
    offers = wants_offers(customer) and order.closed is None
    loyalty = setting.brand.loyalty if offers else None
    again = [line for name, lines in bought.items() if families[name].reorder for line in lines]
    known = {name for past in _earlier(customer, order) for name in goods.by_family(past.lines)}
    return ReEngage(
        guides=tuple(
            guide for name, family in families.items() for guide in _guides(family, bought[name], name in known, setting)
        ),
        ideas=_ideas(customer, families.values(), setting) if offers else (),
        again_url=safe_url(shop.reorder_url(again)) if offers and again else None,
        tutorials=shop.tutorials,
        loyalty=Loyalty(
            setting.pick(loyalty.title),
            setting.pick(loyalty.text),
            tuple(setting.pick(loyalty.points)),
            setting.pick(loyalty.url),
        )
        if loyalty
        else None,
    )


def _earlier(customer: Customer, order: Order) -> tuple[Order, ...]:
    since = order.placed_at or order.as_of
    return tuple(past for past in customer.orders if not past.closed and (past.placed_at or past.as_of) < since)


def _guides(family: Family, lines: Iterable[OrderLine], experienced: bool, setting: Setting) -> Iterable[Guide]:
    """All guides of a family; its tips only where it has no other. Who had it before is not told the first steps."""
    title, say = setting.pick(family.title), setting.pick
    if start := family.quick_start:
        yield Guide(
            "quick_start",
            title,
            tuple(say(start.walkthrough)),
            say(start.video_url),
            minutes=start.minutes,
            more_url=say(start.walkthrough_url),
        )
    if care := family.care:
        yield Guide("care", title, tuple(say(care.tips)), say(care.pdf_url))
    if first := family.onboarding:
        plan = next((line.plan or line.variant for line in lines if line.plan or line.variant), None)
        steps = first.steps[first.tier_of(plan)][Skill.EXPERIENCED if experienced else Skill.BEGINNER]
        yield Guide("onboarding", title, tuple(say(steps)), say(first.start_url))
    if warranty := family.registration:
        yield Guide("registration", title, tuple(say(warranty.benefits)), say(warranty.url), years=warranty.years)
    if family.tips and not (family.quick_start or family.care or family.onboarding):
        yield Guide("tips", title, tuple(say(family.tips.tips)), say(family.tips.url))


def _ideas(customer: Customer, families: Iterable[Family], setting: Setting) -> tuple[Idea, ...]:
    """What goes with it and is not there yet, what they looked at first: nothing that was bought in any order that is known."""
    goods = setting.catalogue
    bought = [line for order in customer.orders if not order.closed for line in order.lines]
    skus, has = {line.sku for line in bought if line.sku}, set(goods.by_family(bought))
    found = []
    offered = dict.fromkeys(name for family in families for name in family.cross_sells)
    for name in best_first(offered, interest(customer.behaviour, setting.now), goods):
        thing = goods.add_ons[name]
        if not skus.intersection(thing.skus) and not (thing.family and thing.family in has):
            found.append(Idea(setting.pick(thing.name), setting.pick(thing.why), setting.pick(thing.url)))
    return tuple(found[:3])

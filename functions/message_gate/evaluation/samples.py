"""Orders to try templates on: what is usual, what is rare and must still read well, and what a stranger may type into a form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from aftercare.alerts import Alert
from aftercare.catalogue import Catalogue
from aftercare.consent import Channel, ConsentRecord, Head, Purpose, Says, Weight
from aftercare.customer import Charge, Contact, Customer, Order, OrderLine, Profile, Refund, Return, ReturnOutcome, Stockout
from aftercare.feedback_policy import GOES_WITH, feedback_policy
from aftercare.forecast import Forecast
from aftercare.links import LinkPurpose
from aftercare.money import Money
from aftercare.proposal import Block, Proposal
from aftercare.published import Publication
from aftercare.review_policy import review_policy
from aftercare.segment_policy import segment_policy
from aftercare.settings import Settings
from aftercare.shipment import Parcel, Shipment
from aftercare.shipment_details import ShippedLine
from message_gate.letter import Part
from message_gate.view import FRESH

PLACED = datetime(2026, 3, 2, 9, 14, tzinfo=UTC)
SETTINGS = Settings(postal_address="Larkfield Trading GmbH, Beispielweg 5, 10115 Berlin, Germany")

HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}{% raw %}\r\nBcc: everyone@example.com\u202e"
"""Markup, template text, a header's line break and a direction sign, in one name."""


P = LinkPurpose


def link(purpose: LinkPurpose, about: str, opens: timedelta) -> str:
    """A link as the gate would sign it, for looking at only."""
    del about, opens
    short = {
        P.STATUS: "o",
        P.PREFERENCES: "p",
        P.UNSUBSCRIBE: "u",
        P.CUE: "c",
        P.SURVEY: "s",
        P.GUIDE: "g",
        P.RETURN: "r",
        P.OFFER: "n",
        P.CONFIRM: "k",
        P.REPOST: "m",
    }
    route = short.get(purpose, purpose.name.lower())
    return f"https://post.larkfield.example/{route}/" + "AQFo7mXgYzBzYW1wbGUA" * 5


@dataclass(frozen=True, slots=True)
class Sample:
    """A proposal, what it is about, and whether its own consent lets in what the message only carries."""

    template: str
    order: Order
    blocks: tuple[Block, ...]
    purpose: Purpose
    consents: bool = True
    references: Mapping[str, str] = field(default_factory=dict)
    shipments: tuple[Shipment, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)
    consent: ConsentRecord = field(default_factory=ConsentRecord)
    parts: tuple["Sample", ...] = ()
    publication: Publication | None = None
    alerts: tuple[Alert, ...] = ()

    @property
    def include(self) -> tuple[Block, ...]:
        return tuple(b for b in self.blocks if self.consents or b.purpose in (None, self.purpose))

    @property
    def promotional(self) -> bool:
        return any(b.purpose not in (None, self.purpose) for b in self.include)

    @property
    def customer(self) -> Customer:
        profile = Profile(version=1, contact=self.order.contact, first_seen=PLACED)
        orders = {order.key: order for order in (self.order, *(part.order for part in self.parts))}
        return Customer(
            id="sample",
            profile=profile,
            consent=self.consent,
            orders=tuple(orders.values()),
            shipments=self.shipments,
            alerts=self.alerts,
        )

    def proposal(self) -> Proposal:
        return Proposal(
            key=f"{self.template}#{self.order.key}",
            customer_id="sample",
            purpose=self.purpose,
            template=self.template,
            references={"order": self.order.key, **self.references},
            blocks=self.blocks,
            numbers=dict(self.numbers),
            not_after=PLACED + timedelta(days=60),
            proposed_at=PLACED,
            caused_by="sample",
            correlation_id="sample",
        )


def parts_of(sample: Sample) -> tuple[Part, ...]:
    return tuple(Part(part.proposal(), part.order, part.include, part.publication) for part in sample.parts)


def _of_products(order: Order, bare: Order) -> dict[str, Sample]:
    """What a store publishes: to who waits for it, and to who has bought it."""

    def told(kind: str, **more: object) -> Publication:
        given = {
            "key": f"sample:{kind}",
            "kind": kind,
            "shop": "sample",
            "products": ("sample:P-100",),
            "audience": ("owners",),
            "title": {"en": "House espresso"},
            "url": "https://larkfield.example/p/house-espresso",
            "published_at": PLACED,
        }
        return Publication.model_validate({**given, **more})

    recall = {
        "title": {"en": "The lid may come loose", "de": "Der Deckel kann sich lösen"},
        "text": {
            "en": "On jars of batch 12 the lid may come loose while they are carried. We send you a new one at no cost.",
            "de": "Bei Gläsern der Charge 12 kann sich der Deckel beim Tragen lösen. Sie bekommen kostenlos einen neuen.",
        },
    }
    news = {
        "title": {"en": "A finer grind for your espresso", "de": "Feiner gemahlen: Ihr Espresso"},
        "text": {
            "en": "From this roast on we grind it finer, because most of you brew it in a small machine.",
            "de": "Ab dieser Röstung mahlen wir ihn feiner, weil die meisten von Ihnen ihn in einer kleinen Maschine brühen.",
        },
    }
    alert = Alert(product="sample:P-100", asked_at=PLACED)
    references = {"publication": "sample:p", "product": "sample:P-100"}
    offered, back = Purpose.PROMOTIONAL, told("restock")
    hostile = told("news", title={"en": HOSTILE[:80]}, text={"en": HOSTILE})
    return {
        "restock-alert": Sample(
            "restock-alert", bare, (), Purpose.SERVICE, references=references, publication=back, alerts=(alert,)
        ),
        "product-restocked": Sample("product-restocked", order, (), offered, references=references, publication=back),
        "announcement": Sample("announcement", order, (), offered, publication=told("news", **news)),
        "announcement-hostile": Sample("announcement", order, (), offered, publication=hostile),
        "safety": Sample("safety-notice", order, (), Purpose.TRANSACTIONAL, publication=told("safety", **recall)),
    }


def _waits(purpose: Purpose) -> Head:
    return Head(
        channel=Channel.EMAIL,
        purpose=purpose,
        says=Says.PENDING,
        weight=Weight.EXPLICIT,
        said_at=PLACED,
        proof="sample",
        source="sample",
        asks=True,
    )


def _money(amount: str, currency: str = "EUR") -> Money:
    return Money(amount=amount, currency=currency)


def _line(ref: str, title: str, price: str, currency: str = "EUR", **more: object) -> OrderLine:
    given = {"line_ref": ref, "title": title, "quantity": 1, "unit_price": _money(price, currency), "sku": f"SKU-{ref}"}
    return OrderLine.model_validate({**given, **more})


def _order(ref: str, *lines: OrderLine, **more: object) -> Order:
    given = {
        "key": f"sample:{ref}",
        "shop": "sample",
        "platform": "store",
        "ref": ref,
        "name": f"#{ref}",
        "version": 1,
        "as_of": PLACED,
        "placed_at": PLACED,
        "contact": Contact(email="anna.berg@example.com", name="Anna Berg"),
        "lines": lines,
    }
    return Order.model_validate({**given, **more})


ESPRESSO = _line("1", "House espresso, whole beans", "14.90", quantity=3, variant="1 kg", product_type="Coffee")
CAMERA = _line("1", "Larkfield One", "649.00", variant="Black", product_type="Camera")
BAG = _line("2", "Weekend bag, vegetable tanned", "289.00", product_type="Leather")


def samples(catalogue: Catalogue) -> dict[str, Sample]:
    """All samples by name. Blocks name the first family of the catalogue that has the guide, so any catalogue can be tried."""

    of_lines = [catalogue.family_of(line) for line in (ESPRESSO, CAMERA, BAG)]
    families = (*of_lines, *catalogue.families.values())

    def having(part: str) -> str:
        return next((f.name for f in families if getattr(f, part) is not None), catalogue.default)

    def reminding(offers: str) -> str | None:
        return next((f.name for f in families if f.reorder and f.reorder.offers == offers), None)

    care, again = reminding("care"), reminding("again")

    def offers(line: OrderLine) -> tuple[Block, ...]:
        family = catalogue.family_of(line)
        names = [*family.cross_sells, *(n for n in catalogue.add_ons if n not in family.cross_sells)][:2]
        purpose = Purpose.PROMOTIONAL
        return tuple(Block(kind="add-ons", family=family.name, variant=name, purpose=purpose) for name in names)

    first, back, renewed = (Block(kind="opening", variant=v) for v in ("first", "again", "renewal"))
    every = (
        Block(kind="quick-start", family=having("quick_start")),
        Block(kind="care-guide", family=having("care")),
        Block(kind="registration", family=having("registration")),
        Block(kind="more", family=having("onboarding"), variant="onboarding"),
    )
    tips = Block(kind="tips", family=having("tips"))
    plain_tips = Block(kind="tips", family=catalogue.default)
    steps = Block(kind="onboarding", family=having("onboarding"), variant="studio-experienced")
    window = {"estimated_from": PLACED + timedelta(days=2), "estimated_until": PLACED + timedelta(days=4)}
    usual = _order(
        "1070",
        ESPRESSO,
        country="DE",
        total=_money("44.60"),
        discounts=(Charge(kind="discount", label="WELCOME10", amount=_money("5.00")),),
        fees=(
            Charge(kind="shipping", label="DHL", amount=_money("4.90")),
            Charge(kind="tax_included", label="VAT 7%", amount=_money("2.92")),
        ),
        **window,
    )
    several = _order(
        "2041",
        *(line.model_copy(update={"unit_price": _money(price, "USD")}) for line, price in ((CAMERA, "649.00"), (BAG, "289.00"))),
        _line("3", "Larkfield Darkroom", "12.00", "USD", plan="Studio, monthly", requires_shipping=False),
        country="US",
        total=_money("966.95", "USD"),
        fees=(
            Charge(kind="shipping", label="Shipping", amount=_money("0.00", "USD")),
            Charge(kind="duty", label="Duties", amount=_money("16.95", "USD")),
        ),
        estimated_until=PLACED + timedelta(days=9),
    )
    renewal = _order(
        "R-88",
        _line("1", "Coffee Club, regular", "29.00", plan="Regular"),
        is_renewal=True,
        total=_money("29.00"),
        contact=Contact(email="anna@example.com"),
    )
    digital = _order("77", _line("1", "Larkfield Darkroom", "12.00", plan="Solo", requires_shipping=False), total=_money("12.00"))
    bare = _order("5", OrderLine(line_ref="1", title="-", quantity=1), contact=Contact(email="a@example.com"))
    hostile = _order(
        "6",
        _line("1", HOSTILE, "1.00", variant=HOSTILE),
        *(_line(str(n), "A" * 900, "100000.00", "JPY", quantity=99) for n in range(2, 60)),
        name=HOSTILE,
        contact=Contact(email="mallory@example.com", name=HOSTILE),
        total=_money("999999999.99"),
        discounts=(Charge(kind="discount", label=HOSTILE, amount=_money("0.01")),),
    )
    found = {
        "usual": Sample("order-confirmation", usual, (first, tips, *offers(ESPRESSO)), Purpose.TRANSACTIONAL),
        "without-consent": Sample(
            "order-confirmation", usual, (back, tips, *offers(ESPRESSO)), Purpose.TRANSACTIONAL, consents=False
        ),
        "several-kinds": Sample("order-confirmation", several, (back, *every, *offers(CAMERA)), Purpose.TRANSACTIONAL),
        "renewal": Sample("order-confirmation", renewal, (renewed,), Purpose.TRANSACTIONAL),
        "digital": Sample("order-confirmation", digital, (first, steps), Purpose.TRANSACTIONAL),
        "bare": Sample("order-confirmation", bare, (first, plain_tips), Purpose.TRANSACTIONAL),
        "hostile": Sample("order-confirmation", hostile, (first, *every, *offers(BAG)), Purpose.TRANSACTIONAL),
    }
    for name, family, variant, line in (("reorder", again, "again", ESPRESSO), ("reorder-care", care, "care", CAMERA)):
        if family:
            own = line.model_copy(update={"tags": (f"aftercare:{family}",)})
            block = Block(kind="reorder", family=family, variant=variant)
            order = usual.model_copy(update={"lines": (own,)})
            beside = Block(
                kind="accompanying", family=family, variant=next(iter(catalogue.add_ons), None), purpose=Purpose.PROMOTIONAL
            )
            blocks = (block,) if variant == "care" or beside.variant is None else (block, beside)
            found[name] = Sample("reorder-reminder", order, blocks, Purpose.REORDER, references={"family": family})
            if variant == "again":
                found["reorder-nudge"] = Sample("reorder-nudge", order, (block,), Purpose.REORDER, references={"family": family})
    found |= _renewals(usual, digital, hostile)
    gathered = tuple(found[name] for name in ("reorder", "reorder-care") if name in found)
    for opening in ("stated", "gathered") if len(gathered) > 1 else ():
        block = Block(kind="opening", variant=opening)
        found[f"digest-{opening}"] = Sample("digest", usual, (block,), Purpose.REORDER, parts=gathered)
    waits = ConsentRecord(version=1, heads=tuple(_waits(purpose) for purpose in (Purpose.REORDER, Purpose.PROMOTIONAL)))
    for name, order, numbers in (("consent", usual, {"days": 14}), ("consent-reminder", bare, {"days": 10})):
        found[name] = Sample("consent-confirmation", order, (), Purpose.TRANSACTIONAL, numbers=numbers, consent=waits)
    for name, template, order, anchor in (
        ("survey", "survey", usual, "there"),
        ("survey-assumed", "survey", bare, "assumed"),
        ("survey-ordered", "survey", digital, "ordered"),
        ("survey-hostile", "survey", hostile, "there"),
        ("survey-reminder", "survey-reminder", usual, "there"),
        ("survey-reminder-assumed", "survey-reminder", bare, "assumed"),
        ("survey-reminder-ordered", "survey-reminder", digital, "ordered"),
    ):
        helps = (Block(kind="help", family=having("tips")),) if template == "survey-reminder" else ()
        found[name] = Sample(template, order, (Block(kind="anchor", variant=anchor), *helps), Purpose.SURVEY)
    for name, order, family in (
        ("check-in", usual, having("tips")),
        ("check-in-hostile", hostile, None),
        ("check-in-bare", bare, None),
    ):
        blocks = (Block(kind="anchor", variant="there"), *((Block(kind="help", family=family),) if family else ()))
        found[name] = Sample("check-in", order, blocks, Purpose.SERVICE)
    for name, order in (("setup-guide", several), ("setup-guide-hostile", hostile)):
        found[name] = Sample("setup-guide", order, (every[0], steps), Purpose.SERVICE)
    found["rescue-check"] = Sample("rescue-check", usual, (), Purpose.SERVICE)
    for name, order in (("return-survey", usual), ("return-survey-several", several), ("return-survey-hostile", hostile)):
        asked = Return(ref="t1", requested_at=PLACED + 6 * DAY, lines={"1": 1} if order is usual else {})
        given = order.model_copy(update={"returns": (asked,)})
        found[name] = Sample("return-survey", given, (), Purpose.SERVICE, references={"return": "t1"})
    found |= _of_feedback(catalogue, usual, several, hostile)
    found |= _of_reviews(catalogue, {"": usual, "-several": several, "-digital": digital, "-bare": bare, "-hostile": hostile})
    for name, order in (("usual", usual), ("bare", bare)):
        for template in FRESH:
            about = {"link": "sample"}
            found[f"{template}-{name}"] = Sample(template, order, (), Purpose.TRANSACTIONAL, references=about)
    return found | _of_products(usual, bare) | _notices(usual, several, bare, hostile)


def _renewals(usual: Order, digital: Order, hostile: Order) -> dict[str, Sample]:
    """A subscription that renews: with all that may be on record of it, with as little as one line, and without its ground."""
    got, one = {"deliveries": 7, "milestones": 2, "saved": 21, "saved-hundredths": 40}, {"deliveries": 1, "milestones": 1}
    renews, since = 20541, 20331  # 29 March 2026, and seven months before it
    found = {}
    for name, order, variant, kind, had, consents in (
        ("renewal-reminder", usual, "told", "single", got, True),
        ("renewal-reminder-off", hostile, "expected", "off", got, True),
        ("renewal-reminder-one", digital, "expected", "plain", one, True),
        ("renewal-reminder-without-consent", usual, "told", "single", got, False),
    ):
        blocks = (Block(kind="renewal", variant=variant), Block(kind="got", variant=kind, purpose=Purpose.REORDER))
        numbers = {"renews": renews, "since": since, **had}
        found[name] = Sample("renewal-reminder", order, blocks, Purpose.SERVICE, consents=consents, numbers=numbers)
    return found


def _of_reviews(catalogue: Catalogue, orders: Mapping[str, Order]) -> dict[str, Sample]:
    """Every way in which a review is asked for: each wording, anchor, word of thanks and incentive."""
    policy, found = review_policy(), dict[str, Sample]()

    def add(name: str, order: Order, wording: str, *more: tuple[str, str]) -> None:
        incentive = dict(more).get("review-incentive")
        family = next(iter(catalogue.by_family(order.lines)), catalogue.default)
        chosen = (("anchor", "there"), ("review-wording", wording), *more)
        blocks = tuple(Block(kind=kind, variant=variant) for kind, variant in dict(chosen).items())
        template, purpose = ("review-reward", Purpose.PROMOTIONAL) if incentive else ("review-request", Purpose.SURVEY)
        found[f"{template}{name}"] = Sample(template, order, (*blocks, Block(kind="help", family=family)), purpose)

    for wording in policy.wordings:
        add("" if wording == policy.wordings[0] else f"-{wording}", orders[""], wording)
    first = policy.wordings[0]
    for name in ("-several", "-bare", "-hostile"):
        add(name, orders[name], first)
    for anchor in ("assumed", "ordered", "milestone"):
        add(f"-{anchor}", orders["-digital" if anchor == "milestone" else ""], first, ("anchor", anchor))
    for contact in ("praised", "shared", "helped"):
        add(f"-{contact}", orders[""], first, ("contact", contact))
    add("-again", orders[""], first, ("opening", "again"))
    for name, kind, about in (
        ("", "photo", ""),
        ("-video", "video", ""),
        ("-hostile", "photo", "-hostile"),
        ("-bare", "photo", "-bare"),
    ):
        blocks = (Block(kind="media", variant=kind), Block(kind="network", variant="instagram"))
        references = {"media": "sample:POST-1", "sku": orders[about].lines[0].sku or "SKU-1"}
        found[f"repost-request{name}"] = Sample("repost-request", orders[about], blocks, Purpose.SURVEY, references=references)
    for kind in policy.incentives:
        if kind != "none":
            add(f"-{kind}", orders[""], first, ("review-incentive", kind))
            add(f"-{kind}-again", orders["-several"], first, ("review-incentive", kind), ("opening", "again"))
    return found


def _of_feedback(catalogue: Catalogue, *orders: Order) -> dict[str, Sample]:
    """Every offer of feedback.yaml, and every way out of trouble."""
    found: dict[str, Sample] = {}
    add_on = next((name for name, one in catalogue.add_ons.items() if one.skus), None)
    for name, made in feedback_policy().offers.items():
        if made.basket == "goes-with" and add_on is None:
            continue
        goes_with = (Block(kind="goes-with", variant=add_on),) if made.basket == "goes-with" else ()
        template = "next-help" if made.purpose is Purpose.SERVICE else "next-step"
        for kind, order in zip(("", "-several", "-hostile"), orders, strict=True):
            blocks = (Block(kind="offer", variant=name), *goes_with)
            found[f"{template}-{name}{kind}"] = Sample(template, order, blocks, made.purpose)
    policy = segment_policy()
    said = {row: known.contents for row, known in policy.rows.items()}
    said["repeat"] += tuple(policy.care.says.values())
    for row, contents in said.items():
        for name in contents:
            made = policy.contents[name]
            if made.basket in GOES_WITH and add_on is None:
                continue
            goes_with = (Block(kind="goes-with", variant=add_on),) if made.basket in GOES_WITH else ()
            template = "segment-help" if made.purpose is Purpose.SERVICE else "segment-offer"
            more: dict[str, Any] = {
                "references": {"segment": row},
                "numbers": {"days": made.valid_days} if made.valid_days else {},
            }
            for kind, order in zip(("", "-hostile"), (orders[0], orders[-1]), strict=True):
                blocks = (Block(kind="content", variant=name), *goes_with)
                found[f"{template}-{name}{kind}"] = Sample(template, order, blocks, made.purpose, **more)
    for way in ("replacement", "refund", "call"):
        block = Block(kind="way", variant=way)
        found["rescue-offer" if way == "replacement" else f"rescue-offer-{way}"] = Sample(
            "rescue-offer", orders[0], (block,), Purpose.SERVICE
        )
    found["rescue-offer-hostile"] = Sample("rescue-offer", orders[-1], (), Purpose.SERVICE)
    return found


# ---------------------------------------------------------------- parcels and changes of an order

DAY = timedelta(days=1)
OF_PARCELS = (
    "order-packed",
    "parcel-shipped",
    "parcel-out-for-delivery",
    "parcel-delivered",
    "parcel-attempted",
    "parcel-ready-for-pickup",
    "parcel-exception",
    "parcel-returned",
    "parcel-lost",
    "delivery-delayed",
    "delivery-recovered",
)
OF_ORDERS = (
    "item-out-of-stock",
    "order-not-shipped-yet",
    "order-cancelled",
    "order-refunded",
    "order-edited",
    "order-partially-fulfilled",
    "order-ready-for-pickup",
    "order-completed",
    "return-requested",
    "return-approved",
    "return-expired",
    "return-declined",
    "return-received",
    "return-settled",
    "subscription-renewed",
    "payment-failed",
)


def shipment(order: Order, ref: str, lines: tuple[str, ...], *parcels: Parcel, **more: object) -> Shipment:
    """A shipment of an order that was handed over a day after it was placed and is expected two to four days after."""
    given = {
        "key": f"{order.shop}:{ref}",
        "shop": order.shop,
        "ref": ref,
        "order_keys": (order.key,),
        "as_of": PLACED + DAY,
        "described_at": PLACED + DAY,
        "shipped_at": PLACED + DAY,
        "lines": tuple(ShippedLine(line_ref=line, quantity=_pieces(order, line)) for line in lines),
        "parcels": parcels,
        "forecast": Forecast(p10=PLACED + 2 * DAY, p50=PLACED + 3 * DAY, p90=PLACED + 4 * DAY, forecast_at=PLACED + DAY),
    }
    return Shipment.model_validate({**given, **more})


def _pieces(order: Order, ref: str) -> int:
    return next((line.quantity for line in order.lines if line.line_ref == ref), 1)


def parcel(number: str, carrier: str = "dhl", **more: object) -> Parcel:
    given = {"number": number, "carriers": (carrier,), "url": f"https://track.{carrier}.example/?number={number}"}
    return Parcel.model_validate({**given, **more})


def _arrived(one: Shipment) -> Shipment:
    at = {"delivered_at": PLACED + 3 * DAY}
    return one.model_copy(update={**at, "parcels": tuple(p.model_copy(update=at) for p in one.parcels)})


def _notices(usual: Order, several: Order, bare: Order, hostile: Order) -> dict[str, Sample]:
    """Each notice as it usually is, about one parcel of several, and with nothing known; some with what a stranger may type."""
    split = several.model_copy(
        update={"lines": (*several.lines[:2], _line("4", "Travel tripod", "119.00", "USD"), _line("5", "Strap", "39.00", "USD"))}
    )
    one = shipment(usual, "1070-1", ("1",), parcel("JD014600003RU"))
    parts = (
        shipment(split, "2041-1", ("1",), parcel("1Z999AA10123456784", "ups")),
        shipment(split, "2041-2", ("2",), parcel("1Z999AA10123456785", "ups")),
        shipment(split, "2041-3", ("4",), parcel("1Z999AA10123456786", "ups")),
    )
    strange = shipment(hostile, "6-1", tuple(line.line_ref for line in hostile.lines)).model_copy(
        # No model lets such an address in; were one to slip through, no template may show it.
        update={"parcels": (parcel("X1").model_copy(update={"url": "javascript:alert(1)", "carriers": (HOSTILE,)}),)}
    )
    found: dict[str, Sample] = {}

    def add(name: str, template: str, order: Order, *shipments: Shipment, **more: object) -> None:
        given = {"blocks": (), "purpose": Purpose.TRANSACTIONAL, "shipments": shipments}
        found[name] = Sample(template, order, **{**given, **more})  # type: ignore[arg-type]

    slow, slower = (
        Forecast(p10=PLACED + n * DAY, p50=PLACED + (n + 1) * DAY, p90=PLACED + (n + 2) * DAY, forecast_at=PLACED + DAY)
        for n in (4, 9)
    )
    late = one.model_copy(update={"forecast": slow})
    reason = (Block(kind="reason", variant="route-busy"),)
    delay = {"blocks": reason, "numbers": {"days-from": 1, "days-to": 2}}
    for template in OF_PARCELS:
        delayed = template == "delivery-delayed"
        more = delay if delayed else {}
        there = _arrived if template == "parcel-delivered" else lambda known: known
        second = {"shipment": parts[1].key, "parcel": parts[1].parcels[0].id}
        first = late if delayed else there(one)
        add(template, template, usual, first, references={"shipment": one.key, "parcel": one.parcels[0].id}, **more)
        two = parts[1].model_copy(update={"forecast": slower}) if delayed else there(parts[1])
        add(f"{template}-split", template, split, parts[0], two, parts[2], references=second, **more)
        add(f"{template}-bare", template, bare, references={"shipment": "sample:gone", "parcel": "gone"})
        if template in ("parcel-shipped", "delivery-delayed"):
            add(f"{template}-hostile", template, hostile, strange, references={"shipment": strange.key}, **more)
    both = shipment(split, "2041-9", ("1", "2"), *(p for part in parts[:2] for p in part.parcels))
    add("parcel-shipped-together", "parcel-shipped", split, both, references={"shipment": both.key})
    due = usual.model_copy(update={"lines": (*usual.lines, *several.lines[:2])})
    add("parcel-shipped-rest-waits", "parcel-shipped", due, one, references={"shipment": one.key})
    closed = usual.model_copy(update={"cancelled_at": PLACED + DAY})
    add("parcel-returned-closed", "parcel-returned", closed, one, references={"shipment": one.key})
    whole = split.model_copy(update={"lines": split.lines[:3]})
    add("parcel-delivered-all", "parcel-delivered", whole, *(_arrived(part) for part in parts))

    back = usual.model_copy(
        update={
            "stockouts": (Stockout(line_ref="1", at=PLACED, expected_at=PLACED + 9 * DAY),),
            "refunds": (Refund(ref="r1", at=PLACED + DAY, amount=_money("14.90")),),
            "returns": (Return(ref="t1", requested_at=PLACED + 6 * DAY),),
            "cancel_reason": "customer",
            "completed_at": PLACED + 2 * DAY,
        }
    )
    waiting = {"blocks": (Block(kind="reason", variant="seller-handling"),), "numbers": {"days": 4}}
    for template in OF_ORDERS:
        more = waiting if template == "order-not-shipped-yet" else {}
        about = {"order-refunded": {"refund": "r1"}}.get(template, {})
        shipped = {"order-partially-fulfilled": parts[:1]}.get(template, ())
        add(template, template, split if shipped else back, *shipped, references=about, **more)
        add(f"{template}-bare", template, bare)
        if template in ("order-cancelled", "order-edited"):
            add(f"{template}-hostile", template, hostile.model_copy(update={"cancel_reason": HOSTILE}), strange, **more)
    rest = Refund(ref="r2", at=PLACED + 2 * DAY, amount=_money("29.70"))
    for name, refunds in (
        ("order-refunded-rest", (*back.refunds, rest)),
        ("order-refunded-whole", (Refund(ref="r2", at=PLACED + DAY, amount=_money("44.60")),)),
        ("order-refunded-unnamed", (Refund(ref="r2", at=PLACED + DAY, whole=True),)),
    ):
        given = usual.model_copy(update={"refunds": refunds, "total": None if name.endswith("unnamed") else usual.total})
        add(name, "order-refunded", given, references={"refund": "r2"})
    yen = _order("8", total=_money("9800", "JPY"), refunds=(Refund(ref="r1", at=PLACED, amount=_money("4900", "JPY")),))
    add("order-refunded-yen", "order-refunded", yen, references={"refund": "r1"})
    for why in ("inventory", "declined", "fraud"):
        known = usual.model_copy(update={"cancel_reason": why, "refunds": ()})
        add(f"order-cancelled-{why}", "order-cancelled", known)
    for american in ("return-requested", "return-approved"):
        add(f"{american}-fee", american, several)
    for outcome in get_args(ReturnOutcome):
        sent = Return(ref="t1", settled_at=PLACED + 9 * DAY, wish=outcome, outcome=outcome, amount=_money("23.90"))
        paid, unpriced = (usual.model_copy(update={"returns": (r,)}) for r in (sent, sent.model_copy(update={"amount": None})))
        for template in ("return-requested", "return-approved", "return-received", "return-settled"):
            add(f"{template}-{outcome}", template, paid, references={"return": "t1"})
        add(f"return-settled-{outcome}-open", "return-settled", unpriced, references={"return": "t1"})
    unexplained = {"blocks": (), "references": {"shipment": one.key}}
    add("delivery-delayed-unexplained", "delivery-delayed", usual, late, **unexplained)
    return found

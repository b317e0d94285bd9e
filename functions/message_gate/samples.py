"""Orders to try templates on: what is usual, what is rare and must still read well, and what a stranger may type into a form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aftercare.catalogue import Catalogue
from aftercare.consent import Purpose
from aftercare.customer import Charge, Contact, Customer, Order, OrderLine, Profile
from aftercare.links import LinkPurpose
from aftercare.money import Money
from aftercare.proposal import Block, Proposal
from aftercare.settings import Settings

PLACED = datetime(2026, 3, 2, 9, 14, tzinfo=UTC)
SETTINGS = Settings(postal_address="Larkfield Trading GmbH, Beispielweg 5, 10115 Berlin, Germany")

HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}{% raw %}\r\nBcc: everyone@example.com\u202e"
"""Markup, template text, a header's line break and a direction sign, in one name."""


def link(purpose: LinkPurpose, about: str, opens: timedelta) -> str:
    """A link as the gate would sign it, for looking at only."""
    del about, opens
    route = {LinkPurpose.STATUS: "o", LinkPurpose.PREFERENCES: "p", LinkPurpose.UNSUBSCRIBE: "u", LinkPurpose.CUE: "c"}[purpose]
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

    @property
    def include(self) -> tuple[Block, ...]:
        return tuple(b for b in self.blocks if self.consents or b.purpose in (None, self.purpose))

    @property
    def promotional(self) -> bool:
        return any(b.purpose not in (None, self.purpose) for b in self.include)

    @property
    def customer(self) -> Customer:
        profile = Profile(version=1, contact=self.order.contact, first_seen=PLACED)
        return Customer(id="sample", profile=profile, orders=(self.order,))

    def proposal(self) -> Proposal:
        return Proposal(
            key=f"{self.template}#{self.order.key}",
            customer_id="sample",
            purpose=self.purpose,
            template=self.template,
            references={"order": self.order.key, **self.references},
            blocks=self.blocks,
            not_after=PLACED + timedelta(days=60),
            proposed_at=PLACED,
            caused_by="sample",
            correlation_id="sample",
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
            found[name] = Sample("reorder-reminder", order, (block,), Purpose.REORDER, references={"family": family})
    return found

"""Small valid things for tests: a customer, an order, a proposal; each test says only what matters to it."""

from datetime import UTC, datetime, timedelta

from aftercare.consent import Channel, ConsentRecord, Purpose, Says, Statement, fold
from aftercare.customer import Contact, Customer, Order, OrderLine, Profile
from aftercare.money import Money
from aftercare.proposal import Proposal

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ANNA = "c0anna"


def an_order(ref="1070", **more) -> Order:
    given = {
        "key": f"example:{ref}",
        "shop": "example",
        "platform": "store",
        "ref": ref,
        "name": f"#{ref}",
        "version": 1,
        "as_of": NOON,
        "placed_at": NOON,
        "contact": Contact(email="anna@example.com", name="Anna"),
        "country": "DE",
        "total": Money(amount="59.45", currency="EUR"),
        "lines": (OrderLine(line_ref="1", title="House espresso 1 kg", quantity=1, product_type="Coffee"),),
    }
    return Order(**{**given, **more})


def a_customer(*orders: Order, consent: ConsentRecord | None = None, **more) -> Customer:
    return Customer(
        id=ANNA,
        profile=Profile(version=1, contact=Contact(email="anna@example.com"), first_seen=NOON),
        consent=consent or ConsentRecord(),
        orders=orders,
        **more,
    )


def a_proposal(**more) -> Proposal:
    given = {
        "key": "order-confirmation#example:1070",
        "customer_id": ANNA,
        "purpose": Purpose.TRANSACTIONAL,
        "template": "order-confirmation",
        "references": {"order": "example:1070"},
        "not_after": NOON + timedelta(hours=24),
        "proposed_at": NOON,
        "caused_by": "e1",
        "correlation_id": "k1",
    }
    return Proposal(**{**given, **more})


def said(purpose=Purpose.PROMOTIONAL, says=Says.GIVEN, at=NOON, sequence="s1", **more) -> Statement:
    given = {
        "channel": Channel.EMAIL,
        "purpose": purpose,
        "says": says,
        "said_at": at,
        "heard_at": at,
        "sequence": sequence,
        "source": "test",
    }
    return Statement(**{**given, **more})


def consent_of(*statements: Statement) -> ConsentRecord:
    return fold(ConsentRecord(), statements)

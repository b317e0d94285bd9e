from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from aftercare.consent import Channel, ConsentRecord, Purpose, Says, Statement, Weight
from aftercare.consent_log import consent_after
from aftercare.customer import Contact, Order, OrderLine, Refund
from aftercare.facts import OrderDetails, OrderFact, OrderFactType
from aftercare.money import Money
from store_intake.record import news, order_after, profile_after, refunds_after
from tests.examples import tries

T0 = datetime(2026, 3, 1, tzinfo=UTC)
EMAILS = [None, "anna@example.com", "a.beispiel@example.com"]


def at(minutes: int) -> datetime:
    return T0 + timedelta(minutes=minutes)


details = st.builds(
    OrderDetails,
    name=st.sampled_from(["#1", "#1a"]),
    placed_at=st.integers(0, 2).map(at),
    as_of=st.none() | st.integers(0, 6).map(at) | st.integers(0, 6).map(lambda m: at(m).astimezone(timezone(timedelta(hours=5)))),
    contact=st.builds(Contact, email=st.sampled_from(EMAILS), phone=st.sampled_from([None, "+4930901820"])),
    customer_ref=st.sampled_from([None, "C1", "C2"]),
    country=st.sampled_from([None, "DE", "FR"]),
    postcode=st.sampled_from([None, "10115"]),
    total=st.sampled_from([None, Money(amount="10.00", currency="EUR"), Money(amount="12.00", currency="EUR")]),
    lines=st.sampled_from([(), (OrderLine(line_ref="1", title="Cup", quantity=1),)]),
    cancelled_at=st.none() | st.integers(3, 5).map(at),
    is_test=st.booleans(),
    suppress_notification=st.booleans(),
    status_url=st.sampled_from([None, "https://shop.example.com/a", "https://shop.example.com/b"]),
)
refunds = st.builds(
    Refund,
    ref=st.sampled_from(["r1", "r2"]),
    at=st.integers(5, 7).map(at),
    amount=st.sampled_from([None, Money(amount="4.00", currency="EUR"), Money(amount="10.00", currency="EUR")]),
    whole=st.booleans(),
)


@st.composite
def facts(draw):
    kind = draw(st.sampled_from(list(OrderFactType)))
    told = draw(details) if kind in (OrderFactType.PLACED, OrderFactType.UPDATED) else draw(st.none() | details)
    refund = draw(refunds) if kind is OrderFactType.REFUNDED else None
    return OrderFact(type=kind, ref="1", occurred_at=at(draw(st.integers(0, 8))), order=told, refund=refund)


def joined(told: list[OrderFact]) -> tuple[Order | None, list[str]]:
    """As intake does it: what comes before any description waits for it."""
    order, waiting, heard = None, [], []
    for fact in told:
        before = order
        after = order_after(order, "shop", "store", fact)
        if after is None:
            waiting.append(fact)
            continue
        for early in waiting:
            after = order_after(after, "shop", "store", early)
        heard += [n.type for n in news(before, after, [fact, *waiting])]
        order, waiting = after, []
    return order, heard


@settings(max_examples=tries(400), deadline=None)
@given(st.lists(facts(), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_any_order_of_arrival_with_duplicates_gives_the_same_record(told, random):
    record, _ = joined(told)
    shuffled = told + random.choices(told, k=3)
    random.shuffle(shuffled)
    assert joined(shuffled)[0] == record


@settings(max_examples=tries(300), deadline=None)
@given(st.lists(facts(), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_a_fact_is_told_once_and_the_same_facts_are_told_in_any_order(told, random):
    once = {str(k) for k in OrderFactType} - {"OrderEdited", "OrderUpdated", "OrderRefunded"}
    record, heard = joined(told)
    shuffled = told + random.choices(told, k=3)
    random.shuffle(shuffled)
    again = joined(shuffled)[1]
    assert sorted(h for h in heard if h in once) == sorted(h for h in again if h in once)
    assert all(heard.count(kind) <= 1 for kind in once)
    assert heard.count("OrderRefunded") == again.count("OrderRefunded") == (len(record.refunds) if record else 0)


@settings(max_examples=tries(200), deadline=None)
@given(st.lists(facts(), min_size=1, max_size=5))
def test_a_record_read_back_from_the_table_joins_as_before(told):
    record, _ = joined(told)
    order = None
    for fact in [f for f in told if f.order] + [f for f in told if not f.order]:
        after = order_after(order, "shop", "store", fact)
        order = Order.model_validate_json(after.to_json()) if after else None
    assert order == record


def placed(minutes: int, **more) -> OrderFact:
    given = {"name": "#1", "placed_at": T0, "as_of": at(minutes), **more}
    return OrderFact(type=OrderFactType.PLACED, ref="1", occurred_at=at(minutes), order=OrderDetails(**given))


def test_what_a_newer_description_leaves_out_is_kept():
    full = placed(1, contact=Contact(email="anna@example.com"), lines=(OrderLine(line_ref="1", title="Cup", quantity=1),))
    cut = placed(5, name="#1 (changed)")
    order = order_after(order_after(None, "shop", "store", full), "shop", "store", cut)
    assert (order.name, order.contact.email, len(order.lines)) == ("#1 (changed)", "anna@example.com", 1)
    assert order.older == {"email": at(1), "goods": at(1)}


def test_a_contact_that_becomes_known_is_news():
    bare = order_after(None, "shop", "store", placed(1))
    known = order_after(bare, "shop", "store", placed(5, contact=Contact(email="anna@example.com")))
    assert [n.type for n in news(bare, known, ())] == ["OrderContactFound"]
    assert news(known, known, ()) == ()


def test_an_order_first_heard_of_when_it_was_paid_was_placed_too():
    paid = placed(3).model_copy(update={"type": OrderFactType.PAID})
    order = order_after(None, "shop", "store", paid)
    assert [n.type for n in news(None, order, (paid,))] == ["OrderPlaced", "OrderPaid"]


def test_an_order_is_closed_by_cancellation_or_by_refunds_that_sum_up():
    order = order_after(None, "shop", "store", placed(1, total=Money(amount="10.00", currency="EUR")))
    assert order.closed is None
    one = Refund(ref="a", at=at(2), amount=Money(amount="4.00", currency="EUR"))
    two = Refund(ref="b", at=at(3), amount=Money(amount="6.00", currency="EUR"))
    partly = order.model_copy(update={"refunds": refunds_after((), one)})
    assert partly.closed is None
    assert partly.model_copy(update={"refunds": refunds_after(partly.refunds, two)}).closed == "refunded"
    assert order_after(order, "shop", "store", placed(2, cancelled_at=at(2))).closed == "cancelled"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["anna@example.com", "b@example.com", None]),
            st.sampled_from([None, "de", "en"]),
            st.integers(0, 1),
            st.integers(0, 5),
        ),
        min_size=1,
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_a_profile_does_not_depend_on_the_order_of_arrival(told, random):
    def fold(items):
        profile = None
        for email, locale, rank, minute in items:
            profile = profile_after(profile, {"email": email, "locale": locale}, rank, at(minute), T0, None)
        return profile

    shuffled = [*told, told[0]]
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(told)


def test_the_account_knows_its_address_better_than_an_order():
    profile = profile_after(None, {"email": "account@example.com"}, 1, at(0), T0, None)
    assert profile_after(profile, {"email": "gift@example.com"}, 0, at(9), T0, None).contact.email == "account@example.com"


statements = st.builds(
    Statement,
    channel=st.sampled_from([Channel.EMAIL, Channel.SMS]),
    purpose=st.sampled_from([Purpose.REORDER, Purpose.SURVEY]),
    says=st.sampled_from(list(Says)),
    weight=st.sampled_from(list(Weight)),
    said_at=st.integers(0, 3).map(at),
    heard_at=st.just(at(9)),
    sequence=st.sampled_from("abcdefgh"),
    source=st.just("test"),
)


@given(st.lists(statements, max_size=8, unique_by=lambda s: s.sequence), st.randoms(use_true_random=False))
def test_the_heads_are_the_fold_of_the_evidence_in_any_order(said, random):
    shuffled = list(said)
    random.shuffle(shuffled)
    one, two = consent_after(ConsentRecord(), said), consent_after(ConsentRecord(), shuffled)
    assert one.record.heads == two.record.heads
    assert consent_after(ConsentRecord(), one.evidence).record.heads == one.record.heads
    assert one.record.version <= 1


@given(st.lists(statements, max_size=6, unique_by=lambda s: s.sequence))
def test_consent_to_one_purpose_never_speaks_for_another(said):
    for head in consent_after(ConsentRecord(), said).record.heads:
        assert any((s.channel, s.purpose, s.says) == (head.channel, head.purpose, head.says) for s in said)

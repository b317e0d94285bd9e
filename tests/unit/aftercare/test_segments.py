"""Who is what kind of buyer: sums that follow every order, and where the fifths of a store's customers put somebody."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from aftercare.customer import Refund
from aftercare.lifetime import USUAL, Model, Orders, waits
from aftercare.money import Money
from aftercare.segments import (
    NOBODY,
    YOUNG,
    Bought,
    Cuts,
    Segments,
    after,
    bought,
    bought_by,
    counts,
    cuts_from,
    intervals,
    moved,
    next_order_noted,
    noted,
    segments_of,
    sort,
)
from tests.builders import NOON, a_customer, an_order

TODAY = NOON.date()


def an_order_of(ref, amount="50", currency="EUR", days=0, **more):
    at = NOON + timedelta(days=days)
    return an_order(str(ref), total=Money(amount=amount, currency=currency), placed_at=at, as_of=at, **more)


def test_sums_are_of_orders_that_stand_and_what_was_given_back_is_taken_off():
    orders = [
        an_order_of(1, "60", days=-20),
        an_order_of(2, "40", days=-20),
        an_order_of(3, "30", "USD", days=-3),
        an_order_of(4, cancelled_at=NOON),
        an_order_of(5, is_test=True),
        an_order_of(6, deleted_at=NOON),
        an_order_of(7, refunds=(Refund(ref="r", at=NOON, whole=True),)),
        an_order_of(8, "25", refunds=(Refund(ref="r", at=NOON, amount=Money(amount="10", currency="EUR")),)),
    ]
    found = bought(orders)
    assert found == Bought(4, 3, date(2026, 2, 10), date(2026, 3, 2), {"EUR": Decimal("115"), "USD": Decimal("30")})
    assert found.interval == 10
    assert bought([]) == Bought()


@pytest.mark.parametrize(
    ("known", "lifecycle", "value"),
    [
        (Bought(1, 1, TODAY, TODAY, {"EUR": Decimal(50)}), "first-time", "one-time"),
        (Bought(1, 1, TODAY, TODAY, {"EUR": Decimal(600)}), "high-clv", "one-time"),
        (Bought(1, 1, TODAY - timedelta(days=400), TODAY - timedelta(days=400), {"EUR": Decimal(600)}), "first-time", "one-time"),
        (Bought(2, 2, TODAY - timedelta(days=40), TODAY, {"EUR": Decimal(100)}), "repeat", "mid"),
        (Bought(3, 3, TODAY - timedelta(days=40), TODAY, {"EUR": Decimal(300)}), "repeat", "high"),
        (Bought(2, 2, TODAY - timedelta(days=200), TODAY, {"EUR": Decimal(100)}), "occasional", "mid"),
        (Bought(3, 3, TODAY - timedelta(days=240), TODAY - timedelta(days=200), {"EUR": Decimal(90)}), "occasional", "mid"),
        (Bought(6, 6, TODAY - timedelta(days=90), TODAY, {"EUR": Decimal(30)}), "high-clv", "mid"),
        (Bought(6, 6, TODAY - timedelta(days=90), TODAY, {"XXX": Decimal(9999)}), "high-clv", "mid"),
        (Bought(4, 4, TODAY - timedelta(days=90), TODAY, {"EUR": Decimal(700), "USD": Decimal(1)}), "high-clv", "high"),
    ],
)
def test_the_young_stores_cuts_say_who_is_what(known, lifecycle, value):
    assert sort(known, YOUNG, TODAY) == Segments(lifecycle, value)


def test_nobody_who_has_no_order_that_stands_is_a_buyer():
    assert sort(Bought(), YOUNG, TODAY) == NOBODY == Segments("other", "none")


def test_currencies_are_not_added():
    each = {"EUR": Decimal(590), "USD": Decimal(640)}
    assert sort(Bought(2, 2, TODAY, TODAY, each), YOUNG, TODAY).lifecycle == "repeat"


def test_the_stores_own_quantiles_say_otherwise():
    rich = Cuts((10, 20, 30, 40), (2, 5, 9, 15), {"EUR": (Decimal(500), Decimal(900), Decimal(2000), Decimal(9000))}, 30)
    known = Bought(6, 6, TODAY - timedelta(days=100), TODAY, {"EUR": Decimal(700)})
    assert sort(known, YOUNG, TODAY).lifecycle == "high-clv"
    assert sort(known, cuts_from({"cuts": rich.to_json()}), TODAY) == Segments("repeat", "mid")
    assert cuts_from({"cuts": rich.to_json()}) == rich
    assert cuts_from(None) == cuts_from({"version": 1}) == YOUNG


def test_what_is_noted_is_what_is_read():
    customer = a_customer()
    for orders in ([an_order_of(1)], [an_order_of(n, days=-n // 2) for n in range(5)], []):
        known = bought(orders)
        note = noted(known, sort(known, YOUNG, TODAY))
        profile = customer.profile.model_copy(update={"bought": note})
        read = type(customer)(**{**vars(a_customer()), "profile": type(profile).model_validate_json(profile.to_json())})
        assert bought_by(read) == known
        assert segments_of(read) == sort(known, YOUNG, TODAY)
    assert len(str(noted(bought([an_order_of(1)]), Segments("first-time", "one-time")))) < 130, "the gate reads it every time"


def test_a_record_from_before_is_read_order_by_order():
    customer = a_customer(an_order_of(1), an_order_of(2, days=-3))
    assert bought_by(customer).orders == 2
    assert segments_of(customer) == Segments("repeat", "mid")
    assert segments_of(a_customer()) == NOBODY


@pytest.mark.parametrize("seed", range(20))
def test_sums_that_are_moved_are_those_that_are_made_anew(seed):
    """Orders come, change and go in any order; as long as all are read, moving comes to the same as adding up."""
    random = Random(seed)
    orders = {}
    known = Bought()
    for _ in range(60):
        ref = str(random.randrange(12))
        was = orders.get(ref)
        what = random.randrange(4)
        if was is None or what == 0:
            now = an_order_of(ref, str(random.randrange(1, 90)), random.choice(["EUR", "USD"]), random.randrange(-30, 0))
            now = now.model_copy(update={"placed_at": was.placed_at} if was else {})
        elif what == 1:
            now = was.model_copy(update={"cancelled_at": NOON})
        elif what == 2:
            back = Refund(ref=str(random.randrange(2)), at=NOON, amount=Money(amount="3", currency="EUR"))
            now = was.model_copy(update={"refunds": (back,)})
        else:
            now = was
        known = moved(known, was, now, (order for other, order in orders.items() if other != ref))
        orders[ref] = now
        whole = bought(orders.values())
        assert (known.orders, known.days, known.last) == (whole.orders, whole.days, whole.last)
        assert {c: a for c, a in known.spent.items() if a} == {c: a for c, a in whole.spent.items() if a}
        if known.orders:
            assert known.first <= whole.first, "where the first order goes, it may stay"


def test_what_lies_in_the_archive_counts():
    profile = a_customer().profile.model_copy(update={"archived_until": NOON - timedelta(days=90)})
    old = noted(bought([an_order_of(n, days=-100 - n) for n in range(9)]), NOBODY)
    new = an_order_of("new")
    found = after(profile.model_copy(update={"bought": old}), None, new, {new.key: new}, None, TODAY)
    assert (found["orders"], found["first"], found["last"], found["EUR"]) == ("10", "2025-11-14", "2026-03-02", "500")
    gone = new.model_copy(update={"cancelled_at": NOON})
    again = after(profile.model_copy(update={"bought": found}), new, gone, {new.key: gone}, None, TODAY)
    assert (again["orders"], again["EUR"]) == ("9", "450")
    assert not counts(gone) and counts(new)


def expected(note):
    profile = a_customer().profile.model_copy(update={"bought": note})
    return next_order_noted(profile)


def test_when_the_next_order_is_expected_is_noted_with_an_order_and_moves_only_with_another():
    plain, first, second = a_customer().profile, an_order_of(1, days=-40), an_order_of(2)
    once = after(plain, None, first, {first.key: first}, None, TODAY)
    # One order by the usual store: half have come again when (58 / (58 + d))^0.62 is a half, d = 58 (2^(1/0.62) - 1) = 119.4.
    assert expected(once).p50 == date(2026, 1, 21) + timedelta(days=119)
    taught = Model(Orders(0.9, 73.0, 0.05, 17.0), USUAL.amounts, "EUR", 900, TODAY)
    item = {"model": taught.to_json()}
    profile = plain.model_copy(update={"bought": once})
    dearer = first.model_copy(update={"total": Money(amount="70", currency="EUR")})
    again = after(profile, first, dearer, {first.key: dearer}, item, TODAY)
    assert (again["EUR"], again["next"]) == ("70", once["next"]), "what a shop learns later moves nothing"
    both = {first.key: first, second.key: second}
    twice = after(profile, None, second, both, item, TODAY)
    days = waits(taught.orders, bought(both.values()), [40.0])
    assert [(day - TODAY).days for day in expected(twice)] == [round(n) for n in days]
    back = second.model_copy(update={"cancelled_at": NOON})
    profile = plain.model_copy(update={"bought": twice})
    assert expected(after(profile, second, back, {**both, second.key: back}, None, TODAY)) == expected(once)
    assert expected(after(profile, first, first, {}, None, TODAY)) is None


def test_days_beside_orders_in_the_archive_are_no_intervals():
    orders = [an_order_of(1, days=-300), an_order_of(2, days=-20), an_order_of(3, days=-20), an_order_of(4)]
    assert intervals(orders) == [280.0, 20.0]
    assert intervals(orders, NOON - timedelta(days=90)) == [20.0]

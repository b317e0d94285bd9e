"""Until when what may come back, and why not. The last day is a whole day where the customer is."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.customer import OrderLine, Refund, Return
from aftercare.parcel_status import ShipmentStatus
from customer_pages.going_back import Wanted, against, items_of, returns_of
from tests.builders import NOON, a_customer, an_order
from tests.shipments import SHIPPED, a_log, a_parcel, a_shipment

DAY = timedelta(days=1)
ARRIVED = SHIPPED + DAY


def line(ref="1", quantity=1, **more):
    return OrderLine(**{"line_ref": ref, "title": f"Thing {ref}", "quantity": quantity, "sku": "COF-1", **more})


def there(at=ARRIVED, ref="S-1"):
    parcel = a_parcel(log=a_log(in_transit=SHIPPED, delivered=at), status=ShipmentStatus.DELIVERED, delivered_at=at)
    return a_shipment(parcel, ref=ref, status=ShipmentStatus.DELIVERED, delivered_at=at)


def seen(*shipments, now=ARRIVED + DAY, **order):
    one = an_order(**{"lines": (line(),), **order})
    return returns_of(a_customer(one, shipments=shipments), one, brand(), catalogue(), now)


@pytest.mark.parametrize(
    ("may", "shipments", "order"),
    [
        ("not_yet", (), {}),
        ("not_yet", (a_shipment(shipped_at=None, status=ShipmentStatus.LABEL_CREATED),), {}),
        ("open", (a_shipment(),), {}),
        ("open", (there(),), {}),
        ("open", (), {"completed_at": NOON}),
        ("closed", (there(),), {"cancelled_at": NOON}),
        ("closed", (there(),), {"refunds": (Refund(ref="r", at=NOON, whole=True),)}),
        ("digital", (), {"lines": (line(requires_shipping=False),)}),
        ("nothing", (there(),), {"returns": (Return(ref="a", requested_at=NOON, lines={"1": 1}),)}),
        ("open", (there(),), {"returns": (Return(ref="a", requested_at=NOON, declined_at=NOON, lines={"1": 1}),)}),
        ("open", (there(),), {"returns": (Return(ref="a", approved_at=NOON, expired_at=NOON, lines={"1": 1}),)}),
        ("nothing", (there(),), {"lines": (line(gift_card=True),)}),
    ],
)
def test_whether_something_may_come_back_is_one_word(may, shipments, order):
    assert seen(*shipments, **order).may == may


def test_of_a_return_that_is_over_only_how_far_it_came_is_shown():
    lapsed = Return(ref="a", requested_at=NOON, approved_at=NOON + DAY, expired_at=NOON + 2 * DAY, lines={"1": 1})
    (shown,) = seen(there(), returns=(lapsed,)).asked
    assert [(step.word, step.done) for step in shown.steps] == [("requested", True), ("approved", True), ("expired", True)]
    assert shown.state == "expired" and not shown.code
    (open_one,) = seen(there(), returns=(lapsed.model_copy(update={"expired_at": None}),)).asked
    assert [step.word for step in open_one.steps] == ["requested", "approved", "received", "settled"]


def test_a_request_and_its_unnamed_answer_are_shown_once_and_count_once():
    asked = Return(ref="R-ABCDEFGHIJ", requested_at=NOON, lines={"1": 1}, wish="exchange")
    answer = Return(ref="77", approved_at=NOON + DAY, lines={"1": 1})
    found = seen(there(), lines=(line(quantity=2),), returns=(answer, asked))
    assert [(one.ref, one.state, one.wish) for one in found.asked] == [("R-ABCDEFGHIJ", "approved", "exchange")]
    assert [item.left for item in found.items] == [1]


def test_the_last_day_is_whole_where_the_customer_is():
    tokyo = ZoneInfo("Asia/Tokyo")
    at = datetime(2026, 3, 4, 23, 50, tzinfo=tokyo)
    last = datetime(2026, 4, 3, 23, 59, 59, tzinfo=tokyo)
    found = seen(there(at), now=last, country="JP")
    assert (found.until, found.may) == (last, "open")
    assert seen(there(at), now=last + timedelta(seconds=1), country="JP").may == "late"


def test_the_time_begins_with_the_last_parcel_or_when_silence_was_taken_for_it():
    two = seen(there(), there(ARRIVED + 5 * DAY, "S-2"))
    assert two.until.date() == (ARRIVED + 35 * DAY).date()
    assumed = seen(a_shipment(assumed_at=ARRIVED + 3 * DAY))
    assert assumed.until.date() == (ARRIVED + 33 * DAY).date()
    assert seen(a_shipment()).until is None


def test_a_line_has_its_familys_time():
    lines = (line("1"), line("2", sku="CLO-1"))
    found = seen(there(), now=ARRIVED + 45 * DAY, lines=lines)
    assert [(item.line_ref, item.late, item.days) for item in found.items] == [("1", True, 30), ("2", False, 60)]
    assert (found.may, found.days) == ("open", 30)
    assert seen(there(), now=ARRIVED + 61 * DAY, lines=lines).may == "late"


def test_what_goes_back_already_is_not_there_again():
    returns = (Return(ref="a", requested_at=NOON, lines={"1": 2}), Return(ref="b", settled_at=NOON, lines={"1": 1, "2": 9}))
    found = seen(there(), lines=(line("1", quantity=4), line("2")), returns=returns)
    assert [(item.line_ref, item.left) for item in found.items] == [("1", 1)]


def test_a_line_that_an_event_may_not_name_goes_through_support():
    assert seen(there(), lines=(line("Anna's cup <b>"),)).items == ()


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (Wanted({"1": 1}, "unsaid", "refund"), None),
        (Wanted({"1": 2}, "unsaid", "refund"), None),
        (Wanted({}, "unsaid", "refund"), "nothing_chosen"),
        (Wanted({"1": 1}, "unsaid", None), "no_wish"),
        (Wanted({"1": 3}, "unsaid", "refund"), "gone_already"),
        (Wanted({"9": 1}, "unsaid", "refund"), "gone_already"),
        (Wanted({"1": 1, "2": 1}, "unsaid", "refund"), "late"),
    ],
)
def test_a_request_is_refused_for_one_reason(wanted, problem):
    lines = (line("1", quantity=2, sku="CLO-1"), line("2"))
    assert against(wanted, seen(there(), now=ARRIVED + 45 * DAY, lines=lines)) == problem


@pytest.mark.parametrize(("shipments", "order", "problem"), [((), {}, "not_yet"), ((there(),), {"cancelled_at": NOON}, "closed")])
def test_what_may_not_come_back_is_not_asked_for(shipments, order, problem):
    assert against(Wanted({"1": 1}, "unsaid", "refund"), seen(*shipments, **order)) == problem


counts = st.dictionaries(st.sampled_from(["1", "2", "3"]), st.integers(1, 3), max_size=3)


@given(st.lists(counts, max_size=5), st.integers(0, 4))
def test_no_more_comes_back_than_was_bought(asked, quantity):
    """Whatever is asked for, in whatever order: what is accepted adds up to at most the order."""
    order = an_order(lines=tuple(line(ref, quantity=quantity) for ref in ("1", "2", "3")))
    for number, lines in enumerate(asked):
        customer = a_customer(order, shipments=(there(),))
        found = returns_of(customer, order, brand(), catalogue(), ARRIVED + DAY)
        if against(Wanted(lines, "unsaid", "refund"), found) is None:
            one = Return(ref=f"r{number}", requested_at=NOON, lines=lines)
            order = order.model_copy(update={"returns": (*order.returns, one)})
    for ref in ("1", "2", "3"):
        assert sum(r.lines.get(ref, 0) for r in order.returns) <= quantity
    assert all(item.left > 0 for item in items_of(a_customer(order), order, brand(), catalogue(), NOON))

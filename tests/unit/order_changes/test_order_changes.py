"""Each change of an order is told once, by its own reference, and only where nothing else tells it."""

from datetime import timedelta

import pytest

from aftercare import events
from aftercare.consent import Purpose
from aftercare.customer import OrderLine, Refund, Return
from aftercare.events import CATALOGUE, Told
from aftercare.proposal import Nothing, Proposal, Unless
from order_changes.changes import CHANGES, PARCELS_FIRST, STANDS, WINDOW, changed
from tests.builders import NOON, a_customer, an_order
from tests.shipments import a_shipment

REFUND = Refund(ref="r1", at=NOON)
RETURN = Return(ref="R-1", requested_at=NOON)
APPROVED = RETURN.model_copy(update={"approved_at": NOON + timedelta(hours=2)})
RECEIVED = APPROVED.model_copy(update={"received_at": NOON + timedelta(hours=2)})
SETTLED = RECEIVED.model_copy(update={"settled_at": NOON + timedelta(hours=2)})
EXPIRED = APPROVED.model_copy(update={"expired_at": NOON + timedelta(hours=1)})
DECLINED = RETURN.model_copy(update={"declined_at": NOON + timedelta(minutes=9)})
EBOOK = OrderLine(line_ref="1", title="E-book", quantity=1, requires_shipping=False)

LATER = NOON + timedelta(minutes=5)
HAPPENED = {
    "OrderCancelled": {"cancelled_at": LATER},
    "OrderRefunded": {"refunds": (REFUND,)},
    "OrderEdited": {"edited_at": NOON},
    "OrderPartiallyFulfilled": {"partially_fulfilled_at": NOON},
    "OrderCompleted": {"completed_at": NOON},
    "OrderReadyForPickup": {"ready_for_pickup_at": NOON},
    "ReturnRequested": {"returns": (RETURN,)},
    "ReturnApproved": {"returns": (APPROVED,)},
    "ReturnExpired": {"returns": (EXPIRED,)},
    "ReturnDeclined": {"returns": (DECLINED,)},
    "ReturnReceived": {"returns": (RECEIVED,)},
    "ReturnSettled": {"returns": (SETTLED,)},
    "SubscriptionRenewed": {"renewed_at": NOON},
    "PaymentFailed": {},
}
"""What each event leaves on the record."""


def event(kind, **more):
    ids = {"customer_id": "c0anna", "order": "example:1070"}
    extra = {
        "OrderRefunded": {"refund": "r1"},
        "ReturnRequested": {"return_ref": "R-1"},
        "ReturnApproved": {"return_ref": "R-1"},
        "ReturnExpired": {"return_ref": "R-1"},
        "ReturnDeclined": {"return_ref": "R-1"},
        "ReturnReceived": {"return_ref": "R-1"},
        "ReturnSettled": {"return_ref": "R-1"},
        "SubscriptionRenewed": {"subscription": "sub-1"},
        "PaymentFailed": {"subscription": "sub-1", "attempt": "a1"},
    }
    data = CATALOGUE[kind].data.model_validate({**ids, **extra.get(kind, {}), **more})
    return Told(type=kind, id="e1", occurred_at=NOON, correlation_id="k1", data=data)


def told(kind, now=NOON, shipments=(), given=None, **order):
    customer = a_customer(an_order(**{**HAPPENED[kind], **order}), shipments=shipments)
    return changed(customer, given or event(kind), now)


def test_every_change_has_its_template_and_its_event():
    assert HAPPENED.keys() == CHANGES.keys()
    assert all(CATALOGUE[kind].source in ("aftercare.orders", "aftercare.subscriptions") for kind in CHANGES)


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("OrderCancelled", "order-cancelled#example:1070"),
        ("OrderRefunded", "order-refunded#example:1070:r1"),
        ("OrderEdited", "order-edited#example:1070:20260302T120000"),
        ("OrderPartiallyFulfilled", "order-partially-fulfilled#example:1070"),
        ("OrderCompleted", "order-completed#example:1070"),
        ("OrderReadyForPickup", "order-ready-for-pickup#example:1070"),
        ("ReturnRequested", "return-requested#example:1070:R-1"),
        ("ReturnApproved", "return-approved#example:1070:R-1"),
        ("ReturnExpired", "return-expired#example:1070:R-1"),
        ("ReturnDeclined", "return-declined#example:1070:R-1"),
        ("ReturnReceived", "return-received#example:1070:R-1"),
        ("ReturnSettled", "return-settled#example:1070:R-1"),
        ("SubscriptionRenewed", "subscription-renewed#example:1070"),
        ("PaymentFailed", "payment-failed#sub-1:a1"),
    ],
)
def test_a_change_is_proposed_once_by_what_it_is_about(kind, key):
    one = told(kind)
    assert isinstance(one, Proposal)
    assert (one.key, one.purpose) == (key, Purpose.TRANSACTIONAL)
    assert one.references["order"] == "example:1070"
    assert one == told(kind)
    assert Unless.ORDER_UNKNOWN in one.unless


def test_an_order_that_was_refused_when_it_was_placed_was_never_confirmed_and_is_not_taken_back():
    assert told("OrderCancelled", cancelled_at=NOON) == Nothing("never-stood")


def test_two_refunds_are_two_messages_and_the_amount_is_read_from_the_record():
    refunds = (REFUND, Refund(ref="r2", at=NOON, whole=True))
    first, second = (told("OrderRefunded", refunds=refunds, given=event("OrderRefunded", refund=ref)) for ref in ("r1", "r2"))
    assert first.key != second.key
    assert (first.references["refund"], second.references["refund"]) == ("r1", "r2")
    assert first.numbers == {}


def test_a_cancellation_and_a_refund_are_told_of_an_order_that_is_over_and_other_changes_are_not():
    over = {"cancelled_at": NOON}
    assert isinstance(told("OrderCancelled"), Proposal)
    assert isinstance(told("OrderRefunded", **over), Proposal)
    assert isinstance(told("ReturnApproved", **over), Proposal)
    for kind in ("OrderEdited", "OrderCompleted", "OrderPartiallyFulfilled", "OrderReadyForPickup", "SubscriptionRenewed"):
        assert told(kind, **over) == Nothing("closed"), kind


@pytest.mark.parametrize("kind", [kind for kind, happened in HAPPENED.items() if happened and kind != "SubscriptionRenewed"])
def test_what_the_record_does_not_have_did_not_happen(kind):
    nothing = {name: () if isinstance(value, tuple) else None for name, value in HAPPENED[kind].items()}
    assert told(kind, **nothing) == Nothing("not-so")


def test_a_state_of_a_return_is_told_while_it_is_the_furthest():
    for kind, furthest in (("ReturnRequested", APPROVED), ("ReturnApproved", SETTLED), ("ReturnReceived", SETTLED)):
        assert told(kind, returns=(furthest,)) == Nothing("moved-on"), kind


def test_a_return_that_has_a_second_name_is_told_by_its_first():
    joined = APPROVED.model_copy(update={"ref": "R-ABCDEFGHIJ", "also": ("R-1",)})
    assert told("ReturnApproved", returns=(joined,)).key == "return-approved#example:1070:R-ABCDEFGHIJ"


def test_an_answer_that_does_not_name_our_request_is_told_as_the_requests_and_the_request_not_twice():
    asked = Return(ref="R-ABCDEFGHIJ", requested_at=NOON, lines={"1": 1})
    answer = Return(ref="R-1", requested_at=NOON + timedelta(minutes=1))
    twice = told("ReturnRequested", returns=(answer, asked))
    assert twice.key == "return-requested#example:1070:R-ABCDEFGHIJ", "the gate has settled it already"
    approved = answer.model_copy(update={"approved_at": NOON + timedelta(minutes=2)})
    assert told("ReturnApproved", returns=(approved, asked)).references["return"] == "R-ABCDEFGHIJ"


def test_what_was_sent_is_told_by_its_shipment_where_there_is_one():
    for kind in ("OrderCompleted", "OrderPartiallyFulfilled"):
        assert told(kind, shipments=(a_shipment(),)) == Nothing("told-by-shipment")
        one = told(kind)
        assert one.not_before == NOON + PARCELS_FIRST, "the shipment may be a moment behind"
        assert Unless.SHIPMENT_KNOWN in one.unless
        assert told(kind, now=NOON + timedelta(hours=1)).not_before is None


def test_nothing_is_sent_of_an_order_without_goods_or_one_that_was_fetched():
    assert told("OrderCompleted", lines=(EBOOK,)) == Nothing("nothing-is-sent")
    assert told("OrderCompleted", ready_for_pickup_at=NOON) == Nothing("nothing-is-sent")


def test_a_renewal_is_told_once_by_its_confirmation_or_by_its_own_message():
    assert told("SubscriptionRenewed", is_renewal=True) == Nothing("told-by-confirmation")
    assert told("SubscriptionRenewed").unless == STANDS


def test_a_payment_that_failed_without_an_order_is_told_with_the_latest_of_its_subscription():
    old = an_order("1", subscription="sub-1", placed_at=NOON - timedelta(days=60))
    new = an_order("2", subscription="sub-1", placed_at=NOON - timedelta(days=30))
    other = an_order("3", subscription="sub-2")
    given = event("PaymentFailed", order=None)
    assert changed(a_customer(old, new, other), given, NOON).references == {"order": "example:2"}
    assert changed(a_customer(other), given, NOON) == Nothing("order-unknown")
    first = an_order("4")
    assert changed(a_customer(other, first), given, NOON, first.key).references == {"order": "example:4"}


@pytest.mark.parametrize("kind", list(CHANGES))
@pytest.mark.parametrize(
    ("change", "because"),
    [({"is_test": True}, "test-order"), ({"deleted_at": NOON}, "deleted"), ({"suppress_notification": True}, "silent")],
)
def test_tests_deleted_and_silent_orders_reach_nobody(kind, change, because):
    assert told(kind, **change) == Nothing(because)


@pytest.mark.parametrize("kind", list(CHANGES))
def test_a_change_that_is_days_old_was_noticed_otherwise(kind):
    assert told(kind, now=NOON + WINDOW + timedelta(hours=2)) == Nothing("too-late")


def test_an_erased_customer_is_told_nothing():
    assert changed(None, event("OrderCancelled"), NOON) == Nothing("customer-gone")
    assert changed(a_customer(), event("OrderCancelled"), NOON) == Nothing("order-unknown")


def test_an_event_carries_ids_only():
    assert set(events.RefundData.model_fields) == {"customer_id", "order", "refund"}

"""Which orders get a confirmation, and what the gate is asked."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.catalogue import catalogue
from aftercare.consent import Purpose
from aftercare.customer import Contact, Profile, Refund
from aftercare.events import OrderData, Told
from aftercare.money import Money
from aftercare.proposal import Nothing, Proposal, Unless
from aftercare.table import Put
from order_confirmation.handler import Because, confirm, handle
from tests.builders import ANNA, NOON, a_customer, an_order, consent_of, said
from tests.ledger_items import a_profile

NOBODY = Profile(version=1, first_seen=NOON)


def placed(kind="OrderPlaced", order="example:1070"):
    return Told(kind, "e1", NOON, "k1", OrderData(customer_id=ANNA, order=order))


def decided(order, customer=None, now=NOON):
    return confirm(order, customer or a_customer(order), catalogue(), now, placed())


def test_a_standing_order_gets_one_proposal_with_its_window():
    proposal = decided(an_order())
    assert isinstance(proposal, Proposal)
    assert (proposal.key, proposal.template) == ("order-confirmation#example:1070", "order-confirmation")
    assert proposal.purpose is Purpose.TRANSACTIONAL
    assert proposal.references == {"order": "example:1070"}
    assert proposal.not_after == NOON + timedelta(hours=24)
    assert set(proposal.unless) == {Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED}
    assert (proposal.caused_by, proposal.correlation_id) == ("e1", "k1")


@pytest.mark.parametrize(
    ("order", "because"),
    [
        (an_order(is_test=True), Because.TEST_ORDER),
        (an_order(cancelled_at=NOON), Because.CANCELLED),
        (an_order(deleted_at=NOON), Because.DELETED),
        (an_order(suppress_notification=True), Because.SILENT),
        (an_order(placed_at=None), Because.NOT_PLACED),
        (an_order(placed_at=NOON - timedelta(hours=24)), Because.TOO_LATE),
        (an_order(refunds=(Refund(ref="r", at=NOON, amount=Money(amount="59.45", currency="EUR")),)), Because.REFUNDED),
    ],
)
def test_an_order_that_deserves_no_confirmation_gets_none_and_says_why(order, because):
    assert decided(order) == Nothing(because)


def test_a_partial_refund_still_leaves_something_to_confirm():
    order = an_order(refunds=(Refund(ref="r", at=NOON, amount=Money(amount="9.45", currency="EUR")),))
    assert isinstance(decided(order), Proposal)


def test_an_order_that_is_not_on_record_and_a_customer_who_is_gone_get_none():
    assert decided(None, a_customer()) == Nothing(Because.ORDER_UNKNOWN)
    assert confirm(None, None, catalogue(), NOON, placed()) == Nothing(Because.CUSTOMER_GONE)


def test_without_an_address_there_is_nothing_until_the_contact_is_found():
    order = an_order(contact=Contact(phone="+4915112345678"))
    nobody = replace(a_customer(order), profile=NOBODY)
    assert decided(order, nobody) == Nothing(Because.NO_CONTACT)
    found = replace(nobody, profile=NOBODY.model_copy(update={"contact": Contact(email="anna@example.com")}))
    assert isinstance(decided(order, found), Proposal)


def test_the_same_order_makes_the_same_key_whatever_woke_us():
    order = an_order()
    woken = [confirm(order, a_customer(order), catalogue(), NOON, placed(kind)) for kind in ("OrderPaid", "OrderPlaced")]
    assert len({proposal.key for proposal in woken}) == 1


def test_earlier_orders_that_do_not_stand_are_no_history():
    gone = an_order("1", placed_at=NOON - timedelta(days=9), cancelled_at=NOON)
    tried = an_order("2", placed_at=NOON - timedelta(days=9), is_test=True)
    later = an_order("3", placed_at=NOON + timedelta(minutes=1))
    order = an_order()
    assert decided(order, a_customer(order, gone, tried, later)).blocks[0].variant == "first"
    stands = an_order("4", placed_at=NOON - timedelta(days=9))
    assert decided(order, a_customer(order, stands)).blocks[0].variant == "again"


def test_no_name_address_or_title_travels_in_a_proposal():
    text = decided(an_order()).to_json()
    assert not any(personal in text for personal in ("anna@", "Anna", "House espresso"))


def envelope(kind):
    detail = {"metadata": {"id": "e1", "occurred_at": "2026-03-02T12:00:00Z", "correlation_id": "k1"}}
    detail["data"] = {"customer_id": ANNA, "order": "example:1070"}
    return {"detail-type": kind, "source": "aftercare.orders", "detail": detail}


@pytest.mark.parametrize("kind", ["OrderPlaced", "OrderPaid", "OrderContactFound"])
def test_the_handler_puts_a_proposal_on_the_gates_queue_in_the_customers_group(small, kind):
    small.clock.at = NOON
    customer = a_customer(an_order())
    small.tables.twin.write([Put(keys.customer(ANNA, keys.PROFILE), {"doc": customer.profile.to_json()})])
    small.tables.twin.write([Put(keys.order(ANNA, "example:1070"), {"doc": an_order().to_json()})])
    assert handle(envelope(kind), None) == {"outcome": "proposed"}
    ((url, body, group),) = small.queues.sent
    assert (url, group) == ("https://sqs/gate.fifo", ANNA)
    assert Proposal.model_validate(json.loads(body)["proposal"]).key == "order-confirmation#example:1070"


def test_the_handler_says_why_there_is_nothing_when_the_customer_is_gone(small):
    assert handle(envelope("OrderPlaced"), None) == {"outcome": "nothing: customer-gone"}
    assert small.queues.sent == []


@pytest.mark.parametrize(("amount", "starts"), [("60", True), ("900", False)])
def test_the_wait_of_a_new_customer_starts_for_whom_no_change_of_segment_is_told(small, amount, starts):
    small.clock.at = NOON
    small.settings = replace(small.settings, segment_state_machine="arn:aws:states:x")
    order = an_order(total=Money(amount=amount, currency="EUR"))
    a_profile(small, ANNA, consent=consent_of(said()), order=order)
    assert handle(envelope("OrderPlaced"), None) == {"outcome": "proposed, a new customer" if starts else "proposed"}
    assert [wait["due_at"] - NOON for wait in small.waits.running.values()] == [timedelta(days=3)] * starts

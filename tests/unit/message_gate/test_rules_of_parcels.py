"""What makes a message about a parcel pointless at the instant at which it would be sent."""

from datetime import timedelta

import pytest

from aftercare.decision import Pass, Reason, Refuse
from aftercare.parcel_status import ShipmentStatus
from aftercare.proposal import Unless
from aftercare.shipment import DelayNotice, parcel_id
from message_gate.relevance import OF_SHIPMENT, relevant
from message_gate.settlement import _shipment_checks
from tests.builders import a_customer, a_proposal, an_order
from tests.shipments import NUMBER, SHIPPED, a_parcel, a_shipment
from tests.unit.message_gate.test_rules import a_candidate

REFERENCES = {"order": "example:1070", "shipment": "example:S-1"}
LATE = DelayNotice(at=SHIPPED, arrives_by=SHIPPED + timedelta(days=9), days_from=1, days_to=2, because="area")


def said(unless, *shipments, order=None, **references):
    proposal = a_proposal(
        key="parcel-shipped#example:1070:S-1",
        references={**REFERENCES, **references},
        unless=(unless,),
        template="parcel-shipped",
    )
    return a_candidate(proposal, a_customer(order or an_order(), shipments=shipments))


def verdict(unless, *shipments, order=None, **references):
    found = relevant(said(unless, *shipments, order=order, **references))
    return found.because if isinstance(found, Refuse) else None


@pytest.mark.parametrize(
    "shipment",
    [
        a_shipment(status=ShipmentStatus.DELIVERED, delivered_at=SHIPPED),
        a_shipment(status=ShipmentStatus.RETURN_TO_SENDER),
        a_shipment(assumed_at=SHIPPED),
        a_shipment(cancelled_at=SHIPPED),
    ],
)
def test_nothing_is_said_of_a_parcel_that_has_arrived_gone_back_or_was_taken_back(shipment):
    assert verdict(Unless.PARCEL_ARRIVED, shipment) is Reason.PARCEL_ARRIVED


def test_a_parcel_on_its_way_is_spoken_of_although_another_has_arrived():
    there = a_parcel(status=ShipmentStatus.DELIVERED, delivered_at=SHIPPED)
    other = a_parcel("00340434161094000002")
    shipment = a_shipment(there, other)
    assert verdict(Unless.PARCEL_ARRIVED, shipment, parcel=other.id) is None
    assert verdict(Unless.PARCEL_ARRIVED, shipment, parcel=there.id) is Reason.PARCEL_ARRIVED


def test_a_message_says_where_a_parcel_is_and_not_where_it_was():
    out = a_shipment(a_parcel(status=ShipmentStatus.OUT_FOR_DELIVERY))
    assert verdict(Unless.PARCEL_MOVED_ON, out, parcel=parcel_id(NUMBER), status="out_for_delivery") is None
    assert verdict(Unless.PARCEL_MOVED_ON, out, parcel=parcel_id(NUMBER), status="exception") is Reason.PARCEL_MOVED_ON


def test_a_delay_that_was_taken_back_is_not_told():
    back = LATE.model_copy(update={"recovered_at": SHIPPED})
    assert verdict(Unless.PARCEL_RECOVERED, a_shipment(notices=(LATE,))) is None
    assert verdict(Unless.PARCEL_RECOVERED, a_shipment(notices=(back,))) is Reason.PARCEL_RECOVERED
    assert verdict(Unless.PARCEL_RECOVERED, a_shipment()) is Reason.PARCEL_RECOVERED


def test_what_waits_to_be_sent_is_not_told_of_what_is_on_its_way():
    waiting, sent = a_shipment(shipped_at=None), a_shipment(ref="S-2")
    assert verdict(Unless.ORDER_SHIPPED, waiting, sent) is None, "another shipment of the order is no matter"
    assert verdict(Unless.ORDER_SHIPPED, a_shipment()) is Reason.ORDER_SHIPPED
    assert verdict(Unless.ORDER_SHIPPED, waiting, sent, shipment="example:none") is Reason.ORDER_SHIPPED
    completed = an_order(completed_at=SHIPPED)
    assert verdict(Unless.ORDER_SHIPPED, order=completed, shipment="example:none") is Reason.ORDER_SHIPPED


def test_an_order_whose_shipment_is_known_is_told_by_that():
    assert verdict(Unless.SHIPMENT_KNOWN, a_shipment()) is Reason.SHIPMENT_KNOWN
    assert verdict(Unless.SHIPMENT_KNOWN) is None


@pytest.mark.parametrize("unless", list(Unless))
def test_every_word_is_looked_for_and_a_shipment_that_is_gone_is_no_reason_by_itself(unless):
    assert isinstance(relevant(said(unless)), Pass) or unless in (
        Unless.PARCEL_RECOVERED,
        Unless.CONSENT_SETTLED,
        Unless.NOT_ASKED,
        Unless.CASE_CLOSED,
        Unless.SEGMENT_LEFT,
    )


@pytest.mark.parametrize("unless", list(Unless))
def test_the_claim_checks_that_the_shipment_is_as_the_decision_saw_it_where_that_matters(unless):
    checks = _shipment_checks(said(unless, a_shipment()))
    assert bool(checks) is (unless in OF_SHIPMENT)
    if checks:
        assert checks[0].when.value == 3

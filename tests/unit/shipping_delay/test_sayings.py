"""What is proposed of a shipment or an order that waits: milestones, notices, their words, ranges and keys."""

from datetime import timedelta

import pytest

from aftercare.consent import Purpose
from aftercare.customer import OrderLine, Stockout
from aftercare.events import ParcelData, ShipmentData, Told
from aftercare.parcel_status import ShipmentStatus
from aftercare.proposal import Nothing, Proposal, Unless
from aftercare.shipment import DelayNotice, parcel_id
from shipping_delay import milestones, notices
from shipping_delay.lateness import extra_days
from shipping_delay.milestones import about
from shipping_delay.parcel import Basis, Forecast
from shipping_delay.policy import shipping_policy
from shipping_delay.reasons import Why, why
from tests.builders import NOON, a_customer, an_order
from tests.shipments import NUMBER, SHIPPED, a_forecast, a_log, a_parcel, a_shipment

DAY = timedelta(days=1)
POLICY = shipping_policy()
ONE = parcel_id(NUMBER)
OTHER = "00340434161094000002"
IDS = {"customer_id": "c0anna", "order": "example:1070", "shipment": "example:S-1"}


def event(status=None, parcel=ONE, at=SHIPPED):
    data = ParcelData(**IDS, parcel=parcel, status=status) if status else ShipmentData(**IDS)
    return Told(type="ShipmentMoved" if status else "OrderShipped", id="e1", occurred_at=at, correlation_id="k1", data=data)


def found(*shipments, order=None):
    order = order or an_order()
    return about(a_customer(order, shipments=shipments or (a_shipment(),)), order.key, "example:S-1")


def moved(status, shipment=None, parcel=ONE, order=None, now=SHIPPED):
    parcels = (a_parcel(log=a_log(**{"in_transit": SHIPPED, status: SHIPPED + DAY}), status=status),)
    shipment = shipment or a_shipment(*parcels, status=status, status_at=SHIPPED + DAY)
    return milestones.moved(found(shipment, order=order), event(ShipmentStatus(status), parcel), now)


@pytest.mark.parametrize(
    ("status", "template"),
    [
        ("out_for_delivery", "parcel-out-for-delivery"),
        ("delivered", "parcel-delivered"),
        ("delivery_attempted", "parcel-attempted"),
        ("ready_for_pickup", "parcel-ready-for-pickup"),
        ("exception", "parcel-exception"),
        ("return_to_sender", "parcel-returned"),
        ("lost", "parcel-lost"),
    ],
)
def test_a_status_from_which_the_customer_gains_is_told_once_by_parcel_and_status(status, template):
    one = moved(status)
    assert isinstance(one, Proposal)
    assert one.template == template
    assert one.key == f"{template}#example:1070:{ONE}"
    assert one.purpose is Purpose.TRANSACTIONAL
    assert one.references["shipment"] == "example:S-1"
    assert one.references["parcel"] == ONE
    assert one.not_after == SHIPPED + DAY + timedelta(hours=36), "from the scan's own time"
    assert Unless.ORDER_UNKNOWN in one.unless


@pytest.mark.parametrize("status", ["in_transit", "label_created", "unknown", "delayed", "cancelled"])
def test_other_statuses_tell_nobody(status):
    assert moved(status) == Nothing(milestones.Because.NO_MILESTONE)


def test_what_stalls_is_the_operators():
    assert moved("stalled") == Nothing(milestones.Because.OPERATORS)


def test_only_a_return_is_told_of_an_order_that_was_cancelled_or_refunded():
    assert moved("return_to_sender").unless == (Unless.ORDER_UNKNOWN,)
    assert set(moved("lost").unless) >= {Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED, Unless.PARCEL_MOVED_ON}


def test_of_a_parcel_of_two_orders_the_one_that_stands_is_told_when_the_other_was_cancelled():
    gone, other = an_order(cancelled_at=SHIPPED), an_order("1071")
    shared = a_shipment(order_keys=(gone.key, other.key))
    told = about(a_customer(gone, other, shipments=(shared,)), gone.key, shared.key)
    assert told.order.key == other.key
    alone = about(a_customer(gone, shipments=(a_shipment(),)), gone.key, shared.key)
    assert alone.order.key == gone.key, "the gate says why nothing is sent"


def test_a_shipment_that_nobody_tells_by_parcel_is_named_by_its_own_reference():
    assert moved("lost", parcel=None).key == "parcel-lost#example:1070:S-1"
    assert "parcel" not in moved("lost", parcel=None).references


def test_the_last_delivery_speaks_of_the_whole_order():
    there = a_parcel(log=a_log(delivered=SHIPPED), status=ShipmentStatus.DELIVERED, delivered_at=SHIPPED)
    last = a_parcel(OTHER, log=a_log(delivered=SHIPPED + DAY), status=ShipmentStatus.DELIVERED, delivered_at=SHIPPED + DAY)
    open_ = a_parcel(OTHER, log=a_log(in_transit=SHIPPED))
    half = moved("delivered", a_shipment(there, open_))
    whole = moved("delivered", a_shipment(there, last, status="delivered", delivered_at=SHIPPED + DAY), parcel_id(OTHER))
    assert half.references == {"order": "example:1070", "shipment": "example:S-1", "parcel": ONE}
    assert whole.references == {"order": "example:1070"}
    assert half.key != whole.key


def test_packed_is_told_while_nobody_has_it_and_shipped_from_then_on():
    waiting = a_shipment(shipped_at=None, status="unknown")
    assert milestones.packed(found(waiting), event(), NOON).template == "order-packed"
    assert milestones.packed(found(), event(), NOON) == Nothing(milestones.Because.SHIPPED_ALREADY)
    shipped = milestones.shipped(found(), event(), NOON)
    assert (shipped.key, shipped.not_after) == ("parcel-shipped#example:1070:S-1", SHIPPED + timedelta(hours=36))
    assert Unless.PARCEL_ARRIVED in shipped.unless


@pytest.mark.parametrize(
    ("order", "shipment", "because"),
    [
        (an_order(is_test=True), a_shipment(), "test"),
        (an_order(), a_shipment(is_test=True), "test"),
        (an_order(suppress_notification=True), a_shipment(), "silent"),
        (an_order(), a_shipment(suppress_notification=True), "silent"),
        (an_order(), a_shipment(described_at=None), "shipment-unknown"),
        (an_order(), a_shipment(ref="other"), "shipment-unknown"),
    ],
)
def test_tests_silent_and_unknown_shipments_reach_nobody(order, shipment, because):
    assert found(shipment, order=order) == Nothing(because)


def test_an_erased_customer_and_an_unknown_order_reach_nobody():
    assert about(None, "example:1070", "example:S-1") == Nothing("customer-gone")
    assert about(a_customer(), "example:1070", "example:S-1") == Nothing("order-unknown")


# ---------------------------------------------------------------- notices


def notice(**more):
    given = {"at": SHIPPED, "arrives_by": SHIPPED + 9 * DAY, "days_from": 1, "days_to": 2, "because": "route-busy"}
    return DelayNotice(**{**given, **more})


def said(*told, now=SHIPPED, parcels=()):
    return list(notices.of_delay(found(a_shipment(*parcels, notices=told)), now, "e1", "k1"))


def test_a_notice_carries_its_range_its_reason_and_its_revised_date():
    (one,) = said(notice())
    assert one.template == "delivery-delayed"
    assert one.key == "delivery-delayed#example:1070:S-1:20260312"
    assert one.numbers == {"days-from": 1, "days-to": 2}
    assert one.blocks[0].variant == "route-busy"
    assert {Unless.PARCEL_ARRIVED, Unless.PARCEL_RECOVERED, Unless.ORDER_CANCELLED} <= set(one.unless)


def test_a_retraction_follows_its_notice_by_the_same_date():
    (one,) = said(notice(recovered_at=SHIPPED + DAY), now=SHIPPED + DAY)
    assert one.key == "delivery-recovered#example:1070:S-1:20260312"
    assert one.numbers == {}


def test_what_was_decided_long_ago_is_not_said_again():
    assert said(notice(), now=SHIPPED + timedelta(minutes=59))
    assert not said(notice(), now=SHIPPED + timedelta(hours=1))
    assert not said()


def test_of_several_parcels_the_one_still_under_way_is_named():
    there = a_parcel(delivered_at=SHIPPED, status="delivered")
    (one,) = said(notice(), parcels=(there, a_parcel(OTHER)))
    assert one.references["parcel"] == parcel_id(OTHER)
    assert "parcel" not in said(notice())[0].references


def waiting(order, *shipments, now=NOON + 4 * DAY, policy=POLICY, departures=9):
    return notices.of_waiting(a_customer(order, shipments=shipments), order.key, policy, departures, now, "k1")


def test_an_order_that_nobody_sent_is_told_once_without_blaming_anybody():
    one = waiting(an_order())
    assert one.key == "order-not-shipped-yet#example:1070"
    assert one.numbers == {"days": 4}
    assert one.blocks[0].variant == "unknown"
    assert Unless.ORDER_SHIPPED in one.unless


@pytest.mark.parametrize(
    ("order", "shipments", "because"),
    [
        (an_order(cancelled_at=NOON), (), "order-closed"),
        (an_order(is_test=True), (), "test"),
        (an_order(completed_at=NOON), (), "shipped"),
        (an_order(partially_fulfilled_at=NOON), (), "shipped"),
        (an_order(), (a_shipment(),), "shipped"),
        (an_order(stockouts=(Stockout(line_ref="1", at=NOON),)), (), "stockout-told"),
        (an_order(lines=(OrderLine(line_ref="1", title="E-book", quantity=1, requires_shipping=False),)), (), "nothing-to-ship"),
    ],
)
def test_an_order_that_is_sent_over_or_explained_otherwise_is_not_told_as_waiting(order, shipments, because):
    assert waiting(order, *shipments) == Nothing(because)


def test_the_store_decides_after_how_many_days_and_whether_at_all():
    assert waiting(an_order(), now=NOON + 3 * DAY) == Nothing("too-early")
    assert waiting(an_order(), departures=0) == Nothing("nobody-tells"), "a shop that tells of no shipment sends all the same"
    assert waiting(an_order(), policy=POLICY.model_copy(update={"unshipped_after_days": 0})) == Nothing("off")


def test_a_stockout_is_told_for_each_thing_the_shop_says_of_it():
    def told(*stockouts):
        order = an_order(stockouts=stockouts)
        return notices.of_stock(a_customer(order), order.key, NOON, "e1", "k1")

    first, second = Stockout(line_ref="1", at=NOON), Stockout(line_ref="1", at=NOON + DAY, expected_at=NOON + 9 * DAY)
    assert told(first).key == "item-out-of-stock#example:1070:20260302T120000"
    assert told(second).key != told(first).key
    assert told() == Nothing("in-stock")


# ---------------------------------------------------------------- ranges and reasons


@pytest.mark.parametrize(
    ("forecast", "days"),
    [
        (a_forecast(late=0.5, promised_days=3, p=(2, 3, 5)), (1, 2)),
        (a_forecast(late=1.0, promised_days=1, p=(2, 3, 5)), (2, 4)),
        (a_forecast(late=0.3, promised_days=4, p=(2, 3, 5)), (1, 1)),
        (a_forecast(late=0.9, promised_days=2, p=(2.1, 6, 16)), (2, 12)),
        (a_forecast(late=None), (1, 1)),
    ],
)
def test_extra_days_are_a_range_of_the_cases_in_which_it_is_late(forecast, days):
    assert extra_days(forecast) == days


def test_extra_days_are_whole_and_in_order_whatever_the_forecast():
    for late in (0.05, 0.2, 0.35, 0.5, 0.7, 0.95, 1.0):
        for promised in (0.5, 2.0, 4.4, 9.0):
            first, last = extra_days(a_forecast(late=late, promised_days=promised))
            assert 1 <= first <= last


def predicted(pace=0.0, region=0.0, **effects):
    terms = [(term, term) for term in effects]
    basis = Basis(1.0, pace + region, region, 0.0, 0.0, 0.0, 9.0, tuple(effects.values()), (), 0.0, (1.0,) * 7)
    return Forecast(SHIPPED, 2.0, 3.0, 5.0, 0.5, basis, terms)


def reason(forecast, held_up=False, unheard=False, handling_days=0.0, in_peak=False):
    return why(forecast, held_up, unheard, handling_days, in_peak)


def test_the_reason_is_the_term_that_moved_the_forecast_most():
    assert reason(predicted(carrier=0.3, seller=0.1)) is Why.CARRIER_SLOW
    assert reason(predicted(lane=0.1, area=0.15, carrier=0.2)) is Why.AREA, "terms of one kind count together"
    assert reason(predicted(region=0.4, carrier=0.1)) is Why.ROUTE_BUSY
    assert reason(predicted(pace=0.4)) is Why.CARRIER_SLOW
    assert reason(predicted(seller=0.2)) is Why.SELLER_HANDLING
    assert reason(predicted(weight=0.5)) is Why.UNKNOWN
    assert reason(predicted(lane=0.01)) is Why.UNKNOWN, "what is not material is no reason"
    assert reason(predicted(lane=-0.5, carrier=0.1)) is Why.CARRIER_SLOW


def test_seasonal_volume_is_said_only_inside_a_peak_and_only_where_the_pace_moved_it():
    assert reason(predicted(pace=0.4), in_peak=True) is Why.SEASONAL_VOLUME
    assert reason(predicted(region=0.4), in_peak=True) is Why.SEASONAL_VOLUME
    assert reason(predicted(carrier=0.4), in_peak=True) is Why.CARRIER_SLOW
    assert reason(predicted(pace=0.4), in_peak=False) is not Why.SEASONAL_VOLUME


def test_a_carriers_word_and_silence_name_the_way_itself():
    assert reason(predicted(lane=0.9), held_up=True) is Why.ON_THE_WAY
    assert reason(predicted(lane=0.9), unheard=True) is Why.ON_THE_WAY


def test_a_hand_over_later_than_expected_is_the_sellers():
    assert reason(predicted(carrier=0.1), handling_days=2.0) is Why.SELLER_HANDLING
    assert reason(predicted(carrier=0.1), handling_days=-2.0) is Why.CARRIER_SLOW

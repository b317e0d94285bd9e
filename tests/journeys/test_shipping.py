"""Parcels on their way: what their customers hear, when, and when they hear nothing."""

import json
import math
import random
from datetime import timedelta
from itertools import pairwise

import pytest

from aftercare.clock import iso
from aftercare.keys import message_id
from aftercare.shipment import Shipment, parcel_id

NUMBER = "00340434161094000001"


class Parcels:
    """The store's warehouse and its carriers."""

    def __init__(self, shop):
        self.shop = shop
        self.cloud = shop.cloud

    def ordered(self, ref="1", promised_days=8, **more):
        promised = {"estimated_until": iso(self.cloud.now + timedelta(days=promised_days))} if promised_days else {}
        self.shop.order(ref, **{**promised, **more})

    def packed(self, order="1", ref="S-1", numbers=(NUMBER,), **more):
        self.shop.put(
            "ShipmentCreated",
            ref=ref,
            order_ref=order,
            occurred_at=iso(self.cloud.now),
            parcels=[{"number": number, "carrier": "DHL"} for number in numbers],
            **more,
        )

    def scanned(self, status, number=NUMBER, at=None, **more):
        when = iso(at or self.cloud.now)
        parcel = {"number": number, "carrier": "DHL", "scans": [{"status": status, "at": when}]}
        self.shop.put("ShipmentMoved", occurred_at=when, parcels=[parcel], **more)

    def told(self):
        """Each message about a shipment as (template, settlement), in the order in which it was proposed."""
        others = (
            "order-confirmation",
            "reorder-reminder",
            "survey",
            "survey-reminder",
            "check-in",
            "setup-guide",
            "review-request",
        )
        return [(m["template"], m["settlement"]) for m in self.cloud.messages() if m["template"] not in others]

    def templates(self):
        return [template for template, settlement in self.told() if settlement == "SENT"]

    def record(self, ref="S-1"):
        return next(
            Shipment.model_validate_json(str(item["doc"]))
            for item in self.cloud.items("CustomerTable")
            if str(item["sk"]) == f"1#SHIPMENT#coffee:{ref}"
        )

    def assumed(self):
        return [e.fields for e in self.cloud.journal.entries("event") if e.fields.get("type") == "DeliveryAssumed"]

    def letters(self, template):
        ids = {message_id(m["key"]) for m in self.shop.messages(template)}
        return [letter for letter in self.shop.letters() if letter.tags["aftercare-message"] in ids]


@pytest.fixture
def parcels(shop):
    return Parcels(shop)


def taught(cloud, days=3.0, parcels=300):
    """A store whose last parcels took so many days, give or take a fifth."""
    from shipping_delay import budget, knowledge, teaching
    from shipping_delay.parcel import Parcel
    from shipping_delay.prediction import predict

    dice, sums = random.Random(7), {}
    for number in range(parcels):
        handed = cloud.now - timedelta(days=60 - 50 * number / parcels)
        one = Parcel(handed_at=handed, promised_by=handed + timedelta(days=8), destination_region="DE", carrier="dhl")
        basis = predict(one, sums, handed).basis
        teaching.merge(sums, teaching.depart(one, basis))
        arrived = handed + timedelta(days=days * math.exp(dice.gauss(0, 0.2)))
        teaching.merge(sums, teaching.learn(one, arrived, basis))
    teaching.merge(sums, budget.of_departure(cloud.now))
    assert knowledge.add(cloud.outside().tables, sums, cloud.now) == {}


def watches(cloud):
    return [e for e in cloud.executions.list() if "shipping-delay" in e.arn]


def transitions(cloud):
    """Of all watches: each enters Wait and Invoke once."""
    return sum(e.context.transitions for e in watches(cloud))


def waiting(cloud):
    """What every execution waits for that is still open, by its key."""
    return sorted(json.loads(e.input)["key"] for e in cloud.waiting())


def test_a_parcel_in_time_is_told_at_four_milestones_and_of_no_delay(parcels, cloud):
    parcels.ordered()
    cloud.advance(hours=20)
    parcels.packed()
    cloud.advance(hours=5)
    parcels.scanned("in_transit")
    cloud.advance(days=2)
    parcels.scanned("in_transit")
    parcels.scanned("out_for_delivery")
    cloud.advance(hours=5)
    parcels.scanned("delivered")
    cloud.advance(days=40)
    assert parcels.templates() == ["order-packed", "parcel-shipped", "parcel-out-for-delivery", "parcel-delivered"]
    beside = [
        (m["template"], m["settlement"]) for m in cloud.messages() if (m["template"], m["settlement"]) not in parcels.told()
    ]
    assert beside == [
        ("order-confirmation", "SENT"),
        ("survey", "REFUSED"),
        ("check-in", "SENT"),
        ("review-request", "REFUSED"),
        ("reorder-reminder", "REFUSED"),
    ], "what asks or reminds finds no consent"
    assert not cloud.dead_letters()
    assert 0 < transitions(cloud) <= 6
    assert waiting(cloud) == ["reorder-nudge#coffee:1:coffee"], "the last look at what runs out is later than any parcel's wait"
    record = parcels.record()
    assert record.forecast.p10 < record.forecast.p50 < record.forecast.p90
    assert record.departed_at and record.learned_at and not record.assumed_at


def test_a_milestone_reaches_the_provider_within_a_minute(parcels, cloud):
    parcels.ordered()
    cloud.advance(days=1)
    parcels.packed()
    scanned = cloud.now
    parcels.scanned("in_transit")
    cloud.advance(minutes=5)
    (letter,) = parcels.letters("parcel-shipped")
    assert letter.at - scanned <= timedelta(seconds=60)


def test_a_parcel_that_goes_silent_is_told_once_before_its_promise_passes(parcels, cloud):
    taught(cloud)
    parcels.ordered(promised_days=8)
    cloud.advance(days=1)
    parcels.packed()
    cloud.advance(hours=4)
    parcels.scanned("in_transit")
    promised = parcels.record().forecast.promised_by
    cloud.advance(days=10)
    (letter,) = parcels.letters("delivery-delayed")
    assert letter.at < promised, "the customer hears before they have a reason to ask"
    notice = parcels.record().notices[0]
    assert notice.because == "on-the-way", "it is the silence that moved the forecast"
    assert 1 <= notice.days_from <= notice.days_to
    count = len(parcels.letters("delivery-delayed"))
    parcels.scanned("out_for_delivery")
    parcels.scanned("delivered")
    cloud.advance(days=30)
    assert len(parcels.letters("delivery-delayed")) == count
    assert parcels.templates()[-1] == "parcel-delivered"
    assert not cloud.dead_letters()
    assert waiting(cloud) == ["reorder-nudge#coffee:1:coffee"], "the last look at what runs out is later than any parcel's wait"


def test_a_parcel_that_gets_worse_by_days_is_told_again_with_its_new_date(parcels, cloud):
    taught(cloud)
    parcels.ordered(promised_days=6)
    cloud.advance(days=1)
    parcels.packed()
    parcels.scanned("in_transit")
    cloud.advance(days=20)
    dates = [notice.arrives_by for notice in parcels.record().notices]
    assert len(dates) > 1
    assert all(later - earlier >= timedelta(days=1) for earlier, later in pairwise(dates))
    keys = [m["key"] for m in parcels.shop.messages("delivery-delayed")]
    assert len(keys) == len(set(keys)) >= len(dates) - 1


def test_a_late_parcel_that_turns_up_in_time_is_taken_back(parcels, cloud):
    taught(cloud)
    parcels.ordered(promised_days=8)
    cloud.advance(days=1)
    parcels.packed()
    parcels.scanned("in_transit")
    while not parcels.letters("delivery-delayed"):
        cloud.advance(hours=3)
    assert cloud.now < parcels.record().forecast.promised_by - timedelta(hours=18), "it still can be in time"
    parcels.scanned("out_for_delivery")
    cloud.advance(minutes=10)
    assert len(parcels.letters("delivery-recovered")) == 1
    assert parcels.record().late is None
    parcels.scanned("delivered")
    cloud.advance(days=10)
    assert parcels.templates().count("delivery-delayed") == parcels.templates().count("delivery-recovered") == 1


def test_a_lost_parcel_is_told_as_lost_and_of_no_further_delay(parcels, cloud):
    taught(cloud)
    parcels.ordered(promised_days=8)
    cloud.advance(days=1)
    parcels.packed()
    parcels.scanned("in_transit")
    cloud.advance(days=2)
    parcels.scanned("lost")
    cloud.advance(days=30)
    assert parcels.templates() == ["order-packed", "parcel-shipped", "parcel-lost"]
    assert not parcels.assumed()


def test_an_order_in_two_parcels_names_the_first_and_ends_with_the_second(parcels, cloud):
    second = "00340434161094000002"
    parcels.ordered()
    cloud.advance(days=1)
    parcels.packed(numbers=(NUMBER, second))
    parcels.scanned("in_transit")
    parcels.scanned("in_transit", second)
    cloud.advance(days=2)
    parcels.scanned("delivered")
    cloud.advance(hours=3)
    parcels.scanned("delivered", second)
    cloud.advance(days=1)
    first, last = parcels.shop.messages("parcel-delivered")
    assert first["key"] == f"parcel-delivered#coffee:1:{parcel_id(NUMBER)}"
    assert first["settlement"] == last["settlement"] == "SENT"
    assert parcels.templates().count("parcel-shipped") == 1
    names = [m["references"] for m in proposals(cloud, "parcel-delivered")]
    assert names[0]["parcel"] == parcel_id(NUMBER)
    assert names[1] == {"order": "coffee:1"}, "everything is there, so no parcel is named"


def proposals(cloud, template):
    import json

    found = []
    for item in cloud.items("CustomerTable"):
        if str(item["sk"]).startswith("9#LEDGER#"):
            message = json.loads(str(item["doc"]))
            if message["proposal"]["template"] == template:
                found.append((message["decisions"][0]["at"], message["proposal"]))
    return [proposal for _, proposal in sorted(found, key=lambda one: one[0])]


def test_scans_that_come_before_their_shipment_are_joined_and_told_as_they_stand(parcels, cloud):
    parcels.ordered()
    cloud.advance(days=1)
    parcels.scanned("in_transit")
    cloud.advance(hours=2)
    parcels.scanned("out_for_delivery")
    assert not parcels.told()
    parcels.packed()
    cloud.advance(minutes=5)
    assert parcels.templates() == ["parcel-shipped", "parcel-out-for-delivery"], "in the order in which it went"


def test_a_parcel_of_which_only_the_delivery_is_told_is_delivered_and_nothing_else(parcels, cloud):
    parcels.ordered()
    cloud.advance(days=1)
    parcels.packed()
    cloud.advance(days=2)
    parcels.scanned("delivered")
    cloud.advance(days=30)
    assert parcels.templates() == ["order-packed", "parcel-delivered"]
    assert [s for t, s in parcels.told() if t == "parcel-shipped"] == ["REFUSED"], "shipped is never said after delivered"
    assert not parcels.assumed()


def test_nothing_more_is_said_of_a_parcel_whose_order_was_cancelled_on_the_way(parcels, cloud):
    taught(cloud)
    parcels.ordered(promised_days=4)
    cloud.advance(days=1)
    parcels.packed()
    parcels.scanned("in_transit")
    cloud.advance(hours=1)
    parcels.shop.put("OrderCancelled", ref="1", occurred_at=iso(cloud.now))
    cloud.advance(hours=1)
    parcels.scanned("out_for_delivery")
    cloud.advance(days=30)
    assert parcels.templates() == ["order-packed", "parcel-shipped", "order-cancelled"]
    assert ("parcel-out-for-delivery", "REFUSED") in parcels.told()


def test_a_milestone_older_than_36_hours_tells_nobody_and_says_so(parcels, cloud):
    parcels.ordered()
    cloud.advance(days=1)
    parcels.packed()
    cloud.advance(days=3)
    parcels.scanned("out_for_delivery", at=cloud.now - timedelta(hours=37))
    (message,) = parcels.shop.messages("parcel-out-for-delivery")
    assert (message["settlement"], message["reason"]) == ("EXPIRED", "too_late")


def test_a_scan_from_before_the_delivery_that_comes_after_it_tells_nobody(parcels, cloud):
    parcels.ordered()
    cloud.advance(days=1)
    parcels.packed()
    parcels.scanned("in_transit")
    cloud.advance(days=1)
    earlier = cloud.now - timedelta(hours=4)
    parcels.scanned("delivered")
    parcels.scanned("out_for_delivery", at=earlier)
    cloud.advance(days=1)
    assert "parcel-out-for-delivery" not in parcels.templates()


def test_a_parcel_that_nobody_scans_is_taken_for_delivered_when_p90_has_passed(parcels, cloud):
    parcels.ordered(promised_days=None)
    cloud.advance(days=1)
    parcels.packed(shipped_at=iso(cloud.now))
    record = parcels.record()
    assert record.forecast.promise == "window", "without the shop's promise the window that is told is one"
    cloud.advance_to(record.forecast.p90 - timedelta(minutes=1))
    assert not parcels.assumed()
    cloud.advance(hours=2)
    assert len(parcels.assumed()) == 1
    assert parcels.assumed()[0]["order"] == "coffee:1"
    cloud.advance(days=60)
    assert len(parcels.assumed()) == 1
    assert "delivery-delayed" not in parcels.templates(), "nobody speaks of this parcel, so its silence is no news"
    assert transitions(cloud) <= 6


def test_of_two_orders_in_a_parcel_that_nobody_scans_each_that_stands_is_taken_for_delivered(parcels, cloud):
    for ref in ("1", "2", "3"):
        parcels.ordered(ref, promised_days=None)
    cloud.advance(days=1)
    parcels.packed("1", order_refs=["2"], shipped_at=iso(cloud.now))
    parcels.packed("3", ref="S-3", numbers=("00340434161094000009",), shipped_at=iso(cloud.now))
    parcels.shop.put("OrderCancelled", ref="1", occurred_at=iso(cloud.now))
    cloud.advance(days=40)
    assert sorted({told["order"] for told in parcels.assumed()}) == ["coffee:2", "coffee:3"], "a cancelled one waits for nothing"


def test_of_a_shop_that_tells_of_no_shipment_no_order_is_told_as_waiting(parcels, cloud):
    parcels.ordered("1")
    cloud.advance(days=20)
    assert not parcels.told()


def test_an_order_that_nobody_sends_and_a_stockout_are_told_once(parcels, cloud):
    taught(cloud)
    parcels.ordered("1")
    parcels.ordered("2")
    cloud.advance(days=1)
    parcels.shop.put("ItemOutOfStock", order_ref="2", line_refs=["1"], occurred_at=iso(cloud.now))
    cloud.advance(days=20)
    assert sorted(parcels.templates()) == ["item-out-of-stock", "order-not-shipped-yet"]
    (waiting,) = proposals(cloud, "order-not-shipped-yet")
    assert waiting["numbers"] == {"days": 4}
    assert waiting["blocks"] == [{"kind": "reason", "variant": "unknown"}]


def test_test_shipments_and_silent_ones_reach_nobody(parcels, cloud):
    parcels.ordered("1")
    parcels.ordered("2")
    parcels.packed("1", is_test=True)
    parcels.packed("2", ref="S-2", numbers=("00340434161094000009",), suppress_notification=True)
    for number in (NUMBER, "00340434161094000009"):
        parcels.scanned("in_transit", number)
        parcels.scanned("delivered", number)
    cloud.advance(days=2)
    assert not parcels.told()


def test_a_where_is_my_order_contact_is_counted_once_in_its_parcels_group(parcels, cloud):
    parcels.ordered()
    cloud.advance(days=1)
    parcels.packed()
    parcels.scanned("in_transit")
    for _ in range(2):
        parcels.shop.put("SupportCaseOpened", ref="C-1", topic="where_is_my_order", order_ref="1", occurred_at=iso(cloud.now))
    parcels.shop.put("SupportCaseOpened", ref="C-2", topic="damaged", order_ref="1", occurred_at=iso(cloud.now))
    cloud.advance(hours=1)
    found = cloud.invoke("shipping_delay", {"report": "contacts", "months": [f"{cloud.now:%Y-%m}"]})
    assert found["not_told"] == {"parcels": 1, "contacts": 1, "per_100": 100.0}
    assert found["told"] == {"parcels": 0, "contacts": 0, "per_100": None}

"""A fault at every effect between a scan and what follows from it: the forecast, its outbox and its notice agree in the end."""

import json
from datetime import timedelta

import pytest

from aftercare.clock import iso
from aftercare.shipment import Shipment
from simulator.cloud import LocalCloud
from simulator.faults import Fault, FaultPlan

NUMBER = "00340434161094000001"


def put(cloud, detail_type, **detail):
    now = {"occurred_at": iso(cloud.now)}
    entry = {"Source": "store.coffee", "DetailType": detail_type, "Detail": json.dumps({**now, **detail})}
    cloud.put_events([{**entry, "EventBusName": cloud.store_bus}])
    cloud.run()


def order(cloud, **more):
    details = {
        "name": "#1",
        "placed_at": iso(cloud.now),
        "contact": {"email": "anna@example.com", "name": "Anna"},
        "country": "DE",
        "total": {"amount": "12.00", "currency": "EUR"},
        "lines": [{"line_ref": "1", "title": "Espresso beans", "quantity": 1, "product_type": "Coffee"}],
        **more,
    }
    put(cloud, "OrderPlaced", ref="1", order=details)


def scanned(cloud, status):
    parcel = {"number": NUMBER, "carrier": "DHL", "scans": [{"status": status, "at": iso(cloud.now)}]}
    put(cloud, "ShipmentMoved", parcels=[parcel])


def record(cloud):
    return next(
        Shipment.model_validate_json(str(item["doc"]))
        for item in cloud.items("CustomerTable")
        if str(item["sk"]).startswith("1#SHIPMENT#")
    )


def told(cloud, *templates):
    return [m["template"] for m in cloud.messages() if m["settlement"] == "SENT" and m["template"] in templates]


def assumed(cloud):
    return [e for e in cloud.journal.entries("event") if e.fields.get("type") == "DeliveryAssumed"]


def a_parcel_that_nobody_scans(plan):
    """Sent, never scanned, P90 passes: taken for delivered, told once."""
    with LocalCloud("memory", seed=5, switch="on", faults=plan) as cloud:
        order(cloud)
        cloud.advance(hours=20)
        parcels = [{"number": NUMBER, "carrier": "DHL"}]
        put(cloud, "ShipmentCreated", ref="S-1", order_ref="1", parcels=parcels, shipped_at=iso(cloud.now))
        cloud.advance(days=45)
        return record(cloud), len(assumed(cloud)), told(cloud, "parcel-shipped"), cloud.dead_letters()


def a_parcel_that_is_held_up(plan):
    """Scanned, then delayed by its carrier's own word: one notice, then delivered and learned."""
    with LocalCloud("memory", seed=5, switch="on", faults=plan) as cloud:
        order(cloud, estimated_until=iso(cloud.now + timedelta(days=3)))
        cloud.advance(hours=20)
        put(cloud, "ShipmentCreated", ref="S-1", order_ref="1", parcels=[{"number": NUMBER, "carrier": "DHL"}])
        scanned(cloud, "in_transit")
        cloud.advance(days=1)
        scanned(cloud, "delayed")
        cloud.advance(hours=6)
        scanned(cloud, "delivered")
        cloud.advance(days=2)
        templates = ("parcel-shipped", "delivery-delayed", "parcel-delivered")
        return record(cloud), sorted(told(cloud, *templates)), sums(cloud), cloud.dead_letters()


def sums(cloud):
    return {
        str(item["pk"]): {name: value for name, value in item.items() if name.startswith("n")}
        for item in cloud.items("KnowledgeTable")
        if str(item["pk"]).startswith("DELAY#")
    }


def effects(life):
    plan = FaultPlan(function="shipping_delay")
    life(plan)
    return plan.effects


UNSCANNED = effects(a_parcel_that_nobody_scans)
HELD_UP = effects(a_parcel_that_is_held_up)
FAULTS = [fault for fault in Fault if fault is not Fault.REFUSED]


def cases(found):
    return [pytest.param(e.n, fault, id=f"{e.n}-{e.name}-{fault}") for e in found for fault in FAULTS]


def calls(found):
    """The effects of each invocation, in order."""
    by_request = {}
    for effect in found:
        by_request.setdefault(effect.request_id, []).append(effect.name)
    return list(by_request.values())


def test_an_event_costs_its_record_its_knowledge_one_write_and_what_is_said():
    look = ["tables.read", "tables.read", "tables.write"]
    assert [*look, "tables.write", "waits.start"] in calls(UNSCANNED), "an order: its forecast, its watch and where that is noted"
    assert look in calls(UNSCANNED), "a wake: what silence came to, with its outbox in the same write"
    assert ["tables.read", "queues.send"] in calls(HELD_UP), "a delivery: nothing is left to forecast"
    assert [*look, *["tables.write"] * 2, "queues.send"] in calls(HELD_UP), "a first notice is counted twice over"
    learning = [names for names in calls(HELD_UP) if names.count("tables.write") > 5]
    assert all(names.count("tables.read") == 1 for names in learning), "a batch of lessons reads its shipments in one call"


@pytest.mark.parametrize(("n", "fault"), cases(UNSCANNED))
def test_forecast_and_outbox_are_one_write_whatever_fails(n, fault):
    plan = FaultPlan({n: fault}, function="shipping_delay")
    shipment, times, shipped, dead = a_parcel_that_nobody_scans(plan)
    assert plan.happened
    assert not dead
    assert shipment.forecast is not None
    assert (shipment.assumed_at is not None) and times == 1, "the record and the event never disagree"
    assert shipped == ["parcel-shipped"]


SUMS = a_parcel_that_is_held_up(FaultPlan(function="shipping_delay"))[2]


@pytest.mark.parametrize(("n", "fault"), cases(HELD_UP))
def test_a_notice_that_stands_on_the_record_is_told_once_and_no_lesson_counts_twice_whatever_fails(n, fault):
    plan = FaultPlan({n: fault}, function="shipping_delay")
    shipment, templates, learned, dead = a_parcel_that_is_held_up(plan)
    assert plan.happened
    assert not dead
    assert len(shipment.notices) == 1
    assert templates == ["delivery-delayed", "parcel-delivered", "parcel-shipped"]
    assert shipment.departed_at and shipment.learned_at
    for key in (key for key in learned if key.startswith(("DELAY#asked", "DELAY#shape"))):
        for name in ("n0", "n1", "n42"):
            assert learned[key].get(name, 0) <= SUMS[key].get(name, 0), "a lesson may be lost to a crash and never counts twice"

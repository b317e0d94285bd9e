from datetime import UTC, datetime, timedelta

import pytest

from aftercare.carriers import carrier, may_be_one, parcel_number
from aftercare.customer import Order, OrderLine
from aftercare.parcel_status import RANK, TROUBLES, ShipmentStatus
from aftercare.shipment import Log, Shipment, Span, parcel_id, standing
from aftercare.shipment_details import ShippedLine
from tests.builders import a_customer, an_order

T0 = datetime(2026, 3, 3, 12, tzinfo=UTC)


def log(*scans: tuple[str, int]) -> Log:
    """A log of scans, each a status and the hour at which it was seen."""
    spans: dict[ShipmentStatus, Span] = {}
    for word, hour in scans:
        at, known = T0 + timedelta(hours=hour), spans.get(ShipmentStatus(word))
        first, last = (min(known.first, at), max(known.last, at)) if known else (at, at)
        spans[ShipmentStatus(word)] = Span(first=first, last=last)
    return Log(spans=spans)


def status(*scans: tuple[str, int]) -> str:
    return str(standing([log(*scans)]).status)


def test_every_status_has_a_rank_or_is_a_trouble_or_says_nothing():
    assert {*RANK, *TROUBLES, ShipmentStatus.UNKNOWN} == set(ShipmentStatus)


@pytest.mark.parametrize(
    ("scans", "expected"),
    [
        ((), "unknown"),
        ((("label_created", 0),), "label_created"),
        ((("out_for_delivery", 5), ("in_transit", 9)), "out_for_delivery"),
        ((("out_for_delivery", 5), ("delivery_attempted", 9)), "delivery_attempted"),
        ((("out_for_delivery", 5), ("delivery_attempted", 9), ("out_for_delivery", 30)), "out_for_delivery"),
        ((("exception", 5), ("in_transit", 9)), "in_transit"),
        ((("in_transit", 5), ("exception", 9)), "exception"),
        ((("lost", 5), ("out_for_delivery", 90)), "out_for_delivery"),
        ((("cancelled", 5), ("label_created", 1)), "cancelled"),
        ((("cancelled", 5), ("in_transit", 9)), "in_transit"),
        ((("stalled", 50), ("in_transit", 9)), "stalled"),
        ((("delivered", 20), ("exception", 30), ("in_transit", 40)), "delivered"),
        ((("delivered", 20), ("out_for_delivery", 40)), "delivered"),
        ((("delivered", 20), ("return_to_sender", 40)), "return_to_sender"),
        ((("return_to_sender", 20), ("delivered", 40)), "return_to_sender"),
        ((("in_transit", 9), ("delayed", 9)), "delayed"),
    ],
)
def test_a_parcel_goes_forward_by_its_scans_own_times(scans, expected):
    assert status(*scans) == expected
    assert status(*reversed(scans)) == expected


def test_a_delivery_is_of_the_first_scan_that_said_so():
    assert standing([log(("delivered", 20)), log(("delivered", 23))]).at == T0 + timedelta(hours=20)


def test_a_parcel_number_is_not_readable_in_its_short_name():
    assert parcel_id("1Z827WK74630") == parcel_id("1Z827WK74630") != parcel_id("1Z827WK74631")
    assert len(parcel_id("1")) == 12


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("UPS", "ups"),
        ("us-post", "usps"),
        ("USPS", "usps"),
        ("DHL Paket", "dhl"),
        ("dhl-germany", "dhl"),
        ("DHL Express", "dhl-express"),
        ("FedEx", "fedex"),
        ("Bob's Bikes", "bob-s-bikes"),
        ("Other", None),
        ("", None),
        (None, None),
        ("→", None),
    ],
)
def test_a_carrier_has_one_name_however_it_is_spelled(told, name):
    assert carrier(told) == name


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("1z827wk74630", "1Z827WK74630"),
        (" 9400 1159 01 ", "9400115901"),
        ("JJD-01.23", "JJD0123"),
        ("https://track.example.com/1", None),
        ("", None),
        ("9" * 65, None),
        (None, None),
    ],
)
def test_a_parcel_number_has_one_spelling_and_is_no_link(told, number):
    assert parcel_number(told) == number


def test_a_short_number_is_one_parcel_only_under_one_carrier():
    assert may_be_one("12345678", "dhl", "dhl")
    assert may_be_one("12345678", None, "dhl")
    assert not may_be_one("12345678", "dhl", "ups")
    assert may_be_one("00340434161094000001", "dhl", "yun-express")


def a_shipment(ref: str, *lines: ShippedLine, delivered: bool = True, **more) -> Shipment:
    given = {
        "key": f"example:{ref}",
        "shop": "example",
        "ref": ref,
        "order_keys": ("example:1070",),
        "as_of": T0,
        "described_at": T0,
        "lines": lines,
        "delivered_at": T0 + timedelta(days=1) if delivered else None,
    }
    return Shipment(**{**given, **more})


def two_lines() -> Order:
    return an_order(lines=tuple(OrderLine(line_ref=ref, title="Cup", quantity=2) for ref in ("1", "2")))


def delivered_at(order: Order, *shipments: Shipment) -> datetime | None:
    return a_customer(order, shipments=shipments).delivered_at(order.key)


def test_an_order_is_delivered_when_all_its_standing_shipments_are():
    order = two_lines()
    assert delivered_at(order) is None
    assert delivered_at(order, a_shipment("S1"), a_shipment("S2", delivered=False)) is None
    assert delivered_at(order, a_shipment("S1"), a_shipment("S2")) == T0 + timedelta(days=1)
    assert delivered_at(order, a_shipment("S1"), a_shipment("S2", delivered=False, cancelled_at=T0))
    assert delivered_at(order, a_shipment("S1"), a_shipment("S2", delivered=False, described_at=None))


def test_an_order_is_not_delivered_while_goods_wait_to_be_sent():
    order = two_lines()
    first = a_shipment("S1", ShippedLine(line_ref="1", quantity=2))
    assert delivered_at(order, first) is None
    assert delivered_at(order, first, a_shipment("S2", ShippedLine(line_ref="2", quantity=1))) is None
    assert delivered_at(order, first, a_shipment("S2", ShippedLine(line_ref="2", quantity=2)))
    gift = order.model_copy(update={"lines": (order.lines[0], order.lines[1].model_copy(update={"gift_card": True}))})
    assert delivered_at(gift, first)


def test_lines_of_another_order_in_the_same_shipment_do_not_count():
    mixed = a_shipment("S1", ShippedLine(line_ref="1", quantity=2), ShippedLine(line_ref="2", quantity=2, order_ref="1071"))
    assert delivered_at(two_lines(), mixed) is None

"""What might be answered: how the latest order stands, in the language of whoever wrote."""

from datetime import timedelta

import pytest

from aftercare.customer import Refund
from aftercare.shipment import Parcel, Shipment
from helpdesk_bridge.reply import how_it_stands, suggestion
from tests.builders import NOON, a_customer, an_order

URL = "https://carrier.example/t/1"


def a_shipment(url=None, **more):
    given = {
        "key": "example:S-1",
        "shop": "example",
        "ref": "S-1",
        "order_keys": ("example:1070",),
        "as_of": NOON,
        "described_at": NOON,
        "shipped_at": NOON,
        "parcels": (Parcel(number="123456789", url=url),),
    }
    return Shipment(**{**given, **more})


@pytest.mark.parametrize(
    ("order", "shipments", "key"),
    [
        ({}, (), "preparing"),
        ({}, (a_shipment(shipped_at=None),), "preparing"),
        ({}, (a_shipment(),), "on_its_way_unseen"),
        ({}, (a_shipment(URL),), "on_its_way"),
        ({}, (a_shipment(URL, status="exception", status_at=NOON),), "late"),
        ({}, (a_shipment(status="exception", status_at=NOON),), "late_unseen"),
        ({}, (a_shipment(URL, delivered_at=NOON + timedelta(days=2)),), "delivered"),
        ({"cancelled_at": NOON}, (), "cancelled"),
        ({"refunds": (Refund(ref="r", at=NOON, whole=True),)}, (), "refunded"),
    ],
)
def test_the_reply_follows_the_order(order, shipments, key):
    customer = a_customer(an_order(**order), shipments=shipments)
    assert how_it_stands(customer, customer.orders[0])[0] == key


def test_it_speaks_of_the_newest_order_by_its_name_and_leads_to_the_parcel():
    older = an_order("1", placed_at=NOON - timedelta(days=9))
    said = suggestion(a_customer(older, an_order(), shipments=(a_shipment(URL),)))
    assert "#1070" in said and URL in said and "#1 " not in said
    assert said.startswith("Danke"), "the order went to Germany"


def test_it_is_in_the_language_of_who_wrote():
    assert suggestion(a_customer(an_order(locale="en-GB"))).startswith("Thank you")
    delivered = a_customer(an_order(locale="de"), shipments=(a_shipment(delivered_at=NOON),))
    assert "2." in suggestion(delivered) and "{" not in suggestion(delivered)


def test_to_somebody_without_an_order_it_asks_which():
    assert suggestion(None) == suggestion(a_customer(an_order(is_test=True)))
    assert "{" not in suggestion(None) and suggestion(None).rstrip().endswith((".", "?"))

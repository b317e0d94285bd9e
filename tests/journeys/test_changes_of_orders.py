"""What becomes of an order after it was placed, and what its customer hears of it."""

import email
import email.policy

import pytest

from aftercare.clock import iso


def happened(shop, kind, **more):
    shop.put(kind, **{"occurred_at": iso(shop.cloud.now), **more})


def words(letter):
    mail = email.message_from_bytes(letter.mime(), policy=email.policy.default)
    return mail.get_body(("plain",)).get_content()


def templates(cloud):
    return [m["template"] for m in cloud.messages() if m["settlement"] == "SENT"]


REFUND = {"ref": "r1", "amount": {"amount": "5.00", "currency": "EUR"}}


@pytest.mark.parametrize(
    ("kind", "more", "template"),
    [
        ("OrderCancelled", {"ref": "1"}, "order-cancelled"),
        ("OrderEdited", {"ref": "1"}, "order-edited"),
        ("OrderReadyForPickup", {"ref": "1"}, "order-ready-for-pickup"),
        ("ReturnRequested", {"ref": "R-1", "order_ref": "1"}, "return-requested"),
        ("ReturnApproved", {"ref": "R-1", "order_ref": "1"}, "return-approved"),
        ("ReturnExpired", {"ref": "R-1", "order_ref": "1"}, "return-expired"),
        ("ReturnDeclined", {"ref": "R-1", "order_ref": "1"}, "return-declined"),
        ("ReturnReceived", {"ref": "R-1", "order_ref": "1"}, "return-received"),
        ("ReturnSettled", {"ref": "R-1", "order_ref": "1", "outcome": "credit"}, "return-settled"),
        ("SubscriptionRenewed", {"ref": "sub-1", "order_ref": "1"}, "subscription-renewed"),
        ("PaymentFailed", {"ref": "sub-1", "order_ref": "1", "attempt_ref": "a1"}, "payment-failed"),
    ],
)
def test_a_change_is_told_once_however_often_the_shop_says_it(shop, cloud, kind, more, template):
    shop.order("1")
    cloud.advance(hours=2)
    at = iso(cloud.now)
    for _ in range(2):
        happened(shop, kind, occurred_at=at, **more)
        cloud.advance(minutes=1)
    cloud.advance(hours=2)
    assert templates(cloud) == ["order-confirmation", template]
    assert not cloud.dead_letters()


def test_a_refund_in_part_and_the_rest_of_it_are_two_messages_with_their_amounts(shop, cloud):
    shop.order("1")
    cloud.advance(hours=2)
    for ref, amount in (("r1", "5.00"), ("r2", "7.00")):
        refund = {"ref": ref, "at": iso(cloud.now), "amount": {"amount": amount, "currency": "EUR"}}
        happened(shop, "OrderRefunded", ref="1", refund=refund)
        cloud.advance(hours=1)
    assert templates(cloud) == ["order-confirmation", "order-refunded", "order-refunded"]
    first, second = shop.letters()[1:]
    assert "5,00" in words(first) and "7,00" in words(second), "as a German reader writes it"


def test_an_order_completed_without_a_shipment_promises_no_tracking(shop, cloud):
    shop.order("1")
    cloud.advance(hours=2)
    happened(shop, "OrderCompleted", ref="1")
    cloud.advance(hours=1)
    assert templates(cloud) == ["order-confirmation", "order-completed"]
    assert "dhl" not in words(shop.letters()[-1]).lower(), "there is no carrier to name and no link to give"


def test_a_shipment_that_is_told_a_moment_later_speaks_for_the_order(shop, cloud):
    shop.order("1")
    cloud.advance(hours=2)
    happened(shop, "OrderCompleted", ref="1")
    cloud.advance(minutes=3)
    parcels = [{"number": "00340434161094000001", "carrier": "DHL"}]
    happened(shop, "ShipmentCreated", ref="S-1", order_ref="1", parcels=parcels, shipped_at=iso(cloud.now))
    cloud.advance(hours=2)
    assert templates(cloud) == ["order-confirmation", "parcel-shipped"]
    (unsaid,) = [m for m in cloud.messages() if m["template"] == "order-completed"]
    assert (unsaid["settlement"], unsaid["reason"]) == ("REFUSED", "shipment_known")

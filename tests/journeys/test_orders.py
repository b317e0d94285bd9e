"""From a store's word to one explained message."""

import email
import email.policy
from datetime import timedelta
from itertools import permutations

import pytest

from aftercare import keys
from aftercare.clock import iso


def shopify_order(cloud, number=1070, **more):
    now = iso(cloud.now)
    return {
        "id": 820982911946154000 + number,
        "name": f"#{number}",
        "contact_email": "anna@example.com",
        "created_at": now,
        "updated_at": now,
        "currency": "EUR",
        "customer_locale": "en",
        "total_price": "24.00",
        "total_price_set": {
            "shop_money": {"amount": "24.00", "currency_code": "EUR"},
            "presentment_money": {"amount": "24.00", "currency_code": "EUR"},
        },
        "shipping_address": {"country_code": "DE", "zip": "10115", "first_name": "Anna", "last_name": "B"},
        "line_items": [{"id": 1, "title": "House espresso", "quantity": 2, "product_id": 7, "requires_shipping": True}],
        "test": False,
        **more,
    }


def parsed(letter):
    return email.message_from_bytes(letter.mime(), policy=email.policy.default)


def test_an_order_is_confirmed_within_a_minute_with_everything_a_mail_owes(shop, cloud):
    placed = cloud.now
    answer = shop.webhook("orders/create", shopify_order(cloud))
    assert answer.status == 200
    cloud.run()
    assert shop.only("order-confirmation")["settlement"] == "SENT"
    (letter,) = shop.letters()
    assert letter.at - placed <= timedelta(seconds=60)
    mail = parsed(letter)
    assert mail["To"] == "anna@example.com"
    assert "1070" in mail["Subject"]
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    for part in mail.iter_parts():
        assert "House espresso" in part.get_content()
        assert "https://" in part.get_content()
    assert letter.tags["aftercare-message"]
    assert "List-Unsubscribe" not in mail, "nobody unsubscribes from the confirmation of their own order"


def test_the_same_order_by_both_routes_twice_and_in_any_order_is_confirmed_once(shop, cloud):
    ways = [
        ("https", "w-create", "orders/create"),
        ("bus", "w-create", "orders/create"),
        ("bus", "w-other", "orders/create"),
        ("https", "w-paid", "orders/paid"),
    ]
    for number, order_of_arrival in enumerate(permutations(ways)):
        body = shopify_order(cloud, 2000 + number, contact_email=f"p{number}@example.com")
        for route, webhook_id, topic in order_of_arrival * 2:
            if route == "https":
                assert shop.webhook(topic, body, f"{webhook_id}-{number}").status == 200
            else:
                shop.partner_event(topic, body, f"{webhook_id}-{number}")
            cloud.run()
        assert len(shop.letters(f"p{number}@example.com")) == 1
    assert len(shop.messages("order-confirmation")) == 24
    assert not cloud.dead_letters()


def test_paid_is_no_duplicate_of_placed_although_both_carry_one_event_id(shop, cloud):
    body = shopify_order(cloud)
    assert shop.webhook("orders/create", body).json()["facts"] == ["OrderPlaced"]
    assert "OrderPaid" in shop.webhook("orders/paid", body).json()["facts"]


@pytest.mark.parametrize(
    ("secret", "headers"),
    [("wrong", {}), ("s3cret", {"x-shopify-hmac-sha256": None}), ("s3cret", {"x-shopify-hmac-sha256": "no base64"})],
)
def test_a_wrong_or_missing_signature_is_401_and_writes_nothing(shop, cloud, secret, headers):
    before = cloud.state_digest()
    answer = shop.webhook("orders/create", shopify_order(cloud), secret=secret, headers=headers)
    assert answer.status == 401
    assert answer.body == b""
    cloud.run()
    assert cloud.state_digest() == before


@pytest.mark.parametrize(
    "change",
    [
        {"test": True},
        {"cancelled_at": "2026-03-02T09:00:00Z", "cancel_reason": "fraud"},
        {"contact_email": "", "email": "", "customer": None, "shipping_address": None},
        {"tags": "gift, aftercare-silent"},
    ],
)
def test_an_order_that_deserves_no_confirmation_is_recorded_and_told_to_nobody(shop, cloud, change):
    assert shop.webhook("orders/create", shopify_order(cloud, **change)).status == 200
    cloud.advance(hours=30)
    assert not cloud.mailbox.taken
    assert not cloud.dead_letters()


def test_a_contact_that_becomes_known_later_brings_the_confirmation(shop, cloud):
    nobody = {"contact_email": None, "email": None}
    shop.webhook("orders/create", shopify_order(cloud, **nobody))
    cloud.run()
    assert not cloud.mailbox.taken
    cloud.advance(hours=1)
    shop.webhook("orders/updated", shopify_order(cloud, updated_at=iso(cloud.now)))
    cloud.run()
    assert len(shop.letters()) == 1


def test_a_topic_nobody_knows_is_kept_and_answered_2xx(shop, cloud):
    answer = shop.webhook("moon/phase_changed", {"id": 1})
    assert answer.status == 200
    assert answer.json()["parked"]


def test_the_preview_envelope_of_shopify_events_is_parked_with_its_reason(shop, cloud):
    metadata = {"shopify-topic": "Order", "shopify-action": "create", "shopify-webhook-id": "w1"}
    payload = {"topic": "Order", "data": {"order": None}, "errors": [{"extensions": {"code": "ACCESS_DENIED"}}]}
    cloud.publish(
        {
            "source": "aws.partner/shopify.com/1234/aftercare",
            "detail-type": "shopifyWebhook",
            "detail": {"payload": payload, "metadata": metadata},
        },
        bus="aws.partner/shopify.com/1234/aftercare",
    )
    cloud.run()
    parked = [item for item in cloud.items("CustomerTable") if str(item["pk"]).startswith("PARKED#")]
    assert len(parked) == 1
    assert parked[0]["reason"]
    assert not cloud.dead_letters()


def test_add_ons_come_only_with_consent_and_then_with_a_way_out(shop, cloud):
    shop.order("1", "Coffee", email="yes@example.com", consent=("promotional",))
    shop.order("2", "Coffee", email="no@example.com")
    (with_offer,), (without,) = shop.letters("yes@example.com"), shop.letters("no@example.com")
    consented, plain = parsed(with_offer), parsed(without)
    assert consented["List-Unsubscribe"].startswith("<https://")
    assert consented["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "List-Unsubscribe" not in plain
    html = {name: mail.get_body(("html",)).get_content() for name, mail in (("yes", consented), ("no", plain))}
    assert "Example Street" in html["yes"]
    assert len(html["yes"]) > len(html["no"])


def test_a_reminder_comes_when_the_coffee_runs_out_and_with_consent(shop, cloud):
    shop.order("1", consent=("reorder",))
    cloud.advance(days=90)
    reminder = shop.only("reorder-reminder")
    assert reminder["settlement"] == "SENT"
    mail = parsed(shop.letters()[-1])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_reminder_is_not_sent_when_the_customer_reordered_during_the_wait(shop, cloud):
    shop.order("1", consent=("reorder",))
    cloud.advance(days=5)
    shop.order("2")
    cloud.advance(days=90)
    keys = {m["key"]: m["settlement"] for m in shop.messages("reorder-reminder")}
    assert not any(key.startswith("reorder-reminder#coffee:1:") and state == "SENT" for key, state in keys.items())


@pytest.mark.parametrize(
    ("detail_type", "more"),
    [
        ("OrderCancelled", {}),
        ("OrderRefunded", {"refund": {"ref": "r1", "amount": {"amount": "12.00", "currency": "EUR"}}}),
    ],
)
def test_a_reminder_is_not_sent_when_the_order_was_undone_during_the_wait(shop, cloud, detail_type, more):
    shop.order("1", consent=("reorder",))
    cloud.advance(days=3)
    if "refund" in more:
        more["refund"]["at"] = iso(cloud.now)
    shop.put(detail_type, ref="1", occurred_at=iso(cloud.now), **more)
    cloud.advance(days=90)
    assert "SENT" not in [m["settlement"] for m in shop.messages("reorder-reminder")]
    assert len(shop.letters()) == 2, "the confirmation, and that it was undone"


def one_click(cloud, letter):
    """What a mail programme's own unsubscribe button does, after a scanner has opened the link by GET and HEAD."""
    link = parsed(letter)["List-Unsubscribe"].strip("<>")
    path = "/u/" + link.rpartition("/u/")[2]
    before = cloud.state_digest()
    for method in ("GET", "HEAD"):
        cloud.http(method, path)
        assert cloud.state_digest() == before, "a scanner opens every link, and nothing changes"
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = cloud.http("POST", path, form, b"List-Unsubscribe=One-Click")
    assert answer.status == 200
    assert cloud.state_digest() != before


def test_one_click_ends_the_offers_at_once_and_neither_confirmations_nor_reminders(shop, cloud):
    shop.order("1", consent=("promotional", "reorder"))
    one_click(cloud, shop.letters()[0])
    shop.order("2", product_type="Leather goods", title="Leather bag")
    second = parsed(shop.letters()[1])
    assert "List-Unsubscribe" not in second, "no offer, so nothing to unsubscribe from"
    cloud.advance(days=90)
    assert "sent" in [m["reason"] for m in shop.messages("reorder-reminder")]


def test_one_click_in_a_reminder_stops_the_reminders_that_are_still_waiting(shop, cloud):
    shop.order("1", consent=("reorder",))
    cloud.advance(days=35)
    reminder = shop.letters()[-1]
    assert shop.only("reorder-reminder")["reason"] == "sent"
    shop.order("2")
    one_click(cloud, reminder)
    cloud.advance(days=90)
    assert [m["reason"] for m in shop.messages("reorder-reminder")] == ["sent", "channel_turned_off"]


def test_a_hard_bounce_is_remembered_and_nothing_more_is_sent_there(shop, cloud):
    shop.order("1", email="bounce@simulator.amazonses.com", consent=("reorder",))
    cloud.advance(days=90)
    assert [m["reason"] for m in shop.messages("reorder-reminder")] == ["hard_bounce"]
    assert len(cloud.mailbox.taken) == 1


def test_an_open_counts_on_the_message_and_changes_nothing_else(shop, cloud):
    shop.order("1")
    cloud.advance(minutes=1)
    (taken,) = shop.letters()
    cloud.mailbox.tell_again("Delivery", taken, delivery={"recipients": [taken.recipient]})
    cloud.run()
    (item,) = [i for i in cloud.items("CustomerTable") if str(i["sk"]).startswith("9#LEDGER#")]
    assert item["state"] == "SENT"
    assert item["delivered_count"] >= 1


def test_consent_given_for_one_address_is_no_ground_for_the_same_customers_other_address(shop, cloud):
    shop.order("1", email="a@example.com", customer_ref="c1", consent=("promotional", "reorder"))
    cloud.advance(days=1)
    shop.order("2", email="b@example.com", customer_ref="c1")
    (other,) = shop.letters("b@example.com")
    assert "List-Unsubscribe" not in parsed(other)
    cloud.advance(days=90)
    reminders = [m for m in shop.messages("reorder-reminder") if m["settlement"] == "SENT"]
    assert not reminders or shop.letters("a@example.com")[1:], "a reminder goes to the address that asked for it, or nowhere"
    # What goes to the other address is of the orders and of help with them; nothing of it needs the consent.
    purposes = {keys.message_id(message["key"]): message["purpose"] for message in cloud.messages()}
    assert {purposes[letter.tags["aftercare-message"]] for letter in shop.letters("b@example.com")} == {
        "transactional",
        "service",
    }


def test_a_withdrawal_that_is_only_seen_in_a_payload_ends_an_older_consent(shop, cloud):
    shop.order("1", consent=("reorder",))
    cloud.advance(days=1)
    said = [{"channel": "email", "purpose": "reorder", "says": "withdrawn"}]
    contact = {"email": "anna@example.com"}
    shop.put("ConsentObserved", occurred_at=iso(cloud.now), contact=contact, said=said)
    cloud.advance(days=90)
    assert [m["reason"] for m in shop.messages("reorder-reminder")] == ["channel_turned_off"]

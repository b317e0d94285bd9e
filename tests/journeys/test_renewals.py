"""Subscriptions from the first order to the notices before they renew: month ends, clock changes, and what stops them."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from aftercare.clock import iso
from simulator.cloud import LocalCloud
from tests.journeys.conftest import SECRET, Shop


def cloud_on(backend):
    return LocalCloud(backend, seed=11, switch="on")


@pytest.fixture
def cloud():
    with cloud_on("memory") as running:
        yield running


@pytest.fixture
def shop(cloud):
    return Shop(cloud)


def plain(letter):
    return message_from_bytes(letter.mime(), policy=policy.default).get_body(("plain",)).get_content()


def on(shop, at):
    shop.cloud.advance(seconds=(at - shop.cloud.now).total_seconds())


def state(shop, status="active", **more):
    detail = {"ref": "SUB-1", "customer_ref": "C-1", "occurred_at": iso(shop.cloud.now), "status": status, **more}
    shop.put("SubscriptionUpdated", **detail)


def box(shop, ref, consent=("reorder",), **more):
    price = {"amount": "20.00", "currency": "EUR"}
    line = {"line_ref": "1", "title": "Coffee box", "quantity": 1, "product_type": "Coffee subscription", "unit_price": price}
    shop.order(ref, consent=consent, customer_ref="C-1", locale="en", lines=[line], **more)


def subscribes(shop, every="P1M", consent=("reorder",), **more):
    box(shop, "1", consent)
    state(shop, order_ref="1", every=every, **more)


def renews(shop, ref):
    box(shop, ref, is_renewal=True)
    shop.put("SubscriptionRenewed", ref="SUB-1", order_ref=ref, occurred_at=iso(shop.cloud.now))


def arrives(shop, ref):
    now, parcel = iso(shop.cloud.now), f"0034043416109{int(ref):07d}"
    sent = {"ref": f"S-{ref}", "order_ref": ref, "occurred_at": now, "shipped_at": now}
    shop.put("ShipmentCreated", **sent, parcels=[{"number": parcel, "carrier": "DHL"}])
    scan = {"status": "delivered", "at": now, "country": "DE"}
    shop.put("ShipmentMoved", ref=f"S-{ref}", occurred_at=now, parcels=[{"number": parcel, "carrier": "DHL", "scans": [scan]}])


def notices(shop):
    return {m["key"].rpartition(":")[2]: m["settlement"] for m in shop.messages("renewal-reminder")}


def notice_mails(shop):
    return [mail for mail in shop.letters() if "NEXT RENEWAL" in plain(mail)]


def notice_texts(shop):
    return [plain(mail) for mail in notice_mails(shop)]


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_each_renewal_is_told_once_before_it_comes_with_what_was_had_from_it(backend):
    with cloud_on(backend) as cloud:
        shop = Shop(cloud)
        on(shop, datetime(2027, 12, 31, 9, tzinfo=UTC))
        subscribes(shop, single_price={"amount": "23.50", "currency": "EUR"})
        cloud.advance(days=2)
        arrives(shop, "1")
        on(shop, datetime(2028, 1, 31, 9, 5, tzinfo=UTC))
        renews(shop, "2")
        cloud.advance(days=2)
        arrives(shop, "2")
        shop.put("MilestoneReached", milestone="fiftieth-cup", order_ref="2", occurred_at=iso(cloud.now))
        on(shop, datetime(2028, 2, 29, 9, 10, tzinfo=UTC))
        renews(shop, "3")
        cloud.advance(days=25)
        assert notices(shop) == {"2028-01-31": "SENT", "2028-02-29": "SENT"}
        cloud.advance(days=3)
        assert notices(shop) == {"2028-01-31": "SENT", "2028-02-29": "SENT", "2028-03-31": "SENT"}
        first, second, _ = notice_texts(shop)
        assert "around 31 January 2028" in first and "One delivery that arrived" in first and "€3.50 less" in first
        assert "around 29 February 2028" in second and "2 deliveries that arrived" in second and "€7.00 less" in second
        assert "One milestone reached with it" in second and "milestone" not in first
        assert notice_mails(shop)[1].at.replace(second=0, microsecond=0) == datetime(2028, 2, 24, 8, tzinfo=UTC)
        assert cloud.errors == [] and cloud.dead_letters() == {}


def test_the_notice_comes_at_nine_of_the_customers_day_when_the_clocks_have_changed(shop, cloud):
    on(shop, datetime(2027, 3, 2, 20, tzinfo=UTC))
    subscribes(shop)
    cloud.advance(days=40)
    (mail,) = notice_mails(shop)
    assert mail.at.replace(microsecond=0, second=0) == datetime(2027, 3, 28, 7, tzinfo=UTC)  # the first morning of summer time


def test_a_year_from_the_29th_of_february_is_told_a_month_before_the_28th(shop, cloud):
    on(shop, datetime(2028, 2, 29, 9, tzinfo=UTC))
    subscribes(shop, every="P1Y")
    cloud.advance(days=334)
    assert notices(shop) == {}
    cloud.advance(days=2)
    assert notices(shop) == {"2029-02-28": "SENT"}


@pytest.mark.parametrize("status", ["paused", "cancelled"])
def test_what_is_paused_or_ended_is_not_spoken_of(shop, cloud, status):
    subscribes(shop)
    cloud.advance(days=20)
    state(shop, status)
    cloud.advance(days=100)
    assert notices(shop) == {}


def test_a_pause_that_is_over_is_spoken_of_again(shop, cloud):
    subscribes(shop)
    cloud.advance(days=5)
    state(shop, "paused")
    cloud.advance(days=5)
    state(shop)
    cloud.advance(days=30)
    assert list(notices(shop).values()) == ["SENT"]


def test_a_renewal_that_comes_early_stops_the_wait(shop, cloud):
    subscribes(shop)
    cloud.advance(days=18)
    renews(shop, "2")
    cloud.advance(days=12)
    assert notices(shop) == {}


def test_a_payment_that_fails_is_told_for_itself_and_no_notice_speaks_of_it(shop, cloud):
    subscribes(shop, consent=())
    cloud.advance(days=32)
    shop.put("PaymentFailed", ref="SUB-1", attempt_ref="a1", occurred_at=iso(cloud.now))
    cloud.advance(days=2)
    assert shop.only("payment-failed")["settlement"] == "SENT"
    assert len(notices(shop)) == 1 and "could not collect" not in notice_texts(shop)[0]


def test_without_the_ground_of_reminders_it_is_the_notice_alone(shop, cloud):
    subscribes(shop, consent=())
    state_of_reminders = [{"channel": "email", "purpose": "reorder", "says": "withdrawn"}]
    shop.put("ConsentChanged", customer_ref="C-1", said=state_of_reminders, occurred_at=iso(cloud.now))
    cloud.advance(days=2)
    arrives(shop, "1")
    cloud.advance(days=30)
    (text,) = notice_texts(shop)
    assert "delivery that arrived" not in text and "WHAT YOU HAVE HAD" not in text


def test_who_turned_service_off_gets_none(shop, cloud):
    subscribes(shop)
    off = [{"channel": "email", "purpose": "service", "says": "withdrawn"}]
    shop.put("ConsentChanged", customer_ref="C-1", said=off, occurred_at=iso(cloud.now))
    cloud.advance(days=40)
    assert list(notices(shop).values()) == ["REFUSED"]


def test_a_contract_that_is_told_before_its_order_counts_from_the_order(shop, cloud):
    detail = {"ref": "SUB-1", "order_ref": "1", "occurred_at": iso(cloud.now), "status": "active", "every": "P4W"}
    shop.put("SubscriptionUpdated", **detail)
    box(shop, "1")
    start = cloud.now
    cloud.advance(days=25)
    assert notices(shop) == {(start + timedelta(days=28)).date().isoformat(): "SENT"}


def test_a_store_that_says_no_status_has_no_notices(shop, cloud):
    box(shop, "1")
    shop.put("SubscriptionUpdated", ref="SUB-1", order_ref="1", customer_ref="C-1", occurred_at=iso(cloud.now))
    cloud.advance(days=60)
    assert notices(shop) == {}


def test_a_contract_of_shopify_is_told_of_by_its_period():
    with LocalCloud("memory", seed=11, switch="on", ssm={"/aftercare/shopify-secrets": SECRET}) as cloud:
        start = cloud.now
        a_contract_of_shopify(Shop(cloud), cloud)
        cloud.advance(days=25)
        (key,) = notices(Shop(cloud))
        assert key == (start + timedelta(days=28)).date().isoformat()


def a_contract_of_shopify(shop, cloud):
    order = {
        "id": 1001,
        "name": "#1",
        "created_at": iso(cloud.now),
        "updated_at": iso(cloud.now),
        "contact_email": "anna@example.com",
        "customer": {"id": 7, "email": "anna@example.com"},
        "currency": "EUR",
        "line_items": [{"id": 1, "title": "Coffee box", "quantity": 1, "product_id": 7, "variant_id": 8}],
        "shipping_address": {"country_code": "DE"},
    }
    assert shop.webhook("orders/create", order).status == 200
    contract = {"id": 55, "origin_order_id": 1001, "customer_id": 7, "status": "active"}
    billing = {"billing_policy": {"interval": "week", "interval_count": 4}}
    at = {"x-shopify-triggered-at": iso(cloud.now)}
    assert shop.webhook("subscription_contracts/create", {**contract, **billing}, headers=at).status == 200

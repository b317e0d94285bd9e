"""Reorder reminders from the order to the mailbox, weeks later: thrice bought, bought early, put off, not wanted."""

import re
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes, policy
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from aftercare import keys
from aftercare.clock import iso, parse_iso
from aftercare.table import Put
from aftercare.wishes import QuietHours, Wishes
from simulator.cloud import LocalCloud
from tests.journeys.conftest import Shop

FORM = {"content-type": "application/x-www-form-urlencoded"}
CHEAP = {"amount": "9.90", "currency": "EUR"}


@pytest.fixture(params=["memory", "moto"])
def cloud(request):
    with LocalCloud(request.param, seed=11, switch="on") as running:
        yield running
        assert running.errors == []
        assert running.dead_letters() == {}


@pytest.fixture
def shop(cloud):
    return Shop(cloud)


def buys(shop, ref, price=CHEAP, **more):
    line = {"line_ref": "1", "title": "House espresso", "quantity": 1, "product_type": "Coffee", "unit_price": price}
    shop.order(ref, consent=("reorder",), country="DE", locale="en", **{"lines": [line], **more})


def reminders(shop):
    return {m["key"]: m["settlement"] for t in ("reorder-reminder", "reorder-nudge") for m in shop.messages(t)}


def plain(letter):
    return message_from_bytes(letter.mime(), policy=policy.default).get_body(("plain",)).get_content()


def on(cloud, at):
    cloud.advance(seconds=(at - cloud.now).total_seconds())


def test_a_first_purchase_is_not_reminded_of_and_the_third_is(shop, cloud):
    buys(shop, "1")
    cloud.advance(days=24)
    buys(shop, "2")
    cloud.advance(days=24)
    buys(shop, "3")
    assert not [key for key in reminders(shop) if ":1:" in key]
    cloud.advance(days=60)
    sent = reminders(shop)
    assert sent.get("reorder-reminder#coffee:3:coffee") == "SENT"
    assert len(sent) == len(set(sent)) <= 3


def test_a_first_purchase_that_nobody_repeats_is_never_spoken_of(shop, cloud):
    buys(shop, "1")
    cloud.advance(days=120)
    assert reminders(shop) == {}


def test_an_early_reorder_cancels_the_reminder(shop, cloud):
    buys(shop, "1", price={"amount": "49.90", "currency": "EUR"})
    cloud.advance(days=20)
    buys(shop, "2", price={"amount": "49.90", "currency": "EUR"})
    cloud.advance(days=9)
    assert "reorder-reminder#coffee:1:coffee" not in reminders(shop)
    cloud.advance(days=40)
    assert reminders(shop)["reorder-reminder#coffee:2:coffee"] == "SENT"


def offer_page(letter):
    return re.search(r"https://[^/\s]+(/n/[^\s?]+)", plain(letter))[1]


def test_a_snooze_is_kept_to_the_day_and_scanners_move_nothing(shop, cloud):
    buys(shop, "1", price={"amount": "49.90", "currency": "EUR"})
    cloud.advance(days=28, hours=2)
    path = offer_page(shop.letters()[-1])
    before = cloud.state_digest()
    assert 'value="later" checked' in cloud.http("GET", f"{path}?said=later").text
    assert cloud.state_digest() == before
    assert cloud.http("POST", path, FORM, urlencode({"said": "later", "days": "14"}).encode()).status == 200
    cloud.advance(days=13)
    assert len([s for s in reminders(shop).values() if s == "SENT"]) == 1
    cloud.advance(days=2)
    again = [key for key, state in reminders(shop).items() if state == "SENT"]
    assert len(again) == 2
    assert any(re.fullmatch(r"reorder-reminder#coffee:1:coffee:\d{8}", key) for key in again)


def test_not_for_this_product_ends_it_for_good(shop, cloud):
    buys(shop, "1", price={"amount": "49.90", "currency": "EUR"})
    cloud.advance(days=28, hours=2)
    path = offer_page(shop.letters()[-1])
    assert cloud.http("POST", path, FORM, urlencode({"said": "not-for-me"}).encode()).status == 200
    buys(shop, "2", price={"amount": "49.90", "currency": "EUR"})
    cloud.advance(days=90)
    assert len(reminders(shop)) == 1


def test_what_is_left_puts_the_reminder_off_by_how_long_it_lasts(shop, cloud):
    buys(shop, "1", price={"amount": "49.90", "currency": "EUR"})
    cloud.advance(days=28, hours=2)
    path = offer_page(shop.letters()[-1])
    assert cloud.http("POST", path, FORM, urlencode({"said": "left", "left": "x"}).encode()).status == 400
    assert cloud.http("POST", path, FORM, urlencode({"said": "left", "left": "1"}).encode()).status == 200
    cloud.advance(days=200)
    assert len([key for key in reminders(shop) if key.startswith("reorder-reminder")]) == 2


def dear(shop, ref, **line):
    """A first purchase of it is worth a reminder, 28 days later."""
    price = {"amount": "49.90", "currency": "EUR"}
    details = {"line_ref": "1", "title": "House espresso", "quantity": 1, "product_type": "Coffee", "unit_price": price, **line}
    buys(shop, ref, lines=[details])


def waits_until(cloud):
    """The ends of the waits for reminders that have been started, in their order."""
    items = (i for i in cloud.items("CustomerTable") if str(i["sk"]).startswith("9#WAIT#") and "reorder" in str(i["key"]))
    return sorted(parse_iso(str(item["until"])) for item in items)


def test_a_leap_day_is_a_day_like_any_other(shop, cloud):
    on(cloud, datetime(2028, 2, 29, 9, tzinfo=UTC))
    dear(shop, "1")
    cloud.advance(days=29)
    (message,) = shop.messages("reorder-reminder")
    assert message["settlement"] == "SENT"
    assert [mail.at for mail in shop.letters()][-1] >= datetime(2028, 3, 28, 7, tzinfo=UTC)


def test_what_runs_out_on_a_leap_day_is_reminded_of_on_it(shop, cloud):
    on(cloud, datetime(2028, 2, 1, 9, tzinfo=UTC))
    dear(shop, "1")
    on(cloud, datetime(2028, 2, 29, 8, 59, tzinfo=UTC))
    assert reminders(shop) == {}
    cloud.advance(days=1)
    assert reminders(shop) == {"reorder-reminder#coffee:1:coffee": "SENT"}
    assert shop.letters()[-1].at.date() == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("zone", "where", "eve"),
    [
        ("Europe/Berlin", {"country": "DE"}, date(2027, 3, 27)),
        ("Europe/Berlin", {"country": "DE"}, date(2027, 10, 30)),
        ("America/New_York", {"country": "US", "region": "NY"}, date(2027, 3, 13)),
        ("America/New_York", {"country": "US", "region": "NY"}, date(2027, 11, 6)),
    ],
)
def test_an_order_one_minute_before_the_day_of_the_change_counts_its_days_by_the_calendar(shop, cloud, zone, where, eve):
    """23:59 on the eve; four weeks later it is 23:59 there, an hour earlier or later in UTC."""
    placed = datetime.combine(eve, time(23, 59), ZoneInfo(zone))
    on(cloud, placed.astimezone(UTC))
    price = {"amount": "49.90", "currency": "USD" if where["country"] == "US" else "EUR"}
    line = {"line_ref": "1", "title": "House espresso", "quantity": 1, "product_type": "Coffee", "unit_price": price}
    shop.order("1", consent=("reorder",), lines=[line], **where)
    (until,) = waits_until(cloud)
    assert until.astimezone(ZoneInfo(zone)) == datetime.combine(eve + timedelta(days=28), time(23, 59), ZoneInfo(zone))
    assert abs((until - cloud.now) - timedelta(days=28)) == timedelta(hours=1)
    cloud.advance(days=29)
    assert reminders(shop) == {"reorder-reminder#coffee:1:coffee": "SENT"}


def test_the_preference_page_leads_to_what_runs_out(shop, cloud):
    dear(shop, "1")
    cloud.advance(minutes=5)
    path = re.search(r"https://[^/\s]+(/p/\S+)", plain(shop.letters()[0]))[1]
    link = re.search(r'href="(/n/[^"]+)"', cloud.http("GET", path).text)[1]
    assert cloud.http("POST", link, FORM, urlencode({"said": "later", "days": "60"}).encode()).status == 200
    cloud.advance(days=58)
    assert reminders(shop) == {}
    cloud.advance(days=4)
    assert timedelta(0) < cloud.now - shop.letters()[-1].at < timedelta(days=3)


# ---------------------------------------------------------------- what happens during the wait


@pytest.mark.parametrize("size", ["250 g", "2 x 1 kg"])
def test_another_size_or_pack_of_the_family_is_a_reorder(shop, cloud, size):
    dear(shop, "1", product_ref="P-1", variant="1 kg")
    cloud.advance(days=20)
    dear(shop, "2", product_ref="P-2", variant=size)
    cloud.advance(days=30)
    assert not [key for key in reminders(shop) if ":1:" in key]


@pytest.mark.parametrize("before", [timedelta(seconds=1), timedelta(milliseconds=1), timedelta(microseconds=1)])
def test_a_reorder_in_the_second_in_which_the_wait_ends_is_seen(shop, cloud, before):
    dear(shop, "1")
    (until,) = waits_until(cloud)
    on(cloud, until - before)
    dear(shop, "2")
    cloud.advance(days=1)
    assert reminders(shop) == {}


def test_a_reorder_that_is_told_late_counts_from_when_it_was_placed(shop, cloud):
    dear(shop, "1")
    start = cloud.now
    cloud.advance(days=27)
    placed_on(shop, "2", start + timedelta(days=20))
    cloud.advance(days=2)
    assert reminders(shop) == {}
    cloud.advance(days=30)
    assert {key for key in reminders(shop) if key.startswith("reorder-reminder")} == {"reorder-reminder#coffee:2:coffee"}


def test_an_older_purchase_that_is_told_late_ends_no_reminder_of_a_newer_one(shop, cloud):
    cloud.advance(days=20)
    dear(shop, "2")
    placed_on(shop, "1", cloud.now - timedelta(days=10))
    cloud.advance(days=29)
    assert reminders(shop) == {"reorder-reminder#coffee:2:coffee": "SENT"}


def test_a_reorder_that_is_told_after_the_reminder_ends_the_second_one(shop, cloud):
    dear(shop, "1")
    start = cloud.now
    cloud.advance(days=29)
    placed_on(shop, "2", start + timedelta(days=27))
    cloud.advance(days=25)
    assert "reorder-nudge#coffee:1:coffee" not in reminders(shop)


def placed_on(shop, ref, at):
    """An order that the store tells only now."""
    price = {"amount": "49.90", "currency": "EUR"}
    line = {"line_ref": "1", "title": "House espresso", "quantity": 1, "product_type": "Coffee", "unit_price": price}
    buys(shop, ref, lines=[line], placed_at=iso(at))


def test_what_was_put_off_and_then_bought_is_not_spoken_of(shop, cloud):
    dear(shop, "1")
    cloud.advance(days=28, hours=2)
    path = offer_page(shop.letters()[-1])
    assert cloud.http("POST", path, FORM, urlencode({"said": "later", "days": "14"}).encode()).status == 200
    cloud.advance(days=7)
    dear(shop, "2")
    cloud.advance(days=9)
    assert reminders(shop) == {"reorder-reminder#coffee:1:coffee": "SENT"}


def wishes(cloud, **chosen):
    customer = next(iter({m["customer"] for m in cloud.messages()}))
    doc = Wishes(version=1, **chosen).to_json()
    cloud.tables.write([Put(keys.customer(customer, keys.WISHES), {"doc": doc, "version": 1})])


def test_a_reminder_that_waits_for_the_end_of_quiet_hours_does_not_go_out_after_a_reorder(shop, cloud):
    dear(shop, "1")
    quiet = QuietHours(start=time(6), end=time(20), zone="Europe/Berlin")
    wishes(cloud, quiet=quiet)
    cloud.advance(days=28, hours=1)
    assert reminders(shop) == {"reorder-reminder#coffee:1:coffee": "HELD"}
    dear(shop, "2")
    cloud.advance(days=2)
    assert reminders(shop) == {"reorder-reminder#coffee:1:coffee": "REFUSED"}
    assert [m["reason"] for m in shop.messages("reorder-reminder")] == ["already_reordered"]


def test_a_reminder_that_found_no_room_does_not_go_out_after_a_reorder(shop, cloud):
    price = {"amount": "49.90", "currency": "EUR"}
    kinds = (("1", "House espresso", "Coffee"), ("2", "Leather balm", "Care"))
    lines = [{"line_ref": r, "title": t, "quantity": 1, "product_type": k, "unit_price": price} for r, t, k in kinds]
    buys(shop, "1", lines=lines)
    cloud.advance(days=28, hours=1)
    held = [key for key, state in reminders(shop).items() if state == "HELD"]
    assert len(held) == 1 and sorted(reminders(shop).values()) == ["HELD", "SENT"], "one offer in 16 hours"
    buys(shop, "2", lines=lines)
    cloud.advance(days=2)
    assert reminders(shop)[held[0]] == "REFUSED"
    assert next(m["reason"] for m in shop.messages("reorder-reminder") if m["key"] == held[0]) == "already_reordered"


def test_what_was_refunded_is_not_reminded_of(shop, cloud):
    dear(shop, "1")
    cloud.advance(days=10)
    refund = {"ref": "R-1", "at": iso(cloud.now), "amount": {"amount": "12.00", "currency": "EUR"}, "whole": True}
    shop.put("OrderRefunded", ref="1", occurred_at=iso(cloud.now), refund=refund)
    cloud.advance(days=60)
    assert reminders(shop) == {}


@pytest.mark.parametrize(("restocked", "expected"), [(27, "reorder-reminder"), (35, "reorder-nudge"), (None, None)])
def test_what_cannot_be_bought_is_reminded_of_when_it_can_be_again(shop, cloud, restocked, expected):
    dear(shop, "1", product_ref="P-1")
    cloud.advance(days=20)
    buys(shop, "9", email="ben@example.com", lines=[{"line_ref": "1", "product_ref": "P-1", "title": "House espresso",
         "quantity": 1, "product_type": "Coffee"}])  # fmt: skip
    shop.put("ItemOutOfStock", order_ref="9", line_refs=["1"], occurred_at=iso(cloud.now))
    if restocked:
        cloud.advance(days=restocked - 20)
        shop.put("ProductRestocked", ref="r1", product_ref="P-1", title="House espresso", url="https://shop.example.com/p",
                 occurred_at=iso(cloud.now))  # fmt: skip
    cloud.advance(days=50)
    of_anna = [key for key, state in reminders(shop).items() if ":1:" in key and state == "SENT"]
    assert [key.partition("#")[0] for key in of_anna][:1] == ([expected] if expected else [])


def test_who_subscribed_meanwhile_is_not_reminded(shop, cloud):
    dear(shop, "1")
    cloud.advance(days=10)
    dear(shop, "2", plan="Every four weeks")
    shop.put("SubscriptionUpdated", ref="S-1", order_ref="2", occurred_at=iso(cloud.now))
    cloud.advance(days=28)
    dear(shop, "3")
    shop.put("SubscriptionRenewed", ref="S-1", order_ref="3", occurred_at=iso(cloud.now))
    cloud.advance(days=40)
    assert reminders(shop) == {}

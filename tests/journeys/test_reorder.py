"""Reorder reminders from the order to the mailbox, weeks later: thrice bought, bought early, put off, not wanted."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from urllib.parse import urlencode

import pytest

from simulator.cloud import LocalCloud
from tests.journeys.conftest import Shop

FORM = {"content-type": "application/x-www-form-urlencoded"}
CHEAP = {"amount": "9.90", "currency": "EUR"}


@pytest.fixture
def cloud():
    with LocalCloud("memory", seed=11, switch="on") as running:
        yield running


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


def dear(shop, ref):
    buys(shop, ref, price={"amount": "49.90", "currency": "EUR"})


def test_a_leap_day_is_a_day_like_any_other(shop, cloud):
    on(cloud, datetime(2028, 2, 29, 9, tzinfo=UTC))
    dear(shop, "1")
    cloud.advance(days=29)
    (message,) = shop.messages("reorder-reminder")
    assert message["settlement"] == "SENT"
    assert [mail.at for mail in shop.letters()][-1] >= datetime(2028, 3, 28, 7, tzinfo=UTC)


def test_an_order_one_minute_before_the_clocks_change_counts_its_days_by_the_calendar(shop, cloud):
    """23:59 in Berlin on the eve of summer time; four weeks later it is 23:59 there, an hour earlier in UTC."""
    on(cloud, datetime(2027, 3, 27, 22, 59, tzinfo=UTC))
    dear(shop, "1")
    waits = [i for i in cloud.items("CustomerTable") if str(i["sk"]).startswith("9#WAIT#") and "reorder" in str(i["key"])]
    assert [str(wait["until"]) for wait in waits] == ["2027-04-24T21:59:00.000000Z"]
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

"""What a customer wishes on the preference page, from the link in a mail to what comes of it weeks later."""

import json
import re
from email import message_from_bytes, policy
from urllib.parse import urlencode

import pytest

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def preferences(shop, cloud):
    """Anna ordered with consent to reminders; the page behind the link in her confirmation."""
    shop.order("1", consent=("reorder",), country="FR", locale="en")
    cloud.advance(minutes=5)
    mail = message_from_bytes(shop.letters()[0].mime(), policy=policy.default)
    path = re.search(r"https://[^/\s]+(/p/\S+)", mail.get_body(("plain",)).get_content())[1]

    def save(**form):
        answer = cloud.http("POST", path, FORM, urlencode({"frequency": "each", **form}).encode())
        assert answer.status == 200, answer.text
        return answer.text

    save.path = path
    return save


def test_a_pause_holds_the_reminder_and_its_early_end_lets_it_go_within_a_quarter_of_an_hour(shop, cloud, preferences):
    cloud.advance(days=20)
    preferences(pause="14")
    cloud.advance(days=9)
    held = shop.only("reorder-reminder")
    assert (held["settlement"], held["reason"]) == ("HELD", "paused")
    preferences(pause="none")
    cloud.advance(minutes=16)
    assert shop.only("reorder-reminder")["settlement"] == "SENT"
    assert len(shop.letters()) == 2


def test_a_pause_that_nobody_ends_ends_by_itself(shop, cloud, preferences):
    cloud.advance(days=20)
    preferences(pause="14")
    cloud.advance(days=13)
    assert shop.only("reorder-reminder")["settlement"] == "HELD"
    cloud.advance(days=2)
    assert shop.only("reorder-reminder")["settlement"] == "SENT"


def test_news_of_an_order_come_through_a_pause(shop, cloud, preferences):
    preferences(pause="90")
    shop.order("2", country="FR", locale="en")
    cloud.advance(minutes=5)
    assert [m["settlement"] for m in shop.messages("order-confirmation")] == ["SENT", "SENT"]


def test_the_wished_language_is_that_of_the_next_message_and_of_the_page(shop, cloud, preferences):
    assert '<html lang="de-FR">' in preferences(language="de")
    cloud.advance(days=40)
    mail = message_from_bytes(shop.letters()[1].mime(), policy=policy.default)
    assert "Kaffee" in mail["Subject"]


def test_own_quiet_hours_move_an_offer_to_the_morning(shop, cloud, preferences):
    cloud.advance(days=20)
    preferences(quiet="on", **{"quiet-from": "00:00", "quiet-until": "23:00"})
    cloud.advance(days=20)
    (sent,) = [letter for letter in shop.letters() if letter.at.month != 3 or letter.at.day > 2]
    assert f"{sent.at:%H}" in ("21", "22"), "eleven in the evening in Paris, winter or summer"


def test_the_link_tells_why_this_message_came(shop, cloud, preferences):
    page = cloud.http("GET", f"{preferences.path}/why")
    assert page.status == 200
    assert "News of an order needs no consent" in page.text
    assert "your order #1" in page.text
    cloud.advance(days=40)
    mail = message_from_bytes(shop.letters()[1].mime(), policy=policy.default)
    path = re.search(r"https://[^/\s]+(/p/\S+)", mail.get_body(("plain",)).get_content())[1]
    page = cloud.http("GET", f"{path}/why").text
    assert "You agreed on" in page and "Reorder reminders" in page


def test_who_leaves_by_address_gets_no_more_reminders(shop, cloud, preferences):
    before = cloud.http("POST", "/leave", FORM, b"address=nobody@example.com")
    after = cloud.http("POST", "/leave", FORM, b"address=anna@example.com")
    assert (before.status, before.body) == (after.status, after.body)
    cloud.advance(days=40)
    reminder = shop.only("reorder-reminder")
    assert (reminder["settlement"], reminder["reason"]) == ("REFUSED", "channel_turned_off")
    assert json.dumps(cloud.dead_letters()).count("anna@") == 0

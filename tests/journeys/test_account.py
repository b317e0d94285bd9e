"""The account of an order from the link in a mail: what a customer sees and does there, and what comes of it for the store."""

import json
import re
from email import message_from_bytes, policy
from urllib.parse import urlencode

import pytest

from aftercare.clock import iso

FORM = {"content-type": "application/x-www-form-urlencoded"}


def path_in(letter, kind="o"):
    mail = message_from_bytes(letter.mime(), policy=policy.default)
    return re.search(rf"https://[^/\s]+(/{kind}/[A-Za-z0-9_-]+)", mail.get_body(("plain",)).get_content())[1]


@pytest.fixture
def account(shop, cloud):
    """Anna ordered two bags of coffee; the page behind the link in her confirmation."""
    line = {
        "line_ref": "1",
        "title": "House espresso",
        "quantity": 2,
        "sku": "COF-1",
        "unit_price": {"amount": "6.00", "currency": "EUR"},
    }
    shop.order("1", locale="en", lines=[line])
    cloud.advance(minutes=5)
    return path_in(shop.letters()[0])


def moved(shop, status, **more):
    scan = {"status": status, "at": iso(shop.cloud.now)}
    shop.put("ShipmentMoved", occurred_at=iso(shop.cloud.now), ref="S-1", scans=[scan], **more)


def sent(shop):
    parcels = [{"number": "00340434161094000001", "carrier": "DHL", "url": "https://track.example/1"}]
    now = iso(shop.cloud.now)
    shop.put("ShipmentCreated", ref="S-1", order_ref="1", occurred_at=now, parcels=parcels, shipped_at=now)


def asked(cloud, account, **chosen):
    """Both steps of a return, as somebody without scripts takes them."""
    page = cloud.http("POST", f"{account}/return", FORM, urlencode({"line-1": "1", "wish": "exchange", **chosen}).encode())
    assert page.status == 200, page.text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page.text))
    return cloud.http("POST", f"{account}/return", FORM, urlencode(fields).encode())


def test_the_page_follows_the_parcel_and_says_each_milestone_once(shop, cloud, account):
    assert "We have your order" in cloud.http("GET", account).text
    cloud.advance(hours=20)
    sent(shop)
    moved(shop, "in_transit")
    cloud.advance(hours=1)
    page = cloud.http("GET", account).text
    assert "Your order is on its way" in page and "Most likely" in page
    assert 'href="https://track.example/1"' in page
    cloud.advance(days=2)
    moved(shop, "out_for_delivery")
    assert "Your order arrives today" in cloud.http("GET", account).text
    cloud.advance(hours=4)
    moved(shop, "delivered")
    cloud.advance(minutes=5)
    page = cloud.http("GET", account).text
    for word in ("Packed", "On its way", "Out for delivery", "Delivered"):
        assert page.count(f">{word} <span") <= 1
    assert "Your order is delivered" in page
    titles = re.findall(r"<li[^>]*>\s*<b>([^<]+)</b>", page)
    assert "delivered" in titles[0].lower() and "is confirmed" in titles[-1]


def test_the_json_form_says_what_the_page_says(shop, cloud, account):
    sent(shop)
    told = json.loads(cloud.http("GET", account, {"accept": "application/json"}).text)
    assert told == json.loads(cloud.http("GET", f"{account}.json").text)
    assert told["confirm"]["state"] == "on_its_way"
    assert told["inform"]["parcels"][0]["tracking_url"] == "https://track.example/1"
    assert told["confirm"]["lines"] == [
        {"title": "House espresso", "quantity": 2, "variant": None, "amount": {"amount": "12.00", "currency": "EUR"}}
    ]


def test_a_return_goes_from_the_page_to_the_store_and_back_through_all_its_states(shop, cloud, account):
    sent(shop)
    moved(shop, "delivered")
    cloud.advance(days=3)
    before = len(shop.letters())
    done = asked(cloud, account, reason="damaged")
    ref = re.search(r"R-[A-Z2-7]{10}", done.text)[0]
    cloud.advance(minutes=5)
    (data,) = [told.fields for told in cloud.journal.entries("event") if told.fields["type"] == "ReturnRequested"]
    assert data["source"] == "aftercare.orders"
    assert (data["return_ref"], data["lines"], data["reason"], data["wish"]) == (ref, {"1": 1}, "damaged", "exchange")
    for number, kind in enumerate(("ReturnApproved", "ReturnReceived", "ReturnSettled"), 1):
        more = {"outcome": "exchange"} if kind == "ReturnSettled" else {}
        for name in (ref, ref):
            shop.put(kind, ref=name, order_ref="1", occurred_at=iso(cloud.now), event_id=f"{kind}-{cloud.now}", **more)
        cloud.advance(days=1)
        state = kind.removeprefix("Return").lower()
        told = json.loads(cloud.http("GET", f"{account}.json").text)["secure"]["returns"]["asked"]
        assert [(one["ref"], one["state"]) for one in told] == [(ref, state)]
        assert len(shop.letters()) == before + 1 + number, "each state is told once"
    subjects = [message_from_bytes(letter.mime(), policy=policy.default)["Subject"] for letter in shop.letters()[before:]]
    assert [word for word in ("request", "approved", "arrived", "settled") if not any(word in s for s in subjects)] == []
    assert not cloud.dead_letters()


def test_a_shop_that_gives_the_return_its_own_number_has_one_return(shop, cloud, account):
    sent(shop)
    ref = re.search(r"R-[A-Z2-7]{10}", asked(cloud, account).text)[0]
    now = iso(cloud.now)
    shop.put("ReturnRequested", ref="RMA-7", order_ref="1", request_ref=ref, occurred_at=now)
    shop.put("ReturnApproved", ref="RMA-7", order_ref="1", occurred_at=now)
    cloud.advance(minutes=5)
    told = json.loads(cloud.http("GET", f"{account}.json").text)["secure"]["returns"]["asked"]
    assert [(one["ref"], one["state"], one["wish"]) for one in told] == [(ref, "approved", "exchange")]
    assert len([m for m in cloud.messages() if m["template"].startswith("return-")]) <= 2


@pytest.mark.parametrize(("kind", "state"), [("ReturnDeclined", "declined"), ("ReturnExpired", "expired")])
def test_a_shop_that_answers_under_its_own_number_alone_shows_one_return_that_may_be_asked_for_again(
    shop, cloud, account, kind, state
):
    sent(shop)
    moved(shop, "delivered")
    cloud.advance(days=1)
    ref = re.search(r"R-[A-Z2-7]{10}", asked(cloud, account).text)[0]
    cloud.advance(minutes=10)
    now = iso(cloud.now)
    shop.put("ReturnRequested", ref="RMA-7", order_ref="1", occurred_at=now)
    shop.put(kind, ref="RMA-7", order_ref="1", occurred_at=now)
    cloud.advance(minutes=5)
    secure = json.loads(cloud.http("GET", f"{account}.json").text)["secure"]["returns"]
    assert [(one["ref"], one["state"]) for one in secure["asked"]] == [(ref, state)]
    assert [step["word"] for step in secure["asked"][0]["steps"]] == ["requested", state]
    assert secure["may"] == "open", "it may be asked for again"
    sent_of = [m["template"] for m in cloud.messages() if m["template"].startswith("return-") and m["settlement"] == "SENT"]
    assert sent_of == ["return-requested", f"return-{state}"]
    page = cloud.http("GET", account).text
    assert ("Declined" if state == "declined" else "Lapsed") in page and page.count('class="return"') == 1
    assert asked(cloud, account).status == 200
    told = json.loads(cloud.http("GET", f"{account}.json").text)["secure"]["returns"]["asked"]
    assert [one["state"] for one in told] == ["requested", state]
    assert not cloud.dead_letters()


def test_a_late_return_is_told_plainly_and_nothing_is_recorded(shop, cloud, account):
    sent(shop)
    moved(shop, "delivered")
    cloud.advance(days=40)
    late = cloud.http("POST", f"{account}/return", FORM, b"line-1=1&wish=refund&request=n")
    assert (late.status, "is over" in late.text) == (400, True)
    assert not shop.messages("return-requested")


def test_a_mail_is_read_again_on_the_page_with_what_it_said(shop, cloud, account):
    told = json.loads(cloud.http("GET", f"{account}.json").text)["inform"]["messages"][0]
    assert told["title"].endswith("is confirmed") and told["read_at"] is None
    body = f"message={told['id']}".encode()
    before = cloud.state_digest()
    assert cloud.http("GET", f"{account}/read").status == 200
    assert cloud.state_digest() == before
    page = cloud.http("POST", f"{account}/read", FORM, body).text
    assert "We have your order and have started on it." in page
    assert json.loads(cloud.http("GET", f"{account}.json").text)["inform"]["messages"][0]["read_at"] == iso(cloud.now)


def test_what_waits_and_was_seen_on_the_page_is_not_sent_any_more(shop, cloud, account):
    shop.put("OrderCompleted", ref="1", occurred_at=iso(cloud.now))
    cloud.advance(minutes=1)
    waits = json.loads(cloud.http("GET", f"{account}.json").text)["inform"]["messages"][0]
    assert (waits["template"], bool(waits["waits_until"])) == ("order-completed", True)
    assert "not sent any more" in cloud.http("POST", f"{account}/read", FORM, f"message={waits['id']}".encode()).text
    cloud.advance(hours=3)
    seen = shop.only("order-completed")
    assert (seen["settlement"], seen["reason"]) == ("SUPERSEDED", "read_elsewhere")
    assert len(shop.letters()) == 1
    assert not cloud.dead_letters()


def test_two_customers_see_nothing_of_each_other(shop, cloud, account):
    shop.order("2", locale="en", email="ben@example.com", country="US", title="Ben's satchel")
    cloud.advance(minutes=5)
    before = cloud.http("GET", f"{account}.json").text
    bens = path_in(shop.letters("ben@example.com")[0])
    shown = cloud.http("GET", bens).text
    assert "satchel" in shown and "House espresso" not in shown
    shop.put("ShipmentCreated", ref="S-2", order_ref="2", occurred_at=iso(cloud.now), shipped_at=iso(cloud.now))
    assert cloud.http("POST", f"{bens}/return", FORM, b"line-1=1&wish=refund&request=n").status == 200
    assert cloud.http("GET", f"{account}.json").text == before, "nothing that happens to Ben changes what Anna sees"
    token = bens.removeprefix("/o/")
    for place in ("p", "c", "k", "a"):
        assert cloud.http("GET", f"/{place}/{token}").status == 404


def test_the_return_terms_are_the_same_before_and_after_the_purchase(shop, cloud, account):
    told = json.loads(cloud.http("GET", "/policy/returns.json?country=DE&product=COF-1&locale=en").text)
    page = cloud.http("GET", account).text
    window, cost = told["text"].split(". ")
    mail = message_from_bytes(shop.letters()[0].mime(), policy=policy.default).get_body(("plain",)).get_content()
    for text in (page, " ".join(mail.split())):
        assert window in text and cost in text
    assert cloud.http("GET", "/policy/returns.json?country=Germany").status == 400

"""A consent in Germany: it waits, one mail asks, a button gives it, and only then something is sent on its ground."""

from email import message_from_bytes, policy

import pytest

from aftercare.clock import iso

FORM = {"content-type": "application/x-www-form-urlencoded"}


def consents(shop, cloud, country="DE"):
    shop.order("1", country=country)
    said = [{"channel": "email", "purpose": purpose, "says": "given"} for purpose in ("reorder", "promotional")]
    contact = {"email": "anna@example.com"}
    shop.put("ConsentChanged", occurred_at=iso(cloud.now), contact=contact, said=said)


def confirmations(shop):
    return [m for m in shop.messages("consent-confirmation") if m["settlement"] == "SENT"]


def letter(shop, n):
    return message_from_bytes(shop.letters()[n].mime(), policy=policy.default)


def path_of(mail):
    text = mail.get_body(("plain",)).get_content()
    return "/k/" + next(line for line in text.splitlines() if "/k/" in line).rpartition("/k/")[2].strip()


def test_a_consent_waits_until_its_mailbox_confirms_it(shop, cloud):
    consents(shop, cloud)
    cloud.advance(minutes=5)
    assert len(confirmations(shop)) == 1
    mail = letter(shop, 1)
    assert "List-Unsubscribe" not in mail
    path, before = path_of(mail), cloud.state_digest()
    for method in ("GET", "HEAD"):
        cloud.http(method, path)
    assert cloud.state_digest() == before, "a scanner opens every link, and nothing changes"
    assert cloud.http("POST", path, FORM, b"").status == 200
    cloud.advance(days=60)
    assert [m["settlement"] for m in shop.messages("reorder-reminder")] == ["SENT"]
    assert len(confirmations(shop)) == 1, "who confirmed is not reminded"


def test_who_does_not_confirm_is_reminded_once_and_gets_nothing_on_that_ground(shop, cloud):
    consents(shop, cloud)
    cloud.advance(days=60)
    assert len(confirmations(shop)) == 2
    assert [m["reason"] for m in shop.messages("reorder-reminder")] == ["no_consent"]
    path = path_of(letter(shop, 1))
    assert cloud.http("POST", path, FORM, b"").status == 410


@pytest.mark.parametrize("country", ["FR", "US"])
def test_elsewhere_consent_counts_at_once(shop, cloud, country):
    consents(shop, cloud, country)
    cloud.advance(days=60)
    assert shop.messages("consent-confirmation") == []
    assert [m["settlement"] for m in shop.messages("reorder-reminder")] == ["SENT"]


def test_a_withdrawal_before_the_confirmation_makes_the_link_do_nothing(shop, cloud):
    consents(shop, cloud)
    cloud.advance(minutes=5)
    path = path_of(letter(shop, 1))
    said = [{"channel": "email", "purpose": "reorder", "says": "withdrawn"}]
    shop.put("ConsentChanged", occurred_at=iso(cloud.now), contact={"email": "anna@example.com"}, said=said)
    cloud.http("POST", path, FORM, b"")
    cloud.advance(days=60)
    assert [m["reason"] for m in shop.messages("reorder-reminder")] == ["channel_turned_off"]

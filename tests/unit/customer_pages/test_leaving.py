"""Leaving needs a link that once was ours, or only the address; who asks never learns whether an address is known."""

import re

import pytest

from aftercare import identity, keys, store
from aftercare.consent import Channel, Purpose, Says
from aftercare.links import LinkPurpose
from aftercare.table import Put
from tests.builders import consent_of, said
from tests.ledger_items import CUSTOMER, a_profile
from tests.unit.customer_pages.test_pages import get, post, request, token
from tests.unit.customer_pages.test_preferences import call


@pytest.fixture
def anna(small):
    customer = a_profile(small, consent=consent_of(*(said(p) for p in Purpose)), country="FR")
    alias = keys.email_alias(identity.keyed_hash("identity-key", "anna@example.com"))
    small.tables.twin.write([Put(alias, {"customer_id": CUSTOMER})])
    return customer


def heads(small):
    return {h.purpose: h.says for h in store.load(small.tables.twin, CUSTOMER).consent.heads}


@pytest.mark.parametrize("purpose", [LinkPurpose.PREFERENCES, LinkPurpose.UNSUBSCRIBE])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_way_out_that_does_not_open_any_more_asks_for_the_address(small, anna, purpose, method):
    before = small.untouched()
    answers = [request(method, purpose, token(purpose)[:-3] + "AAA", form="email-reorder=off")]
    if purpose is LinkPurpose.PREFERENCES:
        answers.append(request(method, purpose, token(purpose, days=-1), form="email-reorder=off"))
    assert [a["statusCode"] for a in answers] == [404, 410][: len(answers)]
    for answer in answers:
        assert '<form method="post" action="/leave">' in answer["body"]
        assert "The address is enough" in answer["body"]
    assert small.untouched() == before


def test_links_that_are_no_way_out_do_not_ask_for_it(small, anna):
    assert "/leave" not in get(LinkPurpose.STATUS, "nothing")["body"]


@pytest.mark.parametrize("address", ["anna@example.com", " Anna@Example.COM "])
def test_the_address_is_enough_and_news_of_orders_still_come(small, anna, address):
    answer = call("POST", "/leave", f"address={address}")
    assert answer["statusCode"] == 200
    assert heads(small) == {p: Says.GIVEN if p is Purpose.TRANSACTIONAL else Says.WITHDRAWN for p in Purpose}
    assert small.told() == ["ConsentChanged"] * 4
    assert all("page:leave" in str(i["doc"]) for i in small.items("EVIDENCE#"))


def test_a_stranger_learns_nothing(small, anna):
    known, unknown = (call("POST", "/leave", f"address={who}@example.com") for who in ("anna", "otto"))
    assert known == unknown
    gone = keys.email_alias(identity.keyed_hash("identity-key", "gone@example.com"))
    small.tables.twin.write([Put(gone, {"customer_id": "nobody"})])
    assert call("POST", "/leave", "address=gone@example.com") == known


@pytest.mark.parametrize("form", ["", "address=", "address=anna", "address=anna@example.com%0d%0aBcc:x@example.com", "&" * 900])
def test_what_is_no_address_is_told_so(small, anna, form):
    before = small.untouched()
    answer = call("POST", "/leave", form)
    assert answer["statusCode"] == 400
    assert "not an e-mail address" in answer["body"]
    assert small.untouched() == before


def test_looking_at_the_page_changes_nothing_and_it_speaks_the_browsers_language(small, anna):
    before = small.untouched()
    answer = call("GET", "/leave", headers={"accept-language": "de-CH"})
    assert answer["statusCode"] == 200 and "E-Mail-Adresse" in answer["body"]
    assert re.search(r'<label for="address">[^<]+</label>\s*<input id="address" name="address" type="email"', answer["body"])
    assert small.untouched() == before


def test_the_one_click_page_names_channel_and_kind(small, anna):
    body = get(LinkPurpose.UNSUBSCRIBE, token(LinkPurpose.UNSUBSCRIBE, about="sms:reorder"))["body"]
    assert "Reorder reminders" in body and "Text message (SMS)" in body
    post(LinkPurpose.UNSUBSCRIBE, "List-Unsubscribe=One-Click", token(LinkPurpose.UNSUBSCRIBE, about="sms:reorder"))
    head = store.load(small.tables.twin, CUSTOMER).consent.head(Channel.SMS, Purpose.REORDER)
    assert head.says is Says.WITHDRAWN, "whatever is told of it later"


def test_one_click_on_a_digest_ends_all_that_was_in_it_and_nothing_else(small, anna):
    link = token(LinkPurpose.UNSUBSCRIBE, about="email:promotional,reorder")
    survey = store.load(small.tables.twin, CUSTOMER).consent.head(Channel.EMAIL, Purpose.SURVEY)
    body = get(LinkPurpose.UNSUBSCRIBE, link)["body"]
    assert "<b>Offers</b>" in body and "<b>Reorder reminders</b>" in body
    post(LinkPurpose.UNSUBSCRIBE, "List-Unsubscribe=One-Click", link)
    consent = store.load(small.tables.twin, CUSTOMER).consent
    for purpose in (Purpose.PROMOTIONAL, Purpose.REORDER):
        assert consent.head(Channel.EMAIL, purpose).says is Says.WITHDRAWN
    assert consent.head(Channel.EMAIL, Purpose.SURVEY) == survey

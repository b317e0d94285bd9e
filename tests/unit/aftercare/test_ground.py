"""On what ground a message may go: what the person said, and what the law supposes of those who said nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare.consent import Channel, ConsentRecord, Purpose, Says
from aftercare.ground import Ground, Lack, consent_policy, judged
from tests.builders import NOON, a_customer, an_order, consent_of, said

POLICY = consent_policy()
P = (Purpose.REORDER, Purpose.PROMOTIONAL)


def soft(**more):
    rule = POLICY.soft_opt_in.model_copy(update={"offered_at_checkout": True, **more})
    return POLICY.model_copy(update={"soft_opt_in": rule})


def why(customer, channel=Channel.EMAIL, purpose=Purpose.PROMOTIONAL, policy=POLICY, now=NOON, address="h1"):
    found = judged(customer, channel, purpose, policy, now, address)
    return found.kind if isinstance(found, Ground) else found.why


def test_a_pending_consent_is_no_ground_and_says_so():
    customer = a_customer(an_order(), consent=consent_of(said(says=Says.PENDING)))
    assert judged(customer, Channel.EMAIL, Purpose.PROMOTIONAL, soft(), NOON) == Lack("pending")


@pytest.mark.parametrize("purpose", P)
@pytest.mark.parametrize("other", list(Purpose))
def test_consent_to_another_purpose_is_no_ground(purpose, other):
    customer = a_customer(an_order(), consent=consent_of(said(other)))
    assert why(customer, purpose=purpose) == ("consent" if other is purpose else "never-asked")


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_minor_hears_of_orders_and_nothing_that_advertises_whatever_was_consented_to(purpose):
    minor = a_customer(an_order(), consent=consent_of(said(purpose)))
    minor = replace(minor, profile=minor.profile.model_copy(update={"tags": ("aftercare:minor",)}))
    expected = "none-needed" if purpose in (Purpose.TRANSACTIONAL, Purpose.SERVICE) else "minor"
    assert why(minor, purpose=purpose) == expected


def test_consent_ends_two_years_after_the_last_contact():
    consent = consent_of(said(at=NOON - timedelta(days=900)))
    assert why(a_customer(an_order(placed_at=NOON - timedelta(days=740)), consent=consent)) == "too-old"
    assert why(a_customer(an_order(placed_at=NOON - timedelta(days=700)), consent=consent)) == "consent"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "soft-opt-in"),
        ({"offered_at_checkout": False}, "never-asked"),
        ({"similar_products": False}, "never-asked"),
        ({"purposes": (Purpose.SURVEY,)}, "never-asked"),
        ({"countries": ("FR",)}, "never-asked"),
    ],
)
def test_the_soft_opt_in_needs_every_one_of_its_conditions(change, expected):
    assert why(a_customer(an_order(country="GB")), policy=soft(**change)) == expected


def test_the_soft_opt_in_is_for_own_customers_who_did_not_object():
    assert why(a_customer(), policy=soft()) == "never-asked"
    assert why(a_customer(an_order(country="GB", cancelled_at=NOON)), policy=soft()) == "never-asked"
    objected = a_customer(an_order(country="GB"), consent=consent_of(said(says=Says.WITHDRAWN)))
    assert why(objected, policy=soft()) == "turned-off"


@pytest.mark.parametrize(("days", "expected"), [(364, "soft-opt-in"), (366, "never-asked")])
def test_in_ireland_the_soft_opt_in_lasts_twelve_months(days, expected):
    assert why(a_customer(an_order(country="IE")), policy=soft(), now=NOON + timedelta(days=days)) == expected


@pytest.mark.parametrize(("days", "expected"), [(729, "implied"), (732, "never-asked")])
def test_in_canada_a_purchase_implies_consent_for_24_months(days, expected):
    assert why(a_customer(an_order(country="CA")), now=NOON + timedelta(days=days)) == expected


@pytest.mark.parametrize(("days", "expected"), [(180, "implied"), (186, "never-asked")])
def test_in_canada_an_inquiry_implies_consent_for_six_months(days, expected):
    long_ago = an_order(country="CA", placed_at=NOON - timedelta(days=900))
    asked = a_customer(long_ago, consent=ConsentRecord(inquired_at=NOON))
    assert why(asked, now=NOON + timedelta(days=days)) == expected
    assert why(asked, now=NOON + timedelta(days=days), channel=Channel.SMS) == "never-asked"


def test_a_marketing_text_to_the_united_states_needs_a_consent_whose_wording_is_on_record():
    plain, written = said(channel=Channel.SMS), said(channel=Channel.SMS, wording_hash="a" * 40)
    here, there = an_order(country="US"), an_order(country="FR")
    assert why(a_customer(here, consent=consent_of(plain)), Channel.SMS) == "not-written"
    assert why(a_customer(here, consent=consent_of(written)), Channel.SMS) == "consent"
    assert why(a_customer(there, consent=consent_of(plain)), Channel.SMS) == "consent"
    nowhere = a_customer(consent=consent_of(plain))
    assert why(nowhere, Channel.SMS) == "not-written", "a country that nobody knows may be the United States"
    order_text = said(Purpose.TRANSACTIONAL, channel=Channel.SMS)
    assert why(a_customer(here, consent=consent_of(order_text)), Channel.SMS, Purpose.TRANSACTIONAL) == "consent"

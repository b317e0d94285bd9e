"""What a customer says of a reminder: chosen by the tap, saved by the button, told once."""

from datetime import timedelta

import pytest

from aftercare import reorders
from aftercare.customer import NO_WISHES
from aftercare.links import LinkPurpose
from aftercare.reorders import Remark, lasts
from aftercare.store import load
from aftercare.wishes import MOST_OFFERS, NEVER
from tests.builders import NOON, an_order
from tests.ledger_items import CUSTOMER, a_profile
from tests.unit.customer_pages.test_pages import ORDER, get, post, token

OFFER = LinkPurpose.OFFER
DAY = timedelta(days=1)


@pytest.fixture
def anna(small):
    return a_profile(small, order=an_order(locale="en"))


def test_the_tap_chooses_and_changes_nothing(small, anna):
    body = get(OFFER, query={"said": "later"})["body"]
    assert 'value="later" checked' in body
    assert "coffee" in body
    assert reorders.read(small.tables, CUSTOMER) == reorders.NONE
    assert small.told() == []


@pytest.mark.parametrize(
    ("form", "what", "more"),
    [
        ("said=useful", "useful", {}),
        ("said=later&days=14", "later", {"days": 14}),
        ("said=left&left=3", "left", {"left": 3}),
        ("said=not-for-me", "not-for-me", {}),
    ],
)
def test_what_is_said_lies_on_the_record_and_is_told_once(small, anna, form, what, more):
    for _ in range(2):
        answer = post(OFFER, form)
        assert answer["statusCode"] == 200
        assert 'role="status"' in answer["body"]
    remark = reorders.read(small.tables, CUSTOMER).said["coffee"]
    assert (remark.what, remark.model_dump(exclude_none=True, include=set(more))) == (what, more)
    assert small.told() == ["OfferAnswered"]


@pytest.mark.parametrize(
    "form", ["", "said=else", "said=later", "said=later&days=9999", "said=left&left=-1", "said=left&left=%C2%B2"]
)
def test_what_a_form_cannot_say_changes_nothing(small, anna, form):
    assert post(OFFER, form)["statusCode"] == 400
    assert small.told() == []


def test_an_offer_that_the_catalogue_has_no_more_opens_nothing(small, anna):
    assert get(OFFER, token(OFFER, f"{ORDER}|nosuch|again"))["statusCode"] == 404


def test_of_an_accompanying_product_nobody_has_any_left(small, anna):
    text = token(OFFER, f"{ORDER}|camera|lens-kit")
    assert 'name="left"' not in get(OFFER, text)["body"]
    assert post(OFFER, "said=left&left=1", text)["statusCode"] == 400
    assert post(OFFER, "said=useful", text)["statusCode"] == 200
    assert small.outbox()[0].data["offer"] == "lens-kit"


@pytest.mark.parametrize("offer", ["lens-kit", "next-referral", "row-welcome"])
def test_an_offer_that_is_not_for_somebody_or_put_off_is_kept_with_their_wishes(small, anna, offer):
    text = token(OFFER, f"{ORDER}|camera|{offer}")
    assert "About this offer" in get(OFFER, text)["body"]
    now = small.clock.now()
    assert post(OFFER, "said=later&days=14", text)["statusCode"] == 200
    assert wishes(small).offers == {offer: (now + 14 * DAY).date()}
    assert post(OFFER, "said=not-for-me", text)["statusCode"] == 200
    assert wishes(small).offers == {offer: NEVER}
    assert "You hear no more of this" in get(OFFER, text)["body"]
    assert get(LinkPurpose.PREFERENCES)["body"].count("/n/") == 1
    assert post(OFFER, "said=useful", text)["statusCode"] == 200
    assert wishes(small).offers == {}
    assert [(told.data["offer"], told.data["said"]) for told in small.outbox()] == [
        (offer, "later"),
        (offer, "not-for-me"),
        (offer, "useful"),
    ]


@pytest.mark.parametrize("offer", ["next-", "row-", "next-gone", "row-gone", "gone", "next-lens-kit", "again2"])
def test_an_offer_that_no_table_has_any_more_opens_nothing(small, anna, offer):
    assert get(OFFER, token(OFFER, f"{ORDER}|camera|{offer}"))["statusCode"] == 404


def test_what_is_said_of_one_offer_takes_no_place_of_what_is_said_of_another(small, anna):
    post(OFFER, "said=later&days=30")
    post(OFFER, "said=not-for-me", token(OFFER, f"{ORDER}|coffee|lens-kit"))
    said = reorders.read(small.tables, CUSTOMER).said
    assert {place: remark.what for place, remark in said.items()} == {"coffee": "later", "coffee:lens-kit": "not-for-me"}


def test_of_too_many_offers_that_are_not_wanted_those_go_that_end_soonest():
    kept = NO_WISHES
    for n in range(MOST_OFFERS + 3):
        kept = kept.with_offer(f"offer-{n}", (NOON + (n + 1) * DAY).date(), NOON)
    assert len(kept.offers) == MOST_OFFERS and "offer-0" not in kept.offers
    assert kept.unwanted(NOON + 10 * DAY) == {name for name, until in kept.offers.items() if until > (NOON + 10 * DAY).date()}


def wishes(small):
    return load(small.tables, CUSTOMER).wishes


def test_the_preference_page_leads_to_what_is_not_wanted_any_more(small, anna):
    post(OFFER, "said=not-for-me")
    assert "/n/" in get(LinkPurpose.PREFERENCES)["body"]


def test_how_long_it_lasts_by_what_is_left():
    assert lasts(Remark(what="left", at=NOON + 15 * DAY, left=1), NOON, 4.0, 28.0) == pytest.approx(20.0)
    assert lasts(Remark(what="later", at=NOON + 28 * DAY, days=14), NOON, 1.0, 28.0) == pytest.approx(42.0)
    assert lasts(Remark(what="useful", at=NOON), NOON, 1.0, 28.0) is None
    assert lasts(Remark(what="left", at=NOON + DAY, left=9), NOON, 1.0, 28.0) == pytest.approx(1 + 9 * 28.0)


def test_what_is_said_later_takes_back_that_none_is_wanted():
    never = reorders.taken_in(reorders.NONE, "coffee", Remark(what="not-for-me", at=NOON))
    assert never.never == ("coffee",)
    assert reorders.taken_in(never, "coffee", Remark(what="useful", at=NOON)).never == ("coffee",)
    assert reorders.taken_in(never, "coffee", Remark(what="left", at=NOON, left=2)).never == ()

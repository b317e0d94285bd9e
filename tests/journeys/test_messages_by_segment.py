"""Kinds of buyers through the whole cloud: what they hear, what they look at, and what rises."""

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.rescues import open_rescues
from aftercare.segment_policy import segment_policy
from aftercare.use import table_weights, weights_from
from simulator.cloud import LocalCloud
from tests.journeys.test_channels import Store

LEAVE = {"purpose": "behaviour", "says": "given", "wording": "b-1", "text": "Note what I look at."}


@pytest.fixture
def shop():
    with LocalCloud("memory", seed=5, switch="on") as cloud:
        yield Store(cloud)
        assert cloud.errors == []
        assert cloud.dead_letters() == {}


def subjects(shop, address):
    return [letter.mail.subject for letter in shop.letters(address)]


def templates(shop):
    return [message["template"] for message in shop.cloud.messages() if message["settlement"] == "SENT"]


def orders(shop, *refs, days, email="anna@example.com", **more):
    for ref in refs:
        shop.order(ref, "Camera", "Camera", email=email, consent=("promotional",), **more)
        shop.cloud.advance(days=days)


def risen(shop):
    """Kind of buyer and family of each rise that the bus was told of, as it lies in the outbox's journal."""
    told = [e.fields for e in shop.cloud.journal.entries("event") if e.fields.get("type") == "InterestRose"]
    return [(fields["segment"], fields["family"]) for fields in told]


def test_who_orders_first_hears_the_welcome_in_its_order_and_then_the_guide(shop):
    orders(shop, "1", days=60)
    said = [t for t in templates(shop) if t.startswith("segment")]
    assert len(said) == 5
    heard = subjects(shop, "anna@example.com")
    wanted = [
        "Wer wir sind und wie wir arbeiten", "Ein Wegweiser durch den Laden", "Was Ihre Punkte wert sind",
        "Menschen, die dasselbe verwenden", "Fünf Minuten, die sich lohnen",
    ]  # fmt: skip
    assert [subject for subject in heard if subject in wanted] == wanted


def test_who_comes_back_leaves_the_welcome_and_hears_what_repeat_buyers_do(shop):
    orders(shop, "1", days=5)
    orders(shop, "2", days=40)
    heard = subjects(shop, "anna@example.com")
    assert "Wer wir sind und wie wir arbeiten" in heard
    assert "Ein Wegweiser durch den Laden" not in heard, "they are no first-time buyer any more"
    assert "Sie sind wiedergekommen" in heard
    assert any(subject.startswith("Ein Set mit") for subject in heard), "of middle value"


def test_whose_first_order_is_large_hears_what_the_best_customers_do_and_is_proposed_each_once(shop):
    orders(shop, "1", days=60, total={"amount": "900", "currency": "EUR"})
    proposed = [e.fields["key"] for e in shop.cloud.journal.entries("proposal")]
    said = [key.split("#")[1].split(":")[0] for key in proposed if key.startswith("segment-")]
    assert said == ["priority", "vip", "success-call", "guide"]


def test_without_consent_nothing_begins_and_nothing_is_said(shop):
    shop.order("1", "Camera", "Camera", email="ben@example.com")
    shop.cloud.advance(days=60)
    assert [t for t in templates(shop) if t.startswith("segment")] == []
    assert [wait for wait in shop.cloud.waiting() if "segment" in str(wait)] == []


def test_a_cancelled_first_order_ends_the_welcome(shop):
    orders(shop, "1", days=1)
    shop.put("OrderCancelled", ref="1", occurred_at=iso(shop.cloud.now))
    shop.cloud.advance(days=60)
    assert [t for t in templates(shop) if t.startswith("segment")] == []


def test_what_many_look_at_rises_once_and_a_flood_of_one_does_not(shop):
    people = [f"buyer{n}@example.com" for n in range(16)]
    for n, email in enumerate(people):
        shop.order(f"b{n}", email=email)
        shop.put("ConsentChanged", contact={"email": email}, said=[LEAVE], occurred_at=iso(shop.cloud.now))

    def look(email):
        shop.put("ProductViewed", product_type="Leather", contact={"email": email}, occurred_at=iso(shop.cloud.now))

    for _ in range(4):
        look(people[0])
        look(people[1])
        shop.cloud.advance(days=7)
    for _ in range(40):
        look(people[0])
        shop.cloud.advance(minutes=1)
    assert risen(shop) == []
    for email in people:
        look(email)
    shop.cloud.advance(hours=1)
    assert sorted(risen(shop)) == [("first-time", "leather"), ("one-time", "leather")]


def test_who_spent_much_and_stays_away_is_called_by_the_desk(shop):
    for n in range(6):
        shop.order(f"r{n}", email="rich@example.com", total={"amount": "900", "currency": "EUR"})
        shop.cloud.advance(days=7)
    shop.cloud.advance(days=30)
    assert not open_rescues(shop.cloud.outside().tables), "some weeks say little of who has come for six"
    shop.cloud.advance(days=40)
    listed = open_rescues(shop.cloud.outside().tables)
    assert [(one.case.rescue.origin, one.case.rescue.call, one.case.rescue.segment) for one in listed] == [
        ("care", True, "high-clv")
    ]
    assert not [item for item in shop.cloud.items("CustomerTable") if str(item["pk"]).startswith("CALLS#")]
    shop.order("back", email="rich@example.com", total={"amount": "900", "currency": "EUR"})
    shop.cloud.advance(days=6)
    assert len(open_rescues(shop.cloud.outside().tables)) == 1, "and is not called again for it"


def test_what_becomes_of_who_stays_away_teaches_the_store_and_its_weeks_say_who_came_back(shop):
    people = [f"buyer{n}@example.com" for n in range(14)]
    for round_ in range(5):
        for n, email in enumerate(people):
            if round_ == 0 or n < 8:
                shop.order(f"{n}-{round_}", "Camera", "Camera", email=email, consent=("promotional",) if n < 10 else ())
        shop.cloud.advance(days=7)
    shop.cloud.advance(days=30)
    for n in (0, 1, 2):
        shop.order(f"{n}-again", "Camera", "Camera", email=people[n])
    shop.cloud.advance(days=90)
    outside = shop.cloud.outside()
    learned = weights_from(outside.tables.read([keys.buyers("coffee")])[keys.buyers("coffee")], segment_policy().care.use)
    assert (learned.seen, learned.stayed) == (10, 3), "of eight who came back and two who agreed and ordered once"
    assert learned.base < table_weights(segment_policy().care.use).base
    items = outside.tables.partition("knowledge", keys.came_back("coffee").pk, "2")
    ripe = [(item["first_ripe"], item["first_came_back"]) for item in items if item["first_ripe"]]
    assert len(ripe) > 2 and set(ripe) == {(14, 8)}
    before = {str(item["sk"]): item for item in items}
    shop.cloud.invoke("StoreReportsFunction", {"task": "refit"})
    again = {str(i["sk"]): i for i in outside.tables.partition("knowledge", keys.came_back("coffee").pk, "2")}
    assert {week: again[week] for week in before} == before, "what is kept for a week stands"

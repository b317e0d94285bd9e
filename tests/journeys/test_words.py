"""What customers write elsewhere: it is read, it teaches, no event carries a word of it, and erasure takes it away."""

import json
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.kept import kind_of
from aftercare.store import load
from feedback_survey.reading import lessons
from simulator.cloud import LocalCloud
from tests.journeys.conftest import SECRET, Shop

WORDS = "Muriel's grinder arrived chipped"


class Reviewed(Shop):
    def bought(self, who="anna", ref="1", locale="en"):
        at = iso(self.cloud.now)
        order = {
            "name": f"#{ref}",
            "placed_at": at,
            "contact": {"email": f"{who}@example.com"},
            "customer_ref": f"C-{who}",
            "country": "DE",
            "locale": locale,
            "lines": [{"line_ref": "1", "title": "Grinder", "quantity": 1, "sku": "GRINDER"}],
            "total": {"amount": "12.00", "currency": "EUR"},
        }
        self.put("OrderPlaced", ref=ref, occurred_at=at, order=order)

    def reviews(self, text, score=None, ref="R-1", **more):
        about = {"order_ref": "1"} | more
        given = {} if score is None else {"score": score}
        self.put("ReviewPosted", ref=ref, occurred_at=iso(self.cloud.now), text=text, **given, **about)

    def record(self, who="anna"):
        (alias,) = [i for i in self.cloud.items("CustomerTable") if str(i["pk"]).startswith(f"ALIAS#platform#coffee:C-{who}")]
        return load(self.cloud.outside().tables, str(alias["customer_id"]))

    def kept(self):
        items = [i for i in self.cloud.items("CustomerTable") if str(i["sk"]).startswith(keys.WORDS)]
        return [(json.loads(str(i["doc"])), json.loads(str(i.get("reading", "null")))) for i in items]


@pytest.fixture(params=["moto", "memory"])
def shop(request):
    ssm = {"/aftercare/shopify-secrets": SECRET}
    with LocalCloud(request.param, seed=12, switch="on", ssm=ssm) as running:
        yield Reviewed(running)


@pytest.fixture
def cloud(shop):
    return shop.cloud


def test_a_review_is_read_beside_its_words_and_leaves_a_line_on_the_record(shop, cloud):
    shop.bought()
    shop.reviews(WORDS + " and nobody answers, very disappointed", score=1, sku="GRINDER")
    cloud.advance(minutes=5)
    ((doc, reading),) = shop.kept()
    assert doc["text"].startswith(WORDS) and doc["score"] == 1
    assert (reading["sentiment"], reading["language"]) == ("negative", "en")
    assert "support" in [theme["theme"] for theme in reading["themes"]]
    (line,) = shop.record().feedback.heard
    assert (line.kind, line.ref, line.order, line.sku, line.score, line.sentiment) == (
        "review", "coffee:R-1", "coffee:1", "GRINDER", 1, "negative",
    )  # fmt: skip


def test_no_event_and_no_hot_item_carries_a_word_of_it(shop, cloud):
    shop.bought()
    shop.reviews(WORDS, score=2)
    at = iso(cloud.now)
    shop.put("SocialMentioned", ref="M-1", network="reddit", occurred_at=at, text=WORDS, customer_ref="C-anna")
    shop.put("SupportCaseOpened", ref="T-1", topic="damaged", occurred_at=at, text=WORDS, order_ref="1")
    cloud.advance(minutes=5)
    assert len(shop.kept()) == 3
    assert {line.kind for line in shop.record().feedback.heard} == {"review", "mention", "case"}
    events = [e for e in cloud.journal.entries("event") if e.fields.get("type") in ("ReviewPosted", "SocialMentioned")]
    assert len(events) == 2
    assert "Muriel" not in json.dumps([e.fields for e in cloud.journal.entries("event")], default=str)
    with_words = [i for i in cloud.items("CustomerTable") if "Muriel" in str(i)]
    assert {kind_of(keys.Key("customers", str(i["pk"]), str(i["sk"]))).name for i in with_words} == {"words"}
    assert all("expires_at" in item for item in with_words)


def test_a_milestone_is_noted_and_one_told_again_moves_it(shop, cloud):
    shop.bought()
    for _ in range(2):
        at = iso(cloud.now)
        shop.put("MilestoneReached", milestone="first-use", occurred_at=at, sku="GRINDER", order_ref="1")
        cloud.advance(days=1)
    (line,) = shop.record().feedback.heard
    assert (line.kind, line.ref, line.sku) == ("milestone", "first-use", "GRINDER")
    assert cloud.now - line.at == timedelta(days=1)


def test_a_changed_review_is_the_newer_one_whichever_comes_first(shop, cloud):
    shop.bought()
    late, early = iso(cloud.now + timedelta(hours=2)), iso(cloud.now + timedelta(hours=1))
    for at, text, score in ((late, "Now it works, excellent", 5), (early, "Broken, terrible", 1)):
        shop.put("ReviewPosted", ref="R-1", occurred_at=at, text=text, score=score, order_ref="1")
        cloud.advance(minutes=5)
    (line,) = shop.record().feedback.heard
    assert (line.score, line.sentiment) == (5, "positive")
    assert len(shop.kept()) == 2, "each version is kept with how it reads"


def test_who_is_not_known_is_not_made_known_by_a_review(shop, cloud):
    shop.put("ReviewPosted", ref="R-9", occurred_at=iso(cloud.now), text=WORDS, contact={"email": "nobody@example.com"})
    cloud.advance(minutes=5)
    assert shop.kept() == []
    assert not [i for i in cloud.items("CustomerTable") if str(i["sk"]) == keys.PROFILE]
    assert "Muriel" not in str(cloud.items("CustomerTable"))


def test_ten_customers_reviews_teach_their_shop_and_erasure_leaves_nothing_that_waits(shop, cloud):
    for number in range(11):
        shop.bought(f"c{number}", ref=str(number))
        good = number % 2
        text = "well glumpy thing" if good else "totally gnarly stuff"
        shop.reviews(text, 5 if good else 1, ref=f"R-{number}", order_ref=str(number), locale="en")
    cloud.advance(minutes=30)
    model = lessons.kept(cloud.outside().tables, "coffee", "en").model
    assert sum(model.answers) == 10
    waits = [i for i in cloud.items("CustomerTable") if str(i["pk"]).startswith("LESSONS#")]
    assert [i["customer_id"] for i in waits] == [shop.record("c10").id]
    shop.put("CustomerErasureRequested", customer_ref="C-c10", contact={"email": "c10@example.com"}, occurred_at=iso(cloud.now))
    cloud.advance(days=2)
    assert not [i for i in cloud.items("CustomerTable") if str(i["pk"]).startswith("LESSONS#")]
    assert not [i for i in cloud.items("CustomerTable") if "R-10" in str(i["sk"])]
    shop.reviews("so glumpy", ref="R-20", order_ref="3", locale="en")
    cloud.advance(minutes=5)
    assert shop.record("c3").feedback.heard[-1].sentiment == "positive", "a word that only these customers use"

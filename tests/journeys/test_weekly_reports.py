"""Weeks of a small store, counted by hand: what its page tells, what it keeps to itself, and that nothing counts twice."""

import gzip
import json

import pytest

from aftercare import keys
from aftercare import report_policy as report_policy_module
from aftercare.clock import iso, parse_iso
from aftercare.report_policy import report_policy
from aftercare.rescues import open_rescues
from simulator.cloud import LocalCloud
from tests.journeys.conftest import SECRET
from tests.journeys.weeks import Weeks

CANARY = (
    "The delivery arrived very late. Ask Rosalind Canary3 of Canary Street 12, order #3, +49 171 1234567, "
    "rosalind@canary.example, https://canary.example/x, code QX-77-ZULU."
)
SECRETS = ("canary", "rosalind", "@", "1234567", "https://", "zulu", "street", "c3@", "0034043")


def opened(start, backend="memory"):
    ssm = {"/aftercare/shopify-secrets": SECRET}
    return LocalCloud(backend, seed=11, start=parse_iso(start), switch="on", ssm=ssm)


def report(cloud, week, shop="coffee"):
    """What is told of a week, and its page in English."""
    key = keys.report(shop, week)
    item = cloud.outside().tables.read([key])[key]
    return json.loads(str(item["told"])), gzip.decompress(item["page_en"]).decode()


@pytest.fixture(scope="module")
def lived():
    """Seven customers in the week of 2 March: five are let down by the delivery, two praise what they got."""
    with opened("2026-03-02T08:00:00Z") as cloud:
        store = Weeks(cloud)
        heard, publish = [], cloud.buses.publish

        def listening(bus, event, *more):
            heard.append(event)
            return publish(bus, event, *more)

        cloud.buses.publish = listening
        store.heard = heard
        for n in range(1, 8):
            store.buys(n)
        cloud.advance(days=1)
        for n in range(1, 8):
            store.gets(n)
        cloud.advance(days=1)
        for n in (1, 2, 4, 5):
            store.answers(n, score="1", text="The delivery arrived very late.", **{"slow-delivery": "on"})
        store.answers(3, score="1", text=CANARY, **{"slow-delivery": "on"})
        for n in (6, 7):
            store.answers(n, score="5", text="Great quality!")
        cloud.advance(minutes=10)
        for one in open_rescues(cloud.outside().tables):
            ref, order = one.case.ref.partition(":")[2], one.case.order_key.partition(":")[2]
            store.put("SupportCaseAnswered", ref=ref, order_ref=order, occurred_at=iso(cloud.now))
        cloud.advance(hours=2)
        store.reviews(1, 2, "The delivery arrived very late, and so did the second.")
        cloud.advance(hours=2)
        store.answers(2, score="2", text="The delivery arrived very late.", **{"slow-delivery": "on"})
        cloud.advance(minutes=1)
        for one in open_rescues(cloud.outside().tables):
            ref, order = one.case.ref.partition(":")[2], one.case.order_key.partition(":")[2]
            store.put("SupportCaseClosed", ref=ref, order_ref=order, occurred_at=iso(cloud.now), result="replaced")
        cloud.advance(days=4)
        # The same customer as order 6: one more order of theirs, and then another.
        for ref in ("60", "61"):
            at = iso(cloud.now)
            contact = {"email": "c6@example.com"}
            line = {"line_ref": "1", "title": "Strap", "quantity": 1, "sku": "STR-1"}
            order = {"name": f"#{ref}", "placed_at": at, "contact": contact, "country": "DE", "lines": [line]}
            store.put("OrderPlaced", ref=ref, occurred_at=at, order={**order, "total": {"amount": "9.00", "currency": "EUR"}})
            cloud.advance(minutes=5)
        cloud.advance_to(parse_iso("2026-03-09T12:31:00Z"))
        assert cloud.errors == [] and cloud.dead_letters() == {}
        yield store


def test_the_friction_board_tells_customers_and_money_to_the_cent(lived):
    told, _ = report(lived.cloud, "2026-W10")
    (row,) = told["friction"]
    assert (row["theme"], row["touchpoint"], row["customers"], row["negative"]) == ("delivery", "delivery", 5, 5)
    assert row["money"] == {"EUR": "500"}
    assert row["examples"] == ["delivery arriv- very late"]


def test_who_says_it_again_elsewhere_is_one_customer_and_a_changed_answer_is_one_answer(lived):
    counted = lived.counted("2026-W10")
    assert counted["survey/answered"] == 7
    assert counted["customers/all"] == 7
    assert counted["theme/delivery/negative"] == counted["board/delivery/delivery/n"] == 5
    assert counted["board/delivery/delivery/EUR"] == 500
    # Scores: 1 four times, 2 once (it was 1 before), 5 twice, and the review's 2.
    assert (counted["rating/camera/n"], counted["rating/camera/sum"], counted["rating/camera/squares"]) == (8, 18, 62)
    assert counted["read/review"] == 1 and counted["read/survey"] == 7


def test_what_few_said_is_not_told(lived):
    told, page = report(lived.cloud, "2026-W10")
    assert lived.counted("2026-W10")["theme/product-quality/positive"] == 2
    assert [row["theme"] for row in told["themes"]] == ["delivery"]
    assert told["words"] == [] and told["products"] == {"families": [], "products": []}
    assert told["overview"]["origins"] == {"review": None, "survey": None}, "one of them would tell the other"
    assert "Product quality" not in page


def test_the_question_its_answers_and_the_rescues_are_told(lived):
    told, _ = report(lived.cloud, "2026-W10")
    assert told["overview"]["customers"] == 7
    assert (told["overview"]["asked"], told["overview"]["response"]["share"]) == (7, 1.0)
    service = told["service"]
    assert (service["opened"], service["answered"], service["mean_minutes"]) == (5, {"15-minutes": 5}, 10)
    assert (service["in_time"]["share"], service["results"], service["missed"]) == (1.0, {"replaced": 5}, {})


def test_who_bought_again_is_counted_once_in_the_week_of_the_offer(lived):
    trials = lived.counted("2026-W10", "trials")
    assert sum(n for name, n in trials.items() if name.endswith("/n")) == 2
    assert sum(n for name, n in trials.items() if name.endswith("/bought")) == 1


def test_nothing_of_a_person_is_in_the_sums_the_data_or_the_page(lived):
    items = [i for i in lived.cloud.items("KnowledgeTable") if str(i["pk"]).startswith(("TALLY#", "REPORT#"))]
    assert len(items) > 5
    ids = {keys.customer_id_of(str(i["pk"])) for i in lived.cloud.items("CustomerTable") if i["sk"] == keys.PROFILE}
    for item in items:
        pages = [gzip.decompress(v).decode() for v in item.values() if isinstance(v, bytes)]
        bodies = [page.partition("</style>")[2] for page in pages]
        text = " ".join([*map(str, item), *(str(v) for v in item.values() if not isinstance(v, bytes)), *bodies]).lower()
        assert [secret for secret in (*SECRETS, *ids) if secret in text] == [], item["pk"]


def test_what_is_brought_again_counts_nothing(lived):
    cloud = lived.cloud
    before = {part: dict(lived.counted("2026-W10", part)) for part in ("feedback", "routing", "trials", "asked")}
    kinds = ("SurveyAnswered", "ReviewPosted", "FeedbackRead", "SupportCaseAnswered", "SupportCaseClosed", "OrderPlaced")
    again = [event for event in lived.heard if event["detail-type"] in kinds and event["source"].startswith("aftercare.")]
    assert {event["detail-type"] for event in again} == set(kinds)
    for event in again:
        queue = "FeedbackRoutingQueue" if event["detail-type"] in kinds[2:5] else "FeedbackSurveyQueue"
        cloud.send(queue, json.dumps(event))
    cloud.run()
    assert {part: dict(lived.counted("2026-W10", part)) for part in before} == before
    assert cloud.dead_letters() == {}


def test_a_report_that_is_made_again_says_the_same(lived):
    first, _ = report(lived.cloud, "2026-W10")
    assert lived.cloud.invoke("store_reports", {"task": "weekly", "week": "2026-W10"}) == {"shops": 1}
    second, _ = report(lived.cloud, "2026-W10")
    assert {**second, "made_at": None} == {**first, "made_at": None}


@pytest.mark.parametrize("backend", ["moto", "memory"])
def test_weeks_end_at_the_stores_midnight_on_the_night_the_clocks_change(backend):
    """Berlin, 29 March 2026: summer time began that morning, and the week ends at 22:00 UTC."""
    with opened("2026-03-28T10:00:00Z", backend) as cloud:
        store = Weeks(cloud)
        for n in (1, 2, 3):
            store.buys(n)
        for at, n in (("2026-03-29T00:30:00Z", 1), ("2026-03-29T21:59:00Z", 2), ("2026-03-29T22:01:00Z", 3)):
            cloud.advance_to(parse_iso(at))
            store.reviews(n, 4, "Great quality!")
            cloud.advance(seconds=30)
        assert store.counted("2026-W13")["read/review"] == 2
        assert store.counted("2026-W14")["read/review"] == 1


@pytest.fixture
def half_held_out(monkeypatch):
    usual = report_policy()
    report_policy.cache_clear()
    monkeypatch.setattr(report_policy_module, "read_content", lambda *_: usual.model_copy(update={"guides_held_out": 0.5}))
    yield
    report_policy.cache_clear()


def test_orders_without_a_guide_are_held_against_those_with_one(half_held_out):
    with opened("2026-03-02T08:00:00Z") as cloud:
        store = Weeks(cloud)
        for n in range(1, 13):
            store.buys(n)
        store.buys(13, sku="COF-1", title="House espresso", kind="Coffee")
        cloud.advance(days=1)
        for n in range(1, 14):
            store.gets(n)
        cloud.advance(days=1)
        guided = {m["key"].rpartition(":")[2] for m in store.messages("setup-guide")}
        held_out = {str(n) for n in range(1, 13)} - guided
        assert guided and held_out and "13" not in guided
        counted = store.counted("2026-W10", "trials")
        assert (counted["guides/guided/n"], counted["guides/held-out/n"]) == (len(guided), len(held_out))
        cloud.advance(days=7)
        back, gone, off = min(guided), min(held_out), max(held_out)
        for ref in (back, gone):
            at = iso(cloud.now)
            for kind in ("ReturnRequested", "ReturnApproved"):
                store.put(kind, ref=f"RET-{ref}", order_ref=ref, occurred_at=at)
                cloud.advance(minutes=1)
        store.put("OrderCancelled", ref=off, occurred_at=iso(cloud.now))
        store.put("ReturnRequested", ref="RET-13", order_ref="13", occurred_at=iso(cloud.now))
        cloud.advance(minutes=5)
        counted = store.counted("2026-W10", "trials")
        ends = {name: n for name, n in counted.items() if not name.endswith("/n")}
        assert ends == {"guides/guided/returned": 1, "guides/held-out/returned": 1, "guides/held-out/cancelled": 1}
        assert cloud.errors == [] and cloud.dead_letters() == {}

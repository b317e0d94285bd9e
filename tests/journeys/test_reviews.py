"""Asked for a review: when, who, in which words, with which thanks; and that nothing somebody said decides any of it."""

import json
import re
from datetime import timedelta
from email import message_from_bytes, policy
from itertools import pairwise

import pytest

from aftercare import keys
from aftercare.clock import iso, parse_iso
from aftercare.keys import message_id
from aftercare.review_policy import ReviewPolicy, review_policy
from simulator.cloud import LocalCloud
from tests.journeys.conftest import SECRET
from tests.journeys.test_survey import FORM, TEXTS, Asked

MONDAY = parse_iso("2026-03-02T09:00:00Z")
WRITE = "https://larkfield.example/reviews/new?sku=COF-1"
COFFEE = {"title": "House espresso", "product_type": "Coffee", "sku": "COF-1"}


class Reviews(Asked):
    """A store whose customers are asked for reviews."""

    def bought(self, ref="1", purposes=("survey",), line=COFFEE, **more):
        line = {"line_ref": "1", "quantity": 1, **line}
        at = iso(self.cloud.now)
        said = [{"channel": "email", "purpose": p, "says": "given", "confirmed": True, "said_at": at} for p in purposes]
        order = {"name": f"#{ref}", "placed_at": at, "country": "DE", "locale": "en", "lines": [line]}
        order["contact"] = {"email": "anna@example.com", "name": "Anna"}
        order["total"] = {"amount": "12.00", "currency": "EUR"}
        self.put("OrderPlaced", ref=ref, occurred_at=at, order={**order, **more}, consent=said)

    def requested(self):
        """Both requests, the plain one and the one with thanks: when they were sent, or how else they are settled."""
        found = [*self.messages("review-request"), *self.messages("review-reward")]
        return {m["key"].partition("#")[0]: m for m in found}

    def mail(self, key="review-request#coffee:1"):
        (letter,) = [one for one in self.letters() if one.tags["aftercare-message"] == message_id(key)]
        return letter

    def text(self, key="review-request#coffee:1"):
        return message_from_bytes(self.mail(key).mime(), policy=policy.default).get_body(("plain",)).get_content()

    def subject(self):
        return self.subject_of(self.mail())

    @staticmethod
    def subject_of(letter):
        return str(message_from_bytes(letter.mime(), policy=policy.default)["subject"])

    def ledger(self, key="review-request#coffee:1"):
        (item,) = [i for i in self.cloud.items("CustomerTable") if i["sk"] == keys.LEDGER + message_id(key)]
        return json.loads(str(item["doc"]))

    def blocks(self, key="review-request#coffee:1"):
        return {block["kind"]: block.get("variant") for block in self.ledger(key)["proposal"]["blocks"]}

    def knowledge(self, prefix):
        return {(str(i["pk"]), str(i["sk"])): i for i in self.cloud.items("KnowledgeTable") if str(i["pk"]).startswith(prefix)}

    def reviews(self, **about):
        at = iso(self.cloud.now)
        self.put("ReviewPosted", ref="R-1", occurred_at=at, score=4, customer_ref="C-1", **about)


@pytest.fixture(params=["memory"])
def shop(request):
    ssm = {"/aftercare/shopify-secrets": SECRET}
    parameters = TEXTS | {"TrackOpensAndClicks": "true"}
    with LocalCloud(request.param, seed=11, start=MONDAY, switch="on", ssm=ssm, parameters=parameters) as running:
        yield Reviews(running)
        assert running.errors == []
        assert running.dead_letters() == {}


@pytest.fixture
def cloud(shop):
    return shop.cloud


@pytest.fixture
def thanks(monkeypatch):
    """Everybody is drawn for one kind of thanks."""
    return lambda kind: monkeypatch.setattr(ReviewPolicy, "arm", lambda *_: kind)


BOTH = pytest.mark.parametrize("shop", ["moto", "memory"], indirect=True)


@BOTH
def test_who_knows_their_coffee_is_asked_in_its_days_and_reminded_once(shop, cloud):
    shop.bought(customer_ref="C-1")
    delivered = shop.arrived()
    cloud.advance(days=30)
    assert {name: m["settlement"] for name, m in shop.requested().items()} == {
        "review-request": "SENT",
        "review-reminder": "SENT",
    }
    sent = shop.mail().at
    day = shop.blocks()["review-day"]
    assert day in ("7", "10") and timedelta(days=int(day)) <= sent - delivered < timedelta(days=int(day) + 1)
    assert shop.blocks()["anchor"] == "there", "the record says what it was counted from"
    assert "House espresso" in shop.subject()
    assert WRITE in shop.text().replace("\n", "")
    assert shop.mail("review-reminder#coffee:1").at - sent >= timedelta(days=review_policy().remind_after_days)
    assert "the only reminder" in shop.text("review-reminder#coffee:1")
    cloud.advance(days=60)
    assert len([one for one in shop.letters() if "What is it like" in Reviews.subject_of(one)]) == 2


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        ({"title": "Wool coat", "product_type": "Clothing", "sku": "CLO-1"}, 3, 5),
        ({"title": "Larkfield One", "product_type": "Camera", "sku": "CAM-1"}, 14, 21),
    ],
)
def test_what_is_worn_is_known_in_days_and_what_lasts_in_weeks(shop, cloud, line, first, last):
    shop.bought(line=line)
    delivered = shop.arrived()
    cloud.advance(days=30)
    assert timedelta(days=first) <= shop.mail().at - delivered < timedelta(days=last + 1)


def test_software_is_asked_about_after_its_milestone_and_not_before(shop, cloud):
    shop.bought(
        customer_ref="C-1",
        line={"title": "Larkfield Darkroom", "sku": "SW-1", "tags": ["aftercare:photo-software"], "requires_shipping": False},
    )
    cloud.advance(days=40)
    assert shop.requested() == {}
    reached = cloud.now
    at = iso(reached)
    shop.put("MilestoneReached", milestone="first-use", sku="SW-1", customer_ref="C-1", occurred_at=at)
    cloud.advance(days=5)
    assert shop.requested() == {}, "another milestone is not the one"
    reached = cloud.now
    shop.put("MilestoneReached", milestone="first-project", sku="SW-1", customer_ref="C-1", occurred_at=iso(reached))
    cloud.advance(days=5)
    assert timedelta(days=1) <= shop.mail().at - reached < timedelta(days=4)
    assert shop.blocks()["anchor"] == "milestone"


def test_what_silence_says_has_arrived_is_asked_about_and_the_record_says_so(shop, cloud):
    from tests.journeys.test_shipping import taught

    taught(cloud)
    shop.bought(estimated_until=iso(cloud.now + timedelta(days=8)))
    cloud.advance(days=1)
    at = iso(cloud.now)
    shop.put("ShipmentCreated", ref="S-1", order_ref="1", occurred_at=at, shipped_at=at)
    cloud.advance(days=40)
    (assumed,) = shop.told("DeliveryAssumed")
    assert assumed
    assert shop.requested()["review-request"]["settlement"] == "SENT"
    assert shop.blocks()["anchor"] == "assumed"
    assert "By our reckoning" in shop.text()


# ---------------------------------------------------------------- who


@pytest.mark.parametrize("score", ["5", "3", "1", None])
def test_everybody_gets_the_same_request_with_the_same_link_whatever_they_said(shop, cloud, thanks, score):
    """16 CFR 465: only the time and one sentence of thanks may differ."""
    thanks("points")
    shop.bought(purposes=("survey", "promotional"))
    shop.arrived()
    cloud.advance(hours=24)
    if score:
        assert shop.answer(score=score, text="It broke" if score == "1" else "").status == 200
    cloud.advance(days=75)
    assert shop.requested()["review-request"]["settlement"] == "SENT", "an open case that nobody ends holds nobody back for ever"
    text = shop.text()
    assert WRITE in text.replace("\n", "")
    assert "Praise and blame are both welcome. Everybody who bought it gets this link." in " ".join(text.split())
    assert "50 points" in text and "whatever it says and however many stars" in " ".join(text.split())
    assert shop.subject() == "What is it like? House espresso"
    assert ("content with your order" in text) == (score == "5")


def test_who_complains_is_asked_after_it_is_over_and_not_beside_it(shop, cloud):
    shop.bought()
    delivered = shop.arrived()
    cloud.advance(hours=24)
    shop.answer(score="1", text="It leaks")
    cloud.advance(days=13)
    assert shop.requested() == {}
    ref = next(json.loads(str(i["doc"]))["ref"] for i in cloud.items("CustomerTable") if str(i["sk"]).startswith(keys.CASE))
    closed = cloud.now
    name = ref.partition(":")[2]
    shop.put("SupportCaseClosed", ref=name, order_ref="1", occurred_at=iso(closed), result="replaced")
    cloud.advance(days=30)
    (check,) = shop.messages("rescue-check")
    assert check["settlement"] == "SENT"
    assert shop.mail().at - closed >= timedelta(days=4) and shop.mail().at > delivered


@pytest.mark.parametrize("trouble", ["cancelled", "refunded", "returned", "lost", "reviewed", "test", "renewal"])
def test_what_is_not_with_the_customer_or_was_reviewed_is_not_asked_about(shop, cloud, trouble):
    more = {"is_test": trouble == "test", "is_renewal": trouble == "renewal", "customer_ref": "C-1"}
    shop.bought(**{name: value for name, value in more.items() if value})
    shop.arrived()
    cloud.advance(days=2)
    at = iso(cloud.now)
    if trouble == "cancelled":
        shop.put("OrderCancelled", ref="1", occurred_at=at)
    elif trouble == "refunded":
        amount = {"amount": "12.00", "currency": "EUR"}
        shop.put("OrderRefunded", ref="1", occurred_at=at, refund={"ref": "R-1", "at": at, "amount": amount})
    elif trouble == "returned":
        shop.put("ReturnRequested", ref="RET-1", order_ref="1", occurred_at=at, lines={"1": 1})
    elif trouble == "lost":
        shop.put("ShipmentCreated", ref="S-2", order_ref="1", occurred_at=at, parcels=[{"number": "00340434161094000002"}])
        scans = [{"status": "lost", "at": at}]
        shop.put("ShipmentMoved", occurred_at=at, parcels=[{"number": "00340434161094000002", "scans": scans}])
    elif trouble == "reviewed":
        shop.reviews(sku="COF-1")
    cloud.advance(days=40)
    assert shop.requested() == {}


def test_a_part_of_the_price_given_back_leaves_the_order_standing(shop, cloud):
    shop.bought()
    shop.arrived()
    at, amount = iso(cloud.now), {"amount": "2.00", "currency": "EUR"}
    shop.put("OrderRefunded", ref="1", occurred_at=at, refund={"ref": "R-1", "at": at, "amount": amount})
    cloud.advance(days=20)
    assert shop.requested()["review-request"]["settlement"] == "SENT"


@pytest.mark.parametrize("act", ["reviewed", "clicked"])
def test_who_writes_or_follows_the_link_is_not_reminded_and_teaches_that_it_was_well_put(shop, cloud, act):
    shop.bought(customer_ref="C-1")
    shop.arrived()
    cloud.advance(days=12)
    if act == "reviewed":
        shop.reviews(sku="COF-1")
    else:
        cloud.mailbox.tell_again("Click", shop.mail(), click={"link": WRITE, "timestamp": iso(cloud.now)})
        cloud.run()
    cloud.advance(days=30)
    assert list(shop.requested()) == ["review-request"]
    wording = shop.blocks()["review-wording"]
    (sums,) = shop.knowledge("REVIEWS#wording").values()
    assert sums[f"asked_{wording}"] == sums[f"answered_{wording}"] > 0
    (of_days,) = shop.knowledge("REVIEWS#days-coffee").values()
    assert set(of_days) - {"pk", "sk"} == {f"{what}_{shop.blocks()['review-day']}" for what in ("asked", "answered")}


def test_a_request_that_is_not_answered_teaches_too(shop, cloud):
    shop.bought()
    shop.arrived()
    cloud.advance(days=40)
    (sums,) = shop.knowledge("REVIEWS#wording").values()
    assert set(sums) - {"pk", "sk"} == {f"asked_{shop.blocks()['review-wording']}"}


# ---------------------------------------------------------------- sooner, and apart


@BOTH
def test_a_good_answer_moves_it_up_and_is_thanked_for_but_never_before_the_product_is_known(shop, cloud):
    shop.bought(line={"title": "Larkfield One", "product_type": "Camera", "sku": "CAM-1"})
    delivered = shop.arrived()
    cloud.advance(hours=24)
    shop.answer(score="5")
    cloud.advance(days=30)
    assert timedelta(days=7) <= shop.mail().at - delivered < timedelta(days=8)
    assert shop.blocks()["review-day"] == "moved-up"
    assert "You told us that you were content" in shop.text()
    assert [m["settlement"] for m in shop.messages("review-request")] == ["SENT", "SENT"], "its own day brings no second one"


def test_a_question_that_was_solved_moves_it_up(shop, cloud):
    shop.bought(line={"title": "Larkfield One", "product_type": "Camera", "sku": "CAM-1"})
    shop.arrived()
    cloud.advance(days=8)
    for what, more in (("Opened", {"topic": "product"}), ("Closed", {"result": "explained"})):
        shop.put(f"SupportCase{what}", ref="T-1", order_ref="1", occurred_at=iso(cloud.now), **more)
        cloud.advance(hours=1)
    closed = cloud.now
    cloud.advance(days=4)
    assert shop.mail().at - closed < timedelta(days=3), "a closed case doubles what lies between questions; its own day is later"
    assert "We hope that all is well now" in shop.text()


@pytest.mark.parametrize("act", ["shares", "logs in three times", "logs in twice"])
def test_who_shares_something_or_comes_back_often_is_asked_sooner(shop, cloud, act):
    shop.bought(line={"title": "Larkfield One", "product_type": "Camera", "sku": "CAM-1"}, customer_ref="C-1")
    leave = {"purpose": "behaviour", "says": "given", "text": "Note what I look at."}
    shop.put("ConsentChanged", customer_ref="C-1", occurred_at=iso(cloud.now), said=[leave])
    delivered = shop.arrived()
    times = {"shares": 1, "logs in three times": 3, "logs in twice": 2}[act]
    for _ in range(times):
        cloud.advance(days=2)
        at = iso(cloud.now)
        if act == "shares":
            shop.put("ContentShared", customer_ref="C-1", content="product", sku="CAM-1", occurred_at=at)
        else:
            shop.put("LoggedIn", customer_ref="C-1", surface="web", occurred_at=at)
    cloud.advance(days=30)
    sooner = act != "logs in twice"
    assert (shop.blocks()["review-day"] == "moved-up") is sooner
    assert timedelta(days=7 if sooner else 14) <= shop.mail().at - delivered < timedelta(days=10 if sooner else 23)


@pytest.mark.parametrize("line", [COFFEE, {"title": "Wool coat", "product_type": "Clothing", "sku": "CLO-1"}])
def test_no_other_question_stands_beside_a_request(shop, cloud, line):
    shop.bought(line=line)
    shop.arrived()
    cloud.advance(days=30)
    of_order = ("survey", "survey-reminder", "check-in", "review-request")
    keys_of = {message_id(m["key"]) for template in of_order for m in shop.messages(template)}
    times = sorted(one.at for one in shop.letters() if one.tags["aftercare-message"] in keys_of)
    assert len(times) >= 3
    assert all(after - before >= timedelta(days=1) for before, after in pairwise(times))


# ---------------------------------------------------------------- thanks


def test_what_was_offered_is_noted_in_the_claim_and_counted_by_arm(shop, cloud, thanks):
    thanks("points")
    shop.bought(purposes=("survey", "promotional"))
    shop.arrived()
    cloud.advance(days=12)
    sent = shop.ledger()
    assert (sent["proposal"]["template"], sent["proposal"]["purpose"]) == ("review-reward", "promotional")
    (claim,) = [d for d in sent["decisions"] if d["reason"] == "claimed"]
    (written,) = [step["saw"]["arms"] for step in claim["trace"] if step["rule"] == "written"]
    assert "review-incentive: points" in written
    ((place, counted),) = shop.knowledge("EXPOSED#review-incentive").items()
    assert (place[1], counted["arm_points"]) == ("2026-03", 1)
    ((_, promised),) = shop.knowledge("PROMISED#points").items()
    assert (str(promised["worth"]), promised["count"]) == ("0.5", 1)
    cloud.advance(days=10)
    assert shop.requested()["review-reminder"]["settlement"] == "SENT"
    (sums,) = shop.knowledge("REVIEWS#incentive").values()
    assert "asked_points" in sums


def test_above_its_ceiling_nothing_more_is_promised_and_the_request_goes_without(shop, cloud, thanks, monkeypatch):
    thanks("points")
    points = review_policy().incentives["points"]
    small = points.model_copy(update={"ceiling": points.worth.model_copy(update={"amount": points.worth.amount * 2})})
    policy_ = review_policy().model_copy(update={"incentives": {**review_policy().incentives, "points": small}})
    monkeypatch.setattr("feedback_survey.review_requests.review_policy", lambda: policy_)
    for ref in ("1", "2", "3"):
        line = {"title": "House espresso", "product_type": "Coffee", "sku": f"COF-{ref}"}
        shop.bought(ref, purposes=("survey", "promotional"), line=line, contact={"email": f"{ref}@example.com"})
        at = iso(cloud.now)
        number = f"0034043416109400000{ref}"
        shop.put("ShipmentCreated", ref=f"S-{ref}", order_ref=ref, occurred_at=at, parcels=[{"number": number, "carrier": "DHL"}])
        scans = [{"status": "delivered", "at": at}]
        shop.put("ShipmentMoved", occurred_at=at, parcels=[{"number": number, "carrier": "DHL", "scans": scans}])
    cloud.advance(days=14)
    asked = [*shop.messages("review-request"), *shop.messages("review-reward")]
    found = sorted(m["template"] for m in asked if m["key"].startswith("review-request#"))
    assert found == ["review-request", "review-reward", "review-reward"]
    ((_, promised),) = shop.knowledge("PROMISED#points").items()
    assert promised["count"] == 2


def test_who_may_not_hear_of_offers_is_drawn_for_none_and_asked_all_the_same(shop, cloud, thanks):
    thanks("discount")
    shop.put("OrderPlaced", **_without_offers(cloud))
    shop.arrived()
    cloud.advance(days=14)
    assert shop.requested()["review-request"]["template"] == "review-request"
    assert "review-incentive" not in shop.blocks()
    assert shop.knowledge("PROMISED#") == {}


def _without_offers(cloud):
    at = iso(cloud.now)
    said = [{"channel": "email", "purpose": "survey", "says": "given", "confirmed": True, "said_at": at}]
    said.append({"channel": "email", "purpose": "promotional", "says": "withdrawn", "said_at": at})
    line = {"line_ref": "1", "quantity": 1, **COFFEE}
    contact = {"email": "anna@example.com"}
    order = {"name": "#1", "placed_at": at, "country": "DE", "locale": "en", "lines": [line], "contact": contact}
    return {"ref": "1", "occurred_at": at, "order": order, "consent": said}


def test_who_is_erased_in_between_is_asked_nothing_and_teaches_nothing(shop, cloud):
    shop.bought()
    shop.arrived()
    cloud.advance(days=12)
    assert shop.requested()["review-request"]["settlement"] == "SENT"
    shop.put("CustomerErasureRequested", contact={"email": "anna@example.com"}, occurred_at=iso(cloud.now))
    cloud.advance(days=20)
    assert list(shop.requested()) == ["review-request"]
    assert shop.knowledge("REVIEWS#") == {}
    assert not re.search("anna", json.dumps([str(i) for i in cloud.items("KnowledgeTable")]))


# ---------------------------------------------------------------- pictures


def shared(shop, cloud, ref="POST-1", **more):
    at = iso(cloud.now)
    url = "https://photos.example/p/1"
    shop.put("MediaShared", ref=ref, network="instagram", url=url, sku="COF-1", order_ref="1", occurred_at=at, **more)


def picture_page(shop):
    text = shop.text("repost-request#coffee:POST-1")
    return re.search(r"https://[^/\s]+(/m/[\w-]+)", text)[1]


def says(cloud, path, word):
    return cloud.http("POST", path, FORM, f"says={word}".encode())


def evidence(cloud):
    return [json.loads(str(i["doc"])) for i in cloud.items("CustomerTable") if str(i.get("kind", "")).startswith("repost")]


@BOTH
def test_a_shared_picture_is_counted_by_product_and_quarter_and_may_be_shown_once_its_maker_says_so(shop, cloud):
    shop.bought()
    shared(shop, cloud)
    shared(shop, cloud)
    cloud.advance(hours=1)
    (counted,) = shop.knowledge("MEDIA#").items()
    assert counted[0] == ("MEDIA#coffee", "2026-Q1#COF-1") and counted[1]["n_photo"] == 1, "told twice, counted once"
    assert "anna" not in json.dumps([str(i) for i in cloud.items("KnowledgeTable")])
    path = picture_page(shop)
    before = cloud.state_digest()
    page = cloud.http("GET", path)
    assert page.status == 200 and "House espresso" in page.text and "What a yes means" in page.text
    assert "https://photos.example/p/1" in page.text
    assert cloud.state_digest() == before, "a scanner that opens it has allowed nothing"
    assert says(cloud, path, "perhaps").status == 400 and evidence(cloud) == []
    assert "You said yes" in says(cloud, path, "yes").text
    assert says(cloud, path, "yes").status == 200
    cloud.advance(minutes=5)
    (proof,) = evidence(cloud)
    assert (proof["kind"], proof["about"], proof["source"]) == ("repost_allowed", "coffee:POST-1", "page:repost")
    assert {"said_at", "heard_at", "wording", "wording_hash", "url"} <= set(proof)
    assert "/m/{token}" in proof["url"] and path.rpartition("/")[2] not in json.dumps(proof)
    (text,) = [i for i in cloud.items("KnowledgeTable") if i["pk"] == f"WORDING#{proof['wording_hash']}"]
    assert "You can take it back here at any time" in str(text["doc"])
    assert [told["allowed"] for told in shop.told("RepostDecided")] == [True]
    cloud.advance(days=100)
    assert "It is not shown" in says(cloud, path, "no").text
    cloud.advance(minutes=5)
    assert [one["kind"] for one in evidence(cloud)] == ["repost_allowed", "repost_refused"], "both words are kept"
    assert [told["allowed"] for told in shop.told("RepostDecided")] == [True, False]
    (said,) = [json.loads(str(i["doc"])) for i in cloud.items("CustomerTable") if str(i["sk"]).startswith(keys.REPOST)]
    assert said["allowed"] is False


def test_a_picture_of_nobody_known_and_links_that_are_none_do_nothing(shop, cloud):
    shop.put("MediaShared", ref="X-1", network="instagram", customer_ref="C-9", occurred_at=iso(cloud.now))
    assert shop.knowledge("MEDIA#") == {} and shop.messages("repost-request") == []
    shop.bought()
    shared(shop, cloud)
    cloud.advance(hours=1)
    path = picture_page(shop)
    before = cloud.state_digest()
    for other in ("/m/AAAA", f"{path[:-3]}AAA", path.replace("/m/", "/s/")):
        assert cloud.http("GET", other).status == 404
        assert says(cloud, other, "yes").status == 404
    assert cloud.state_digest() == before


def test_export_holds_a_picture_and_what_was_said_of_it_and_erasure_takes_both(shop, cloud):
    from aftercare.export import export

    shop.bought()
    shared(shop, cloud)
    cloud.advance(hours=1)
    path = picture_page(shop)
    says(cloud, path, "yes")
    kept = export(cloud.outside().tables, shop.record().id, "identity", cloud.now)["kept"]
    assert kept["media"][0]["record"]["url"] == "https://photos.example/p/1"
    assert kept["repost"][0]["record"]["allowed"] is True
    assert "repost_allowed" in [row["record"].get("kind") for row in kept["evidence"]]
    shop.put("CustomerErasureRequested", contact={"email": "anna@example.com"}, occurred_at=iso(cloud.now))
    cloud.advance(hours=1)
    left = [i for i in cloud.items("CustomerTable") if str(i["sk"]).startswith((keys.MEDIA, keys.REPOST))]
    assert left == [] and evidence(cloud) == []
    before = cloud.state_digest()
    assert cloud.http("GET", path).status == says(cloud, path, "no").status == 404
    assert cloud.state_digest() == before

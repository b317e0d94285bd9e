"""A publication reaches each of its readers once, in their turn, however often pages are brought and wherever a crash falls."""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercare import keys
from aftercare.consent import Purpose
from aftercare.product_facts import AnnouncementFact
from aftercare.proposal import Proposal, Unless
from aftercare.published import Publication, put
from aftercare.rate import Quota, wave_rate, wave_slot
from aftercare.retention import ALERT, JOURNAL, OWNED
from aftercare.table import Change, Put, Remove, Throttled, Unclear
from product_news import pages
from product_news.handler import handle
from product_news.wave import OF_USE, WARNS, groups_of
from tests.small_outside import START, Context, sample, sqs

NEWS, GATE = "https://sqs/product-news", "https://sqs/gate.fifo"
KEY = "example:recall-2026-1"


def published(small, **more):
    given = {
        "key": KEY,
        "kind": "news",
        "shop": "example",
        "products": ("example:P-1",),
        "audience": ("owners",),
        "title": {"en": "Something new"},
        "text": {"en": "It is new."},
        "url": "https://shop.example.com/new",
        "published_at": START,
    }
    publication = Publication.model_validate({**given, **more})
    small.tables.twin.write([put(publication, JOURNAL.ends(START))])
    return publication


def owner(small, customer_id, product="example:P-1", order="example:1", expires_at=None):
    item = {"customer_id": customer_id, "order": order, "expires_at": expires_at or OWNED.ends(START)}
    small.tables.twin.write([Put(keys.product_owner(product, customer_id, order), item)])


def asker(small, customer_id, product="example:P-1", asked_at="2026-02-01T00:00:00.000000Z"):
    item = {"customer_id": customer_id, "asked_at": asked_at, "expires_at": ALERT.ends(START)}
    small.tables.twin.write([Put(keys.product_asker(product, customer_id), item)])


@pytest.fixture
def news(small, monkeypatch):
    small.settings = replace(small.settings, product_news_queue_url=NEWS)
    monkeypatch.setattr(pages, "READERS", 3)
    return small


def event(name="AnnouncementPublished", key=KEY):
    told = sample(f"aftercare.products/{name}")
    told["detail"]["data"]["publication"] = key
    return told


def take(small, body):
    """One message of the function's queue, as SQS brings it: whether it was worked through."""
    return handle(sqs(body), Context()) == {"batchItemFailures": []}


def own(small, since=0):
    return [body for url, body, _ in small.queues.sent[since:] if url == NEWS]


def proposals(small):
    return [Proposal.model_validate(json.loads(body)["proposal"]) for url, body, _ in small.queues.sent if url == GATE]


def run(small, start=None):
    """The wave to its end, each page once."""
    assert take(small, start or event())
    turned = 0
    while turned < len(own(small)):
        assert take(small, own(small)[turned])
        turned += 1
    return proposals(small)


# ---------------------------------------------------------------- the whole wave


def test_each_owner_is_told_once_by_their_order_and_in_their_turn(news):
    published(news)
    for n in range(8):
        owner(news, f"c{n}", order=f"example:{n}")
    found = run(news)
    assert [p.customer_id for p in found] == [f"c{n}" for n in range(8)]
    rate = wave_rate(None)
    for position, proposal in enumerate(found):
        assert position / rate <= (proposal.not_before - START).total_seconds() <= (position + 1) / rate
        assert proposal.not_after == proposal.not_before + OF_USE
    first = found[0]
    assert first.references == {"publication": KEY, "product": "example:P-1", "order": "example:0"}
    assert first.unless == (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED)
    assert (first.template, first.purpose, first.key) == ("announcement", Purpose.PROMOTIONAL, f"announcement#{KEY}:c0")


def test_pages_follow_each_other_until_the_last_and_then_nothing_does(news):
    published(news)
    for n in range(7):
        owner(news, f"c{n}")
    run(news)
    # Each page of three leaves its last reader to the next; the first is asked for by the event, the last is empty.
    assert len(own(news)) == 5
    item = news.tables.twin.read([keys.wave(KEY)])[keys.wave(KEY)]
    assert (item["cursor"], item["position"]) == ("ended", 7)


def test_who_asked_comes_before_who_bought_and_one_customer_is_told_once(news):
    published(news, products=("example:P-1", "example:P-2"), audience=("owners", "asked"))
    for customer_id in ("c1", "c2"):
        owner(news, customer_id)
    owner(news, "c1", product="example:P-2")
    asker(news, "c3")
    found = run(news)
    assert [p.customer_id for p in found] == ["c3", "c1", "c2", "c1"]
    assert len({p.message_id for p in found}) == 3, "the gate settles a key once"
    assert found[0].unless == (Unless.NOT_ASKED,) and "order" not in found[0].references


def test_a_wish_is_fulfilled_once_however_often_the_product_comes_back(news):
    asker(news, "c1")
    keys_told = []
    for ref in ("example:r1", "example:r2"):
        published(news, key=ref, kind="restock", audience=("asked",), text={})
        run(news, event("ProductRestocked", ref))
    asker(news, "c1", asked_at="2026-03-01T00:00:00.000000Z")
    published(news, key="example:r3", kind="restock", audience=("asked",), text={})
    for proposal in run(news, event("ProductRestocked", "example:r3")):
        assert proposal.template == "restock-alert" and proposal.purpose is Purpose.SERVICE
        keys_told.append(proposal.key)
    assert len(set(keys_told)) == 2, "one for each wish"


def test_a_warning_needs_no_leave_and_stays_of_use(news):
    published(news, kind="safety")
    owner(news, "c1")
    (proposal,) = run(news)
    assert (proposal.template, proposal.purpose) == ("safety-notice", Purpose.TRANSACTIONAL)
    assert proposal.unless == (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED), "who was refunded may have it still"
    assert proposal.not_after - proposal.not_before == WARNS


def test_a_restock_is_an_offer_to_who_did_not_ask_for_it(news):
    published(news, kind="restock", text={})
    owner(news, "c1")
    (proposal,) = run(news, event("ProductRestocked"))
    assert (proposal.template, proposal.purpose) == ("product-restocked", Purpose.PROMOTIONAL)


@pytest.mark.parametrize("size", range(1, 9))
def test_a_customer_with_several_orders_is_told_once_by_the_newest_wherever_the_pages_end(news, monkeypatch, size):
    monkeypatch.setattr(pages, "READERS", size)
    published(news)
    for n, customer_id in enumerate(["c1", "c2", "c2", "c2", "c3", "c4", "c4"]):
        owner(news, customer_id, order=f"example:{n}", expires_at=OWNED.ends(START) - n % 3)
    found = run(news)
    told = {p.customer_id: p.references["order"] for p in found}
    assert told.keys() == {"c1", "c2", "c3", "c4"} and len({p.message_id for p in found}) == 4
    if size > 3:
        assert told == {"c1": "example:0", "c2": "example:3", "c3": "example:4", "c4": "example:6"} and len(found) == 4


def test_whose_time_in_the_index_is_over_is_passed_by(news):
    published(news)
    owner(news, "c1", expires_at=int(START.timestamp()) - 1)
    owner(news, "c2")
    assert [p.customer_id for p in run(news)] == ["c2"]


def test_whose_turn_comes_after_the_end_is_counted_and_not_proposed(news, capsys):
    rate = wave_rate(None)
    published(news, until=START + timedelta(seconds=3 / rate))
    for n in range(6):
        owner(news, f"c{n}")
    assert [p.customer_id for p in run(news)] == ["c0", "c1", "c2"]
    counted = re.findall(r'"WaveTooLate": ?\[([\d., ]+)\]', capsys.readouterr().out)
    assert sum(float(one) for page in counted for one in page.split(",")) == 3


def test_the_smaller_of_the_stores_rate_and_the_accounts_counts(news):
    quota = Quota(per_second=1, per_day=200, sent_today=0, read_at=START)
    news.tables.twin.write([Put(keys.quota(), {"doc": quota.to_json(), "read_at": "x"})])
    published(news)
    for n in range(3):
        owner(news, f"c{n}")
    last = run(news)[-1].not_before - START
    assert last >= timedelta(seconds=2 / wave_rate(quota))


def test_a_very_long_reference_still_makes_a_key(news):
    key = f"{'s' * 63}:{'r' * 128}"
    published(news, key=key)
    owner(news, "c" * 26)
    (proposal,) = run(news, event(key=key))
    assert len(proposal.key) < 200 and proposal.references["publication"] == key


# ---------------------------------------------------------------- twice, and torn


def told_once(found):
    """Every reader has one key, one instant, and is in the wave."""
    by_reader = Counter((p.customer_id, p.key, p.not_before) for p in found)
    return {reader for reader, _, _ in by_reader}, len({r for r, _, _ in by_reader}) == len(by_reader)


def test_an_event_that_is_told_twice_starts_one_wave(news):
    published(news)
    for n in range(4):
        owner(news, f"c{n}")
    run(news)
    before = len(news.queues.sent)
    assert take(news, event())
    assert len(news.queues.sent) == before


def test_an_event_or_a_page_that_is_brought_twice_while_the_wave_is_under_way_does_not_double_it(news):
    published(news)
    for n in range(9):
        owner(news, f"c{n}")
    for body in (event(), event()):
        assert take(news, body)
    turned = 0
    while turned < len(own(news)):
        page = own(news)[turned]
        assert take(news, page) and take(news, page)
        turned += 1
    bodies = own(news)
    assert len(set(bodies)) == len(bodies)
    assert len(proposals(news)) == 9


def test_a_page_that_is_brought_again_changes_nothing_and_hands_on_what_comes_next(news):
    published(news)
    for n in range(7):
        owner(news, f"c{n}")
    take(news, event())
    first = own(news)[0]
    take(news, first)
    place = keys.wave(KEY)
    news.tables.twin.write([Change(place, drop=("asked_for",))])
    before = len(news.queues.sent)
    take(news, first)
    (again,) = news.queues.sent[before:]
    assert again[:2] == (NEWS, own(news)[1]), "it is not known that anybody was asked"
    run_rest(news)
    readers, once = told_once(proposals(news))
    assert once and readers == {f"c{n}" for n in range(7)}


def run_rest(small):
    for turned in range(50):
        bodies = own(small)
        if turned >= len(bodies):
            return
        take(small, bodies[turned])


class Torn(RuntimeError):
    """The sandbox is gone."""


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", range(19))
def test_a_crash_at_any_effect_of_a_wave_loses_nobody_and_tells_nobody_twice(news, monkeypatch, effect, done):
    published(news)
    for n in range(5):
        owner(news, f"c{n}")
    count = iter(range(10_000))
    real_send, real_write = news.queues.send, news.tables.twin.write

    def torn(real):
        def call(*args, **more):
            falls = next(count) == effect
            if done or not falls:
                real(*args, **more)
            if falls:
                raise Torn

        return call

    monkeypatch.setattr(news.queues, "send", torn(real_send))
    monkeypatch.setattr(news.tables.twin, "write", torn(real_write))
    waiting = [event()]
    handed = 0
    for _ in range(60):
        if not waiting:
            break
        body = waiting.pop(0)
        if not take(news, body):
            waiting.append(body)
        fresh = own(news)
        waiting += fresh[handed:]
        handed = len(fresh)
    readers, once = told_once(proposals(news))
    assert once and readers == {f"c{n}" for n in range(5)}
    assert news.tables.twin.read([keys.wave(KEY)])[keys.wave(KEY)]["cursor"] == "ended"


@pytest.mark.parametrize("error", [Throttled("load"), Unclear("lost")])
def test_a_table_that_does_not_answer_brings_the_page_again(news, error):
    published(news)
    owner(news, "c1")
    take(news, event())

    def fail():
        raise error

    news.tables.before_write.append(fail)
    assert not take(news, own(news)[0])
    assert take(news, own(news)[0])
    run_rest(news)
    assert told_once(proposals(news)) == ({"c1"}, True)


def test_a_reader_who_was_erased_between_two_pages_stops_nothing(news):
    published(news)
    for n in range(6):
        owner(news, f"c{n}")
    take(news, event())
    take(news, own(news)[0])
    news.tables.twin.write([Remove(keys.product_owner("example:P-1", "c1", "example:1"))])
    run_rest(news)
    assert {p.customer_id for p in proposals(news)} == {f"c{n}" for n in range(6)}


def test_an_event_about_nothing_published_is_kept_for_the_operator(news):
    take(news, event(key="example:nowhere"))
    assert not take(news, own(news)[0])


def test_a_word_on_a_page_names_a_wave_and_nobody(news):
    published(news)
    owner(news, "c1")
    take(news, event())
    assert json.loads(own(news)[0]).keys() == {"wave", "cursor", "key"}


# ---------------------------------------------------------------- the rate


@given(
    st.integers(1, 400),
    st.floats(min_value=0.5, max_value=60),
    st.text(alphabet="abcdef", min_size=1, max_size=6),
    st.floats(min_value=0.2, max_value=30),
)
def test_in_any_time_no_more_are_due_than_the_rate_allows_and_two_for_its_edges(count, per_second, seed, seconds):
    slots = [(wave_slot(START, per_second, n, f"{seed}{n}") - START).total_seconds() for n in range(count)]
    assert slots == sorted(slots)
    assert slots[0] >= 0 and slots[-1] <= count / per_second + 1e-6
    for first in slots[:: max(count // 20, 1)]:
        assert sum(first <= slot < first + seconds for slot in slots) <= per_second * seconds + 2


def test_the_groups_of_an_announcement_are_each_audience_of_each_product():
    fact = AnnouncementFact.model_validate(
        {k: v for k, v in sample("store/AnnouncementPublished")["detail"].items() if k != "event_id"}
        | {"type": "AnnouncementPublished", "kind": "news", "product_refs": ["a", "b"], "audience": ["owners", "asked"]}
    )
    publication = Publication.model_validate(
        {
            "key": "example:x",
            "kind": fact.kind,
            "shop": "example",
            "products": tuple(f"example:{ref}" for ref in fact.product_refs),
            "audience": fact.audience,
            "title": fact.title,
            "text": fact.text,
            "url": fact.url,
            "published_at": fact.occurred_at,
        }
    )
    assert [(g.audience, g.product) for g in groups_of(publication)] == [
        ("asked", "example:a"),
        ("asked", "example:b"),
        ("owners", "example:a"),
        ("owners", "example:b"),
    ]

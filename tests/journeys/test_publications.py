"""From a store's word about a product to the mails of those whom it concerns: both backends, the real template, one clock."""

import json
from datetime import timedelta

import pytest

from aftercare.clock import iso
from aftercare.keys import message_id
from product_news import handler, pages
from simulator.cloud import LocalCloud
from tests.faults.test_send_faults import put

BACKENDS = ["memory", "moto"]
GIVEN = [{"channel": "email", "purpose": "promotional", "says": "given"}]


def bought(cloud, ref, email, product="P-1", consent=GIVEN, lines=1, **more):
    line = {"product_ref": product, "title": "House espresso", "quantity": 1, "product_type": "Coffee"}
    lines = [{"line_ref": str(n), **line} for n in range(1, lines + 1)]
    order = {"name": f"#{ref}", "placed_at": iso(cloud.now), "contact": {"email": email}, "country": "US", "lines": lines}
    put(cloud, "OrderPlaced", {"ref": ref, "occurred_at": iso(cloud.now), "order": order, "consent": consent, **more})


def asked(cloud, email, product="P-1", consent=GIVEN):
    detail = {"occurred_at": iso(cloud.now), "product_ref": product, "contact": {"email": email}, "country": "US"}
    put(cloud, "RestockRequested", {**detail, "consent": consent})


def published(cloud, detail_type="AnnouncementPublished", **detail):
    put(cloud, detail_type, {"occurred_at": iso(cloud.now), "url": "https://shop.example.com/p", **detail})


def announcement(cloud, kind, **more):
    told = {"title": {"en": "About your espresso"}, "text": {"en": "We roast it darker from now on."}, "product_refs": ["P-1"]}
    published(cloud, ref=f"a-{kind}", kind=kind, **{**told, **more})


def about(cloud, template):
    return {m["key"].split(":")[-1]: m for m in cloud.messages() if m["template"] == template}


def readers(cloud, since):
    return sorted(taken.recipient for taken in cloud.mailbox.taken[since:])


def heard(cloud, since):
    """Who got which mail since then, as (recipient, template)."""
    templates = {message_id(m["key"]): m["template"] for m in cloud.messages()}
    taken = cloud.mailbox.taken[since:]
    return sorted((one.recipient, templates.get(one.tags["aftercare-message"], "digest")) for one in taken)


@pytest.mark.parametrize("backend", BACKENDS)
def test_who_asked_hears_that_it_is_back_and_who_bought_it_meanwhile_does_not(backend):
    with LocalCloud(backend, seed=3, switch="on") as cloud:
        asked(cloud, "anna@example.com")
        asked(cloud, "ben@example.com", consent=[])
        asked(cloud, "carl@example.com")
        cloud.run()
        cloud.advance(days=2)
        bought(cloud, "1", "carl@example.com", consent=[])
        cloud.advance(days=2)
        before = len(cloud.mailbox.taken)
        published(cloud, "ProductRestocked", ref="r1", product_ref="P-1", title="House espresso")
        cloud.advance(hours=1)
        assert readers(cloud, before) == ["anna@example.com", "ben@example.com"], "the wish is all that it needs"
        assert b"House espresso is back" in cloud.mailbox.taken[-1].mime()
        reasons = sorted(m["reason"] for m in cloud.messages() if m["template"] == "restock-alert")
        assert reasons == ["not_asked", "sent", "sent"]
        published(cloud, "ProductRestocked", ref="r2", product_ref="P-1", title="House espresso")
        cloud.advance(days=2)
        assert heard(cloud, before) == [
            ("anna@example.com", "restock-alert"),
            ("ben@example.com", "restock-alert"),
            ("carl@example.com", "segment-offer"),
        ], "a wish is fulfilled once; who bought meanwhile is welcomed"
        assert cloud.dead_letters() == {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_owners_hear_an_announcement_by_their_consent_and_a_warning_without(backend):
    with LocalCloud(backend, seed=3, switch="on") as cloud:
        bought(cloud, "1", "anna@example.com")
        bought(cloud, "2", "ben@example.com", consent=[])
        bought(cloud, "3", "carl@example.com", product="P-2")
        bought(cloud, "4", "dora@example.com")
        cloud.run()
        cloud.advance(days=1)
        put(cloud, "OrderCancelled", {"ref": "4", "occurred_at": iso(cloud.now)})
        cloud.advance(days=1)
        before = len(cloud.mailbox.taken)
        announcement(cloud, "news")
        cloud.advance(hours=1)
        assert readers(cloud, before) == ["anna@example.com"]
        announcement(cloud, "safety", text={"en": "Please send it back."})
        cloud.advance(hours=1)
        assert readers(cloud, before) == ["anna@example.com", "anna@example.com", "ben@example.com"]
        raw = cloud.mailbox.taken[-1].mime()
        assert b"It is about safety" in raw and b"aftercare" not in raw.lower().split(b"subject:")[1].split(b"\n")[0]
        assert cloud.dead_letters() == {}


def test_without_the_setting_nobody_is_found_and_nothing_breaks():
    with LocalCloud("memory", seed=3, switch="on", parameters={"ProductOwners": "off"}) as cloud:
        bought(cloud, "1", "anna@example.com")
        cloud.run()
        announcement(cloud, "news")
        cloud.advance(hours=1)
        assert about(cloud, "announcement") == {}
        assert cloud.dead_letters() == {}


def test_a_wave_of_several_pages_leaves_at_the_rate_and_reaches_everybody_once():
    with LocalCloud("memory", seed=3, switch="on") as cloud:
        people = 600
        for n in range(people):
            bought(cloud, str(n), f"p{n}@example.com")
            if n % 100 == 99:
                cloud.run()
        cloud.advance(days=2)
        before = len(cloud.mailbox.taken)
        announcement(cloud, "news")
        cloud.advance(hours=1)
        taken = cloud.mailbox.taken[before:]
        first = min(t.at for t in taken)
        by_second = [int((t.at - first).total_seconds()) for t in taken]
        assert max(by_second) >= people / 9.8 * 0.9, "spread over the time that the rate needs"
        assert max(map(by_second.count, set(by_second))) <= 14
        assert people * 0.9 < len(taken) < people, "a few, on whom it is tried, hear once a week"
        cloud.advance(days=8)
        # Beside it everybody hears the first two messages of the welcome that their order began.
        expected = ("announcement", "segment-offer", "segment-offer")
        assert heard(cloud, before) == sorted((f"p{n}@example.com", template) for n in range(people) for template in expected)
        assert cloud.dead_letters() == {}


def test_who_hears_once_a_week_gets_a_restock_in_the_digest_and_a_warning_at_once():
    with LocalCloud("memory", seed=3, switch="on") as cloud:
        bought(cloud, "1", "anna@example.com")
        cloud.run()
        customer = next(iter({m["customer"] for m in cloud.messages()}))
        weekly(cloud, customer)
        cloud.advance(days=1)
        before = len(cloud.mailbox.taken)
        announcement(cloud, "news")
        published(cloud, "ProductRestocked", ref="r1", product_ref="P-1", title="House espresso", audience=["owners"])
        announcement(cloud, "safety")
        cloud.advance(hours=2)
        assert len(cloud.mailbox.taken) == before + 1, "the warning"
        assert {m["reason"] for m in cloud.messages() if m["settlement"] == "HELD"} == {"digest"}
        cloud.advance(timedelta(days=7))
        assert [template for _, template in heard(cloud, before)] == ["digest", "safety-notice", "segment-offer"]
        raw = cloud.mailbox.taken[-1].mime()
        assert b"House espresso is there again" in raw and b"We roast it darker" in raw


def weekly(cloud, customer_id):
    from aftercare import keys
    from aftercare.table import Put
    from aftercare.wishes import Frequency, Wishes

    wishes = Wishes(version=1, frequency=Frequency.WEEKLY)
    cloud.tables.write([Put(keys.customer(customer_id, keys.WISHES), {"doc": wishes.to_json(), "version": 1})])


def test_no_name_address_or_text_is_in_a_queue_an_event_or_a_wave():
    with LocalCloud("memory", seed=3, switch="off") as cloud:
        bought(cloud, "1", "anna@example.com")
        cloud.run()
        announcement(cloud, "news")
        cloud.advance(hours=1)
        told = [json.dumps(e.fields, default=str) for e in cloud.journal.entries("event", "proposal", "wait-started")]
        index = [str(i) for i in cloud.items("CustomerTable") if str(i["pk"]).startswith(("PRODUCT#", "WAVE#"))]
        assert index and told
        for text in (*told, *index):
            assert "anna" not in text and "darker" not in text


class Crash(RuntimeError):
    """The sandbox is gone."""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("step", "done"), [("turn", False), ("turn", True), ("hand_on", True)])
def test_a_crash_between_two_pages_loses_nobody_and_tells_nobody_twice(backend, step, done, monkeypatch):
    monkeypatch.setattr(pages, "READERS", 3)
    with LocalCloud(backend, seed=3, switch="on") as cloud:
        people = 7
        for n in range(people):
            bought(cloud, str(n), f"p{n}@example.com")
        cloud.run()
        cloud.advance(days=1)
        before, calls, real = len(cloud.mailbox.taken), iter(range(10**6)), getattr(handler, step)

        def torn(*args):
            falls = next(calls) == 1
            answer = real(*args) if done or not falls else None
            if falls:
                raise Crash
            return answer

        monkeypatch.setattr(handler, step, torn)
        announcement(cloud, "safety")
        cloud.advance(hours=3)
        assert readers(cloud, before) == sorted(f"p{n}@example.com" for n in range(people))
        assert cloud.dead_letters() == {}


def many_orders(cloud, email, count=12):
    """So many more orders of a customer that their earlier ones move to the archive."""
    for n in range(count):
        cloud.advance(hours=1)
        bought(cloud, f"more-{n}", email, product=f"Q-{n}", lines=30)
        cloud.run()


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_lies_in_the_archive_counts_for_who_bought_and_for_who_waits_no_more(backend):
    with LocalCloud(backend, seed=3, switch="on") as cloud:
        asked(cloud, "anna@example.com")
        cloud.run()
        cloud.advance(hours=1)
        bought(cloud, "1", "anna@example.com")
        many_orders(cloud, "anna@example.com")
        assert [
            sk
            for item in cloud.items("CustomerTable")
            if (sk := str(item["sk"])).startswith("9#ARCHIVE#1#ORDER#") and sk.endswith(":1")
        ]
        cloud.advance(days=2)
        before = len(cloud.mailbox.taken)
        published(cloud, "ProductRestocked", ref="r1", product_ref="P-1", title="House espresso")
        cloud.advance(hours=1)
        assert [m["reason"] for m in cloud.messages() if m["template"] == "restock-alert"] == ["not_asked"]
        announcement(cloud, "safety")
        cloud.advance(hours=1)
        assert readers(cloud, before) == ["anna@example.com"]
        assert b"It is about safety" in cloud.mailbox.taken[-1].mime()


def test_an_erased_reader_is_not_found_and_one_who_asks_anew_is_told_again():
    with LocalCloud("memory", seed=3, switch="on") as cloud:
        asked(cloud, "anna@example.com")
        bought(cloud, "1", "anna@example.com", product="P-2")
        cloud.run()
        cloud.advance(hours=1)
        late = iso(cloud.now)
        put(cloud, "CustomerErasureRequested", {"occurred_at": iso(cloud.now), "contact": {"email": "anna@example.com"}})
        cloud.advance(hours=1)
        before = len(cloud.mailbox.taken)
        wish = {"product_ref": "P-1", "contact": {"email": "anna@example.com"}, "country": "US"}
        put(cloud, "RestockRequested", {"occurred_at": late, **wish})
        cloud.run()
        assert not [item for item in cloud.items("CustomerTable") if str(item["pk"]).startswith("PRODUCT#")]
        published(cloud, "ProductRestocked", ref="r1", product_ref="P-1", title="House espresso")
        announcement(cloud, "safety", product_refs=["P-2"])
        cloud.advance(hours=2)
        assert readers(cloud, before) == []
        asked(cloud, "anna@example.com", consent=[])
        cloud.run()
        published(cloud, "ProductRestocked", ref="r2", product_ref="P-1", title="House espresso")
        cloud.advance(hours=1)
        assert readers(cloud, before) == ["anna@example.com"]

"""What customers do in the store is noted by the day with their leave, and without it nothing is: not even that it came."""

from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.behaviour import interest
from aftercare.clock import iso
from aftercare.consent_log import evidence_of, wording_of
from aftercare.export import export
from aftercare.retention import MARK
from aftercare.table import Put
from store_intake import behaviour
from store_intake.handler import handle
from tests.small_outside import SECRETS, START, Context, sample
from tests.unit.store_intake.test_intake import put

WHO = {"customer_ref": "C-4711"}
LEAVE = {"purpose": "behaviour", "says": "given", "text": "Note what I look at.", "wording": "b-1"}


def says(leave, minutes=0, kind="ConsentChanged", **more):
    at = iso(START + timedelta(minutes=minutes))
    return put(kind, said=[leave, *more.pop("beside", [])], occurred_at=at, event_id=f"leave-{minutes}-{kind}", **WHO, **more)


def does(kind, minutes=60, **fields):
    at = START + timedelta(minutes=minutes)
    told = {"event_id": f"{kind}-{minutes}-{len(str(fields))}", "occurred_at": iso(at), **WHO, **fields}
    return handle({**sample(f"store/{kind}"), "detail": told}, Context())


def views(minutes=60, **fields):
    return does("ProductViewed", minutes, **{"product_type": "Camera", **fields})


@pytest.fixture
def anna(small):
    put("OrderPlaced")
    small.clock.at = START + timedelta(hours=2)
    return small


@pytest.fixture
def asked(anna):
    says(LEAVE)
    return anna


def noted(small):
    return small.customer().behaviour


def test_without_leave_a_fact_is_refused_with_the_reason_and_nothing_is_written(anna):
    before = anna.items()
    for kind, fields in {
        "LoggedIn": {"surface": "web"},
        "PageVisited": {"page": "home"},
        "ContentShared": {"content": "guide"},
    }.items():
        answer = does(kind, **fields)
        assert (answer["status"], answer["parked"]) == ("refused", behaviour.NO_LEAVE)
    assert views()["status"] == "refused"
    assert anna.items() == before


def test_who_is_not_known_is_not_made_known(small):
    before = small.items()
    assert (views()["status"], views()["parked"]) == ("refused", behaviour.NOBODY)
    assert small.items() == before


def test_leave_is_an_opt_in_of_its_own_with_evidence_and_its_text(anna):
    says(LEAVE)
    record = anna.customer().consent
    assert record.behaviour and not record.behaviour.opted_out
    assert {(h.channel, h.purpose) for h in record.heads} == {("email", "promotional")}, "what the order brought, and no more"
    row = next(row for row in evidence_of(anna.tables, anna.customer().id) if getattr(row, "kind", None) == "behaviour_opt_in")
    assert row.sequence == record.behaviour.proof
    assert wording_of(anna.tables, row.wording_hash).text == "Note what I look at."
    assert views()["status"] == "recorded"


def test_consent_to_anything_else_is_no_leave(anna):
    channels = [{"channel": c, "purpose": p, "says": "given"} for c in ("email", "inbox") for p in ("promotional", "service")]
    put("ConsentChanged", said=channels, occurred_at=iso(START), event_id="others", **WHO)
    assert views()["status"] == "refused"


def test_leave_that_was_merely_seen_or_is_half_said_is_parked_with_the_field(anna):
    assert "said" in says(LEAVE, kind="ConsentObserved")["parked"]
    assert "behaviour.0.says" in says({**LEAVE, "says": "perhaps"}, minutes=3)["parked"]


def test_what_happened_before_the_leave_or_too_long_ago_is_refused(asked):
    assert views(minutes=-1)["parked"] == behaviour.NO_LEAVE
    asked.clock.at = START + timedelta(days=91)
    assert views()["parked"] == behaviour.TOO_OLD


def test_a_day_is_noted_once_for_each_family_and_told_once(asked):
    answers = [views(60 + n)["status"] for n in range(50)]
    assert answers == ["recorded"] + ["duplicate"] * 49
    assert [event.data for event in asked.outbox() if event.type == "ProductViewed"] == [
        {"customer_id": asked.customer().id, "shop": "example", "family": "camera", "fresh": True}
    ]
    assert len(asked.items(keys.delivery("store.example#ProductViewed").pk)) == 1
    assert noted(asked).themes == {"camera": "1"}


def test_each_fact_notes_what_it_is(asked):
    assert does("LoggedIn", surface="app")["status"] == "recorded"
    assert does("PageVisited", page="category", product_type="Coffee")["status"] == "recorded"
    assert does("ContentShared", content="guide", sku="CAR-BALM")["status"] == "recorded"
    there = noted(asked)
    assert set(there.acts) == {"app", "visit", "share"}
    assert set(there.themes) == {"coffee", "care-products", "+leather-balm"}
    assert [e.type for e in asked.outbox()][-3:] == ["LoggedIn", "PageVisited", "ContentShared"]


def test_a_product_that_the_catalogue_does_not_know_is_a_visit_and_no_interest(asked):
    assert views(product_type="Mystery")["status"] == "recorded"
    assert (set(noted(asked).acts), noted(asked).themes) == ({"visit"}, {})


def test_the_order_of_arrival_does_not_matter(asked):
    asked.clock.at = START + timedelta(days=10)
    for days in (3, 1, 9, 1, 3):
        views(minutes=days * 1440)
    assert noted(asked).themes == {"camera": f"{1 | 1 << 6 | 1 << 8:x}"}


def test_a_fact_takes_three_calls_and_one_that_says_nothing_new_two(asked, monkeypatch):
    calls = []
    for name in ("read", "partition", "write"):
        real = getattr(asked.tables, name)
        monkeypatch.setattr(asked.tables, name, lambda *a, _n=name, _r=real, **k: (calls.append(_n), _r(*a, **k))[1])
    views()
    assert calls == ["read", "partition", "write"]
    calls.clear()
    views(61)
    assert calls == ["read", "partition"]


def test_withdrawing_removes_what_was_noted_at_once_and_refuses_what_comes(asked):
    views()
    assert noted(asked)
    says({**LEAVE, "says": "withdrawn"}, minutes=90)
    assert noted(asked) is None
    assert views(minutes=95)["status"] == "refused"
    says(LEAVE, minutes=100)
    assert views(minutes=110)["status"] == "recorded"


def test_it_is_exported_and_ends_after_ninety_days(asked):
    views()
    told = export(asked.tables.twin, asked.customer().id, SECRETS["identity"], asked.clock.now())
    assert told["kept"]["behaviour"][0]["record"]["themes"] == {"camera": "1"}
    asked.clock.at = START + timedelta(days=91)
    assert noted(asked) is None


def test_a_withdrawal_between_the_read_and_the_write_wins(asked, monkeypatch):
    real, once = asked.tables.partition, []

    def racing(*a, **k):
        found = real(*a, **k)
        if not once:
            once.append(1)
            says({**LEAVE, "says": "withdrawn"}, minutes=90)
        return found

    monkeypatch.setattr(asked.tables, "partition", racing)
    assert views()["status"] == "refused"
    assert noted(asked) is None


def test_somebody_who_was_erased_meanwhile_gets_nothing_noted(asked, monkeypatch):
    real = asked.tables.partition
    erased = keys.customer(asked.customer().id, keys.ERASED)

    def racing(*a, **k):
        found = real(*a, **k)
        asked.tables.twin.write([Put(erased, {"erased_at": iso(asked.clock.now()), "expires_at": MARK.ends(asked.clock.now())})])
        return found

    monkeypatch.setattr(asked.tables, "partition", racing)
    assert views()["status"] == "refused"
    assert asked.items("CUSTOMER#") and not [i for i in asked.items("CUSTOMER#") if i["sk"] == keys.BEHAVIOUR]


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("ProductViewed", {}, "product_ref, sku or product_type"),
        ("LoggedIn", {"surface": "fridge"}, "detail.surface"),
        ("PageVisited", {"page": "https://x.example/me"}, "detail.page"),
        ("ContentShared", {"content": "guide", "text": "look!"}, "is no field"),
    ],
)
def test_what_is_not_as_expected_is_parked_by_field(asked, kind, fields, field):
    answer = does(kind, **fields)
    assert answer["status"] == "parked" and field in answer["parked"]
    assert all("body" not in item or not item["body"] for item in asked.items("PARKED#")), "nobody knows whether there was leave"


def test_interest_fades_by_half_in_two_weeks(asked):
    views()
    much = interest(noted(asked), START)["camera"]
    assert interest(noted(asked), START + timedelta(days=14))["camera"] == pytest.approx(much / 2)
    assert interest(noted(asked), START + timedelta(days=90)) == {}

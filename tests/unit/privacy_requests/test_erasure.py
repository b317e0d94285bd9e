"""Erasing a person: what goes, what is left, and what neither a crash nor a late event can change."""

import json
from datetime import timedelta
from functools import partial

import pytest

from aftercare import forgotten, keys, ledger
from aftercare.clock import iso
from aftercare.consent import Channel, Purpose, Says
from aftercare.consent_log import MARKETING
from aftercare.customer import Customer
from aftercare.decision import State
from aftercare.erasure import LOOK_AGAIN, Eraser, Outcome
from aftercare.kept import KINDS, Erasure, kind_of
from aftercare.requests import Asked, Request, find, opened, put
from aftercare.store import CustomerErased, load
from aftercare.table import Conflict, Put, Throttled
from tests.a_life import addresses, live, message, order, parcel, tell
from tests.small_outside import SECRETS, START

ANNA = ("anna@example.com", "Anna", addresses("anna")[1], "C-anna", parcel("anna"), "T-anna", "SUB-anna", "anna-1")


def eraser(small, minutes=1.0):
    return Eraser(small, lambda: timedelta(minutes=minutes))


def erase(small, customer_id, refs=()):
    """Both looks."""
    first = eraser(small).erase(customer_id, refs)
    small.later(minutes=17)
    return first, eraser(small).erase(customer_id)


def everything(small):
    return [item for table in ("customers", "knowledge") for item in small.tables.twin.items(table)]


def text(items):
    return "\n".join(json.dumps(item, default=lambda v: v.decode("latin-1"), sort_keys=True) for item in items)


def left_of(small, customer_id):
    return sorted(str(i["pk"]) + "/" + str(i["sk"]) for i in everything(small) if customer_id in text([i]))


def relay(small):
    """What was recorded has been told: the outbox is empty, as it is minutes later."""
    for item in small.items("DELIVERY#"):
        bare = {
            name: value for name, value in item.items() if name not in ("pk", "sk", "events", "customer", "due_kind", "due_at")
        }
        small.tables.twin.write([Put(keys.Key("customers", item["pk"], item["sk"]), bare)])


def test_after_the_second_look_nothing_is_left_but_keyed_hashes(small):
    anna, berta = live(small), live(small, "berta")
    relay(small)
    assert all(word in text(everything(small)) for word in ANNA)
    others = [i for i in everything(small) if "berta" in text([i]) or berta in text([i])]
    assert erase(small, anna) == (Outcome.WAITS, Outcome.ERASED)
    found = text(i for i in everything(small) if not str(i["pk"]).startswith("DELIVERY#"))
    assert [word for word in ANNA if word.lower() in found.lower()] == []
    assert left_of(small, anna) == [f"CUSTOMER#{anna}/1#CONSENT", f"CUSTOMER#{anna}/1#ERASED"]
    assert [i for i in everything(small) if "berta" in text([i]) or berta in text([i])] == others
    assert small.waits.stopped and list(small.slots.at) == [berta]
    email = forgotten.place(SECRETS["suppression"], keys.email_alias(small.email_hash("anna@example.com")))
    assert set(small.tables.twin.read([email])[email]) == {"pk", "sk", "erased_at"}
    with pytest.raises(CustomerErased):
        load(small.tables.twin, anna)


def test_what_is_still_there_is_what_the_list_says_may_stay(small):
    anna = live(small)
    relay(small)
    before = {kind_of(keys.Key("customers", str(i["pk"]), str(i["sk"]))) for i in small.items()}
    assert None not in before
    assert {kind.name for kind in before} >= {
        "profile",
        "order",
        "shipment",
        "case",
        "held message",
        "message",
        "wait",
        "parked body",
        "alert",
        "owner of a product",
        "who asked for a product",
    }
    erase(small, anna)
    for item in small.items():
        assert kind_of(keys.Key("customers", str(item["pk"]), str(item["sk"]))).erasure is not Erasure.REMOVED, item


def test_what_remains_in_the_partition_is_gone_after_a_month(small):
    anna = live(small)
    erase(small, anna)
    small.later(days=30)
    left = small.items(f"CUSTOMER#{anna}")
    assert left and all(item["expires_at"] <= small.clock.now().timestamp() for item in left)


def test_a_second_wish_finds_that_it_is_so_and_is_answered_at_once(small):
    anna = live(small)
    erase(small, anna)
    before = small.untouched()
    assert eraser(small).erase(anna) is Outcome.ERASED
    assert small.untouched() == before
    asked = wish(small, "r2", anna)
    assert eraser(small).answer(asked) is Outcome.ERASED
    assert find(small.tables.twin, Asked.ERASURE, "r2").closed_at


def test_nobody_is_erased_where_there_is_nobody(small):
    before = small.untouched()
    assert eraser(small).erase("nobody") is Outcome.NOBODY
    assert small.untouched() == before


# ---------------------------------------------------------------- crashes and time


def writes_of(small, customer_id):
    small.tables.calls.clear()
    erase(small, customer_id)
    return small.tables.calls.count("write")


def test_a_crash_at_any_write_is_made_good_by_the_next_look(small):
    total = writes_of(small, live(small, "clara"))
    assert total > 8
    for place in range(total):
        name = f"person{place}"
        customer_id = live(small, name)
        relay(small)

        def fail():
            raise Throttled

        small.tables.before_write[:] = [*([lambda: None] * place), fail]
        for _ in range(2):
            try:
                eraser(small).erase(customer_id)
            except Throttled:
                eraser(small).erase(customer_id)
            small.later(minutes=17)
        small.tables.before_write.clear()
        assert left_of(small, customer_id) == [f"CUSTOMER#{customer_id}/1#CONSENT", f"CUSTOMER#{customer_id}/1#ERASED"], place
        assert f"{name}@" not in text(everything(small)), place


def test_what_one_invocation_has_no_time_for_is_taken_up_by_the_sweep(small):
    anna = live(small)
    assert eraser(small, minutes=0.01).erase(anna) is Outcome.MORE
    due = small.tables.twin.due("erasure", iso(small.clock.now() + timedelta(minutes=5)), 10)
    assert [item["pk"] for item in due] == [f"CUSTOMER#{anna}"]
    assert erase(small, anna)[1] is Outcome.ERASED


def test_somebody_elses_write_at_the_same_instant_delays_nothing(small):
    anna = live(small)

    def conflict():
        raise Conflict

    small.tables.before_write[:] = [conflict, lambda: None, lambda: None, conflict]
    assert erase(small, anna)[1] is Outcome.ERASED


# ---------------------------------------------------------------- sends under way


def claim(small, customer: Customer, key="example:anna-1"):
    return ledger.claim(
        small.tables.twin,
        customer,
        message(small, customer.id, key, "parcel-shipped", State.CLAIMED),
        "token",
        small.clock.now(),
        held=None,
    )


def test_a_claim_that_was_decided_before_the_erasure_loses(small):
    for name, consented in (("anna", True), ("berta", False)):
        customer_id = live(small, name)
        customer = load(small.tables.twin, customer_id)
        if not consented:
            small.tables.twin.write([Put(keys.customer(customer_id, keys.PROFILE), {"doc": "{}", "version": 1})])
            customer = Customer(id=customer_id, profile=customer.profile)
        eraser(small).erase(customer_id)
        assert isinstance(claim(small, customer, f"example:{name}-1"), ledger.Lost)


def test_the_erasure_waits_for_a_send_that_is_claimed_already_and_says_so(small):
    anna = live(small)
    asked = wish(small, "r1", anna)
    assert isinstance(claim(small, load(small.tables.twin, anna)), ledger.Claimed)
    lease_ends = small.clock.now() + ledger.LEASE
    assert eraser(small).answer(asked) is Outcome.WAITS_FOR_SEND
    assert find(small.tables.twin, Asked.ERASURE, "r1").waits_until == lease_ends
    sent = message(small, anna, "example:anna-1", "parcel-shipped", State.SENT)
    assert ledger.settle(small.tables.twin, anna, sent, "token", small.clock.now()), "the gate can still say what became of it"
    small.later(minutes=17)
    assert eraser(small).erase(anna) is Outcome.ERASED
    assert len(small.items(f"CUSTOMER#{anna}")) == 2


def test_a_send_that_nobody_settles_holds_the_erasure_for_its_lease_only(small):
    anna = live(small)
    claim(small, load(small.tables.twin, anna))
    eraser(small).erase(anna)
    small.later(minutes=17)
    assert eraser(small).erase(anna) is Outcome.ERASED
    assert not ledger.settle(
        small.tables.twin, anna, message(small, anna, "example:anna-1", "parcel-shipped"), "token", small.clock.now()
    )
    assert len(small.items(f"CUSTOMER#{anna}")) == 2


def test_what_an_invocation_wrote_that_had_read_before_the_mark_goes_with_the_second_look(small):
    anna = live(small)
    relay(small)
    before = load(small.tables.twin, anna)
    eraser(small).erase(anna)
    late = message(small, anna, "example:anna-1", "order-edited", State.HELD)
    ledger.hold(small.tables.twin, before, late, small.clock.now() + timedelta(days=1), small.clock.now())
    small.tables.twin.write([Put(keys.order_alias("example:anna-9"), {"customer_id": anna})])
    small.slots.set(anna, small.clock.now())
    small.later(minutes=17)
    assert eraser(small).erase(anna) is Outcome.ERASED
    assert left_of(small, anna) == [f"CUSTOMER#{anna}/1#CONSENT", f"CUSTOMER#{anna}/1#ERASED"]
    assert small.slots.at == {}


# ---------------------------------------------------------------- late news


def late_news(small):
    contact = dict(zip(("email", "phone"), addresses("anna"), strict=True))
    account = {"customer_ref": "C-anna", "contact": contact}
    earlier = START - timedelta(days=3)
    return {
        "the order again": partial(tell, "OrderUpdated", **order("anna", "anna-1", START)),
        "paid": partial(tell, "OrderPaid", ref="anna-1"),
        "an order of before that nobody had told of": partial(tell, "OrderPlaced", **order("anna", "anna-0", earlier)),
        "a scan": partial(
            tell,
            "ShipmentMoved",
            ref=None,
            order_ref=None,
            occurred_at=iso(START),
            parcels=[{"number": parcel("anna"), "carrier": "DHL", "scans": [{"status": "in_transit", "at": iso(START)}]}],
        ),
        "a return": partial(tell, "ReturnRequested", order_ref="anna-1"),
        "the account": partial(tell, "CustomerUpdated", **account, occurred_at=iso(small.clock.now())),
        "tags": partial(tell, "CustomerTagged", customer_ref="C-anna", occurred_at=iso(small.clock.now())),
        "an old consent": partial(
            tell,
            "ConsentChanged",
            **account,
            occurred_at=iso(small.clock.now()),
            said=[{"channel": "email", "purpose": "promotional", "says": "given", "said_at": iso(START)}],
        ),
        "a withdrawal": partial(
            tell,
            "ConsentChanged",
            **account,
            occurred_at=iso(small.clock.now()),
            said=[{"channel": "email", "purpose": "promotional", "says": "withdrawn"}],
        ),
        "a case": partial(tell, "SupportCaseOpened", **account, ref="T-2", order_ref="anna-1"),
        "a renewal": partial(tell, "SubscriptionRenewed", ref="SUB-anna", order_ref="anna-1"),
        "a failed payment": partial(tell, "PaymentFailed", ref="SUB-anna", order_ref=None, customer_ref="C-anna"),
        "something unreadable": partial(tell, "OrderPlaced", ref="x", occurred_at="never", order={"contact": contact}),
    }


@pytest.mark.parametrize("at", ["during", "after"])
@pytest.mark.parametrize("news", list(late_news(type("S", (), {"clock": type("C", (), {"now": staticmethod(lambda: START)})}))))
def test_late_news_of_an_erased_person_makes_nobody_and_keeps_nothing_of_them(small, news, at):
    anna = live(small)
    relay(small)
    small.later(minutes=10)
    eraser(small).erase(anna)
    if at == "after":
        small.later(minutes=17)
        eraser(small).erase(anna)
    small.later(days=2) if at == "after" else small.later(minutes=1)
    before = {(i["pk"], i["sk"]) for i in small.items()}
    assert late_news(small)[news]()["status"] in ("recorded", "parked")
    small.later(minutes=17)
    eraser(small).erase(anna)
    assert small.customers() == [anna]
    new = [i for i in small.items() if (i["pk"], i["sk"]) not in before]
    assert {str(i["pk"]).partition("#")[0] for i in new} <= {"DELIVERY", "ERASED", "PARKED"}
    told = text(i for i in new if not str(i["pk"]).startswith("DELIVERY#"))
    assert [word for word in ANNA[:6] if word.lower() in told.lower()] == []
    assert left_of(small, anna) == [f"CUSTOMER#{anna}/1#CONSENT", f"CUSTOMER#{anna}/1#ERASED"]


def test_what_follows_an_order_that_was_not_heard_is_not_heard_either(small):
    erase(small, live(small))
    earlier = order("anna", "anna-0", START - timedelta(days=3))
    tell("OrderPlaced", **earlier)
    tell("ShipmentCreated", ref="S-0", order_ref="anna-0", parcels=[{"number": "JD014600003", "carrier": "DHL"}])
    tell("OrderPaid", ref="anna-0")
    assert [i for i in small.items("ALIAS#") if "anna-0" in text([i])] == []
    assert len(small.customers()) == 1


@pytest.mark.parametrize("at", ["during", "after"])
def test_a_new_order_makes_a_new_customer_without_marketing_until_they_consent_anew(small, at):
    anna = live(small)
    small.later(minutes=10)
    eraser(small).erase(anna)
    small.later(minutes=17)
    if at == "after":
        eraser(small).erase(anna)
    consent = [{"channel": "email", "purpose": "promotional", "says": "given", "confirmed": True}]
    tell("OrderPlaced", **order("anna", "anna-2", small.clock.now()), consent=consent)
    (other,) = [c for c in small.customers() if c != anna]
    again = load(small.tables.twin, other)
    assert [o.ref for o in again.orders] == ["anna-2"]
    assert {(h.channel, h.purpose, h.says) for h in again.consent.heads} == {
        (channel, purpose, Says.WITHDRAWN) for channel in Channel for purpose in MARKETING
    }, "what a checkout says in passing is no new consent"
    small.later(minutes=1)
    said = [{"channel": "email", "purpose": "promotional", "says": "given", "confirmed": True}]
    tell(
        "ConsentChanged",
        customer_ref="C-anna",
        contact={"email": "anna@example.com"},
        said=said,
        occurred_at=iso(small.clock.now()),
    )
    assert load(small.tables.twin, other).consent.head(Channel.EMAIL, Purpose.PROMOTIONAL).says is Says.GIVEN
    eraser(small).erase(anna)
    assert load(small.tables.twin, other).orders


def test_an_alias_that_was_written_during_the_erasure_does_not_keep_a_new_order_from_its_customer(small):
    anna = live(small)
    small.later(minutes=1)
    eraser(small).erase(anna)
    place = keys.email_alias(small.email_hash("anna@example.com"))
    small.tables.twin.write([Put(place, {"customer_id": anna})])
    small.later(minutes=1)
    tell("OrderPlaced", **order("anna", "anna-2", small.clock.now()))
    (other,) = [c for c in small.customers() if c != anna]
    assert small.tables.twin.read([place])[place]["customer_id"] == other


def test_a_familys_number_refuses_texts_and_no_more(small):
    anna = live(small)
    erase(small, anna)
    tell("OrderPlaced", **order("berta", "berta-1", START, contact={"email": "berta@example.com", "phone": addresses("anna")[1]}))
    (other,) = [c for c in small.customers() if c != anna]
    heads = load(small.tables.twin, other).consent.heads
    assert {h.channel for h in heads if h.says is Says.WITHDRAWN} == {Channel.SMS, Channel.WHATSAPP}


def test_a_number_that_a_carrier_gives_again_is_heard_again_in_time(small):
    anna = live(small)
    erase(small, anna)
    small.later(days=91)
    tell("OrderPlaced", **order("berta", "berta-1", small.clock.now()))
    shipped = {"ref": "S-9", "order_ref": "berta-1", "parcels": [{"number": parcel("anna"), "carrier": "DHL"}]}
    tell("ShipmentCreated", **shipped)
    (other,) = [c for c in small.customers() if c != anna]
    assert load(small.tables.twin, other).shipments


# ---------------------------------------------------------------- requests


def wish(small, ref, *customer_ids, asked=Asked.ERASURE, **known) -> Request:
    request = opened(asked, ref, "store", "store", small.clock.now(), customer_ids, **known)
    small.tables.twin.write([put(request)])
    return request


def test_the_request_is_answered_when_everyone_whom_it_is_about_is_gone(small):
    anna, berta = live(small), live(small, "berta")
    request = wish(small, "r1", anna, berta, "gone", email="anna@example.com")
    eraser(small).answer(request)
    small.later(minutes=17)
    eraser(small).erase(anna)
    assert not find(small.tables.twin, Asked.ERASURE, "r1").closed_at
    eraser(small).erase(berta)
    answered = find(small.tables.twin, Asked.ERASURE, "r1")
    assert (answered.closed_at, answered.outcome) == (small.clock.now(), "erased")
    (item,) = small.items("REQUEST#")
    assert not [word for word in ("anna", "berta", anna, berta, "customer_id", "due_kind") if word in text([item])]


def test_a_wish_about_nobody_known_is_answered_and_what_mentions_them_goes(small):
    contact = {"email": "zoe@example.com"}
    tell("OrderPlaced", ref="x", occurred_at="never", order={"contact": contact})
    assert small.items("PARKED#") and small.items("MENTION#")
    request = wish(small, "r1", email="zoe@example.com")
    assert eraser(small).answer(request) is Outcome.NOBODY
    assert find(small.tables.twin, Asked.ERASURE, "r1").outcome == "nobody was known under these names"
    assert small.items("PARKED#") + small.items("MENTION#") == []
    assert "zoe" not in text(i for i in everything(small) if not str(i["pk"]).startswith("DELIVERY#"))


def test_other_requests_of_the_person_are_closed_and_name_nobody(small):
    anna = live(small)
    wish(small, "x1", anna, asked=Asked.EXPORT, email="anna@example.com")
    erase(small, anna)
    export = find(small.tables.twin, Asked.EXPORT, "x1")
    assert (export.customer_ids, export.email, export.outcome) == ((), None, "the person was erased")


# ---------------------------------------------------------------- the list


def test_every_kind_that_is_removed_or_reduced_can_be_found():
    for kind in KINDS:
        assert (kind.erasure is Erasure.STAYS) == bool(kind.because) or kind.erasure is Erasure.REDUCED, kind.name
        if kind.erasure is not Erasure.STAYS:
            assert kind.found != "it is nobody's", kind.name


def test_the_second_look_comes_when_no_invocation_lives_any_more_that_had_read_before_the_first():
    assert LOOK_AGAIN > ledger.LEASE

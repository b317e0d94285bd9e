"""A fault at every effect of the slot at which several messages become one: nothing sent twice, nothing in two places, nothing
lost.

Two reminders wait for a customer who hears once a week. One run without faults counts the effects of their turn; then each
effect fails in each way, and a week goes by.
"""

import json
from collections import Counter
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.table import Put
from aftercare.wishes import Frequency, Wishes
from simulator.cloud import LocalCloud
from simulator.faults import APPLIED, Fault, FaultPlan
from tests.faults.test_send_faults import faults_for, put, served

FAMILIES = ("coffee", "pantry", "bakery")
BENEFITS = {"coffee": "Beans roasted", "pantry": "Most bags last", "bakery": "One bag makes two loaves"}
TURN_WITHIN = timedelta(days=7)


def started(plan, families=FAMILIES[:2], seed=3, backend="memory", **more):
    """A cloud with a weekly customer whose reminders wait for the turn."""
    cloud = LocalCloud(backend, seed=seed, switch="on", faults=plan, **more)
    plan.active = False
    contact = {"email": "anna@example.com"}
    lines = [
        {"line_ref": str(n), "title": f"Some {name}", "quantity": 1, "tags": [f"aftercare:{name}"]}
        for n, name in enumerate(families)
    ]
    order = {"name": "#1", "placed_at": iso(cloud.now), "contact": contact, "country": "US", "lines": lines}
    said = [{"channel": "email", "purpose": "reorder", "says": "given"}]
    put(cloud, "OrderPlaced", {"ref": "1", "occurred_at": iso(cloud.now), "order": order, "consent": said})
    cloud.run()
    customer_id = customer(cloud)
    weekly = Wishes(version=1, frequency=Frequency.WEEKLY)
    cloud.tables.write([Put(keys.customer(customer_id, keys.WISHES), {"doc": weekly.to_json(), "version": 1})])
    for name in families:
        propose(cloud, customer_id, name)
    cloud.run()
    plan.active = True
    return cloud


def customer(cloud):
    item = next(i for i in cloud.items("CustomerTable") if str(i["sk"]) == keys.PROFILE)
    return keys.customer_id_of(str(item["pk"]))


def propose(cloud, customer_id, family, cause="e1"):
    proposal = {
        "key": f"reorder-reminder#coffee:1:{family}",
        "customer_id": customer_id,
        "purpose": "reorder",
        "template": "reorder-reminder",
        "references": {"order": "coffee:1", "family": family},
        "blocks": [{"kind": "reorder", "family": family}],
        "unless": ["order-unknown", "order-cancelled", "order-refunded", "reordered"],
        "not_after": iso(cloud.now + timedelta(days=13)),
        "proposed_at": iso(cloud.now),
        "caused_by": cause,
        "correlation_id": "k1",
    }
    cloud.send("GateQueue", json.dumps({"proposal": proposal}), group=customer_id, deduplication=f"{family}-{cause}")


def reminders(cloud):
    return {m["key"].rpartition(":")[2]: m for m in cloud.messages() if m["template"] == "reorder-reminder"}


def told(cloud):
    """How often each family was told of in a mail that left."""
    texts = [taken.mail.text for taken in cloud.mailbox.taken if taken.mail]
    return Counter(name for name, words in BENEFITS.items() for text in texts if words in text)


def places(cloud):
    """How many items each message lies in."""
    ids = {keys.message_id(f"reorder-reminder#coffee:1:{name}"): name for name in FAMILIES}
    found = [
        str(i["sk"]).rpartition("#")[2] for i in cloud.items("CustomerTable") if str(i["sk"]).startswith((keys.HELD, keys.LEDGER))
    ]
    return Counter(ids[message_id] for message_id in found if message_id in ids)


def one_life(plan, **more):
    with started(plan, **more) as cloud:
        cloud.advance(TURN_WITHIN)
        plan.active = False
        cloud.advance(days=4)
        return (
            reminders(cloud),
            told(cloud),
            places(cloud),
            served(cloud),
            [m for m in cloud.messages() if m["template"] == "digest"],
        )


def effects():
    plan = FaultPlan(function="message_gate")
    parts, sent, where, dead, digests = one_life(plan)
    assert {m["settlement"] for m in parts.values()} == {"SUPERSEDED"}
    assert (dict(sent), dict(where), dead) == ({"coffee": 1, "pantry": 1}, {"coffee": 1, "pantry": 1}, [])
    assert [m["settlement"] for m in digests] == ["SENT"]
    return plan.effects


GATE = effects()


def test_a_turn_costs_the_calls_of_one_message_and_a_few():
    assert [e.name for e in GATE] == [
        "tables.read",  # what all settlements need
        "tables.read",  # the customer: what is due
        "tables.read",  # and as the digest is decided on
        "tables.write",  # a place in the sending rate
        "tables.write",  # the claim, with its parts
        "mail.send",
        "tables.write",  # the settlement
        "tables.read",  # what is left
        "tables.write",  # the next slot
    ]


@pytest.mark.parametrize(("n", "fault"), [pytest.param(e.n, f, id=f"{e.n}-{e.name}-{f}") for e in GATE for f in faults_for(e)])
def test_one_fault_at_any_effect_of_a_turn_sends_nothing_twice_and_loses_nothing(n, fault):
    plan = FaultPlan({n: fault}, function="message_gate")
    parts, sent, where, dead, digests = one_life(plan)
    assert plan.happened and not dead
    assert where == {"coffee": 1, "pantry": 1}, "each lies in one place"
    assert max(sent.values(), default=0) <= 1
    settled = [m["settlement"] for m in digests]
    name = plan.happened[0][0].name
    if sent["coffee"] == sent["pantry"] == 1:
        assert settled == ["SENT"]
    elif settled == ["PARKED"]:
        assert name == "mail.send" or (name == "tables.write" and fault in APPLIED)
    else:
        assert settled == ["REFUSED"] and fault is Fault.REFUSED
    assert {m["settlement"] for m in parts.values()} == {"SUPERSEDED"}


@pytest.mark.parametrize("n", [e.n for e in GATE])
@pytest.mark.parametrize("then", [Fault.CRASH_AFTER, Fault.REPLY_LOST, Fault.THROTTLED])
@pytest.mark.parametrize("first", [Fault.CRASH_BEFORE, Fault.THROTTLED, Fault.REPLY_LOST])
def test_a_second_fault_right_after_the_first_changes_nothing_of_that(n, first, then):
    plan = FaultPlan({n: first, n + 1: then}, function="message_gate")
    _, sent, where, dead, digests = one_life(plan)
    assert not dead
    assert where == {"coffee": 1, "pantry": 1}
    assert max(sent.values(), default=0) <= 1
    if not sent:
        assert "PARKED" in {m["settlement"] for m in digests}


@pytest.mark.parametrize("place", range(len(GATE)))
def test_an_order_cancelled_between_any_two_effects_is_in_no_digest_that_is_claimed_after(place):
    clouds, done = [], []

    def cancel(effect):
        if effect.n == place and not done:
            done.append(effect)
            put(clouds[0], "OrderCancelled", {"ref": "1", "occurred_at": iso(clouds[0].now)})

    plan = FaultPlan(function="message_gate", adversary=cancel)
    with started(plan) as cloud:
        clouds.append(cloud)
        cloud.advance(TURN_WITHIN)
        cloud.advance(days=4)
        assert done
        parts, sent = reminders(cloud), told(cloud)
        if not sent:
            assert {(m["settlement"], m["reason"]) for m in parts.values()} == {("REFUSED", "order_cancelled")}
        else:
            assert sent == {"coffee": 1, "pantry": 1}
            assert {m["settlement"] for m in parts.values()} == {"SUPERSEDED"}


@pytest.mark.parametrize("place", range(len(GATE)))
def test_a_third_that_comes_between_any_two_effects_is_told_once_and_not_lost(place):
    clouds, done = [], []

    def third(effect):
        if effect.n == place and not done:
            done.append(effect)
            propose(clouds[0], customer(clouds[0]), "bakery")

    plan = FaultPlan(function="message_gate", adversary=third)
    with started(plan, families=FAMILIES) as cloud:
        clouds.append(cloud)
        cloud.advance(days=15)
        assert told(cloud) == dict.fromkeys(FAMILIES, 1)
        assert places(cloud) == dict.fromkeys(FAMILIES, 1)


def test_news_of_the_order_goes_out_at_once_to_who_hears_once_a_week():
    with started(FaultPlan(function="message_gate")) as cloud:
        confirmation = next(m for m in cloud.messages() if m["template"] == "order-confirmation")
        assert confirmation["settlement"] == "SENT"
        assert {m["settlement"] for m in reminders(cloud).values()} == {"HELD"}
        cloud.advance(days=1)
        put(cloud, "OrderCancelled", {"ref": "1", "occurred_at": iso(cloud.now)})
        cloud.run()
        assert next(m for m in cloud.messages() if m["template"] == "order-cancelled")["settlement"] == "SENT"

"""The field map of the outbound webhooks is what leaves: by event, with a record that has everything."""

import json
import re
from pathlib import Path

import pytest

from aftercare.cases import Case, Rescue
from aftercare.consent import Channel, Choice, ConsentRecord, Head, Purpose, Says, Suppression, Weight
from aftercare.customer import Contact, Profile, Return
from aftercare.endpoints import CONTACT, EVENTS, SHARED, Endpoint
from aftercare.events import CATALOGUE, told
from aftercare.feedback import Answer, Feedback
from aftercare.lifetime import USUAL
from aftercare.money import Money
from helpdesk_bridge import reply
from helpdesk_bridge.payload import Record, payload
from helpdesk_bridge.texts import ANSWERED, Text
from simulator.commands.world import PARAMETERS
from simulator.template import load
from tests.builders import NOON, a_customer, an_order
from tests.small_outside import sample

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/outbound-webhooks.md").read_text(encoding="utf-8")


def documented():
    """Event to its fields, and which of them need a share."""
    fields, shares = {event: set() for event in EVENTS}, {}
    for events, field, source in re.findall(r"^\| ([^|]*) \| `([^`]+)` \| ([^|]*) \|$", PAGE.split("## The field map")[1], re.M):
        for event in EVENTS if events == "all" else re.findall(r"`(\w+)`", events):
            fields[event].add(field)
        if "only with" in source:
            shares[field] = re.search(r"only with `(\w+)`", source)[1]
    return fields, shares


def a_full_customer(data):
    order = data.get("order") or "example:1070"
    back = Return(
        ref=data.get("return_ref", "R-1"), requested_at=NOON, approved_at=NOON, received_at=NOON, settled_at=NOON,
        expired_at=NOON, declined_at=NOON,
        lines={"1": 1}, reason="damaged", wish="refund", outcome="refund", amount=Money(amount="9.90", currency="EUR"),
    )  # fmt: skip
    heads = [
        Head(
            channel=c, purpose=p, says=Says.GIVEN, weight=Weight.EXPLICIT, said_at=NOON, proof="s1", source="page", confirmed=True
        )
        for c in Channel
        for p in Purpose
    ]
    consent = ConsentRecord(
        version=1,
        heads=tuple(heads),
        suppressed=(Suppression(channel=Channel.EMAIL, address_hash="h", reason="hard_bounce", since=NOON),),
        sale=Choice(opted_out=False, said_at=NOON, proof="s1"),
    )
    rescue = Rescue(
        origin="survey", about=order, segment="high-clv", score=1, themes=("delivery",), way="call", answer_by=NOON, act_by=NOON
    )
    times = {"opened_at": NOON, "answered_at": NOON, "closed_at": NOON}
    case = Case(ref=data.get("case", "x"), order_key=order, rescue=rescue, result="explained", **times)
    answer = Answer(order=order, version=1, first_at=NOON, at=NOON, by="page", score=4, words=True)
    known = {"consent": consent, "cases": (case,), "feedback": Feedback(answers=(answer,))}
    made = a_customer(an_order(key=order, returns=(back,), cue="bad", cue_at=NOON), **known)
    contact = Contact(email="anna@example.com", phone="+4915112345678", name="Anna")
    profile = Profile(
        contact=contact, shop_refs=("example:1",), locale="de", country="DE", tags=("a",), first_seen=NOON, version=1
    )
    return type(made)(**{**vars(made), "profile": profile})


def leaves(event, share=SHARED):
    envelope = sample(f"{CATALOGUE[event].source}/{event}")
    data = envelope["detail"]["data"]
    if not event.startswith("Return"):
        given = {
            "order": "example:1070",
            "sku": "COFFEE-1KG",
            "score": 4,
            "sentiment": "negative",
            "wish": "tip",
            "offer": "gift",
        }
        data |= {name: one for name, one in given.items() if name in CATALOGUE[event].data.model_fields and not data.get(name)}
    everything = Endpoint("x", "https://x.example/", (), frozenset(EVENTS), frozenset(share), third_party=False)
    written = Text("Where is it?", "+4915112345678", asks_for_reply=event in ANSWERED)
    elsewhere = Text("Where is it?", asks_for_reply=event in ANSWERED)
    said = {"InboundMessage": written, "SurveyAnswered": written, "RescueOverdue": written, "SupportCaseOpened": written}
    said |= {"ReviewPosted": elsewhere, "SocialMentioned": elsewhere, "ReturnExplained": elsewhere}
    taught = USUAL._replace(orders=USUAL.orders._replace(r=0.9), customers=900, fitted=NOON.date())
    record = Record(a_full_customer(data), said.get(event), {"model": taught.to_json()})
    body = payload(told(envelope), record, everything)
    assert isinstance(body, bytes), body
    whole = json.loads(body)
    assert set(whole) == {"type", "timestamp", "data"} and whole["type"] == event
    return whole["data"]


FREE = {"lines", "tags", "shop_refs"}
"""Fields whose inside is the store's own."""


def paths(value, start=""):
    if isinstance(value, dict) and start.rpartition(".")[2] not in FREE:
        for name, each in value.items():
            yield from paths(each, f"{start}.{name}" if start else name)
    elif isinstance(value, list) and start.rpartition(".")[2] not in FREE:
        for each in value:
            yield from paths(each, f"{start}[]")
    else:
        yield start


@pytest.mark.parametrize("event", EVENTS)
def test_the_field_map_is_what_leaves(event):
    assert set(paths(leaves(event))) == documented()[0][event]


@pytest.mark.parametrize("event", EVENTS)
def test_fields_that_need_a_share_are_absent_without_it(event):
    fields, shares = documented()
    assert set(shares.values()) <= set(SHARED) and CONTACT in shares.values()
    assert set(paths(leaves(event, share=()))) == fields[event] - set(shares)
    text = json.dumps(leaves(event, share=()))
    assert "anna@example.com" not in text and "+4915112345678" not in text and "Where is it" not in text


def test_every_event_that_leaves_is_of_the_catalogue_and_let_through_by_the_rule_and_no_other():
    (rule,) = [r for r in load(ROOT / "template.yaml", PARAMETERS).rules if r.logical_id == "HelpdeskBridgeRule"]
    assert tuple(rule.pattern["detail-type"]) == EVENTS
    assert {CATALOGUE[event].source for event in EVENTS} == set(rule.pattern["source"])


def test_the_replies_have_the_same_phrases_and_placeholders_in_every_language():
    def shape(phrases):
        return {key: sorted(re.findall(r"{(\w+)}", phrase)) for key, phrase in phrases.items()}

    shapes = [shape(phrases) for phrases in reply.words().values()]
    assert set(reply.words()) == {"en", "de"} and shapes[0] == shapes[1]


def test_without_endpoints_the_rule_is_off():
    def rule(parameters):
        found = load(ROOT / "template.yaml", {**PARAMETERS, **parameters})
        return next(r for r in found.rules if r.logical_id == "HelpdeskBridgeRule")

    assert rule({}).enabled is False
    assert rule({"WebhookEndpointsParameter": "/aftercare/webhook-endpoints"}).enabled is True

"""The store's own tools are told what happened, through every queue on the way, whatever they answer."""

import base64
import json
from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.clock import iso
from simulator.cloud import LocalCloud
from simulator.faults import Fault, FaultPlan
from simulator.receivers import TIMEOUT, Receiver
from tests.journeys.conftest import Shop

SECRET = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
DESK = "desk.example.com"
PHONE = "+4915112345678"
PARAMETER = "/aftercare/webhook-endpoints"


class Store(Shop):
    """A store with a helpdesk that listens, and one customer."""

    @property
    def desk(self):
        return self.cloud.receivers.there[DESK]

    def case(self, verb="Opened", ref="T-1", order_ref="1"):
        self.put(f"SupportCase{verb}", ref=ref, order_ref=order_ref, occurred_at=iso(self.cloud.now), topic="damaged")

    def of(self, kind):
        return [taken for taken in self.desk.taken if taken.type == kind]


def opened(backend, faults=None, **more):
    endpoints = {"desk": {"url": f"https://{DESK}/hooks", "secrets": [SECRET], **more}}
    cloud = LocalCloud(
        backend,
        seed=5,
        switch="on",
        parameters={"WebhookEndpointsParameter": PARAMETER},
        ssm={PARAMETER: json.dumps(endpoints)},
        faults=faults,
    )
    cloud.receivers.add(Receiver(DESK, [SECRET]))
    return cloud


@pytest.fixture(params=["memory", "moto"])
def store(request):
    with opened(request.param, share=["contact"]) as cloud:
        yield Store(cloud)
        assert cloud.errors == []


def test_an_order_its_mail_its_case_and_a_consent_are_told(store):
    store.order("1", consent=["promotional"])
    store.cloud.advance(hours=1)
    store.case()
    store.cloud.advance(minutes=1)
    (case,) = store.of("SupportCaseOpened")
    assert case.data["topic"] == "damaged" and case.data["open"] is True and case.data["order_name"] == "#1"
    assert case.data["customer"]["email"] == "anna@example.com"
    (sent,) = [m for m in store.of("MessageSent") if m.data["template"] == "order-confirmation"]
    assert sent.data["channel"] == "email" and sent.data["message"] == keys.message_id("order-confirmation#coffee:1")
    consents = {m.data["purpose"]: m.data["says"] for m in store.desk.taken if m.type.startswith("Consent")}
    assert consents["promotional"] == "given"
    assert set(store.desk.attempts.values()) == {1}
    assert store.cloud.dead_letters() == {}


def test_a_helpdesk_that_is_away_for_hours_gets_everything_once_it_is_back(store):
    store.order("1")
    store.cloud.advance(hours=1)
    store.desk.answers = [TIMEOUT, 503, 0, 502, 429, 500]
    before = store.cloud.now
    store.case()
    store.cloud.advance(hours=6)
    (case,) = store.of("SupportCaseOpened")
    assert case.at == before or case.at - before < timedelta(seconds=5), "taken at the first attempt, though it answered too late"
    assert store.desk.attempts[case.webhook_id] == 7, "tried until it answered, each time under one id"
    gaps = [b - a for a, b in zip(store.desk.attempted_at[-7:], store.desk.attempted_at[-6:], strict=False)]
    assert gaps == sorted(gaps) and gaps[-1] > timedelta(minutes=50)
    assert store.cloud.dead_letters() == {}


def test_a_day_of_silence_ends_among_the_dead_letters(store):
    store.order("1")
    store.cloud.advance(hours=1)
    store.desk.answers = [503] * 11
    store.case()
    store.cloud.advance(days=2)
    assert store.of("SupportCaseOpened") == []
    (letter,) = store.cloud.dead_letters()["HelpdeskBridgeDeadLetters"]
    assert json.loads(letter)["webhook"]["because"] == "503, 11 times"
    assert "@" not in letter


def test_a_helpdesk_that_is_gone_is_told_no_more(store):
    store.order("1")
    store.cloud.advance(hours=1)
    store.desk.answers = [410]
    store.case()
    store.cloud.advance(hours=1)
    count = sum(store.desk.attempts.values())
    store.case("Answered")
    store.case("Closed")
    store.cloud.advance(days=1)
    assert sum(store.desk.attempts.values()) == count
    assert store.cloud.dead_letters() == {}
    (closed,) = [i for i in store.cloud.items("KnowledgeTable") if i["sk"] == "ENDPOINT#desk"]
    assert closed["because"] == "410 Gone"


def test_who_is_erased_while_a_webhook_waits_sends_nothing(store):
    store.order("1")
    store.cloud.advance(hours=1)
    store.desk.answers = [503, 503]
    store.case()
    store.cloud.advance(seconds=2)
    now = iso(store.cloud.now)
    store.put("CustomerErasureRequested", occurred_at=now, contact={"email": "anna@example.com"})
    store.cloud.advance(days=1)
    assert store.of("SupportCaseOpened") == []
    assert store.cloud.dead_letters() == {}


def test_without_an_endpoint_nothing_leaves_and_sends_are_not_told():
    with LocalCloud("memory", seed=5, switch="on") as cloud:
        store = Store(cloud)
        desk = cloud.receivers.add(Receiver(DESK, [SECRET]))
        store.order("1", consent=["promotional"])
        cloud.advance(hours=1)
        store.case()
        cloud.advance(hours=1)
        assert desk.attempts == {}
        assert not [i for i in cloud.items("CustomerTable") if str(i["pk"]).startswith("DELIVERY#sent#")]


def test_both_backends_tell_the_same():
    def run(backend):
        with opened(backend) as cloud:
            store = Store(cloud)
            store.order("1", consent=["promotional"])
            cloud.advance(hours=1)
            store.desk.answers = [503, 429]
            store.case()
            cloud.advance(hours=2)
            return [(iso(t.at), t.type, t.webhook_id, t.body) for t in store.desk.taken]

    assert run("memory") == run("moto")


@pytest.mark.parametrize("fault", list(Fault))
def test_whatever_breaks_in_the_bridge_each_event_arrives_once(fault):
    plan = FaultPlan(function="helpdesk_bridge", names=frozenset(("webhooks.post", "queues.send", "tables.read")), at={3: fault})
    with opened("memory", plan) as cloud:
        store = Store(cloud)
        store.order("1")
        cloud.advance(hours=1)
        store.case()
        cloud.advance(hours=3)
        assert plan.happened, "the fault was placed where something happens"
        given_up = [json.loads(b)["key"] for b in cloud.dead_letters().get("HelpdeskBridgeDeadLetters", [])]
        came = {f"{t.webhook_id}#desk" for t in store.desk.taken} | set(given_up)
    with opened("memory") as cloud:
        store = Store(cloud)
        store.order("1")
        cloud.advance(hours=1)
        store.case()
        cloud.advance(hours=3)
        assert {f"{t.webhook_id}#desk" for t in store.desk.taken} == came
    assert given_up == [] or fault in (Fault.REFUSED, Fault.CONFLICT), "given up is only what the receiver called wrong"


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_what_somebody_writes_reaches_the_stores_own_tool_with_its_text_and_a_reply(backend):
    with opened(backend, share=["words", "contact"]) as cloud:
        store = Store(cloud)
        store.order("1", contact={"email": "anna@example.com", "phone": PHONE}, email=None)
        cloud.advance(hours=1)
        cloud.text_in(PHONE, "Wann kommt mein Kaffee?")
        cloud.text_in("+4915199999999", "Do you sell beans?")
        cloud.advance(minutes=1)
        known, unknown = store.of("InboundMessage")
        assert known.data["text"] == "Wann kommt mein Kaffee?" and known.data["number"] == PHONE
        assert known.data["suggested_reply"].startswith("Danke") and "#1" in known.data["suggested_reply"]
        assert unknown.data["text"] == "Do you sell beans?" and "customer" not in unknown.data
        assert "Kaffee?" not in json.dumps([cloud.queued(q.logical_id) for q in cloud.template.queues])
        assert cloud.errors == [] and cloud.dead_letters() == {}


def test_what_the_stores_tool_has_heard_in_public_comes_back_to_it_with_a_reply():
    with opened("memory", share=["words"]) as cloud:
        store = Store(cloud)
        store.order("1", customer_ref="anna")
        cloud.advance(hours=1)
        said = {"network": "instagram", "text": "Is my coffee on its way?", "customer_ref": "anna"}
        store.put("SocialMentioned", ref="P-1", occurred_at=iso(cloud.now), **said)
        cloud.advance(minutes=1)
        (mention,) = store.of("SocialMentioned")
        assert mention.data["text"] == "Is my coffee on its way?" and mention.data["network"] == "instagram"
        assert "#1" in mention.data["suggested_reply"]
        assert any(taken.type == "FeedbackClassified" for taken in store.desk.taken), "what it came to is told too"
        assert "coffee on its way" not in json.dumps([cloud.queued(q.logical_id) for q in cloud.template.queues])

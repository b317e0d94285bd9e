"""A fault at every effect of the gate between a parcel's news and its settlement on a phone: never two sends, on no channel
together, and an unclear one is never said again elsewhere.
"""

import json
from datetime import UTC, datetime

import pytest

from aftercare.clock import iso
from message_gate.settlement import AT_ONCE
from simulator.cloud import LocalCloud
from simulator.faults import APPLIED, Fault, FaultPlan
from simulator.phones import text_notification
from tests.journeys.test_channels import ENDPOINT, PARAMETERS, PHONE

MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEY = "parcel-shipped#coffee:1:S-1"
PORTS = {"sms": "texts.send", "push": "pushes.send", "whatsapp": "chats.send"}
TOLD_OF = ("sms", "whatsapp")
"""Whose provider tells of a message that it took; of a notification nobody tells."""


def put(cloud, detail_type, **detail):
    entry = {"Source": "store.coffee", "DetailType": detail_type, "EventBusName": cloud.store_bus}
    cloud.put_events([{**entry, "Detail": json.dumps({"occurred_at": iso(cloud.now), **detail})}])


def place(cloud, channel):
    order = {
        "name": "#1",
        "placed_at": iso(cloud.now),
        "contact": {"email": "anna@example.com", "phone": PHONE},
        "customer_ref": "anna",
        "country": "DE",
        "lines": [{"line_ref": "1", "title": "House espresso 1 kg", "quantity": 1}],
    }
    said = [{"channel": channel, "purpose": "transactional", "says": "given", "said_at": iso(cloud.now)}]
    put(cloud, "OrderPlaced", ref="1", order=order, consent=said)
    if channel == "push":
        put(cloud, "CustomerUpdated", customer_ref="anna", devices=[ENDPOINT])
    cloud.run()
    if channel == "whatsapp":
        cloud.chat_in({"from": PHONE[1:], "id": "wamid.in", "type": "text", "text": {"body": "Hello"}})
        cloud.run()


def ship(cloud, channel, plan):
    """An order, and then the news that its parcel was sent, from where on the plan holds. How many mails there were before."""
    place(cloud, channel)
    cloud.advance(minutes=5)
    before = len(cloud.mailbox.taken)
    plan.active = True
    parcels = [{"number": "00340434161094000001", "carrier": "DHL"}]
    put(cloud, "ShipmentCreated", ref="S-1", order_ref="1", shipped_at=iso(cloud.now), parcels=parcels)
    cloud.run()
    return before


def one_life(channel, plan, provider_events=True):
    """The news that a parcel was sent, and a day after it."""
    plan.active = False
    with LocalCloud(
        "memory", seed=3, switch="on", faults=plan, provider_events=provider_events, parameters=PARAMETERS, start=MORNING
    ) as cloud:
        before = ship(cloud, channel, plan)
        cloud.advance(hours=23)
        message = next(m for m in cloud.messages() if m["key"] == KEY)
        assert cloud.dead_letters() == {}
        return message, len(cloud.phones.taken), len(cloud.mailbox.taken) - before, max(cloud.phones.attempts.values(), default=0)


def effects(channel):
    plan = FaultPlan(function="message_gate")
    message, by_phone, by_mail, attempts = one_life(channel, plan)
    assert (message["settlement"], message["channel"], by_phone, by_mail, attempts) == ("SENT", channel, 1, 0, 1)
    return plan.effects


EFFECTS = {channel: effects(channel) for channel in PORTS}


def faults_for(effect):
    return [f for f in Fault if f is not (Fault.REFUSED if effect.name.startswith(("tables", "slots")) else Fault.CONFLICT)]


CASES = [
    pytest.param(channel, effect.n, fault, id=f"{channel}-{effect.n}-{effect.name}-{fault}")
    for channel, found in EFFECTS.items()
    for effect in found
    for fault in faults_for(effect)
]


@pytest.mark.parametrize("channel", PORTS)
def test_a_send_takes_five_calls_on_every_channel(channel):
    assert [e.name for e in EFFECTS[channel]] == ["tables.read", "tables.read", "tables.write", PORTS[channel], "tables.write"]


@pytest.mark.parametrize(("channel", "n", "fault"), CASES)
def test_one_fault_at_any_effect_of_the_gate_says_it_at_most_once_on_all_channels_together(channel, n, fault):
    plan = FaultPlan({n: fault}, function="message_gate")
    message, by_phone, by_mail, attempts = one_life(channel, plan)
    assert plan.happened, "the fault must have happened, or the run shows nothing"
    assert by_phone + by_mail <= 1
    assert attempts <= (2 if fault is Fault.THROTTLED else 1)
    outcome = (message["settlement"], by_phone, by_mail)
    if plan.happened[0][0].name == PORTS[channel]:
        known = channel in TOLD_OF
        expected = {
            Fault.CRASH_BEFORE: ("PARKED", 0, 0),
            Fault.TIMEOUT_BEFORE: ("PARKED", 0, 0),
            Fault.CRASH_AFTER: ("SENT" if known else "PARKED", 1, 0),
            Fault.REPLY_LOST: ("SENT" if known else "PARKED", 1, 0),
            Fault.THROTTLED: ("SENT", 1, 0),
            Fault.REFUSED: ("SENT", 0, 1),
        }
        assert outcome == expected[fault]
    elif fault in APPLIED and plan.happened[0][0].name == "tables.write":
        assert message["settlement"] in {"SENT", "PARKED"}
        assert message["settlement"] != "SENT" or by_phone == 1
    elif n == len(EFFECTS[channel]) - 1 and fault is Fault.CRASH_BEFORE and channel not in TOLD_OF:
        assert outcome == ("PARKED", 1, 0), "it was sent, and nobody can say so any more"
    else:
        assert outcome == ("SENT", 1, 0)


@pytest.mark.parametrize(("channel", "n", "fault"), [case for case in CASES if case.values[1] >= 3])
def test_without_the_providers_events_what_is_unclear_is_parked_and_goes_by_no_other_channel(channel, n, fault):
    message, by_phone, by_mail, _ = one_life(channel, FaultPlan({n: fault}, function="message_gate"), provider_events=False)
    assert by_phone + by_mail <= 1
    if fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.REPLY_LOST, Fault.TIMEOUT_BEFORE) and n == 3:
        assert (message["settlement"], by_mail) == ("PARKED", 0)


@pytest.mark.parametrize("second", [Fault.CRASH_AFTER, Fault.REPLY_LOST, Fault.THROTTLED])
@pytest.mark.parametrize("channel", PORTS)
def test_a_channel_that_refuses_gives_way_once_whatever_happens_on_the_way(channel, second):
    """The refusal is written down, a slot rings, and the mail is sent: a fault at each of these effects."""
    clear = FaultPlan({3: Fault.REFUSED}, function="message_gate")
    assert one_life(channel, clear)[0]["settlement"] == "SENT"
    for n in range(4, len(clear.effects)):
        message, by_phone, by_mail, attempts = one_life(
            channel, FaultPlan({3: Fault.REFUSED, n: second}, function="message_gate")
        )
        assert (by_phone, attempts) == (0, 1), n
        assert by_mail <= 1, n
        assert message["settlement"] in {"SENT", "PARKED"}, (n, message)
    assert AT_ONCE.total_seconds() <= 60


@pytest.mark.parametrize("place", range(len(EFFECTS["sms"])))
def test_a_stop_between_any_two_effects_is_followed_by_no_claim_on_that_channel(place):
    """The adversary's STOP is acknowledged exactly before the n-th effect; a text may only go out if it was claimed before."""
    clouds, done = [], []

    def stops(effect):
        if effect.n == place and not done:
            done.append(effect)
            cloud = clouds[0]
            cloud.invoke("engagement", text_notification(PHONE, "Stop!", "in-1", "+12125550101", cloud.now))

    plan = FaultPlan(function="message_gate", adversary=stops)
    plan.active = False
    with LocalCloud("memory", seed=3, switch="on", faults=plan, parameters=PARAMETERS, start=MORNING) as cloud:
        clouds.append(cloud)
        ship(cloud, "sms", plan)
        cloud.advance(hours=5)
        assert done
        sent = next(m for m in cloud.messages() if m["key"] == KEY)
        assert sent["settlement"] == "SENT"
        claimed = place >= 3
        assert sent["channel"] == ("sms" if claimed else "email")
        assert [t.body.startswith("Larkfield: Bestellung #1") for t in cloud.phones.taken] == [True] * claimed

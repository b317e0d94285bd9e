"""Whatever way consent is withdrawn, exactly before any effect of the gate: no claim after it, so nothing is sent after it.

The adversary's withdrawal is acknowledged between two effects of the running gate (fault class F20; rules C05 and I3).
"""

import json
from datetime import timedelta
from email import message_from_bytes, policy
from urllib.parse import urlencode

import pytest

from aftercare import keys
from aftercare.clock import iso
from aftercare.links import Link, LinkPurpose, read_keys, sign
from simulator.cloud import LocalCloud
from simulator.faults import FaultPlan

ANNA = "anna@example.com"
FORM = {"content-type": "application/x-www-form-urlencoded"}
SOON = timedelta(days=60)


def put(cloud, detail_type, **detail):
    entry = {"Source": "store.coffee", "DetailType": detail_type, "EventBusName": cloud.store_bus}
    cloud.put_events([{**entry, "Detail": json.dumps({"occurred_at": iso(cloud.now), **detail})}])


def customer_id(cloud):
    item = next(i for i in cloud.items("CustomerTable") if str(i["sk"]) == keys.PROFILE)
    return keys.customer_id_of(str(item["pk"]))


def token(cloud, purpose, about):
    arn = next(secret.arn for secret in cloud.template.secrets if secret.logical_id == "LinkKeySecret")
    link = Link(customer_id(cloud), about, int((cloud.now + SOON).timestamp()))
    return sign(read_keys(cloud.all_secrets()[arn]), purpose, link)


def post(cloud, path, **form):
    answer = cloud.http("POST", path, FORM, urlencode(form).encode())
    assert answer.status == 200, answer.status
    return answer


def one_click(cloud):
    post(cloud, f"/u/{token(cloud, LinkPurpose.UNSUBSCRIBE, 'email:reorder')}", **{"List-Unsubscribe": "One-Click"})


def preferences(cloud):
    post(cloud, f"/p/{token(cloud, LinkPurpose.PREFERENCES, '')}", **{"email-promotional": "on", "email-reorder": "off"})


def all_off(cloud):
    post(cloud, f"/p/{token(cloud, LinkPurpose.PREFERENCES, '')}", all="off")


def leaves_by_address(cloud):
    post(cloud, "/leave", address=ANNA)


def agent_opt_out(cloud):
    form = {"heard": "opt-out", "manner": "phone"}
    post(cloud, f"/a/{token(cloud, LinkPurpose.AGENT, 'Kim')}", **form)


def agent_objection(cloud):
    post(cloud, f"/a/{token(cloud, LinkPurpose.AGENT, 'Kim')}", heard="objection", manner="letter")


def told_by_the_store(cloud):
    said = [{"channel": "email", "purpose": "reorder", "says": "withdrawn"}]
    envelope = {
        "id": "e-withdrawn",
        "source": "store.coffee",
        "detail-type": "ConsentChanged",
        "detail": {"occurred_at": iso(cloud.now), "contact": {"email": ANNA}, "said": said},
    }
    outcome = cloud.invoke("store_intake", envelope)
    assert outcome["status"] == "recorded"


def seen_in_an_order(cloud):
    said = [{"channel": "email", "purpose": "reorder", "says": "withdrawn"}]
    order = {"name": "#9", "placed_at": iso(cloud.now), "contact": {"email": ANNA}, "country": "DE"}
    envelope = {
        "id": "e-order",
        "source": "store.coffee",
        "detail-type": "OrderPlaced",
        "detail": {"ref": "9", "occurred_at": iso(cloud.now), "order": order, "consent": said},
    }
    assert cloud.invoke("store_intake", envelope)["status"] == "recorded"


def complained(cloud, event_type="Complaint"):
    letter = cloud.mailbox.taken[0]
    name, recipients = {
        "Complaint": ("complaint", "complainedRecipients"),
        "Bounce": ("bounce", "bouncedRecipients"),
    }[event_type]
    tags = {
        "aftercare-message": [letter.message_id],
        "aftercare-customer": [customer_id(cloud)],
    }
    detail = {
        "eventType": event_type,
        "mail": {"timestamp": iso(cloud.now), "messageId": "p1", "destination": [ANNA], "tags": tags},
        name: {"timestamp": iso(cloud.now), "bounceType": "Permanent", recipients: [{"emailAddress": ANNA}]},
    }
    cloud.invoke("engagement", {"id": f"ses-{event_type}", "source": "aws.ses", "detail-type": event_type, "detail": detail})


def bounced(cloud):
    complained(cloud, "Bounce")


WAYS = (
    one_click,
    preferences,
    all_off,
    leaves_by_address,
    agent_opt_out,
    agent_objection,
    told_by_the_store,
    seen_in_an_order,
    complained,
    bounced,
)


def reminded(adversary=None):
    """Two orders, and the reminder that follows the second weeks later. The gate's effects are counted from the reminder on."""
    plan = FaultPlan(function="message_gate", adversary=adversary)
    cloud = LocalCloud("memory", seed=5, switch="on", faults=plan)
    return plan, cloud


def orders(cloud):
    """Only who came back is reminded. Leave for reminders alone: nothing else is to write between the order and them."""
    order(cloud, "0")
    cloud.advance(days=20)
    order(cloud, "1")
    cloud.run()


def order(cloud, ref):
    said = [{"channel": "email", "purpose": "reorder", "says": "given", "confirmed": True}]
    put(
        cloud,
        "OrderPlaced",
        ref=ref,
        order={
            "name": f"#{ref}",
            "placed_at": iso(cloud.now),
            "contact": {"email": ANNA, "name": "Anna"},
            "country": "DE",
            "total": {"amount": "12.00", "currency": "EUR"},
            "lines": [{"line_ref": "1", "title": "Espresso beans", "quantity": 1, "product_type": "Coffee"}],
        },
        consent=said,
    )


def effects_of_a_reminder():
    plan, cloud = reminded()
    with cloud:
        orders(cloud)
        cloud.advance(days=1)
        before = len(plan.effects)
        cloud.advance(days=25)
        found = [e.name for e in plan.effects[before:]]
        assert len(cloud.mailbox.taken) == 3, "two confirmations and the reminder; its nudge comes later"
        return before, found


FIRST, NAMES = effects_of_a_reminder()
CLAIM = FIRST + NAMES.index("mail.send") - 1
"""The write before the send; the one before that reserves a place in the sending rate."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", range(FIRST, FIRST + len(NAMES)))
def test_a_withdrawal_between_any_two_effects_of_the_gate_holds_for_the_very_next_claim(way, place):
    done = []

    def withdraw(effect):
        if effect.n == place and not done:
            done.append(effect)
            way(cloud)

    _, cloud = reminded(withdraw)
    with cloud:
        orders(cloud)
        cloud.advance(days=26)
        assert done, "the withdrawal must have happened, or the run shows nothing"
        reminders = [m for m in cloud.messages() if m["template"] == "reorder-reminder" and ":1:" in m["key"]]
        assert len(reminders) == 1
        sent = [m for m in cloud.mailbox.taken if message_from_bytes(m.mime(), policy=policy.default)["List-Unsubscribe"]]
        claimed_before = place > CLAIM
        assert (reminders[0]["settlement"] == "SENT") == claimed_before
        assert sum(m.message_id == keys.message_id(reminders[0]["key"]) for m in sent) == claimed_before


def test_the_effects_are_those_that_the_test_means():
    assert NAMES == ["tables.read", "tables.read", "tables.write", "tables.write", "mail.send", "tables.write"]

"""A fault at every effect between a proposal and its settlement: never two sends, never a message that is nowhere.

One run without faults counts the effects; then each effect fails in each way, alone and in pairs. Every run ends after the
leases, the sweep and the provider's own events had their time.
"""

import json
from datetime import timedelta
from itertools import product

import pytest

from aftercare import keys, ledger
from aftercare.clock import iso
from aftercare.decision import Decision, Reason, State
from aftercare.store import load, versioned
from aftercare.table import Put
from message_gate.handler import handle as gate
from simulator.cloud import LocalCloud
from simulator.faults import APPLIED, Fault, FaultPlan, random_faults
from store_intake.archive import Moved, moves

KEY = "order-confirmation#coffee:1"
SETTLED = {"SENT", "PARKED"}
MAIL_FAULTS = tuple(f for f in Fault if f is not Fault.CONFLICT)


def order(cloud, ref="1", **more):
    detail = {
        "ref": ref,
        "occurred_at": iso(cloud.now),
        "order": {
            "name": f"#{ref}",
            "placed_at": iso(cloud.now),
            "contact": {"email": "anna@example.com", "name": "Anna"},
            "country": "DE",
            "total": {"amount": "12.00", "currency": "EUR"},
            "lines": [{"line_ref": "1", "title": "Espresso beans", "quantity": 1, "product_type": "Coffee"}],
        },
        **more,
    }
    put(cloud, "OrderPlaced", detail)


def put(cloud, detail_type, detail):
    cloud.put_events(
        [
            {
                "Source": "store.coffee",
                "DetailType": detail_type,
                "Detail": json.dumps(detail),
                "EventBusName": cloud.store_bus,
            }
        ]
    )


def one_life(plan, provider_events=True, loses=None):
    """One order through the whole house, and a day in which everything that comes back has come back."""
    with LocalCloud("memory", seed=3, switch="on", faults=plan, provider_events=provider_events) as cloud:
        cloud.mailbox.loses = loses
        order(cloud)
        cloud.run()
        cloud.advance(hours=23)
        message = next((m for m in cloud.messages() if m["key"] == KEY), None)
        accepted = max(cloud.mailbox.accepted.values(), default=0)
        attempts = max(cloud.mailbox.attempts.values(), default=0)
        return message, accepted, attempts, cloud.dead_letters()


def effects(function=None):
    plan = FaultPlan(function=function)
    message, accepted, attempts, dead = one_life(plan)
    assert (message["settlement"], accepted, attempts, dead) == ("SENT", 1, 1, {})
    return plan.effects


GATE = effects("message_gate")
EVERYWHERE = effects()


def faults_for(effect):
    return MAIL_FAULTS if effect.name in ("mail.send", "bus.put") else tuple(f for f in Fault if f is not Fault.REFUSED)


def cases(found):
    return [pytest.param(e.n, f, id=f"{e.n}-{e.function}-{e.name}-{f}") for e in found for f in faults_for(e)]


def test_the_gate_needs_at_most_five_calls_for_a_send():
    first = [e for e in GATE if e.request_id == GATE[0].request_id]
    assert [e.name for e in first] == ["tables.read", "tables.read", "tables.write", "mail.send", "tables.write"]


@pytest.mark.parametrize(("n", "fault"), cases(GATE))
def test_one_fault_at_any_effect_of_the_gate_never_sends_twice_and_never_loses(n, fault):
    plan = FaultPlan({n: fault}, function="message_gate")
    message, accepted, attempts, dead = one_life(plan)
    assert plan.happened, "the fault must have happened, or the run shows nothing"
    assert attempts <= 2 if fault is Fault.THROTTLED else attempts <= 1
    assert accepted <= 1
    assert not dead
    name = plan.happened[0][0].name
    if name == "mail.send":
        expected = {
            Fault.CRASH_BEFORE: ("PARKED", 0),
            Fault.TIMEOUT_BEFORE: ("PARKED", 0),
            Fault.CRASH_AFTER: ("SENT", 1),
            Fault.REPLY_LOST: ("SENT", 1),
            Fault.THROTTLED: ("SENT", 1),
            Fault.REFUSED: ("REFUSED", 0),
        }[fault]
        assert (message["settlement"], accepted) == expected
    elif fault is Fault.CRASH_AFTER and name == "tables.write":
        assert message["settlement"] in SETTLED
        assert (message["settlement"] == "SENT") == (accepted == 1)
    else:
        assert (message["settlement"], accepted) == ("SENT", 1)


@pytest.mark.parametrize(("n", "fault"), cases([e for e in GATE if e.name == "mail.send" or e.n >= 3]))
def test_without_the_providers_events_an_unclear_send_is_parked_and_never_repeated(n, fault):
    message, accepted, _, _ = one_life(FaultPlan({n: fault}, function="message_gate"), provider_events=False)
    assert accepted <= 1
    if message["settlement"] == "PARKED":
        assert fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.REPLY_LOST, Fault.TIMEOUT_BEFORE)
    else:
        assert message["settlement"] == ("REFUSED" if fault is Fault.REFUSED else "SENT")


@pytest.mark.parametrize(("n", "fault"), cases(EVERYWHERE))
def test_one_fault_at_any_effect_of_the_whole_house_loses_no_order(n, fault):
    plan = FaultPlan({n: fault})
    message, accepted, _, dead = one_life(plan)
    assert plan.happened
    assert not dead
    assert accepted <= 1
    assert message is not None, "the order was placed, so its confirmation must have been considered"
    clear = "REFUSED" if fault is Fault.REFUSED and plan.happened[0][0].name == "mail.send" else "SENT"
    assert message["settlement"] in {clear, "PARKED"}
    if message["settlement"] == "PARKED":
        assert accepted == 0 or fault in APPLIED
        assert plan.happened[0][0].function == "message_gate"


def served(cloud):
    """Dead letters of queues. A sweep that failed thrice leaves one as well: the next sweep has made up for it."""
    return sorted(set(cloud.dead_letters()) - {"DueSweepDeadLetters"})


def redrive_all(cloud):
    for name in served(cloud):
        cloud.redrive(name)


PAIRS = [
    pytest.param(a.n, fa, fb, id=f"{a.n}-{a.name}-{fa}-then-{fb}")
    for a in GATE
    for fa, fb in product(faults_for(a), (Fault.CRASH_AFTER, Fault.REPLY_LOST, Fault.THROTTLED))
]


@pytest.mark.parametrize(("n", "first", "then"), PAIRS)
def test_a_second_fault_right_after_the_first_sends_no_second_time(n, first, then):
    plan = FaultPlan({n: first, n + 1: then}, function="message_gate")
    message, accepted, _, _ = one_life(plan)
    assert accepted <= 1
    assert message is not None
    assert message["settlement"] in {"SENT", "PARKED", "REFUSED"}
    assert not (message["settlement"] == "SENT" and accepted == 0)


@pytest.mark.parametrize("seed", range(60))
def test_storms_of_random_faults_keep_every_promise(seed):
    rates = {f: 0.03 for f in Fault if f is not Fault.REFUSED}
    chance = random_faults(seed, rates, until=150)

    def possible(effect):
        fault = chance(effect)
        return None if fault is Fault.CONFLICT and not effect.name.startswith("tables.") else fault

    plan = FaultPlan(choose=possible)
    with LocalCloud("memory", seed=seed, switch="on", faults=plan) as cloud:
        for n in range(6):
            order(cloud, ref=str(n))
            cloud.run()
            cloud.advance(minutes=7)
        cloud.advance(hours=12)
        plan.active = False
        redrive_all(cloud)
        cloud.advance(hours=10)
        assert max(cloud.mailbox.accepted.values(), default=0) <= 1
        confirmations = {m["key"]: m for m in cloud.messages() if m["template"] == "order-confirmation"}
        assert sorted(confirmations) == [f"order-confirmation#coffee:{n}" for n in range(6)]
        assert {(m["settlement"], m["reason"]) for m in confirmations.values()} <= {
            ("SENT", "sent"),
            ("SENT", "provider_confirmed"),
            ("PARKED", "outcome_never_learned"),
        }
        assert not served(cloud)


@pytest.mark.parametrize(("fact", "reason"), [("OrderCancelled", "order_cancelled"), ("OrderDeleted", "order_deleted")])
@pytest.mark.parametrize("place", range(len(GATE)))
def test_an_order_closed_between_any_two_effects_is_never_followed_by_a_claim(place, fact, reason):
    """The adversary closes it exactly before the n-th effect; a mail may only go out if it was claimed before."""
    clouds = []
    done = []

    def cancel(effect):
        if effect.n == place and not done:
            done.append(effect)
            put(clouds[0], fact, {"ref": "1", "occurred_at": iso(clouds[0].now)})

    plan = FaultPlan(function="message_gate", adversary=cancel)
    with LocalCloud("memory", seed=3, switch="on", faults=plan) as cloud:
        clouds.append(cloud)
        order(cloud)
        cloud.run()
        cloud.advance(hours=5)
        message = next(m for m in cloud.messages() if m["key"] == KEY)
        assert done
        assert message["settlement"] in {"SENT", "REFUSED"}
        assert max(cloud.mailbox.accepted.values(), default=0) == (message["settlement"] == "SENT")
        if message["settlement"] == "REFUSED":
            assert message["reason"] == reason


def to_the_archive(cloud, **more):
    """As a new order moves it, in one transaction; with `more` it is changed where it lies at once."""
    (found,) = [item for item in cloud.items("CustomerTable") if item["sk"] == f"{keys.ORDER}coffee:1"]
    customer = load(cloud.tables, keys.customer_id_of(str(found["pk"])))
    order, profile = customer.order("coffee:1"), customer.profile
    profile = profile.model_copy(update={"archived_until": order.placed_at, "version": profile.version + 1})
    place = keys.customer(customer.id, keys.PROFILE)
    writes = [*moves(customer, Moved((order,)), ()), versioned(place, profile.to_json(), profile.version - 1)]
    cloud.tables.write(writes)
    if more:
        (moved,) = [write for write in writes if isinstance(write, Put) and write.key.sk.startswith(keys.ARCHIVE)]
        after = order.model_copy(update={**more, "version": moved.item["version"] + 1})
        cloud.tables.write([versioned(moved.key, after.to_json(), moved.item["version"], closed=after.closed)])


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("place", range(len(GATE)))
def test_an_order_that_moves_to_the_archive_between_any_two_effects_is_confirmed_once_if_it_stands(place, cancelled):
    """The claim checks the order where the decision read it: who finds it gone reads it again, and decides by what lies there."""
    clouds, claimed = [], []
    done = []

    def move(effect):
        if effect.n == place and not done:
            done.append(effect)
            claimed.extend(item for item in clouds[0].items("CustomerTable") if item.get("state") in ("CLAIMED", "SENT"))
            to_the_archive(clouds[0], **({"cancelled_at": clouds[0].now} if cancelled else {}))

    plan = FaultPlan(function="message_gate", adversary=move)
    with LocalCloud("memory", seed=3, switch="on", faults=plan) as cloud:
        clouds.append(cloud)
        order(cloud)
        cloud.run()
        cloud.advance(hours=5)
        message = next(m for m in cloud.messages() if m["key"] == KEY)
        assert done
        goes = not cancelled or bool(claimed)
        assert (message["settlement"], message["reason"]) == (("SENT", "sent") if goes else ("REFUSED", "order_cancelled"))
        assert max(cloud.mailbox.accepted.values(), default=0) == goes
        assert not served(cloud)


def test_a_kill_switch_thrown_before_the_decision_is_obeyed_and_after_release_nothing_is_late():
    with LocalCloud("memory", seed=3, switch="off") as cloud:
        order(cloud)
        cloud.run()
        assert not cloud.mailbox.taken
        assert cloud.messages()[0]["settlement"] == "HELD"
        cloud.advance(hours=2)
        cloud.set_switch("on")
        cloud.advance(hours=2)
        assert cloud.messages()[0]["settlement"] == "SENT"
        order(cloud, ref="2")
        cloud.set_switch("off")
        cloud.run()
        cloud.advance(timedelta(hours=25))
        cloud.set_switch("on")
        cloud.advance(hours=9)
        late = next(m for m in cloud.messages() if m["key"].endswith(":2"))
        assert (late["settlement"], late["reason"]) == ("EXPIRED", "too_late")
        assert len(cloud.mailbox.taken) == 1


def test_a_resend_whose_answer_is_lost_too_is_parked_once_more_and_told_once_more():
    """The operator's choice is one more attempt by the ordinary protocol, and no licence for a third."""
    plan = FaultPlan(names=frozenset(("mail.send",)), choose=lambda effect: Fault.TIMEOUT_BEFORE)
    with LocalCloud("memory", seed=3, switch="on", faults=plan) as cloud:
        order(cloud)
        cloud.run()
        cloud.advance(hours=5)
        (item,) = [i for i in cloud.items("CustomerTable") if i.get("state") == "PARKED"]
        message = ledger.message_from(item)
        customer_id = message.proposal.customer_id
        held = Decision(at=cloud.now, state=State.HELD, reason=Reason.OPERATOR_RESENT, until=cloud.now)
        again = ledger.decided(message, held)
        assert ledger.to_gate_again(cloud.tables, customer_id, again, item, cloud.now)
        assert not ledger.to_gate_again(cloud.tables, customer_id, again, item, cloud.now), "only one of two operators"
        cloud.advance(hours=5)
        assert [m["settlement"] for m in cloud.messages() if m["key"] == KEY] == ["PARKED"]
        assert len(plan.effects) == 2
        told = [e for e in cloud.journal.entries("event") if e.fields.get("type") == "MessageUnresolved"]
        assert len(told) == 2


def test_a_provider_that_is_busy_for_days_is_asked_ever_more_seldom_and_the_message_ends_once():
    plan = FaultPlan(names=frozenset(("mail.send",)), choose=lambda effect: Fault.THROTTLED if effect.n < 6 else None)
    with LocalCloud("memory", seed=3, switch="on", faults=plan) as cloud:
        order(cloud)
        cloud.run()
        cloud.advance(minutes=5)
        assert 3 <= len(plan.effects) <= 5, "after 30 s, 1 min, 2 min, each with up to 30 s more"
        cloud.advance(hours=2)
        message = next(m for m in cloud.messages() if m["key"] == KEY)
        assert (message["settlement"], max(cloud.mailbox.accepted.values())) == ("SENT", 1)
        assert not cloud.dead_letters()


def test_what_is_kept_of_a_message_that_is_looked_at_a_thousand_times_stays_small():
    plan = FaultPlan(names=frozenset(("mail.send",)), choose=lambda effect: Fault.THROTTLED)
    with LocalCloud("memory", seed=3, switch="on", faults=plan) as cloud:
        order(cloud)
        cloud.run()
        cloud.advance(hours=30)
        items = [
            i for i in cloud.items("CustomerTable") if "order-confirmation" in str(i.get("doc", "")) and "#ORDER#" not in i["sk"]
        ]
        assert max(len(str(i["doc"])) for i in items) < 16_000
        message = next(m for m in cloud.messages() if m["key"] == KEY)
        assert message["settlement"] == "EXPIRED"


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.CONFLICT, Fault.TIMEOUT_BEFORE, Fault.REPLY_LOST])
def test_a_busy_provider_and_one_failed_write_after_it_still_end_in_one_send(fault):
    mail = next(e.n for e in GATE if e.name == "mail.send")
    message, accepted, _, _ = one_life(FaultPlan({mail: Fault.THROTTLED, mail + 1: fault}, function="message_gate"))
    assert (message["settlement"], accepted) == ("SENT", 1)


# ---------------------------------------------------------------- little time left


class Hurried:
    """A context whose remaining time is what the test says, look by look, and plenty after that."""

    def __init__(self, context, looks):
        self._context = context
        self._looks = looks

    def __getattr__(self, name):
        return getattr(self._context, name)

    def get_remaining_time_in_millis(self):
        return self._looks.pop(0) if self._looks else 30_000


@pytest.mark.parametrize("looks", [[14_000], [30_000, 11_000]], ids=["before the claim", "after the claim"])
def test_with_too_little_time_left_for_an_answer_nothing_is_sent_and_the_queue_brings_it_again(looks):
    left = list(looks)
    with LocalCloud(
        "memory", seed=3, switch="on", handlers={"message_gate": lambda event, context: gate(event, Hurried(context, left))}
    ) as cloud:
        order(cloud)
        cloud.advance(seconds=30)
        assert left == []
        assert cloud.mailbox.attempts == {}
        assert not [i for i in cloud.items("CustomerTable") if str(i["sk"]).startswith(keys.LEDGER)], "no claim stands"
        cloud.advance(minutes=10)
        assert [m["settlement"] for m in cloud.messages()] == ["SENT"]
        assert list(cloud.mailbox.attempts.values()) == [1]
        assert cloud.dead_letters() == {}


# ---------------------------------------------------------------- what is held


def test_an_order_deleted_while_its_message_is_held_is_not_written_about():
    with LocalCloud("memory", seed=3, switch="off") as cloud:
        order(cloud)
        cloud.run()
        assert cloud.messages()[0]["settlement"] == "HELD"
        put(cloud, "OrderDeleted", {"ref": "1", "occurred_at": iso(cloud.now)})
        cloud.run()
        cloud.set_switch("on")
        cloud.advance(hours=7)
        message = cloud.messages()[0]
        assert (message["settlement"], message["reason"]) == ("REFUSED", "order_deleted")
        assert cloud.mailbox.attempts == {}


def test_a_held_message_that_cannot_be_written_keeps_back_nothing_else_of_its_slot():
    """It is held again, alone, until its window closes: somebody may mend the template until then."""
    with LocalCloud("memory", seed=3, switch="off") as cloud:
        order(cloud)
        cloud.run()
        (fine,) = cloud.messages()
        broken = {
            "key": "no-such-template#coffee:1",
            "customer_id": fine["customer"],
            "purpose": "transactional",
            "template": "no-such-template",
            "references": {"order": "coffee:1"},
            "value": 1000,
            "not_after": iso(cloud.now + timedelta(hours=12)),
            "proposed_at": iso(cloud.now),
            "caused_by": "e1",
            "correlation_id": "k1",
        }
        cloud.send("GateQueue", json.dumps({"proposal": broken}), group=fine["customer"], deduplication="broken")
        cloud.run()
        cloud.set_switch("on")
        cloud.advance(hours=1)
        settled = {m["key"]: (m["settlement"], m["reason"]) for m in cloud.messages()}
        assert settled == {KEY: ("SENT", "sent"), "no-such-template#coffee:1": ("HELD", "cannot_render")}
        cloud.advance(hours=12)
        settled = {m["key"]: (m["settlement"], m["reason"]) for m in cloud.messages()}
        assert settled["no-such-template#coffee:1"] == ("EXPIRED", "too_late")
        assert cloud.dead_letters() == {}

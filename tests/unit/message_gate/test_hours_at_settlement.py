"""Mail that a store gave hours to: held for the night, sent in the morning, and not sent by whoever stood still too long."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aftercare import keys, store
from aftercare.catalogue import catalogue
from aftercare.clock import iso, parse_iso
from aftercare.consent import Channel, Purpose
from aftercare.decision import Reason, State
from aftercare.ground import consent_policy
from aftercare.outside import Accepted
from aftercare.switch import Mode, Switch
from aftercare.table import Put
from message_gate import candidate, settlement
from message_gate.frequency import frequency_policy
from message_gate.hours import HoursBook, HoursRule
from message_gate.settlement import open_gate, settle
from simulator.cloud import LocalCloud
from tests.builders import a_proposal, an_order
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import Small

EVENING = parse_iso("2026-03-02T20:44:50+01:00")
DAY = "08:00-21:00"
BY_DAY = HoursBook(
    guard_minutes=15,
    own_quiet_hours=(),
    rules=(
        HoursRule(name="mail-by-day", channels=(Channel.EMAIL,), purposes=tuple(Purpose), weekdays=DAY, saturday=DAY, sunday=DAY),
    ),
)


@pytest.fixture(autouse=True)
def mail_has_hours(monkeypatch):
    for module in (candidate, settlement):
        monkeypatch.setattr(module, "hours_book", lambda: BY_DAY)


def test_what_is_ordered_at_night_is_confirmed_at_the_opening_of_the_morning():
    with LocalCloud("memory", seed=3, switch="on", start=parse_iso("2026-03-28T23:30:00+01:00")) as cloud:
        order = {
            "name": "#1",
            "placed_at": iso(cloud.now),
            "contact": {"email": "anna@example.com"},
            "country": "DE",
            "total": {"amount": "12.00", "currency": "EUR"},
            "lines": [{"line_ref": "1", "title": "Espresso beans", "quantity": 1, "product_type": "Coffee"}],
        }
        detail = json.dumps({"ref": "1", "occurred_at": iso(cloud.now), "order": order})
        entry = {"Source": "store.coffee", "DetailType": "OrderPlaced", "Detail": detail, "EventBusName": cloud.store_bus}
        cloud.put_events([entry])
        cloud.run()
        (held,) = cloud.messages()
        assert (held["settlement"], held["reason"]) == ("HELD", "quiet_hours")
        cloud.advance(hours=12)
        (sent,) = cloud.messages()
        assert sent["settlement"] == "SENT"
        # The night has the change to summer time in it: eight o'clock is one hour nearer.
        assert [mail.at for mail in cloud.mailbox.taken] == [parse_iso("2026-03-29T08:00:00+02:00")]


class Posted:
    """A mailer and a timer that keep what they are given."""

    def __init__(self):
        self.mails, self.slots = [], []

    def send(self, mail):
        self.mails.append(mail)
        return Accepted("p1")

    def set(self, customer_id, at):
        self.slots.append(at)


def evening_gate():
    small, posted = Small(), Posted()
    small.clock.at = EVENING
    small.mail = small.slots = posted
    small.settings = replace(
        small.settings, sender_address="shop@example.com", postal_address="1 Street", public_base_url="https://shop.example"
    )
    a_profile(small, order=an_order(placed_at=EVENING))
    put_switch = Put(keys.switch(), {"doc": Switch(otherwise=Mode.ON).to_json()})
    small.tables.twin.write([put_switch])
    gate = open_gate(small, [], consent_policy(), frequency_policy(), catalogue, lambda: timedelta(minutes=1))
    return small, posted, gate


PROPOSAL = a_proposal(customer_id=CUSTOMER, proposed_at=EVENING, not_after=EVENING + timedelta(days=2))


def test_before_the_guard_band_it_leaves():
    _, posted, gate = evening_gate()
    assert settle(gate, PROPOSAL).state is State.SENT
    assert len(posted.mails) == 1


def test_who_stands_still_after_the_claim_until_the_hours_are_over_gives_the_claim_back_and_sends_nothing():
    small, posted, gate = evening_gate()
    small.tables.before_write.append(lambda: small.later(minutes=20))
    decision = settle(gate, PROPOSAL)
    opens = parse_iso("2026-03-03T08:00:00+01:00")
    assert (decision.state, decision.reason, decision.until) == (State.HELD, Reason.QUIET_HOURS, opens)
    assert posted.mails == [] and posted.slots == [opens]
    (held,) = store.load(small.tables.twin, CUSTOMER).held
    assert held.due_at == opens
    small.clock.at = opens
    assert settle(gate, PROPOSAL, held=held).state is State.SENT

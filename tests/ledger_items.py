"""Ledger items in each state, for tests of what happens to them later."""

from datetime import timedelta

from aftercare import keys, ledger
from aftercare.consent import ConsentRecord, Purpose
from aftercare.customer import Contact, Customer, Order, Profile
from aftercare.decision import Decision, Message, Reason, State
from aftercare.proposal import Proposal
from aftercare.table import Put
from tests.small_outside import START

CUSTOMER = "c0anna"


def a_profile(small, customer_id=CUSTOMER, email="anna@example.com", consent=None, order: Order | None = None, country=None):
    """A customer's record as intake leaves it."""
    profile = Profile(version=1, contact=Contact(email=email), country=country, first_seen=START)
    small.tables.twin.write([Put(keys.customer(customer_id, keys.PROFILE), {"doc": profile.to_json(), "version": 1})])
    if consent:
        item = {"doc": consent.to_json(), "version": consent.version}
        small.tables.twin.write([Put(keys.customer(customer_id, keys.CONSENT), item)])
    if order:
        small.tables.twin.write([Put(keys.order(customer_id, order.key), {"doc": order.to_json(), "version": order.version})])
    return Customer(id=customer_id, profile=profile, consent=consent or ConsentRecord(), orders=(order,) if order else ())


def a_message(key="order-confirmation#example:1070", state=State.CLAIMED, customer_id=CUSTOMER) -> Message:
    proposal = Proposal(
        key=key,
        customer_id=customer_id,
        purpose=Purpose.TRANSACTIONAL,
        template="order-confirmation",
        not_after=START + timedelta(days=1),
        proposed_at=START,
        caused_by="e1",
        correlation_id="k1",
    )
    reason = Reason.PROVIDER_UNCLEAR if state is State.UNKNOWN else Reason.SENT
    return Message(proposal=proposal, state=state, decisions=(Decision(at=START, state=state, reason=reason),), channel="email")


def claimed(small, token="t1", **more) -> Message:
    message = a_message(**more)
    customer = Customer(id=message.proposal.customer_id, profile=Profile(first_seen=START))
    ledger.claim(small.tables.twin, customer, message, token, small.clock.now(), held=None)
    return message


def unknown(small, **more) -> Message:
    message = claimed(small, **more)
    after = message.model_copy(update={"state": State.UNKNOWN})
    ledger.settle(small.tables.twin, message.proposal.customer_id, after, "t1", small.clock.now())
    return after


def on_ledger(small, message: Message) -> dict:
    place = keys.ledger(message.proposal.customer_id, message.proposal.message_id)
    return small.tables.twin.read([place])[place]


def as_it_stands(small, message: Message) -> Message:
    return ledger.message_from(on_ledger(small, message))

"""Settling one proposal: decide, then hold, close, or claim and send exactly once (rules H1-H3 of docs/guarantees.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aftercare import keys, ledger, telemetry
from aftercare.consent import Channel, Purpose
from aftercare.customer import Customer
from aftercare.decision import Decision, Hold, Message, Reason, Refuse, State, Step
from aftercare.identity import email, keyed_hash
from aftercare.keys import Key
from aftercare.outside import Accepted, Busy, Outside, Rejected, SendOutcome, Uncertain
from aftercare.proposal import Proposal, Unless
from aftercare.store import load, present
from aftercare.switch import Switch, switch_from
from aftercare.table import AllOf, AnyOf, Check, Condition, Exists, Is, Item, Lacks
from message_gate.ground import ConsentPolicy
from message_gate.hours import hours_book, is_legal, next_legal_instant
from message_gate.rules import MARKETING, OF_SHIPMENT, Candidate, Departure, decide

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue

ATTEMPTS = 3
"""How often the world may change between decision and claim before the queue has to bring the proposal again."""


MOST_PATIENT = 32
"""A provider that stays busy is asked again after 1, 2, 4, ... and at most this many times its patience."""


class WorldKeepsChanging(RuntimeError):
    """The record changed between every decision and its claim; nothing was claimed, the queue brings it again."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What one invocation reads once: the switch, the ledger's items of its proposals, the store's content."""

    outside: Outside
    switch: Switch
    known: Mapping[Key, Item]
    policy: ConsentPolicy
    catalogue: "Catalogue"
    identity_secret: str

    def settled(self, proposal: Proposal, now: datetime) -> Message | None:
        item = present(self.known.get(keys.ledger(proposal.customer_id, proposal.message_id)), now)
        return ledger.message_from(item) if item else None

    def candidate(self, proposal: Proposal, customer: Customer, settled: Message | None, held: bool) -> Candidate:
        addresses: dict[Channel, tuple[str, str]] = {}
        address = email(_address(proposal, customer))
        if address:
            addresses[Channel.EMAIL] = (address, keyed_hash(self.identity_secret, address))
        return Candidate(
            proposal=proposal,
            customer=customer,
            settled=settled,
            held=held,
            switch=self.switch,
            policy=self.policy,
            catalogue=self.catalogue,
            addresses=addresses,
            now=self.outside.clock.now(),
        )


def _address(proposal: Proposal, customer: Customer) -> str | None:
    """Where a message goes: about an order to the order's own contact, marketing to the customer's, whose consent it needs."""
    order = customer.order(proposal.references["order"]) if "order" in proposal.references else None
    of_order = order.contact.email if order else None
    ours = customer.profile.contact.email
    return (ours or of_order) if proposal.purpose in MARKETING else (of_order or ours)


def open_gate(outside: Outside, proposals: list[Proposal], policy: ConsentPolicy, catalogue: "Catalogue") -> Gate:
    """Read what all of this invocation's settlements need, in one call."""
    known = ledger.read_all(outside.tables, [(p.customer_id, p.message_id) for p in proposals], beside=(keys.switch(),))
    return Gate(
        outside=outside,
        switch=switch_from(known.get(keys.switch())),
        known=known,
        policy=policy,
        catalogue=catalogue,
        identity_secret=outside.secrets.text(outside.settings.need("identity_secret")),
    )


def settle(gate: Gate, proposal: Proposal, held: Message | None = None) -> Decision:
    """Settle a proposal now, or a held message whose slot came. TableError and WorldKeepsChanging come before any send."""
    settled = gate.settled(proposal, gate.outside.clock.now())
    for _ in range(ATTEMPTS):
        customer = load(gate.outside.tables, proposal.customer_id)
        candidate = gate.candidate(proposal, customer, settled, held is not None)
        verdict, trace = decide(candidate)
        if isinstance(verdict, Refuse):
            return _close(gate, candidate, verdict, trace, held)
        if isinstance(verdict, Hold):
            decision = _decision(candidate, State.HELD, verdict.because, trace, until=verdict.until)
            if _hold(gate, customer, _message(candidate, held, decision), verdict.until, token=None):
                return decision
            return _already(candidate, trace)
        answer = _claim_and_send(gate, candidate, trace, held)
        if answer:
            return answer
    raise WorldKeepsChanging(proposal.key)


def settle_slot(gate: Gate, customer_id: str) -> tuple[Decision, ...]:
    """Look again at everything a customer has held and that is due, best first, then set the timer for the rest."""
    now = gate.outside.clock.now()
    customer = load(gate.outside.tables, customer_id)
    due = [m for m in customer.held if m.due_at is None or m.due_at <= now]
    due.sort(key=lambda m: (_rank(m.proposal), -m.proposal.value, m.proposal.proposed_at, m.proposal.key))
    decisions = tuple(settle(gate, message.proposal, held=message) for message in due)
    waiting = [m.due_at for m in load(gate.outside.tables, customer_id).held if m.due_at]
    following = _whole_second(min(waiting)) if waiting else None
    ledger.move_slot(gate.outside.tables, customer_id, following, now)
    if following:
        gate.outside.slots.set(customer_id, following)
    return decisions


def _rank(proposal: Proposal) -> int:
    return list(Purpose).index(proposal.purpose)


def _decision(candidate: Candidate, state: State, reason: Reason, trace: tuple[Step, ...] = (), **more: object) -> Decision:
    return Decision.model_validate(
        {
            "at": candidate.now,
            "state": state,
            "reason": reason,
            "caused_by": candidate.proposal.caused_by,
            "trace": trace,
            **more,
        }
    )


def _message(candidate: Candidate, held: Message | None, decision: Decision, **more: Any) -> Message:
    if held:
        return ledger.decided(held, decision, **more)
    return Message(proposal=candidate.proposal, state=decision.state, decisions=(decision,), **more)


def _already(candidate: Candidate, trace: tuple[Step, ...]) -> Decision:
    """Somebody else settled it: acknowledged, and nothing is written."""
    return _decision(candidate, State.REFUSED, Reason.ALREADY_SETTLED, trace)


def _close(gate: Gate, candidate: Candidate, verdict: Refuse, trace: tuple[Step, ...], held: Message | None) -> Decision:
    if verdict.because is Reason.ALREADY_SETTLED:
        return _already(candidate, trace)
    decision = _decision(candidate, verdict.state, verdict.because, trace)
    message = _message(candidate, held, decision)
    there = ledger.close(gate.outside.tables, candidate.customer.id, message, candidate.now, held=held is not None)
    return _already(candidate, trace) if there else decision


def _hold(gate: Gate, customer: Customer, message: Message, until: datetime, token: str | None) -> bool:
    now = gate.outside.clock.now()
    standing = customer.slot.at if customer.slot and customer.slot.at > now else None
    slot_at = _whole_second(min(until, standing) if standing else until)
    if not ledger.hold(gate.outside.tables, customer, message, slot_at, now, token):
        return False
    if slot_at != standing:
        gate.outside.slots.set(customer.id, slot_at)
    return True


def _whole_second(instant: datetime) -> datetime:
    """The schedule's precision, never earlier than asked."""
    return instant if not instant.microsecond else instant.replace(microsecond=0) + timedelta(seconds=1)


def _claim_and_send(gate: Gate, candidate: Candidate, trace: tuple[Step, ...], held: Message | None) -> Decision | None:
    """One claim, one wire attempt, one settlement. None when the record moved since the decision: decide again."""
    # Brand, templates and their engine come with the first message that is written, not at init.
    from message_gate.mailing import write_letter

    departure = candidate.departure
    if departure is None:
        raise LookupError(f"no channel passed the rules and a claim was tried: {candidate.proposal.key}")
    channel = departure.channel
    address, _ = candidate.addresses[channel]
    letter = write_letter(gate.outside, candidate, address)
    used = candidate.ground(channel, candidate.proposal.purpose)
    claim = _decision(candidate, State.CLAIMED, Reason.CLAIMED, trace, channel=str(channel))
    message = _message(
        candidate,
        held,
        claim,
        channel=str(channel),
        template_version=letter.template_version,
        content_hash=letter.content_hash,
        consent_proof=used.proof if used else None,
        consent_version=candidate.customer.consent.version,
    )
    token = gate.outside.ids.new()
    checks = (*_order_checks(candidate), *_shipment_checks(candidate))
    got = ledger.claim(gate.outside.tables, candidate.customer, message, token, candidate.now, held, checks)
    if isinstance(got, ledger.Lost):
        return _already(candidate, trace) if got.settled else None
    if not is_legal(departure.hours, gate.outside.clock.now()):
        return _closed_since(gate, candidate, departure, message, token)
    outcome = gate.outside.mail.send(letter.mail)
    return _after(gate, candidate, message, token, outcome)


def _closed_since(gate: Gate, candidate: Candidate, departure: Departure, claimed: Message, token: str) -> Decision:
    """The hours closed between decision and claim (an invocation that stood still): the provider was never called."""
    now, closes = gate.outside.clock.now(), candidate.proposal.not_after
    until = _whole_second(next_legal_instant(departure.hours, hours_book().guard, now, closes) or max(closes, now))
    decision = _decision(candidate, State.HELD, Reason.QUIET_HOURS, at=now, until=until)
    _hold(gate, candidate.customer, ledger.decided(claimed, decision), until, token)
    return decision


def _order_checks(candidate: Candidate) -> tuple[Check, ...]:
    """The order has not been closed since the decision saw it, as far as closing matters to this proposal."""
    order = candidate.order
    harmful = {Unless.ORDER_CANCELLED: "cancelled", Unless.ORDER_REFUNDED: "refunded"}
    matters = [word for unless, word in harmful.items() if unless in candidate.proposal.unless]
    if order is None or not matters:
        return ()
    harmless = [word for word in harmful.values() if word not in matters]
    still: Condition = AnyOf((Lacks("closed"), *(Is("closed", word) for word in harmless))) if harmless else Lacks("closed")
    return (Check(keys.order(candidate.customer.id, order.key), AllOf((Exists(), still))),)


def _shipment_checks(candidate: Candidate) -> tuple[Check, ...]:
    """The shipment is as the decision saw it, where that matters: no "shipped" or "delayed" after "delivered" (rule I6)."""
    shipment = candidate.shipment
    if shipment is None or not set(OF_SHIPMENT).intersection(candidate.proposal.unless):
        return ()
    return (Check(keys.shipment(candidate.customer.id, shipment.key), Is("version", shipment.version)),)


def _after(gate: Gate, candidate: Candidate, claimed: Message, token: str, outcome: SendOutcome) -> Decision:
    """Write down what the provider said. A busy provider was never reached: the claim becomes a short hold."""
    now = gate.outside.clock.now()
    tables, customer = gate.outside.tables, candidate.customer
    if isinstance(outcome, Busy):
        tries = sum(d.reason is Reason.PROVIDER_BUSY for d in claimed.decisions)
        until = _whole_second(now + outcome.patience * min(2**tries, MOST_PATIENT) + _jitter(claimed.proposal))
        decision = _decision(candidate, State.HELD, Reason.PROVIDER_BUSY, until=until, note=outcome.code)
        telemetry.count("ProviderBusy")
        _hold(gate, customer, ledger.decided(claimed, decision), until, token)
        return decision
    sent_at: datetime | None = None
    provider_id: str | None = None
    match outcome:
        case Accepted(named):
            provider_id = named
            decision = _decision(candidate, State.SENT, Reason.SENT, channel=claimed.channel)
            sent_at = now
        case Rejected(code):
            decision = _decision(candidate, State.REFUSED, Reason.PROVIDER_REFUSED, channel=claimed.channel, note=code)
            telemetry.count("ProviderRefused")
        case Uncertain(code):
            decision = _decision(candidate, State.UNKNOWN, Reason.PROVIDER_UNCLEAR, channel=claimed.channel, note=code)
            telemetry.count("ProviderUnclear")
    message = ledger.decided(claimed, decision, provider_id=provider_id, sent_at=sent_at)
    if not ledger.settle(tables, customer.id, message, token, now):
        telemetry.tell("settled by the provider's own event", message_id=claimed.proposal.message_id)
    return decision


def _jitter(proposal: Proposal) -> timedelta:
    """0 to 30 s, the same for the same message, so that a wave does not come back as one."""
    return timedelta(milliseconds=int(proposal.message_id[:4], 36) % 30_000)

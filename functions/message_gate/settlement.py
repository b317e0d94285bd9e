"""Settling one proposal: decide, then hold, close, or claim and send exactly once (rules H1-H3 of docs/guarantees.md)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aftercare import keys, ledger, telemetry
from aftercare.caps import Counted, counting, without
from aftercare.consent import Channel
from aftercare.customer import Customer
from aftercare.decision import Decision, Hold, Message, Reason, Refuse, State, Step
from aftercare.identity import email, keyed_hash
from aftercare.keys import Key
from aftercare.outside import Accepted, Busy, NotKept, Outside, Rejected, SendOutcome, Uncertain
from aftercare.proposal import Proposal, Unless
from aftercare.rate import SHARDS
from aftercare.settings import MissingSetting
from aftercare.store import load, present, versioned
from aftercare.switch import Switch, switch_from
from aftercare.table import AllOf, AnyOf, Check, Condition, Exists, Is, Item, Lacks, Put, Write
from message_gate.frequency import FrequencyPolicy
from message_gate.ground import ConsentPolicy
from message_gate.hours import hours_book, is_legal, next_legal_instant
from message_gate.pacing import Pace, quota_from, shards, waits_for_a_place
from message_gate.rules import MARKETING, OF_SHIPMENT, Candidate, Rival, decide, look_again, rank

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue

ATTEMPTS = 3
"""How often the world may change between decision and claim before the queue has to bring the proposal again."""


MOST_PATIENT = 32
"""A provider that stays busy is asked again after 1, 2, 4, ... and at most this many times its patience."""


SEND_TAKES = timedelta(seconds=12)
"""The longest that one wire attempt may take (connect 2 s, read 8 s), and the write of what came of it."""

CLAIM_TAKES = timedelta(seconds=3)


class NoTimeLeft(RuntimeError):
    """The invocation would end before the provider's answer; nothing is claimed, the queue brings the proposal again."""


class WorldKeepsChanging(RuntimeError):
    """The record changed between every decision and its claim; nothing was claimed, the queue brings it again."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What one invocation reads once: the switch, the ledger's items of its proposals, the store's content.

    `pending` are the proposals of this invocation that it has not come to yet, by their message ids.
    """

    outside: Outside
    switch: Switch
    known: Mapping[Key, Item]
    pending: dict[str, Proposal]
    pace: Pace
    policy: ConsentPolicy
    frequency: FrequencyPolicy
    catalogue: "Catalogue"
    identity_secret: str
    time_left: Callable[[], timedelta]

    def settled(self, proposal: Proposal, now: datetime) -> Message | None:
        item = present(self.known.get(keys.ledger(proposal.customer_id, proposal.message_id)), now)
        return ledger.message_from(item) if item else None

    def candidate(self, proposal: Proposal, customer: Customer, settled: Message | None, held: bool) -> Candidate:
        now = self.outside.clock.now()
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
            frequency=self.frequency,
            rivals=self._rivals(proposal, customer, now),
            now=now,
        )

    def _rivals(self, proposal: Proposal, customer: Customer, now: datetime) -> tuple[Rival, ...]:
        waiting = {m.proposal.message_id: Rival(m.proposal, m.due_at or now) for m in customer.held}
        coming = {i: Rival(p, max(p.not_before or now, now)) for i, p in self.pending.items() if p.customer_id == customer.id}
        return tuple(r for i, r in {**coming, **waiting}.items() if i != proposal.message_id)


def _address(proposal: Proposal, customer: Customer) -> str | None:
    """Where a message goes: about an order to the order's own contact, marketing to the customer's, whose consent it needs."""
    order = customer.order(proposal.references["order"]) if "order" in proposal.references else None
    of_order = order.contact.email if order else None
    ours = customer.profile.contact.email
    return (ours or of_order) if proposal.purpose in MARKETING else (of_order or ours)


def open_gate(
    outside: Outside,
    proposals: list[Proposal],
    policy: ConsentPolicy,
    frequency: FrequencyPolicy,
    catalogue: "Catalogue",
    time_left: Callable[[], timedelta],
) -> Gate:
    """Read what all of this invocation's settlements need, in one call."""
    beside = (keys.switch(), keys.quota(), *shards())
    known = ledger.read_all(outside.tables, [(p.customer_id, p.message_id) for p in proposals], beside=beside)
    first = proposals[0].message_id if proposals else outside.ids.new()
    return Gate(
        outside=outside,
        switch=switch_from(known.get(keys.switch())),
        known=known,
        pending={p.message_id: p for p in proposals},
        pace=Pace(
            tables=outside.tables,
            rate=frequency.rate,
            quota=quota_from(known.get(keys.quota())),
            known=known,
            wanted=sum(waits_for_a_place(p.purpose) for p in proposals),
            shard=int(first[:4], 36) % SHARDS,
        ),
        policy=policy,
        frequency=frequency,
        catalogue=catalogue,
        identity_secret=outside.secrets.text(outside.settings.need("identity_secret")),
        time_left=time_left,
    )


def settle(gate: Gate, proposal: Proposal, held: Message | None = None) -> Decision:
    """Settle a proposal now, or a held message whose slot came. TableError and WorldKeepsChanging come before any send."""
    gate.pending.pop(proposal.message_id, None)
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
    due = [m for m in customer.held if m.due_at is None or m.due_at <= now or _pause_is_over(m, customer, now)]
    due.sort(key=lambda m: rank(m.proposal))
    decisions = tuple(settle(gate, message.proposal, held=message) for message in due)
    waiting = [m.due_at for m in load(gate.outside.tables, customer_id).held if m.due_at]
    following = _whole_second(min(waiting)) if waiting else None
    ledger.move_slot(gate.outside.tables, customer_id, following, now)
    if following:
        gate.outside.slots.set(customer_id, following)
    return decisions


def _pause_is_over(message: Message, customer: Customer, now: datetime) -> bool:
    """What waits for the end of a pause need not, once the customer has ended it."""
    return message.last.reason is Reason.PAUSED and customer.wishes.pause_of(message.proposal.purpose, now) is None


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


def _hold(
    gate: Gate, customer: Customer, message: Message, until: datetime, token: str | None, beside: tuple[Put, ...] = ()
) -> bool:
    now = gate.outside.clock.now()
    standing = customer.slot.at if customer.slot and customer.slot.at > now else None
    slot_at = _whole_second(min(until, standing) if standing else until)
    if not ledger.hold(gate.outside.tables, customer, message, slot_at, now, token, beside):
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

    channel = candidate.sendable[0]
    address, _ = candidate.addresses[channel]
    try:
        letter = write_letter(gate.outside, candidate, address)
    except (NotKept, MissingSetting):
        raise
    except Exception as error:
        # A new proposal waits in its queue for the template to be mended; a held one shares its slot with others.
        if held is None:
            raise
        return _unwritten(gate, candidate, trace, held, type(error).__name__)
    if gate.time_left() < CLAIM_TAKES + SEND_TAKES:
        raise NoTimeLeft(candidate.proposal.key)
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
    place = gate.pace.place(candidate.proposal, held, candidate.now)
    if place > candidate.now:
        until = min(_whole_second(place), candidate.proposal.not_after)
        waits = _decision(candidate, State.HELD, Reason.RATE_USED_UP, trace, until=until)
        held_so = _hold(gate, candidate.customer, _message(candidate, held, waits), until, token=None)
        return waits if held_so else _already(candidate, trace)
    count, uncount = _counting(candidate, channel)
    beside: tuple[Write, ...] = (*_order_checks(candidate), *_shipment_checks(candidate), *count)
    got = ledger.claim(gate.outside.tables, candidate.customer, message, token, candidate.now, held, beside, uncount)
    if isinstance(got, ledger.Lost):
        return _already(candidate, trace) if got.settled else None
    if gate.time_left() < SEND_TAKES:
        now = gate.outside.clock.now()
        ledger.release(gate.outside.tables, candidate.customer.id, message, token, held=held, now=now, beside=uncount)
        raise NoTimeLeft(candidate.proposal.key)
    if not is_legal(candidate.hours(channel), gate.outside.clock.now()):
        return _closed_since(gate, candidate, channel, message, token, uncount)
    outcome = gate.outside.mail.send(letter.mail)
    return _after(gate, candidate, message, token, outcome, uncount)


def _counting(candidate: Candidate, channel: Channel) -> tuple[tuple[Put, ...], tuple[Put, ...]]:
    """The write that counts the message, which the claim makes, and the one that takes it back if nothing was sent."""
    proposal, customer = candidate.proposal, candidate.customer
    if not candidate.frequency.limits(proposal.purpose):
        return (), ()
    place, before = keys.customer(customer.id, keys.CAPS), customer.caps
    one = Counted(at=candidate.now, purpose=proposal.purpose, channel=channel, message=proposal.message_id)
    after = counting(before, one, candidate.frequency.kept)
    back = without(after, proposal.message_id)
    return (
        (versioned(place, after.to_json(), before.version),),
        (versioned(place, back.to_json(), after.version),),
    )


def _unwritten(gate: Gate, candidate: Candidate, trace: tuple[Step, ...], held: Message, error: str) -> Decision:
    """A held message that cannot be written is held again, alone: it keeps back nothing else of its slot."""
    until = look_again(candidate)
    decision = _decision(candidate, State.HELD, Reason.CANNOT_RENDER, trace, until=until, note=error)
    telemetry.count("MessageNotRendered")
    telemetry.trouble("a held message cannot be written", message_id=candidate.proposal.message_id, error=error)
    if _hold(gate, candidate.customer, ledger.decided(held, decision), until, token=None):
        return decision
    return _already(candidate, trace)


def _closed_since(
    gate: Gate, candidate: Candidate, channel: Channel, claimed: Message, token: str, uncount: tuple[Put, ...]
) -> Decision:
    """The hours closed between decision and claim (an invocation that stood still): the provider was never called."""
    now, closes, hours = gate.outside.clock.now(), candidate.proposal.not_after, candidate.hours(channel)
    until = _whole_second(next_legal_instant(hours, hours_book().guard, now, closes) or max(closes, now))
    decision = _decision(candidate, State.HELD, Reason.QUIET_HOURS, at=now, until=until)
    _hold(gate, candidate.customer, ledger.decided(claimed, decision), until, token, uncount)
    return decision


def _order_checks(candidate: Candidate) -> tuple[Check, ...]:
    """The order has not been closed since the decision saw it, as far as closing matters to this proposal."""
    order = candidate.order
    pointless = {"deleted": Unless.ORDER_CANCELLED, "cancelled": Unless.ORDER_CANCELLED, "refunded": Unless.ORDER_REFUNDED}
    harmless = [word for word, unless in pointless.items() if unless not in candidate.proposal.unless]
    if order is None or len(harmless) == len(pointless):
        return ()
    still: Condition = AnyOf((Lacks("closed"), *(Is("closed", word) for word in harmless))) if harmless else Lacks("closed")
    return (Check(keys.order(candidate.customer.id, order.key), AllOf((Exists(), still))),)


def _shipment_checks(candidate: Candidate) -> tuple[Check, ...]:
    """The shipment is as the decision saw it, where that matters: no "shipped" or "delayed" after "delivered" (rule I6)."""
    shipment = candidate.shipment
    if shipment is None or not set(OF_SHIPMENT).intersection(candidate.proposal.unless):
        return ()
    return (Check(keys.shipment(candidate.customer.id, shipment.key), Is("version", shipment.version)),)


def _after(
    gate: Gate, candidate: Candidate, claimed: Message, token: str, outcome: SendOutcome, uncount: tuple[Put, ...]
) -> Decision:
    """Write down what the provider said. A busy provider was never reached: the claim becomes a short hold.

    What was not sent does not count: `uncount` is written with that.
    """
    now = gate.outside.clock.now()
    tables, customer = gate.outside.tables, candidate.customer
    if isinstance(outcome, Busy):
        tries = sum(d.reason is Reason.PROVIDER_BUSY for d in claimed.decisions)
        until = _whole_second(now + outcome.patience * min(2**tries, MOST_PATIENT) + _jitter(claimed.proposal))
        decision = _decision(candidate, State.HELD, Reason.PROVIDER_BUSY, until=until, note=outcome.code)
        telemetry.count("ProviderBusy")
        _hold(gate, customer, ledger.decided(claimed, decision), until, token, uncount)
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
    beside = uncount if isinstance(outcome, Rejected) else ()
    if not ledger.settle(tables, customer.id, message, token, now, beside):
        telemetry.tell("settled by the provider's own event", message_id=claimed.proposal.message_id)
    return decision


def _jitter(proposal: Proposal) -> timedelta:
    """0 to 30 s, the same for the same message, so that a wave does not come back as one."""
    return timedelta(milliseconds=int(proposal.message_id[:4], 36) % 30_000)

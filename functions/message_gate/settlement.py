"""Settling one proposal: decide, then hold, close, or claim and send exactly once (rules H1-H3 of docs/guarantees.md)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from aftercare import keys, learned, ledger, telemetry
from aftercare.cadence import NOTHING, Cadences, cadences_from
from aftercare.caps import Caps, Counted, counting, without
from aftercare.consent import Channel, Purpose
from aftercare.customer import Customer
from aftercare.decision import Decision, Hold, Message, Pass, Reason, Refuse, State, Step
from aftercare.ground import ConsentPolicy
from aftercare.identity import email, keyed_hash, phone
from aftercare.keys import Key
from aftercare.learned import Learned
from aftercare.one_line import plain
from aftercare.outside import Accepted, Busy, NotKept, Outside, Rejected, SendOutcome, Uncertain
from aftercare.proposal import Proposal, Unless
from aftercare.retention import CHAT
from aftercare.settings import MissingSetting, Settings
from aftercare.store import CustomerErased, load, versioned, with_archive
from aftercare.switch import Switch, switch_from
from aftercare.table import AllOf, AnyOf, Change, Check, Condition, Exists, Is, Item, Lacks, Put, Write
from message_gate.candidate import CHAT_WINDOW, MARKETING, Candidate, Rival, rank
from message_gate.channels import forms, write
from message_gate.digest import CARRIES, compose
from message_gate.frequency import FrequencyPolicy
from message_gate.hours import hours_book, is_legal, next_legal_instant
from message_gate.pacing import Pace, quota_from, shards, waits_for_a_place
from message_gate.relevance import OF_SHIPMENT
from message_gate.rules import OF_PARTS, decide, look_again

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue
    from message_gate.channel_policy import ChannelPolicy

ATTEMPTS = 3
"""How often the world may change between decision and claim before the queue has to bring the proposal again."""


AT_ONCE = timedelta(seconds=5)
"""So soon another channel is tried for what one channel's provider refused."""

UNTOLD = (Channel.PUSH, Channel.INBOX)
"""Where nobody tells that a message has arrived: what was sent has."""

MOST_PATIENT = 32
"""A provider that stays busy is asked again after 1, 2, 4, ... and at most this many times its patience."""


SEND_TAKES = timedelta(seconds=12)
"""The longest that one wire attempt may take (connect 2 s, read 8 s), and the write of what came of it."""

CLAIM_TAKES = timedelta(seconds=3)


class NoTimeLeft(RuntimeError):
    """The invocation would end before the provider's answer; nothing is claimed, the queue brings the proposal again."""


class Unwritten(RuntimeError):
    """A digest could not be written; nothing is claimed, and its parts go by themselves."""


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
    catalogue: "Callable[[], Catalogue]"
    identity_secret: str
    time_left: Callable[[], timedelta]
    channels: tuple[Channel, ...] = (Channel.EMAIL,)
    choice: "ChannelPolicy | None" = None
    all_customers: Learned = learned.NOTHING
    cadences: Cadences = NOTHING

    def settled(self, proposal: Proposal) -> Message | None:
        item = self.known.get(keys.ledger(proposal.customer_id, proposal.message_id))
        return ledger.message_from(item) if item else None

    def candidate(
        self,
        proposal: Proposal,
        customer: Customer,
        settled: Message | None,
        held: Message | None,
        parts: tuple[Candidate, ...] = (),
        left_over: bool = False,
    ) -> Candidate:
        now = self.outside.clock.now()
        return Candidate(
            proposal=proposal,
            customer=customer,
            settled=settled,
            held=held is not None,
            switch=self.switch,
            policy=self.policy,
            catalogue=self.catalogue,
            addresses=parts[0].addresses if parts else self._addresses(proposal, customer, now),
            frequency=self.frequency,
            rivals=self._rivals((proposal, *(part.proposal for part in parts)), customer, now),
            now=now,
            cadences=self.cadences,
            parts=parts,
            left_over=left_over,
            open=tuple(c for c in self.channels if c in forms(proposal.template)),
            refused_by=_refused_by(held),
            choice=self.choice,
            all_customers=self.all_customers,
        )

    def _addresses(self, proposal: Proposal, customer: Customer, now: datetime) -> dict[Channel, tuple[str, str]]:
        """Where the customer is reached on each channel of the deployment, with the keyed hash of each address."""
        answers = proposal.references.get("number")
        if answers is not None:
            return self._number(customer, answers, proposal.references.get("channel"))
        found: dict[Channel, str | None] = {Channel.EMAIL: email(_address(proposal, customer, "email"))}
        if Channel.SMS in self.channels:
            found[Channel.SMS] = phone(_address(proposal, customer, "phone"))
        if Channel.WHATSAPP in self.channels and self.choice and may_chat(proposal, customer, self.choice, now):
            found[Channel.WHATSAPP] = phone(_address(proposal, customer, "phone"))
        if Channel.PUSH in self.channels:
            device = customer.profile.device(self.outside.settings.push_applications or "")
            found[Channel.PUSH] = device.endpoint if device else None
        if Channel.INBOX in self.channels:
            found[Channel.INBOX] = customer.id
        return {c: (address, keyed_hash(self.identity_secret, address)) for c, address in found.items() if address}

    def _number(self, customer: Customer, wanted: str, channel: str | None) -> dict[Channel, tuple[str, str]]:
        """The number that a person wrote from, by its keyed hash: among those on record, on the channel they wrote on."""
        numbers = [customer.profile.contact.phone, *(order.contact.phone for order in customer.orders)]
        for number in filter(None, map(phone, numbers)):
            if keyed_hash(self.identity_secret, number) == wanted and channel in (Channel.SMS, Channel.WHATSAPP):
                return {Channel(channel): (number, wanted)}
        return {}

    def _rivals(self, own: tuple[Proposal, ...], customer: Customer, now: datetime) -> tuple[Rival, ...]:
        waiting = {m.proposal.message_id: Rival(m.proposal, m.due_at or now) for m in customer.held}
        coming = {i: Rival(p, max(p.not_before or now, now)) for i, p in self.pending.items() if p.customer_id == customer.id}
        ours = {proposal.message_id for proposal in own}
        return tuple(r for i, r in {**coming, **waiting}.items() if i not in ours)


def _address(proposal: Proposal, customer: Customer, kind: Literal["email", "phone"]) -> str | None:
    """Where a message goes: about an order to the order's own contact, marketing to the customer's, whose consent it needs."""
    order = customer.order(proposal.references["order"]) if "order" in proposal.references else None
    of_order: str | None = getattr(order.contact, kind) if order else None
    ours: str | None = getattr(customer.profile.contact, kind)
    return (ours or of_order) if proposal.purpose in MARKETING else (of_order or ours)


def may_chat(proposal: Proposal, customer: Customer, policy: "ChannelPolicy", now: datetime) -> bool:
    """Whether WhatsApp takes this message: its template is approved, or the person wrote within the last 24 hours."""
    wrote = customer.profile.wrote_at
    recently = wrote is not None and now - wrote < CHAT_WINDOW
    return recently or proposal.template.replace("-", "_") in policy.whatsapp_approved


def _refused_by(held: Message | None) -> frozenset[Channel]:
    """The channels whose provider has refused this message before."""
    decisions = held.decisions if held else ()
    return frozenset(Channel(d.channel) for d in decisions if d.reason is Reason.PROVIDER_REFUSED and d.channel)


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """The channels that a deployment has: mail always, every other where it is given what to send from."""
    given = {
        Channel.SMS: settings.sms_origination,
        Channel.PUSH: (settings.push_applications or "").strip(),
        Channel.WHATSAPP: settings.whatsapp_phone_number_id,
        Channel.INBOX: settings.account_inbox == "on",
    }
    return (Channel.EMAIL, *(channel for channel, there in given.items() if there))


def policy_of(channels: tuple[Channel, ...]) -> "ChannelPolicy | None":
    """What is chosen by, where there is something to choose."""
    if len(channels) < 2:
        return None
    from message_gate.channel_policy import channel_policy

    return channel_policy()


def open_gate(
    outside: Outside,
    proposals: list[Proposal],
    policy: ConsentPolicy,
    frequency: FrequencyPolicy,
    catalogue: "Callable[[], Catalogue]",
    time_left: Callable[[], timedelta],
) -> Gate:
    """Read what all of this invocation's settlements need, in one call."""
    channels = channels_of(outside.settings)
    answers = tuple(keys.response(shard) for shard in range(learned.SHARDS)) if len(channels) > 1 else ()
    # A slot brings no proposals here, and what it looks at may need a place.
    waits = [p for p in proposals if waits_for_a_place(p)]
    places = shards(channels) if waits or not proposals else ()
    beside = (keys.switch(), keys.quota(), keys.cadence(), *places, *answers)
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
            wanted=len(waits),
            seed=first,
        ),
        policy=policy,
        frequency=frequency,
        catalogue=catalogue,
        identity_secret=outside.secrets.text(outside.settings.need("identity_secret")),
        time_left=time_left,
        channels=channels,
        choice=policy_of(channels),
        all_customers=learned.learned_from([known[key] for key in answers if key in known]),
        cadences=cadences_from(known.get(keys.cadence())),
    )


def settle(gate: Gate, proposal: Proposal, held: Message | None = None, left_over: bool = False) -> Decision:
    """Settle a proposal now, or a held message whose slot came. TableError and WorldKeepsChanging come before any send."""
    gate.pending.pop(proposal.message_id, None)
    settled = gate.settled(proposal)
    for _ in range(ATTEMPTS):
        try:
            customer = _customer(gate, proposal.customer_id, (proposal,))
        except CustomerErased:
            return _for_nobody(proposal, gate.outside.clock.now())
        candidate = gate.candidate(proposal, customer, settled, held, left_over=left_over)
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


def _customer(gate: Gate, customer_id: str, proposals: Collection[Proposal]) -> Customer:
    """The record with the orders that these are about; with all orders where one placed later may lie in the archive and
    matters. CustomerUnknown, Throttled."""
    customer = load(gate.outside.tables, customer_id, *(proposal.references.get("order") for proposal in proposals))
    asks = (p.references.get("order") for p in proposals if Unless.REORDERED in p.unless)
    wanted = [p.references.get("product") for p in proposals if Unless.NOT_ASKED in p.unless]
    asked = (alert.asked_at for alert in customer.alerts if alert.product in wanted)
    lacks = any(map(customer.lacks_orders_since, asks)) or any(map(customer.lacks_orders_after, asked))
    return with_archive(gate.outside.tables, customer_id) if lacks else customer


def settle_slot(gate: Gate, customer_id: str) -> tuple[Decision, ...]:
    """Look again at everything a customer has held and that is due, best first, then set the timer for the rest."""
    now = gate.outside.clock.now()
    try:
        customer = load(gate.outside.tables, customer_id)
    except CustomerErased:
        return ()
    due = [m for m in customer.held if m.due_at is None or m.due_at <= now or _need_not_wait(gate, m, customer, now)]
    due.sort(key=lambda m: rank(m.proposal))
    together = _settle_together(gate, customer_id, due)
    alone = [m for m in due if m.proposal.message_id not in together.settled]
    found = [settle(gate, m.proposal, held=m, left_over=m.proposal.message_id in together.left_over) for m in alone]
    decisions = (*together.decisions, *found)
    waiting = [m.due_at for m in load(gate.outside.tables, customer_id).held if m.due_at]
    following = _whole_second(min(waiting)) if waiting else None
    ledger.move_slot(gate.outside.tables, customer_id, following, now)
    if following:
        gate.outside.slots.set(customer_id, following)
    return decisions


def _for_nobody(proposal: Proposal, now: datetime) -> Decision:
    """Whoever it was for has been erased meanwhile: acknowledged, and nothing is written that would bring them back."""
    return Decision(at=now, state=State.REFUSED, reason=Reason.ERASED, caused_by=proposal.caused_by)


def _need_not_wait(gate: Gate, message: Message, customer: Customer, now: datetime) -> bool:
    """What waits for the end of a pause, or for a digest, need not once the customer has ended it, or wants none."""
    if message.last.reason is Reason.PAUSED:
        return customer.wishes.pause_of(message.proposal.purpose, now) is None
    return message.last.reason is Reason.DIGEST and not gate.candidate(message.proposal, customer, None, held=message).gathers


@dataclass(frozen=True, slots=True)
class _Together:
    """What was settled as one digest, by message ids, and what found no room in it."""

    decisions: tuple[Decision, ...] = ()
    settled: frozenset[str] = frozenset()
    left_over: frozenset[str] = frozenset()


def _settle_together(gate: Gate, customer_id: str, due: list[Message]) -> _Together:
    """Of what is due and may be gathered, that which still passes every rule goes out as one message, when it is more than one
    and its turn has come. Whatever is not settled here is settled by itself."""
    if len(due) < 2:
        return _Together()
    for _ in range(ATTEMPTS):
        customer = _customer(gate, customer_id, [m.proposal for m in due])
        looked_at = [gate.candidate(m.proposal, customer, None, held=m) for m in due]
        may = [part for part in looked_at if part.waiting and part.gathers and isinstance(decide(part, OF_PARTS)[0], Pass)]
        parts = tuple(part for part in may if part.addresses[CARRIES[0]] == may[0].addresses[CARRIES[0]])
        if len(parts) < 2 or not any(part.turn_came for part in parts):
            return _Together()
        most = gate.frequency.digest.most
        parts, left_over = parts[:most], frozenset(part.proposal.message_id for part in parts[most:])
        settled = frozenset(part.proposal.message_id for part in parts)
        because = parts[0].cadence.because if parts[0].cadence else "default"
        lie = [part.waiting for part in parts if part.waiting]
        proposal = compose([part.proposal for part in parts], lie, because, gate.outside.clock.now())
        digest = gate.candidate(proposal, customer, None, held=None, parts=parts)
        verdict, trace = decide(digest)
        if isinstance(verdict, Refuse):
            return _Together()
        if isinstance(verdict, Hold):
            decision = _decision(digest, State.HELD, verdict.because, trace, until=verdict.until)
            return _Together(_put_off(gate, digest, decision), settled, left_over)
        try:
            answer = _claim_and_send(gate, digest, trace, held=None)
        except Unwritten as error:
            # Each by itself: what cannot be written then keeps nobody else waiting.
            telemetry.count("MessageNotRendered")
            telemetry.trouble("a digest cannot be written", customer_id=customer_id, error=str(error))
            return _Together()
        if answer:
            return _Together((answer,), settled, left_over)
    raise WorldKeepsChanging(f"{customer_id}: digest")


def _waiting(candidate: Candidate) -> tuple[Message, ...]:
    """The parts of a digest as they lie held."""
    return tuple(part.waiting for part in candidate.parts if part.waiting)


def _put_off(gate: Gate, digest: Candidate, decision: Decision) -> tuple[Decision, ...]:
    """A digest that may not go now was never there: what is said of it is said of each of its parts."""
    found = []
    for part in _waiting(digest):
        until = min(decision.until, part.proposal.not_after) if decision.until else part.proposal.not_after
        own = decision.model_copy(update={"until": until})
        found.append(own)
        _hold(gate, digest.customer, ledger.decided(part, own), until, token=None)
    return tuple(found)


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
    slot_at, moved = _slot(customer, until, now)
    if not ledger.hold(gate.outside.tables, customer, message, slot_at, now, token, beside):
        return False
    if moved:
        gate.outside.slots.set(customer.id, slot_at)
    return True


def _whole_second(instant: datetime) -> datetime:
    """The schedule's precision, never earlier than asked."""
    return instant if not instant.microsecond else instant.replace(microsecond=0) + timedelta(seconds=1)


def _claim_and_send(gate: Gate, candidate: Candidate, trace: tuple[Step, ...], held: Message | None) -> Decision | None:
    """One claim, one wire attempt, one settlement. None when the record moved since the decision: decide again."""
    channel = candidate.sendable[0]
    try:
        letter = write(gate.outside, candidate, channel)
    except (NotKept, MissingSetting):
        raise
    except Exception as error:
        if candidate.parts:
            raise Unwritten(type(error).__name__) from error
        # A new proposal waits in its queue for the template to be mended; a held one shares its slot with others.
        if held is None:
            raise
        return _unwritten(gate, candidate, trace, held, type(error).__name__)
    tone = {"tone": letter.tone.tone, "because": letter.tone.because} if letter.tone else {}
    arms = tuple(f"{experiment}: {arm}" for experiment, arm in candidate.proposal.arms.items())
    shows = {"arms": arms} if arms else {}
    trace = (*trace, Step(rule="written", said="pass", saw={**tone, **letter.saw, **shows}))
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
        title=plain(letter.shown.title, 200) if letter.shown.title else None,
        text=plain(letter.shown.text, 1000) if letter.shown.text else None,
        consent_proof=used.proof if used else None,
        consent_version=candidate.customer.consent.version,
        parts=tuple(part.proposal.key for part in candidate.parts),
    )
    token = gate.outside.ids.new()
    lies = held or next(iter(_waiting(candidate)), None)
    place = gate.pace.place(candidate.proposal, channel, lies, candidate.now)
    if place > candidate.now:
        until = min(_whole_second(place), candidate.proposal.not_after)
        waits = _decision(candidate, State.HELD, Reason.RATE_USED_UP, trace, until=until)
        if candidate.parts:
            _put_off(gate, candidate, waits)
            return waits
        held_so = _hold(gate, candidate.customer, _message(candidate, held, waits), until, token=None)
        return waits if held_so else _already(candidate, trace)
    beside = _beside(candidate, channel)
    undone_by = partial(_undone, candidate, channel)
    got = ledger.claim(gate.outside.tables, candidate.customer, message, token, candidate.now, held, beside, undone_by)
    if isinstance(got, ledger.Lost):
        return _already(candidate, trace) if got.settled else None
    if gate.time_left() < SEND_TAKES:
        now = gate.outside.clock.now()
        ledger.release(gate.outside.tables, candidate.customer.id, message, token, held=held, now=now, beside=undone_by())
        raise NoTimeLeft(candidate.proposal.key)
    if not is_legal(candidate.hours(channel), gate.outside.clock.now()):
        return _closed_since(gate, candidate, channel, message, token)
    outcome = letter.send()
    return _after(gate, candidate, message, token, outcome)


def _beside(candidate: Candidate, channel: Channel) -> tuple[Write, ...]:
    """What a claim checks and writes beside itself.

    A digest's parts are superseded in the claim that sends it, so none of them is ever in two places, or in none.
    """
    customer_id, parts = candidate.customer.id, candidate.parts or (candidate,)
    note = candidate.proposal.key
    aside = [
        ledger.decided(part.waiting, _decision(part, State.SUPERSEDED, Reason.IN_DIGEST, channel=str(channel), note=note))
        for part in candidate.parts
        if part.waiting
    ]
    checks = [check for part in parts for check in (*_order_checks(part), *_shipment_checks(part))]
    count = _count(candidate, channel)
    return (*_joined(checks), *count, *ledger.supersede(customer_id, aside, candidate.now))


def _undone(candidate: Candidate, channel: Channel) -> tuple[Write, ...]:
    """What takes back what a claim wrote beside itself, if nothing was sent."""
    return (*_uncount(candidate, channel), *ledger.reinstate(candidate.customer.id, _waiting(candidate), candidate.now))


def _joined(checks: list[Check]) -> tuple[Check, ...]:
    """One check for each item: a transaction takes no two of the same one."""
    found: dict[Key, dict[Condition, None]] = {}
    for check in checks:
        found.setdefault(check.key, {})[check.when] = None
    return tuple(Check(key, next(iter(when)) if len(when) == 1 else AllOf(tuple(when))) for key, when in found.items())


def _counted(candidate: Candidate, channel: Channel) -> Caps:
    """The record of caps with the message counted in it."""
    proposal = candidate.proposal
    also = candidate.purposes[1:]
    one = Counted(at=candidate.now, purpose=proposal.purpose, channel=channel, message=proposal.message_id, also=also)
    return counting(candidate.customer.caps, one, candidate.frequency.kept)


def _count(candidate: Candidate, channel: Channel) -> tuple[Put, ...]:
    """The write that counts the message, which the claim makes."""
    if not candidate.limits:
        return ()
    before = candidate.customer.caps
    return (versioned(keys.customer(candidate.customer.id, keys.CAPS), _counted(candidate, channel).to_json(), before.version),)


def _uncount(candidate: Candidate, channel: Channel) -> tuple[Put, ...]:
    """The write that takes the count back if nothing was sent."""
    if not candidate.limits:
        return ()
    after = _counted(candidate, channel)
    back = without(after, candidate.proposal.message_id)
    return (versioned(keys.customer(candidate.customer.id, keys.CAPS), back.to_json(), after.version),)


def _unwritten(gate: Gate, candidate: Candidate, trace: tuple[Step, ...], held: Message, error: str) -> Decision:
    """A held message that cannot be written is held again, alone: it keeps back nothing else of its slot."""
    until = look_again(candidate)
    decision = _decision(candidate, State.HELD, Reason.CANNOT_RENDER, trace, until=until, note=error)
    telemetry.count("MessageNotRendered")
    telemetry.trouble("a held message cannot be written", message_id=candidate.proposal.message_id, error=error)
    if _hold(gate, candidate.customer, ledger.decided(held, decision), until, token=None):
        return decision
    return _already(candidate, trace)


def _closed_since(gate: Gate, candidate: Candidate, channel: Channel, claimed: Message, token: str) -> Decision:
    """The hours closed between decision and claim (an invocation that stood still): the provider was never called."""
    now, closes, hours = gate.outside.clock.now(), candidate.proposal.not_after, candidate.hours(channel)
    until = _whole_second(next_legal_instant(hours, hours_book().guard, now, closes) or max(closes, now))
    decision = _decision(candidate, State.HELD, Reason.QUIET_HOURS, at=now, until=until)
    _unclaim(gate, candidate, claimed, decision, until, token)
    return decision


def _unclaim(gate: Gate, candidate: Candidate, claimed: Message, decision: Decision, until: datetime, token: str) -> None:
    """Hold what was claimed and not sent: the message, or the parts of a digest, of which nothing is left."""
    uncount = _uncount(candidate, Channel(str(claimed.channel)))
    if not candidate.parts:
        _hold(gate, candidate.customer, ledger.decided(claimed, decision), until, token, uncount)
        return
    now = gate.outside.clock.now()
    parts = [
        ledger.decided(part, decision.model_copy(update={"until": min(until, part.proposal.not_after)}))
        for part in _waiting(candidate)
    ]
    slot_at, moved = _slot(candidate.customer, min(part.last.until or until for part in parts), now)
    if ledger.disband(gate.outside.tables, candidate.customer.id, claimed, parts, slot_at, now, token, uncount) and moved:
        gate.outside.slots.set(candidate.customer.id, slot_at)


def _slot(customer: Customer, until: datetime, now: datetime) -> tuple[datetime, bool]:
    """When the customer's slot comes if something is held until then, and whether that is news."""
    standing = customer.slot.at if customer.slot and customer.slot.at > now else None
    slot_at = _whole_second(min(until, standing) if standing else until)
    return slot_at, slot_at != standing


def _order_checks(candidate: Candidate) -> tuple[Check, ...]:
    """The order has not been closed since the decision saw it, as far as closing matters to this proposal."""
    order = candidate.order
    pointless = {"deleted": Unless.ORDER_CANCELLED, "cancelled": Unless.ORDER_CANCELLED, "refunded": Unless.ORDER_REFUNDED}
    harmless = [word for word, unless in pointless.items() if unless not in candidate.proposal.unless]
    if order is None or len(harmless) == len(pointless):
        return ()
    still: Condition = AnyOf((Lacks("closed"), *(Is("closed", word) for word in harmless))) if harmless else Lacks("closed")
    return (Check(candidate.customer.order_place(order.key), AllOf((Exists(), still))),)


def _shipment_checks(candidate: Candidate) -> tuple[Check, ...]:
    """The shipment is as the decision saw it, where that matters: no "shipped" or "delayed" after "delivered" (rule I6)."""
    shipment = candidate.shipment
    if shipment is None or not set(OF_SHIPMENT).intersection(candidate.proposal.unless):
        return ()
    return (Check(candidate.customer.shipment_place(shipment.key), Is("version", shipment.version)),)


def _after(gate: Gate, candidate: Candidate, claimed: Message, token: str, outcome: SendOutcome) -> Decision:
    """What became of the message is written first: it is what must not be lost. What it tells of the address then helps the
    next one, which would find out by itself."""
    decision = _told(gate, candidate, claimed, token, outcome)
    if isinstance(outcome, Rejected) and outcome.gone and claimed.channel:
        from message_gate.departed import note_gone

        note_gone(gate.outside, candidate, Channel(claimed.channel), outcome.gone)
    return decision


def _asked(outside: Outside, proposal: Proposal, now: datetime) -> None:
    """A question that went out, in its week: what share of them is answered is told by the week."""
    from aftercare import tally

    shop = proposal.references.get("order", "").partition(":")[0]
    if shop:
        week = tally.week_at(now, tally.store_zone())
        tally.add(outside.tables, shop, week, "asked", {f"sent/{proposal.template}": 1}, now)


def _told(gate: Gate, candidate: Candidate, claimed: Message, token: str, outcome: SendOutcome) -> Decision:
    """Write down what the provider said. A busy provider was never reached: the claim becomes a short hold.

    What was not sent does not count, and the claim's count is taken back with that.
    """
    now = gate.outside.clock.now()
    tables, customer = gate.outside.tables, candidate.customer
    if isinstance(outcome, Busy):
        seen = (claimed, *_waiting(candidate))
        tries = max(sum(d.reason is Reason.PROVIDER_BUSY for d in message.decisions) for message in seen)
        until = _whole_second(now + outcome.patience * min(2**tries, MOST_PATIENT) + _jitter(claimed.proposal))
        decision = _decision(candidate, State.HELD, Reason.PROVIDER_BUSY, until=until, note=outcome.code)
        telemetry.count("ProviderBusy")
        _unclaim(gate, candidate, claimed, decision, until, token)
        return decision
    if isinstance(outcome, Rejected) and len(candidate.usable()) > 1:
        # Nothing was sent, and another channel may carry it: the slot that comes at once decides again, without this one.
        until = _whole_second(now + AT_ONCE)
        decision = _decision(
            candidate, State.HELD, Reason.PROVIDER_REFUSED, until=until, channel=claimed.channel, note=outcome.code
        )
        telemetry.count("ProviderRefused")
        _unclaim(gate, candidate, claimed, decision, until, token)
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
    beside: tuple[Write, ...] = _uncount(candidate, Channel(str(claimed.channel))) if isinstance(outcome, Rejected) else ()
    if provider_id and claimed.channel == Channel.WHATSAPP:
        beside = (*beside, _chat_alias(claimed, provider_id, now))
    if sent_at is not None and gate.outside.settings.sends_told == "on":
        from aftercare import sends  # the shapes of events, for stages that tell of sends

        beside = (*beside, *sends.told(message, now))
    arrived = sent_at is not None and claimed.channel in UNTOLD and claimed.proposal.purpose in learned.ASKS
    if arrived:
        beside = (*beside, learned.delivered(customer.id, Channel(str(claimed.channel)), now))
    if not ledger.settle(tables, customer.id, message, token, now, beside):
        telemetry.tell("settled by the provider's own event", message_id=claimed.proposal.message_id)
        return decision
    if sent_at is not None and claimed.proposal.purpose is Purpose.SURVEY:
        _asked(gate.outside, claimed.proposal, now)
    arms = claimed.proposal.arms if sent_at is not None else {}
    for experiment, arm in arms.items():
        # Who saw which arm lies with the claim, in their own ledger; the sums may lose one and never count one twice.
        tables.write([Change(keys.exposures(experiment, now), add={f"arm_{arm}": 1})])
    if not arrived:
        return decision
    # Of all customers together, after what must not be lost: this may be.
    tables.write([learned.for_all(Channel(str(claimed.channel)), now, claimed.proposal.message_id, "delivered")])
    return decision


def _chat_alias(message: Message, provider_id: str, now: datetime) -> Put:
    """Whose message it is, because WhatsApp's events name it by the provider's id alone."""
    whose = {"customer_id": message.proposal.customer_id, "message_id": message.proposal.message_id}
    asks = message.proposal.purpose in learned.ASKS
    return Put(keys.chat_alias(provider_id), {**whose, "asks": asks, "expires_at": CHAT.ends(now)})


def _jitter(proposal: Proposal) -> timedelta:
    """0 to 30 s, the same for the same message, so that a wave does not come back as one."""
    return timedelta(milliseconds=int(proposal.message_id[:4], 36) % 30_000)

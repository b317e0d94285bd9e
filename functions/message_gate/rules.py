"""The rules that settle a proposal, in their order. The list is the documentation.

Each rule is a pure function of one candidate: it passes, holds until an instant, or refuses, and says what it saw.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from aftercare.clock import iso
from aftercare.consent import Channel, Purpose
from aftercare.consent_log import asked_of
from aftercare.customer import Customer, Order
from aftercare.decision import Answer, Evidence, Hold, Message, Pass, Reason, Refuse, State, Step, Verdict
from aftercare.proposal import Proposal, Unless
from aftercare.shipment import FINAL, Shipment, ShipmentStatus
from aftercare.switch import Mode, Switch
from message_gate.frequency import FrequencyPolicy, Quiet, full, quiet, stretch
from message_gate.ground import ConsentPolicy, Ground, Lack, judged, turned_off

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue

CHANNELS = (Channel.EMAIL,)
"""The channels that the gate can send on, best first."""

LOOK_AGAIN = (timedelta(minutes=15), timedelta(hours=6))
"""A message that waits for the switch looks again after half its age, within these bounds: few looks, no long delay."""

AFTER_THE_BETTER = timedelta(minutes=1)
"""So long after the slot of a better message the one that gave way is looked at again."""

MARKETING = (Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)

_PRIORITY = {purpose: place for place, purpose in enumerate(Purpose)}


def rank(proposal: Proposal) -> tuple[int, int, datetime, str]:
    """The order in which messages get a customer's next slot: by purpose, then expected value, then age. Smallest first."""
    return (_PRIORITY[proposal.purpose], -proposal.value, proposal.proposed_at, proposal.key)


@dataclass(frozen=True, slots=True)
class Rival:
    """Another message of the same customer that is not settled yet, and when it will be."""

    proposal: Proposal
    at: datetime


@dataclass(frozen=True)
class Candidate:
    """A proposal and all that its settlement may look at.

    `settled` is what the ledger has of its key, `held` whether it is being looked at again because its slot came;
    `addresses` gives address and keyed hash per channel, `rivals` the customer's other messages that wait for a slot.
    """

    proposal: Proposal
    customer: Customer
    settled: Message | None
    held: bool
    switch: Switch
    policy: ConsentPolicy
    catalogue: "Catalogue"
    addresses: dict[Channel, tuple[str, str]]
    frequency: FrequencyPolicy
    rivals: tuple[Rival, ...]
    now: datetime

    @cached_property
    def order(self) -> Order | None:
        """The order that the proposal is about, if it is about one and it is on record."""
        key = self.proposal.references.get("order")
        return self.customer.order(key) if key else None

    @property
    def shipment(self) -> Shipment | None:
        """The shipment that the proposal is about, if it is about one and it is on record."""
        key = self.proposal.references.get("shipment")
        return next((s for s in self.customer.shipments if s.key == key), None) if key else None

    def mode(self, channel: Channel) -> Mode:
        mode = self.switch.mode(self.proposal.purpose, channel)
        if mode is Mode.ALLOWLIST:
            known = self.addresses.get(channel)
            return Mode.ON if known and known[1] in self.switch.allowed else Mode.OFF
        return mode

    def ground(self, channel: Channel, purpose: Purpose) -> Ground | None:
        found = self.judged(channel, purpose)
        return found if isinstance(found, Ground) else None

    def judged(self, channel: Channel, purpose: Purpose) -> Ground | Lack:
        """The ground on which the purpose may use the channel, or why there is none."""
        known = self.addresses.get(channel)
        return judged(self.customer, channel, purpose, self.policy, self.now, known[1] if known else None)

    def suppressed(self, channel: Channel) -> str | None:
        """Why the address of this channel gets nothing more, or None."""
        known = self.addresses.get(channel)
        suppression = self.customer.consent.suppression(channel, known[1]) if known else None
        return suppression.reason if suppression else None

    def usable(self) -> tuple[Channel, ...]:
        """Channels that can carry this message now: switched on or dry, reachable, not suppressed, with a ground."""
        return self._usable

    def quiet_for(self, purpose: Purpose) -> Quiet | None:
        """Why messages of a purpose keep quiet for this customer now, or None."""
        policy = self.frequency.silence
        return quiet(self.customer, policy, self.now) if purpose in policy.purposes else None

    @cached_property
    def stretch(self) -> tuple[float, tuple[str, ...]]:
        """By how much the caps' windows are multiplied for this customer, and why."""
        return stretch(self.customer, self.frequency.spacing, self.now)

    @cached_property
    def sendable(self) -> tuple[Channel, ...]:
        """The usable channels that have room for this message at this instant, best first."""
        limits, purpose = self.frequency.limits(self.proposal.purpose), self.proposal.purpose
        if not limits:
            return self.usable()
        caps, factor = self.customer.caps, self.stretch[0]
        return tuple(c for c in self.usable() if not full(caps, limits, purpose, c, self.now, factor))

    @cached_property
    def _usable(self) -> tuple[Channel, ...]:
        return tuple(
            channel
            for channel in CHANNELS
            if self.mode(channel) is not Mode.OFF
            and channel in self.addresses
            and not self.suppressed(channel)
            and self.ground(channel, self.proposal.purpose)
        )


def duplicate(candidate: Candidate) -> Verdict:
    """A key is settled once; whatever comes back under it is acknowledged."""
    if candidate.settled:
        return Refuse(because=Reason.ALREADY_SETTLED, saw={"state": candidate.settled.state})
    if not candidate.held and any(m.proposal.key == candidate.proposal.key for m in candidate.customer.held):
        return Refuse(because=Reason.ALREADY_SETTLED, saw={"state": State.HELD})
    return Pass()


def expired(candidate: Candidate) -> Verdict:
    """After the end of its window a message is not sent any more."""
    if candidate.now >= candidate.proposal.not_after:
        return Refuse(because=Reason.TOO_LATE, state=State.EXPIRED, saw={"not_after": iso(candidate.proposal.not_after)})
    return Pass(saw={"not_after": iso(candidate.proposal.not_after)})


def kill_switch(candidate: Candidate) -> Verdict:
    """A purpose and channel that is switched off waits for its release; an allowlist lets only listed addresses through."""
    modes = {str(c): str(candidate.switch.mode(candidate.proposal.purpose, c)) for c in CHANNELS}
    if any(candidate.mode(c) is not Mode.OFF for c in CHANNELS):
        return Pass(saw={**modes})
    if Mode.ALLOWLIST in modes.values():
        return Refuse(because=Reason.NOT_ON_ALLOWLIST, saw={**modes})
    again = min(max((candidate.now - candidate.proposal.proposed_at) / 2, LOOK_AGAIN[0]), LOOK_AGAIN[1])
    return Hold(until=min(candidate.now + again, candidate.proposal.not_after), because=Reason.SWITCHED_OFF, saw={**modes})


def relevant(candidate: Candidate) -> Verdict:
    """What the message is about still holds, by the customer's record at this instant; a test order reaches nobody."""
    order = candidate.order
    if order and order.is_test:
        return Refuse(because=Reason.TEST_ORDER, saw={"order": order.key})
    for word in candidate.proposal.unless:
        verdict = _UNLESS[word](candidate)
        if verdict:
            return verdict
    return Pass(saw={"unless": tuple(str(word) for word in candidate.proposal.unless)})


def _order_unknown(candidate: Candidate) -> Refuse | None:
    if candidate.order is None:
        return Refuse(because=Reason.ORDER_UNKNOWN, saw={"order": candidate.proposal.references.get("order")})
    return None


def _order_cancelled(candidate: Candidate) -> Refuse | None:
    order = candidate.order
    if order and order.cancelled_at:
        return Refuse(because=Reason.ORDER_CANCELLED, saw={"cancelled_at": iso(order.cancelled_at)})
    return None


def _order_refunded(candidate: Candidate) -> Refuse | None:
    order = candidate.order
    if order and order.refunded_in_whole:
        return Refuse(because=Reason.ORDER_REFUNDED, saw={"refunds": len(order.refunds)})
    return None


def _reordered(candidate: Candidate) -> Refuse | None:
    order = candidate.order
    if order is None or order.placed_at is None:
        return None
    family = candidate.proposal.references.get("family")
    for later in candidate.customer.ordered_since(order.placed_at):
        if any(candidate.catalogue.family_of(line).name == family for line in later.lines):
            return Refuse(because=Reason.ALREADY_REORDERED, saw={"order": later.key})
    return None


def _order_shipped(candidate: Candidate) -> Refuse | None:
    """The shipment named is on its way; where none is named, any of the order's."""
    order, named = candidate.order, candidate.shipment
    if order is None:
        return None
    shipments = (named,) if named else candidate.customer.shipments_of(order.key)
    sent = next((s.shipped_at for s in shipments if s.shipped_at), None) or (None if named else order.completed_at)
    return Refuse(because=Reason.ORDER_SHIPPED, saw={"shipped_at": iso(sent)}) if sent else None


def _shipment_known(candidate: Candidate) -> Refuse | None:
    """A shipment of the order is on record: its own message says more."""
    order = candidate.order
    shipments = candidate.customer.shipments_of(order.key) if order else ()
    return Refuse(because=Reason.SHIPMENT_KNOWN, saw={"shipment": shipments[0].key}) if shipments else None


def _status(candidate: Candidate) -> ShipmentStatus | None:
    """Where the parcel (or the whole shipment) that the proposal is about is now."""
    shipment = candidate.shipment
    if shipment is None:
        return None
    parcel = shipment.parcel(candidate.proposal.references.get("parcel"))
    return parcel.status if parcel else shipment.status


def _parcel_arrived(candidate: Candidate) -> Refuse | None:
    """Nothing is on its way any more: delivered, gone back, taken for delivered, or taken back by the shop (rule I6)."""
    shipment, status = candidate.shipment, _status(candidate)
    if shipment is None:
        return None
    over = status in FINAL or shipment.delivered_at or shipment.assumed_at or shipment.cancelled_at
    return Refuse(because=Reason.PARCEL_ARRIVED, saw={"status": status}) if over else None


def _parcel_moved_on(candidate: Candidate) -> Refuse | None:
    """The parcel is not any more where the message says it is."""
    status, said = _status(candidate), candidate.proposal.references.get("status")
    if status is None or said is None or status == said:
        return None
    return Refuse(because=Reason.PARCEL_MOVED_ON, saw={"said": said, "status": status})


def _parcel_recovered(candidate: Candidate) -> Refuse | None:
    """No notice of a delay stands on the shipment any more."""
    shipment = candidate.shipment
    if shipment is None or shipment.late:
        return None
    return Refuse(because=Reason.PARCEL_RECOVERED, saw={"shipment": shipment.key})


def _consent_settled(candidate: Candidate) -> Refuse | None:
    """A confirmation goes to the mailbox that the consent was given for, and only while it waits."""
    known = candidate.addresses.get(Channel.EMAIL)
    if known and asked_of(candidate.customer.consent, known[1]):
        return None
    return Refuse(because=Reason.CONSENT_SETTLED)


_UNLESS: dict[Unless, Callable[[Candidate], Refuse | None]] = {
    Unless.ORDER_UNKNOWN: _order_unknown,
    Unless.ORDER_CANCELLED: _order_cancelled,
    Unless.ORDER_REFUNDED: _order_refunded,
    Unless.REORDERED: _reordered,
    Unless.ORDER_SHIPPED: _order_shipped,
    Unless.SHIPMENT_KNOWN: _shipment_known,
    Unless.PARCEL_ARRIVED: _parcel_arrived,
    Unless.PARCEL_MOVED_ON: _parcel_moved_on,
    Unless.PARCEL_RECOVERED: _parcel_recovered,
    Unless.CONSENT_SETTLED: _consent_settled,
}

OF_SHIPMENT = (Unless.ORDER_SHIPPED, Unless.PARCEL_ARRIVED, Unless.PARCEL_MOVED_ON, Unless.PARCEL_RECOVERED)
"""What is looked for on the record of the shipment that a proposal names."""

_SUPPRESSION = {"hard_bounce": Reason.HARD_BOUNCE, "complaint": Reason.COMPLAINT, "erased": Reason.ERASED}


def suppressed(candidate: Candidate) -> Verdict:
    """An address that bounced for good or complained gets nothing; who was erased gets no marketing."""
    if candidate.customer.profile.erased and candidate.proposal.purpose in MARKETING:
        return Refuse(because=Reason.ERASED)
    reasons = {str(c): candidate.suppressed(c) for c in CHANNELS if c in candidate.addresses}
    if reasons and all(reasons.values()):
        return Refuse(because=_SUPPRESSION[next(r for r in reasons.values() if r)], saw={**reasons})
    return Pass()


def channels(candidate: Candidate) -> Verdict:
    """At least one channel is reachable, consented for this purpose and not turned off."""
    if candidate.usable():
        return Pass(saw=_grounds(candidate))
    if not any(c in candidate.addresses for c in CHANNELS):
        return Refuse(because=Reason.NO_ADDRESS)
    off = any(turned_off(candidate.customer, c, candidate.proposal.purpose) for c in CHANNELS)
    return Refuse(because=Reason.CHANNEL_TURNED_OFF if off else Reason.NO_CONSENT, saw=_lacks(candidate))


def _grounds(candidate: Candidate) -> dict[str, str | int | bool | tuple[str, ...] | None]:
    found = {c: candidate.ground(c, candidate.proposal.purpose) for c in candidate.usable()}
    return {str(c): g.kind for c, g in found.items() if g}


def _lacks(candidate: Candidate) -> dict[str, str | int | bool | tuple[str, ...] | None]:
    found = {c: candidate.judged(c, candidate.proposal.purpose) for c in CHANNELS if c in candidate.addresses}
    return {str(c): lack.why for c, lack in found.items() if isinstance(lack, Lack)}


def send_time(candidate: Candidate) -> Verdict:
    """Not before the proposal's window opens."""
    opens = candidate.proposal.not_before
    if opens and opens > candidate.now:
        return Hold(until=opens, because=Reason.NOT_YET, saw={"not_before": iso(opens)})
    return Pass()


def silence(candidate: Candidate) -> Verdict:
    """Offers, reminders and surveys keep quiet while a case is open, a parcel is at risk or an order felt bad."""
    found = candidate.quiet_for(candidate.proposal.purpose)
    if found is None:
        return Pass()
    again = min(candidate.now + timedelta(hours=candidate.frequency.silence.look_again_hours), candidate.proposal.not_after)
    return Hold(until=again, because=found.because, saw={"about": found.about})


def cap(candidate: Candidate) -> Verdict:
    """A customer hears so much in any window and no more; the place goes to the best message that waits for it."""
    proposal, now = candidate.proposal, candidate.now
    limits = candidate.frequency.limits(proposal.purpose)
    if not limits:
        return Pass()
    caps, (factor, signs) = candidate.customer.caps, candidate.stretch
    saw: Evidence = {"stretched": f"{factor:g}", "signs": signs} if signs else {}
    if not candidate.sendable:
        shut = [full(caps, limits, proposal.purpose, c, now, factor) for c in candidate.usable()]
        first = min((f for f in shut if f), key=lambda f: (f.opens, f.limit.name))
        until = min(first.opens, proposal.not_after)
        return Hold(until=until, because=Reason.CAP_FULL, saw={**saw, "limit": first.limit.name, "opens": iso(first.opens)})
    better = _better(candidate, factor)
    if better:
        until = min(max(better.at, now) + AFTER_THE_BETTER, proposal.not_after)
        return Hold(until=until, because=Reason.BETTER_WAITS, saw={**saw, "better": better.proposal.key})
    channel = candidate.sendable[0]
    room = {one.name: one.room(caps, now, factor) for one in limits if one.applies(proposal.purpose, channel)}
    return Pass(saw={**saw, "channel": str(channel), **room})


def _better(candidate: Candidate, factor: float) -> Rival | None:
    """The rival that would find no room if this message went first, where there is one."""
    proposal, now, channel = candidate.proposal, candidate.now, candidate.sendable[0]
    for limit in candidate.frequency.limits(proposal.purpose):
        if not limit.applies(proposal.purpose, channel):
            continue
        ahead = [
            rival
            for rival in candidate.rivals
            if rival.proposal.purpose in limit.purposes
            and rank(rival.proposal) < rank(proposal)
            and rival.at < now + limit.window(factor)
            and rival.at < rival.proposal.not_after
        ]
        if len(ahead) >= limit.room(candidate.customer.caps, now, factor):
            return max(ahead, key=lambda rival: (rival.at, rank(rival.proposal)))
    return None


def dry_run(candidate: Candidate) -> Verdict:
    """A stage in dry decides everything and sends nothing."""
    if all(candidate.mode(c) is Mode.DRY for c in candidate.usable()):
        return Refuse(because=Reason.DRY_RUN)
    return Pass()


Rule = Callable[[Candidate], Verdict]

RULES: tuple[Rule, ...] = (
    duplicate,
    expired,
    kill_switch,
    relevant,
    suppressed,
    channels,
    silence,
    send_time,
    cap,
    dry_run,
)


def decide(candidate: Candidate, rules: Iterable[Rule] = RULES) -> tuple[Verdict, tuple[Step, ...]]:
    """The first verdict that is not a pass, or a pass, with the trace of every rule asked."""
    trace: list[Step] = []
    for rule in rules:
        verdict = rule(candidate)
        said: Answer = "pass"
        because = None
        if not isinstance(verdict, Pass):
            said = "hold" if isinstance(verdict, Hold) else "refuse"
            because = verdict.because
        trace.append(Step(rule=rule.__name__, said=said, because=because, saw=verdict.saw))
        if said != "pass":
            return verdict, tuple(trace)
    return Pass(), tuple(trace)

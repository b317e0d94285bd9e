"""The rules that settle a proposal, in their order. The list is the documentation.

Each rule is a pure function of one candidate: it passes, holds until an instant, or refuses, and says what it saw.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aftercare import keys
from aftercare.cadence import NOTHING, Arm, Cadence, Cadences, Kind, group, prefers, stated
from aftercare.caps import Limit
from aftercare.clock import iso
from aftercare.consent import Channel, Purpose, asked_of
from aftercare.customer import Customer, Order
from aftercare.decision import Answer, Evidence, Hold, Message, Pass, Reason, Refuse, State, Step, Verdict
from aftercare.ground import ConsentPolicy, Ground, Lack, judged, turned_off
from aftercare.learned import ASKS
from aftercare.learned import NOTHING as NO_ANSWERS
from aftercare.parcel_status import FINAL, ShipmentStatus
from aftercare.places import ANYWHERE, Whereabouts, whereabouts, zone_of
from aftercare.proposal import Proposal, Unless
from aftercare.rate import spread
from aftercare.switch import Mode, Switch
from message_gate.channel_choice import Choice, choose
from message_gate.channels import LINKS, REPLIES
from message_gate.digest import CARRIES, STRICTNESS, next_turn, turn_of
from message_gate.frequency import FrequencyPolicy, Quiet, full, quiet, stretch
from message_gate.hours import ANY_TIME, OWN, Schedule, hours_book, next_legal_instant, schedule, together, window_around
from message_gate.pacing import waits_for_a_place
from message_gate.receptivity import next_at, receptive_hour

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue
    from aftercare.learned import Learned
    from aftercare.shipment import Shipment
    from message_gate.channel_policy import ChannelPolicy

CHAT_WINDOW = timedelta(hours=24)
"""So long after a person's own message WhatsApp takes anything for them."""

REPLY_WITHIN = timedelta(minutes=5)
"""A STOP is confirmed within five minutes or not at all (47 CFR 64.1200(a)(12); rule C18)."""

LOOK_AGAIN = (timedelta(minutes=15), timedelta(hours=6))
"""A message that waits for the switch or for a mended template looks again after half its age, within these bounds: few
looks, no long delay."""

AFTER_THE_BETTER = timedelta(minutes=1)
"""So long after the slot of a better message the one that gave way is looked at again."""

MOST_ZONES = 8
"""So many zones stand in a decision record, which an order of the whole world would fill."""

MARKETING = (Purpose.SURVEY, Purpose.REORDER, Purpose.PROMOTIONAL)

Rank = tuple[int, int, datetime, str]


def rank(proposal: Proposal) -> Rank:
    """The order in which messages get a customer's next slot: by purpose, then expected value, then age. Smallest first."""
    return (STRICTNESS[proposal.purpose], -proposal.value, proposal.proposed_at, proposal.key)


@dataclass(frozen=True, slots=True)
class Rival:
    """Another message of the same customer that is not settled yet, and when it will be."""

    proposal: Proposal
    at: datetime


@dataclass(frozen=True, slots=True)
class Departure:
    """On which channel a message leaves, and the first instant that its hours allow; None when none does in its window."""

    channel: Channel
    at: datetime | None
    hours: Schedule


@dataclass(frozen=True)
class Candidate:
    """A proposal and all that its settlement may look at.

    `settled` is what the ledger has of its key, `held` whether it is being looked at again because its slot came;
    `addresses` gives address and keyed hash per channel, `rivals` the customer's other messages that wait for a slot. `parts`
    are the messages that a digest is made of; one that found no room in the digest of its turn is `left_over`. `open` are the
    channels that the deployment has and the template has a form for; `refused_by` those whose provider has refused this very
    message. `all_customers` is how the store's customers answer; without a `choice` there is nothing to choose.
    """

    proposal: Proposal
    customer: Customer
    settled: Message | None
    held: bool
    switch: Switch
    policy: ConsentPolicy
    catalogue: "Callable[[], Catalogue]"
    addresses: dict[Channel, tuple[str, str]]
    frequency: FrequencyPolicy
    rivals: tuple[Rival, ...]
    now: datetime
    cadences: Cadences = NOTHING
    parts: tuple["Candidate", ...] = ()
    left_over: bool = False
    open: tuple[Channel, ...] = (Channel.EMAIL,)
    refused_by: frozenset[Channel] = frozenset()
    choice: "ChannelPolicy | None" = None
    all_customers: "Learned" = NO_ANSWERS

    @cached_property
    def order(self) -> Order | None:
        """The order that the proposal is about, if it is about one and it is on record."""
        key = self.proposal.references.get("order")
        return self.customer.order(key) if key else None

    @property
    def shipment(self) -> "Shipment | None":
        """The shipment that the proposal is about, if it is about one and it is on record."""
        key = self.proposal.references.get("shipment")
        return next((s for s in self.customer.shipments if s.key == key), None) if key else None

    @cached_property
    def purposes(self) -> tuple[Purpose, ...]:
        """What the message is for: one purpose, or those of a digest's parts."""
        return tuple(dict.fromkeys((self.proposal.purpose, *(part.proposal.purpose for part in self.parts))))

    @property
    def rank(self) -> Rank:
        """A digest stands where its best part would."""
        return min((rank(part.proposal) for part in self.parts), default=rank(self.proposal))

    @cached_property
    def waiting(self) -> Message | None:
        """The message as it lies held, if it does."""
        own = self.proposal.message_id
        return next((m for m in self.customer.held if m.proposal.message_id == own), None)

    @cached_property
    def cadence(self) -> Cadence | None:
        """Whether this message is gathered for the customer's digest or goes by itself; None for one that never waits."""
        digest = self.frequency.digest
        if self.proposal.template not in digest.templates or self.proposal.purpose is Purpose.TRANSACTIONAL:
            return None
        return prefers(self.customer, self.cadences, digest.learning, self.now)

    @property
    def gathers(self) -> bool:
        """Whether the message may be a part of a digest: the customer gets them, on a channel that carries one."""
        return self.cadence is not None and self.cadence.arm is Arm.DIGEST and any(c in CARRIES for c in self.usable())

    @property
    def teaches(self) -> Kind | None:
        """What an answer to this message says of digests and single messages; nothing of who has chosen for themselves."""
        if stated(self.customer.wishes) is not None:
            return None
        of = group(self.customer)
        if self.parts:
            return Kind(Arm.DIGEST, of)
        return Kind(Arm.SINGLE, of) if self.cadence and self.cadence.arm is Arm.SINGLE else None

    @property
    def turn_came(self) -> bool:
        """Whether the message was gathered until now, or before."""
        turn = turn_of(self.waiting)
        return turn is not None and turn <= self.now

    def next_turn(self) -> datetime | None:
        """When the customer's next digest may go out; None when that is too late for this message."""
        places = self.whereabouts.places
        alone = len(self.whereabouts.zones) == 1
        zone = ZoneInfo(places[0].zone) if alone else zone_of(places[0].country if places else None, "UTC")
        at = next_turn(self.frequency.digest, zone, self.customer.id, self.now)
        channel = next(c for c in self.usable() if c in CARRIES)
        closes = self.proposal.not_after
        found = next_legal_instant(self.hours(channel), hours_book().guard, at, closes) if at < closes else None
        return found if found in (None, at) else self.spread(found, self.hours(channel))

    def spread(self, opens: datetime, hours: Schedule) -> datetime:
        """When a message that can wait leaves after an opening that many wait for: somewhere in the time after it, with all else
        that waits for the same customer."""
        if not waits_for_a_place(self.proposal):
            return opens
        window = window_around(hours, opens)
        closes = min(window[1] - hours_book().guard if window else self.proposal.not_after, self.proposal.not_after)
        room = min(closes - opens, timedelta(minutes=self.frequency.rate.spread_minutes))
        return spread(opens, room, f"opening#{self.customer.id}")

    def mode(self, channel: Channel) -> Mode:
        if self.parts:
            return min((part.mode(channel) for part in self.parts), key=list(Mode).index)
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
        found = self._judged.get((channel, purpose))
        if found is None:
            found = self._judged[channel, purpose] = self._judge(channel, purpose)
        return found

    @cached_property
    def _judged(self) -> dict[tuple[Channel, Purpose], Ground | Lack]:
        """Several rules ask for the same ground."""
        return {}

    def _judge(self, channel: Channel, purpose: Purpose) -> Ground | Lack:
        if self.proposal.template in REPLIES:
            late = self.now - self.proposal.proposed_at > REPLY_WITHIN
            return Lack("too-late") if late else Ground(kind="reply")
        if self.proposal.template in LINKS:
            return Ground(kind="asked")
        known = self.addresses.get(channel)
        return judged(self.customer, channel, purpose, self.policy, self.now, known[1] if known else None)

    def suppressed(self, channel: Channel) -> str | None:
        """Why the address of this channel gets nothing more, or None."""
        known = self.addresses.get(channel)
        suppression = self.customer.consent.suppression(channel, known[1]) if known else None
        return suppression.reason if suppression else None

    def usable(self) -> tuple[Channel, ...]:
        """Channels that can carry this message now: switched on or dry, reachable, not suppressed, with a ground."""
        return self.chosen.channels

    def quiet_for(self, purpose: Purpose) -> Quiet | None:
        """Why messages of a purpose keep quiet for this customer now, or None."""
        policy = self.frequency.silence
        return quiet(self.customer, policy, self.now) if purpose in policy.purposes else None

    def keeps_quiet(self, purpose: Purpose) -> bool:
        """Whether a part of another message may not speak of this purpose now."""
        return self.quiet_for(purpose) is not None or self.customer.wishes.pause_of(purpose, self.now) is not None

    @cached_property
    def stretch(self) -> tuple[float, tuple[str, ...]]:
        """By how much the caps' windows are multiplied for this customer, and why."""
        return stretch(self.customer, self.frequency.spacing, self.now)

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """The caps that the message counts for, on whatever channel."""
        return self.frequency.limits(self.purposes)

    @cached_property
    def sendable(self) -> tuple[Channel, ...]:
        """The usable channels that are open at this instant and have room for this message, best first."""
        limits = self.limits
        if not limits:
            return self.open_now
        caps, factor = self.customer.caps, self.stretch[0]
        return tuple(c for c in self.open_now if not full(caps, limits, c, self.now, factor))

    @cached_property
    def open_now(self) -> tuple[Channel, ...]:
        """The usable channels whose hours allow this message at this instant, best first."""
        return tuple(channel for channel in self.usable() if self._opens(channel) == self.now)

    @cached_property
    def chosen(self) -> Choice:
        """The usable channels, best first, and why the first is first."""
        if self.parts:
            return Choice(tuple(c for c in CARRIES if all(c in part.usable() for part in self.parts)))
        usable = tuple(
            channel
            for channel in self.open
            if self.mode(channel) is not Mode.OFF
            and channel in self.addresses
            and channel not in self.refused_by
            and not self.suppressed(channel)
            and self.ground(channel, self.proposal.purpose)
        )
        # Where one channel is released, one that is still in dry has no part in it.
        usable = tuple(c for c in usable if self.mode(c) is not Mode.DRY) or usable
        if self.choice is None:
            return Choice(usable)
        return choose(
            usable,
            self.proposal.template,
            self.proposal.purpose,
            self.choice,
            self.customer.learned,
            self.all_customers,
            self.proposal.message_id,
            self.now,
            self.customer.wishes.channels,
            self.customer.behaviour,
            _rows_channels(self.proposal),
        )

    @property
    def may_chat_freely(self) -> bool:
        """Whether the person wrote on WhatsApp within 24 hours: then anything may be answered, not only approved templates."""
        wrote = self.customer.profile.wrote_at
        return wrote is not None and self.now - wrote < CHAT_WINDOW

    @cached_property
    def whereabouts(self) -> Whereabouts:
        """Where the recipient may be, by address and number: news go by their order's address, marketing by the latest one."""
        orders = sorted((o for o in self.customer.orders if o.country), key=lambda o: (o.placed_at or o.as_of, o.key))
        order = self.order if self.proposal.purpose not in MARKETING else None
        if order is None or order.country is None:
            order = orders[-1] if orders else None
        phone = self.addresses[Channel.SMS][0] if Channel.SMS in self.addresses else self.customer.profile.contact.phone
        if order:
            return whereabouts(order.country, order.region, order.postcode, phone)
        return whereabouts(self.customer.profile.country, phone=phone)

    def hours(self, channel: Channel) -> Schedule:
        """When this message may leave on a channel. The places are only looked up when a rule needs them.

        The answer to what a person wrote just now is never the wrong hour: it comes within minutes or not at all (decision 0042).
        """
        if self.parts:
            return together([part.hours(channel) for part in self.parts])
        if self.proposal.template in REPLIES:
            return ANY_TIME
        book, purpose, quiet = hours_book(), self.proposal.purpose, self.customer.wishes.quiet
        ruled = book.has_rules_for(channel, purpose)
        if not ruled and quiet is None:
            return ANY_TIME
        return schedule(book, channel, purpose, self.whereabouts if ruled else ANYWHERE, quiet)

    @cached_property
    def departure(self) -> Departure | None:
        """On which channel it leaves, and when: the best one that opens in time; the best one if none does. What does not keep
        goes at once, by the best of those that are open (decision 0035)."""
        found = [Departure(c, self._opens(c), self.hours(c)) for c in self.usable()]
        in_time = [d for d in found if d.at is not None and d.at < self.proposal.not_after]
        at_once = [] if self.keeps else [d for d in in_time if d.at == self.now]
        return next(iter((*at_once, *in_time, *found)), None)

    @property
    def keeps(self) -> bool:
        """Whether the message is as useful later: by the store's table of urgencies."""
        return self.choice is None or self.choice.urgency_of(self.proposal.template) == "any_time"

    @cached_property
    def better_hour(self) -> datetime | None:
        """The customer's next receptive hour, for a message that can wait for it and still leaves in its window and hours.

        What is gathered has its turn: each part waiting for an hour of its own would take the digest apart.
        """
        active = self.customer.learned.active(self.now)
        if not active or self.parts or self.gathers or self.proposal.purpose not in ASKS or self.departure is None:
            return None
        from message_gate.channel_policy import channel_policy

        policy, zones = channel_policy(), self.whereabouts.zones
        hour = receptive_hour(active, policy.hour)
        if hour is None or len(zones) != 1 or policy.urgency_of(self.proposal.template) != "any_time":
            return None
        at = next_at(hour, ZoneInfo(zones[0]), self.now, keys.share(f"hour#{self.proposal.message_id}"))
        if at is None or at >= self.proposal.not_after:
            return None
        hours = self.hours(self.departure.channel)
        return at if next_legal_instant(hours, hours_book().guard, at, self.proposal.not_after) == at else None

    def _opens(self, channel: Channel) -> datetime | None:
        return next_legal_instant(self.hours(channel), hours_book().guard, self.now, self.proposal.not_after)


def _rows_channels(proposal: Proposal) -> tuple[Channel, ...]:
    """The channels that the store tries first for a kind of buyer, of what is said to one."""
    row = proposal.references.get("segment")
    if row is None:
        return ()
    from aftercare.segment_policy import segment_policy

    known = segment_policy().rows.get(row)
    return known.channels if known else ()


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
    modes = {str(c): str(candidate.switch.mode(candidate.proposal.purpose, c)) for c in candidate.open}
    if any(candidate.mode(c) is not Mode.OFF for c in candidate.open):
        return Pass(saw={**modes})
    if Mode.ALLOWLIST in modes.values():
        return Refuse(because=Reason.NOT_ON_ALLOWLIST, saw={**modes})
    return Hold(until=look_again(candidate), because=Reason.SWITCHED_OFF, saw={**modes})


def look_again(candidate: Candidate) -> datetime:
    """When a message is looked at again that waits for somebody to change something here."""
    wait = min(max((candidate.now - candidate.proposal.proposed_at) / 2, LOOK_AGAIN[0]), LOOK_AGAIN[1])
    return min(candidate.now + wait, candidate.proposal.not_after)


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
    """A deleted order stands no more than a cancelled one. News of the cancellation itself does not ask for this."""
    order = candidate.order
    if order and order.deleted_at:
        return Refuse(because=Reason.ORDER_DELETED, saw={"deleted_at": iso(order.deleted_at)})
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
        if any(candidate.catalogue().family_of(line).name == family for line in later.lines):
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


def _survey_answered(candidate: Candidate) -> Refuse | None:
    """Who has answered, in whatever way, is not asked and not reminded."""
    order, feedback = candidate.order, candidate.customer.feedback
    answer = feedback.of(order.key) if order and feedback else None
    return Refuse(because=Reason.ALREADY_ANSWERED, saw={"at": iso(answer.at)}) if answer else None


def _return_explained(candidate: Candidate) -> Refuse | None:
    """Whoever said why something goes back, on a page or to the shop, is not asked; nor of what does not go back any more."""
    order, ref = candidate.order, candidate.proposal.references.get("return", "")
    back = order.returned(ref) if order else None
    if back is None:
        return None
    if back.is_over:
        return Refuse(because=Reason.ORDER_WENT_WRONG, saw={"standing": back.state})
    return Refuse(because=Reason.ALREADY_ANSWERED, saw={"reason": back.reason}) if back.reason else None


def _order_went_wrong(candidate: Candidate) -> Refuse | None:
    """Whose order was given back, refunded or lost is not asked as if all were well. An open case holds it: it may be mended."""
    order = candidate.order
    if order is None:
        return None
    from aftercare.feedback import standing  # here: few messages ask for it

    found = standing(candidate.customer, order)
    return Refuse(because=Reason.ORDER_WENT_WRONG, saw={"standing": found}) if found in _WRONG else None


_WRONG = ("refunded", "returned", "lost")


def _case_closed(candidate: Candidate) -> Refuse | None:
    """What is said because of a case has lost its point when the case is over."""
    ref = candidate.proposal.references.get("case")
    return None if _is_open(candidate, ref) else Refuse(because=Reason.CASE_CLOSED, saw={"case": ref})


def _case_open(candidate: Candidate) -> Refuse | None:
    """Whether all is well now is not asked while the case is open again."""
    ref = candidate.proposal.references.get("case")
    return Refuse(because=Reason.OPEN_CASE, saw={"case": ref}) if _is_open(candidate, ref) else None


def _is_open(candidate: Candidate, ref: str | None) -> bool:
    return any(case.open for case in candidate.customer.cases if case.ref == ref)


def _segment_left(candidate: Candidate) -> Refuse | None:
    """What is said to a kind of buyer has lost its point when they are another by now."""
    from aftercare.segments import segments_of

    now = segments_of(candidate.customer)
    if candidate.proposal.references.get("segment") in now:
        return None
    return Refuse(because=Reason.SEGMENT_LEFT, saw={"is": tuple(now)})


def _consent_settled(candidate: Candidate) -> Refuse | None:
    """A confirmation goes to the mailbox that the consent was given for, and only while it waits."""
    known = candidate.addresses.get(Channel.EMAIL)
    if known and asked_of(candidate.customer.consent, known[1]):
        return None
    return Refuse(because=Reason.CONSENT_SETTLED)


def _not_asked(candidate: Candidate) -> Refuse | None:
    """The customer still waits for the product: the wish has not run out, and it was not bought since."""
    product = candidate.proposal.references.get("product")
    alert = next((alert for alert in candidate.customer.alerts if alert.product == product), None)
    if alert and alert.stands(candidate.customer):
        return None
    return Refuse(because=Reason.NOT_ASKED, saw={"product": product})


def _nothing_to_review(candidate: Candidate) -> Refuse | None:
    """What was reviewed, or is not with the customer, is not asked about; what somebody said of it is no reason here."""
    order = candidate.order
    if order is None:
        return None
    from aftercare.reviews import reviewable  # here: few messages ask for it

    found = reviewable(candidate.customer, order)
    if found == "reviewed":
        return Refuse(because=Reason.ALREADY_REVIEWED, saw={"order": order.key})
    return Refuse(because=Reason.ORDER_WENT_WRONG, saw={"standing": found}) if isinstance(found, str) else None


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
    Unless.SURVEY_ANSWERED: _survey_answered,
    Unless.RETURN_EXPLAINED: _return_explained,
    Unless.ORDER_WENT_WRONG: _order_went_wrong,
    Unless.CASE_CLOSED: _case_closed,
    Unless.CASE_OPEN: _case_open,
    Unless.CONSENT_SETTLED: _consent_settled,
    Unless.SEGMENT_LEFT: _segment_left,
    Unless.NOT_ASKED: _not_asked,
    Unless.NOTHING_TO_REVIEW: _nothing_to_review,
}

OF_SHIPMENT = (Unless.ORDER_SHIPPED, Unless.PARCEL_ARRIVED, Unless.PARCEL_MOVED_ON, Unless.PARCEL_RECOVERED)
"""What is looked for on the record of the shipment that a proposal names."""

_SUPPRESSION = {"hard_bounce": Reason.HARD_BOUNCE, "complaint": Reason.COMPLAINT}


def suppressed(candidate: Candidate) -> Verdict:
    """An address that bounced for good or complained gets nothing."""
    reasons = {str(c): candidate.suppressed(c) for c in candidate.open if c in candidate.addresses}
    if reasons and all(reasons.values()):
        return Refuse(because=_SUPPRESSION[next(r for r in reasons.values() if r)], saw={**reasons})
    return Pass(saw={channel: reason for channel, reason in reasons.items() if reason})


def paused(candidate: Candidate) -> Verdict:
    """Who asked for a pause hears of their orders only; what is still of use after it waits for its end."""
    until = candidate.customer.wishes.pause_of(candidate.proposal.purpose, candidate.now)
    if until is None:
        return Pass()
    saw: Evidence = {"paused_until": iso(until)}
    if until >= candidate.proposal.not_after:
        return Refuse(because=Reason.PAUSED, saw=saw)
    return Hold(until=until, because=Reason.PAUSED, saw=saw)


def channels(candidate: Candidate) -> Verdict:
    """At least one channel is reachable, consented for this purpose and not turned off."""
    if candidate.usable():
        return Pass(saw={**_grounds(candidate), **_why_this(candidate)})
    if not any(c in candidate.addresses for c in candidate.open):
        return Refuse(because=Reason.NO_ADDRESS)
    if candidate.refused_by:
        return Refuse(because=Reason.PROVIDER_REFUSED, saw={"refused_by": tuple(sorted(candidate.refused_by))})
    off = any(turned_off(candidate.customer, c, candidate.proposal.purpose) for c in candidate.open)
    return Refuse(because=Reason.CHANNEL_TURNED_OFF if off else Reason.NO_CONSENT, saw=_lacks(candidate))


def _grounds(candidate: Candidate) -> dict[str, str | int | bool | tuple[str, ...] | None]:
    found = {c: candidate.ground(c, candidate.proposal.purpose) for c in candidate.usable()}
    return {str(c): g.kind for c, g in found.items() if g}


def _lacks(candidate: Candidate) -> dict[str, str | int | bool | tuple[str, ...] | None]:
    found = {c: candidate.judged(c, candidate.proposal.purpose) for c in candidate.open if c in candidate.addresses}
    return {str(c): lack.why for c, lack in found.items() if isinstance(lack, Lack)}


def _why_this(candidate: Candidate) -> dict[str, str]:
    """Why this channel and not another, where there is another."""
    chosen = candidate.chosen
    return {} if chosen.because == "only" else {"first": str(chosen.channels[0]), "because": chosen.because, **chosen.saw}


def send_time(candidate: Candidate) -> Verdict:
    """Not before the proposal's window opens, and only in the hours of every place that the recipient may be in; what can wait
    goes at the hour at which the customer is used to answer.

    A channel whose hours open too late leaves the message to the next one that opens in time (rules C21-C23, H12).
    """
    opens = candidate.proposal.not_before
    if opens and opens > candidate.now:
        return Hold(until=opens, because=Reason.NOT_YET, saw={"not_before": iso(opens)})
    departure = candidate.departure
    if departure is None:
        return Pass()
    saw = _hours_seen(candidate, departure)
    if departure.at == candidate.now:
        better = candidate.better_hour
        if better:
            return Hold(until=better, because=Reason.BETTER_HOUR, saw={**saw, "until": iso(better)})
        return Pass(saw=saw)
    until = candidate.spread(departure.at, departure.hours) if departure.at else candidate.proposal.not_after
    return Hold(until=until, because=Reason.QUIET_HOURS, saw=saw)


def _hours_seen(candidate: Candidate, departure: Departure) -> Evidence:
    """What the hours of the channel, and of a better one that was passed over, were decided on."""
    first = candidate.usable()[0]
    hours = candidate.hours(first)
    if not hours.rules:
        return {}
    saw: Evidence = {"rules": hours.rules}
    if hours.rules != (OWN,):
        where = candidate.whereabouts
        saw |= {
            "known_by": where.known_by,
            "zones": where.zones[:MOST_ZONES],
            "zones_in_all": len(where.zones),
            "local_times": tuple(f"{candidate.now.astimezone(ZoneInfo(z)):%a %H:%M}" for z in where.zones[:MOST_ZONES]),
        }
    quiet = candidate.customer.wishes.quiet
    if quiet and OWN in hours.rules:
        saw["own_quiet_hours"] = f"{quiet.start:%H:%M} to {quiet.end:%H:%M} {quiet.zone}"
    if departure.channel is not first:
        saw |= {"closed": str(first), "instead": str(departure.channel)}
    elif departure.at is None:
        saw["opens"] = "not in its window"
    else:
        window = window_around(hours, departure.at)
        saw |= {"opens": iso(departure.at), "closes": iso(window[1]) if window else None}
        saw["hours_open"] = f"{(window[1] - window[0]) / timedelta(hours=1):g}" if window else None
    return saw


def silence(candidate: Candidate) -> Verdict:
    """Offers, reminders and surveys keep quiet while a case is open, a parcel is at risk or an order felt bad."""
    found = candidate.quiet_for(candidate.proposal.purpose)
    if found is None:
        return Pass()
    again = min(candidate.now + timedelta(hours=candidate.frequency.silence.look_again_hours), candidate.proposal.not_after)
    return Hold(until=again, because=found.because, saw={"about": found.about})


def gathered(candidate: Candidate) -> Verdict:
    """Who would rather hear once a week gets what can wait in one message, on their own day; what cannot wait goes by itself.

    The customer's own choice counts before what their group was seen to prefer.
    """
    if candidate.parts:
        return Pass(saw={"parts": tuple(part.proposal.key for part in candidate.parts)})
    if candidate.cadence is None or not candidate.gathers:
        return Pass()
    saw: Evidence = {"by": candidate.cadence.because}
    if candidate.turn_came and not candidate.left_over:
        return Pass(saw={**saw, "alone": True})
    until = candidate.next_turn()
    if until is None:
        return Pass(saw={**saw, "too_late_by_then": True})
    return Hold(until=until, because=Reason.DIGEST, saw={**saw, "left_over": True} if candidate.left_over else saw)


def cap(candidate: Candidate) -> Verdict:
    """A customer hears so much in any window and no more; the place goes to the best message that waits for it."""
    proposal, now = candidate.proposal, candidate.now
    limits = candidate.limits
    if not limits:
        return Pass()
    caps, (factor, signs) = candidate.customer.caps, candidate.stretch
    saw: Evidence = {"stretched": f"{factor:g}", "signs": signs} if signs else {}
    if not candidate.sendable:
        shut = [full(caps, limits, c, now, factor) for c in candidate.open_now]
        first = min((f for f in shut if f), key=lambda f: (f.opens, f.limit.name))
        until = min(first.opens, proposal.not_after)
        return Hold(until=until, because=Reason.CAP_FULL, saw={**saw, "limit": first.limit.name, "opens": iso(first.opens)})
    better = _better(candidate, factor)
    if better:
        until = min(max(better.at, now) + AFTER_THE_BETTER, proposal.not_after)
        return Hold(until=until, because=Reason.BETTER_WAITS, saw={**saw, "better": better.proposal.key})
    channel = candidate.sendable[0]
    room = {one.name: one.room(caps, now, factor) for one in limits if one.on(channel)}
    return Pass(saw={**saw, "channel": str(channel), **room})


def _better(candidate: Candidate, factor: float) -> Rival | None:
    """The rival that would find no room if this message went first, where there is one."""
    now, channel, own = candidate.now, candidate.sendable[0], candidate.rank
    for limit in candidate.limits:
        if not limit.on(channel):
            continue
        ahead = [
            rival
            for rival in candidate.rivals
            if rival.proposal.purpose in limit.purposes
            and rank(rival.proposal) < own
            and rival.at < now + limit.window(factor)
            and max(rival.at, now) < rival.proposal.not_after
        ]
        if len(ahead) >= limit.room(candidate.customer.caps, now, factor):
            return max(ahead, key=lambda rival: (rival.at, rank(rival.proposal)))
    return None


def dry_run(candidate: Candidate) -> Verdict:
    """A stage in dry decides everything and sends nothing."""
    if not candidate.sendable or candidate.mode(candidate.sendable[0]) is Mode.DRY:
        return Refuse(because=Reason.DRY_RUN)
    return Pass()


Rule = Callable[[Candidate], Verdict]

RULES: tuple[Rule, ...] = (
    duplicate,
    expired,
    kill_switch,
    relevant,
    suppressed,
    paused,
    channels,
    silence,
    send_time,
    gathered,
    cap,
    dry_run,
)

OF_PARTS = tuple(rule for rule in RULES if rule not in (gathered, cap, dry_run))
"""What each part of a digest is asked by itself; the rest is asked of the digest, which counts once."""


@lru_cache(maxsize=64)
def _passed(rule: str) -> Step:
    """A rule that saw nothing says the same of every message."""
    return Step(rule=rule, said="pass")


def decide(candidate: Candidate, rules: Iterable[Rule] = RULES) -> tuple[Verdict, tuple[Step, ...]]:
    """The first verdict that is not a pass, or a pass, with the trace of every rule asked."""
    trace: list[Step] = []
    for rule in rules:
        verdict = rule(candidate)
        if isinstance(verdict, Pass) and not verdict.saw:
            trace.append(_passed(rule.__name__))
            continue
        said: Answer = "pass"
        because = None
        if not isinstance(verdict, Pass):
            said = "hold" if isinstance(verdict, Hold) else "refuse"
            because = verdict.because
        trace.append(Step(rule=rule.__name__, said=said, because=because, saw=verdict.saw))
        if said != "pass":
            return verdict, tuple(trace)
    return Pass(), tuple(trace)

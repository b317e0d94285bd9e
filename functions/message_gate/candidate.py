"""A proposal with all that its settlement may look at, and what follows from it: grounds, channels, hours, places."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aftercare import keys
from aftercare.cadence import NOTHING, Arm, Cadence, Cadences, Kind, group, prefers, stated
from aftercare.caps import Limit
from aftercare.consent import Channel, Purpose
from aftercare.customer import Customer, Order
from aftercare.decision import Message
from aftercare.ground import ConsentPolicy, Ground, Lack, judged
from aftercare.learned import ASKS
from aftercare.learned import NOTHING as NO_ANSWERS
from aftercare.places import ANYWHERE, Whereabouts, whereabouts, zone_of
from aftercare.proposal import Proposal
from aftercare.rate import spread
from aftercare.switch import Mode, Switch
from message_gate.channel_choice import Choice, choose
from message_gate.channels import LINKS, REPLIES
from message_gate.digest import CARRIES, STRICTNESS, next_turn, turn_of
from message_gate.frequency import FrequencyPolicy, Quiet, full, quiet, stretch
from message_gate.hours import ANY_TIME, Schedule, hours_book, next_legal_instant, schedule, together, window_around
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

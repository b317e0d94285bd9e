"""When what can wait is gathered for one message a week, and what that message is. All pure: chance is seeded by the customer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aftercare import keys
from aftercare.clock import iso
from aftercare.consent import Channel, Purpose
from aftercare.decision import Message, Reason
from aftercare.proposal import Block, Proposal
from message_gate.frequency import Digest

TEMPLATE = "digest"

CARRIES = (Channel.EMAIL,)
"""Where several things fit into one message."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

STRICTNESS = {purpose: place for place, purpose in enumerate(Purpose)}


def next_turn(digest: Digest, zone: ZoneInfo, customer_id: str, now: datetime) -> datetime:
    """The customer's next weekly instant after now: on the digest's day by the customer's own clock, at a time that is the
    same every week and spread over the customers, so that nobody's Friday morning is one wave."""
    opens, closes = ((at.hour * 60 + at.minute) * 60 + at.second for at in (digest.opens, digest.closes))
    after = timedelta(seconds=int((closes - opens) * keys.share(f"digest#{customer_id}")))
    today = now.astimezone(zone).date()
    ahead = (DAYS.index(digest.day) - today.weekday()) % 7
    for week in (ahead, ahead + 7):
        start = datetime.combine(today + timedelta(days=week), digest.opens, tzinfo=zone)
        # Added to the instant, not to the wall clock: where the clock changes in between, an hour may come twice or never.
        at = start.astimezone(now.tzinfo) + after
        if at > now:
            return at
    raise AssertionError("a week has one of each day")


def turn_of(held: Message | None) -> datetime | None:
    """Until when a message was last held to be gathered; None for one that never was."""
    return next((d.until for d in reversed(held.decisions) if d.reason is Reason.DIGEST), None) if held else None


def compose(parts: Sequence[Proposal], lie: Sequence[Message], because: str, now: datetime) -> Proposal:
    """The one message that goes in place of several, the best of them first; `lie` is how they lie held.

    It needs the strictest ground of its parts, and goes as long as one of them may. The gate looks at each part by itself. The
    same parts at the same turn have the same key, so a claim that is made again is the same claim.
    """
    best = parts[0]
    turn = max((at for held in lie if (at := turn_of(held)) and at <= now), default=now)
    resent = sum(decision.reason is Reason.OPERATOR_RESENT for held in lie for decision in held.decisions)
    made_of = keys.message_id("#".join([*sorted(part.key for part in parts), str(resent)]))[:12]
    return Proposal(
        key=f"{TEMPLATE}#{best.customer_id}:{turn:%Y-%m-%d}:{made_of}",
        customer_id=best.customer_id,
        purpose=max((part.purpose for part in parts), key=STRICTNESS.__getitem__),
        template=TEMPLATE,
        blocks=(Block(kind="opening", variant="stated" if because == "stated" else "gathered"),),
        value=sum(part.value for part in parts),
        not_after=max(part.not_after for part in parts),
        proposed_at=min(part.proposed_at for part in parts),
        caused_by=f"slot:{iso(now)}",
        correlation_id=best.correlation_id,
    )

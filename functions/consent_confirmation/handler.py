"""A pending consent in, its confirmation mail and one reminder proposed (double opt-in, rule C15)."""

from datetime import datetime, timedelta
from enum import StrEnum

from aftercare import keys
from aftercare.consent import Channel, Purpose, Says
from aftercare.consent_policy import DoubleOptIn, consent_policy
from aftercare.customer import Customer
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from aftercare.proposal import Nothing, Proposal, Unless
from aftercare.store import find


class Because(StrEnum):
    """Why nobody is asked."""

    CUSTOMER_GONE = "customer-gone"
    NOT_WAITING = "not-waiting"
    NOT_OURS = "asked-by-the-platform"
    TOO_LATE = "too-late"


def ask(
    customer: Customer | None, purpose: Purpose, rule: DoubleOptIn, now: datetime, event: Told
) -> tuple[Proposal, ...] | Nothing:
    """The mail that asks, and its one reminder. All purposes that were consented to at once are asked for in one mail.

    The mail itself needs no consent: it answers what the person did, and carries nothing of what was consented to.
    """
    head = customer.consent.head(Channel.EMAIL, purpose) if customer else None
    if customer is None:
        return Nothing(Because.CUSTOMER_GONE)
    if head is None or head.says is not Says.PENDING:
        return Nothing(Because.NOT_WAITING)
    if not head.asks:
        return Nothing(Because.NOT_OURS)
    ends = head.said_at + timedelta(days=rule.expires_after_days)
    if ends <= now:
        return Nothing(Because.TOO_LATE)
    together = keys.message_id(f"{customer.id}#{head.proof.rpartition('#')[0]}")

    def proposal(suffix: str, not_before: datetime | None, days: int) -> Proposal:
        return Proposal(
            key=f"consent-confirmation#{together}{suffix}",
            customer_id=customer.id,
            purpose=Purpose.TRANSACTIONAL,
            template="consent-confirmation",
            numbers={"days": days},
            unless=(Unless.CONSENT_SETTLED,),
            not_before=not_before,
            not_after=ends,
            proposed_at=now,
            caused_by=event.id,
            correlation_id=event.correlation_id,
        )

    first = proposal("", None, rule.expires_after_days)
    if rule.remind_after_days is None:
        return (first,)
    again = head.said_at + timedelta(days=rule.remind_after_days)
    return first, proposal(":reminder", again, rule.expires_after_days - rule.remind_after_days)


def on_consent(event: Told, outside: Outside) -> str:
    if event.data.says is not Says.PENDING or event.data.channel is not Channel.EMAIL:
        return f"nothing: {Because.NOT_WAITING}"
    customer = find(outside.tables, event.data.customer_id)
    decision = ask(customer, event.data.purpose, consent_policy().double_opt_in, outside.clock.now(), event)
    if isinstance(decision, Nothing):
        return f"nothing: {decision.because}"
    for proposal in decision:
        propose(outside, proposal)
    return f"proposed: {len(decision)}"


handle = queue_handler({"ConsentChanged": on_consent, "ConsentObserved": on_consent})

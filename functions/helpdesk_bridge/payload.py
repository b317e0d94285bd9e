"""What a webhook says: the event's ids and words, and what the customer's record adds to them at that moment.

docs/outbound-webhooks.md is the map of these fields, and a contract test holds the two against each other. An endpoint gets
addresses and people's own words only where its settings name them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from aftercare.clock import iso
from aftercare.customer import Customer
from aftercare.endpoints import CONTACT, WORDS, Endpoint
from aftercare.table import Item
from helpdesk_bridge.texts import Text

if TYPE_CHECKING:
    from aftercare.cases import Case
    from aftercare.events import Told

Fields = Mapping[str, Any]

BUYER = "SegmentChanged"
"""The event that tells what kind of buyer somebody became."""


class Because(StrEnum):
    """Why an endpoint is not told of an event."""

    CUSTOMER_GONE = "customer-gone"
    OPTED_OUT = "sale-opted-out"
    RECORD_GONE = "record-gone"
    CAME_FROM_THERE = "came-from-there"


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of whom an event is about, at this moment: the customer; what they wrote, where the event tells of that; what
    the shop has learned of its buyers, where it tells what kind they are."""

    customer: Customer | None
    written: Text | None = None
    buyers: Item | None = None


@dataclass(frozen=True, slots=True)
class Untold:
    because: Because


def payload(event: "Told", record: Record, endpoint: Endpoint) -> bytes | Untold:
    """The body for one endpoint, or why it gets none.

    Who was erased sends nothing. Who opted out of sale and sharing is told to no third party (11 CCR 7026); what the store's
    own processors are told is neither.
    """
    customer = record.customer
    if customer is None:
        return _by_nobody_known(event, record, endpoint)
    if endpoint.third_party and customer.consent.sale and customer.consent.sale.opted_out:
        return Untold(Because.OPTED_OUT)
    added = _ADDED.get(event.type, _nothing)(event, customer)
    if event.type == BUYER and not endpoint.third_party:
        added = _expected(event, customer, record.buyers)
    if added is None or (getattr(event.data, "text_ref", None) and record.written is None):
        return Untold(Because.RECORD_GONE)
    if endpoint.tool and endpoint.tool == _told_by(event, customer):
        return Untold(Because.CAME_FROM_THERE)
    return _whole(
        event, {**_order(event, customer), **added, **_text(record, endpoint), "customer": _customer(customer, endpoint)}
    )


def _by_nobody_known(event: "Told", record: Record, endpoint: Endpoint) -> bytes | Untold:
    """A text from a number that is nobody's here; whose sender was on record and is not any more says nothing."""
    if event.data.customer_id or record.written is None or endpoint.third_party:
        return Untold(Because.CUSTOMER_GONE)
    return _whole(event, _text(record, endpoint))


def _whole(event: "Told", added: Fields) -> bytes:
    told = event.data.model_dump(mode="json", exclude={"customer_id"}, exclude_none=True)
    data = {**told, **added}
    whole = {"type": event.type, "timestamp": iso(event.occurred_at), "data": _plain(data)}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    """JSON's own kinds; what is not known is left out."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, StrEnum) else value


def _text(record: Record, endpoint: Endpoint) -> Fields:
    """What somebody wrote and from where, and what might be answered, as far as the endpoint is to have it."""
    written = record.written
    if written is None:
        return {}
    found: dict[str, Any] = {}
    if CONTACT in endpoint.share:
        found["number"] = written.number
    if WORDS in endpoint.share:
        found["text"] = written.text
        if written.asks_for_reply:
            from helpdesk_bridge.reply import suggestion  # the brand and its words, for what somebody wrote to us only

            found["suggested_reply"] = suggestion(record.customer)
    return found


def _customer(customer: Customer, endpoint: Endpoint) -> Fields:
    profile = customer.profile
    contact: Fields = profile.contact.model_dump() if CONTACT in endpoint.share else {}
    return {
        "id": customer.id,
        "shop_refs": profile.shop_refs,
        "locale": profile.locale,
        "country": profile.country,
        "tags": profile.tags,
        "sale_opted_out": bool(customer.consent.sale and customer.consent.sale.opted_out),
        **contact,
    }


def _order(event: "Told", customer: Customer) -> Fields:
    order = customer.order(getattr(event.data, "order", None) or "")
    return {"order_name": order.name} if order else {}


def _told_by(event: "Told", customer: Customer) -> str | None:
    """The sender who told us of it, where an endpoint's own tool may have: a case, or a word on consent."""
    if hasattr(event.data, "case"):
        # What becomes of a case is told by the tool that has it.
        return next((case.sender for case in customer.cases if case.ref == event.data.case), None)
    if hasattr(event.data, "says"):
        head = customer.consent.head(event.data.channel, event.data.purpose)
        return head.source.partition(":")[0] if head else None
    return None


def _nothing(event: "Told", customer: Customer) -> Fields:  # noqa: ARG001 - the event says it all
    return {}


def _expected(event: "Told", customer: Customer, buyers: Item | None) -> Fields:
    """What to expect of them from the day on which they became that kind of buyer: for the store and who works for it."""
    from aftercare.lifetime import model_from
    from aftercare.prospects import prospects_of, told

    ahead = prospects_of(customer, model_from(buyers), event.occurred_at.date())
    return {"prospects": told(ahead) if ahead else None}


def _consent(event: "Told", customer: Customer) -> Fields | None:
    """As it stands now: an older word that comes late is not told as if it still held."""
    head = customer.consent.head(event.data.channel, event.data.purpose)
    if head is None:
        return None
    return {"says": head.says, "said_at": head.said_at, "source": head.source, "confirmed": head.confirmed}


def _suppressed(event: "Told", customer: Customer) -> Fields:  # noqa: ARG001 - it names nobody but the customer
    return {
        "suppressed": [{"channel": s.channel, "reason": s.reason, "since": s.since} for s in customer.consent.suppressed],
    }


def _cue(event: "Told", customer: Customer) -> Fields | None:
    order = customer.order(event.data.order)
    return {"cue": order.cue, "cue_at": order.cue_at} if order and order.cue else None


def _answer(event: "Told", customer: Customer) -> Fields | None:
    """All of it stands in the event; an answer that is not on record any more is not told."""
    feedback = customer.feedback
    return {} if feedback and feedback.of(event.data.order) else None


def _case(event: "Told", customer: Customer) -> Fields | None:
    case = next((case for case in customer.cases if case.ref == event.data.case), None)
    if case is None:
        return None
    return {
        "topic": case.topic,
        "open": case.open,
        "opened_at": case.opened_at,
        "answered_at": case.answered_at,
        "closed_at": case.closed_at,
        "result": case.result,
        "rescue": _rescue(case),
    }


def _rescue(case: "Case") -> Fields | None:
    """What a helpdesk needs to put it in its place: who is first, by when, and by which way."""
    rescue = case.rescue
    if rescue is None:
        return None
    return {
        "priority": rescue.priority,
        "segment": rescue.segment,
        "score": rescue.score,
        "themes": rescue.themes,
        "way": rescue.way,
        "call": rescue.call,
        "answer_by": rescue.answer_by,
        "act_by": rescue.act_by,
    }


def _explained(event: "Told", customer: Customer) -> Fields | None:
    """All of it stands in the event; a return that is not on record any more is not told."""
    order = customer.order(event.data.order)
    return {} if order and order.returned(event.data.return_ref) else None


def _return(event: "Told", customer: Customer) -> Fields | None:
    order = customer.order(event.data.order)
    back = order.returned(event.data.return_ref) if order else None
    if back is None:
        return None
    return {
        "state": back.state,
        "lines": back.lines,
        "reason": back.reason,
        "wish": back.wish,
        "outcome": back.outcome,
        "amount": back.amount.model_dump(mode="json") if back.amount else None,
        "requested_at": back.requested_at,
        "approved_at": back.approved_at,
        "expired_at": back.expired_at,
        "declined_at": back.declined_at,
        "received_at": back.received_at,
        "settled_at": back.settled_at,
    }


_ADDED: Mapping[str, Callable[["Told", Customer], Fields | None]] = {
    "ConsentChanged": _consent,
    "ConsentObserved": _consent,
    "AddressSuppressed": _suppressed,
    "CueGiven": _cue,
    "SupportCaseOpened": _case,
    "SupportCaseAnswered": _case,
    "SupportCaseClosed": _case,
    "RescueOverdue": _case,
    "SurveyAnswered": _answer,
    "ReturnExplained": _explained,
    "ReturnExpired": _return,
    "ReturnDeclined": _return,
    "ReturnRequested": _return,
    "ReturnApproved": _return,
    "ReturnReceived": _return,
    "ReturnSettled": _return,
}
"""What the record adds to an event; the others say all themselves."""

"""Decision records in words: each rule in its order, what it asked, what it saw, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from aftercare.clock import parse_iso
from aftercare.consent import Purpose
from aftercare.decision import OPERATOR, Decision, Message, Reason, State, Step

REASONS: Final[Mapping[Reason, str]] = {
    Reason.CLAIMED: "claimed for its one send",
    Reason.SENT: "the provider took it",
    Reason.ALREADY_SETTLED: "a message is settled once, and this one was settled before",
    Reason.NOT_YET: "its window has not opened",
    Reason.QUIET_HOURS: "it is not an hour to be texted at where the customer is or may be",
    Reason.BETTER_HOUR: "it can wait, and the customer is used to answer at another hour",
    Reason.TOO_LATE: "its window has closed",
    Reason.SWITCHED_OFF: "this purpose is switched off; it waits for its release until its window closes",
    Reason.DRY_RUN: "the stage is in dry: everything is decided and nothing is sent",
    Reason.NOT_ON_ALLOWLIST: "the stage sends to listed addresses only, and this one is not listed",
    Reason.ORDER_UNKNOWN: "the order it is about is not on record",
    Reason.ORDER_CANCELLED: "the order was cancelled",
    Reason.ORDER_DELETED: "the store deleted the order",
    Reason.ORDER_REFUNDED: "the whole order was refunded",
    Reason.ALREADY_REORDERED: "the customer has ordered the product again",
    Reason.ORDER_SHIPPED: "something of the order was sent",
    Reason.SHIPMENT_KNOWN: "a shipment of the order is known, and its parcels are told of instead",
    Reason.PARCEL_ARRIVED: "the parcel has arrived",
    Reason.PARCEL_MOVED_ON: "the parcel has moved on",
    Reason.PARCEL_RECOVERED: "the parcel is expected in time again",
    Reason.ALREADY_ANSWERED: "the customer has answered",
    Reason.ALREADY_REVIEWED: "the customer has reviewed it",
    Reason.ORDER_WENT_WRONG: "the order was refunded, given back or lost, and is not asked about as if all were well",
    Reason.CASE_CLOSED: "the case that it speaks of is over",
    Reason.CONSENT_SETTLED: "no consent of this mailbox waits for its confirmation any more",
    Reason.NOT_ASKED: "the customer does not wait for the product any more",
    Reason.SEGMENT_LEFT: "the customer is another kind of buyer by now",
    Reason.OFFER_UNWANTED: "the customer said that this offer is not for them, or not yet",
    Reason.TEST_ORDER: "it is a test order, which reaches nobody",
    Reason.HARD_BOUNCE: "the address does not exist: an earlier mail bounced for good",
    Reason.COMPLAINT: "the customer called an earlier mail spam",
    Reason.ERASED: "the customer was erased meanwhile, and there is nobody to send it to",
    Reason.PAUSED: "the customer asked for a pause",
    Reason.NO_ADDRESS: "no address to reach the customer at",
    Reason.NO_CONSENT: "no consent to this purpose, and no other ground for it",
    Reason.CHANNEL_TURNED_OFF: "the customer turned this purpose off",
    Reason.OPEN_CASE: "the customer has an open support case, so it keeps quiet",
    Reason.PARCEL_AT_RISK: "a parcel of the customer is late or lost, so it keeps quiet",
    Reason.BAD_EXPERIENCE: "the customer said lately that an order felt bad, so it keeps quiet",
    Reason.CAP_FULL: "the customer has heard as much as may be heard for now",
    Reason.BETTER_WAITS: "a better message waits for the same slot",
    Reason.RATE_USED_UP: "the sending rate is used up for the moment",
    Reason.CANNOT_RENDER: "it could not be written; it is tried again, alone, until its window closes",
    Reason.DIGEST: "it can wait, and the customer hears once a week",
    Reason.IN_DIGEST: "it went out with others as one message",
    Reason.READ_ELSEWHERE: "the customer had read it on the account page",
    Reason.WORLD_CHANGED: "the record changed between decision and send",
    Reason.PROVIDER_BUSY: "the provider took nothing now; it is tried again",
    Reason.PROVIDER_REFUSED: "the provider refused it for good",
    Reason.PROVIDER_UNCLEAR: "the provider's answer was lost; it is never sent again by itself",
    Reason.LEASE_EXPIRED: "the function that claimed it never said what came of it",
    Reason.OUTCOME_NEVER_LEARNED: "nobody learned whether it was sent; an operator decides",
    Reason.PROVIDER_CONFIRMED: "the provider's own event confirmed the send",
    Reason.OPERATOR_CONFIRMED: "an operator confirmed that it was sent",
    Reason.OPERATOR_DROPPED: "an operator dropped it",
    Reason.OPERATOR_RESENT: "an operator lets it be sent once more, though it may have been sent before",
}
"""Each reason in words; docs/reasons.md says more of each."""

STATES: Final[Mapping[State, str]] = {
    State.HELD: "Held",
    State.CLAIMED: "Being sent",
    State.SENT: "Sent",
    State.UNKNOWN: "Outcome unknown",
    State.PARKED: "Parked for an operator",
    State.REFUSED: "Not sent",
    State.EXPIRED: "Expired",
    State.SUPERSEDED: "Superseded",
}

PURPOSES: Final[Mapping[Purpose, str]] = {
    Purpose.TRANSACTIONAL: "about an order itself",
    Purpose.SERVICE: "help with what was bought",
    Purpose.SURVEY: "a survey",
    Purpose.REORDER: "a reorder reminder",
    Purpose.PROMOTIONAL: "an offer",
}

_CHANNELS: Final = {"email": "e-mail", "sms": "SMS", "push": "push", "whatsapp": "WhatsApp", "inbox": "account inbox"}
_MODES: Final = {
    "on": "is switched on",
    "dry": "is in dry (decide, send nothing)",
    "off": "is switched off",
    "allowlist": "goes to listed addresses only",
}
_GROUNDS: Final = {
    "none-needed": "needs no opt-in for this purpose",
    "consent": "has the customer's consent",
    "soft-opt-in": "has the country's soft opt-in",
    "implied": "has the consent that an order or inquiry implies there",
    "reply": "answers what the customer has just written there",
    "asked": "brings what the customer has just asked for on a page",
}
_LACKS: Final = {
    "never-asked": "was never consented to",
    "turned-off": "was turned off",
    "pending": "has a consent that waits for its confirmation",
    "other-address": "has a consent that was given for another address",
    "too-old": "has a consent that is too old",
    "not-written": "has a consent without the wording that a marketing text needs there",
    "minor": "is not used to advertise to a minor",
    "too-late": "could answer what the customer wrote for five minutes only",
}
_UNLESS: Final = {
    "order-unknown": "the order is on record",
    "order-cancelled": "it is not cancelled",
    "order-refunded": "it is not refunded",
    "reordered": "the product was not ordered again",
    "order-shipped": "nothing of it was sent",
    "shipment-known": "no shipment of it is known",
    "parcel-arrived": "the parcel has not arrived",
    "parcel-moved-on": "the parcel has not moved on",
    "parcel-recovered": "the parcel is still expected late",
    "survey-answered": "the customer has not answered",
    "return-explained": "the return goes on, and nobody said why",
    "answered-anew": "the customer has not answered otherwise since",
    "order-went-wrong": "nothing of the order was refunded, given back or lost",
    "case-closed": "the case is still open",
    "case-open": "the case was not opened again",
    "segment-left": "the customer is still that kind of buyer",
    "offer-unwanted": "the customer did not say that the offer is not for them",
    "consent-settled": "a consent still waits for its confirmation",
    "not-asked": "the customer still waits for the product",
    "nothing-to-review": "the customer has something of it that they have not reviewed",
}
_SUPPRESSED: Final = {"hard_bounce": "bounced for good", "complaint": "complained"}

Saw = Mapping[str, Any]


def when(value: datetime | str) -> str:
    """An instant as people read it: `Mon 2 Mar 2026, 09:15` with seconds where they matter, UTC."""
    instant = parse_iso(value) if isinstance(value, str) else value
    seconds = f":{instant.second:02d}" if instant.second or instant.microsecond else ""
    return f"{instant:%a} {instant.day} {instant:%b %Y, %H:%M}{seconds}"


def channel(name: str) -> str:
    return _CHANNELS.get(name, name)


def _each(saw: Saw, words: Mapping[str, str], otherwise: str) -> str:
    return _and([f"{channel(name)} {words.get(str(value), f'{otherwise} {value}')}" for name, value in saw.items()])


def _and(parts: Iterable[str]) -> str:
    listed = [part for part in parts if part]
    return listed[0] if len(listed) == 1 else ", ".join(listed[:-1]) + " and " + listed[-1] if listed else ""


def _duplicate(step: Step) -> str:
    if step.said == "pass":
        return "nothing was settled under this key before"
    return f"it already stands as {step.saw.get('state', 'settled')}"


def _expired(step: Step) -> str:
    closes = step.saw.get("not_after")
    at = f" ({when(str(closes))})" if closes else ""
    return f"its window is still open{at}" if step.said == "pass" else f"its window has closed{at}"


def _kill_switch(step: Step) -> str:
    return _each(step.saw, _MODES, "stands at")


def _relevant(step: Step) -> str:
    if step.said != "pass":
        facts = [f"{plain(name)} {_value(value)}" for name, value in step.saw.items() if value is not None]
        return _and([REASONS[step.because] if step.because else "", *facts])
    asked = step.saw.get("unless") or ()
    known = [_UNLESS.get(word, word) for word in asked] if isinstance(asked, (tuple, list)) else []
    return _and(known) or "it holds whatever became of the order"


def _suppressed(step: Step) -> str:
    if step.said == "pass" and step.saw:
        return f"{_each(step.saw, _SUPPRESSED, 'is suppressed:')}; another address has not"
    if step.said == "pass":
        return "the address has neither bounced nor complained"
    return _each(step.saw, _SUPPRESSED, "is suppressed:") or (REASONS[step.because] if step.because else "")


def _paused(step: Step) -> str:
    if step.said == "pass":
        return "the customer asked for no pause"
    return f"{REASONS[Reason.PAUSED]} until {when(str(step.saw['paused_until']))}"


def _channels(step: Step) -> str:
    if step.said == "pass":
        grounds = _each({name: kind for name, kind in step.saw.items() if name in _CHANNELS}, _GROUNDS, "may be used:")
        return "; ".join(part for part in (grounds, _choice(step.saw)) if part)
    said = REASONS[step.because] if step.because else "no channel is left"
    lacks = {name: why for name, why in step.saw.items() if why in _LACKS}
    refused = step.saw.get("refused_by")
    if isinstance(refused, (tuple, list)):
        said += f" ({_and(channel(str(name)) for name in refused)})"
    return f"{said} ({_each(lacks, _LACKS, '')})" if lacks else said


_CHOSEN: Final = {
    "stated": "the customer asked for it first",
    "urgent": "it is of use within the hour",
    "learned": "by what is known of answers and what it costs",
    "default": "by the store's order, as too little is known of answers",
    "explored": "it is tried on a few, because least is known of it",
}


def _choice(saw: Saw) -> str:
    """Why one channel comes before the others, where there are others."""
    first = saw.get("first")
    if first is None:
        return ""
    because = _CHOSEN.get(str(saw.get("because")), str(saw.get("because")))
    answers = [
        f"{channel(name.removesuffix(' answers'))} is answered by {share}"
        for name, share in saw.items()
        if name.endswith(" answers")
    ]
    return f"{channel(str(first))} comes first: {because}" + (f" ({_and(answers)})" if answers else "")


def _send_time(step: Step) -> str:
    opens = step.saw.get("not_before")
    if step.said == "pass":
        closed = step.saw.get("closed")
        return f"{channel(str(closed))} is closed, {channel(str(step.saw['instead']))} is open" if closed else "it may go now"
    if step.because is Reason.BETTER_HOUR:
        return f"{REASONS[Reason.BETTER_HOUR]}, the next time {when(str(step.saw['until']))}"
    if opens:
        return f"not before {when(str(opens))}"
    own = step.saw.get("own_quiet_hours")
    why = f"the customer keeps {own} quiet" if own else REASONS[Reason.QUIET_HOURS]
    at, hours = str(step.saw.get("opens", "")), step.saw.get("hours_open")
    opens = f"open again {when(at)}{f', for {hours} hours' if hours else ''}" if at.endswith("Z") else at and f"it opens {at}"
    return "; ".join(part for part in (why, _zones(step.saw), opens) if part)


def _zones(saw: Saw) -> str:
    """Where the recipient may be, what that is known by, and what the clocks there show."""
    zones, clocks, count = saw.get("zones"), saw.get("local_times"), saw.get("zones_in_all")
    if not isinstance(zones, (tuple, list)) or not isinstance(clocks, (tuple, list)):
        return ""
    known = f"known by {plain(str(saw.get('known_by'))).replace('-', ' ')}"
    if not zones:
        return "the place is not known"
    shown = [f"{zone} ({clock})" for zone, clock in zip(zones, clocks, strict=True)]
    return f"{known}: {count} zone{'' if count == 1 else 's'}, {_and(shown)}"


def _silence(step: Step) -> str:
    if step.said == "pass":
        return "nothing asks for quiet"
    return f"{REASONS[step.because] if step.because else 'quiet'} ({step.saw.get('about')})"


def _cap(step: Step) -> str:
    stretched = f", with windows stretched {step.saw['stretched']} times" if step.saw.get("stretched") else ""
    if step.because is Reason.CAP_FULL:
        return f"{plain(str(step.saw.get('limit')))} is full until {when(str(step.saw.get('opens')))}{stretched}"
    if step.because is Reason.BETTER_WAITS:
        return f"{step.saw.get('better')} is worth more and waits for the same slot{stretched}"
    left = [f"{plain(name)}: {room}" for name, room in step.saw.items() if isinstance(room, int)]
    return f"there is room ({_and(left)}{stretched})" if left else "it does not count"


_BY: Final = {
    "stated": "the customer asked for one message a week",
    "learned": "customers like this one answer one message a week more readily",
    "explored": "this customer is among the few on whom the other way is tried",
    "default": "too little is known",
}


def _gathered(step: Step) -> str:
    parts = step.saw.get("parts")
    if isinstance(parts, (tuple, list)):
        return f"it is made of {_and(str(part) for part in parts)}"
    if not step.saw:
        return "it goes by itself"
    by = _BY.get(str(step.saw.get("by")), "")
    if step.said == "hold":
        return f"{by}; {'the digest of its turn was full' if step.saw.get('left_over') else 'it waits for the next digest'}"
    alone = "its turn came, and it is the only one" if step.saw.get("alone") else "it cannot wait so long"
    return f"{by}, but {alone}"


def _dry_run(step: Step) -> str:
    return "the stage sends" if step.said == "pass" else REASONS[Reason.DRY_RUN]


_RULES: Final[Mapping[str, tuple[str, Callable[[Step], str]]]] = {
    "duplicate": ("Settled before?", _duplicate),
    "expired": ("Too late?", _expired),
    "kill_switch": ("Switched on?", _kill_switch),
    "relevant": ("Still true?", _relevant),
    "suppressed": ("Address good?", _suppressed),
    "paused": ("Not paused?", _paused),
    "channels": ("A channel with a ground?", _channels),
    "silence": ("Anything that asks for quiet?", _silence),
    "send_time": ("A good time?", _send_time),
    "gathered": ("Can it wait for the digest?", _gathered),
    "cap": ("Has the customer heard enough?", _cap),
    "dry_run": ("Does the stage send?", _dry_run),
}


_TONES: Final = {
    "stated": "as the customer asked to be written to",
    "bad_news": "because it is bad news",
    "past": "because something went badly for this customer lately",
    "setup": "because it says how something is set up",
    "business": "because the customer is a business",
    "address": "as this language addresses its readers",
    "brand": "as the brand sounds",
}


def _written(step: Step) -> str:
    """The tone, and of a short form what it takes."""
    tone, because = step.saw.get("tone"), str(step.saw.get("because"))
    said = ("tone", "because", *(("encoding", "units", "segments") if "segments" in step.saw else ()))
    rest = [f"{plain(name)} {_value(value)}" for name, value in step.saw.items() if name not in said]
    if "segments" in step.saw:
        rest.append(_segments(step.saw))
    return _and([f"{tone}, {_TONES.get(because, because)}" if tone else "", *rest])


def segments(message: Message) -> str:
    """What a text message takes: `1 segment (107 GSM-7 characters)`; empty for any other."""
    saw = next((s.saw for d in reversed(message.decisions) for s in d.trace if s.rule == "written"), {})
    return _segments(saw) if "segments" in saw else ""


def _segments(saw: Saw) -> str:
    return f"{saw['segments']} segment{'' if saw['segments'] == 1 else 's'} ({saw['units']} {saw['encoding']} characters)"


_BESIDE: Final[Mapping[str, tuple[str, Callable[[Step], str]]]] = {"written": ("How is it written?", _written)}
"""What is no rule of the gate and stands in its record as well."""


def known_rules() -> tuple[str, ...]:
    """The rules that have words of their own; another one is told by its name and what it saw."""
    return tuple(_RULES)


def rule(step: Step) -> tuple[str, str]:
    """One rule's part in words: its question, and what it found."""
    question, say = {**_RULES, **_BESIDE}.get(step.rule, (plain(step.rule).capitalize(), _anything))
    return question, say(step)


def _anything(step: Step) -> str:
    found = [f"{plain(name)} {_value(value)}" for name, value in step.saw.items() if value is not None]
    reason = REASONS.get(step.because, str(step.because)) if step.because else ""
    return _and([reason, *found]) or {"pass": "nothing against it", "hold": "not now", "refuse": "no"}[step.said]


def plain(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return _and(str(part) for part in value)
    text = str(value)
    return when(text) if len(text) >= 20 and text[4:5] == "-" and text.endswith("Z") else text


def outcome(decision: Decision) -> str:
    """What a decision came to, in one sentence without its full stop."""
    said = f"{STATES[decision.state]}: {REASONS[decision.reason]}"
    if decision.state is State.SENT and decision.channel:
        said = f"Sent by {channel(decision.channel)}: {REASONS[decision.reason]}"
    if decision.until:
        said += f"; looked at again {when(decision.until)}"
    operator = decision.caused_by.removeprefix(OPERATOR) if decision.caused_by.startswith(OPERATOR) else ""
    told = "; ".join(part for part in (decision.note, operator and f"by {operator}") if part)
    return said + (f" ({told})" if told else "")


def about(message: Message) -> str:
    """What a message is, in half a sentence."""
    proposal = message.proposal
    references = _and(f"{plain(name)} {value}" for name, value in proposal.references.items())
    return f"{proposal.template}, {PURPOSES[proposal.purpose]}" + (f", {references}" if references else "")


def record(message: Message) -> list[str]:
    """The whole decision record of a message, one line each, for a terminal."""
    proposal = message.proposal
    lines = [
        f"{proposal.key}",
        f"  {about(message)}",
        f"  {outcome(message.last)}",
        "",
        f"  proposed {when(proposal.proposed_at)}; may be sent {window(message)}",
    ]
    width = max(len(question) for question, _ in _RULES.values())
    for decision in message.decisions:
        lines.append(f"  {when(decision.at)}")
        for step in decision.trace:
            question, found = rule(step)
            sign = {"pass": "✓", "hold": "…", "refuse": "✗"}[step.said]
            lines.append(f"    {sign} {question:<{width}}  {found}")
        lines.append(f"    → {outcome(decision)}")
    evidence = grounds(message)
    return [*lines, *(f"  {line}" for line in evidence)]


def window(message: Message) -> str:
    proposal = message.proposal
    opens = f"from {when(proposal.not_before)} " if proposal.not_before else ""
    return f"{opens}until {when(proposal.not_after)}"


def grounds(message: Message) -> list[str]:
    """What else the ledger keeps of a message that was sent: provider's id, template, consent."""
    kept = [
        ("provider's id", message.provider_id),
        ("template", message.template_version),
        ("content hash", message.content_hash),
        ("made of", ", ".join(message.parts)),
        ("consent", message.consent_proof and f"evidence {message.consent_proof}, record version {message.consent_version}"),
    ]
    return [f"{name}: {value}" for name, value in kept if value]

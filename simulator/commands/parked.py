"""`aftercare parked`: what waits for an operator, and how it is resolved."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from typing import Any

from aftercare import keys, ledger
from aftercare.clock import iso
from aftercare.decision import OPERATOR, Decision, Message, Reason, State
from aftercare.keys import Key
from aftercare.table import Item
from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.records import Records
from simulator.commands.terminal import counted, say, say_json, table
from simulator.commands.world import SENDERS
from simulator.report import words

PLACES = (*SENDERS, "store", "ses", "unknown")
MOST = 500
KEPT_DAYS = 90

RESEND = "resend"
CHOICES = {
    "confirm-sent": (State.SENT, Reason.OPERATOR_CONFIRMED),
    RESEND: (State.HELD, Reason.OPERATOR_RESENT),
    "drop": (State.REFUSED, Reason.OPERATOR_DROPPED),
}
"""What an operator may make of a message whose outcome nobody learned (rule H2 of docs/guarantees.md)."""


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "parked",
        run,
        "list what was parked, and resolve a parked message: confirm that it was sent, send it once more, or drop it",
        """\
  aftercare parked list --stack aftercare
  aftercare parked list --days 30                       deliveries of the last 30 days that could not be understood
  aftercare parked resolve MESSAGE confirm-sent --stack aftercare
  aftercare parked resolve MESSAGE resend --note "not among the provider's events" --stack aftercare
  aftercare parked resolve MESSAGE drop --note "customer was called" --stack aftercare
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="list|resolve", required=True, parser_class=type(parser))
    show = verbs.add_parser("list", help="messages whose outcome nobody learned, and deliveries that nobody could read")
    show.add_argument("--days", type=int, default=7, help="deliveries of so many days (default: %(default)s)")
    resolve = verbs.add_parser("resolve", help="settle one parked message for good, or give it to the gate once more")
    resolve.add_argument("message", help="the message's short id or key, as `parked list` shows it")
    resolve.add_argument(
        "how",
        choices=CHOICES,
        help="confirm-sent: it did reach the customer; resend: the gate sends it by its ordinary rules, and the customer may "
        "get it twice; drop: it is given up",
    )
    resolve.add_argument("--note", default="", help="why, for the decision record; no personal data; needed for resend")
    for each in (show, resolve):
        options.records(each)
        options.as_json(each)


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "list" and not 0 <= arguments.days <= KEPT_DAYS:
        raise BadInput(f"--days: expected 0 to {KEPT_DAYS}: so long a parked delivery is kept")
    where = records.of(arguments)
    return _list(where, arguments) if arguments.verb == "list" else _resolve(where, arguments)


def _messages(where: Records) -> list[tuple[Key, Item, Message]]:
    """Parked messages by the index; it may be keys only, so the items are read."""
    due = where.tables.due("parked", iso(where.now + timedelta(days=1)), MOST)
    places = [Key("customers", str(item["pk"]), str(item["sk"])) for item in due]
    found: dict[Key, Item] = {}
    for n in range(0, len(places), 100):
        found |= where.tables.read(places[n : n + 100])
    items = [(place, found[place]) for place in places if place in found]
    return [(place, item, message) for place, item in items if (message := ledger.message_from(item)).state is State.PARKED]


def _deliveries(where: Records, days: int, until: datetime) -> list[Item]:
    found: list[Item] = []
    for sender in PLACES:
        for ago in range(days):
            day = until - timedelta(days=ago)
            found += where.tables.partition("customers", f"PARKED#{sender}#{day:%Y-%m-%d}", sender)
    return sorted(found, key=lambda item: str(item.get("received_at", "")))


def _list(where: Records, arguments: argparse.Namespace) -> int:
    messages = _messages(where)
    deliveries = _parked_deliveries(where, arguments.days)
    if arguments.json:
        say_json(
            {
                "messages": [
                    {
                        "message_id": m.proposal.message_id,
                        "key": m.proposal.key,
                        "customer": m.proposal.customer_id,
                        "since": iso(m.last.at),
                        "reason": m.last.reason,
                    }
                    for _, _, m in messages
                ],
                "deliveries": deliveries,
            }
        )
        return 1 if messages or deliveries else 0
    found = f"{len(deliveries)} {'delivery' if len(deliveries) == 1 else 'deliveries'} of {counted(arguments.days, 'day')}"
    say(f"{where.name}: {counted(len(messages), 'message parked')}, {found}")
    rows = [(m.proposal.message_id, m.proposal.key, words.when(m.last.at), words.REASONS[m.last.reason]) for _, _, m in messages]
    for line in table(rows, indent="  "):
        say(line)
    rows = [(d["received_at"], d["sender"], d["topic"], d["reason"]) for d in deliveries]
    for line in table([(words.when(row[0]), *row[1:]) for row in rows], indent="  "):
        say(line)
    return 1 if messages or deliveries else 0


def _parked_deliveries(where: Records, days: int) -> list[dict[str, str]]:
    return [
        {
            "received_at": str(item.get("received_at", "")),
            "sender": str(item["pk"]).split("#")[1],
            "topic": str(item.get("topic", "")),
            "reason": str(item.get("reason", "")),
            "delivery": str(item["sk"]),
        }
        for item in _deliveries(where, days, where.now)
    ]


def _resolve(where: Records, arguments: argparse.Namespace) -> int:
    asked, how, why = arguments.message, arguments.how, " ".join(arguments.note.split())
    found = next((m for m in _messages(where) if asked in (m[2].proposal.message_id, m[2].proposal.key)), None)
    if found is None:
        raise BadInput(f"message {asked}: expected the id or key of a parked message; `aftercare parked list` shows them")
    place, item, message = found
    if how == RESEND:
        if not why:
            raise BadInput("--note: is required to resend: say why, because the customer may get the message twice")
        closes = message.proposal.not_after
        if where.now >= closes:
            raise BadInput(f"message {asked}: its window closed {words.when(closes)}: expected confirm-sent or drop")
    state, reason = CHOICES[how]
    decision = Decision(
        at=where.now,
        state=state,
        reason=reason,
        channel=message.channel,
        until=where.now if how == RESEND else None,
        caused_by=f"{OPERATOR}{where.operator}",
        note=why[:500],
    )
    changes: dict[str, object] = {"sent_at": message.sent_at or where.now} if state is State.SENT else {}
    customer_id = keys.customer_id_of(place.pk)
    parts = [ledger.decided(part, decision) for part in _parts(where, customer_id, message)] if how == RESEND else []
    if parts:
        # What was gathered is gathered anew, under a key of its own; of this one it is not known what became of it.
        decision = decision.model_copy(update={"state": State.SUPERSEDED, "until": None})
    settled = ledger.decided(message, decision, **changes)
    if how == RESEND:
        written = ledger.to_gate_again(where.tables, customer_id, settled, item, where.now, parts)
    else:
        written = ledger.confirm_sent(where.tables, customer_id, settled, item, where.now)
    if not written:
        raise BadInput(f"message {asked}: it was settled by somebody else meanwhile")
    where.keep()
    if how == RESEND:
        where.ring(customer_id)
        settled = _as_it_stands(where, customer_id, settled)
    if arguments.json:
        say_json({"message_id": message.proposal.message_id, "settlement": settled.state, "reason": settled.last.reason})
        return 0
    say(f"{message.proposal.key}: {words.outcome(settled.last)}")
    return 0


def _parts(where: Records, customer_id: str, message: Message) -> list[Message]:
    """The messages that a digest was made of, as they lie superseded; none for any other message."""
    places = [keys.ledger(customer_id, keys.message_id(key)) for key in message.parts]
    found = where.tables.read(places) if places else {}
    return [part for place in places if place in found and (part := ledger.message_from(found[place])).state is State.SUPERSEDED]


def _as_it_stands(where: Records, customer_id: str, message: Message) -> Message:
    """What the gate has made of a message by now; on a stack it may not have come to it yet."""
    places = [make(customer_id, message.proposal.message_id) for make in (keys.ledger, keys.held)]
    found = where.tables.read(places)
    return next((ledger.message_from(found[place]) for place in places if place in found), message)

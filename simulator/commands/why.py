"""`aftercare why`: the decision record of a customer's messages, in words."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from aftercare.clock import parse_iso
from aftercare.decision import Message
from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.terminal import counted, paint, say, say_json, table
from simulator.report import words


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "why",
        run,
        "say for each message considered for a customer why it was sent, held or refused",
        """\
  aftercare why anna@example.com                       every message, one line each
  aftercare why anna@example.com order-confirmation    one message, rule by rule
  aftercare why larkfield.myshopify.com:1001          the customer of an order
  aftercare why anna@example.com --at 2026-03-30T12:00Z    as it stood then
  aftercare why anna@example.com --stack aftercare     on a deployed stack
""",
    )
    parser.add_argument("customer", help="customer id, e-mail address or order key (<shop>:<order>)")
    parser.add_argument("message", nargs="?", help="message key, its beginning, or a pattern with *; rule by rule")
    parser.add_argument("--at", metavar="TIME", help="as it stood at this time: 2026-03-30T12:00Z, or with an offset")
    options.records(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    found = records.find(records.of(arguments), arguments.customer)
    messages = found.messages if arguments.at is None else _as_of(found.messages, _time(arguments.at))
    chosen = [m for m in messages if arguments.message is None or _fits(m.proposal.key, arguments.message)]
    if arguments.message and not chosen:
        known = ", ".join(m.proposal.key for m in messages) or "none was considered"
        raise BadInput(f"message {arguments.message}: expected one of this customer's messages: {known}")
    if arguments.json:
        say_json({"customer": found.customer.id, "messages": [_as_json(message) for message in chosen]})
        return 0
    orders = counted(len(found.customer.orders), "order")
    say(f"{paint(found.customer.id, 'bold')}: {orders}, {counted(len(messages), 'message considered')}")
    say()
    if arguments.message:
        for message in chosen:
            say("\n".join(words.record(message)))
            say()
        return 0
    for line in table([(m.proposal.key, words.when(m.last.at), words.outcome(m.last)) for m in chosen], indent="  "):
        say(line)
    if chosen:
        say()
        say(f"Rule by rule: aftercare why {arguments.customer} '{chosen[-1].proposal.key}'")
    return 0


def _time(text: str) -> datetime:
    try:
        return parse_iso(text)
    except ValueError as error:
        raise BadInput(f"--at {text}: expected a time with its offset, such as 2026-03-30T12:00Z") from error


def _as_of(messages: Sequence[Message], at: datetime) -> tuple[Message, ...]:
    """The messages as their decisions up to an instant left them; one that nobody had decided on yet is not among them."""
    found = []
    for message in messages:
        decisions = tuple(d for d in message.decisions if d.at <= at)
        if decisions:
            last = decisions[-1]
            sent = message.sent_at if message.sent_at and message.sent_at <= at else None
            then = {"decisions": decisions, "state": last.state, "channel": last.channel or None, "sent_at": sent}
            found.append(message.model_copy(update=then))
    return tuple(found)


def _fits(key: str, asked: str) -> bool:
    return key == asked or key.startswith(f"{asked}#") or fnmatchcase(key, asked)


def _as_json(message: Message) -> dict[str, Any]:
    return {
        "key": message.proposal.key,
        "message_id": message.proposal.message_id,
        "purpose": message.proposal.purpose,
        "template": message.proposal.template,
        "channel": message.channel,
        "settlement": message.state,
        "reason": message.last.reason,
        "at": message.last.at.isoformat().replace("+00:00", "Z"),
        "in_words": words.outcome(message.last),
        "decisions": [
            {
                "at": decision.at.isoformat().replace("+00:00", "Z"),
                "state": decision.state,
                "reason": decision.reason,
                "note": decision.note or None,
                "caused_by": decision.caused_by or None,
                "steps": [
                    {
                        "rule": step.rule,
                        "said": step.said,
                        "because": step.because,
                        "saw": dict(step.saw),
                        "in_words": words.rule(step)[1],
                    }
                    for step in decision.trace
                ],
            }
            for decision in message.decisions
        ],
    }

"""`aftercare inbound`: what people wrote that somebody has to read."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from aftercare import inbound, keys
from aftercare.clock import iso
from aftercare.inbound import Written
from aftercare.keys import Key
from aftercare.one_line import plain
from aftercare.table import ConditionFailed, Item
from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.records import Records
from simulator.commands.terminal import counted, say, say_json
from simulator.report import words

MOST = 500


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "inbound",
        run,
        "read what people wrote by text message or WhatsApp that no keyword answers, and note that it was read",
        """\
  aftercare inbound list --stack aftercare
  aftercare inbound done REF --stack aftercare          it was read, and answered where it had to be
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="list|done", required=True, parser_class=type(parser))
    show = verbs.add_parser("list", help="what nobody has read yet, the oldest first; exit code 1 when there is any")
    noted = verbs.add_parser("done", help="take one off the list; its text stays until 90 days are over")
    noted.add_argument("ref", help="the text's reference, as `inbound list` shows it")
    for each in (show, noted):
        options.records(each)
        options.as_json(each)


def run(arguments: argparse.Namespace) -> int:
    where = records.of(arguments)
    return _list(where, arguments) if arguments.verb == "list" else _done(where, arguments)


def _unread(where: Records) -> list[tuple[Key, Written]]:
    """What stands on the due index; it may be keys only, so the items are read."""
    due = where.tables.due(inbound.DUE, iso(where.now + timedelta(days=1)), MOST)
    places = [Key("customers", str(item["pk"]), str(item["sk"])) for item in due]
    found: dict[Key, Item] = {}
    for start in range(0, len(places), 100):
        found |= where.tables.read(places[start : start + 100])
    there = [(place, item) for place in places if (item := found.get(place)) and "due_kind" in item]
    return [(place, inbound.read(item)) for place, item in there]


def _ref(place: Key) -> str:
    return place.sk.removeprefix(keys.INBOUND)


def _whose(place: Key) -> str | None:
    """The customer's id; None for somebody who is nobody's here."""
    return keys.customer_id_of(place.pk) if place.sk.startswith(keys.INBOUND) else None


def _list(where: Records, arguments: argparse.Namespace) -> int:
    found = _unread(where)
    if arguments.json:
        say_json([{"ref": _ref(place), "customer": _whose(place), **text.model_dump(mode="json")} for place, text in found])
        return 1 if found else 0
    say(f"{where.name}: {counted(len(found), 'text')} to read")
    for place, text in found:
        customer = _whose(place)
        whose = f"customer {customer}" if customer else "nobody known"
        say(f"  {_ref(place)}  {words.when(text.at)}  {text.channel} {text.number}  {whose}")
        # Outside text: no sign of it may move the cursor.
        say(f"    {plain(text.text, inbound.LONGEST) or '(no text: a picture, a voice message or the like)'}")
    return 1 if found else 0


def _done(where: Records, arguments: argparse.Namespace) -> int:
    place = next((place for place, _ in _unread(where) if _ref(place) == arguments.ref), None)
    if place is None:
        raise BadInput(f"text {arguments.ref}: expected one that nobody has read; `aftercare inbound list` shows them")
    try:
        where.tables.write([inbound.done(place)])
    except ConditionFailed:
        raise BadInput(f"text {arguments.ref}: it is not there any more") from None
    where.keep()
    if arguments.json:
        say_json({"ref": arguments.ref, "done_at": iso(where.now)})
    else:
        say(f"{arguments.ref}: read")
    return 0

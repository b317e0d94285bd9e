"""`aftercare requests`: legal requests that are open, the one that runs out first first."""

from __future__ import annotations

import argparse
from typing import Any

from aftercare import requests
from aftercare.clock import iso
from aftercare.requests import Request
from aftercare.table import ConditionFailed
from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.records import Records
from simulator.commands.terminal import paint, say, say_json, table
from simulator.report import words


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "requests",
        run,
        "list open legal requests with their clocks, and note that one was acknowledged or answered",
        """\
  aftercare requests list --stack aftercare
  aftercare requests acknowledge REF --stack aftercare
  aftercare requests close REF --outcome "erased" --stack aftercare
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="list|acknowledge|close", required=True, parser_class=type(parser))
    show = verbs.add_parser("list", help="open requests; exit code 1 when one must be acknowledged or answered within a week")
    noted = verbs.add_parser("acknowledge", help="the person was told that the request came in")
    closed = verbs.add_parser("close", help="the request was answered")
    closed.add_argument("--outcome", required=True, help="what was done, without personal data")
    for each in (noted, closed):
        each.add_argument("ref", help="the request's reference, as `requests list` shows it")
    for each in (show, noted, closed):
        options.records(each)
        options.as_json(each)


def run(arguments: argparse.Namespace) -> int:
    where = records.of(arguments)
    if arguments.verb == "list":
        return _list(where, arguments)
    return _note(where, arguments)


def urgent(request: Request, where: Records) -> bool:
    """Whether its next clock runs out within a week."""
    nearest = request.due_by if request.acknowledged_at else min(request.ack_by, request.due_by)
    return nearest - requests.WARN <= where.now


def _list(where: Records, arguments: argparse.Namespace) -> int:
    found = requests.open_requests(where.tables, where.now)
    pressing = [r for r in found if urgent(r, where)]
    if arguments.json:
        say_json([{**r.model_dump(mode="json", exclude_none=True), "urgent": r in pressing} for r in found])
        return 1 if pressing else 0
    say(f"{where.name}: {len(found)} open requests, {len(pressing)} run out within a week")
    rows = []
    for r in found:
        acknowledged = "acknowledged" if r.acknowledged_at else f"acknowledge by {words.when(r.ack_by)}"
        mark = paint("!", "red") if r in pressing else " "
        rows.append(
            (
                mark,
                r.ref,
                str(r.asked),
                acknowledged,
                f"answer by {words.when(r.due_by)} ({r.laws[0]})",
                ", ".join(r.customer_ids) or "nobody known",
            )
        )
    for line in table(rows, indent="  "):
        say(line)
    return 1 if pressing else 0


def _note(where: Records, arguments: argparse.Namespace) -> int:
    found = [r for r in requests.open_requests(where.tables, where.now) if r.ref == arguments.ref]
    if not found:
        raise BadInput(f"request {arguments.ref}: expected the reference of an open one; `aftercare requests list` shows them")
    for request in found:
        changes: dict[str, Any] = {"acknowledged_at": request.acknowledged_at or where.now}
        if arguments.verb == "close":
            changes |= {"closed_at": where.now, "outcome": arguments.outcome[:200]}
        try:
            requests.keep(where.tables, request.model_copy(update=changes))
        except ConditionFailed:
            raise BadInput(f"request {arguments.ref}: it is not there any more") from None
    where.keep()
    if arguments.json:
        say_json({"ref": arguments.ref, "verb": arguments.verb, "at": iso(where.now)})
    else:
        say(f"{arguments.ref}: {'answered' if arguments.verb == 'close' else 'acknowledged'}")
    return 0

"""`aftercare webhooks`: where the store's own tools are told what happened, and which of them are closed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from aftercare import endpoints, keys
from aftercare.clock import iso
from aftercare.endpoints import Closed, Endpoint, Unusable, closed_from, endpoints_of
from aftercare.webhook import parts_of
from simulator.commands import options, records
from simulator.commands.deployed import StackRecords
from simulator.commands.problem import BadInput
from simulator.commands.records import Records
from simulator.commands.terminal import counted, paint, say, say_json, table
from simulator.report import words


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "webhooks",
        run,
        "check the endpoints of your own tools, list them, and open one that was closed",
        """\
  aftercare webhooks check endpoints.json               before it goes into its SecureString
  aftercare webhooks list --stack aftercare
  aftercare webhooks open helpdesk --stack aftercare    after it answered 410 and was mended
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="check|list|open", required=True, parser_class=type(parser))
    checked = verbs.add_parser("check", help="whether a file of endpoints can be used")
    checked.add_argument("file", type=Path, help="the JSON that the SecureString will hold")
    options.as_json(checked)
    show = verbs.add_parser("list", help="the endpoints, and which are closed; exit code 1 when one is")
    opened = verbs.add_parser("open", help="tell a closed endpoint again, from now on")
    opened.add_argument("name", help="the endpoint's name, as `webhooks list` shows it")
    for each in (show, opened):
        options.records(each)
        options.as_json(each)


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "check":
        return _check(arguments)
    where = records.of(arguments)
    return _list(where, arguments) if arguments.verb == "list" else _open(where, arguments)


def _check(arguments: argparse.Namespace) -> int:
    try:
        text = arguments.file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise BadInput(f"{arguments.file}: cannot be read: {error}") from error
    try:
        found = endpoints_of(text)
    except Unusable as error:
        raise BadInput(f"{arguments.file}: {error}") from error
    if arguments.json:
        say_json([_about(endpoint) for endpoint in found])
        return 0
    say(f"{arguments.file}: {counted(len(found), 'endpoint')}")
    for line in table([_row(endpoint, None) for endpoint in found], indent="  "):
        say(line)
    return 0


def _list(where: Records, arguments: argparse.Namespace) -> int:
    closed = _closed(where)
    known = _configured(where)
    if arguments.json:
        told = [{"name": c.name, "closed_at": iso(c.at), "because": c.because} for c in closed.values()]
        say_json({"endpoints": [_about(endpoint) for endpoint in known], "closed": told})
        return 1 if closed else 0
    say(f"{where.name}: {counted(len(known), 'endpoint')}, {len(closed)} closed")
    rows = [_row(endpoint, closed.get(endpoint.name)) for endpoint in known]
    names = {endpoint.name for endpoint in known}
    rows += [(name, "", "", _standing(one)) for name, one in closed.items() if name not in names]
    for line in table(rows, indent="  "):
        say(line)
    return 1 if closed else 0


def _open(where: Records, arguments: argparse.Namespace) -> int:
    if arguments.name not in _closed(where):
        raise BadInput(f"endpoint {arguments.name}: expected one that is closed; `aftercare webhooks list` shows them")
    where.tables.write([endpoints.reopen(arguments.name)])
    where.keep()
    if arguments.json:
        say_json({"name": arguments.name, "opened_at": iso(where.now)})
    else:
        say(f"{arguments.name}: open, and told what happens from now on")
    return 0


def _closed(where: Records) -> dict[str, Closed]:
    place = keys.endpoint("")
    found = [closed_from(item) for item in where.tables.partition("knowledge", place.pk, place.sk)]
    return {one.name: one for one in found}


def _configured(where: Records) -> tuple[Endpoint, ...]:
    """What a stack's parameter says; a run on this machine keeps none."""
    if not isinstance(where, StackRecords) or not (text := where.webhook_endpoints()):
        return ()
    try:
        return endpoints_of(text)
    except Unusable as error:
        raise BadInput(f"{where.name}: its endpoints cannot be used: {error}") from error


def _about(endpoint: Endpoint) -> dict[str, Any]:
    """Without its secrets, and without the path of its address, which may be one."""
    return {
        "name": endpoint.name,
        "host": (parts_of(endpoint.url) or ("",))[0],
        "events": sorted(endpoint.events),
        "share": sorted(endpoint.share),
        "third_party": endpoint.third_party,
        "secrets": len(endpoint.secrets),
    }


def _row(endpoint: Endpoint, closed: Closed | None) -> tuple[str, str, str, str]:
    events = "all events" if len(endpoint.events) == len(endpoints.EVENTS) else ", ".join(sorted(endpoint.events))
    shares = ", ".join(sorted(endpoint.share)) or "ids only"
    return endpoint.name, (parts_of(endpoint.url) or ("",))[0], f"{events}; {shares}", _standing(closed)


def _standing(closed: Closed | None) -> str:
    return paint(f"closed {words.when(closed.at)}: {closed.because}", "red") if closed else "open"

"""`aftercare erase`: forget one customer, on the records of a run or on a stack. The function privacy_requests does it."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import timedelta
from typing import Any, Final

from aftercare import holdings, requests
from aftercare.clock import SystemIds
from aftercare.erasure import LOOK_AGAIN
from aftercare.kept import kind_of
from aftercare.keys import Key, message_id
from aftercare.requests import Asked, Request
from aftercare.store import Delivery
from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.records import Found, Records
from simulator.commands.terminal import paint, say, say_json, table
from simulator.report import words

TAKES: Final = LOOK_AGAIN + timedelta(minutes=10)
"""Both looks, and the sweep that brings them."""

ALSO: Final = "messages and workflows that wait are stopped, and late events make nobody anew"


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "erase",
        run,
        "forget one customer: everything that is kept of them goes, a keyed hash stays and refuses marketing",
        """\
  aftercare erase anna@example.com
  aftercare erase anna@example.com --yes --json
  aftercare erase example:1070 --stack aftercare
""",
    )
    parser.add_argument("customer", help="customer id, e-mail address or order key (<shop>:<order>)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options.records(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    where = records.of(arguments)
    found = records.find(where, arguments.customer)
    kept = places(where, found)
    if not arguments.yes and not _sure(where, found, kept):
        say("nothing was changed")
        return 1
    request = _ask(where, found)
    where.carry_out(TAKES)
    answered = requests.find(where.tables, Asked.ERASURE, request.ref) or request
    if answered.closed_at:
        where.forget(names(found))
    return _tell(arguments, found, kept, answered)


def places(where: Records, found: Found) -> Counter[str]:
    """How much of each kind is kept of the person."""
    own = [*holdings.partition(where.tables, found.customer.id), *holdings.evidence(where.tables, found.customer.id)]
    places = (Key("customers", str(item["pk"]), str(item["sk"])) for item in own)
    kinds = (kind_of(key) for key in (*places, *where.tables.owned(found.customer.id)))
    return Counter(kind.name for kind in kinds if kind)


def names(found: Found) -> set[str]:
    """What a run's own story of itself knows the person by."""
    customer = found.customer
    contacts = (customer.profile.contact, *(order.contact for order in customer.orders))
    given = {text for contact in contacts for text in (contact.email, contact.phone, contact.name) if text}
    return {customer.id, *given, *(order.key for order in customer.orders)}


def _sure(where: Records, found: Found, kept: Counter[str]) -> bool:
    if not sys.stdin.isatty():
        raise BadInput("--yes: is required where nobody can be asked")
    say(f"{where.name}: {paint(found.customer.id, 'bold')} and all that is kept of them:")
    for line in table([(str(number), kind) for kind, number in sorted(kept.items())], indent="  "):
        say(line)
    say(f"This cannot be taken back; {ALSO}.")
    return input("Type the customer's id to erase them: ").strip() == found.customer.id


def _ask(where: Records, found: Found) -> Request:
    """The wish, with its clock and its event, as if it had come from outside."""
    ref = message_id(f"command#{SystemIds().new()}")
    request = requests.opened(Asked.ERASURE, ref, "command", "store", where.now, (found.customer.id,))
    delivery = Delivery(
        key=f"command#{ref}",
        sender="operator",
        topic="erase",
        received_at=where.now,
        correlation_id=ref,
        body_hash=ref,
        events=(requests.told(request),),
        customer_id=found.customer.id,
    )
    where.tables.write([delivery.put(), requests.put(request)])
    where.keep()
    return request


def _tell(arguments: argparse.Namespace, found: Found, kept: Counter[str], request: Request) -> int:
    if arguments.json:
        asked = request.model_dump(mode="json", exclude_none=True)
        say_json({"customer": found.customer.id, "found": dict(sorted(kept.items())), "request": asked})
        return 0
    number = sum(kept.values())
    if request.closed_at:
        say(f"{found.customer.id}: erased, {number} items in all; a keyed hash is left, which refuses marketing")
    elif request.waits_until:
        say(f"{found.customer.id}: waits for a send that is under way, until {words.when(request.waits_until)}; then it goes on")
    else:
        say(f"{found.customer.id}: {number} items are being erased, within half an hour; request {request.ref}")
    return 0

"""`aftercare rescue`: customers who are not content, with the clock of each, what they wrote and what might be answered."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any, get_args

from aftercare.brand import brand
from aftercare.case_record import desk_says
from aftercare.case_topic import CaseResult
from aftercare.cases import Case
from aftercare.clock import iso
from aftercare.customer import Customer
from aftercare.feedback_policy import feedback_policy
from aftercare.language import pick, reader_locale
from aftercare.links import Link, LinkPurpose, read_keys, sign
from aftercare.one_line import plain
from aftercare.rescues import Open, is_late, open_rescues, words_of
from aftercare.store import CustomerUnknown, load
from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.records import Records
from simulator.commands.terminal import paint, say, say_json, table
from simulator.report import words

RESULTS: tuple[str, ...] = get_args(CaseResult)


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "rescue",
        run,
        "list customers who are not content, with the clock of each, and note that one was answered or helped",
        """\
  aftercare rescue list --stack aftercare
  aftercare rescue show CASE --stack aftercare            what was written, and what might be answered
  aftercare rescue answer CASE --stack aftercare          somebody has answered: the first clock stops
  aftercare rescue close CASE --result replaced --stack aftercare
  aftercare rescue link --agent Kim --stack aftercare     a signed page with all of it, for who has no helpdesk
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="list|show|answer|close|link", required=True, parser_class=type(parser))
    listed = verbs.add_parser("list", help="open rescues, the most pressing first; exit code 1 when one is late")
    shown = verbs.add_parser("show", help="one rescue: what the customer wrote, and suggested answers")
    answered = verbs.add_parser("answer", help="the customer has an answer by a person")
    closed = verbs.add_parser("close", help="it is over; some days later the customer is asked whether all is well")
    closed.add_argument("--result", choices=RESULTS, required=True, help="what came of it")
    link = verbs.add_parser("link", help="a signed link to the desk's page")
    link.add_argument("--agent", required=True, metavar="NAME", help="who will use it; the page shows it")
    link.add_argument("--hours", type=int, default=10, help="how long it opens (default: %(default)s, at most 168)")
    for each in (shown, answered, closed):
        each.add_argument("case", help="the case's reference, as `rescue list` shows it")
    for each in (listed, shown, answered, closed, link):
        options.records(each)
        options.as_json(each)


def run(arguments: argparse.Namespace) -> int:
    where = records.of(arguments)
    if arguments.verb == "list":
        return _list(where, arguments)
    if arguments.verb == "link":
        return _link(where, arguments)
    one = next((one for one in open_rescues(where.tables) if one.case.ref == arguments.case), None)
    if one is None:
        raise BadInput(f"rescue {arguments.case}: expected the reference of an open one; `aftercare rescue list` shows them")
    if arguments.verb == "show":
        return _show(where, one, arguments)
    return _note(where, one, arguments)


def _customer(where: Records, one: Open) -> Customer:
    try:
        return load(where.tables, one.customer_id, one.case.order_key, cases=[one.case.ref])
    except CustomerUnknown:
        raise BadInput(f"rescue {one.case.ref}: its customer is not there any more") from None


def _row(one: Open, where: Records) -> dict[str, Any]:
    case, rescue = one.case, one.case.rescue
    return {
        "case": case.ref,
        "customer": one.customer_id,
        "order": case.order_key,
        "opened_at": iso(case.opened_at) if case.opened_at else None,
        "due_at": iso(case.due) if case.due else None,
        "waits_for": "end" if case.answered_at else "answer",
        "late": is_late(case, where.now),
        **({"priority": rescue.priority} if rescue else {}),
        **(rescue.model_dump(mode="json", include={"segment", "score", "themes", "way", "call", "origin"}) if rescue else {}),
    }


def _list(where: Records, arguments: argparse.Namespace) -> int:
    found = open_rescues(where.tables)
    rows = [_row(one, where) for one in found]
    late = sum(row["late"] for row in rows)
    if arguments.json:
        say_json(rows)
        return 1 if late else 0
    say(f"{where.name}: {len(rows)} open rescues, {late} late")
    shown = []
    for one, row in zip(found, rows, strict=True):
        due = words.when(one.case.due) if one.case.due else "-"
        clock = f"{'end' if one.case.answered_at else 'answer'} by {due}"
        about = ", ".join(row.get("themes", ())) or "-"
        score = str(row.get("score") or "-")
        shown.append((paint("!", "red") if row["late"] else " ", one.case.ref, clock, row.get("segment", "-"), score, about))
    for line in table(shown, indent="  "):
        say(line)
    return 1 if late else 0


def _replies(customer: Customer, case: Case) -> dict[str, str]:
    """What might be answered, the way out that fits first, in the customer's language."""
    policy, store = feedback_policy().rescue, brand()
    order = customer.order(case.order_key or "")
    told = (customer.wishes.language, order.locale if order else None, customer.profile.locale)
    locale = reader_locale(told, customer.profile.country, store.locales, store.default_locale)
    first = case.rescue.way if case.rescue else "call"
    ways = sorted(policy.replies, key=lambda way: way != first)
    return {way: pick(policy.replies[way], locale, store.default_locale) for way in ways}


def _show(where: Records, one: Open, arguments: argparse.Namespace) -> int:
    customer = _customer(where, one)
    given, replies = words_of(where.tables, customer, one.case), _replies(customer, one.case)
    contact = customer.profile.contact
    if arguments.json:
        wrote = given.model_dump(mode="json", exclude_none=True) if given else None
        say_json({**_row(one, where), "wrote": wrote, "contact": contact.model_dump(exclude_none=True), "replies": replies})
        return 0
    row = _row(one, where)
    say(f"{one.case.ref}  order {one.case.order_key or '-'}  {row.get('segment', '')}")
    say(f"  {row['waits_for']} by {words.when(one.case.due) if one.case.due else '-'}{'  LATE' if row['late'] else ''}")
    reached = (contact.name, contact.email, (given.number if given else None) or contact.phone)
    say(f"  {plain(' '.join(filter(None, reached)), 200)}")
    if given:
        say(f"  score {given.score or '-'}; slowed down by: {', '.join(given.slowed_down) or '-'}")
        for line in given.text.splitlines():
            say(f"  > {plain(line, 500)}")
    say("  what might be answered:")
    for way, text in replies.items():
        say(f"  {way}: {text}")
    return 0


def _note(where: Records, one: Open, arguments: argparse.Namespace) -> int:
    customer = _customer(where, one)
    result = arguments.result if arguments.verb == "close" else None
    case = next((c for c in customer.cases if c.ref == one.case.ref), one.case)
    if not desk_says(where.tables, customer, case, arguments.verb, where.now, result):
        raise BadInput(f"rescue {one.case.ref}: it was changed meanwhile; look at it again")
    where.keep()
    if arguments.json:
        say_json({"case": one.case.ref, "verb": arguments.verb, "result": result, "at": iso(where.now)})
    else:
        say(f"{one.case.ref}: {'over' if arguments.verb == 'close' else 'answered'}")
    return 0


def _link(where: Records, arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.hours <= 168:
        raise BadInput(f"--hours {arguments.hours}: expected 1 to 168")
    ends = where.now + timedelta(hours=arguments.hours)
    token = sign(read_keys(where.link_secret), LinkPurpose.DESK, Link("-", arguments.agent, int(ends.timestamp())))
    url = f"{where.public_base_url.rstrip('/')}/d/{token}"
    if arguments.json:
        say_json({"url": url, "until": iso(ends)})
    else:
        say(url)
    return 0

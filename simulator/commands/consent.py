"""`aftercare consent`: prove what was known, enter what a support agent heard, make the agent's form."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aftercare import consent_log
from aftercare.agent_entry import BadEntry, Entry, Heard, Manner, check, speaker
from aftercare.clock import SystemIds, iso, parse_iso
from aftercare.consent import Channel, Purpose
from aftercare.consent_log import Wording, keep_wording
from aftercare.consent_policy import consent_policy
from aftercare.links import Link, LinkPurpose, read_keys, sign
from aftercare.outside import Outside
from aftercare.settings import Settings
from simulator.commands import captured, options, records
from simulator.commands.consent_proof import is_ours, proof, signed
from simulator.commands.problem import BadInput
from simulator.commands.records import Records
from simulator.commands.terminal import paint, say, say_json, table
from simulator.report import words


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "consent",
        run,
        "prove what was known of a customer's consent, and enter what a support agent heard",
        """\
  aftercare consent prove anna@example.com --at 2026-03-20T12:00:00Z
  aftercare consent prove anna@example.com --at 2026-03-20T12:00:00Z --sign     as JSON with a signature
  aftercare consent verify proof.json
  aftercare consent record anna@example.com opt-out --agent Kim --how phone --stack aftercare
  aftercare consent link anna@example.com --agent Kim --stack aftercare
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="prove|verify|record|link", required=True, parser_class=type(parser))
    prove = verbs.add_parser("prove", help="every statement with its evidence and text, and what it came to at an instant")
    prove.add_argument("customer", help="customer id, e-mail address or order key (<shop>:<order>)")
    prove.add_argument("--at", metavar="TIME", help="RFC 3339 with an offset (default: now)")
    prove.add_argument("--sign", action="store_true", help="the same as JSON with a signature that `consent verify` checks")
    verify = verbs.add_parser("verify", help="whether a signed proof is as it was made: exit code 1 when it is not")
    verify.add_argument("file", type=Path)
    enter = verbs.add_parser("record", help="enter an opt-out, consent, complaint, objection or inquiry with its evidence")
    enter.add_argument("customer", help="customer id, e-mail address or order key (<shop>:<order>)")
    enter.add_argument("heard", choices=[str(h) for h in Heard])
    enter.add_argument("--agent", required=True, metavar="NAME", help="who heard it")
    enter.add_argument("--how", required=True, choices=[str(m) for m in Manner])
    enter.add_argument("--when", metavar="TIME", help="when it was said, RFC 3339 with an offset (default: now)")
    enter.add_argument("--channel", action="append", default=[], choices=[str(c) for c in Channel])
    enter.add_argument("--purpose", action="append", default=[], choices=[str(p) for p in Purpose])
    enter.add_argument("--wording", metavar="TEXT", help="for a consent: the text that was read out and agreed to")
    enter.add_argument("--locale", help="the language of that text")
    link = verbs.add_parser("link", help="a signed link to the agent's form for one customer")
    link.add_argument("customer", help="customer id, e-mail address or order key (<shop>:<order>)")
    link.add_argument("--agent", required=True, metavar="NAME", help="who will use it; it is kept with every entry")
    link.add_argument("--hours", type=int, default=8, help="how long it opens (default: %(default)s, at most 24)")
    for each in (prove, verify, enter, link):
        options.records(each)
        options.as_json(each)


def run(arguments: argparse.Namespace) -> int:
    where = records.of(arguments)
    verb = {"prove": _prove, "verify": _verify, "record": _record, "link": _link}[arguments.verb]
    return verb(where, arguments)


def _time(text: str | None, option: str) -> datetime | None:
    try:
        return parse_iso(text) if text else None
    except ValueError:
        raise BadInput(f"{option} {text}: expected RFC 3339 with an offset, such as 2026-03-20T12:00:00Z") from None


# ---------------------------------------------------------------- prove


def _prove(where: Records, arguments: argparse.Namespace) -> int:
    customer = records.find(where, arguments.customer).customer
    at = _time(arguments.at, "--at") or where.now
    found = proof(where.tables, customer.id, at, where.now)
    if arguments.sign:
        say_json(signed(found, where.identity_secret))
        return 0
    if arguments.json:
        say_json(found)
        return 0
    say(f"{paint(customer.id, 'bold')} at {words.when(at)}")
    for title, heads in (("What we knew then", found["known_then"]), ("What had been said by then", found["said_by_then"])):
        say()
        say(paint(title, "bold"))
        rows = [
            (words.channel(h["channel"]), h["purpose"], h["says"], f"since {words.when(h['since'])}", h["proof"]) for h in heads
        ]
        for line in table(rows, indent="  ") or ["  nothing"]:
            say(line)
    say()
    say(paint("Evidence", "bold"))
    for row in found["rows"]:
        _say_row(row, found["wordings"])
    return 0


def _say_row(row: dict[str, Any], wordings: dict[str, Any]) -> None:
    kind = str(row["kind"])
    place = f"{words.channel(row['channel'])} {row['purpose']}: {row['says']}" if kind == "statement" else words.plain(kind)
    say(f"  {row['sequence']}  {place}")
    who = " ".join(str(row[name]) for name in ("actor", "by") if row.get(name))
    said = [f"said {words.when(row['said_at'])}", f"heard {words.when(row['heard_at'])}", f"by {who}", f"source {row['source']}"]
    if row.get("claimed_at"):
        said.append(f"the speaker's clock showed {words.when(row['claimed_at'])}")
    said += [
        f"{name} {row[name]}" for name in ("manner", "weight", "url", "locale", "network", "device", "address") if row.get(name)
    ]
    say(f"    {'; '.join(said)}")
    if row.get("wording") or row.get("wording_hash"):
        text = wordings.get(row.get("wording_hash") or "")
        say(f"    wording {row.get('wording') or '-'} {row.get('wording_hash') or ''}".rstrip())
        for line in str(text["text"]).splitlines() if text else ():
            say(f"      | {line}")


def _verify(where: Records, arguments: argparse.Namespace) -> int:
    document = captured.read_json(arguments.file)
    ours = is_ours(document, where.identity_secret)
    if arguments.json:
        say_json({"file": str(arguments.file), "ours": ours})
    else:
        say(f"{arguments.file}: {'as it was made' if ours else 'not as it was made, or made with another key'}")
    return 0 if ours else 1


# ---------------------------------------------------------------- record


class _At:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


class _Operator(Outside):
    """The ports that writing consent needs, on an operator's records."""

    def __init__(self, where: Records) -> None:
        self.settings = Settings()
        self.clock = _At(where.now)
        self.ids = SystemIds()
        self.tables = where.tables


def _record(where: Records, arguments: argparse.Namespace) -> int:
    customer = records.find(where, arguments.customer).customer
    at = _time(arguments.when, "--when")
    given = {
        "heard": Heard(arguments.heard),
        "agent": arguments.agent,
        "manner": Manner(arguments.how),
        "at": at,
        "channels": tuple(Channel(c) for c in arguments.channel),
        "purposes": tuple(Purpose(p) for p in arguments.purpose),
        "locale": arguments.locale,
    }
    text = (
        Wording(version=f"agent:{arguments.how}", text=arguments.wording, locale=arguments.locale) if arguments.wording else None
    )
    if text:
        given |= {"wording": text.version, "wording_hash": text.hash}
    entry = Entry.model_validate(given)
    try:
        check(entry, where.now)
    except BadEntry as problem:
        raise BadInput(str(problem)) from None
    if text:
        keep_wording(where.tables, text)
    speak = speaker(entry, consent_policy().double_opt_in, where.identity_secret)
    after = consent_log.record(_Operator(where), customer.id, speak, "agent", arguments.heard)
    where.keep()
    heads = [h for h in after.consent.heads if h not in customer.consent.heads]
    if arguments.json:
        say_json({"customer": customer.id, "heads": [h.model_dump(mode="json", exclude_none=True) for h in heads]})
        return 0
    say(f"{customer.id}: {arguments.heard} entered by {arguments.agent}, heard by {arguments.how}")
    for line in table([(words.channel(h.channel), str(h.purpose), str(h.says), h.proof) for h in heads], indent="  "):
        say(line)
    return 0


def _link(where: Records, arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.hours <= 24:
        raise BadInput(f"--hours {arguments.hours}: expected 1 to 24")
    customer = records.find(where, arguments.customer).customer
    ends = where.now + timedelta(hours=arguments.hours)
    token = sign(read_keys(where.link_secret), LinkPurpose.AGENT, Link(customer.id, arguments.agent, int(ends.timestamp())))
    url = f"{where.public_base_url.rstrip('/')}/a/{token}"
    if arguments.json:
        say_json({"url": url, "until": iso(ends)})
    else:
        say(url)
    return 0

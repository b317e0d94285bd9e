"""The journal of a run, told in order for people: requests, facts, events, waits, proposals, settlements, mails, trouble."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from aftercare.clock import parse_iso
from aftercare.decision import Reason, State
from simulator.commands.last_run import LastRun, message_items
from simulator.commands.terminal import paint
from simulator.report import words
from simulator.report.page import Happening, Letter, Person, Told, Wait
from simulator.report.rights import clocks, withdrawals

_HELD: Final = f": {words.STATES[State.HELD]}, "
_STYLE: Final = {"request": "bold", "fact": "blue", "settlement": "green", "trouble": "red", "wait": "yellow"}


def happenings(run: LastRun, names: Mapping[str, str]) -> list[Happening]:
    """Everything that happened, in order, each request before what it caused; what another line says already is left out."""
    found = [Happening(parse_iso(r["at"]), "request", f"{r['about']} → {_answer(r)}") for r in run.requests]
    by_request = {(r["at"], tuple(r["facts"])) for r in run.requests}
    outcomes = {(wait["key"], wait["ended"]): wait["outcome"] for wait in run.waits}
    for at, entries in groupby(run.journal, key=lambda entry: entry["at"]):
        found += _instant(parse_iso(at), list(entries), by_request, outcomes, names)
    # Sorting is stable: a request stands before the lines of its own instant, and those keep the journal's order.
    return _without_repeats(sorted(found, key=lambda happening: happening.at))


def _answer(request: Mapping[str, Any]) -> str:
    if request["parked"]:
        return f"{request['status']}, {', '.join([*request['facts'], 'parked'])}: {request['parked']}"
    if request["duplicate"]:
        return f"{request['status']}, known before"
    facts = ", ".join(request["facts"])
    return f"{request['status']}, {facts} recorded" if facts else f"{request['status']}, nothing recorded"


def _instant(
    at: datetime,
    entries: list[dict[str, Any]],
    by_request: set[tuple[str, tuple[str, ...]]],
    outcomes: Mapping[tuple[str, str | None], str | None],
    names: Mapping[str, str],
) -> list[Happening]:
    """The lines of one instant. A claim that was settled, a mail that a settlement tells of, and a slot that a hold set are
    no lines of their own."""
    settled = [entry for entry in entries if entry["kind"] == "settlement" and entry.get("key")]
    last = {entry["key"]: n for n, entry in enumerate(settled)}
    events: dict[str, None] = {}
    found: list[Happening] = []
    for entry in entries:
        kind, who = entry["kind"], _whose(entry)
        key = str(entry.get("key"))
        if kind == "fact" and (entry["at"], tuple(entry["facts"])) not in by_request:
            text = f"{', '.join(entry['facts']) or entry.get('topic') or 'nothing'}, told by {entry['sender']}"
            found.append(Happening(at, "fact", text, who))
        elif kind == "event":
            if not events:
                found.append(Happening(at, "event", "", who))
            events[str(entry["type"])] = None
        elif kind == "wait-started":
            found.append(Happening(at, "wait", f"{key} waits until {words.when(str(entry.get('until')))}", who))
        elif kind == "wait-woken":
            outcome = outcomes.get((key, entry["at"]))
            found.append(Happening(at, "wait", f"{key} wakes: {(outcome or 'decided again').replace('-', ' ')}", who))
        elif kind == "slot" and entry.get("until") and not any(e.get("customer") == who for e in settled):
            found.append(Happening(at, "wait", f"{names.get(str(who), who)}'s slot: {words.when(str(entry['until']))}", who))
        elif kind == "proposal":
            found.append(Happening(at, "proposal", key, who, key))
        elif kind == "dead-letter":
            found.append(Happening(at, "trouble", f"{entry['queue']} keeps {entry['about']}"))
        elif kind == "settlement" and entry.get("key") and settled[last[entry["key"]]] is entry:
            found.append(_settlement(at, entry, who))
    told = ", ".join(events)
    named = [
        Happening(each.at, "event", f"{told}, told on the bus", each.customer) if each.kind == "event" else each for each in found
    ]
    return _settled_beside_proposed(named)


def _settled_beside_proposed(found: list[Happening]) -> list[Happening]:
    """A settlement right after the proposal of this instant that it settles."""
    settlements = {each.message: each for each in found if each.kind == "settlement"}
    ordered: list[Happening] = []
    for each in found:
        if each.kind == "settlement" and settlements.get(each.message) is not each:
            continue
        ordered.append(each)
        if each.kind == "proposal" and each.message in settlements:
            ordered.append(settlements.pop(each.message))
    return ordered


def _whose(entry: Mapping[str, Any]) -> str | None:
    who = entry.get("customer") or entry.get("customer_id")
    return str(who) if who else None


def _settlement(at: datetime, entry: Mapping[str, Any], who: str | None) -> Happening:
    state, reason = State(entry["state"]), Reason(entry["reason"])
    until = f"; again {words.when(str(entry['until']))}" if entry.get("until") and state is State.HELD else ""
    by = f" by {words.channel(str(entry['channel']))}" if state is State.SENT and entry.get("channel") else ""
    return Happening(
        at, "settlement", f"{entry['key']}: {words.STATES[state]}{by}, {words.REASONS[reason]}{until}", who, entry["key"]
    )


def _without_repeats(listed: Iterable[Happening]) -> list[Happening]:
    """The same settlement of a message told again (a provider's event touched its item) is no news; nor is the same line."""
    seen: set[tuple[str | None, str]] = set()
    held: set[str | None] = set()
    kept: list[Happening] = []
    for told in listed:
        each = told
        if each.kind == "settlement":
            if (each.message, each.text) in seen:
                continue
            seen.add((each.message, each.text))
            if _HELD in each.text and each.message in held:
                each = replace(each, text=f"{each.message}: still held; again {each.text.rpartition('; again ')[2]}")
            elif _HELD in each.text:
                held.add(each.message)
        if kept and (kept[-1].at, kept[-1].kind, kept[-1].text) == (each.at, each.kind, each.text):
            continue
        kept.append(each)
    return kept


def people(run: LastRun) -> list[Person]:
    """The customers of a run in the order in which they came, by name where one is known."""
    import json

    found = []
    for item in run.tables.get("customers", []):
        if item["sk"] == "1#PROFILE":
            profile = json.loads(str(item["doc"]))
            contact = profile.get("contact", {})
            name = contact.get("name") or contact.get("email") or str(item["pk"]).removeprefix("CUSTOMER#")
            found.append((profile["first_seen"], Person(str(item["pk"]).removeprefix("CUSTOMER#"), name)))
    return [person for _, person in sorted(found, key=lambda pair: (pair[0], pair[1].id))]


def told(run: LastRun, letters: Iterable[Letter]) -> Told:
    """A run as the report shows it."""
    from aftercare.ledger import message_from

    persons = people(run)
    names = {person.id: person.name for person in persons}
    listed = happenings(run, names)
    messages = sorted(
        (message_from(item) for item in message_items(run.tables.get("customers", []))),
        key=lambda message: (message.last.at, message.proposal.key),
    )
    return Told(
        title=run.title,
        backend=run.backend,
        seed=run.seed,
        began=parse_iso(run.began),
        ended=parse_iso(run.now),
        people=persons,
        messages=messages,
        letters=list(letters),
        happenings=listed,
        came=[
            Happening(parse_iso(e["at"]), "fact", f"{', '.join(e['facts'])}, told by {e['sender']}", _whose(e))
            for e in run.journal
            if e["kind"] == "fact" and e["facts"]
        ],
        waits=_waits(run),
        withdrawals=withdrawals(run.tables.get("customers", []), messages),
        clocks=clocks(run.tables.get("customers", []), parse_iso(run.now)),
        requests=len(run.requests),
        facts=sum(len(entry["facts"]) for entry in run.journal if entry["kind"] == "fact"),
    )


def _waits(run: LastRun) -> list[Wait]:
    """Each workflow's wait, from its start to its end."""
    found = []
    for wait in run.waits:
        if wait["customer"]:
            nothing, _, why = str(wait["outcome"] or "").partition(": ")
            quiet = why.replace("-", " ") if nothing == "nothing" else None
            until = parse_iso(wait["ended"] or run.now)
            found.append(Wait(str(wait["customer"]), parse_iso(wait["started"]), until, str(wait["key"]), quiet))
    return found


def lines(listed: Iterable[Happening]) -> list[str]:
    """The timeline for a terminal: a heading for each day, a time for each instant."""
    out: list[str] = []
    for day, of_day in groupby(listed, key=lambda h: h.at.date()):
        out.append(paint(f"{day:%A} {day.day} {day:%B %Y}", "bold"))
        shown = None
        before: Happening | None = None
        for each in of_day:
            clock = f"{each.at:%H:%M:%S}"
            text = each.text
            if before and before.kind == "proposal" and each.kind == "settlement" and before.message == each.message:
                text = text.removeprefix(f"{each.message}: ")
            out.append(f"  {clock if clock != shown else '        '}  {_kind(each.kind)}  {text}")
            shown, before = clock, each
        out.append("")
    return out


def _kind(kind: str) -> str:
    padded = kind.ljust(10)
    return paint(padded, _STYLE[kind]) if kind in _STYLE else paint(padded, "dim")

"""`aftercare replay`: captured requests once more, in order, on a clock that stands at their own time."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path
from typing import Any

from aftercare.switch import Mode
from simulator.commands import options
from simulator.commands.captured import Captured, Unreadable, read_each
from simulator.commands.problem import BadInput
from simulator.commands.terminal import Progress, complain, counted, paint, say, say_json, table
from simulator.commands.world import SENDERS, Arrival, World, opened
from simulator.report import words
from simulator.scenario.play import set_switch
from simulator.scenario.shape import SwitchSet


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "replay",
        run,
        "bring captured requests to the local cloud in their order, and say what came of each and of every message",
        """\
  aftercare replay captured.json --secret shopify=TEXT            the app's client secret, to check the signatures
  aftercare replay day1.json day2.json --secret shopify=TEXT --days 90 --json
  aftercare replay events/store/OrderPlaced.json --days 60

A file holds an HTTP API event (payload format 2.0, as API Gateway hands it to a function), an EventBridge event, or a list of
such. The clock starts at the first request's own time (requestContext.timeEpoch, or the event's time) and moves forward with the
later ones; an earlier one arrives at the present instant. The stage is switched on.

"status" is the HTTP status; an event that a bus takes counts as 200. "facts" are those that this request recorded: none
for a duplicate. What is no captured request is named on stderr, and the others are brought all the same: its "status" is null
and "parked" says what was expected; the command then exits 2. It exits 1 when a message ended in a dead-letter queue.
""",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="captured requests as JSON")
    parser.add_argument(
        "--secret", action="append", default=[], metavar="SENDER=TEXT", help="a sender's webhook secret, such as shopify=TEXT"
    )
    parser.add_argument(
        "--days", type=int, default=0, metavar="N", help="let N virtual days pass after the last request (default: 0)"
    )
    options.cloud(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if not 0 <= arguments.days <= 3660:
        raise BadInput("--days: expected 0 to 3660")
    secrets = _secrets(arguments.secret)
    given = read_each(arguments.files)
    unreadable = [each for each in given if isinstance(each, Unreadable)]
    for problem in unreadable:
        complain(problem.problem)
    captured = [each for each in given if isinstance(each, Captured)]
    if not captured:
        if arguments.json:
            say_json({"requests": [_never_came(each) for each in unreadable], "messages": []})
        return 2
    progress = Progress(quiet=arguments.json)
    with opened(arguments.backend, arguments.seed, captured[0].at, secrets=secrets, switch=None) as world:
        set_switch(world, SwitchSet(mode=Mode.ON))
        requests: list[dict[str, Any]] = []
        came: list[tuple[str, Arrival]] = []
        for each in given:
            if isinstance(each, Unreadable):
                requests.append(_never_came(each))
                continue
            progress.step(each.place)
            arrival = bring(world, each)
            requests.append(_came(each, arrival))
            came.append((each.place, arrival))
        for day in range(arguments.days):
            progress.step(f"day {day + 1} of {arguments.days}")
            world.cloud.advance(days=1)
        if not arguments.days:
            world.cloud.advance(SETTLES)
        progress.done()
        messages = world.messages()
        dead = world.cloud.dead_letters()
        world.save("replay", ", ".join(path.name for path in arguments.files[:3]))
    if arguments.json:
        say_json({"requests": requests, "messages": messages})
    else:
        _say(came, messages)
    for queue, bodies in dead.items():
        many = counted(len(bodies), "message")
        complain(f"{queue} keeps {many} that no function could work on; aftercare redrive {queue} --dry-run shows them")
    return 2 if unreadable else 1 if dead else 0


def _say(came: list[tuple[str, Arrival]], messages: list[dict[str, Any]]) -> None:
    for place, arrival in came:
        say(f"{place}: {_words(arrival)}")
    say()
    say(counted(len(messages), "message considered"))
    rows = [
        (m["key"], m["settlement"], m["channel"] or "-", words.when(m["at"]), words.REASONS.get(m["reason"], m["reason"]))
        for m in messages
    ]
    for line in table(rows, indent="  "):
        say(line)


UNAUTHORIZED = 401

SETTLES = timedelta(minutes=1)
"""Time for the way from the last request to its messages."""


def bring(world: World, captured: Captured) -> Arrival:
    """One captured request, at its own time if the clock is not past it."""
    if captured.at > world.cloud.now:
        world.cloud.advance_to(captured.at)
    if captured.kind == "http":
        return world.deliver_http(captured.event, captured.place)
    return world.deliver_event(captured.event, captured.place)


def _secrets(given: list[str]) -> dict[str, str]:
    """Each sender's secrets, one a line, as its parameter holds them."""
    found: dict[str, str] = {}
    for each in given:
        sender, equals, text = each.partition("=")
        if not equals or not text or sender not in SENDERS:
            raise BadInput(f"--secret: expected SENDER=TEXT with a sender of {', '.join(SENDERS)}")
        found[sender] = f"{found[sender]}\n{text}" if sender in found else text
    return found


def _came(given: Captured, arrival: Arrival) -> dict[str, Any]:
    return {"file": given.file, "status": arrival.status, "facts": list(arrival.facts), "parked": arrival.parked}


def _never_came(given: Unreadable) -> dict[str, Any]:
    return {"file": given.file, "status": None, "facts": [], "parked": given.problem}


def _words(arrival: Arrival) -> str:
    status = paint(str(arrival.status), "green" if arrival.status < 300 else "red")
    if arrival.parked:
        return f"{status} {', '.join([*arrival.facts, 'parked'])}: {arrival.parked}"
    if arrival.status == UNAUTHORIZED:
        return f"{status} nothing recorded: its signature is of none of the secrets given (--secret SENDER=TEXT)"
    if arrival.duplicate:
        return f"{status} known before, nothing recorded again"
    return f"{status} {', '.join(arrival.facts) or 'nothing recorded'}"

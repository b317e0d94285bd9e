"""`aftercare demo`: the whole house on sample orders: 90 days in seconds, with everything it would have sent."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any, Final

from simulator.commands import options
from simulator.commands.options import BUILD, ROOT
from simulator.commands.terminal import Progress, paint, say, say_json
from simulator.commands.world import Arrival, opened
from simulator.scenario.play import Faults, Play

SCENARIO: Final = ROOT / "simulator" / "commands" / "demo.yaml"
FOLDER: Final = BUILD / "demo"


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "demo",
        run,
        "play 90 days of a small shop on the local cloud: signed webhooks in, explained messages out",
        """\
  aftercare demo                          on the real adapters over simulated services
  aftercare demo --backend memory         the same in a second, on twins
  aftercare why anna@example.com          afterwards: why did she hear what she heard?
""",
    )
    options.cloud(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from simulator.commands.simulate import read

    scenario = read(SCENARIO)
    progress = Progress(quiet=arguments.json)
    progress(f"booting the local cloud from template.yaml ({arguments.backend})")
    faults = Faults()
    with opened(
        arguments.backend, arguments.seed, scenario.start, switch=None, faults=faults.plan, channels=scenario.channels
    ) as world:

        def tell(now: datetime, about: str, arrival: Arrival | None) -> None:
            del arrival
            progress(f"day {(now.date() - scenario.start.date()).days:>2}  {about}")

        def passing(now: datetime) -> None:
            progress.step(f"day {(now.date() - scenario.start.date()).days:>2}")

        play = Play(world, scenario, faults, tell, passing)
        play.run()
        differences = play.differences()
        progress("writing messages and report")
        kept = world.kept("demo", scenario.scenario)
        kept.save()
        mails = list(world.mails())
        from aftercare.keys import message_id
        from simulator.commands.output import write_messages, write_report

        names = {message_id(m["key"]): m["key"] for m in kept.messages}
        written = write_messages(FOLDER / "messages", mails, names)
        report = write_report(FOLDER / "report.html", kept, mails, world.shorts())
        progress.done()
    if arguments.json:
        say_json(
            {
                "requests": kept.requests,
                "messages": kept.messages,
                "report": str(report),
                "written": [str(path) for path in written],
                "differences": [{"message": d.message, "expected": d.expected, "found": d.found} for d in differences],
            }
        )
        return 1 if differences else 0
    from simulator.commands.timeline import happenings, lines, people

    names_of = {person.id: person.name for person in people(kept)}
    say("\n".join(lines(happenings(kept, names_of))))
    sent = sum(message["settlement"] == "SENT" for message in kept.messages)
    say(
        paint(
            f"{len(kept.requests)} requests, {len(kept.messages)} messages considered, {sent} sent, nothing left this machine.",
            "bold",
        )
    )
    say(f"  every message    {FOLDER}/messages/ ({len(written)} as .html, .txt and .eml)")
    say(f"  the report       {report}")
    say(
        "  ask why          aftercare why anna@example.com"
        if _installed()
        else "  ask why          .venv/bin/aftercare why anna@example.com"
    )
    for each in differences:
        say(f"{paint('✗', 'red')} {each.message}: expected {each.expected}, found {each.found}")
    return 1 if differences else 0


def _installed() -> bool:
    import shutil

    return shutil.which("aftercare") is not None

"""`aftercare serve`: the customers' pages to click through, on this machine, after a scenario was played."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from simulator.commands import options
from simulator.commands.demo import SCENARIO
from simulator.commands.problem import BadInput
from simulator.commands.terminal import Progress, say, say_json
from simulator.commands.world import opened
from simulator.scenario.play import Faults, Play

PORT = 8300


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "serve",
        run,
        "play a scenario, then show its mails and the pages behind their links on a port of this machine",
        """\
  aftercare serve                                     the demo's customers: http://127.0.0.1:8300
  aftercare serve tests/journeys/scenarios/a-confirmation-for-each-kind.yaml --port 8301
  aftercare serve --backend moto                      on the real adapters

The clock stands where the scenario ended. What you click is done; nothing leaves this machine. Ctrl-C ends it.
""",
    )
    parser.add_argument("file", nargs="?", type=Path, default=SCENARIO, metavar="SCENARIO", help="default: what `demo` plays")
    parser.add_argument("--port", type=int, default=PORT, help="0 takes any that is free (default: %(default)s)")
    options.cloud(parser, backend="memory")
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from simulator.commands.simulate import read
    from simulator.front import Front, links_of

    if not 0 <= arguments.port <= 65535:
        raise BadInput(f"--port {arguments.port}: expected 0 to 65535")
    scenario = read(arguments.file)
    progress = Progress(quiet=arguments.json)
    progress(f"playing {scenario.scenario}")
    faults = Faults()
    with opened(
        arguments.backend, arguments.seed, scenario.start, switch=None, faults=faults.plan, channels=scenario.channels
    ) as world:
        Play(world, scenario, faults, passing=lambda now: progress.step(f"{now:%d %B}")).run()
        progress.done()
        try:
            front = Front(world, arguments.port)
        except OSError as error:
            raise BadInput(f"--port {arguments.port}: {error.strerror}; choose another one, or 0 for any that is free") from error
        with front:
            if arguments.json:
                mails = [{"to": m.recipient, "subject": m.subject, "links": links_of(m)} for m in front.mails()]
                say_json({"address": front.address, "mails": mails})
            else:
                say(f"{front.address}   {len(front.mails())} mails and the pages behind their links; Ctrl-C ends it")
            front.serve_forever()
    return 0

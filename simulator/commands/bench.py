"""`aftercare bench`: the bars of cost and speed, as a table and as build/bench.json."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from simulator.commands import options
from simulator.commands.problem import BadInput
from simulator.commands.terminal import Progress, paint, say, say_json, table


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "bench",
        run,
        "measure cold starts, artefact, AWS calls and the simulator's speed against their bars",
        """\
  aftercare bench                      everything, about two minutes after `make build`
  aftercare bench --only P9 --only P17
""",
    )
    parser.add_argument("--only", action="append", metavar="P", help="only these bars")
    parser.add_argument("--to", type=Path, default=options.BUILD / "bench.json", metavar="FILE", help="default: %(default)s")
    options.as_json(parser)


def _verdict(ok: bool | None, told_only: bool) -> str:
    if told_only:
        return ""
    return paint("ok", "green") if ok else paint("FAILED" if ok is False else "-", "red")


def run(arguments: argparse.Namespace) -> int:
    from simulator.bench.measure import BARS, measure

    unknown = sorted(set(arguments.only or ()) - set(BARS))
    if unknown:
        raise BadInput(f"--only {unknown[0]}: expected one of {', '.join(BARS)}")
    # Before minutes of measuring: a place that cannot be written is said at once.
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    progress = Progress(quiet=arguments.json)
    results = measure(arguments.only or list(BARS), progress)
    progress.done()
    import json

    rows = [result.as_json() for result in results]
    arguments.to.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if arguments.json:
        say_json(rows)
    else:
        shown = [
            (
                r.id,
                r.what,
                r.shown(r.value),
                r.limit(),
                _verdict(r.ok, r.bar is None),
                r.note,
            )
            for r in results
        ]
        for line in table(shown, head=("", "what", "measured", "bar", "", "")):
            say(line)
        say(f"\nwritten to {arguments.to}")
    return 1 if any(result.ok is False for result in results) else 0

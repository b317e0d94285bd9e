"""`aftercare simulate`: plays scenarios and says what did not come as expected."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from simulator.commands import options
from simulator.commands.last_run import LastRun
from simulator.commands.problem import BadInput
from simulator.commands.terminal import Progress, counted, paint, say, say_json
from simulator.commands.world import opened
from simulator.scenario.play import Difference, Faults, Play
from simulator.scenario.shape import Scenario, ScenarioError, load


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "simulate",
        run,
        "play scenario files on the local cloud and compare what comes of them with what they expect",
        """\
  aftercare simulate tests/journeys/scenarios/reorder.yaml
  aftercare simulate scenarios/*.yaml --backend memory       a store's journeys as tests in its own CI: exits 1 on a difference
  aftercare simulate reorder.yaml --timeline                 show everything that happened
  aftercare simulate reorder.yaml --report build/reorder.html

The format is described in docs/scenarios.md.
""",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="SCENARIO", help="a scenario's YAML file")
    parser.add_argument("--timeline", action="store_true", help="show everything that happened")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the HTML report of the (last) scenario")
    options.cloud(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    scenarios = [(path, read(path)) for path in arguments.files]
    progress = Progress(quiet=arguments.json)
    told = [_play(path, scenario, arguments, progress) for path, scenario in scenarios]
    if arguments.json:
        say_json({"scenarios": told})
    return 1 if any(each["differences"] for each in told) else 0


def _play(path: Path, scenario: Scenario, arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """One scenario in a cloud of its own; said at once unless JSON is wanted."""

    def passing(now: datetime) -> None:
        progress.step(f"{path}: day {(now - scenario.start).days}")

    progress(f"{path}: {scenario.scenario}")
    faults = Faults()
    with opened(
        arguments.backend, arguments.seed, scenario.start, switch=None, faults=faults.plan, channels=scenario.channels
    ) as world:
        play = Play(world, scenario, faults, passing=passing)
        play.run()
        differences = play.differences()
        progress.done()
        kept = world.kept("simulate", scenario.scenario)
        kept.save()
        if not arguments.json:
            _say(path, scenario, kept, differences, arguments.timeline)
        if arguments.report:
            from simulator.commands.output import write_report

            write_report(arguments.report, kept, world.mails(), world.shorts())
    return {
        "file": str(path),
        "scenario": scenario.scenario,
        "differences": [{"message": d.message, "expected": d.expected, "found": d.found} for d in differences],
        "messages": kept.messages,
    }


def read(path: Path) -> Scenario:
    """A scenario's file, with its errors as one line."""
    try:
        return load(path)
    except ScenarioError as error:
        raise BadInput(str(error)) from error


def _say(path: Path, scenario: Scenario, kept: LastRun, differences: list[Difference], timeline: bool) -> None:
    if timeline:
        from simulator.commands.timeline import happenings, lines, people

        names = {person.id: person.name for person in people(kept)}
        say("\n".join(lines(happenings(kept, names))))
    sign = paint("✗", "red") if differences else paint("✓", "green")
    expected = len(scenario.expect)
    found = {difference.message for difference in differences}
    hold = sum(each.message not in found for each in scenario.expect)
    held = f"{hold} of {expected} expectations hold" if expected else "nothing expected"
    say(f"{sign} {path}: {scenario.scenario} ({counted(len(kept.messages), 'message considered')}, {held})")
    for each in differences:
        say(f"    {each.message}")
        say(f"      expected  {each.expected}")
        say(f"      found     {each.found}")

"""`aftercare invoke`: one function with one event, in the local cloud.

The samples in events/ follow each other: events/given.json names what comes before each folder or sample, and
the ids in its samples are those that seed 1 then gives. Another event finds the records that `--given` made.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aftercare.switch import Mode
from simulator.commands import options
from simulator.commands.captured import Captured, read, read_json, time_of
from simulator.commands.problem import BadInput
from simulator.commands.replay import bring
from simulator.commands.terminal import say_json
from simulator.commands.world import SECRET, SENDERS, opened
from simulator.lambda_runtime import FunctionError, FunctionMissing
from simulator.scenario.play import set_switch
from simulator.scenario.shape import SwitchSet

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

GIVEN = "given.json"
SETTLES = timedelta(minutes=1)
"""Time for what the given requests cause, up to the mail provider's own events."""


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "invoke",
        run,
        "run one function with one event in the local cloud, and print its answer",
        """\
  aftercare invoke store_intake events/store/OrderPlaced.json
  aftercare invoke order_confirmation events/aftercare.orders/OrderPlaced.json
  aftercare invoke due_sweep events/due_sweep/schedule.json --given events/store/OrderPlaced.json
  sam local invoke StoreIntakeFunction --event events/store/OrderPlaced.json     the same file, with Docker
""",
    )
    parser.add_argument("function", help="the function's package (store_intake) or logical id (StoreIntakeFunction)")
    parser.add_argument("event", type=Path, help="the event as JSON, in the form that the function takes")
    parser.add_argument(
        "--given",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=f"requests that come first, as for replay (default: those that a {GIVEN} in the folder above names for the event's)",
    )
    parser.add_argument("--secret", default=SECRET, metavar="TEXT", help="the webhook secret of whoever sends")
    options.cloud(parser)


def run(arguments: argparse.Namespace) -> int:
    event = read_json(arguments.event)
    if not isinstance(event, dict):
        raise BadInput(f"{arguments.event}: expected a JSON object: the event that the function takes")
    paths = _named_beside(arguments.event) if arguments.given is None else arguments.given
    given: list[Captured] = read(paths) if paths else []
    start = given[0].at if given else time_of(event) or START
    with opened(arguments.backend, arguments.seed, start, secrets=dict.fromkeys(SENDERS, arguments.secret), switch=None) as world:
        set_switch(world, SwitchSet(mode=Mode.ON))
        for each in given:
            bring(world, each)
        if given:
            world.cloud.advance(SETTLES)
        try:
            answer = world.cloud.invoke(arguments.function, event)
        except FunctionMissing as error:
            raise BadInput(str(error)) from error
        except FunctionError as error:
            # A function's own failure is a finding about the event, not a wrong call of this command.
            raise BadInput(f"{arguments.event}: {error}") from error
        world.save("invoke", f"{arguments.function} with {arguments.event.name}")
    say_json(answer)
    return 0


def _named_beside(event: Path) -> list[Path]:
    """The requests that come before any sample of the event's folder. BadInput for a list that is none."""
    listed = event.resolve().parent.parent / GIVEN
    if not listed.is_file():
        return []
    content = read_json(listed)
    folder, name = event.resolve().parent.name, event.name
    names = content.get(f"{folder}/{name}", content.get(folder, [])) if isinstance(content, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"{listed}: expected an object: for each folder or sample the list of files that come before")
    return [listed.parent / name for name in names]

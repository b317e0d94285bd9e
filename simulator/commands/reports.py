"""`aftercare reports`: what the weeks taught, as store_reports kept it: figures here, the page as a file, all of it as JSON."""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aftercare import keys, tally
from aftercare.table import Item
from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.records import Records
from simulator.commands.terminal import say, say_json, table

LOOKED_BACK = 57
"""Weeks: so long reports are kept."""


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "reports",
        run,
        "show the store's weekly pages: what customers said, where it went wrong, what became of it",
        """\
  aftercare reports weekly --stack aftercare                          the newest week, in short
  aftercare reports weekly --week 2026-W48 --html week.html --stack aftercare
  aftercare reports weekly --json                                     of the last run here
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="weekly", required=True, parser_class=type(parser))
    weekly = verbs.add_parser("weekly", help="one week of one shop, as it was kept on the Monday after it")
    weekly.add_argument("--week", metavar="WEEK", help="such as 2026-W48 (default: the newest that is kept)")
    weekly.add_argument("--shop", help="needed where several shops have a report of the week")
    weekly.add_argument("--html", type=Path, metavar="FILE", help="write the page there")
    weekly.add_argument("--locale", metavar="LANGUAGE", help="language of the page (default: the first that is kept)")
    options.records(weekly)
    options.as_json(weekly)


def run(arguments: argparse.Namespace) -> int:
    where = records.of(arguments)
    shop, week, item = _found(where, arguments.week, arguments.shop)
    told = json.loads(str(item["told"]))
    if arguments.html:
        _write(item, arguments.html, arguments.locale)
    if arguments.json:
        say_json(told)
        return 0
    say(f"{where.name}: {shop}, {week}")
    for line in _lines(told):
        say(line)
    if arguments.html:
        say(f"  page: {arguments.html}")
    return 0


def _found(where: Records, wanted: str | None, shop: str | None) -> tuple[str, str, Item]:
    """The report that is meant. BadInput when there is none, or when it is not said which."""
    try:
        newest = tally.read_week(wanted) if wanted else tally.week_at(where.now, tally.store_zone())
    except ValueError as error:
        raise BadInput(f"--week {wanted}: {error}") from None
    for week in [newest] if wanted else [newest.before(n) for n in range(LOOKED_BACK)]:
        shops = [shop] if shop else sorted(tally.of_week(where.tables, week))
        found = where.tables.read([keys.report(one, str(week)) for one in shops]) if shops else {}
        if len(found) > 1:
            raise BadInput(
                f"reports weekly: expected --shop, one of {', '.join(sorted(key.pk.partition('#')[2] for key in found))}"
            )
        for key, item in found.items():
            return key.pk.partition("#")[2], str(week), item
    of = f" of {wanted}" if wanted else ""
    raise BadInput(
        f"{where.name}: no report{of} is kept: it is made on the Monday after a week in which customers said something"
    )


def _write(item: Item, path: Path, locale: str | None) -> None:
    pages = {name.removeprefix("page_"): page for name, page in sorted(item.items()) if name.startswith("page_")}
    chosen = locale or next(iter(pages), None)
    page = pages.get(str(chosen))
    if not isinstance(page, bytes):
        raise BadInput(f"--locale {chosen}: expected one of {', '.join(pages)}")
    try:
        path.write_bytes(gzip.decompress(page))
    except OSError as error:
        raise BadInput(f"--html {path}: cannot be written: {error.strerror}") from error


def _came_back(told: dict[str, Any], group: str, share: Callable[[dict[str, Any] | None], str]) -> str:
    """With the week that it is of and what it was a quarter before. An older report has none."""
    of = told.get("retention", {}).get(group)
    if not of or not of["share"]:
        return "-"
    before = f", {of['quarter_before']:.0%} a quarter before" if of["quarter_before"] is not None else ""
    return f"{share(of['share'])} in {of['week']}{before}"


def _lines(told: dict[str, Any]) -> list[str]:
    """The figures that somebody looks at first; a dash for what is not told."""
    overview, rows = told["overview"], []

    def number(value: int | None) -> str:
        return "-" if value is None else str(value)

    def share(value: dict[str, Any] | None) -> str:
        return f"{value['share']:.0%} ({value['low']:.0%} to {value['high']:.0%})" if value else "-"

    rows += [
        ("customers who said something", number(overview["customers"])),
        ("asked", number(overview["asked"])),
        ("response rate", share(overview["response"])),
        ("feedback turned into signals", share(overview["turned"])),
        ("came back (retention)", _came_back(told, "first", share)),
        ("still buy, of high value", _came_back(told, "high", share)),
        ("still buy, of middle value", _came_back(told, "mid", share)),
    ]
    lines = table(rows, indent="  ")
    board = [
        (row["theme"], row["touchpoint"], str(row["customers"]), number(row["negative"]),
         ", ".join(f"{amount} {currency}" for currency, amount in row["money"].items()))
        for row in told["friction"]
    ]  # fmt: skip
    if board:
        lines += ["", *table(board, head=("theme", "where", "customers", "in negative", "order value"), indent="  ")]
    return lines

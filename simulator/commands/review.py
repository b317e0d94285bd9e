"""`aftercare review`: what a quarter showed of the windows that are set, and the file of thresholds as it would be, as a diff."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aftercare import keys
from aftercare.clock import iso, parse_iso
from aftercare.reorder_levels import STORE, Learned, learned, of_family
from aftercare.store import CustomerUnknown, with_archive
from simulator.commands import options, records
from simulator.commands.options import ROOT
from simulator.commands.problem import BadInput
from simulator.commands.records import Records
from simulator.commands.terminal import say, say_json, table

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue

MOST: Final = 5_000
"""Customers that are looked at: an even sample of a larger shop's, the same one each time."""

PAGE: Final = 200


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "review",
        run,
        "what a quarter showed of windows and thresholds, for consumables, durables and subscriptions, as a diff to merge",
        """\
  aftercare review                                        the last run here: set against observed
  aftercare review --shop coffee --stack aftercare        a deployed stack's shop
  aftercare review --until 2026-10-01T00:00:00Z --diff    the diff alone; git apply takes it
""",
    )
    parser.add_argument("--shop", action="append", default=[], metavar="NAME", help="which shop (default: all of the last run)")
    parser.add_argument("--until", metavar="TIME", help="the end of the quarter (default: now, by the records' clock)")
    parser.add_argument("--most", type=int, default=MOST, help="customers of a shop that are looked at (default: %(default)s)")
    parser.add_argument("--diff", action="store_true", help="the diff on stdout, and nothing else there")
    options.records(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from aftercare.catalogue import catalogue
    from aftercare.lifetime import model_from
    from aftercare.segment_policy import segment_policy
    from aftercare.use import chance, weights_from
    from simulator.report import observed

    where = records.of(arguments)
    until = _instant(arguments.until) if arguments.until else where.now
    goods, policy, seen, people = catalogue(), segment_policy(), observed.Seen(), 0
    shops = arguments.shop or _shops(where)
    bought = {shop: where.tables.read([keys.buyers(shop)]).get(keys.buyers(shop)) for shop in shops}
    for shop in shops:
        model = model_from(bought[shop]).orders
        for customer_id in _customers(where, shop, arguments.most):
            try:
                customer = with_archive(where.tables, customer_id)
            except CustomerUnknown:
                continue
            observed.look(seen, customer, goods, model, until)
            people += 1
            if people % PAGE == 0:
                sys.stderr.write(f"\r{people} customers")
    if people >= PAGE:
        sys.stderr.write("\n")
    used = [observed.Use(chance(known, ()), known.seen) for known in (weights_from(i, policy.care.use) for i in bought.values())]
    rows = observed.rows(seen, goods, policy, _learned(where, goods, until), used)
    before = (ROOT / observed.FILE).read_text(encoding="utf-8")
    try:
        after = observed.with_values(before, {row.place: row.proposed for row in rows if row.proposed is not None})
    except observed.NotThere as error:
        raise BadInput(f"{Path(observed.FILE).name}: {error}") from error
    _still_valid(after)
    changed = observed.diff(before, after)
    if arguments.json:
        say_json(
            {"until": iso(until), "shops": shops, "customers": people, "rows": [row.told() for row in rows], "diff": changed}
        )
    elif arguments.diff:
        sys.stdout.write(changed)
    else:
        _show(where, rows, people, until, changed)
    return 1 if changed else 0


def _learned(where: Records, goods: Catalogue, until: datetime) -> dict[str, Learned | None]:
    """How long each family that is reminded of lasts, by what its reminders go by. One read."""
    windows = {name: family.reorder.after_days for name, family in goods.families.items() if family.reorder}
    store, places = keys.reorder(STORE), {name: keys.reorder(of_family(name)) for name in windows}
    found = where.tables.read([store, *places.values()])
    return {name: learned(days, found.get(store), found.get(places[name]), until) for name, days in windows.items()}


def _instant(text: str) -> datetime:
    try:
        return parse_iso(text)
    except ValueError as error:
        raise BadInput(f"--until {text}: expected a time such as 2026-10-01T00:00:00Z") from error


def _shops(where: Records) -> list[str]:
    """The shops of a run; of a stack they are to be named, because nothing there lists them."""
    items = getattr(where.tables, "items", None)
    if items is None:
        raise BadInput("--shop: expected the name of a shop of this stack")
    return sorted({str(item["pk"]).removeprefix("SHOP#") for item in items("customers") if str(item["pk"]).startswith("SHOP#")})


def _customers(where: Records, shop: str, most: int) -> list[str]:
    """At most so many of a shop's customers, an even sample by their random ids."""
    # A row begins with the year in which its customer came, and a condition on a sort key takes no empty text.
    found, last = set[str](), None
    while page := where.tables.page("customers", keys.of_shop(shop).pk, "2", last, PAGE):
        found |= {str(item["customer_id"]) for item in page if "customer_id" in item}
        last = str(page[-1]["sk"])
    return sorted(found, key=lambda customer_id: keys.share(f"review#{customer_id}"))[:most]


def _still_valid(text: str) -> None:
    """A diff that the deployment would refuse is none to merge."""
    import shutil
    import tempfile

    from aftercare.catalogue import Catalogue
    from aftercare.content import ContentError, read_content
    from aftercare.segment_policy import SegmentPolicy
    from simulator.report import observed

    here = ROOT / observed.FILE
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / here.name).write_text(text, encoding="utf-8")
        try:
            for name, shape in (("catalogue.yaml", Catalogue), ("segments.yaml", SegmentPolicy)):
                shutil.copy(here.with_name(name), folder)
                read_content(Path(folder) / name, shape)
        except ContentError as error:
            raise BadInput(f"what was observed cannot be set: {error}") from error


def _show(where: Records, rows: list[Any], people: int, until: datetime, changed: str) -> None:
    say(f"{where.name}: the 91 days until {until:%Y-%m-%d}, {people} customers")
    say()
    told = [
        [r.scenario, ".".join(r.place), str(r.set), _figure(r.observed), str(r.seen), _figure(r.learned), _word(r)] for r in rows
    ]
    for line in table(told, ["scenario", "setting", "set", "observed", "seen", "learned", "proposed"]):
        say(line)
    say()
    say(changed or "Nothing to change.")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _word(row: Any) -> str:
    return str(row.proposed) if row.proposed is not None else "as it is" if row.observed is not None else "too little seen"

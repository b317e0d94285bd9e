"""`aftercare export`: all that is kept of one customer, as one JSON document."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from aftercare.export import export
from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.terminal import paint, say, say_json, table


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "export",
        run,
        "write all that is kept of one customer as one JSON document, consent log and decisions included",
        """\
  aftercare export anna@example.com                       what is kept, and how much of it
  aftercare export anna@example.com --json                the document itself, on stdout
  aftercare export anna@example.com --out anna.json --stack aftercare
""",
    )
    parser.add_argument("customer", help="customer id, e-mail address or order key (<shop>:<order>)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the document there, readable by you alone")
    options.records(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    where = records.of(arguments)
    found = records.find(where, arguments.customer)
    document = export(where.tables, found.customer.id, where.identity_secret, where.now)
    if arguments.out:
        _write(arguments.out, document)
    if arguments.json:
        say_json({"customer": found.customer.id, "file": str(arguments.out)} if arguments.out else document)
        return 0
    say(f"{where.name}: {paint(found.customer.id, 'bold')}")
    rows = [(str(len(items)), kind.replace("_", " ")) for kind, items in sorted(document["kept"].items())]
    for line in table(rows, indent="  "):
        say(line)
    say(f"written to {arguments.out}" if arguments.out else "--out FILE writes it, --json prints it")
    return 0


def _write(path: Path, document: dict[str, Any]) -> None:
    """A file that nobody else may read from its first byte on. BadInput."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump(document, file, ensure_ascii=False, indent=1)
            file.write("\n")
    except OSError as error:
        raise BadInput(f"--out {path}: {error.strerror}") from None

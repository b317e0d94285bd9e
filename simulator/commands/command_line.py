"""The command's words, its exit codes, and the one place that turns bad input into one line.

Exit codes: 0 all is well; 1 a difference or finding was shown; 2 the input was bad.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, Final, NoReturn

from aftercare.table import TableError
from simulator.commands.problem import BadInput
from simulator.commands.terminal import complain

WORDS: Final = (
    "demo",
    "simulate",
    "serve",
    "replay",
    "invoke",
    "events",
    "why",
    "customer",
    "templates",
    "evaluate",
    "review",
    "switch",
    "parked",
    "consent",
    "requests",
    "rescue",
    "reports",
    "export",
    "erase",
    "webhooks",
    "inbound",
    "redrive",
    "bench",
)
"""The command's words in the order of its help; each is a module of this package with `add(words)` and `run(arguments)`."""

EPILOG: Final = """\
examples:
  aftercare demo                                  the whole house on sample orders, in seconds
  aftercare simulate tests/journeys/scenarios/*.yaml
  aftercare replay captured.json --secret shopify=TEXT --days 90 --json
  aftercare why anna@example.com                  every message considered, and why
  aftercare events validate order.json

exit codes: 0 all is well, 1 a difference or finding was shown, 2 the input was bad
"""


class Parser(argparse.ArgumentParser):
    """argparse, with one line for a wrong call."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message} (see {self.prog} --help)\n")
        raise SystemExit(2)


def parser() -> Parser:
    """The whole command line. Modules are light until they run: `--help` takes no second."""
    whole = Parser(
        prog="aftercare",
        description="Run, ask and operate the post-purchase engine: on this machine, or on a stack with --stack.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words: Any = whole.add_subparsers(dest="word", metavar="WORD", required=True, parser_class=Parser)
    for word in WORDS:
        importlib.import_module(f"simulator.commands.{word}").add(words)
    return whole


def run(arguments: Sequence[str] | None) -> int:
    """The command's words, by default those that the process was given. Returns the exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A file's name need not be text, and a terminal need not know every sign.
        sys.stdout.reconfigure(errors="backslashreplace")
    given = parser().parse_args(arguments)
    try:
        code = int(given.run(given))
        sys.stdout.flush()
        return code
    except BadInput as problem:
        return _one_line(str(problem))
    except BrokenPipeError:
        # The reader (`| head -1`) has seen enough; what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        return _one_line(f"{error.filename}: {error.strerror}")
    except Exception as error:
        stack = getattr(given, "stack", None)
        if not stack or not (isinstance(error, TableError) or type(error).__module__.startswith("botocore.")):
            raise
        from simulator.commands.deployed import plain

        return _one_line(f"--stack {stack}: {plain(error)}")


def _one_line(text: str) -> int:
    complain(text)
    return 2

"""`aftercare`: where the command begins. Ctrl-C ends it with one line from here on, while all the rest is still being loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence

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
    "templates",
    "evaluate",
    "switch",
    "parked",
    "consent",
    "requests",
    "erase",
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
STOPPED = 130
"""What a shell gives a command that Ctrl-C ended: 128 and the number of SIGINT."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    try:
        from simulator.commands.command_line import run

        return run(arguments)
    except KeyboardInterrupt:
        # A terminal shows ^C where the cursor stood.
        beneath = "\n" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{beneath}aftercare: stopped\n")
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())

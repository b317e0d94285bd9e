"""`aftercare evaluate`: how good a capability's forecasts would have been on a store's own history.

The model and its evaluation are the capability's own. This word only finds the package and runs it by its name.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import Any, Final

FUNCTIONS: Final = Path(__file__).resolve().parents[2] / "functions"

PACKAGES: Final = {
    "customers": "store_reports",
    "delay": "shipping_delay",
    "feedback": "feedback_survey",
    "reorder": "reorder_reminder",
}
"""What can be evaluated, and the function's package that holds its model: `<package>.evaluation`."""


def add(parsers: Any) -> None:
    parser = parsers.add_parser(
        "evaluate",
        help="replay an order history and print how good the forecasts would have been on it",
        description="Replay an order history and print how good the forecasts would have been on it.",
        epilog="""examples:
  aftercare evaluate delay orders.csv --from 2018-02-01
  aftercare evaluate delay orders.csv --column handed=shipped_at --column promised=eta --json
  aftercare evaluate delay --help
""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=sorted(PACKAGES), help="what is evaluated")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="its own words: evaluate delay --help")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit code of the evaluation."""
    return run_module(f"{PACKAGES[arguments.what]}.evaluation", arguments.rest)


def run_module(name: str, words: list[str]) -> int:
    """Run a function package's own command in this process, as `python -m` would; its exit code."""
    before, path = sys.argv, list(sys.path)
    sys.argv = [name, *words]
    sys.path.insert(0, str(FUNCTIONS))
    try:
        runpy.run_module(name, run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    finally:
        sys.argv, sys.path = before, path
    return 0

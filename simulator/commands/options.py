"""Options that several words share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout: template.yaml and functions/ lie here."""

BUILD: Final = Path("build")
"""Where runs write, below the present folder."""


def word(words: Any, name: str, run: Any, about: str, examples: str) -> argparse.ArgumentParser:
    """One word of the command with its help."""
    added: argparse.ArgumentParser = words.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.set_defaults(run=run)
    return added


def cloud(parser: argparse.ArgumentParser, backend: str = "moto") -> None:
    parser.add_argument(
        "--backend",
        choices=("moto", "memory"),
        default=backend,
        help="moto: the real adapters on simulated services; memory: behaving twins, much faster (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="ids and jitter come from it: one seed gives one journal (default: %(default)s)"
    )


def as_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout, and nothing else there")


def records(parser: argparse.ArgumentParser) -> None:
    """Whose records a word reads: the last run's on this machine, or a stack's."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stack", metavar="NAME", help="a deployed stack, with the credentials of your AWS profile")
    where.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="the records of another run (default: build/last-run/state.json, written by demo, simulate, replay and invoke)",
    )

"""What the command prints: progress on stderr, results on stdout, plain lines that a log can keep."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

_COLOURS: Final = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


class Progress:
    """One line that says what is being worked on: rewritten in place on a terminal, a plain line each elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self._live = sys.stderr.isatty()
        self._quiet = quiet
        self._shown = ""

    def __call__(self, text: str) -> None:
        if self._quiet or text == self._shown:
            return
        self._shown = text
        if self._live:
            sys.stderr.write(f"\r\x1b[2K{text[:100]}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def step(self, text: str) -> None:
        """A finer step, worth showing only where it is rewritten in place."""
        if self._live:
            self(text)

    def done(self) -> None:
        if self._live and not self._quiet and self._shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


def paint(text: str, *styles: str) -> str:
    """The text in colour where stdout is a terminal that wants it (NO_COLOR is honoured)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{';'.join(_COLOURS[style] for style in styles)}m{text}\x1b[0m"


def counted(number: int, what: str) -> str:
    """`1 order`, `2 orders`; of a few words the first is counted: `1 message considered`."""
    first, space, rest = what.partition(" ")
    return f"{number} {first}{'' if number == 1 else 's'}{space}{rest}"


def complain(text: str) -> None:
    """One line about what is wrong, on stderr."""
    sys.stderr.write(f"aftercare: {' '.join(text.split())}\n")


def say(text: str = "") -> None:
    print(text)


def say_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def table(rows: Iterable[Sequence[str]], head: Sequence[str] | None = None, indent: str = "") -> list[str]:
    """Rows as aligned text columns; the last column is left as long as it is."""
    kept = [list(head), *map(list, rows)] if head else [list(row) for row in rows]
    if not kept:
        return []
    widths = [max(len(row[n]) for row in kept) for n in range(len(kept[0]))]
    lines = []
    for row in kept:
        cells = [cell if n == len(row) - 1 else cell.ljust(widths[n]) for n, cell in enumerate(row)]
        lines.append(indent + "  ".join(cells).rstrip())
    if head:
        lines[0] = paint(lines[0], "bold")
    return lines

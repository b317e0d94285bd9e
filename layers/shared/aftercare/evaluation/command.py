"""The frame of every `aftercare evaluate` command: the words that all of them have, how files are opened, what is printed and
drawn, and the exit code."""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.arguments import BadInput, column_of, day
from aftercare.evaluation.pictures import plain
from aftercare.evaluation.rows import open_rows

Run = Callable[[argparse.Namespace, TextIO, TextIO], int]


def parser_of(what: str, description: str, reads: str) -> argparse.ArgumentParser:
    """The parser of `aftercare evaluate <what>`. `reads` is what its page says: docs/evaluate-<what>.md."""
    return argparse.ArgumentParser(
        prog=f"aftercare evaluate {what}", description=description, epilog=f"{reads}: docs/evaluate-{what}.md"
    )


def add_period(parser: argparse.ArgumentParser, scored: str) -> None:
    """--from and --to, as `since` and `until`."""
    parser.add_argument("--from", dest="since", type=day, metavar="DAY", help=f"score {scored} from this day on")
    parser.add_argument("--to", dest="until", type=day, metavar="DAY", help=f"score {scored} before this day")


def add_columns(parser: argparse.ArgumentParser, fields: Sequence[str]) -> None:
    """--column, once for each: (field, name) pairs."""
    parser.add_argument(
        "--column", type=column_of(fields), action="append", default=[], metavar="FIELD=NAME", help="your own column"
    )


def add_results(parser: argparse.ArgumentParser, lightgbm: bool = True) -> None:
    """Where results go, and whether LightGBM is asked, too."""
    if lightgbm:
        parser.add_argument("--no-lightgbm", action="store_true", help="leave that baseline out although it is installed")
    parser.add_argument("--to-folder", type=Path, default=Path("build"), metavar="FOLDER", help="of the pictures (build)")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout, and nothing else there")


class Progress:
    """What is being worked on, on stderr, each once."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._said = ""

    def __call__(self, what: str) -> None:
        if what != self._said:
            self._said = what
            self._err.write(f"{what}\n")


@contextmanager
def reading(path: Path | None = None) -> Iterator[None]:
    """What of the files cannot be read inside is BadInput, with the name of the one that is read, if it is one."""
    where = f"{path}: " if path else ""
    try:
        yield
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{where}expected CSV in UTF-8") from error
    except OSError as error:
        named = f"{error.filename}: " if error.filename else where
        raise BadInput(f"{named}cannot be read: {error.strerror or error}") from error


def opened(path: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    """A file's header and its rows. BadInput where it cannot be read or has none."""
    with reading(path):
        rows = open_rows(path)
        first = next(rows, None)
    if first is None:
        raise BadInput(f"{path}: has no rows")
    return [name for name in first if name], chain([first], rows)


def named_apart(paths: Sequence[Path]) -> None:
    """Results are told by the names of files. BadInput where two have the same."""
    if len({path.name for path in paths}) < len(paths):
        raise BadInput("two files have the same name")


def tell(report: Mapping[str, Any], as_json: bool, write: Callable[[Mapping[str, Any], TextIO], None], out: TextIO) -> None:
    """The report on stdout: as JSON, or as `write` says it to people."""
    if as_json:
        out.write(json.dumps(plain(report), indent=1) + "\n")
    else:
        write(report, out)


def draw(folder: Path, name: str, picture: Callable[[Path], Path], err: TextIO) -> None:
    """A page in the folder, and the PNG that `picture` draws beside it, if what draws is installed. BadInput."""
    page = folder / f"evaluate-{name}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        err.write(f"reliability: {page}\nreliability: {picture(page)}\n")
    except OSError as error:
        raise BadInput(f"{error.filename or page}: cannot be written: {error.strerror or error}") from error
    except ModuleNotFoundError as error:
        err.write(f"reliability: {page}; without a PNG, because {error.name} is not installed\n")


def answer(
    parser: argparse.ArgumentParser, run: Run, arguments: Sequence[str] | None, out: TextIO | None, err: TextIO | None
) -> int:
    """The command's exit code: 0 with a result, 1 when there was nothing to score, 2 for bad input."""
    chosen = parser.parse_args(arguments)
    try:
        return run(chosen, out or sys.stdout, err or sys.stderr)
    except BadInput as problem:
        (err or sys.stderr).write(f"aftercare: {' '.join(str(problem).split())}\n")
        return 2

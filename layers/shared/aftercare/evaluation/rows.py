"""A store's history as it exports it: CSV with a header, gzipped or not."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TextIO

DELIMITERS = ",;\t|"
"""What parts the columns: the one that the header has most of. Where commas part decimals, tables are parted by semicolons."""

ZIPPED = b"\x1f\x8b"


def open_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, UTF-8, gzipped or not; a row that is no CSV is empty, a cell that is missing is "".

    OSError (also for a damaged archive), UnicodeDecodeError.
    """
    with path.open("rb") as file:
        reader = gzip.open if file.read(2) == ZIPPED else open
    try:
        with reader(path, "rt", encoding="utf-8-sig", newline="") as text:
            yield from _rows(text)
    except (EOFError, zlib.error) as error:
        raise OSError(f"the archive is damaged: {error}") from error


def _rows(text: TextIO) -> Iterator[dict[str, str]]:
    header = text.readline()
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.DictReader(chain([header], text), delimiter=delimiter, restval="")
    if reader.fieldnames:
        reader.fieldnames = [name.strip() for name in reader.fieldnames]
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield {}

"""A store's history as it exports it: CSV with a header, gzipped or not."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path


def open_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, UTF-8, gzipped (`.gz`) or not. OSError, UnicodeDecodeError."""
    reader = gzip.open if path.suffix == ".gz" else open
    with reader(path, "rt", encoding="utf-8-sig", newline="") as text:
        yield from csv.DictReader(text)

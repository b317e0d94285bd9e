"""Words that the commands of all evaluations share, and what is wrong with what was given."""

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime


class BadInput(Exception):
    """What is wrong with what was given, in one line."""


def day(text: str) -> datetime:
    """The start of a day in UTC. argparse.ArgumentTypeError says what is expected."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a day such as 2018-02-01") from None
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def column_of(fields: Sequence[str]) -> Callable[[str], tuple[str, str]]:
    """A reader of FIELD=NAME, the store's own column for one of these fields."""

    def column(text: str) -> tuple[str, str]:
        field, _, name = text.partition("=")
        if field not in fields:
            raise argparse.ArgumentTypeError(f"{text!r}: expected FIELD=NAME with a field of: {', '.join(fields)}")
        return field, name

    return column

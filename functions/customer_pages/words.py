"""The words of the pages: one file per complete language. Amounts and days are written by aftercare.language."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from aftercare.consent import Channel, Purpose
from aftercare.content import plain
from aftercare.customer import Cue

HERE = Path(__file__).parent


class Words(NamedTuple):
    """One language: its own name, what a page says, how it names channels, purposes and countries, and the cue's faces."""

    language: str
    words: Mapping[str, str]
    channels: Mapping[Channel, str]
    purposes: Mapping[Purpose, tuple[str, str]]
    cues: Mapping[Cue, tuple[str, str]]
    countries: Mapping[str, str]


@lru_cache(maxsize=1)
def languages() -> Mapping[str, Words]:
    """Every language that has a words file, by its locale."""
    return {path.name.split(".")[1]: _read(path) for path in sorted(HERE.glob("words.*.yaml"))}


def _read(path: Path) -> Words:
    told, of_accounts = (
        plain.data(file.read_text(encoding="utf-8")) for file in (path, path.with_name(path.name.replace("words", "account")))
    )
    return Words(
        language=told["language"],
        words={**told["words"], **of_accounts["words"]},
        channels={Channel(name): title for name, title in told["channels"].items()},
        purposes={Purpose(name): (title, about) for name, (title, about) in told["purposes"].items()},
        cues={name: (sign, title) for name, (sign, title) in told["cues"].items()},
        countries=of_accounts["countries"],
    )


def told_by(accept_language: str | None) -> tuple[str, ...]:
    """The locales of an Accept-Language header in their order."""
    return tuple(tag for part in (accept_language or "").split(",")[:20] if (tag := part.partition(";")[0].strip()))

"""A report as one page without scripts, in each language of the store that has words here. The page asks nothing of the net."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aftercare.catalogue import catalogue
from aftercare.content import plain
from aftercare.language import language, pick
from aftercare.money import Money
from store_reports import plots

HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def languages() -> Mapping[str, Mapping[str, Any]]:
    """Every language that has a words file, by its locale."""
    found = sorted(HERE.glob("words.*.yaml"))
    return {path.name.split(".")[1]: plain.data(path.read_text(encoding="utf-8")) for path in found}


@lru_cache(maxsize=1)
def _template() -> Any:
    loader = FileSystemLoader(HERE)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("page.html.j2")


def render(report: Mapping[str, Any], locale: str) -> str:
    """The whole page; `report` as store_reports.report builds it. LookupError for a language without words."""
    words = languages()[locale]
    return str(_template().render(r=report, w=words, says=_Says(words, locale), plots=plots, locale=locale))


class _Says:
    """Numbers and listed words as a reader of the language writes them."""

    def __init__(self, words: Mapping[str, Any], locale: str) -> None:
        self._words, self._locale = words, locale

    def number(self, value: float | None, digits: int = 0) -> str:
        if value is None:
            return "–"
        text = f"{value:,.{digits}f}"
        return text.translate(str.maketrans(",.", ".,")) if self._locale == "de" else text

    def percent(self, value: float | None, digits: int = 0) -> str:
        gap = "\u00a0" if self._locale == "de" else ""
        return "–" if value is None else f"{self.number(100 * value, digits)}{gap}%"

    def signed(self, value: float, digits: int = 2) -> str:
        return ("+" if value > 0 else "−" if value < 0 else "") + self.number(abs(value), digits)

    def money(self, sums: Mapping[str, str]) -> str:
        written = language(self._locale)
        return ", ".join(written.money(Money(amount=Decimal(amount), currency=c)) for c, amount in sorted(sums.items()))

    def day(self, text: str) -> str:
        return language(self._locale).date(datetime.fromisoformat(text).replace(tzinfo=UTC), ZoneInfo("UTC"))

    def name(self, kind: str, word: str) -> str:
        """A listed word; what the store added is shown as the store calls it."""
        return str(self._words[kind].get(word, word.replace("-", " ").replace("_", " ")))

    def family(self, name: str) -> str:
        found = catalogue().families.get(name)
        return str(pick(found.title, self._locale)) if found else name

    def driver(self, name: str, kind: str) -> str:
        if kind == "words":
            return self.name("theme_name", name)
        how, _, part = name.partition("-")
        return str(self._words[how]).format(part=self.name("part", part))

    def phrase(self, text: str) -> str:
        return " ".join(f"{word[:-1]}…" if word.endswith("-") else word for word in text.split())

    def minutes(self, value: int | None) -> str:
        if value is None:
            return "–"
        return f"{value} min" if value < 120 else f"{self.number(value / 60, 1)} h"

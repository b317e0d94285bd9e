"""Which language a reader gets, and how amounts, days and lists are written in it.

Written out here for the languages that the content has: a locale library is 30 MB of data and a slow cold start for what
are a few patterns. Source of the patterns: Unicode CLDR 46. Amounts are exact decimals, never floats.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, StringConstraints

from aftercare.money import Money
from aftercare.weblink import Https

LAST_RESORT = "en"

Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=600, strip_whitespace=True)]
Texts = Annotated[dict[Locale, Line], Field(min_length=1)]
"""A text per language."""
Lists = Annotated[dict[Locale, Annotated[tuple[Line, ...], Field(min_length=1)]], Field(min_length=1)]
"""A list of texts per language."""


def _for_all(value: object) -> object:
    return {LAST_RESORT: value} if isinstance(value, str) else value


Urls = Annotated[dict[Locale, Https], BeforeValidator(_for_all), Field(min_length=1)]
"""One address for all languages, or one per language."""

Part = TypeVar("Part")


@lru_cache(maxsize=256)
def fallbacks(locale: str, default: str) -> tuple[str, ...]:
    """Where a reader's text is looked for: `de-AT`, `de`, the brand's default and its language, English."""
    chain: list[str] = []
    for name in (locale, default, LAST_RESORT):
        language, _, region = name.replace("_", "-").partition("-")
        chain += [f"{language.lower()}-{region.upper()}", language.lower()] if region else [language.lower()]
    return tuple(dict.fromkeys(chain))


def pick(parts: Mapping[str, Part], locale: str, default: str = LAST_RESORT) -> Part:
    """What a reader of the locale gets, by the fallback rule; the first there is when even English is missing."""
    for name in fallbacks(locale, default):
        if name in parts:
            return parts[name]
    return next(iter(parts.values()))


# The language that most people of a country read, for orders that tell no locale.
_LANGUAGE_OF = MappingProxyType({"AT": "de", "DE": "de", "LI": "de", "AU": "en", "GB": "en", "IE": "en", "NZ": "en", "US": "en"})


def reader_locale(told: Iterable[str | None], country: str | None, offered: Sequence[str], default: str) -> str:
    """The locale a message is written for: the first told one whose language is offered, else the country's, else the default.

    A told language without a region gets the country's (`en` to the US: `en-US`), which decides how amounts and days look.
    """
    languages = {name.partition("-")[0] for name in offered}
    guesses = [name.replace("_", "-") for name in told if name]
    if country and country in _LANGUAGE_OF:
        guesses.append(_LANGUAGE_OF[country])
    for guess in guesses:
        language, _, rest = guess.partition("-")
        if language.lower() in languages:
            region = rest.rpartition("-")[2].upper()
            region = region if len(region) == 2 else country or ""
            return f"{language.lower()}-{region}" if region else language.lower()
    return default


@dataclass(frozen=True, slots=True)
class _Pattern:
    point: str
    group: str
    money: str
    code: str
    day: str
    date: str
    short: str
    time: str
    last: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]


_EN = _Pattern(
    point=".",
    group=",",
    money="{minus}{symbol}{number}",
    code="{minus}{symbol}\xa0{number}",
    day="{weekday} {day}\xa0{month}",
    date="{day} {month} {year}",
    short="{weekday:.3} {day} {month:.3}",
    time="{hour:02}:{minute:02}",
    last=" and ",
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
)  # fmt: skip
_US = replace(
    _EN,
    day="{weekday}, {month}\xa0{day}",
    date="{month} {day}, {year}",
    short="{weekday:.3} {month:.3} {day}",
    time="{half}:{minute:02}\xa0{noon}",
)
_DE = _Pattern(
    point=",",
    group=".",
    money="{minus}{number}\xa0{symbol}",
    code="{minus}{number}\xa0{symbol}",
    day="{weekday}, {day}.\xa0{month}",
    date="{day}. {month} {year}",
    short="{weekday:.2} {day}.{number}.",
    time="{hour:02}:{minute:02}",
    last=" und ",
    weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    months=(
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
)  # fmt: skip
_AT = replace(_DE, group="\xa0", money="{minus}{symbol}\xa0{number}", code="{minus}{symbol}\xa0{number}")
_CH = replace(_AT, point=".", group="’")

_PATTERNS = MappingProxyType({"en": _EN, "en-US": _US, "de": _DE, "de-AT": _AT, "de-CH": _CH, "de-LI": _CH})
_SYMBOLS = MappingProxyType(
    {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "AUD": "A$", "CAD": "CA$", "NZD": "NZ$"}
)
# Where a dollar is the country's own it is "$", and then the American one is not.
_OWN_DOLLAR = MappingProxyType({"AU": "AUD", "CA": "CAD", "NZ": "NZD"})


@dataclass(frozen=True, slots=True)
class Language:
    """How one locale writes amounts, days and lists; without patterns of its own, as its language does, or as English."""

    locale: str
    pattern: _Pattern

    def money(self, money: Money) -> str:
        """The amount at its currency's precision: `€1,234.50`, `1.234,50 €`, `¥1,235`; a true minus sign."""
        pattern = self.pattern
        amount = money.rounded()
        number = f"{abs(amount):,f}"
        if pattern.point != ".":
            number = number.translate({44: pattern.group, 46: pattern.point})
        elif pattern.group != ",":
            number = number.replace(",", pattern.group)
        symbol = self.symbol(money.currency)
        shape = pattern.code if symbol == money.currency else pattern.money
        return shape.format(minus="−" if amount < 0 else "", symbol=symbol, number=number)

    def symbol(self, currency: str) -> str:
        region = self.locale.partition("-")[2]
        own = _OWN_DOLLAR.get(region)
        if own:
            return "$" if currency == own else "US$" if currency == "USD" else _SYMBOLS.get(currency, currency)
        return _SYMBOLS.get(currency, currency)

    def day(self, instant: datetime, zone: ZoneInfo) -> str:
        """A day soon: `Thursday 5 March`, `Thursday, March 5`, `Donnerstag, 5. März`; day and month are not parted."""
        return self._written(self.pattern.day, instant, zone)

    def date(self, instant: datetime, zone: ZoneInfo) -> str:
        """A day of any year: `2 March 2026`, `March 2, 2026`, `2. März 2026`."""
        return self._written(self.pattern.date, instant, zone)

    def short_day(self, instant: datetime, zone: ZoneInfo) -> str:
        """A day soon where every letter counts: `Thu 5 Mar`, `Thu Mar 5`, `Do 5.3.`."""
        return self._written(self.pattern.short, instant, zone)

    def time(self, instant: datetime, zone: ZoneInfo) -> str:
        """A time of day: `09:15`, `9:15 AM`."""
        return self._written(self.pattern.time, instant, zone)

    def _written(self, shape: str, instant: datetime, zone: ZoneInfo) -> str:
        there = instant.astimezone(zone)
        pattern = self.pattern
        return shape.format(
            weekday=pattern.weekdays[there.weekday()],
            day=there.day,
            month=pattern.months[there.month - 1],
            number=there.month,
            year=there.year,
            hour=there.hour,
            half=there.hour % 12 or 12,
            minute=there.minute,
            noon="AM" if there.hour < 12 else "PM",
        )

    def listed(self, parts: Sequence[str]) -> str:
        """`a`, `a and b`, `a, b and c`."""
        if len(parts) < 2:
            return "".join(parts)
        return ", ".join(parts[:-1]) + self.pattern.last + parts[-1]


@lru_cache(maxsize=64)
def language(locale: str) -> Language:
    """How the locale writes; by its language, then English, where it has no patterns of its own."""
    return Language(locale, pick(_PATTERNS, locale))

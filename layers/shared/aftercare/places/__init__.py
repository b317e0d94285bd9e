"""Where a recipient may be: zones and public holidays by country, region and postcode.

The data files beside this module are made by `make places` from the tz database, postal data and the `holidays` package;
each names its sources. They are read when a message first needs them.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

HERE = Path(__file__).parent

Provenance = Literal["postcode", "region", "country", "calling-code", "unknown"]
"""What a place is known by, the surest first. A calling code tells the countries of a number; an area code tells nothing:
numbers move with their owners."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place that a recipient may be in: ISO 3166 country and region (None: not known) and its IANA zone."""

    country: str
    region: str | None
    zone: str


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """All the places that a recipient may be in, and what they are known by; none when it could be anywhere."""

    known_by: Provenance
    places: tuple[Place, ...]

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(place.zone for place in self.places))


ANYWHERE = Whereabouts("unknown", ())


@lru_cache(maxsize=1)
def _data() -> Any:
    return json.loads((HERE / "zones.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _holidays() -> Any:
    return json.loads((HERE / "holidays.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=2048)
def whereabouts(
    country: str | None, region: str | None = None, postcode: str | None = None, phone: str | None = None
) -> Whereabouts:
    """Where somebody with this address and number (E.164) may be.

    A number of another country than the address adds all of that country: the recipient may be where either says.
    """
    home = _address(country, region, postcode)
    called = _countries_called(phone)
    if home is None or not home.places:
        return home or (Whereabouts("calling-code", _whole(called)) if called else ANYWHERE)
    if not called or country in called:
        return home
    return Whereabouts(home.known_by, home.places + _whole(called))


def _address(country: str | None, region: str | None, postcode: str | None) -> Whereabouts | None:
    """None when the country says nothing; without places when the address may stand anywhere (field post)."""
    data = _data()
    if country is None or country not in data["countries"]:
        return None
    regions = data["regions"].get(country, {})
    code = (region or "").strip().upper().removeprefix(f"{country}-").replace(" ", "_")
    by_postcode = _by_postcode(country, postcode)
    if code not in regions:
        return _known("postcode", by_postcode, country) if by_postcode else Whereabouts("country", _whole((country,)))
    by_region = [(code, zone) for zone in regions[code] or ("",)]
    agreed = [pair for pair in by_postcode if pair[0] in ("", code)]
    if agreed:
        return _known("postcode", [(code, zone) for _, zone in agreed], country)
    # Where the two contradict each other it may be either.
    return _known("region", by_region + by_postcode, country)


def _known(by: Provenance, pairs: list[tuple[str, str]], country: str) -> Whereabouts:
    """The places of regions and zones; an empty zone among them is anywhere."""
    if not all(zone for _, zone in pairs):
        return ANYWHERE
    return Whereabouts(by, tuple(Place(country, region or None, zone) for region, zone in pairs))


def _by_postcode(country: str, postcode: str | None) -> list[tuple[str, str]]:
    """Region and zone of the longest beginning that is on record; empty where there is none."""
    areas = _data()["postcodes"].get(country, {})
    text = (postcode or "").strip()[:5]
    for length in range(len(text), 0, -1):
        if text[:length] in areas:
            pairs = (entry.partition(" ") for entry in areas[text[:length]])
            return [(region, zone) for region, _, zone in pairs]
    return []


@lru_cache(maxsize=64)
def _whole(countries: tuple[str, ...]) -> tuple[Place, ...]:
    """Every place of the countries: by region where regions are on record, so that a region's own rules are seen."""
    data, found = _data(), []
    for country in countries:
        own = set(data["countries"][country])
        regions = data["regions"].get(country, {})
        placed = [Place(country, code, zone) for code, zones in regions.items() for zone in zones if zone in own]
        rest = own - {p.zone for p in placed}
        found += placed + [Place(country, None, zone) for zone in data["countries"][country] if zone in rest]
    return tuple(found)


def _countries_called(phone: str | None) -> tuple[str, ...]:
    """The countries that share the calling code of a number (ITU-T E.164)."""
    codes = _data()["calling_codes"]
    for length in (1, 2, 3):
        found = codes.get((phone or "").lstrip("+")[:length])
        if found:
            return tuple(found)
    return ()


@lru_cache(maxsize=256)
def zone_of(country: str | None, default: str, region: str | None = None, postcode: str | None = None) -> ZoneInfo:
    """The zone in which a reader counts days: their own if it is known, else where most of the country live, else the default."""
    zones = whereabouts(country, region, postcode).zones
    if len(zones) == 1:
        return ZoneInfo(zones[0])
    main = _data()["countries"].get(country)
    return ZoneInfo(main[0] if main else default)


@lru_cache(maxsize=4096)
def is_holiday(day: date, country: str, region: str | None) -> bool:
    """Whether a day is a public holiday there; in any region when the region is not known, and any day past the data's end."""
    data = _holidays()
    first, last = data["years"]
    if not first <= day.year <= last:
        return True
    return f"{day:%y%m%d}" in _holidays_of(country, region)


@lru_cache(maxsize=64)
def _holidays_of(country: str, region: str | None) -> frozenset[str]:
    kept = _holidays()["countries"].get(country, {})
    asked = kept if region is None else ("", region)
    return frozenset(day for name in asked for day in kept.get(name, "").split())


def has_holidays(country: str) -> bool:
    """Whether the country's public holidays are on record."""
    return country in _holidays()["countries"]

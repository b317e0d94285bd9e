"""When a message may leave by its recipient's own clock: the hours of hours.yaml in every place the recipient may be in.

An instant is legal when it lies in the hours of every place, and stays so for the guard band (rules C21-C24, H12). All
reckoning is on UTC instants: a local day is taken apart where its zone changes the clock, so that an hour that comes
twice is open twice, and one that never comes is not open.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from aftercare.consent import Channel, Purpose
from aftercare.content import read_content
from aftercare.model import Model
from aftercare.places import Place, Whereabouts, has_holidays, is_holiday
from aftercare.wishes import QuietHours

DAY = 86_400
LOOK_AHEAD = timedelta(days=21)
"""So far the next opening is looked for: longer than any run of Sundays and holidays."""

Span = tuple[int, int]
"""From, and until but not at: seconds of a local day, or of the epoch."""
Spans = tuple[Span, ...]


def _spans(told: Any) -> Any:
    """`"09:00-18:00"` or `closed`, as seconds of the local day; 24:00 is its end."""
    if told == "closed":
        return ()
    if not isinstance(told, str):
        return told
    try:
        opens, closes = (_seconds(part.strip()) for part in told.split("-"))
    except ValueError:
        raise ValueError(f'expected "HH:MM-HH:MM" or closed, found {told!r}') from None
    if not 0 <= opens < closes <= DAY:
        raise ValueError(f"expected an opening before its closing on the same day, found {told!r}")
    return ((opens, closes),)


def _seconds(told: str) -> int:
    if told == "24:00":
        return DAY
    at = time.fromisoformat(told)
    return at.hour * 3600 + at.minute * 60 + at.second


Hours = Annotated[Spans, BeforeValidator(_spans)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Scope(Model):
    """Which channels and purposes something holds for; without purposes for all."""

    channels: tuple[Channel, ...]
    purposes: tuple[Purpose, ...] = tuple(Purpose)

    def fits(self, channel: Channel, purpose: Purpose) -> bool:
        return channel in self.channels and purpose in self.purposes


class HoursRule(Scope):
    """The hours of one rule. Without countries it holds everywhere, with regions also where the region is not known."""

    name: str
    countries: tuple[Country, ...] | None = None
    regions: tuple[str, ...] | None = None
    weekdays: Hours
    saturday: Hours
    sunday: Hours
    holidays: Hours | None = None

    @model_validator(mode="after")
    def _has_calendars(self) -> Self:
        """Holidays are only asked of countries whose calendar is on record."""
        if self.holidays is not None:
            missing = [c for c in self.countries or () if not has_holidays(c)]
            if missing or self.countries is None:
                raise ValueError(f"{self.name}: no public holidays on record of {', '.join(missing) or 'every country'}")
        return self

    def holds_in(self, country: str, region: str | None) -> bool:
        if self.countries is not None and country not in self.countries:
            return False
        return self.regions is None or region is None or region in self.regions

    def on(self, weekday: int) -> Spans:
        return self.sunday if weekday == 6 else self.saturday if weekday == 5 else self.weekdays


class HoursBook(Model):
    """hours.yaml."""

    guard_minutes: Annotated[int, Field(ge=0, le=180)]
    own_quiet_hours: tuple[Scope, ...]
    rules: tuple[HoursRule, ...]

    @property
    def guard(self) -> timedelta:
        return timedelta(minutes=self.guard_minutes)

    @cached_property
    def _ruled(self) -> frozenset[tuple[Channel, Purpose]]:
        return frozenset((c, p) for c in Channel for p in Purpose if any(rule.fits(c, p) for rule in self.rules))

    def has_rules_for(self, channel: Channel, purpose: Purpose) -> bool:
        return (channel, purpose) in self._ruled


@lru_cache(maxsize=1)
def hours_book() -> HoursBook:
    """The deployment's hours. ContentError names field and expectation."""
    return read_content(Path("hours.yaml"), HoursBook)


@dataclass(frozen=True, slots=True)
class Week:
    """Open spans for Monday to Sunday, and for each of them when it is a public holiday."""

    days: tuple[Spans, ...]
    holidays: tuple[Spans, ...]

    @property
    def heeds_holidays(self) -> bool:
        return self.days != self.holidays

    def on(self, day: date, is_free: bool) -> Spans:
        return (self.holidays if is_free else self.days)[day.weekday()]


ALWAYS = Week(days=(((0, DAY),),) * 7, holidays=(((0, DAY),),) * 7)


@dataclass(frozen=True, slots=True)
class Opening:
    """The hours of one place. `country` and `region` only where public holidays matter."""

    zone: str
    week: Week
    country: str | None = None
    region: str | None = None


def overlap(one: Spans, other: Spans) -> Spans:
    """What lies in both; each is in order and without overlaps, and so is the answer."""
    found, left, right = [], 0, 0
    while left < len(one) and right < len(other):
        start, end = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if start < end:
            found.append((start, end))
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return tuple(found)


OWN = "own-quiet-hours"
"""What a person's own quiet hours are called among the rules."""


@lru_cache(maxsize=512)
def awake(quiet: QuietHours) -> Opening:
    """The hours that somebody's own quiet hours, which may go over midnight, leave of every day in the zone they named."""
    start, end = (at.hour * 3600 + at.minute * 60 + at.second for at in (quiet.start, quiet.end))
    spans = ((end, start),) if start > end else ((0, start), (end, DAY))
    days = (tuple((opens, closes) for opens, closes in spans if opens < closes),) * 7
    return Opening(quiet.zone, Week(days, days))


@lru_cache(maxsize=512)
def _week(rules: tuple[HoursRule, ...]) -> Week:
    days: list[Spans] = [((0, DAY),)] * 7
    holidays = list(days)
    for rule in rules:
        for weekday in range(7):
            usual = rule.on(weekday)
            days[weekday] = overlap(days[weekday], usual)
            holidays[weekday] = overlap(holidays[weekday], usual if rule.holidays is None else rule.holidays)
    return Week(tuple(days), tuple(holidays))


@dataclass(frozen=True, slots=True)
class Schedule:
    """The hours of a channel and purpose for one recipient: legal when every opening is. `rules` are those that made them.

    Without openings it is always legal, unless `nowhere`: then the recipient could be in any place of the world.
    """

    openings: tuple[Opening, ...] = ()
    rules: tuple[str, ...] = ()
    nowhere: bool = False


ANY_TIME = Schedule()


def schedule(
    book: HoursBook, channel: Channel, purpose: Purpose, where: Whereabouts, quiet: QuietHours | None = None
) -> Schedule:
    """The hours that a recipient's places, and their own quiet hours, leave to a channel and purpose."""
    heeded = quiet if quiet and any(scope.fits(channel, purpose) for scope in book.own_quiet_hours) else None
    return _schedule(_Fitting(book, channel, purpose), where, heeded)


@dataclass(frozen=True, slots=True)
class _Fitting:
    """The rules of a channel and purpose, known by the book they stand in: there is one book, so it is not compared."""

    book: HoursBook
    channel: Channel
    purpose: Purpose

    def __hash__(self) -> int:
        return hash((id(self.book), self.channel, self.purpose))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Fitting) or self.book is not other.book:
            return False
        return (self.channel, self.purpose) == (other.channel, other.purpose)

    def rules(self) -> tuple[HoursRule, ...]:
        return tuple(rule for rule in self.book.rules if rule.fits(self.channel, self.purpose))


@lru_cache(maxsize=1024)
def _schedule(fitting: _Fitting, where: Whereabouts, quiet: QuietHours | None) -> Schedule:
    rules = fitting.rules()
    if rules and not where.places:
        return Schedule(rules=tuple(rule.name for rule in rules), nowhere=True)
    openings: dict[Opening, None] = {}
    names: dict[str, None] = {}
    for place in where.places if rules else ():
        here = tuple(rule for rule in rules if rule.holds_in(place.country, place.region))
        names |= dict.fromkeys(rule.name for rule in here)
        openings[_opening(place, _week(here))] = None
    if quiet:
        openings[awake(quiet)] = None
        names[OWN] = None
    return Schedule(tuple(openings), tuple(names))


def together(all_: Iterable[Schedule]) -> Schedule:
    """The hours in which each of several messages may leave."""
    found = tuple(all_)
    openings = tuple(dict.fromkeys(opening for one in found for opening in one.openings))
    rules = tuple(dict.fromkeys(rule for one in found for rule in one.rules))
    return Schedule(openings, rules, any(one.nowhere for one in found))


def _opening(place: Place, week: Week) -> Opening:
    return Opening(place.zone, week, place.country, place.region) if week.heeds_holidays else Opening(place.zone, week)


def next_legal_instant(hours: Schedule, guard: timedelta, now: datetime, until: datetime | None = None) -> datetime | None:
    """The first instant from now on that is in the hours of every place and stays there for the guard band.

    None when there is none before `until`, or in LOOK_AHEAD. `now` itself when it is legal.
    """
    if hours.nowhere:
        return None
    if not hours.openings:
        return now
    last = min(until, now + LOOK_AHEAD) if until else now + LOOK_AHEAD
    for opens, closes in _runs(hours.openings, now, last):
        found = max(now, opens)
        if found < closes and found + guard <= closes:
            return found if found < last or found == now else None
    return None


def is_legal(hours: Schedule, at: datetime) -> bool:
    """Whether an instant is in the hours of every place; the guard band is for deciding, not for what is on its way."""
    return next_legal_instant(hours, timedelta(0), at, at) == at


def window_around(hours: Schedule, at: datetime) -> tuple[datetime, datetime] | None:
    """From when until when every place is open around an instant, within a day on either side; None when not all are."""
    found = None
    for opens, closes in _runs(hours.openings, at - timedelta(days=1), at + timedelta(days=1)):
        if opens <= at < closes:
            found = (opens, closes)
    return found


def _runs(openings: tuple[Opening, ...], now: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The spans in which every place is open, growing over the end of a UTC day until they close."""
    run: tuple[datetime, datetime] | None = None
    day = now.astimezone(UTC).date()
    end = last.astimezone(UTC).date() + timedelta(days=1)
    while day <= end:
        for start, stop in _open_on(openings, day):
            opens, closes = _EPOCH + timedelta(seconds=start), _EPOCH + timedelta(seconds=stop)
            run = (run[0], closes) if run and run[1] == opens else (opens, closes)
            yield run
        day += timedelta(days=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=8192)
def _open_on(openings: tuple[Opening, ...], day: date) -> Spans:
    """In which seconds of the epoch every place is open on a UTC day."""
    start = (day - _EPOCH.date()).days * DAY
    found: Spans = ((start, start + DAY),)
    for opening in openings:
        if not found:
            break
        found = overlap(found, _open_there(opening, day))
    return found


@lru_cache(maxsize=8192)
def _open_there(opening: Opening, day: date) -> Spans:
    found: list[Span] = []
    for start, stop, offset in _pieces(opening.zone, day):
        for local in _days_between(start + offset, stop + offset):
            midnight = (local - _EPOCH.date()).days * DAY
            is_free = opening.country is not None and is_holiday(local, opening.country, opening.region)
            for opens, closes in opening.week.on(local, is_free):
                here = (max(start, midnight + opens - offset), min(stop, midnight + closes - offset))
                if here[0] < here[1]:
                    found.append(here)
    return _joined(found)


def _joined(spans: Sequence[Span]) -> Spans:
    found: list[Span] = []
    for span in spans:
        if found and found[-1][1] == span[0]:
            found[-1] = (found[-1][0], span[1])
        else:
            found.append(span)
    return tuple(found)


def _days_between(start: int, stop: int) -> Iterable[date]:
    first = _EPOCH.date() + timedelta(days=start // DAY)
    return (first + timedelta(days=n) for n in range((stop - 1) // DAY - start // DAY + 1))


@lru_cache(maxsize=4096)
def _pieces(zone: str, day: date) -> tuple[tuple[int, int, int], ...]:
    """A UTC day taken apart where the zone's offset changes: from, until (seconds of the epoch), offset in seconds."""
    there = ZoneInfo(zone)
    start = (day - _EPOCH.date()).days * DAY
    found: list[tuple[int, int, int]] = []
    for left in range(start, start + DAY, DAY // 4):
        right = left + DAY // 4
        before, after = _offset(there, left), _offset(there, right)
        while before != after:
            change = _change(there, left, right, before)
            found.append((left, change, before))
            left, before = change, _offset(there, change)
        found.append((left, right, before))
    return tuple(found)


def _offset(there: ZoneInfo, at: int) -> int:
    offset = (_EPOCH + timedelta(seconds=at)).astimezone(there).utcoffset()
    return int((offset or timedelta()).total_seconds())


def _change(there: ZoneInfo, left: int, right: int, before: int) -> int:
    """The first second at which the offset is another than at `left`."""
    while right - left > 1:
        middle = (left + right) // 2
        left, right = (middle, right) if _offset(there, middle) == before else (left, middle)
    return right

"""How far a wave has come: one item, moved on by a condition, so that a page that is brought twice is turned once."""

import json
from contextlib import suppress
from dataclasses import dataclass

from aftercare import keys
from aftercare.clock import iso, parse_iso
from aftercare.outside import Outside
from aftercare.rate import Quota, wave_rate
from aftercare.retention import WAVE
from aftercare.table import Absent, Change, ConditionFailed, Is, Item, Put
from product_news.wave import Page, Wave, groups_of, readers

READERS = 250
"""Items of one page: a second or two of SendMessage."""

ENDED = "ended"


class NotPublished(LookupError):
    """There is nothing under a publication's key: its event came from nowhere, or its time is over."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A wave as it stands. `cursor` is `<group>|<last sort key>`, or `ended`; `asked_for` whether that page is on its way."""

    publication: str
    cursor: str
    wave: Wave
    asked_for: bool = False

    @property
    def ended(self) -> bool:
        return self.cursor == ENDED

    @property
    def group(self) -> int:
        return int(self.cursor.partition("|")[0])

    @property
    def after(self) -> str | None:
        return self.cursor.partition("|")[2] or None


def start(outside: Outside, publication: str, caused_by: str, correlation_id: str) -> Progress:
    """Begin a publication's wave, once; the wave as it stands where it was begun before. NotPublished, TableError."""
    now = outside.clock.now()
    quota = outside.tables.read([keys.quota()]).get(keys.quota())
    allowed = wave_rate(Quota.model_validate_json(str(quota["doc"])) if quota else None)
    item: Item = {
        "cursor": "0|",
        "position": 0,
        "starts_at": iso(now),
        "per_second": str(allowed),
        "caused_by": caused_by,
        "correlation_id": correlation_id,
        "expires_at": WAVE.ends(now),
    }
    with suppress(ConditionFailed):
        outside.tables.write([Put(keys.wave(publication), item, when=Absent())])
    found = progress_of(outside, publication)
    if found is None:
        raise NotPublished(publication)
    return found


def progress_of(outside: Outside, publication: str) -> Progress | None:
    """The wave as it stands, or None where it has not begun, or is over for good. TableError."""
    place = keys.wave(publication)
    item = outside.tables.read([place]).get(place)
    if item is None:
        return None
    wave = Wave(
        parse_iso(str(item["starts_at"])),
        float(str(item["per_second"])),
        int(str(item["position"])),
        str(item["caused_by"]),
        str(item["correlation_id"]),
    )
    return Progress(publication, str(item["cursor"]), wave, item.get("asked_for") == item["cursor"])


def read_page(outside: Outside, progress: Progress) -> Page:
    """The next readers of a wave; those whose time in the index is over are passed by. NotPublished, TableError."""
    from aftercare.published import publication_from  # its shapes cost a start more than a first page

    place = keys.publication(progress.publication)
    told = publication_from(outside.tables.read([place]).get(place))
    if told is None:
        raise NotPublished(progress.publication)
    group, now = groups_of(told)[progress.group], outside.clock.now()
    items = outside.tables.page("customers", keys.product(group.product), group.prefix, progress.after, READERS)
    found, last = readers(items, now) if items else ((), None)
    return Page(told, group, found, last)


def turn(outside: Outside, progress: Progress, page: Page) -> Progress | None:
    """Move the wave on after a page; None where somebody else did, or where it has ended. TableError."""
    if page.last is not None:
        cursor = f"{progress.group}|{page.last}"
    elif progress.group + 1 < len(groups_of(page.publication)):
        cursor = f"{progress.group + 1}|"
    else:
        cursor = ENDED
    position = progress.wave.position + len(page.readers)
    place = keys.wave(progress.publication)
    try:
        outside.tables.write([Change(place, put={"cursor": cursor, "position": position}, when=Is("cursor", progress.cursor))])
    except ConditionFailed:
        return None
    if cursor == ENDED:
        return None
    return Progress(progress.publication, cursor, progress.wave._replace(position=position))


def hand_on(outside: Outside, progress: Progress) -> None:
    """Ask this function for the wave's page, if nobody has, and note that it was; a wave asked for twice would go on twice."""
    if progress.asked_for:
        return
    body = json.dumps({"wave": progress.publication, "cursor": progress.cursor, "key": f"wave#{progress.publication}"})
    outside.queues.send(outside.settings.need("product_news_queue_url"), body)
    place = keys.wave(progress.publication)
    with suppress(ConditionFailed):
        outside.tables.write([Change(place, put={"asked_for": progress.cursor}, when=Is("cursor", progress.cursor))])

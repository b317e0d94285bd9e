"""Interest by the week, in KnowledgeTable and without anybody in it: what is counted, and a rise told once."""

import contextlib

from aftercare import events, keys, tally, telemetry
from aftercare.behaviour_events import RiseData
from aftercare.event import Event
from aftercare.events import Told
from aftercare.outside import Outside
from aftercare.segment_policy import segment_policy
from aftercare.store import Delivery
from aftercare.table import ConditionFailed, Item
from customer_segments.interest import PART, counted, rises


def count(outside: Outside, event: Told, rows: tuple[str, ...]) -> str:
    """Count once for each of the rows, and tell which of them rose by it."""
    data, now = event.data, outside.clock.now()
    week = tally.week_at(event.occurred_at, tally.store_zone())
    names = {counted(row, data.family): 1 for row in rows}
    if not names or not tally.once(outside.tables, f"{PART}#{event.id}", data.shop, week, PART, names, now):
        return "nothing: counted before" if names else "nothing: no row"
    rose = [row for row in rows if _rose(outside, data.shop, row, data.family, week, event.correlation_id)]
    return f"counted{''.join(f', {row} rose' for row in rose)}"


def _rose(outside: Outside, shop: str, row: str, family: str, week: tally.Week, correlation_id: str) -> bool:
    rule, name = segment_policy().interest, counted(row, family)
    weeks = [week, *(week.before(n) for n in range(1, rule.weeks + 1))]
    places = [keys.tally(str(one), shop, PART) for one in weeks]
    last = keys.delivery(_marker(shop, row, family, weeks[1]))
    found = outside.tables.read([*places, last])
    counts = [_number(found.get(place), name) for place in places]
    known = sum(place in found for place in places[1:])
    if not rises(counts[0], counts[1:], known, rule):
        return False
    # A rise that was told last week goes on: it is noted for the next week, and not told again.
    told = () if last in found else (_told(shop, row, family, week, counts, correlation_id, outside),)
    now, key = outside.clock.now(), _marker(shop, row, family, week)
    marker = Delivery(key, "customer_segments", PART, now, correlation_id, keys.message_id(key), events=told)
    with contextlib.suppress(ConditionFailed):  # this week's was told before
        outside.tables.write([marker.put()])
        if told:
            telemetry.count("InterestRose")
        return bool(told)
    return False


def _told(shop: str, row: str, family: str, week: tally.Week, counts: list[int], correlation_id: str, outside: Outside) -> Event:
    before = round(sum(counts[1:]) / (len(counts) - 1), 1)
    data = RiseData(shop=shop, segment=row, family=family, week=str(week), days=counts[0], before=before)
    event_id = keys.message_id(_marker(shop, row, family, week))
    return events.make("InterestRose", event_id, outside.clock.now(), correlation_id, data)


def _marker(shop: str, row: str, family: str, week: tally.Week) -> str:
    return f"interest#{shop}#{row}#{family}#{week}"


def _number(item: Item | None, name: str) -> int:
    return int(str(item.get(name, 0))) if item else 0

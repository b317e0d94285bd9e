"""The list of open rescues, from the index of what somebody must come back to: what runs out first comes first."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from aftercare import keys
from aftercare.cases import Case, Rescue
from aftercare.clock import iso
from aftercare.customer import Customer
from aftercare.feedback import LONGEST, Given, said
from aftercare.heard import Words
from aftercare.keys import Key
from aftercare.model import LATEST
from aftercare.table import Item, Tables

MOST = 200
"""So many are shown; the rest comes up as these are ended."""

READ = 100
"""BatchGetItem takes a hundred keys."""


class Open(NamedTuple):
    """One open rescue: whose, and its case."""

    customer_id: str
    case: Case


def open_rescues(tables: Tables) -> tuple[Open, ...]:
    """Buyers of high value first, then what runs out first. The index follows its table, so each is read. Throttled."""
    due = tables.due("rescue", iso(LATEST), MOST)
    places = [Key("customers", str(item["pk"]), str(item["sk"])) for item in due]
    found: list[Open] = []
    for place, item in _read(tables, places):
        case = Case.model_validate_json(str(item["doc"]))
        if case.due:
            found.append(Open(keys.customer_id_of(place.pk), case))
    return tuple(sorted(found, key=lambda one: (one.case.rescue is None or one.case.rescue.priority != "high", one.case.due)))


def _read(tables: Tables, places: list[Key]) -> Iterable[tuple[Key, Item]]:
    for n in range(0, len(places), READ):
        yield from tables.read(places[n : n + READ]).items()


def is_late(case: Case, now: datetime) -> bool:
    return case.due is not None and case.due <= now


def place_of_words(customer: Customer, rescue: Rescue) -> Key | None:
    """Where the words lie that opened a rescue: an answer to the survey, or what was written elsewhere. None where there were
    none, or where they are older than the newest lines on the record."""
    if rescue.origin == "survey":
        answer = said(customer).of(rescue.about)
        return keys.answer(customer.id, answer.order, answer.version) if answer else None
    line = next((one for one in said(customer).heard if (one.kind, one.ref) == (rescue.origin, rescue.about)), None)
    return keys.words(customer.id, line.kind, line.ref, line.at) if line else None


def words_of(tables: Tables, customer: Customer, case: Case) -> Given | None:
    """What the customer wrote in what opened the case. One read."""
    place = place_of_words(customer, case.rescue) if case.rescue else None
    item = tables.read([place]).get(place) if place else None
    if item is None or place is None:
        return None
    if place.sk.startswith(keys.ANSWER):
        return Given.model_validate_json(str(item["doc"]))
    words = Words.model_validate_json(str(item["doc"]))
    return Given(score=words.score, text="\n".join(filter(None, (words.title, words.text)))[:LONGEST])

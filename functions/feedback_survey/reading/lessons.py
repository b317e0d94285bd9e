"""The learned models as they lie in KnowledgeTable, and the texts that wait to teach them.

A text with a score is a lesson. It waits beside its customer's record as a pointer to what was written, which erasure removes
with the rest. At most every EVERY one invocation takes the turn for a shop and language, and only when FEWEST customers wait:
it takes the lessons away, teaches them, and writes the model. So a lesson never counts twice; a crash between the last two
steps loses one batch (docs/decisions/0120). The difference of two models is never one customer's.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from aftercare import keys, telemetry
from aftercare.clock import iso, parse_iso
from aftercare.keys import Key
from aftercare.retention import JOURNAL
from aftercare.table import Absent, ConditionFailed, Conflict, Exists, Is, Item, Put, Remove, Tables, Throttled, Unclear
from feedback_survey.reading.lexicon import Language
from feedback_survey.reading.model import Model
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import teach

EVERY: Final = timedelta(minutes=10)
"""A model is rewritten no more often."""

FEWEST: Final = 10
"""So many customers have to wait for a rewrite: what it changes cannot be told of any one of them."""

TOGETHER: Final = 100
"""Lessons of one rewrite: what one read and one transaction take."""

ATTEMPTS: Final = 4


class Kept(NamedTuple):
    """A model as it lies in the table. `version` 0: there is none yet. `turn_at`: when somebody last took the turn."""

    model: Model
    version: int = 0
    turn_at: datetime | None = None


def kept(tables: Tables, shop: str, language: Language) -> Kept:
    """The model of a shop's texts in a language; untaught where there is none, or one of another make. One read. Throttled."""
    place, turn = keys.reading_model(shop, language), keys.reading_turn(shop, language)
    found = tables.read([place, turn])
    turn_at = parse_iso(str(found[turn]["at"])) if turn in found else None
    item = found.get(place)
    if item is None:
        return Kept(Model(), 0, turn_at)
    version, raw = int(str(item["version"])), item["model"]
    try:
        return Kept(Model.from_bytes(raw if isinstance(raw, bytes) else b""), version, turn_at)
    except ValueError:
        telemetry.trouble("a reading model of another make is learned anew", shop=shop, language=language)
        return Kept(Model(), version, turn_at)


def waiting(customer_id: str, place: Key, shop: str, language: str, at: datetime, now: datetime) -> Put:
    """What notes a lesson: `place` holds a `doc` with the words and their score, said `at`. Belongs in the transaction that
    notes how they read; written again, it is the same lesson."""
    item: Item = {"customer_id": customer_id, "place": place.sk, "expires_at": JOURNAL.ends(now)}
    return Put(keys.lesson(shop, language, at, customer_id), item)


def learn(tables: Tables, before: Kept, shop: str, language: Language, now: datetime) -> int:
    """Teach the model what waits, if it is time and enough waits; how many lessons were learned. `before` was just read.

    Throttled before anything was taken away; what the table refuses after that is lost, and counted.
    """
    if before.turn_at is not None and now < before.turn_at + EVERY:
        return 0
    found = tables.partition("customers", keys.lesson(shop, language).pk, keys.LESSON, TOGETHER)
    if len({item["customer_id"] for item in found}) < FEWEST or not _turn(tables, before, shop, language, now):
        return 0
    places = {_key(item): keys.customer(str(item["customer_id"]), str(item["place"])) for item in found}
    texts = tables.read(sorted(set(places.values())))
    taken = _taken(tables, list(places))
    newest = {places[lesson].pk: places[lesson] for lesson in taken}
    learned = sum(_taught(before.model, texts.get(place), language) for place in newest.values())
    place = keys.reading_model(shop, language)
    item: Item = {"model": before.model.to_bytes(), "version": before.version + 1, "at": iso(now)}
    write = Put(place, item, when=Is("version", before.version) if before.version else Absent())
    for _ in range(ATTEMPTS):
        try:
            tables.write([write])
        except Throttled:
            continue
        except Unclear:
            pass  # it may lie there: writing it again could only fail on its version
        telemetry.count("LessonLearned", learned)
        return learned
    telemetry.count("LessonLost", learned)
    return 0


def _key(item: Item) -> Key:
    return Key("customers", str(item["pk"]), str(item["sk"]))


def _turn(tables: Tables, before: Kept, shop: str, language: Language, now: datetime) -> bool:
    """Take the turn if nobody took it since it was read."""
    when = Is("at", iso(before.turn_at)) if before.turn_at else Absent()
    try:
        tables.write([Put(keys.reading_turn(shop, language), {"at": iso(now)}, when=when)])
    except (ConditionFailed, Conflict, Unclear):
        return False
    return True


def _taken(tables: Tables, lessons: Sequence[Key]) -> tuple[Key, ...]:
    """Take lessons away, all that are still there. Erasure may have been faster; after an unclear answer none is learned."""
    left = list(lessons)
    for _ in range(ATTEMPTS):
        if not left:
            break
        try:
            tables.write([Remove(key, when=Exists()) for key in left])
        except ConditionFailed as error:
            left = [key for position, key in enumerate(left) if position not in error.failed]
            continue
        except (Conflict, Throttled):
            continue
        except Unclear:
            break
        return tuple(left)
    telemetry.count("LessonLost", len(left))
    return ()


def _taught(model: Model, item: Item | None, language: Language) -> bool:
    """Teach one text, if it is still kept and has a score."""
    said = json.loads(str(item["doc"])) if item else {}
    text, title, score = said.get("text", ""), said.get("title", ""), said.get("score")
    if score is None or not (text or title):
        return False
    teach(parse(text, title=title, language=language), score, model)
    return True

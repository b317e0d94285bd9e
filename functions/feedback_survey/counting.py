"""What a piece of feedback adds to its week: themes, where they touched whom, scores, money. Numbers and listed words only.

A customer is counted once a week for each thing, however often they say it; an answer that is changed is the same answer, so
its counts move with it. Counted is after the write that keeps a reading once (aftercare.tally).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aftercare import keys, tally
from aftercare.answer_words import Part, Score, Sentiment
from aftercare.case_topic import CaseTopic
from aftercare.cases import Case
from aftercare.customer import Customer, Order, OrderLine
from aftercare.feedback import BAD, GOOD, NOTHING_GIVEN, Answer, Given, Heard, Read, said, standing, with_heard
from aftercare.keys import Key
from aftercare.one_line import plain
from aftercare.outside import Outside
from aftercare.report_policy import Touchpoint, report_policy
from aftercare.table import Item, Number
from feedback_survey.phrases import phrases
from feedback_survey.reading.lexicon import LANGUAGES
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import said as mood_of
from feedback_survey.telling import key_of

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue
    from aftercare.report_policy import ReportPolicy

PART: Final = "feedback"
SHARDS: Final = 4
"""Parts for phrases: there are many of them, and each count costs by the size of its part."""

TICKED: Mapping[Part, Touchpoint] = {
    "ordering": "checkout",
    "delivery": "delivery",
    "packaging": "delivery",
    "product": "setup",
    "setup": "setup",
    "support": "support",
}
UNSAID: Final = "ticked"
"""Stands for a theme where a place was ticked and no words name one there."""

FELT: Final = 0.05
"""From this on a clause's mood is one."""

ASKS: Final = "feature-request"
FAULTS: Final = ("product-quality", "description-mismatch", "ease-of-use", "wrong-item", "missing", "packaging")
"""What is told of a product: what is asked for, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One piece of feedback, as it counts. `ref` names it among the customer's own; `returning` says that it goes back."""

    origin: str
    ref: str
    given: Given
    read: Read | None
    order: Order | None = None
    sku: str | None = None
    returning: bool = False

    @property
    def bad(self) -> bool:
        return self.given.score in BAD if self.given.score else self.read is not None and self.read.sentiment == "negative"


@dataclass(frozen=True, slots=True)
class Counts:
    """`marks` count a customer once a week; `money` an order once for each place; `sums` always. By part of the tally."""

    marks: frozenset[tuple[str, str]]
    money: Mapping[tuple[str, str], Number]
    sums: Mapping[str, int]


NOTHING: Final = Counts(frozenset(), {}, {})


def felt(phrase: str, language: str, overall: Sentiment | None, score: Score | None) -> Sentiment:
    """How a theme's clause feels; where it says nothing of that, as the whole does."""
    own = mood_of(parse(phrase, language=language)).mood.score if language in LANGUAGES else 0.0
    if abs(own) >= FELT:
        return "positive" if own > 0 else "negative"
    if score is not None:
        return "negative" if score in BAD else "positive" if score in GOOD else overall or "neutral"
    return overall or "neutral"


def counts(spoken: Spoken, policy: "ReportPolicy", catalogue: "Catalogue") -> Counts:
    """All that one piece of feedback says, before it is known what the customer has said already. Pure."""
    given, read, order = spoken.given, spoken.read, spoken.order
    lines = [line for line in order.lines if spoken.sku is None or line.sku == spoken.sku] if order else []
    families = list(catalogue.by_family(lines))
    marks = {(PART, "customers/all"), (PART, f"customers/{spoken.origin}")}
    themes = {one.theme: one for one in read.themes} if read else {}
    moods = {name: felt(one.phrase, read.language, read.sentiment, given.score) for name, one in themes.items() if read}
    ticked = {TICKED[part] for part in given.slowed_down}
    at: set[Touchpoint] = ticked | {"return"} if spoken.returning or spoken.origin == "return" else ticked
    places: set[tuple[str, Touchpoint]] = set()
    for theme, feeling in moods.items():
        marks |= {(PART, f"theme/{theme}/{feeling}"), (PART, f"origin/{spoken.origin}/{theme}")}
        if feeling == "negative":
            places.add((theme, policy.touchpoint(theme, at)))
        if theme == ASKS or (theme in FAULTS and feeling == "negative"):
            marks |= _of_products(theme, families, lines)
    places |= {(UNSAID, place) for place in ticked - {place for _, place in places}}
    for theme, place in places:
        marks.add((PART, f"board/{theme}/{place}/n"))
        if spoken.bad:
            marks.add((PART, f"board/{theme}/{place}/bad"))
    if read and read.language in LANGUAGES:
        shard = f"phrases#{int(keys.share(spoken.ref) * SHARDS)}"
        for name, feeling in moods.items():
            said_so = phrases([themes[name].phrase], read.language)
            marks |= {(shard, f"phrase/{read.language}/{name}/{feeling}/{phrase}") for phrase in said_so}
    return Counts(frozenset(marks), _money(order, places), _sums(spoken, families, moods))


def _of_products(theme: str, families: Sequence[str], lines: Sequence[OrderLine]) -> set[tuple[str, str]]:
    """Which product is meant is known where there is but one."""
    if len(families) != 1:
        return set()
    found = {(PART, f"family/{families[0]}/{theme}")}
    skus = {line.sku for line in lines if line.sku}
    if len(skus) == 1:
        found.add((f"product#{families[0]}:{plain(skus.pop(), 60)}", f"product/{theme}"))
    return found


def _money(order: Order | None, places: Iterable[tuple[str, Touchpoint]]) -> dict[tuple[str, str], Number]:
    """The order's value at each place where it was touched, and that it is one more in its currency."""
    if order is None or order.total is None or order.total.amount <= 0:
        return {}
    amount, currency = order.total.amount, order.total.currency
    found: dict[tuple[str, str], Number] = {}
    for theme, place in places:
        found[order.key, f"board/{theme}/{place}/{currency}"] = amount
        found[order.key, f"board/{theme}/{place}/{currency}/n"] = 1
    return found


def _sums(spoken: Spoken, families: Sequence[str], moods: Mapping[str, str]) -> dict[str, int]:
    """Scores by family, and with each theme (of what has words) and each ticked part (of the survey)."""
    score = spoken.given.score
    found = {f"read/{spoken.origin}": 1}
    if score is None:
        return found
    with_it = [f"rating/{family}" for family in families] + ["score/all"]
    if spoken.read is not None:
        with_it += ["driver/words", *(f"driver/theme/{theme}" for theme in moods)]
    if spoken.origin == "survey":
        parts = {*(f"good-{p}" for p in spoken.given.stood_out), *(f"slow-{p}" for p in spoken.given.slowed_down)}
        with_it += ["driver/survey", *(f"driver/part/{part}" for part in parts)]
    for name in with_it:
        found |= {f"{name}/n": 1, f"{name}/sum": score, f"{name}/squares": score * score}
    return found


Parts = dict[str, dict[str, Number]]


def difference(now: Counts, before: Counts, others: Sequence[Counts]) -> Parts:
    """What to ADD, by part: what this says that the customer had not said elsewhere in the week, without what an earlier version
    of it had added. Pure."""
    known = {mark for other in others for mark in other.marks}
    spent = {place for other in others for place in other.money}
    found: Parts = {PART: {}}
    for sign, one in ((1, now), (-1, before)):
        numbers: list[tuple[str, str, Number]] = [(part, name, 1) for part, name in one.marks - known]
        numbers += [(PART, place[1], number) for place, number in one.money.items() if place not in spent]
        numbers += [(PART, name, number) for name, number in one.sums.items()]
        for part, name, number in numbers:
            own = found.setdefault(part, {})
            own[name] = own.get(name, 0) + sign * number
    return found


# ---------------------------------------------------------------- what the record holds


def answered(outside: Outside, customer: Customer, order: Order, answer: Answer, given: Given, read: Read | None) -> None:
    """An answer, in the week in which it was first given."""
    at = answer.first_at
    spoken = _survey(customer, order, given, read)
    before = _version_before(outside, customer, order, answer) if answer.version > 1 else None
    first = {"survey/answered": 1} if before is None else {}
    _count(outside, customer, order.shop, at, spoken, before, at, skip=("survey", order.key), more=first)


def heard(outside: Outside, customer: Customer, line: Heard, read: Read | None) -> None:
    """What was said elsewhere, in its week; what says the same anew takes the counts of the one before with it. A milestone is
    nothing that was said, and an older word than the one on record changes nothing."""
    if line.kind == "milestone" or with_heard(said(customer), line) is None:
        return
    order = customer.order(line.order or "")
    shop = line.ref.partition(":")[0]
    known = next((one for one in said(customer).heard if one.about == line.about), None)
    spoken = _elsewhere(customer, line, read, order)
    case = _case(customer, line)
    more = {f"case/{case.topic}": 1} if case and known is None else {}
    before = next(iter(_others(outside, customer, [known])), None) if known else None
    _count(
        outside, customer, shop, line.at, spoken, before, known.at if known else line.at, skip=(line.kind, line.ref), more=more
    )


def _count(
    outside: Outside,
    customer: Customer,
    shop: str,
    at: datetime,
    spoken: Spoken,
    before: Spoken | None,
    before_at: datetime,
    *,
    skip: tuple[str, str],
    more: Mapping[str, int],
) -> None:
    from aftercare.catalogue import catalogue

    policy, zone, now = report_policy(), tally.store_zone(), outside.clock.now()
    week, earlier = tally.week_at(at, zone), tally.week_at(before_at, zone)

    def others(of: tally.Week) -> list[Counts]:
        lines = [one for one in _lines(customer) if tally.week_at(_since(one), zone) == of and _name(one) != skip]
        return [counts(one, policy, catalogue()) for one in _others(outside, customer, lines)] if lines else []

    own = counts(spoken, policy, catalogue())
    was = counts(before, policy, catalogue()) if before else NOTHING
    if week == earlier:
        moved = [(week, difference(own, was, others(week)))]
    else:
        moved = [(week, difference(own, NOTHING, others(week))), (earlier, difference(NOTHING, was, others(earlier)))]
    moved[0][1][PART].update(more)
    for of, parts in moved:
        for part, numbers in sorted(parts.items()):
            tally.add(outside.tables, shop, of, part, numbers, now)


def _survey(customer: Customer, order: Order, given: Given, read: Read | None) -> Spoken:
    returning = standing(customer, order) in ("returned", "refunded")
    return Spoken("survey", order.key, given, read, order=order, returning=returning)


def _case(customer: Customer, line: Heard) -> Case | None:
    return next((case for case in customer.cases if line.kind == "case" and case.ref == line.ref), None)


def _elsewhere(customer: Customer, line: Heard, read: Read | None, order: Order | None) -> Spoken:
    """What a case is about is read off the record, so that a line that counted is known for the same when another takes its place
    or stands beside it."""
    case = _case(customer, line)
    about = case is not None and case.topic in (CaseTopic.RETURN, CaseTopic.REFUND)
    returning = about or (order is not None and standing(customer, order) in ("returned", "refunded"))
    given = Given(score=line.score) if line.score else NOTHING_GIVEN
    return Spoken(line.kind, line.ref, given, read, order=order, sku=line.sku, returning=returning)


def _lines(customer: Customer) -> list[Answer | Heard]:
    feedback = said(customer)
    return [*feedback.answers, *(one for one in feedback.heard if one.kind != "milestone")]


def _name(line: Answer | Heard) -> tuple[str, str]:
    return ("survey", line.order) if isinstance(line, Answer) else (line.kind, line.ref)


def _since(line: Answer | Heard) -> datetime:
    return line.first_at if isinstance(line, Answer) else line.at


def _place(customer: Customer, line: Answer | Heard) -> Key:
    if isinstance(line, Answer):
        return keys.answer(customer.id, line.order, line.version)
    return keys.words(customer.id, line.kind, line.ref, line.at)


def _others(outside: Outside, customer: Customer, lines: Sequence[Answer | Heard]) -> list[Spoken]:
    """What else was said, as far as it is on record and was read: one read."""
    found = outside.tables.read([_place(customer, line) for line in lines])
    return [one for line in lines if (one := _spoken(customer, line, found.get(_place(customer, line))))]


def _spoken(customer: Customer, line: Answer | Heard, item: Item | None) -> Spoken | None:
    read = Read.model_validate_json(str(item["reading"])) if item and "reading" in item else None
    if isinstance(line, Answer):
        order = customer.order(line.order)
        if order is None or item is None or (line.words and read is None):
            return None
        return _survey(customer, order, Given.model_validate_json(str(item["doc"])), read)
    return _elsewhere(customer, line, read, customer.order(line.order or ""))


def _version_before(outside: Outside, customer: Customer, order: Order, answer: Answer) -> Spoken | None:
    """The newest earlier version that was counted: one whose reading was told of. A version that was overtaken was not."""
    versions = range(answer.version - 1, 0, -1)
    told = {version: keys.delivery(key_of("survey", order.key, version)) for version in versions}
    kept = {version: keys.answer(customer.id, order.key, version) for version in versions}
    found = outside.tables.read([*told.values(), *kept.values()])
    for version in versions:
        if told[version] in found and kept[version] in found:
            item = found[kept[version]]
            read = Read.model_validate_json(str(item["reading"])) if "reading" in item else None
            return _survey(customer, order, Given.model_validate_json(str(item["doc"])), read)
    return None

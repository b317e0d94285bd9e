"""What customers say when they are asked how an order was: the question's closed words, each answer, and the newest of them.

`Feedback` is hot: what rules look at, a line for each of the newest answers. What was written lies with its version in the
history, and goes from there to nobody but who reads the customer's record.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import AwareDatetime, Field

from aftercare import events, keys
from aftercare.answer_words import By, Part, Score, Sentiment, Standing, Wish
from aftercare.clock import iso
from aftercare.customer import Customer, Order
from aftercare.event import Event
from aftercare.model import Model
from aftercare.parcel_status import ShipmentStatus
from aftercare.retention import JOURNAL
from aftercare.store import versioned
from aftercare.table import Absent, Check, Item, Put, Tables, Write

MAY_CHANGE = timedelta(days=7)
"""So long an answer may be changed, see open_until()."""

HOT_ANSWERS = 6
"""So many of the newest answers are hot: the gate reads them before every message."""

HOT_HEARD = 6
"""So many of the newest lines of what was heard elsewhere are hot."""

LONGEST = 2000
"""Letters of free text; the form takes no more."""

MOST_VERSIONS = 30
"""A person changes an answer a few times; a script that does not stop is not kept for."""

PARTS: tuple[Part, ...] = get_args(Part)
WISHES: tuple[Wish, ...] = get_args(Wish)

SCORES = range(1, 6)
BAD, GOOD = (1, 2), (4, 5)
"""The scores that say of themselves how it was; 3 says neither."""


class Given(Model):
    """What one form or text gives: any of it may be missing. `number` is where to call, if another than the one on record."""

    score: Score | None = None
    stood_out: tuple[Part, ...] = ()
    slowed_down: tuple[Part, ...] = ()
    wish: Wish | None = None
    text: Annotated[str, Field(max_length=LONGEST)] = ""
    call: bool = False
    number: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")] | None = None

    @property
    def empty(self) -> bool:
        return self == NOTHING_GIVEN


NOTHING_GIVEN = Given.model_construct()


class Answer(Model):
    """One answer in a line. `first_at` is when it was first given, `at` its newest version; `words` says whether something was
    written, `sentiment` how that reads once it was read."""

    order: str
    version: int
    first_at: AwareDatetime
    at: AwareDatetime
    by: By
    score: Score | None = None
    wish: Wish | None = None
    call: bool = False
    words: bool = False
    sentiment: Sentiment | None = None

    @property
    def felt(self) -> Literal["good", "bad"] | None:
        """How the order was, by the score; where none was given, by the words."""
        if self.score is None:
            return {"positive": "good", "negative": "bad"}.get(self.sentiment or "")  # type: ignore[return-value]
        return "bad" if self.score in BAD else "good" if self.score in GOOD else None


class ReadTheme(Model):
    """What an answer speaks of, and the words of it that show that."""

    theme: str
    phrase: str = ""


class Read(Model):
    """How the words of one version read; it lies beside them. `confidence` is the sentiment's probability."""

    language: str
    sentiment: Sentiment | None = None
    confidence: float = 0.0
    mixed: bool = False
    themes: tuple[ReadTheme, ...] = ()


class Heard(Model):
    """What a customer did elsewhere, in a line: a review, a mention, the words of a case or a return, a milestone. `ref` is
    `<shop>:<reference>`, a milestone's is its name; `sentiment` says how its words read, where there were any that say something.
    """

    kind: Literal["review", "mention", "case", "milestone", "return"]
    ref: str
    at: AwareDatetime
    order: str | None = None
    sku: str | None = None
    score: Score | None = None
    sentiment: Sentiment | None = None

    @property
    def about(self) -> tuple[str, str, str | None, str | None]:
        """A newer line about the same takes its place."""
        return (self.kind, self.ref, self.order, self.sku) if self.kind == "milestone" else (self.kind, self.ref, None, None)


class Feedback(Model):
    """The newest answers of a customer and what was heard of them elsewhere, oldest first; `version` counts the writes of this
    record."""

    version: int = 0
    answers: tuple[Answer, ...] = ()
    heard: tuple[Heard, ...] = ()

    def of(self, order_key: str) -> Answer | None:
        return next((one for one in self.answers if one.order == order_key), None)


NOTHING_SAID = Feedback.model_construct()


def said(customer: Customer) -> Feedback:
    return customer.feedback or NOTHING_SAID


# ---------------------------------------------------------------- taking an answer


class Taken(NamedTuple):
    """An answer to be written: its line, the writes beside the delivery's own, and the event that tells of it."""

    answer: Answer
    writes: tuple[Write, ...]
    told: Event


Refusal = Literal["empty", "same", "closed"]
"""Why nothing is written: nothing was given, it says what was said before, or it cannot be changed any more."""


def taken(
    customer: Customer, order: Order, before: Given | None, given: Given, by: By, now: datetime, correlation_id: str
) -> Taken | Refusal:
    """What recording an answer writes, in one transaction with its event. Pure.

    `before` is the newest version's content, where there is one.
    """
    hot = said(customer)
    earlier = hot.of(order.key)
    if given.empty:
        return "empty"
    if earlier and (now >= open_until(customer, earlier) or earlier.version >= MOST_VERSIONS):
        return "closed"
    if earlier and before == given:
        return "same"
    answer = Answer(
        order=order.key,
        version=earlier.version + 1 if earlier else 1,
        first_at=earlier.first_at if earlier else now,
        at=now,
        by=by,
        score=given.score,
        wish=given.wish,
        call=given.call,
        words=bool(given.text),
    )
    others = (a for a in hot.answers if a.order != order.key)
    after = hot.model_copy(update={"version": hot.version + 1, "answers": newest((*others, answer))})
    kept: Item = {"doc": given.to_json(), "at": iso(now), "by": by, "expires_at": JOURNAL.ends(now)}
    writes = (
        Check(keys.customer(customer.id, keys.ERASED), Absent()),
        versioned(keys.customer(customer.id, keys.FEEDBACK), after.to_json(), hot.version),
        Put(keys.answer(customer.id, order.key, answer.version), kept, when=Absent()),
    )
    return Taken(answer, writes, told(customer, order, answer, given, correlation_id))


def open_until(customer: Customer, answer: Answer) -> datetime:
    """Until when an answer may be changed: seven days from when it was first given, and from when what was wrong was mended,
    since it is asked again then."""
    ends = [c.closed_at for c in customer.cases if c.closed_at and c.rescue and c.rescue.about == answer.order]
    return max([answer.first_at, *ends]) + MAY_CHANGE


def newest(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Those that stay hot, oldest first."""
    return tuple(sorted(answers, key=lambda one: (one.at, one.order)))[-HOT_ANSWERS:]


def with_heard(before: Feedback, line: Heard) -> Feedback | None:
    """The record after one more line; None where a newer one about the same is there. Pure."""
    known = next((one for one in before.heard if one.about == line.about), None)
    if known is not None and known.at > line.at:
        return None
    lines = (*(one for one in before.heard if one is not known), line)
    kept = tuple(sorted(lines, key=lambda one: (one.at, one.kind, one.ref)))[-HOT_HEARD:]
    return before.model_copy(update={"version": before.version + 1, "heard": kept})


def told(customer: Customer, order: Order, answer: Answer, given: Given, correlation_id: str) -> Event:
    """SurveyAnswered: numbers and words of the closed lists, never what was written."""
    from aftercare.feedback_events import AnswerData  # here: who only reads answers tells of none

    data = AnswerData(
        customer_id=customer.id,
        order=order.key,
        version=answer.version,
        score=given.score,
        stood_out=given.stood_out,
        slowed_down=given.slowed_down,
        wish=given.wish,
        call=given.call,
        words=answer.words,
        by=answer.by,
        standing=standing(customer, order),
    )
    event_id = keys.message_id(f"answer#{order.key}#{answer.version}")
    return events.make("SurveyAnswered", event_id, answer.at, correlation_id, data)


def merged(before: Given | None, given: Given) -> Given:
    """What a text message adds to what was said before: it says its score and its words, and takes nothing back."""
    if before is None:
        return given
    text = given.text or before.text
    return before.model_copy(update={"score": given.score or before.score, "text": text})


# ---------------------------------------------------------------- how an order stands

WENT_WRONG = (ShipmentStatus.LOST, ShipmentStatus.RETURN_TO_SENDER)


def standing(customer: Customer, order: Order) -> Standing:
    """What became of an order, by the first that holds: whoever asks how it was, or answers to that, speaks accordingly."""
    if order.cancelled_at or order.deleted_at:
        return "cancelled"
    if order.refunds:
        return "refunded"
    if order.returns:
        return "returned"
    if any(shipment.status in WENT_WRONG for shipment in customer.shipments_of(order.key)):
        return "lost"
    if any(case.open for case in customer.cases):
        return "complained"
    return "stands"


# ---------------------------------------------------------------- what was said


def content(tables: Tables, customer_id: str, answer: Answer | None) -> Given | None:
    """What the newest version of an answer holds; None without one, or when it is not kept any more. One read. Throttled."""
    if answer is None:
        return None
    place = keys.answer(customer_id, answer.order, answer.version)
    item = tables.read([place]).get(place)
    return Given.model_validate_json(str(item["doc"])) if item else None

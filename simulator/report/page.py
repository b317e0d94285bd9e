"""One page about a run: counts, the timeline as a drawing, and every message with its decision record and its preview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from aftercare.decision import Message, State
from simulator.report import words
from simulator.report.rights import Clock, Withdrawal, measured

HERE: Final = Path(__file__).parent

WIDTH: Final = 960
LEFT: Final = 132
RIGHT: Final = 24
LANE: Final = 64
TOP: Final = 34
MARK_APART: Final = 13

_TONE: Final = {
    State.SENT: "sent",
    State.HELD: "held",
    State.CLAIMED: "held",
    State.UNKNOWN: "trouble",
    State.PARKED: "trouble",
    State.REFUSED: "kept",
    State.EXPIRED: "kept",
    State.SUPERSEDED: "kept",
}


@dataclass(frozen=True, slots=True)
class Person:
    """A customer of the run: id, and the name that the report shows."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that was taken: for which message (its short id), with its parts. One on a phone has no HTML, and what it is for
    a subject."""

    message_id: str
    at: datetime
    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the timeline. `kind` is request, fact, event, wait, proposal, settlement, mail or trouble."""

    at: datetime
    kind: str
    text: str
    customer: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """A span in which a workflow waited for a customer. `quiet` says why its end proposed nothing, if it did not."""

    customer: str
    since: datetime
    until: datetime
    text: str
    quiet: str | None = None


@dataclass(slots=True)
class Told:
    """Everything that the page shows."""

    title: str
    backend: str
    seed: int
    began: datetime
    ended: datetime
    people: Sequence[Person]
    messages: Sequence[Message]
    letters: Sequence[Letter]
    happenings: Sequence[Happening]
    came: Sequence[Happening] = ()
    """The deliveries that recorded facts, for the drawing."""
    waits: Sequence[Wait] = ()
    withdrawals: Sequence[Withdrawal] = ()
    clocks: Sequence[Clock] = ()
    requests: int = 0
    facts: int = 0


@dataclass(slots=True)
class _Mark:
    x: float
    y: float
    tone: str
    shape: str
    title: str
    link: str | None = None


@dataclass(slots=True)
class _Lane:
    person: Person
    y: float
    height: float
    marks: list[_Mark] = field(default_factory=list)
    spans: list[tuple[float, float, str]] = field(default_factory=list)


def render(told: Told) -> str:
    """The page as HTML: one file, no script, nothing loaded from anywhere."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    lanes, height = _lanes(told)
    letters = {letter.message_id: letter for letter in told.letters}
    return environment.get_template("page.html.j2").render(
        told=told,
        days=_days(told),
        tiles=_tiles(told),
        refusals=_refusals(told.messages),
        measured=measured(told.withdrawals),
        ticks=_ticks(told),
        lanes=lanes,
        drawing={"width": WIDTH, "height": height, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP},
        groups=[
            (
                person,
                [_card(message, letters) for message in told.messages if message.proposal.customer_id == person.id],
                [wait for wait in told.waits if wait.customer == person.id and wait.quiet],
            )
            for person in told.people
        ],
        happenings=told.happenings,
        when=words.when,
    )


def _days(told: Told) -> int:
    return max(1, round((told.ended - told.began) / timedelta(days=1)))


def _tiles(told: Told) -> list[tuple[str, str]]:
    states = Counter(_TONE[message.state] for message in told.messages)
    return [
        (str(told.requests), "requests from senders"),
        (str(told.facts), "facts recorded"),
        (str(len(told.messages)), "messages considered"),
        (str(states["sent"]), "sent"),
        (str(states["kept"]), "not sent, each with its reason"),
        (str(states["held"] + states["trouble"]), "still open"),
    ]


def _refusals(messages: Iterable[Message]) -> list[tuple[str, int]]:
    reasons = Counter(words.REASONS[m.last.reason] for m in messages if _TONE[m.state] == "kept")
    return reasons.most_common()


# ---------------------------------------------------------------- the drawing


def _x(told: Told, at: datetime) -> float:
    whole = max((told.ended - told.began).total_seconds(), 1.0)
    share = min(max((at - told.began).total_seconds() / whole, 0.0), 1.0)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _ticks(told: Told) -> list[tuple[float, str, str]]:
    """Days from the first one: place, words, and how the words are anchored."""
    days = _days(told)
    apart = next(step for step in (1, 2, 5, 10, 15, 30, 60, 90, 180, 365, 100_000) if days / step <= 10)
    midnight = told.began.replace(hour=0, minute=0, second=0, microsecond=0)
    ticks = []
    for day in range(0, days + 1, apart):
        x = _x(told, midnight + timedelta(days=day))
        ticks.append((x, f"day {day}", "end" if x > WIDTH - RIGHT - 24 else "middle"))
    return ticks


def _lanes(told: Told) -> tuple[list[_Lane], float]:
    lanes: list[_Lane] = []
    y = float(TOP)
    for person in told.people:
        lane = _Lane(person, y, LANE)
        _fill(lane, told)
        lane.height = max(LANE, max((mark.y for mark in lane.marks), default=0.0) - y + 22)
        y += lane.height
        lanes.append(lane)
    return lanes, y + 8


def _fill(lane: _Lane, told: Told) -> None:
    facts_y, messages_y = lane.y + 20, lane.y + 42
    facts = [fact for fact in told.came if fact.customer == lane.person.id]
    _place(lane, facts_y, [(_x(told, h.at), "fact", "square", f"{words.when(h.at)}: {h.text}", None) for h in facts])
    drawn = []
    for message in told.messages:
        if message.proposal.customer_id != lane.person.id:
            continue
        title = f"{words.when(message.last.at)}: {message.proposal.template}. {words.outcome(message.last)}"
        shape = "circle" if message.state is State.SENT else "ring"
        drawn.append((_x(told, message.last.at), _TONE[message.state], shape, title, f"#m-{message.proposal.message_id}"))
    _place(lane, messages_y, sorted(drawn))
    for wait in told.waits:
        if wait.customer == lane.person.id:
            lane.spans.append(
                (_x(told, wait.since), _x(told, wait.until), f"{wait.text}: {words.when(wait.since)} to {words.when(wait.until)}")
            )


def _place(lane: _Lane, y: float, marks: Iterable[tuple[float, str, str, str, str | None]]) -> None:
    """Marks side by side: one that would cover another moves to the right, and the drawing stays readable."""
    last = -1000.0
    for x, tone, shape, title, link in marks:
        place = max(x, last + MARK_APART)
        if place > WIDTH - RIGHT + 6:
            place = x
        last = place
        lane.marks.append(_Mark(round(place, 1), y, tone, shape, title, link))


# ---------------------------------------------------------------- messages


def _card(message: Message, letters: Mapping[str, Letter]) -> dict[str, Any]:
    proposal = message.proposal
    letter = letters.get(proposal.message_id)
    return {
        "id": proposal.message_id,
        "key": proposal.key,
        "template": proposal.template.replace("-", " "),
        "about": words.about(message),
        "tone": _TONE[message.state],
        "state": words.STATES[message.state],
        "outcome": words.outcome(message.last),
        "at": words.when(message.last.at),
        "window": words.window(message),
        "proposed": words.when(proposal.proposed_at),
        "decisions": [
            {
                "at": words.when(decision.at),
                "outcome": words.outcome(decision),
                "steps": [(step.said, *words.rule(step)) for step in decision.trace],
            }
            for decision in message.decisions
        ],
        "kept": words.grounds(message),
        "letter": letter,
        "short": words.segments(message),
    }

"""A return after one more word about it: pure joins, so that the order of arrival and repetitions do not matter (rule H7)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aftercare import keys
from aftercare.customer import Order, Return, ReturnOutcome, ReturnReason
from aftercare.money import Money

if TYPE_CHECKING:
    from aftercare.rare_events import ReturnData

TIMES: Mapping[str, str] = {
    "ReturnRequested": "requested_at",
    "ReturnApproved": "approved_at",
    "ReturnExpired": "expired_at",
    "ReturnDeclined": "declined_at",
    "ReturnReceived": "received_at",
    "ReturnSettled": "settled_at",
}
"""By fact, and by the event that tells of it: the time that it makes known, in the order of the states."""

CLOCKS = timedelta(minutes=5)
"""So far the shop's clock may be behind ours."""

_REQUEST = re.compile(r"R-[A-Z2-7]{10}")


class Heard(Protocol):
    """What a fact says of a return. `request_ref` names the request of our own page that it answers."""

    @property
    def type(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def ref(self) -> str: ...
    @property
    def request_ref(self) -> str | None: ...
    @property
    def lines(self) -> Mapping[str, int]: ...
    @property
    def reason(self) -> ReturnReason | None: ...
    @property
    def wish(self) -> ReturnOutcome | None: ...
    @property
    def outcome(self) -> ReturnOutcome | None: ...
    @property
    def amount(self) -> Money | None: ...


def request_ref(order_key: str, nonce: str) -> str:
    """The reference of a request that our own page makes: short enough to be read out, the same for the same form."""
    return f"R-{keys.message_id(f'return#{order_key}#{nonce}')[:10].upper()}"


def is_request_ref(text: str) -> bool:
    return _REQUEST.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Request:
    """What a customer asks for on our own page."""

    occurred_at: datetime
    ref: str
    lines: Mapping[str, int]
    reason: ReturnReason
    wish: ReturnOutcome | None
    type: str = "ReturnRequested"
    request_ref: str | None = None
    outcome: ReturnOutcome | None = None
    amount: Money | None = None


def returns_after(before: tuple[Return, ...], heard: Heard) -> tuple[Return, ...]:
    """Returns in the order of their references after one more word. Those that turn out to be one under two names are joined."""
    field = TIMES[heard.type]
    told = Return(
        ref=heard.request_ref or heard.ref,
        also=(heard.ref,) if heard.request_ref not in (None, heard.ref) else (),
        lines=dict(sorted(heard.lines.items())),
        reason=heard.reason,
        wish=heard.wish,
        outcome=heard.outcome,
        amount=heard.amount,
        **{field: heard.occurred_at.astimezone(UTC)},
    )
    same = [r for r in before if r.names & told.names]
    for known in same:
        told = _joined(told, known)
    return tuple(sorted((*(r for r in before if r not in same), told), key=lambda r: r.ref))


def _joined(one: Return, other: Return) -> Return:
    """Each time as it first became known; of two that say different things the greater text, whichever came first."""
    # Who has other names is called by our page's reference; without one there is a single name.
    ours = {r.ref for r in (one, other) if r.also} or one.names | other.names
    ref = min(ours)
    changes: dict[str, Any] = {"ref": ref, "also": tuple(sorted((one.names | other.names) - {ref}))}
    for field in TIMES.values():
        changes[field] = min(filter(None, (getattr(one, field), getattr(other, field))), default=None)
    for field in ("lines", "reason", "wish", "outcome", "amount"):
        # Who would rather not say is outdone by whoever does.
        weighed = (getattr(one, field), getattr(other, field))
        changes[field] = max(weighed, key=lambda value: (bool(value), value != "unsaid", _text(value)))
    return one.model_copy(update=changes)


def _text(value: object) -> str:
    return value.to_json() if isinstance(value, Money) else str(value)


def one_each(returns: tuple[Return, ...]) -> tuple[Return, ...]:
    """Each return once, also where a shop answers our page's request under a reference of its own and does not name ours.

    Such an answer came no earlier than the request, names the same lines or none, and can mean one open request only; of
    several answers to one request the first is taken. It is read so and never written: who names ours later is believed.
    """
    if len(returns) < 2:
        return returns
    asked = [r for r in returns if is_request_ref(r.ref) and not r.also and r.state == "requested"]
    answers = (r for r in returns if not any(map(is_request_ref, r.names)))
    joined: dict[str, Return] = {}
    for answer in sorted(answers, key=lambda r: (r.began_at, r.ref)):
        fits = [r for r in asked if r.ref not in joined and (r.lines == answer.lines or not (r.lines and answer.lines))]
        before = [r for r in fits if r.began_at <= answer.began_at]
        meant = before or [r for r in fits if r.began_at - CLOCKS <= answer.began_at]
        if len(meant) == 1:
            joined[meant[0].ref] = answer
    taken = {answer.ref for answer in joined.values()}
    return tuple(_answered(r, joined.get(r.ref)) for r in returns if r.ref not in taken)


def _answered(asked: Return, answer: Return | None) -> Return:
    if answer is None:
        return asked
    names = {"ref": asked.ref, "also": tuple(sorted(answer.names))}
    return _joined(asked, answer).model_copy(update=names)


def returns_news(before: Order | None, after: Order) -> list[tuple[str, datetime, str]]:
    """What is known of returns now and was not before: the event's type, when it happened, and the return's reference."""
    found = []
    for told in after.returns:
        known = [r for r in before.returns if r.names & told.names] if before else []
        for kind, field in TIMES.items():
            at = getattr(told, field)
            if at is not None and not any(getattr(r, field) for r in known):
                found.append((kind, at, told.ref))
    return found


def return_data(customer_id: str, order: Order, ref: str) -> "ReturnData":
    """What the events of a return say of it. KeyError when the order has no such return."""
    from aftercare.rare_events import ReturnData  # here: few orders have a return

    known = order.returned(ref)
    if known is None:
        raise KeyError(ref)
    return ReturnData(
        customer_id=customer_id,
        order=order.key,
        return_ref=ref,
        lines=known.lines,
        reason=known.reason,
        wish=known.wish,
        outcome=known.outcome,
    )

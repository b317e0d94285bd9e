"""What a run shows of people's rights: how fast a withdrawal held, and which legal requests are open (rules C05, C26, C30)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aftercare.consent import Head, Says, Statement, head_after
from aftercare.consent_log import MARKETING, evidence_from
from aftercare.decision import CARRIES, Message
from aftercare.requests import WARN, Request
from aftercare.table import Item
from simulator.report import words

SLO: Final = timedelta(seconds=5)
"""The last promotional send that a provider accepts may be this long after a withdrawal was acknowledged."""

_EVIDENCE: Final = "EVIDENCE#"
_REQUEST: Final = "REQUEST#"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One withdrawal of marketing: when it was acknowledged, and how long after that the last message was still accepted
    (None: none was)."""

    customer: str
    channel: str
    purpose: str
    source: str
    at: datetime
    last_after: timedelta | None

    @property
    def kept(self) -> bool:
        return self.last_after is None or self.last_after <= SLO


def carried(message: Message) -> frozenset[str]:
    """The purposes of all that stood in a message: its own, and those of the offers that an order's mail brought along."""
    written = [str(step.saw.get(CARRIES, "")) for d in message.decisions for step in d.trace if step.rule == "written"]
    return frozenset((str(message.proposal.purpose), *(purpose for each in written[-1:] for purpose in each.split())))


def withdrawals(items: Iterable[Item], messages: Sequence[Message]) -> list[Withdrawal]:
    """Every marketing withdrawal that came to hold, measured against what was accepted until a consent came to hold again.

    What was said is folded in the order in which it was heard: a consent that lost against the withdrawal ends nothing, and a
    withdrawal that lost against a newer consent begins nothing.
    """
    said: dict[tuple[str, str, str], list[Statement]] = {}
    for item in items:
        if not str(item["pk"]).startswith(_EVIDENCE):
            continue
        row = evidence_from(item)
        if isinstance(row, Statement) and row.purpose in MARKETING:
            said.setdefault((str(item["pk"]).removeprefix(_EVIDENCE), row.channel, row.purpose), []).append(row)
    found = []
    for (customer, channel, purpose), rows in sorted(said.items()):
        accepted = [
            m.sent_at
            for m in messages
            if m.sent_at and (m.proposal.customer_id, m.channel) == (customer, channel) and purpose in carried(m)
        ]
        for row, again in _held(sorted(rows, key=lambda row: (row.heard_at, row.sequence))):
            after = [at - row.heard_at for at in accepted if at > row.heard_at and (again is None or at < again)]
            last = max(after, default=None)
            found.append(Withdrawal(customer, channel, purpose, row.source, row.heard_at, last))
    return sorted(found, key=lambda one: (one.at, one.customer, one.channel, one.purpose))


def _held(rows: Sequence[Statement]) -> Iterable[tuple[Statement, datetime | None]]:
    """Each withdrawal of one place that came to hold, and when a consent came to hold after it."""
    head: Head | None = None
    told: list[tuple[Statement, Head]] = []
    for row in rows:
        head = head_after(head, row)
        told.append((row, head))
    for place, (row, now) in enumerate(told):
        if row.says is Says.WITHDRAWN and now.proof == row.sequence:
            yield row, next((later.heard_at for later, then in told[place + 1 :] if then.says is Says.GIVEN), None)


def measured(found: Sequence[Withdrawal]) -> str:
    """One sentence about all withdrawals of a run."""
    late = [one.last_after for one in found if one.last_after is not None]
    if not late:
        return f"{len(found)} withdrawals; after none of them was a message of that kind accepted (bar: {SLO.seconds} s)"
    worst = max(late).total_seconds()
    return (
        f"{len(found)} withdrawals; the last message was accepted {worst:.1f} s after one was acknowledged (bar: {SLO.seconds} s)"
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """One open request in words; `urgent` when it runs out within a week."""

    asked: str
    received: str
    acknowledge: str
    answer: str
    urgent: bool


def clocks(items: Iterable[Item], now: datetime) -> list[Clock]:
    found = [Request.model_validate_json(str(i["doc"])) for i in items if str(i["pk"]).startswith(_REQUEST)]
    still = sorted((r for r in found if r.closed_at is None), key=lambda r: (r.due_by, r.ref))
    return [
        Clock(
            words.plain(str(r.asked)),
            words.when(r.received_at),
            "acknowledged" if r.acknowledged_at else f"acknowledge by {words.when(r.ack_by)}",
            f"answer by {words.when(r.due_by)} ({r.laws[0]})",
            (r.due_by if r.acknowledged_at else min(r.ack_by, r.due_by)) - WARN <= now,
        )
        for r in still
    ]

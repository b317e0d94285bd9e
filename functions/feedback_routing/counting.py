"""What routing adds to its week: what feedback meant, what was offered, and how fast who was not content was helped."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aftercare import tally
from aftercare.cases import Case
from aftercare.outside import Outside
from aftercare.signals import Signals
from feedback_routing.routing import Routed

PART: Final = "routing"
TRIALS: Final = "trials"

BUY: Final = frozenset(("wants-demo", "wants-tip", "wants-promotion", "recommends", "ready-for-more", "unsure"))
"""Signals that say something of a next purchase; the others say that help is needed first."""

ANSWERED: Final = ((15, "15-minutes"), (60, "hour"), (240, "4-hours"), (1440, "day"))
"""Up to how many minutes a first answer took, and what that is called; later is `later`."""


def meaning(one: Signals | None) -> Counter[str]:
    """What one piece of feedback came to, as numbers. Pure."""
    if one is None:
        return Counter()
    found = Counter(["classified/all", f"mood/{one.mood}", *(f"signal/{signal}" for signal in one.signals)])
    if BUY.intersection(one.signals):
        found["classified/turned"] += 1
    if one.offer:
        found[f"offer/{one.offer}"] += 1
    if one.held_out:
        found["offer/held-out"] += 1
    return found


def recorded(outside: Outside, routed: Routed) -> None:
    """After the write that records it. A newer version of the same feedback takes the counts of the older with it."""
    after, before = routed.signals, routed.before
    same = before if before and (before.origin, before.about) == (after.origin, after.about) else None
    shop = after.about.partition(":")[0]
    found = meaning(after)
    found.subtract(meaning(same))
    opened = routed.case is not None and routed.case.rescue is not None and routed.case.rescue.after is None
    if opened:
        found["rescue/opened"] += 1
    elif routed.case is not None and routed.case.rescue is not None:
        found[f"rescue/after/{routed.case.rescue.after}"] += 1
    _add(outside, shop, same.at if same else after.at, found)
    if after.tried_at is not None and after.tried_at == after.at:
        _add(outside, shop, after.at, {f"offers/{after.trial}/n": 1}, TRIALS)


def _add(outside: Outside, shop: str, at: datetime, found: Mapping[str, int], part: str = PART) -> None:
    tally.add(outside.tables, shop, tally.week_at(at, tally.store_zone()), part, found, outside.clock.now())


def answered(outside: Outside, case: Case) -> None:
    """The first answer of a rescue, in the week in which it was opened."""
    if case.rescue is None or case.answered_at is None or case.opened_at is None:
        return
    took = max(0, int((case.answered_at - case.opened_at).total_seconds()))
    named = next((name for minutes, name in ANSWERED if took <= minutes * 60), "later")
    in_time = "in-time" if case.answered_at <= case.rescue.answer_by else "late"
    _once(outside, case, "answered", {f"answered/{named}": 1, f"clock/{in_time}": 1, "answered/minutes": took // 60})


def closed(outside: Outside, case: Case) -> None:
    """The end of a rescue."""
    _once(outside, case, "closed", {f"result/{case.result or 'unsaid'}": 1})


def missed(outside: Outside, case: Case, what: str) -> None:
    """After the write that notes it, once for each."""
    if case.opened_at:
        _add(outside, case.ref.partition(":")[0], case.opened_at, {f"missed/{what}": 1})


def _once(outside: Outside, case: Case, what: str, found: Mapping[str, int]) -> None:
    if case.opened_at is None:
        return
    week, now = tally.week_at(case.opened_at, tally.store_zone()), outside.clock.now()
    tally.once(outside.tables, f"rescue-{what}#{case.ref}", case.ref.partition(":")[0], week, PART, found, now)

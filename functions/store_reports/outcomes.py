"""What became of what was sent: who got something against who was held out, and how each kind of buyer reacts. Pure.

Everything goes by steps of four weeks of which all days that are looked at are over. Beside what was measured stands what the
store aims at.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from aftercare.report_policy import ReportPolicy
from aftercare.segment_policy import Row
from aftercare.table import Number
from aftercare.tally import Week
from store_reports.steps import Parts, counted, step_of, told_by
from store_reports.telling import Amounts, apart, plain, rise, rise_of_mean, share, within

TERM: Final = 6
"""Steps over which comparisons add up; then they begin anew, at the same weeks for ever."""

TRIALS: Final = {
    "offers": ("offered", ("bought",)),
    "reminders": ("reminded", ("bought",)),
    "guides": ("guided", ("returned", "cancelled")),
}
"""Each comparison's side that got something, and what is looked for on both."""

REACTIONS: Final = ("opened", "clicked", "ordered")


def trials(week: Week, weeks: Mapping[Week, Parts], policy: ReportPolicy, zone: str, now: datetime) -> dict[str, Any]:
    """Offered against held-out customers who bought again, reminded against held-out purchases that were repeated, and guided
    against held-out orders that went back or were cancelled."""
    last, found = told_by(week, zone, timedelta(days=policy.bought_again_days), now), {}
    for kind, (arm, ends) in TRIALS.items():
        found[kind] = {"days": policy.bought_again_days, **_compared(weeks, kind, arm, ends, last, policy.fewest)}
    reminders = found["reminders"]
    reminders |= {"target": policy.targets.reorder_rate, "value_target": policy.targets.order_value}
    reminders["values"] = _values(weeks, reminders, policy.fewest) if reminders["ends"] else {}
    return found


def segments(
    week: Week, weeks: Mapping[Week, Parts], policy: ReportPolicy, rows: Mapping[str, Row], zone: str, now: datetime
) -> dict[str, Any]:
    """For each kind of buyer what its messages of the newest step came to, and who ordered again: those who may get them against
    those held out."""
    last = told_by(week, zone, timedelta(days=policy.segments_after_days), now)
    step = step_of(last - 1)
    found = []
    for name, row in rows.items():
        sums: dict[str, int] = {}
        for one in step:
            for what, number in counted(weeks.get(one, {}), "segments", f"{name}/").items():
                sums[what] = sums.get(what, 0) + number
        # Messages are counted, and one customer may get so many of them: fewer than that of enough customers are not told.
        k = policy.fewest * max(len(row.contents), row.limits.at_most)
        sent, aims = sums.get("sent", 0), policy.targets.of_kind(name)
        found.append(
            {
                "row": name,
                "sent": sent if sent >= k else None,
                **{what: plain(share(sums.get(what, 0), sent, k)) for what in REACTIONS},
                "targets": aims.model_dump(mode="json") if aims else None,
                "again": _compared(weeks, f"row-{name}", "offered", ("bought",), last, policy.fewest),
                "again_target": policy.targets.first_time_again if name == "first-time" else None,
            }
        )
    return {
        "from": str(step[0]),
        "until": str(step[-1]),
        "days": policy.segments_after_days,
        "order_days": policy.led_to_order_days,
        "rows": found,
    }


def _compared(weeks: Mapping[Week, Parts], kind: str, arm: str, ends: Sequence[str], last: int, k: int) -> dict[str, Any]:
    begins = last // TERM * TERM
    row = _term(weeks, kind, arm, ends, begins, last, k)
    if row is None or all(row["ends"][end] is None for end in ends):
        # A term that has just begun says nothing yet: the one before it still does.
        row = _term(weeks, kind, arm, ends, begins - TERM, begins, k) or row
    return row or dict.fromkeys(("from", "until", arm, "held-out", "ends"))


def _term(
    weeks: Mapping[Week, Parts], kind: str, arm: str, ends: Sequence[str], begins: int, last: int, k: int
) -> dict[str, Any] | None:
    """The sums of as many steps as may be told: steps are added together until what is new in each number is of enough, so that
    no two reports give a smaller one by their difference. None where it is not yet."""
    sure: dict[str, int] = {}
    since, until = dict[str, int](), None
    for block in range(max(begins, 0), last):
        for one in step_of(block):
            for name, number in counted(weeks.get(one, {}), "trials", f"{kind}/").items():
                since[name] = since.get(name, 0) + number
        if all(_enough(since, side, end, k) for side in (arm, "held-out") for end in ends):
            sure = {name: sure.get(name, 0) + since.get(name, 0) for name in {*sure, *since}}
            since, until = {}, step_of(block)[-1]
    if until is None:
        return None
    return {
        "from": str(step_of(begins)[0]),
        "until": str(until),
        **{side: sure.get(f"{side}/n", 0) for side in (arm, "held-out")},
        "ends": {end: _against(sure, arm, end, k) for end in ends},
    }


def _enough(sums: Mapping[str, int], side: str, end: str, k: int) -> bool:
    some, of = sums.get(f"{side}/{end}", 0), sums.get(f"{side}/n", 0)
    return of >= k and (some == 0 or within(some, of, k))


def _against(sums: Mapping[str, int], arm: str, end: str, k: int) -> dict[str, Any] | None:
    """Both shares, their difference, and by how much the one is more; None while nobody on one of the sides did so."""
    one = share(sums.get(f"{arm}/{end}", 0), sums.get(f"{arm}/n", 0), k)
    other = share(sums.get(f"held-out/{end}", 0), sums.get("held-out/n", 0), k)
    if one is None or other is None:
        return None
    return {arm: plain(one), "held-out": plain(other), **plain(apart(one, other)), "rise": plain(rise(one, other))}


def _values(weeks: Mapping[Week, Parts], told: Mapping[str, Any], k: int) -> dict[str, Any]:
    """What the orders were worth that came on each side, by currency, over the weeks of the comparison."""
    of_bought = told["ends"]["bought"]
    if of_bought is None:
        return {}
    sums: dict[str, Number] = {}
    for week, parts in weeks.items():
        if told["from"] <= str(week) <= told["until"]:
            for name, number in parts.get("trials", {}).items():
                if name.startswith("reminders/"):
                    sums[name.removeprefix("reminders/")] = sums.get(name.removeprefix("reminders/"), 0) + number
    found: dict[str, Any] = {}
    for currency in sorted({name.split("/")[2] for name in sums if "/value/" in name}):
        sides = {side: _amounts(sums, side, currency, of_bought[side]["part"], k) for side in ("reminded", "held-out")}
        one, other = sides["reminded"], sides["held-out"]
        if one and other:
            means = {side: str(amounts.mean.quantize(Decimal("0.01"))) for side, amounts in sides.items() if amounts}
            found[currency] = {**means, "rise": plain(rise_of_mean(one, other))}
    return found


def _amounts(sums: Mapping[str, Number], side: str, currency: str, of: int, k: int) -> Amounts | None:
    """Of enough orders, where those in other currencies are as many or none."""
    n, total, squares = (Decimal(sums.get(f"{side}/value/{currency}/{what}", 0)) for what in ("n", "sum", "squares"))
    return Amounts(int(n), total, squares) if within(int(n), of, k) and total > 0 else None

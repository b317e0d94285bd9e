"""What a record says of whether somebody goes on using what they bought, and what became of them: a store learns from both.

Whoever is looked at because they stay away is looked at once more `within_days` later. Both are counted in the week of the first
look: what was seen, and whether they have ordered, renewed or logged in since.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from aftercare import keys, tally, telemetry, waits
from aftercare.behaviour import days_of
from aftercare.cases import Case
from aftercare.catalogue import Catalogue, catalogue
from aftercare.clock import iso, parse_iso
from aftercare.customer import Customer, Order
from aftercare.feedback import said
from aftercare.lifetime import Model, model_from
from aftercare.outside import Outside
from aftercare.prospects import shop_of
from aftercare.setup import SetUp, guided
from aftercare.use import PART, Sign, Weights, cell_of, counted, weights_from
from customer_segments.saying import standing

if TYPE_CHECKING:
    from aftercare.segment_policy import Use

FAST, SAME_DAY = timedelta(hours=4), timedelta(hours=24)
"""How long a case may wait for its first answer: the steps of the sign."""

RECENT = timedelta(days=90)
"""So long ago a case still says something."""

LOGINS = 30
"""Days within which a login is a sign."""


class Known(NamedTuple):
    """What there is to go by: the signs on the record, what they are worth in the shop, its parameters, and which it is."""

    signs: tuple[Sign, ...]
    weights: Weights
    model: Model
    shop: str


def known_of(outside: Outside, customer: Customer, rule: "Use", now: datetime) -> Known:
    """One read: how far the newest guide is, and what the shop has learned. Throttled."""
    order, shop = _guided(customer, catalogue()), shop_of(customer) or ""
    place = keys.setup(customer.id, order.key) if order else None
    at = keys.buyers(shop)
    found = outside.tables.read([at, *((place,) if place else ())])
    kept = SetUp.model_validate_json(str(found[place]["doc"])) if place and place in found else SetUp()
    there = signs(customer, order, kept, catalogue(), now)
    return Known(there, weights_from(found.get(at), rule), model_from(found.get(at)), shop)


def _guided(customer: Customer, goods: Catalogue) -> Order | None:
    """The newest order with something to set up."""
    return next((order for order in standing(customer) if guided(order.lines, goods)), None)


def signs(customer: Customer, order: Order | None, kept: SetUp, goods: Catalogue, now: datetime) -> tuple[Sign, ...]:
    """The signs of use on a record, one of each group at most; `order` is the newest with a guide, `kept` how far it is. Pure."""
    found = (_steps(order, kept, goods), _milestones(customer), _logins(customer, now), _felt(customer), _support(customer, now))
    return tuple(sign for sign in found if sign)


def _steps(order: Order | None, kept: SetUp, goods: Catalogue) -> Sign | None:
    """How far the guide is. Who uses a thing is done with it, whatever they ticked."""
    if order is None:
        return None
    done = whole = 0
    for guide in guided(order.lines, goods):
        steps, own = max(len(steps) for steps in guide.steps.values()), kept.of(guide.family.name)
        whole += steps
        done += steps if own.used_at else min(len(own.ticked), steps)
    return "steps-none" if not done else "steps-some" if done < whole else "steps-all"


def _milestones(customer: Customer) -> Sign | None:
    """Different ones: the same with two things counts as one."""
    many = len({line.ref for line in said(customer).heard if line.kind == "milestone"})
    return None if not many else "milestone" if many == 1 else "milestones"


def _logins(customer: Customer, now: datetime) -> Sign | None:
    """Of who did not agree that logins are noted nothing is known."""
    if any(days_of(customer.behaviour, act, now, LOGINS) for act in ("web", "app")):
        return "logged-in"
    leave = customer.consent.behaviour
    return "stayed-out" if leave and not leave.opted_out and leave.said_at <= now - timedelta(days=LOGINS) else None


def _felt(customer: Customer) -> Sign | None:
    return next((answer.felt for answer in reversed(said(customer).answers) if answer.felt), None)


def _support(customer: Customer, now: datetime) -> Sign | None:
    """An open case says most, else the slowest first answer. A call that we ourselves opened is none of theirs."""
    own = [c for c in customer.cases if c.opened_at and not (c.rescue and c.rescue.origin == "care")]
    if any(case.open for case in own):
        return "open-case"
    took = max((_took(case) for case in own if (case.closed_at or now) > now - RECENT), default=None)
    if took is None:
        return None
    return "answered-4h" if took <= FAST else "answered-24h" if took <= SAME_DAY else "answered-later"


def _took(case: Case) -> timedelta:
    """How long its first answer took; of one that was closed without any, until then."""
    told = [at for at in (case.answered_at, case.closed_at) if at and case.opened_at and at >= case.opened_at]
    return min(told) - case.opened_at if told and case.opened_at else timedelta()


# ---------------------------------------------------------------- what became of it


def begin(outside: Outside, customer: Customer, known: Known, rule: "Use", now: datetime, correlation_id: str) -> None:
    """The wait until it is known whether they went on; one at a time, by the calendar's stretches of so many days."""
    stretch = now.date().toordinal() // rule.within_days
    at = now + timedelta(days=rule.within_days)
    payload = {
        "use": cell_of(known.signs),
        "shop": known.shop,
        "since": iso(now),
        "correlation_id": correlation_id,
    }
    machine = outside.settings.need("segment_state_machine")
    waits.start(outside, machine, f"use#{customer.id}#{stretch}", customer.id, at, payload)


def settle(outside: Outside, customer: Customer, payload: Mapping[str, Any], now: datetime) -> str:
    """Count what was seen with what became of it, once."""
    since = parse_iso(payload["since"])
    stayed = goes_on(customer, since, now)
    week = tally.week_at(since, tally.store_zone())
    if not tally.once(outside.tables, payload["key"], payload["shop"], week, PART, counted(payload["use"], stayed), now):
        return "nothing: counted before"
    telemetry.count("UseSettled")
    return "counted: went on" if stayed else "counted: left"


def goes_on(customer: Customer, since: datetime, now: datetime) -> bool:
    """Whether somebody has ordered, renewed or logged in since. Pure."""
    if any((order.placed_at or order.as_of) > since for order in standing(customer)):
        return True
    days = (now.date() - since.date()).days
    return any(days_of(customer.behaviour, act, now, days) for act in ("web", "app"))

"""What an order sets going, and whether at the end of a wait a reminder is still worth sending. Pure.

One wait is open for each customer and family; its key names the purchase that set it. A newer purchase stops it, and one that
wakes all the same decides again from the record and ends.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from aftercare import keys, offer_taps
from aftercare.consent import Purpose
from aftercare.customer import Customer, Order
from aftercare.places import zone_of
from aftercare.proposal import Block, Nothing, Proposal, Unless
from aftercare.reorder_levels import STORE, days, of_family
from aftercare.reorder_policy import ReorderPolicy, Worth
from aftercare.reorders import AGAIN, Reorders, Running, lasts, place_of
from reorder_reminder import depletion, hit_gate, trial
from reorder_reminder.depletion import Basis, Known, Sums, Thing
from reorder_reminder.hit_gate import Asked
from reorder_reminder.purchases import (
    ONE_PURCHASE,
    Purchase,
    history,
    is_care,
    kept_lines,
    lead_days,
)

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue, Family

STILL_OF_USE = timedelta(days=14)
"""Later than this after it was due, a reminder is past its time."""

RENEWED_WITHIN = timedelta(days=75)
"""A subscription that has not come for longer has ended."""

MOST_TOLD = 3
EXPLORED = 0.1  # of the messages show another accompanying product than the best so far
FIRST, LAST = "reorder-reminder", "reorder-nudge"
UNLESS = (Unless.ORDER_UNKNOWN, Unless.ORDER_CANCELLED, Unless.ORDER_REFUNDED, Unless.REORDERED)


class Because(StrEnum):
    """Why there is nothing to wait for or to remind of."""

    CUSTOMER_GONE = "customer-gone"
    ORDER_UNKNOWN = "order-unknown"
    NOT_PLACED = "not-placed"
    TEST_ORDER = "test-order"
    DELETED = "deleted"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    RENEWS_ITSELF = "renews-itself"
    NO_WINDOW = "no-window"
    REORDERED = "reordered"
    RETURNED = "returned"
    OUT_OF_STOCK = "out-of-stock"
    SNOOZED = "snoozed"
    NOT_WANTED = "not-wanted"
    NOT_WORTH_IT = "not-worth-it"
    HELD_OUT = "held-out-to-measure"
    ONE_WAITS = "one-waits"
    TOO_LATE = "too-late"


class Wait(NamedTuple):
    """One wait: for a family of an order, or for the renewal of a subscription, until an instant."""

    key: str
    order: str
    family: str
    at: datetime
    subscription: str = ""


class Plan(NamedTuple):
    """What is to be done: the record as it is then, waits to start and to stop, what was learned, and what is counted."""

    kept: Reorders
    waits: tuple[Wait, ...] = ()
    stops: tuple[str, ...] = ()
    lessons: Mapping[str, tuple[float, ...]] = MappingProxyType({})
    counted: tuple[trial.Counted, ...] = ()
    decision: Proposal | Nothing = Nothing(Because.NO_WINDOW)


class Store(NamedTuple):
    """What every decision goes by: the store's content, its time zone, and what has been learned."""

    catalogue: "Catalogue"
    policy: ReorderPolicy
    timezone: str
    known: Known = MappingProxyType({})
    out: Mapping[str, datetime] = MappingProxyType({})


def key_of(order_key: str, family: str) -> str:
    return f"{FIRST}#{order_key}:{family}"


def last_key(key: str) -> str:
    """The second wait of the same purchase."""
    return f"{LAST}#{key.partition('#')[2]}"


def on_day(order: Order, day: float, timezone: str) -> datetime:
    """So many days after an order by the calendar of who ordered: at the same time of day, whatever the clocks do meanwhile."""
    zone = zone_of(order.country, timezone, order.region, order.postcode)
    placed = order.placed_at or order.as_of
    return (placed.astimezone(zone) + timedelta(days=day)).astimezone(UTC)


def against(order: Order | None) -> Because | None:
    if order is None:
        return Because.ORDER_UNKNOWN
    facts = (
        (order.placed_at is None, Because.NOT_PLACED),
        (order.is_test, Because.TEST_ORDER),
        (order.deleted_at is not None, Because.DELETED),
        (order.cancelled_at is not None, Because.CANCELLED),
        (order.refunded_in_whole, Because.REFUNDED),
        (order.is_renewal, Because.RENEWS_ITSELF),
    )
    return next((because for holds, because in facts if holds), None)


def families_of(order: Order | None, catalogue: "Catalogue") -> tuple[str, ...]:
    """The families of an order with a reorder window, in its order."""
    names = catalogue.by_family(order.lines) if order else ()
    return tuple(name for name in names if catalogue.family(name).reorder)


def renews(customer: Customer, family: str, catalogue: "Catalogue", now: datetime) -> bool:
    """Whether a subscription brings the family by itself: it has come by one lately, or was bought by a plan that will."""
    for order in customer.orders:
        if order.closed is not None or order.placed_at is None or now - order.placed_at >= RENEWED_WITHIN:
            continue
        lines = catalogue.by_family(order.lines).get(family, ())
        if lines and (order.is_renewal or order.subscription or any(line.plan for line in lines)):
            return True
    return False


# ---------------------------------------------------------------- an order


def placed(
    customer: Customer, order_key: str, all_: Mapping[str, tuple[Purchase, ...]], kept: Reorders, store: Store, now: datetime
) -> Plan | Nothing:
    """What an order sets going: lessons of the purchase before it, whose wait is stopped, and its own wait. `all_` are the
    customer's purchases by family."""
    order = customer.order(order_key)
    if (because := against(order)) or order is None:
        return Nothing(because or Because.ORDER_UNKNOWN)
    names = families_of(order, store.catalogue)
    if not names:
        return Nothing(Because.NO_WINDOW)
    plan = Plan(kept)
    for family in names:
        if is_care(store.catalogue, family):
            plan = _added(plan, _care_wait(order, family, store, now))
        elif family in all_ and all_[family][-1].order == order.key:
            plan = _bought(plan, customer, order, family, all_, store, now)
    if plan.waits or plan.stops or plan.kept != kept:
        return plan
    return Nothing(Because.NOT_WANTED if set(names) & set(kept.never) else Because.NO_WINDOW)


def _added(plan: Plan, wait: Wait | None) -> Plan:
    return plan._replace(waits=(*plan.waits, wait)) if wait else plan


def _care_wait(order: Order, family: str, store: Store, now: datetime) -> Wait | None:
    reorder = store.catalogue.family(family).reorder
    at = on_day(order, reorder.after_days if reorder else 0, store.timezone)
    return Wait(key_of(order.key, family), order.key, family, at) if now < at + STILL_OF_USE else None


def _bought(
    plan: Plan,
    customer: Customer,
    order: Order,
    family: str,
    all_: Mapping[str, tuple[Purchase, ...]],
    store: Store,
    now: datetime,
) -> Plan:
    last, before = all_[family][-1], plan.kept.running.get(family)
    if before is not None and before.order == order.key:
        return _added(plan, _open_wait(before, family, order, store.timezone))  # told again
    if before is not None:
        earlier = customer.order(before.order)
        first = before.first and earlier is not None and last.at < _due(before, earlier, store.timezone)
        plan = plan._replace(stops=(*plan.stops, before.key if first else last_key(before.key)))
        if last.at - before.at >= ONE_PURCHASE:
            lessons = dict(plan.lessons)
            depletion.merge(lessons, _lessons(before, family, last.at, store.catalogue))
            plan = plan._replace(lessons=lessons)
        if came := trial.bought(before, order, last.at):
            plan = plan._replace(counted=(*plan.counted, came))
    if family in plan.kept.never or renews(customer, family, store.catalogue, now):
        return plan._replace(kept=plan.kept.with_running(family, None))
    running = _foreseen(customer, order, family, all_, plan.kept, store)
    if now >= on_day(order, running.nudge_day, store.timezone) + STILL_OF_USE:
        return plan._replace(kept=plan.kept.with_running(family, None))  # an old order, imported
    plan = plan._replace(kept=plan.kept.with_running(family, running))
    return _added(plan, _open_wait(running, family, order, store.timezone))


def _foreseen(
    customer: Customer, order: Order, family: str, all_: Mapping[str, tuple[Purchase, ...]], kept: Reorders, store: Store
) -> Running:
    """The forecast of a family's last purchase, as it is kept; the wait is the first one where a reminder is worth it."""
    last = all_[family][-1]
    thing, told = history(family, all_, store.catalogue, kept.told.get(family, ()))
    seen = hit_gate.foresee(thing, told, store.known)
    lead = lead_days(customer, order)
    # Goods that are ordered on the reminder are there before they run out.
    found = depletion.earlier(seen.forecast, int(seen.forecast.p50 - lead)) if lead else seen.forecast
    asked = seen.asked
    if found is not seen.forecast:
        features = hit_gate.features(thing, told, found, store.known)
        asked = Asked(features, hit_gate.chance(features, hit_gate.weights(store.known, told.own[-1].day)))
    nudge_day = max(round(found.p75), found.best + depletion.HIT_DAYS + 1)
    chance = asked.chance * _liked(store.known, family, AGAIN)
    pays = _worth(order, family, store, chance).pays
    return Running(
        order=order.key,
        at=last.at,
        product=last.product,
        key=key_of(order.key, family),
        first=pays,
        day=found.best,
        nudge_day=nudge_day,
        chance=round(asked.chance, 4),
        nudge_chance=round(depletion.chance_after(found, nudge_day), 4),
        basis=tuple(round(value, 5) for value in found.basis),
        features=tuple(round(value, 5) for value in asked.features),
    )


def _open_wait(running: Running, family: str, order: Order, timezone: str) -> Wait:
    if running.first:
        return Wait(running.key, running.order, family, _due(running, order, timezone))
    return _last_wait(running, family, order, timezone)


def _last_wait(running: Running, family: str, order: Order, timezone: str) -> Wait:
    return Wait(last_key(running.key), running.order, family, _last_due(running, order, timezone))


def _due(running: Running, order: Order, timezone: str) -> datetime:
    return running.later_until or on_day(order, running.day, timezone)


def _last_due(running: Running, order: Order, timezone: str) -> datetime:
    due = on_day(order, running.nudge_day, timezone)
    return max(due, running.later_until + timedelta(days=depletion.HIT_DAYS + 1)) if running.later_until else due


def _worth(order: Order, family: str, store: Store, chance: float) -> Worth:
    lines = store.catalogue.by_family(order.lines).get(family, ())
    return store.policy.worth(lines, chance)


def _liked(known: Known, family: str, offer: str) -> float:
    return offer_taps.liked(known.get(offer_taps.key_of(family, offer), (0.0, 0.0)))


def _thing(running: Running, family: str, catalogue: "Catalogue") -> Thing:
    reorder = catalogue.family(family).reorder
    return Thing(running.product, family, float(reorder.after_days if reorder else 28))


def _lessons(running: Running, family: str, next_at: datetime, catalogue: "Catalogue") -> Sums:
    """What the next purchase teaches of the one before: its interval, and whether its reminder hit, if that is not known yet."""
    if len(running.basis) != len(Basis._fields):
        return {}
    interval, day, thing = (next_at - running.at) / timedelta(days=1), days(next_at), _thing(running, family, catalogue)
    found = depletion.of_interval(thing, Basis(*running.basis), interval, day)
    if not running.taught:
        depletion.merge(found, _outcome(running, thing, depletion.hit(running.day, interval), day))
    return found


def _outcome(running: Running, thing: Thing, hit: bool, day: float) -> Sums:
    found = depletion.of_purchase(thing, day)
    if len(running.features) == hit_gate.FEATURES:
        depletion.merge(found, hit_gate.of_outcome(Asked(running.features, running.chance), hit, day))
    return found


# ---------------------------------------------------------------- the end of a wait


def woken(customer: Customer | None, wait: Wait, kept: Reorders, store: Store, now: datetime, correlation_id: str) -> Plan:
    """What the end of a wait comes to: at most one proposal, the second wait, or the lesson that nobody bought again.

    Whether it may be sent (consent, caps, hours) is the gate's matter. Settings that were changed meanwhile count as they are.
    """
    if customer is None:
        return Plan(kept, decision=Nothing(Because.CUSTOMER_GONE))
    order = customer.order(wait.order)
    family = store.catalogue.families.get(wait.family)
    because = against(order) or _pointless(customer, order, family, store, now)
    if because or order is None or family is None:
        return Plan(kept, decision=Nothing(because or Because.NO_WINDOW))
    if is_care(store.catalogue, family.name):
        return Plan(kept, decision=_care(customer, order, family, store, now, correlation_id))
    running = kept.running.get(family.name)
    if running is None or wait.key not in (running.key, last_key(running.key)):
        return Plan(kept, decision=Nothing(Because.SNOOZED if running and running.order == order.key else Because.REORDERED))
    plan = Plan(kept)
    first = wait.key == running.key
    if first:
        plan = plan._replace(waits=(_last_wait(running, family.name, order, store.timezone),))
    elif not running.taught:
        lesson = _outcome(running, _thing(running, family.name, store.catalogue), False, days(now))
        plan = plan._replace(kept=kept.with_running(family.name, running.model_copy(update={"taught": True})), lessons=lesson)
    return plan._replace(decision=_again(customer, order, family, running, first, kept, store, now, correlation_id))


def compared(plan: Plan, proposal: Proposal, family: str, held_out: float) -> Plan:
    """What would be proposed, on the customer's side of the comparison: it begins with the first reminder of a purchase. Care
    that is offered once for something expensive has none, and a reminder that somebody asked for is withheld from nobody."""
    running = plan.kept.running.get(family)
    if running is None or running.later_until or proposal.key not in (running.key, last_key(running.key)):
        return plan
    if running.arm is None:
        arm = trial.arm_of(proposal.customer_id, family, held_out)
        running = running.model_copy(update={"arm": arm, "tried_at": proposal.proposed_at})
        began = trial.begun(arm, running.order, proposal.proposed_at)
        plan = plan._replace(kept=plan.kept.with_running(family, running), counted=(began,))
    return plan._replace(decision=Nothing(Because.HELD_OUT)) if running.arm == "held-out" else plan


def _pointless(customer: Customer, order: Order | None, family: "Family | None", store: Store, now: datetime) -> Because | None:
    if order is None or family is None or family.reorder is None:
        return Because.NO_WINDOW
    lines = store.catalogue.by_family(order.lines).get(family.name, ())
    if not lines:
        return Because.NO_WINDOW
    if _ordered_again(customer, order, family, store.catalogue):
        return Because.REORDERED
    if not kept_lines(order, lines):
        return Because.RETURNED
    return Because.RENEWS_ITSELF if renews(customer, family.name, store.catalogue, now) else None


def _again(
    customer: Customer,
    order: Order,
    family: "Family",
    running: Running,
    first: bool,
    kept: Reorders,
    store: Store,
    now: datetime,
    correlation_id: str,
) -> Proposal | Nothing:
    due = _due(running, order, store.timezone) if first else _last_due(running, order, store.timezone)
    if family.name in kept.never:
        return Nothing(Because.NOT_WANTED)
    if now >= due + STILL_OF_USE:
        return Nothing(Because.TOO_LATE)
    if running.product in store.out or order.stockouts:
        return Nothing(Because.OUT_OF_STOCK)
    # Of who buys more often than they may be reminded; what it was about may be bought again meanwhile, and then it goes unsent.
    if any(held.proposal.purpose is Purpose.REORDER and held.proposal.key.endswith(f":{family.name}") for held in customer.held):
        return Nothing(Because.ONE_WAITS)
    chance = (running.chance if first else running.nudge_chance) * _liked(store.known, family.name, AGAIN)
    worth = _worth(order, family.name, store, chance)
    # Who asked to hear later, or said how long it lasts, is told.
    if not worth.pays and not (first and running.later_until):
        return Nothing(Because.NOT_WORTH_IT)
    blocks = [Block(kind="reorder", family=family.name, variant=AGAIN)]
    if first and (beside := accompanying(customer, family, store, running.key, now)):
        blocks.append(Block(kind="accompanying", family=family.name, variant=beside, purpose=Purpose.PROMOTIONAL))
    key = running.key if first else last_key(running.key)
    return _proposal(customer, order, family, key, tuple(blocks), worth.gain or 0, due, now, correlation_id, store)


def accompanying(customer: Customer, family: "Family", store: Store, seed: str, now: datetime) -> str | None:
    """The one product beside a reminder: of what goes with the family, is not theirs yet and not unwanted, the one that was of
    use to most; now and then another, so that it can be seen whether that is better."""
    lines = [line for order in customer.orders if order.closed is None for line in order.lines]
    had = {line.sku for line in lines} | {store.catalogue.family_of(line).name for line in lines}
    fits, unwanted = [], customer.wishes.unwanted(now)
    for name in family.cross_sells:
        add_on = store.catalogue.add_ons[name]
        if add_on.family != family.name and name not in unwanted and not had & {*add_on.skus, add_on.family}:
            fits.append(name)
    if not fits:
        return None
    chosen = keys.share(seed)
    if chosen < EXPLORED:
        return fits[int(chosen / EXPLORED * len(fits))]
    return max(fits, key=lambda name: (_liked(store.known, family.name, name), -fits.index(name)))


def _care(
    customer: Customer, order: Order, family: "Family", store: Store, now: datetime, correlation_id: str
) -> Proposal | Nothing:
    """Something expensive is offered what keeps it its worth, once, when its window is over."""
    due = on_day(order, family.reorder.after_days if family.reorder else 0, store.timezone)
    if now >= due + STILL_OF_USE:
        return Nothing(Because.TOO_LATE)
    offer = family.cross_sells[0]
    if offer in customer.wishes.unwanted(now):
        return Nothing(Because.NOT_WANTED)
    worth = _worth(order, family.name, store, store.policy.least_chance * _liked(store.known, family.name, offer))
    blocks = (Block(kind="reorder", family=family.name, variant="care"),)
    return _proposal(
        customer, order, family, key_of(order.key, family.name), blocks, worth.gain or 0, due, now, correlation_id, store
    )


def _proposal(
    customer: Customer,
    order: Order,
    family: "Family",
    key: str,
    blocks: tuple[Block, ...],
    gain: int,
    due: datetime,
    now: datetime,
    correlation_id: str,
    store: Store,
) -> Proposal:
    return Proposal(
        key=key,
        customer_id=customer.id,
        purpose=Purpose.REORDER,
        template=key.partition("#")[0],
        references={"order": order.key, "family": what_makes_it_pointless(family, store.catalogue)},
        blocks=blocks,
        unless=UNLESS,
        value=min(gain, 100_000),
        not_after=due + STILL_OF_USE,
        proposed_at=now,
        caused_by="wake",
        correlation_id=correlation_id,
    )


def what_makes_it_pointless(family: "Family", catalogue: "Catalogue") -> str:
    """The family that a later order must hold to make the reminder pointless: of what is offered, not of what was bought."""
    if family.reorder and family.reorder.offers == "care":
        return catalogue.add_ons[family.cross_sells[0]].family or family.name
    return family.name


def _ordered_again(customer: Customer, order: Order, family: "Family", catalogue: "Catalogue") -> bool:
    """Whether a later standing order has what the reminder would offer: in whatever size or pack."""
    pointless = what_makes_it_pointless(family, catalogue)
    care = family.reorder is not None and family.reorder.offers == "care"
    skus = set(catalogue.add_ons[family.cross_sells[0]].skus) if care else set()
    for later in customer.ordered_since(order.placed_at or order.as_of):
        if pointless in catalogue.by_family(later.lines) or any(line.sku in skus for line in later.lines):
            return True
    return False


# ---------------------------------------------------------------- what a customer says of it


def answered(customer: Customer, family: str, kept: Reorders, store: Store, now: datetime, offer: str = AGAIN) -> Plan:
    """What a customer said of an offer, taken in once: it teaches what the offer is worth; of a reminder it moves the wait."""
    place = place_of(family, offer)
    said = kept.said.get(place)
    running = kept.running.get(family)
    if said is None:
        return Plan(kept)
    if kept.heard.get(place) == said.at:
        moved_to = running.later_until if running and offer == AGAIN else None
        return Plan(kept, waits=(Wait(running.key, running.order, family, moved_to),) if running and moved_to else ())
    plan = Plan(kept.model_copy(update={"heard": {**kept.heard, place: said.at}}))
    if said.what in ("useful", "not-for-me"):
        taps = (1.0, float(said.what == "useful"))
        plan = plan._replace(lessons={offer_taps.key_of(family, said.offer): taps})
    if said.offer != AGAIN or said.what == "useful":
        return plan
    if said.what == "not-for-me":
        stops = (running.key, last_key(running.key)) if running else ()
        return plan._replace(kept=plan.kept.with_running(family, None), stops=stops)
    order = customer.order(running.order) if running else None
    if running is None or order is None or against(order):
        return plan
    lasting = lasts(said, running.at, _pieces(order, family, store), _usual(running, family, store.catalogue))
    if lasting is None:
        return plan
    told = (*plan.kept.told.get(family, ()), round(min(lasting, float(depletion.FARTHEST)), 1))[-MOST_TOLD:]
    until = max(now, running.at + timedelta(days=min(lasting, float(depletion.FARTHEST))))
    key = f"{key_of(running.order, family)}:{until:%Y%m%d}"
    moved = running.model_copy(update={"key": key, "first": True, "later_until": until})
    after = plan.kept.model_copy(update={"told": {**plan.kept.told, family: told}}).with_running(family, moved)
    return plan._replace(kept=after, stops=(running.key, last_key(running.key)), waits=(Wait(key, running.order, family, until),))


def _usual(running: Running, family: str, catalogue: "Catalogue") -> float:
    """The days that were foretold for the whole purchase."""
    if len(running.basis) == len(Basis._fields):
        return math.exp(Basis(*running.basis).mu)
    return _thing(running, family, catalogue).window


def _pieces(order: Order, family: str, store: Store) -> float:
    return float(sum(line.quantity for line in store.catalogue.by_family(order.lines).get(family, ())) or 1)


def keys_of(all_: Mapping[str, tuple[Purchase, ...]], families: tuple[str, ...], catalogue: "Catalogue") -> tuple[str, ...]:
    """The keys of all that a forecast of these families goes by."""
    found = [STORE, hit_gate.GATE]
    for name in families:
        found += offers_of(name, catalogue)
    for name, times in all_.items():
        found += [of_family(name), f"p:{times[-1].product}"]
    return tuple(dict.fromkeys(found))


def offers_of(family: str, catalogue: "Catalogue") -> tuple[str, ...]:
    """The keys of what customers say of a family's offers."""
    return tuple(offer_taps.key_of(family, offer) for offer in (AGAIN, *catalogue.family(family).cross_sells))

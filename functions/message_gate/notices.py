"""What became of a parcel or an order, in one form that all such messages share.

They differ in their words and in the parts they show; `NOTICES` says which. A phrase may have variants for cases: where the
case is `all`, `opening_all` is said instead of `opening`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from aftercare.arrival import Window, expected
from aftercare.carriers import carrier_name, is_known
from aftercare.customer import Order, OrderLine, Refund, Return
from aftercare.links import LinkPurpose
from aftercare.money import Money
from aftercare.one_line import plain
from aftercare.returns import one_each
from aftercare.shipment import Parcel, Shipment
from aftercare.weblink import NotHttps, https
from message_gate.letter import Letter, View, line_view, one_tip, return_terms

SHOWN_LINES = 10
POINTS = ("do_1", "do_2", "do_3")
STEPS = 4

Pieces = tuple[tuple[OrderLine, int], ...]
"""Lines of an order, each with how many pieces of it are meant."""

Cases = tuple[str, ...]
Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Matter:
    """What a notice is about. `shipment` is the one it names (or the only one), `parcel` likewise; `number` of `parcels` counts
    those of the whole order. `waiting` are lines that no shipment has."""

    letter: Letter
    shipments: tuple[Shipment, ...]
    shipment: Shipment | None
    parcel: Parcel | None
    number: int
    parcels: int
    waiting: Pieces
    window: Window | None
    cases: Cases
    values: Values

    def key(self, key: str) -> str | None:
        """The phrase for the first case that it has a variant for, else its plain form; None where there is neither."""
        has = self.letter.words.has
        for case in self.cases:
            if has(f"{key}_{case}"):
                return f"{key}_{case}"
        return key if has(key) else None

    def say(self, key: str) -> str:
        return self.letter.words.say(self.key(key) or key, **self.values)

    def maybe(self, key: str) -> str | None:
        found = self.key(key)
        return self.letter.words.say(found, **self.values) if found else None

    @property
    def alone(self) -> bool:
        """Whether one parcel is all there is: then nothing is counted."""
        return self.parcels <= 1 and not self.waiting

    @property
    def which(self) -> str | None:
        """`parcel 2 of 3`, `parcel 2` while more follow, `3 parcels`; None for an order's only one."""
        say = self.letter.words.say
        if self.alone:
            return None
        if not self.number:
            count = len(self.shipment.current) if self.shipment else self.parcels
            return say("which_all", count=str(count)) if count > 1 else None
        number = str(self.number)
        return say("which", number=number) if self.waiting else say("which_of", number=number, count=str(self.parcels))

    @property
    def tracking_url(self) -> str | None:
        """The carrier's page of this parcel, where it is a page that may stand in a message."""
        try:
            return https(self.parcel.url) if self.parcel and self.parcel.url else None
        except NotHttps:
            return None


# ---------------------------------------------------------------- what it is about


def matter(letter: Letter) -> Matter:
    """Read what the proposal refers to from the customer's record. What is not there any more is left out, never an error."""
    shape, references = NOTICES[letter.message.template], letter.message.references
    standing = letter.customer.shipments_of(letter.order.key)
    shipments = tuple(sorted(standing, key=lambda s: (s.described_at or s.as_of, s.key)))
    only = shipments[0] if len(shipments) == 1 else None
    shipment = next((s for s in shipments if s.key == references["shipment"]), None) if "shipment" in references else only
    parcel = None
    if shipment:
        found = [p for p in shipment.current if p.id == references.get("parcel")] or list(shipment.current)
        parcel = found[0] if len(found) == 1 else None
    places = [(s.key, p.id if p else None) for s in shipments for p in (s.current or (None,))]
    here = (shipment.key if shipment else "", parcel.id if parcel else None)
    newest = shipment or max(shipments, key=lambda s: (s.shipped_at or s.as_of, s.key), default=None)
    seen = Matter(
        letter=letter,
        shipments=shipments,
        shipment=shipment,
        parcel=parcel,
        number=places.index(here) + 1 if here in places else 0,
        parcels=len(places),
        waiting=_unsent(letter.order, shipments),
        window=expected(letter.order, newest, parcel, letter.message.proposed_at, letter.zone),
        cases=(),
        values={"brand": letter.brand.name, "order": plain(letter.order.name, 40), "placed": letter.ordered_on()},
    )
    return _told(seen, shape)


def _told(seen: Matter, shape: "Shape") -> Matter:
    """With its cases and values: those that only this template knows first, then those that every notice has."""
    letter = seen.letter
    if shape.expects:
        seen = replace(seen, window=shape.expects(seen) or seen.window)
    values = dict(seen.values)
    cases, own = shape.tells(seen) if shape.tells else ((), {})
    if seen.which and shape.of_parcel:
        values["which"] = seen.which
        cases += ("parcel",) if seen.number else ("several",)
        values["count"] = str(len(seen.shipment.current) if seen.shipment else seen.parcels)
    if seen.tracking_url:
        cases += ("tracked",)
    if seen.window and seen.window.last:
        values["last"] = letter.language.day(seen.window.last, letter.zone)
        cases += ("window",)
    values["return_days"] = str(return_terms(letter, letter.order.lines).days)
    return replace(seen, cases=cases, values={**values, **own})


def window_text(matter: Matter) -> str:
    """`Most likely Thursday 5 March to Saturday 7 March`, or as much of it as is known."""
    window, letter = matter.window, matter.letter
    if window is None:
        return matter.say("window_open")
    say, day = letter.words.say, letter.language.day
    first = day(window.first, letter.zone) if window.first else None
    last = day(window.last, letter.zone) if window.last else None
    kind = "likely" if window.likely else "window"
    if first and last:
        return say(f"{kind}_on", day=first) if first == last else say(f"{kind}_between", first=first, last=last)
    return say("window_by", day=last) if last else say("window_from", day=str(first))


# ---------------------------------------------------------------- lines


def _pieces(order: Order, counted: Mapping[str, int]) -> Pieces:
    """The order's lines of which there are pieces, in the order of the order."""
    return tuple((line, counted[line.line_ref]) for line in order.lines if counted.get(line.line_ref, 0) > 0)


def _counted(order: Order, shipments: Iterable[Shipment]) -> dict[str, int]:
    found: dict[str, int] = {}
    for shipment in shipments:
        for line in shipment.lines:
            if line.order_ref in (None, order.ref):
                found[line.line_ref] = found.get(line.line_ref, 0) + line.quantity
    return found


def _unsent(order: Order, shipments: tuple[Shipment, ...]) -> Pieces:
    """Lines that are sent and that no shipment has, as far as the shipments say what they hold."""
    if not shipments or not all(s.lines for s in shipments):
        return ()
    sent = _counted(order, shipments)
    due = {x.line_ref: x.quantity - sent.get(x.line_ref, 0) for x in order.lines if x.requires_shipping and not x.gift_card}
    return _pieces(order, due) if sent.keys() & due.keys() else ()


def _goods(matter: Matter) -> Pieces:
    return tuple((line, line.quantity) for line in matter.letter.order.lines if line.quantity)


def _inside(matter: Matter) -> Pieces:
    """What is in the shipment; for one that does not say and is the only one, what the order sends."""
    order = matter.letter.order
    held = (matter.shipment,) if matter.shipment else matter.shipments
    if held and all(s.lines for s in held):
        return _pieces(order, _counted(order, held))
    return tuple(x for x in _goods(matter) if x[0].requires_shipping and not x[0].gift_card) if matter.alone else ()


def _coming(matter: Matter) -> Pieces:
    """What is in other shipments that have not arrived, and what waits to be sent."""
    if matter.shipment is None:
        return matter.waiting
    order = matter.letter.order
    others = [s for s in matter.shipments if s.key != matter.shipment.key and s.delivered_at is None]
    counted = _counted(order, others)
    for line, quantity in matter.waiting:
        counted[line.line_ref] = counted.get(line.line_ref, 0) + quantity
    return _pieces(order, counted)


def _sent(matter: Matter) -> Pieces:
    return _pieces(matter.letter.order, _counted(matter.letter.order, matter.shipments))


def _missing(matter: Matter) -> Pieces:
    refs = {one.line_ref for one in matter.letter.order.stockouts}
    return tuple(one for one in _goods(matter) if one[0].line_ref in refs)


LISTS: Mapping[str, Callable[[Matter], Pieces]] = {
    "inside": _inside,
    "coming": _coming,
    "sent": _sent,
    "waiting": lambda matter: matter.waiting,
    "ordered": lambda matter: () if _sent(matter) else _goods(matter),
    "missing": _missing,
    "goods": _goods,
    "priced": _goods,
}
"""The lists of lines that a notice may show, by the word that its title's key begins with; `priced` shows prices too."""


def _listed(matter: Matter, name: str) -> View | None:
    lines = LISTS[name](matter)
    if not lines:
        return None
    left = len(lines) - SHOWN_LINES
    shown = [line_view(matter.letter, line, quantity, priced=name == "priced") for line, quantity in lines[:SHOWN_LINES]]
    together = len(matter.shipment.current) > 1 if matter.shipment else matter.parcels > 1
    several = name == "inside" and together
    more = matter.letter.words.say("more_lines", count=str(left)) if left > 0 else None
    return {"title": matter.say("inside_title_shipment" if several else f"{name}_title"), "lines": shown, "more": more}


# ---------------------------------------------------------------- what only one template knows

Tells = Callable[[Matter], tuple[Cases, Values]]


def _delivered(matter: Matter) -> tuple[Cases, Values]:
    letter = matter.letter
    all_there = letter.customer.delivered_at(letter.order.key)
    named = "shipment" in letter.message.references
    several = matter.parcels > 1 or bool(matter.waiting)
    case = "all" if several and (all_there or not named) else "some" if several and matter.which else "one"
    at = (matter.parcel.delivered_at if matter.parcel else None) or (matter.shipment.delivered_at if matter.shipment else None)
    at = all_there if case == "all" else at
    return ((case, "known"), {"day": letter.language.day(at, letter.zone)}) if at else ((case,), {})


def reason_text(letter: Letter, kind: Literal["reason", "short"] = "reason") -> str | None:
    """Why, in a sentence or a few words. A word without a phrase names no cause, which takes a sentence and no short words."""
    word = f"{kind}_{(letter.chosen('reason') or 'unknown').replace('-', '_')}"
    if letter.words.has(word):
        return letter.words.say(word)
    return letter.words.say("reason_unknown") if kind == "reason" else None


def _reason(matter: Matter) -> str:
    return str(reason_text(matter.letter))


def days_text(letter: Letter) -> str | None:
    """The extra days as a range: `one day`, `2 days`, `1 to 2 days`, `up to 2 days`; None where none are told."""
    numbers, say = letter.message.numbers, letter.words.say
    told = sorted(numbers[name] for name in ("days-from", "days-to") if name in numbers)
    if not told or told[-1] == 0:
        return None
    first, last = told[0], told[-1]
    if first == last:
        return say("days_one") if last == 1 else say("days_some", days=str(last))
    if first == 0:
        return say("days_up_to_one") if last == 1 else say("days_up_to", days=str(last))
    return say("days_range", first=str(first), last=str(last))


def _later(matter: Matter) -> Window | None:
    """The days that the extra days lead to: a forecast that still holds a chance of being in time would contradict them."""
    message, planned = matter.letter.message, _planned(matter)
    told = sorted(message.numbers[name] for name in ("days-from", "days-to") if name in message.numbers)
    if not told or planned is None or planned + timedelta(days=told[-1]) < message.proposed_at:
        return None
    first, last = (planned + timedelta(days=days) for days in (told[0], told[-1]))
    return Window(max(first, message.proposed_at), last, likely=True)


def _delayed(matter: Matter) -> tuple[Cases, Values]:
    letter = matter.letter
    values: Values = {"reason": _reason(matter)}
    cases: Cases = ()
    days, planned = days_text(letter), _planned(matter)
    if days:
        values["days"], cases = days, ("days",)
    if planned:
        values["planned"] = letter.language.day(planned, letter.zone)
        cases = (*cases, "planned")
    return cases, values


def _returned(matter: Matter) -> tuple[Cases, Values]:
    """What comes back of an order that no longer stands leaves nothing to choose."""
    return ("closed",) if matter.letter.order.closed else (), {}


def _planned(matter: Matter) -> datetime | None:
    """The last day that the customer was told before: by the shop, else by our first window, which ends when its day does."""
    forecast = matter.shipment.forecast if matter.shipment else None
    if forecast and forecast.promise == "window" and forecast.promised_by:
        return forecast.promised_by - timedelta(seconds=1)
    return matter.letter.order.estimated_until


def _if_sent_now(matter: Matter) -> Window | None:
    """The window that the order's forecast has when it leaves only now, where that is later than the shop estimated."""
    order, now = matter.letter.order, matter.letter.message.proposed_at
    forecast = order.forecast
    if forecast is None or forecast.handed_at is None or forecast.handed_at >= now:
        return None
    waited = now - forecast.handed_at
    first, last = forecast.p10 + waited, forecast.p90 + waited
    later = order.estimated_until is None or last > order.estimated_until
    return Window(first, last, likely=True) if later else None


def _unshipped(matter: Matter) -> tuple[Cases, Values]:
    days = matter.letter.message.numbers.get("days", 0)
    return (("days",) if days > 1 else ()), {"reason": _reason(matter), "days": str(days)}


def _out_of_stock(matter: Matter) -> tuple[Cases, Values]:
    letter = matter.letter
    back = [one.expected_at for one in letter.order.stockouts]
    known = [at for at in back if at and at >= letter.message.proposed_at]
    if known and len(known) == len(back):
        return ("known",), {"day": letter.language.day(max(known), letter.zone)}
    return (), {}


_CANCELLED_BECAUSE = {"customer": "customer", "inventory": "inventory", "declined": "payment"}
"""Reasons that a customer may be told. Suspicion of fraud, staff mistakes and anything unknown are not among them."""


def _cancelled(matter: Matter) -> tuple[Cases, Values]:
    order = matter.letter.order
    because = _CANCELLED_BECAUSE.get((order.cancel_reason or "").strip().lower())
    back = _sum(order.refunds)
    cases = (because,) if because else ()
    return ((*cases, "refunded"), {"amount": matter.letter.language.money(back)}) if back else (cases, {})


def _sum(refunds: Iterable[Refund]) -> Money | None:
    """What was given back in all; None where nothing is known of it or the currencies differ."""
    amounts = [r.amount for r in refunds if r.amount]
    if not amounts or len({a.currency for a in amounts}) > 1:
        return None
    return Money.model_construct(amount=sum((a.amount for a in amounts[1:]), amounts[0].amount), currency=amounts[0].currency)


def _refunded(matter: Matter) -> tuple[Cases, Values]:
    letter, order = matter.letter, matter.letter.order
    refunds = sorted(order.refunds, key=lambda r: (r.at, r.ref))
    refund = next((r for r in refunds if r.ref == letter.message.references.get("refund")), refunds[-1] if refunds else None)
    if refund is None:
        return ("open",), {}
    before = refunds[: refunds.index(refund)]
    so_far = (*before, refund)
    whole = order.model_copy(update={"refunds": so_far}).refunded_in_whole
    case = ("rest" if before else "whole") if whole else "part"
    amount = refund.amount or (order.total if case == "whole" else None)
    cases: Cases = (case,) if amount else (f"{case}_open", "open")
    values = {"day": letter.language.date(refund.at, letter.zone)}
    if amount:
        values["amount"] = letter.language.money(amount)
    together = _sum(so_far) if before else None
    if together and amount:
        cases, values["together"] = (*cases, "again"), letter.language.money(together)
    return (*cases, "known"), values


def _totalled(matter: Matter) -> tuple[Cases, Values]:
    total = matter.letter.order.total
    return (("total",), {"total": matter.letter.language.money(total)}) if total else ((), {})


def _return(matter: Matter) -> Return | None:
    """The return that the message is about; of an order with a single one that one."""
    returns = one_each(matter.letter.order.returns)
    named = matter.letter.order.returned(matter.letter.message.references.get("return", ""))
    return named or (returns[0] if len(returns) == 1 else None)


def _received(matter: Matter) -> tuple[Cases, Values]:
    """By what the customer wants for it."""
    found = _return(matter)
    return ((found.wish,) if found and found.wish else ()), {}


def _settled(matter: Matter) -> tuple[Cases, Values]:
    """By what the customer got for it, and how much where that is known."""
    found = _return(matter)
    if found is None or found.outcome is None:
        return (), {}
    if found.amount is None or found.outcome == "exchange":
        return (found.outcome,), {}
    return (f"{found.outcome}_known", found.outcome), {"amount": matter.letter.language.money(found.amount)}


def _returned_late(matter: Matter) -> tuple[Cases, Values]:
    """Whether there is still time to ask for it again is for the order's page to say, which knows the day."""
    found = _return(matter)
    return (("approved",) if found and found.approved_at else ()), {}


def _returned_for(matter: Matter) -> tuple[Cases, Values]:
    """What it costs, and what the customer wants for it."""
    wished, _ = _received(matter)
    found, lines = _return(matter), matter.letter.order.lines
    fee = return_terms(matter.letter, [line for line in lines if not (found and found.lines) or line.line_ref in found.lines]).fee
    return ((*wished, "fee"), {"fee": matter.letter.language.money(fee)}) if fee else (wished, {})


def _rescued(matter: Matter) -> tuple[Cases, Values]:
    """By the way out that fits what went wrong."""
    way = matter.letter.chosen("way")
    return (way,) if way else ("call",), {}


# ---------------------------------------------------------------- the notices


@dataclass(frozen=True, slots=True)
class Shape:
    """Which parts a notice shows. `step` of four is how far the parcel is; `tells` gives the cases and values of its own,
    `expects` its own window."""

    panel: Literal["window", "words"]
    action: Literal["track", "status", "help", "returns", "payment"] = "status"
    lists: tuple[str, ...] = ()
    of_parcel: bool = False
    step: int = 0
    tip: bool = False
    returns: bool = False
    tells: Tells | None = None
    expects: Callable[[Matter], Window | None] | None = None


def _of_parcel(
    panel: Literal["window", "words"] = "window",
    action: Literal["track", "status", "help"] = "track",
    step: int = 0,
    tip: bool = False,
    returns: bool = False,
    tells: Tells | None = None,
) -> Shape:
    return Shape(panel, action, ("inside", "coming"), of_parcel=True, step=step, tip=tip, returns=returns, tells=tells)


NOTICES: Mapping[str, Shape] = {
    "order-packed": _of_parcel(action="status", step=1),
    "parcel-shipped": _of_parcel(step=2, tip=True),
    "parcel-out-for-delivery": _of_parcel(step=3),
    "parcel-delivered": _of_parcel("words", "status", step=4, tip=True, returns=True, tells=_delivered),
    "parcel-attempted": _of_parcel(),
    "parcel-ready-for-pickup": _of_parcel("words"),
    "parcel-exception": _of_parcel(),
    "parcel-returned": _of_parcel("words", "help", tells=_returned),
    "parcel-lost": _of_parcel("words", "help"),
    "delivery-delayed": replace(_of_parcel(tells=_delayed), expects=_later),
    "delivery-recovered": _of_parcel(),
    "item-out-of-stock": Shape("words", "help", ("missing",), tells=_out_of_stock),
    "order-not-shipped-yet": Shape("window", "status", ("goods",), tells=_unshipped, expects=_if_sent_now),
    "order-cancelled": Shape("words", "status", ("goods",), tells=_cancelled),
    "order-refunded": Shape("words", "status", tells=_refunded),
    "order-edited": Shape("words", "status", ("priced",), tells=_totalled),
    "order-partially-fulfilled": Shape("window", "status", ("sent", "waiting", "ordered")),
    "order-ready-for-pickup": Shape("words", "status", ("goods",)),
    "order-completed": Shape("window", "status", ("goods",), returns=True),
    "return-requested": Shape("words", "returns", tells=_returned_for),
    "return-approved": Shape("words", "returns", tells=_returned_for),
    "return-expired": Shape("words", "status", tells=_returned_late),
    "return-declined": Shape("words", "help"),
    "return-received": Shape("words", "status", tells=_received),
    "return-settled": Shape("words", "status", tells=_settled),
    "subscription-renewed": Shape("words", "status", ("priced",), tells=_totalled),
    "payment-failed": Shape("words", "payment"),
    "rescue-offer": Shape("words", "help", tells=_rescued),
}
"""The parts of each notice; docs/messages.md lists what each takes from its proposal."""


def notice(letter: Letter, common: View) -> View:
    """One message of the shared form."""
    del common
    shape, seen = NOTICES[letter.message.template], matter(letter)
    panel = _panel(seen, shape)
    button, url, links = _action(seen, shape)
    tip, tip_url = _tip(seen) if shape.tip else (None, None)
    why = letter.words.say("why", **seen.values)
    return {
        "subject": seen.say("subject"),
        "preheader": f"{panel['label']}: {panel['value']}",
        "heading": seen.say("heading"),
        "opening": seen.say("opening"),
        "progress": _progress(seen, shape.step) if shape.step else None,
        "panel": panel,
        "about": " · ".join(_about(seen, shape)),
        "button": button,
        "button_url": url,
        "links": links,
        "lists": [found for name in shape.lists if (found := _listed(seen, name))],
        "points": _points(seen, shape),
        "backup": seen.maybe("backup"),
        "tip": tip,
        "tip_url": tip_url,
        "why": f"{why} {letter.words.say('tailored_tip')}" if tip else why,
    }


def _panel(matter: Matter, shape: Shape) -> View:
    """The one thing to know."""
    if shape.panel == "window":
        return {"label": matter.say("window_label"), "value": window_text(matter), "note": matter.maybe("window_note")}
    return {"label": matter.say("panel_label"), "value": matter.say("panel_value"), "note": matter.maybe("panel_note")}


def _about(matter: Matter, shape: Shape) -> list[str]:
    found = [matter.letter.words.say("order", **matter.values)]
    if shape.of_parcel:
        if matter.which:
            found.append(matter.which[0].upper() + matter.which[1:])
        carrier = matter.parcel.carrier if matter.parcel else None
        if carrier and is_known(carrier):
            found.append(carrier_name(carrier))
    return found


def _action(matter: Matter, shape: Shape) -> tuple[str, str, list[View]]:
    """The one button, and below it the ways that it does not take: the order's page, the carrier's."""
    letter, tracking = matter.letter, matter.tracking_url
    status = letter.link(LinkPurpose.STATUS, letter.order.key)
    untracked = shape.action == "track" and tracking is None
    action = "status" if untracked or "closed" in matter.cases else shape.action
    addresses = {
        "track": tracking,
        "status": status,
        "help": letter.brand.support.page,
        "returns": letter.brand.returns.page,
        "payment": letter.brand.shop_of(letter.order.shop).payment or letter.brand.support.page,
    }
    links = [{"text": letter.words.say("status_link"), "url": status}] if action != "status" else []
    if tracking and action != "track" and shape.of_parcel:
        links.append({"text": letter.words.say("track_link"), "url": tracking})
    return matter.say(f"{action}_button"), https(addresses[action] or status), links


def _progress(matter: Matter, step: int) -> View:
    """How far it is: four bars for the eye, one line for who cannot see them."""
    return {"bars": [n < step for n in range(STEPS)], "text": matter.letter.words.say(f"step_{step}")}


def _points(matter: Matter, shape: Shape) -> list[str]:
    found = [said for key in POINTS if (said := matter.maybe(key))]
    if shape.returns and matter.values["return_days"] != "0":
        found.append(matter.say("do_return"))
    return found


def _tip(matter: Matter) -> tuple[str | None, str | None]:
    """Something of use with what is in the parcel, from the catalogue."""
    letter = matter.letter
    for line, _ in _inside(matter):
        text, url = one_tip(letter, letter.catalogue.family_of(line))
        if text and url:
            return text, url
    return None, None

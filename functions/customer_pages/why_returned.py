"""Why something goes back: one tap and, if one likes, own words. GET shows, POST saves, once for each return.

Who asks for a return on our page says it there; who gave something back by the shop's own way is asked by a message that
leads here. What was said is on the record with the event that tells of it, in one transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from aftercare import events, keys, telemetry
from aftercare.catalogue import catalogue
from aftercare.consent_log import KeepsChanging
from aftercare.customer import Customer, Order, Return, ReturnReason
from aftercare.event import Event
from aftercare.feedback import LONGEST
from aftercare.feedback_events import ExplainedData
from aftercare.heard import Words
from aftercare.links import BadLink, LinkPurpose
from aftercare.one_line import plain
from aftercare.outside import Outside, current
from aftercare.retention import JOURNAL
from aftercare.return_reasons import ALL, UNSAID, lines_of, offered
from aftercare.store import load
from aftercare.table import Absent, Check, Put, Write
from customer_pages.choices import ATTEMPTS, delivery, order_writes, written
from customer_pages.render import page
from customer_pages.request import Answer, app, country_of, form_of, locale_of, opened, safely


class Explained(NamedTuple):
    """What is written beside the order's own record, and the event that tells of it."""

    writes: tuple[Write, ...]
    told: Event


def reason_of(told: str | None) -> ReturnReason | None:
    return next((word for word in ALL if word == told), None)


def text_of(form: Mapping[str, str]) -> str:
    return form.get("text", "").replace("\r\n", "\n").strip()[:LONGEST]


def explained(customer: Customer, order: Order, ref: str, reason: ReturnReason, text: str, now: datetime) -> Explained | None:
    """What saying why a return is asked for writes; None where nothing was said. Pure."""
    if reason == UNSAID and not text:
        return None
    writes: list[Write] = [Check(keys.customer(customer.id, keys.ERASED), Absent())]
    if text:
        lines = [line for line in order.lines if (back := order.returned(ref)) and line.line_ref in back.lines]
        words = Words(
            order=order.key, sku=lines[0].sku if len(lines) == 1 else None, text=text, locale=locale_of(customer, order)
        )
        place = keys.words(customer.id, "return", keys.of_return(order.key, ref), now)
        writes.append(Put(place, {"doc": words.to_json(), "expires_at": JOURNAL.ends(now)}, when=Absent()))
    data = ExplainedData(customer_id=customer.id, order=order.key, return_ref=ref, reason=reason, words=bool(text))
    event_id = keys.message_id(_key(order.key, ref))
    return Explained(tuple(writes), events.make("ReturnExplained", event_id, now, event_id, data))


def _key(order_key: str, ref: str) -> str:
    return f"why-returned#{order_key}#{ref}"


# ---------------------------------------------------------------- the page


@app.get("/r/<token>")
def show_why_returned(token: str) -> Answer:
    chosen = (app.current_event.raw_event.get("queryStringParameters") or {}).get("reason")
    return safely(lambda: _show(current(), token, chosen))


@app.post("/r/<token>")
def tell_why_returned(token: str) -> Answer:
    return safely(lambda: _tell(current(), token, form_of()))


def _show(outside: Outside, token: str, tapped: str | None) -> Answer:
    """The reason that was tapped in the message is chosen already; the tap on the button saves it."""
    customer, order, back = _returned(outside, token)
    said = _said(outside, order, back)
    return _page(customer, order, back, said=said, reason=reason_of(tapped) or back.reason)


def _tell(outside: Outside, token: str, form: Mapping[str, str]) -> Answer:
    """What was said once stays: sent twice, or from another page that was open, it changes nothing."""
    reason, text = reason_of(form.get("reason")), text_of(form)
    for _ in range(ATTEMPTS):
        customer, order, back = _returned(outside, token)
        if _said(outside, order, back):
            return _page(customer, order, back, said=True)
        if reason is None and not text:
            return _page(customer, order, back, status=400)
        now = outside.clock.now()
        why = reason or back.reason or UNSAID
        found = explained(customer, order, back.ref, why, text, now)
        returns = tuple(one.model_copy(update={"reason": why}) if one.names & back.names else one for one in order.returns)
        after = order.model_copy(update={"returns": returns, "version": order.version + 1})
        told = (found.told,) if found else ()
        key = _key(order.key, back.ref)
        beside = found.writes if found else ()
        if written(
            outside,
            [delivery(key, "return", customer.id, now, told).put(), *beside, *order_writes(customer, order, after)],
        ):
            telemetry.count("ReturnExplained")
            return _page(customer, after, back, said=True)
    raise KeepsChanging("the record changed under every attempt")


def _returned(outside: Outside, token: str) -> tuple[Customer, Order, Return]:
    """The return that a link is about. BadLink, CustomerUnknown, TableError."""
    link = opened(outside, LinkPurpose.RETURN, token, outside.clock.now())
    about, _, ref = link.about.rpartition("#")
    customer = load(outside.tables, link.customer_id, about)
    order = customer.order(about)
    back = order.returned(ref) if order else None
    if order is None or back is None:
        raise BadLink("no such return")
    return customer, order, back


def _said(outside: Outside, order: Order, back: Return) -> bool:
    """Whether it was said here, under whichever of its names."""
    places = [keys.delivery(f"page#{_key(order.key, name)}") for name in sorted(back.names)]
    return bool(outside.tables.read(places))


def _page(
    customer: Customer, order: Order, back: Return, status: int = 200, said: bool = False, reason: ReturnReason | None = None
) -> Answer:
    lines = lines_of(order, back)
    return page(
        status,
        "why-returned",
        locale_of(customer, order),
        country_of(customer, order),
        number=plain(order.name, 60),
        items=[plain(line.title, 60) for line in lines][:3],
        said=said,
        reasons=offered(lines, catalogue()),
        chosen=reason,
        missing=status == 400,
        longest=LONGEST,
    )

"""The routes of orders and the cue. GET shows, POST acts."""

from typing import Any, get_args

from aftercare import telemetry
from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.customer import Cue, Customer, Order
from aftercare.links import LinkPurpose
from aftercare.outside import Outside, current
from aftercare.store import load
from customer_pages.choices import give_cue
from customer_pages.render import page, words_in
from customer_pages.request import Answer, app, country_of, form_of, its_order, locale_of, opened, safely

# ---------------------------------------------------------------- order status


@app.get("/o/<token>")
def show_order(token: str) -> Answer:
    return safely(lambda: _show_order(current(), token))


def _show_order(outside: Outside, token: str) -> Answer:
    link = opened(outside, LinkPurpose.STATUS, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id, link.about)
    order = its_order(customer, link)
    window = {"from": order.estimated_from, "until": order.estimated_until}
    return page(
        200,
        "order",
        locale_of(customer, order),
        country_of(customer, order),
        order=order,
        steps=steps(order),
        window=window if any(window.values()) and not order.cancelled_at and not order.completed_at else None,
        returns=None
        if order.cancelled_at
        else brand().returns.terms(country_of(customer, order), catalogue().by_family(order.lines)),
        shipped=not order.lines or any(line.requires_shipping for line in order.lines),
    )


def steps(order: Order) -> list[dict[str, Any]]:
    """What happened to the order, oldest first; a refund has its own line in the sums."""
    known = (
        ("ordered", order.placed_at),
        ("paid", order.paid_at),
        ("edited", order.edited_at),
        ("partly_sent", order.partially_fulfilled_at),
        ("ready", order.ready_for_pickup_at),
        ("completed", order.completed_at),
        ("cancelled", order.cancelled_at),
    )
    found = [(at, place, word) for place, (word, at) in enumerate(known) if at is not None]
    return [{"word": word, "at": at} for at, _, word in sorted(found)]


# ---------------------------------------------------------------- the one-tap cue


@app.get("/c/<token>")
def show_cue(token: str) -> Answer:
    chosen = (app.current_event.raw_event.get("queryStringParameters") or {}).get("cue")
    return safely(lambda: _show_cue(current(), token, chosen))


def _show_cue(outside: Outside, token: str, chosen: str | None) -> Answer:
    """The face that was tapped in the message is chosen already; the tap on the button tells it."""
    link = opened(outside, LinkPurpose.CUE, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id, link.about)
    return _cue(customer, its_order(customer, link), 200, chosen)


@app.post("/c/<token>")
def record_cue(token: str) -> Answer:
    return safely(lambda: _record_cue(current(), token, form_of().get("cue")))


def _record_cue(outside: Outside, token: str, chosen: str | None) -> Answer:
    link = opened(outside, LinkPurpose.CUE, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id, link.about)
    order = its_order(customer, link)
    for cue in get_args(Cue):
        if cue == chosen:
            give_cue(outside, link.customer_id, order.key, cue)
            telemetry.count("CueGiven")
            return _cue(customer, order, 200, chosen, done=True)
    return _cue(customer, order, 400, None, missing=True)


def _cue(customer: Customer, order: Order, status: int, chosen: str | None, done: bool = False, missing: bool = False) -> Answer:
    locale = locale_of(customer, order)
    faces = [{"cue": cue, "sign": sign, "name": name} for cue, (sign, name) in words_in(locale).cues.items()]
    return page(status, "cue", locale, order=order, faces=faces, chosen=chosen, done=done, missing=missing)

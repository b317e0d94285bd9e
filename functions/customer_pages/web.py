"""The routes of the cue. GET shows, POST acts."""

from typing import get_args

from aftercare import telemetry
from aftercare.customer import Cue, Customer, Order
from aftercare.links import LinkPurpose
from aftercare.one_line import plain
from aftercare.outside import Outside, current
from aftercare.store import load
from customer_pages.choices import give_cue
from customer_pages.render import page, words_in
from customer_pages.request import Answer, app, form_of, its_order, locale_of, opened, safely

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
    return page(status, "cue", locale, number=plain(order.name, 60), faces=faces, chosen=chosen, done=done, missing=missing)

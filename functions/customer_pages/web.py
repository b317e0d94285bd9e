"""The routes of orders, preferences, withdrawal and the cue. GET shows, POST acts."""

from collections.abc import Mapping
from typing import Any, get_args

from aftercare import telemetry
from aftercare.brand import brand
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Cue, Customer, Order
from aftercare.links import BadLink, Link, LinkPurpose
from aftercare.outside import Outside, current
from aftercare.store import CustomerUnknown, load
from customer_pages.choices import CHOICES, decide, give_cue, is_on, waits
from customer_pages.render import page, words_in
from customer_pages.request import EVER, Answer, accepted, app, came, country_of, form_of, its_order, locale_of, opened, safely

# ---------------------------------------------------------------- order status


@app.get("/o/<token>")
def show_order(token: str) -> Answer:
    return safely(lambda: _show_order(current(), token))


def _show_order(outside: Outside, token: str) -> Answer:
    link = opened(outside, LinkPurpose.STATUS, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id)
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
        returns=None if order.cancelled_at else brand().returns.terms(country_of(customer, order)),
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


# ---------------------------------------------------------------- preferences


@app.get("/p/<token>")
def show_preferences(token: str) -> Answer:
    return safely(lambda: _show_preferences(current(), token))


def _show_preferences(outside: Outside, token: str) -> Answer:
    link = opened(outside, LinkPurpose.PREFERENCES, token, outside.clock.now())
    return _preferences(load(outside.tables, link.customer_id), saved=False)


@app.post("/p/<token>")
def save_preferences(token: str) -> Answer:
    return safely(lambda: _save_preferences(current(), token, form_of()))


def _save_preferences(outside: Outside, token: str, form: Mapping[str, str]) -> Answer:
    """A purpose that the form does not name is a no (rule C03)."""
    link = opened(outside, LinkPurpose.PREFERENCES, token, outside.clock.now())
    locale = locale_of(load(outside.tables, link.customer_id))
    wishes = {(Channel.EMAIL, p): Says.GIVEN if form.get(str(p)) == "on" else Says.WITHDRAWN for p in CHOICES}
    customer = decide(outside, link.customer_id, wishes, "preferences", locale, came())
    telemetry.count("PreferencesSaved")
    return _preferences(customer, saved=True)


def _preferences(customer: Customer, saved: bool) -> Answer:
    locale = locale_of(customer)
    texts = words_in(locale).purposes
    choices = [
        {
            "purpose": str(p),
            "name": texts[p][0],
            "about": texts[p][1],
            "on": is_on(customer.consent, p),
            "pending": waits(customer.consent, p),
        }
        for p in CHOICES
    ]
    return page(200, "preferences", locale, choices=choices, saved=saved)


# ---------------------------------------------------------------- withdrawal


@app.get("/u/<token>")
def show_unsubscribe(token: str) -> Answer:
    return safely(lambda: _unsubscribe(current(), token, act=False))


@app.post("/u/<token>")
def unsubscribe(token: str) -> Answer:
    """RFC 8058: one POST, no cookie, no redirect, 2xx. The button on our own page posts the same."""
    return safely(lambda: _unsubscribe(current(), token, act=True))


def _unsubscribe(outside: Outside, token: str, act: bool) -> Answer:
    link = opened(outside, LinkPurpose.UNSUBSCRIBE, token, EVER)
    channel, purpose = subject_of(link)
    locale = brand().locale_for(None, *accepted())
    try:
        locale = locale_of(load(outside.tables, link.customer_id))
        if act:
            decide(outside, link.customer_id, {(channel, purpose): Says.WITHDRAWN}, "unsubscribe", locale, came())
            telemetry.count("Unsubscribed")
    except CustomerUnknown:
        # Nobody is left whom anything could be sent to: what was asked for is so.
        telemetry.count("UnsubscribedUnknown")
    named = words_in(locale).purposes.get(purpose, (str(purpose), ""))[0]
    return page(200, "unsubscribe", locale, done=act, name=named)


def subject_of(link: Link) -> tuple[Channel, Purpose]:
    """The channel and purpose that an unsubscribe link is about. BadLink."""
    channel, _, purpose = link.about.partition(":")
    try:
        return Channel(channel), Purpose(purpose)
    except ValueError as error:
        raise BadLink("not about a channel and purpose") from error


# ---------------------------------------------------------------- the one-tap cue


@app.get("/c/<token>")
def show_cue(token: str) -> Answer:
    chosen = (app.current_event.raw_event.get("queryStringParameters") or {}).get("cue")
    return safely(lambda: _show_cue(current(), token, chosen))


def _show_cue(outside: Outside, token: str, chosen: str | None) -> Answer:
    """The face that was tapped in the message is chosen already; the tap on the button tells it."""
    link = opened(outside, LinkPurpose.CUE, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id)
    return _cue(customer, its_order(customer, link), 200, chosen)


@app.post("/c/<token>")
def record_cue(token: str) -> Answer:
    return safely(lambda: _record_cue(current(), token, form_of().get("cue")))


def _record_cue(outside: Outside, token: str, chosen: str | None) -> Answer:
    link = opened(outside, LinkPurpose.CUE, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id)
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

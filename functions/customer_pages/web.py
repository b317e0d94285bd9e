"""The routes. The token is the authority: no cookie, no login, nothing of a customer in path or query but the token itself."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from aftercare import telemetry
from aftercare.brand import brand
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Cue, Customer, Order
from aftercare.links import BadLink, ExpiredLink, Link, LinkPurpose, read_keys, verify
from aftercare.outside import Outside, current
from aftercare.store import CustomerUnknown, load
from aftercare.table import TableError
from customer_pages.choices import CHOICES, decide, give_cue, is_on
from customer_pages.render import page, words_in
from customer_pages.words import told_by

LARGEST_FORM = 64 * 1024
EVER = datetime.fromtimestamp(0, UTC)
"""A withdrawal works after its link's time too (CAN-SPAM 30 days, CASL 60 days, and no reason to stop then)."""

app = APIGatewayHttpResolver()
Answer = Response[str]


def _form() -> Mapping[str, str]:
    """The fields of an urlencoded form; a form post arrives base64-encoded. What cannot be read has no fields."""
    event = app.current_event.raw_event
    body = event.get("body") or ""
    if len(body) > LARGEST_FORM:
        return {}
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(body, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return {}
    try:
        return {name: values[-1] for name, values in parse_qs(body, max_num_fields=40).items()}
    except ValueError:
        return {}


def _link(outside: Outside, purpose: LinkPurpose, token: str, now: datetime) -> Link:
    return verify(read_keys(outside.secrets.text(outside.settings.need("link_secret"))), purpose, token, now)


def _accepts() -> tuple[str, ...]:
    headers = {str(k).lower(): str(v) for k, v in (app.current_event.raw_event.get("headers") or {}).items()}
    return told_by(headers.get("accept-language"))


def _message(status: int, word: str) -> Answer:
    return page(status, "message", brand().locale_for(None, *_accepts()), word=word)


def _safely(act: Callable[[], Answer]) -> Answer:
    """A link that does not open is told in plain words, and an outage of ours as one that passes."""
    try:
        return act()
    except ExpiredLink:
        telemetry.count("LinkExpired")
        return _message(410, "expired")
    except (BadLink, CustomerUnknown):
        telemetry.count("LinkRefused")
        return _message(404, "gone")
    except TableError as error:
        telemetry.trouble("page not served", error=type(error).__name__)
        telemetry.count("PageFailed")
        return _message(503, "busy")


def _country(customer: Customer, order: Order | None = None) -> str | None:
    return (order.country if order else None) or customer.profile.country


def _locale(customer: Customer, order: Order | None = None) -> str:
    """As the order was made in, else as the account says, else as the country or the browser does."""
    told = (order.locale if order else None, customer.profile.locale)
    return brand().locale_for(_country(customer, order), *told, *_accepts())


def _its_order(customer: Customer, link: Link) -> Order:
    order = customer.order(link.about)
    if order is None:
        raise BadLink("no such order")
    return order


# ---------------------------------------------------------------- order status


@app.get("/o/<token>")
def show_order(token: str) -> Answer:
    return _safely(lambda: _show_order(current(), token))


def _show_order(outside: Outside, token: str) -> Answer:
    link = _link(outside, LinkPurpose.STATUS, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id)
    order = _its_order(customer, link)
    window = {"from": order.estimated_from, "until": order.estimated_until}
    return page(
        200,
        "order",
        _locale(customer, order),
        _country(customer, order),
        order=order,
        steps=steps(order),
        window=window if any(window.values()) and not order.cancelled_at and not order.completed_at else None,
        returns=None if order.cancelled_at else brand().returns.terms(_country(customer, order)),
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
    return _safely(lambda: _show_preferences(current(), token))


def _show_preferences(outside: Outside, token: str) -> Answer:
    link = _link(outside, LinkPurpose.PREFERENCES, token, outside.clock.now())
    return _preferences(load(outside.tables, link.customer_id), saved=False)


@app.post("/p/<token>")
def save_preferences(token: str) -> Answer:
    return _safely(lambda: _save_preferences(current(), token, _form()))


def _save_preferences(outside: Outside, token: str, form: Mapping[str, str]) -> Answer:
    """A purpose that the form does not name is a no (rule C03)."""
    link = _link(outside, LinkPurpose.PREFERENCES, token, outside.clock.now())
    locale = _locale(load(outside.tables, link.customer_id))
    wishes = {(Channel.EMAIL, p): Says.GIVEN if form.get(str(p)) == "on" else Says.WITHDRAWN for p in CHOICES}
    customer = decide(outside, link.customer_id, wishes, "preferences", locale)
    telemetry.count("PreferencesSaved")
    return _preferences(customer, saved=True)


def _preferences(customer: Customer, saved: bool) -> Answer:
    locale = _locale(customer)
    texts = words_in(locale).purposes
    choices = [{"purpose": str(p), "name": texts[p][0], "about": texts[p][1], "on": is_on(customer.consent, p)} for p in CHOICES]
    return page(200, "preferences", locale, choices=choices, saved=saved)


# ---------------------------------------------------------------- withdrawal


@app.get("/u/<token>")
def show_unsubscribe(token: str) -> Answer:
    return _safely(lambda: _unsubscribe(current(), token, act=False))


@app.post("/u/<token>")
def unsubscribe(token: str) -> Answer:
    """RFC 8058: one POST, no cookie, no redirect, 2xx. The button on our own page posts the same."""
    return _safely(lambda: _unsubscribe(current(), token, act=True))


def _unsubscribe(outside: Outside, token: str, act: bool) -> Answer:
    link = _link(outside, LinkPurpose.UNSUBSCRIBE, token, EVER)
    channel, purpose = subject_of(link)
    locale = brand().locale_for(None, *_accepts())
    try:
        locale = _locale(load(outside.tables, link.customer_id))
        if act:
            decide(outside, link.customer_id, {(channel, purpose): Says.WITHDRAWN}, "unsubscribe", locale)
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
    return _safely(lambda: _show_cue(current(), token, chosen))


def _show_cue(outside: Outside, token: str, chosen: str | None) -> Answer:
    """The face that was tapped in the message is chosen already; the tap on the button tells it."""
    link = _link(outside, LinkPurpose.CUE, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id)
    return _cue(customer, _its_order(customer, link), 200, chosen)


@app.post("/c/<token>")
def record_cue(token: str) -> Answer:
    return _safely(lambda: _record_cue(current(), token, _form().get("cue")))


def _record_cue(outside: Outside, token: str, chosen: str | None) -> Answer:
    link = _link(outside, LinkPurpose.CUE, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id)
    order = _its_order(customer, link)
    for cue in get_args(Cue):
        if cue == chosen:
            give_cue(outside, link.customer_id, order.key, cue)
            telemetry.count("CueGiven")
            return _cue(customer, order, 200, chosen, done=True)
    return _cue(customer, order, 400, None, missing=True)


def _cue(customer: Customer, order: Order, status: int, chosen: str | None, done: bool = False, missing: bool = False) -> Answer:
    locale = _locale(customer, order)
    faces = [{"cue": cue, "sign": sign, "name": name} for cue, (sign, name) in words_in(locale).cues.items()]
    return page(status, "cue", locale, order=order, faces=faces, chosen=chosen, done=done, missing=missing)


def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)

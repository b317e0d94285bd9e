"""All orders, one's data, and to be forgotten: asked for on a page, opened by the fresh link that goes to the mailbox on file.

GET shows, POST acts. An order's or a message's link lies in a mailbox for months and is passed on; what is here needs the
mailbox as it is now.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from aws_lambda_powertools.event_handler import Response

from aftercare import events, fresh_links, identity, keys, requests, telemetry
from aftercare.brand import brand
from aftercare.consent import Channel
from aftercare.consent_log import KeepsChanging
from aftercare.customer import Customer
from aftercare.export import export
from aftercare.fresh_links import OPEN_FOR, PURPOSES, FreshLinks, Opens
from aftercare.links import Link, LinkPurpose, read_keys, sign
from aftercare.outside import Outside, current
from aftercare.requests import Asked, Request
from aftercare.store import CustomerErased, load, with_archive
from aftercare.table import Put, Write
from customer_pages.account_view import state_of
from customer_pages.choices import ATTEMPTS, delivery, written
from customer_pages.preferences import masked, show_preferences
from customer_pages.render import PRIVATE, page
from customer_pages.request import Answer, accepted, app, country_of, locale_of, opened, safely

SHOWN_FOR = timedelta(days=1)
"""So long an order's page opens that was reached from the list of all."""

# ---------------------------------------------------------------- asking for a link


@app.get("/p/<token>/orders")
@app.get("/p/<token>/export")
@app.get("/p/<token>/erase")
def back_to_choices(token: str) -> Answer:
    """Where a browser comes back to that opens again what it showed after the press of a button."""
    return show_preferences(token)


@app.post("/p/<token>/orders")
def ask_for_orders(token: str) -> Answer:
    return safely(lambda: _ask(current(), token, Opens.ORDERS))


@app.post("/p/<token>/export")
def ask_for_export(token: str) -> Answer:
    return safely(lambda: _ask(current(), token, Opens.EXPORT))


@app.post("/p/<token>/erase")
def ask_for_erasure(token: str) -> Answer:
    return safely(lambda: _ask(current(), token, Opens.ERASE))


def _ask(outside: Outside, token: str, opens: Opens) -> Answer:
    """A link is on its way once this answers; pressing again sends none beside it."""
    link = opened(outside, LinkPurpose.PREFERENCES, token, outside.clock.now())
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = load(outside.tables, link.customer_id)
        links = fresh_links.read(outside.tables, customer.id)
        told = partial(_told, customer, back=f"/p/{token}")
        address = reachable_at(outside, customer)
        if address is None:
            return told("unreachable")
        if waiting := links.waiting(opens, now):
            return told("waiting", address=masked(address), until=waiting.asked_at + OPEN_FOR)
        if links.is_full(now):
            return told("many", 429)
        ref = outside.ids.new()
        data = events.FreshLinkData(customer_id=customer.id, link=ref, opens=opens.value)
        event = events.make("FreshLinkAsked", keys.message_id(f"page#{ref}"), now, ref, data)
        writes: Sequence[Write] = (
            delivery(ref, f"fresh-{opens}", customer.id, now, (event,)).put(),
            fresh_links.write(customer.id, links.asked(opens, ref, now), now),
        )
        if written(outside, writes):
            telemetry.count("FreshLinkAsked")
            return told("sent", address=masked(address))
    raise KeepsChanging("the record changed under every attempt")


def reachable_at(outside: Outside, customer: Customer) -> str | None:
    """The address on file, unless nothing reaches it any more."""
    address = identity.email(customer.profile.contact.email)
    if address is None:
        return None
    hashed = identity.keyed_hash(outside.secrets.text(outside.settings.need("identity_secret")), address)
    return None if customer.consent.suppression(Channel.EMAIL, hashed) else address


def _told(
    customer: Customer, word: str, status: int = 200, address: str = "", until: datetime | None = None, back: str | None = None
) -> Answer:
    where = locale_of(customer), country_of(customer)
    return page(status, "fresh", *where, word=word, address=address, until=until, back=back)


# ---------------------------------------------------------------- what a fresh link opens


@app.get("/orders/<token>")
def show_orders(token: str) -> Answer:
    return safely(lambda: _orders(current(), token))


@app.get("/export/<token>")
def show_export(token: str) -> Answer:
    return safely(lambda: _show(current(), token, Opens.EXPORT))


@app.post("/export/<token>", compress=True)
def download(token: str) -> Answer:
    return safely(lambda: _export(current(), token))


@app.get("/erase/<token>")
def show_erasure(token: str) -> Answer:
    return safely(lambda: _show(current(), token, Opens.ERASE))


@app.post("/erase/<token>")
def erase(token: str) -> Answer:
    return safely(lambda: _erase(current(), token))


def _orders(outside: Outside, token: str) -> Answer:
    now = outside.clock.now()
    link = opened(outside, LinkPurpose.ORDERS, token, now)
    customer = with_archive(outside.tables, link.customer_id)
    if fresh_links.read(outside.tables, customer.id).standing(Opens.ORDERS, link.about) != "open":
        return _closed(customer, "replaced")
    signing = read_keys(outside.secrets.text(outside.settings.need("link_secret")))
    ends = int((now + SHOWN_FOR).timestamp())
    standing = (order for order in customer.orders if not order.is_test and not order.deleted_at)
    orders = sorted(standing, key=lambda order: (order.placed_at or order.as_of, order.key), reverse=True)
    shown = [
        {
            "number": order.name,
            "state": state_of(customer, order),
            "at": order.placed_at or order.as_of,
            "total": order.total,
            "url": f"/o/{sign(signing, LinkPurpose.STATUS, Link(customer.id, order.key, ends))}",
        }
        for order in orders
    ]
    return page(200, "orders", locale_of(customer), country_of(customer), orders=shown)


def _opened(outside: Outside, token: str, opens: Opens, now: datetime) -> tuple[Link, Customer, FreshLinks]:
    """BadLink, CustomerErased, CustomerUnknown, TableError."""
    link = opened(outside, PURPOSES[opens], token, now)
    return link, load(outside.tables, link.customer_id), fresh_links.read(outside.tables, link.customer_id)


def _show(outside: Outside, token: str, opens: Opens) -> Answer:
    try:
        link, customer, links = _opened(outside, token, opens, outside.clock.now())
    except CustomerErased:
        if opens is not Opens.ERASE:
            raise
        return _forgotten(None)
    standing = links.standing(opens, link.about)
    if standing != "open":
        return _forgotten(customer) if (opens, standing) == (Opens.ERASE, "used") else _closed(customer, standing)
    return page(200, str(opens), locale_of(customer), country_of(customer), address=masked(customer.profile.contact.email or ""))


def _closed(customer: Customer, standing: str) -> Answer:
    return _told(customer, standing, 410)


def _export(outside: Outside, token: str) -> Answer:
    """The file; the link is used up once it is whole, so that an outage on the way costs nobody their link."""
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        link, customer, links = _opened(outside, token, Opens.EXPORT, now)
        standing = links.standing(Opens.EXPORT, link.about)
        if standing != "open":
            return _closed(customer, standing)
        secret = outside.secrets.text(outside.settings.need("identity_secret"))
        document = export(outside.tables, customer.id, secret, now)
        done = requests.answered(_request(Asked.EXPORT, link, now), "downloaded on the page", now)
        if written(outside, [_used(links, link, now), requests.put(done)]):
            telemetry.count("DataExported")
            named = f'attachment; filename="my-data-{now:%Y-%m-%d}.json"'
            body = json.dumps(document, ensure_ascii=False, indent=1)
            return Response(200, "application/json", body, headers={**PRIVATE, "Content-Disposition": named})
    raise KeepsChanging("the record changed under every attempt")


def _erase(outside: Outside, token: str) -> Answer:
    """The wish with its clock and its event, as from outside; the function privacy_requests does it."""
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        try:
            link, customer, links = _opened(outside, token, Opens.ERASE, now)
        except CustomerErased:
            return _forgotten(None)
        standing = links.standing(Opens.ERASE, link.about)
        if standing != "open":
            return _forgotten(customer) if standing == "used" else _closed(customer, standing)
        request = _request(Asked.ERASURE, link, now)
        told = delivery(request.ref, "erase", customer.id, now, (requests.told(request),))
        if written(outside, [told.put(), requests.put(request), _used(links, link, now)]):
            telemetry.count("ErasureAsked")
            return _forgotten(customer)
    raise KeepsChanging("the record changed under every attempt")


def _request(asked: Asked, link: Link, now: datetime) -> Request:
    return requests.opened(asked, keys.message_id(f"page#{link.about}"), "page", "store", now, (link.customer_id,))


def _used(links: FreshLinks, link: Link, now: datetime) -> Put:
    return fresh_links.write(link.customer_id, links.used(link.about, now), now)


def _forgotten(customer: Customer | None) -> Answer:
    """What happens now; of who is forgotten already not even the language is known."""
    locale = locale_of(customer) if customer else brand().locale_for(None, *accepted())
    return page(200, "message", locale, word="forgotten", state="done")

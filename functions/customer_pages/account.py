"""The account of one order: a page, and the same as JSON for a store that draws it itself. GET shows, POST acts."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools.event_handler import Response

from aftercare import keys
from aftercare.arrival import Window
from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.clock import iso, parse_iso
from aftercare.customer import Customer, Order
from aftercare.decision import Message
from aftercare.ledger import message_from
from aftercare.links import Link, LinkPurpose, read_keys, sign
from aftercare.money import Money
from aftercare.outside import Outside, current
from aftercare.store import load
from customer_pages.account_view import Account, Own, Setting, account
from customer_pages.origins import framed_by, shared
from customer_pages.qr import code_of
from customer_pages.render import PRIVATE, page
from customer_pages.request import Answer, app, country_of, headers, its_order, locale_of, opened, safely

JSON = "application/json"
OPENS_FOR = timedelta(days=1)
"""So long a link opens that the page itself gives to what else belongs to the customer; never longer than its own."""


@app.get("/o/<token>")
def show_account(token: str) -> Answer:
    plain = token.removesuffix(".json")
    if plain != token or asks_for_json():
        return safely(lambda: json_account(current(), plain), tell=told_as_json)
    return safely(lambda: account_page(current(), token))


def asks_for_json() -> bool:
    """Whether JSON is asked for and no page is: a browser asks for HTML before all else."""
    asked = headers().get("accept", "").lower()
    return JSON in asked and "text/html" not in asked


def json_account(outside: Outside, token: str, status: int = 200, **more: str | None) -> Answer:
    """The account as JSON, with what just came of an action beside it."""
    link, customer, order = order_of(outside, token)
    shown = view_of(outside, token, link, customer, order)
    host = str(app.current_event.raw_event.get("requestContext", {}).get("domainName") or "")
    return _json(outside, status, {**written(shown, f"https://{host}"), **more})


def told_as_json(status: int, word: str, closed: str = "") -> Answer:
    del closed
    return _json(current(), status, {"error": word})


def _json(outside: Outside, status: int, body: Mapping[str, Any]) -> Answer:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(status, JSON, text, headers={**PRIVATE, **shared(outside)})


# ---------------------------------------------------------------- what a link opens


def order_of(outside: Outside, token: str) -> tuple[Link, Customer, Order]:
    """The order that a link is about. BadLink, CustomerUnknown, TableError."""
    link = opened(outside, LinkPurpose.STATUS, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id, link.about)
    return link, customer, its_order(customer, link)


def view_of(outside: Outside, token: str, link: Link, customer: Customer, order: Order) -> Account:
    """The account as it is now. TableError."""
    return account(customer, order, letters(outside, customer.id), setting_for(outside, token, link, customer, order))


def setting_for(outside: Outside, token: str, link: Link, customer: Customer, order: Order) -> Setting:
    return Setting(
        now=outside.clock.now(),
        locale=locale_of(customer, order),
        brand=brand(),
        catalogue=catalogue(),
        links=links(outside, token, link),
    )


def links(outside: Outside, token: str, link: Link) -> dict[str, Own]:
    """Where the page leads within our own: each a signed link for its own purpose, of the same customer."""
    signing = read_keys(outside.secrets.text(outside.settings.need("link_secret")))
    ends = min(link.expires_at, int((outside.clock.now() + OPENS_FOR).timestamp()))

    def path(place: str, purpose: LinkPurpose, about: str) -> Own:
        return Own(f"/{place}/{sign(signing, purpose, Link(link.customer_id, about, ends))}")

    return {
        "self": Own(f"/o/{token}"),
        "return": Own(f"/o/{token}/return"),
        "preferences": path("p", LinkPurpose.PREFERENCES, ""),
        "cue": path("c", LinkPurpose.CUE, link.about),
    }


def letters(outside: Outside, customer_id: str) -> list[tuple[Message, datetime | None]]:
    """The customer's messages on the ledger, each with when it was first read here."""
    items = outside.tables.partition("customers", keys.customer(customer_id, keys.LEDGER).pk, keys.LEDGER)
    return [(message_from(item), parse_iso(str(item["read_at"])) if "read_at" in item else None) for item in items]


# ---------------------------------------------------------------- the page and its JSON form


def account_page(outside: Outside, token: str, status: int = 200, opened_message: str | None = None) -> Answer:
    link, customer, order = order_of(outside, token)
    shown = view_of(outside, token, link, customer, order)
    return page(
        status,
        "account",
        shown.locale,
        country_of(customer, order),
        framed_by=framed_by(outside),
        shown=shown,
        token=token,
        opened_message=opened_message,
        codes={one.ref: code_of(one.ref) for one in shown.secure.returns.asked if one.code},
    )


def written(value: Any, base: str) -> Any:
    """A view as JSON has it: names as they are, instants in ISO 8601, amounts as text, our own paths as addresses."""
    if isinstance(value, Money):
        return value.model_dump(mode="json")
    if isinstance(value, Window):
        return {"first": written(value.first, base), "last": written(value.last, base), "likely": value.likely}
    if is_dataclass(value):
        return {field.name: written(getattr(value, field.name), base) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [written(one, base) for one in value]
    if isinstance(value, datetime):
        return iso(value)
    return f"{base}{value}" if isinstance(value, Own) else value

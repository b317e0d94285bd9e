"""What every route needs: the form, the link that is the authority, whose language, and plain words when nothing opens.

No cookie, no login, nothing of a customer in path or query but the token itself.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from aftercare import telemetry
from aftercare.brand import brand
from aftercare.consent_log import device_family, truncated
from aftercare.customer import Customer, Order
from aftercare.links import BadLink, ExpiredLink, Link, LinkPurpose, read_keys, verify
from aftercare.outside import Outside
from aftercare.store import CustomerUnknown
from aftercare.table import TableError
from customer_pages.choices import Came
from customer_pages.render import page
from customer_pages.words import told_by

LARGEST_FORM = 64 * 1024
MOST_FIELDS = 120
EVER = datetime.fromtimestamp(0, UTC)
"""A withdrawal works after its link's time too (CAN-SPAM 30 days, CASL 60 days, and no reason to stop then)."""

Answer = Response[str]


app = APIGatewayHttpResolver()


def form_of() -> Mapping[str, str]:
    """The fields of an urlencoded form, empty ones too; a form post arrives base64-encoded. What cannot be read has no fields."""
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
        return {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True, max_num_fields=MOST_FIELDS).items()}
    except ValueError:
        return {}


def opened(outside: Outside, purpose: LinkPurpose, token: str, now: datetime) -> Link:
    return verify(read_keys(outside.secrets.text(outside.settings.need("link_secret"))), purpose, token, now)


def headers() -> dict[str, str]:
    return {str(k).lower(): str(v) for k, v in (app.current_event.raw_event.get("headers") or {}).items()}


def accepted() -> tuple[str, ...]:
    return told_by(headers().get("accept-language"))


def came() -> Came:
    """How this request came. The address is cut before anything else sees it."""
    http = app.current_event.raw_event.get("requestContext", {}).get("http", {})
    route = str(app.current_event.raw_event.get("routeKey") or "").partition(" ")[2] or None
    signal = headers().get("sec-gpc", "").strip() == "1"
    return Came(route, truncated(http.get("sourceIp")), device_family(http.get("userAgent")), signal)


def message(status: int, word: str, template: str = "message") -> Answer:
    return page(status, template, brand().locale_for(None, *accepted()), word=word, state="asks")


def safely(act: Callable[[], Answer], closed: str = "message", tell: Callable[[int, str, str], Answer] = message) -> Answer:
    """A link that does not open is told in plain words, by the page `closed`, and an outage of ours as one that passes.

    `tell` writes it otherwise than as a page.
    """
    try:
        return act()
    except ExpiredLink:
        telemetry.count("LinkExpired")
        return tell(410, "expired", closed)
    except (BadLink, CustomerUnknown):
        telemetry.count("LinkRefused")
        return tell(404, "gone", closed)
    except TableError as error:
        telemetry.trouble("page not served", error=type(error).__name__)
        telemetry.count("PageFailed")
        return tell(503, "busy", "message")


def country_of(customer: Customer, order: Order | None = None) -> str | None:
    return (order.country if order else None) or customer.profile.country


def locale_of(customer: Customer, order: Order | None = None) -> str:
    """As the customer wished, else as the order was made in or the account says, else as the country or the browser does."""
    told = (customer.wishes.language, order.locale if order else None, customer.profile.locale)
    return brand().locale_for(country_of(customer, order), *told, *accepted())


def its_order(customer: Customer, link: Link) -> Order:
    order = customer.order(link.about)
    if order is None:
        raise BadLink("no such order")
    return order

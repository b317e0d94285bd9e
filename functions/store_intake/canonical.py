"""The engine's own form: what a custom store puts on the store bus (docs/store-events.md).

The detail-type names the fact, the detail holds its fields (aftercare.facts). The shop is the source's name, `store.<name>`,
and never comes from the detail.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

from pydantic import ValidationError

from aftercare import identity
from aftercare.carriers import parcel_number
from aftercare.facts import (
    CaseFact,
    ConsentFact,
    CustomerFact,
    Fact,
    OfSomebody,
    OrderFact,
    OrderFactType,
    OtherFact,
    ReturnFact,
    ShipmentFact,
    ShipmentFactType,
    StockFact,
    SubscriptionFact,
)
from aftercare.model import Model
from store_intake.received import Received, canonical, hash_of, key_part, place

_SOURCE = re.compile(r"^store\.([a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?)$")


def _words(model: type[Model]) -> tuple[str, ...]:
    return tuple(get_args(model.model_fields["type"].annotation))


_BY_WORD: tuple[type[Fact], ...] = (
    OtherFact,
    CustomerFact,
    ConsentFact,
    ReturnFact,
    SubscriptionFact,
    StockFact,
    CaseFact,
)

_SHAPES: Mapping[str, type[Fact]] = {
    **{word: shape for shape in _BY_WORD for word in _words(shape)},
    **{str(kind): OrderFact for kind in OrderFactType},
    **{str(kind): ShipmentFact for kind in ShipmentFactType},
}

_OF_PRODUCTS = ("RestockRequested", "ProductRestocked", "AnnouncementPublished")
_HEARD = ("ReviewPosted", "SocialMentioned", "MediaShared", "MilestoneReached")
"""Facts whose shapes come with the first of them."""

_DONE = ("ProductViewed", "LoggedIn", "PageVisited", "ContentShared")
"""So do those of what customers do in the store; a body that cannot be read is not kept: nobody knows whether there was leave."""

_OF_AN_ORDER = (*_words(ReturnFact), "SubscriptionRenewed")

HISTORY = timedelta(hours=24)
"""An OrderPlaced that happened longer ago than this is history that a store imports, and no news."""

Problem = tuple[str, str]
"""A field and what was expected there; never a value."""


def detail_types() -> tuple[str, ...]:
    """Every detail-type that a store may put."""
    return tuple(sorted((*_SHAPES, *_OF_PRODUCTS, *_HEARD, *_DONE)))


def _shape(detail_type: str, detail: object) -> type[Fact] | None:
    shapes: tuple[type[Fact], ...] = ()
    if detail_type in _OF_PRODUCTS:
        from aftercare.product_facts import AlertFact, AnnouncementFact, RestockFact

        shapes = (AlertFact, RestockFact, AnnouncementFact)
    elif detail_type in _HEARD:
        from aftercare.heard_facts import MediaFact, MentionFact, MilestoneFact, ReviewFact

        shapes = (ReviewFact, MentionFact, MediaFact, MilestoneFact)
    elif detail_type in _DONE or _speaks_of_behaviour(detail_type, detail):
        from aftercare.behaviour_facts import LeaveFact, LoginFact, ShareFact, ViewFact, VisitFact

        shapes = (ViewFact, LoginFact, VisitFact, ShareFact, LeaveFact)
    else:
        return _SHAPES.get(detail_type)
    return next(shape for shape in shapes if detail_type in _words(shape))


def _speaks_of_behaviour(detail_type: str, detail: object) -> bool:
    """Whether a consent is one to note what somebody does in the store, which is about no channel."""
    said = detail.get("said") if detail_type == "ConsentChanged" and isinstance(detail, dict) else None
    return isinstance(said, list) and any(isinstance(one, dict) and one.get("purpose") == "behaviour" for one in said)


def validate(detail_type: str, detail: object) -> list[Problem]:
    """What is wrong with a store's event, field by field; empty when it will be recorded."""
    return _read(detail_type, detail)[1]


def validate_envelope(envelope: object) -> list[Problem]:
    """The same for a whole EventBridge envelope."""
    if not isinstance(envelope, dict):
        return [("", "expected a JSON object")]
    problems: list[Problem] = []
    if not _SOURCE.fullmatch(str(envelope.get("source", ""))):
        problems.append(("source", "expected store.<name of the shop>, lower-case"))
    return problems + validate(str(envelope.get("detail-type", "")), envelope.get("detail"))


def from_store_bus(envelope: Mapping[str, Any], body: bytes, received_at: datetime) -> Received:
    """A store's event: its one fact, or the fields that are not as expected."""
    source, detail_type, detail = str(envelope.get("source", "")), str(envelope.get("detail-type", "")), envelope.get("detail")
    named = _SOURCE.fullmatch(source)
    fact, problems = _read(detail_type, detail)
    if not named:
        problems = [("source", "expected store.<name of the shop>, lower-case"), *problems]
    if isinstance(fact, OrderFact) and fact.type is OrderFactType.PLACED:
        fresh = received_at - fact.occurred_at <= HISTORY
        fact = fact.model_copy(update={"heard_at": received_at if fresh else None})
    content_hash = hash_of(canonical(detail))
    given = detail.get("event_id") if isinstance(detail, dict) else None
    delivery = given if isinstance(given, str) and given else content_hash
    return Received(
        key=f"{key_part(source)}#{key_part(detail_type)}#{key_part(delivery)}",
        sender="store",
        platform="store",
        shop=named[1] if named else "",
        topic=_plain(detail_type),
        body=body,
        content_hash=content_hash,
        received_at=received_at,
        facts=_facts(fact) if fact is not None and not problems else (),
        reason="; ".join(f"{field}: {expected}" for field, expected in problems)[:2000] or None,
        keeps_body=detail_type not in _DONE,
    )


def _facts(fact: Fact) -> tuple[Fact, ...]:
    """Who waits for a product says who they are, and what the form asked them."""
    if fact.type != "RestockRequested":
        return (fact,)
    from store_intake.products import told_with

    return told_with(fact)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "?", text)[:80]


def _read(detail_type: str, detail: object) -> tuple[Fact | None, list[Problem]]:
    shape = _shape(detail_type, detail)
    if shape is None:
        return None, [("detail-type", f"expected one of {', '.join(detail_types())}")]
    if not isinstance(detail, dict):
        return None, [("detail", "expected a JSON object")]
    fields = {name: value for name, value in detail.items() if name != "event_id"}
    problems: list[Problem] = []
    if "event_id" in detail and not (isinstance(detail["event_id"], str) and 0 < len(detail["event_id"]) <= 128):
        problems.append(("detail.event_id", "expected 1 to 128 letters that name this event once"))
    if fields.pop("type", detail_type) != detail_type:
        problems.append(("detail.type", "expected the detail-type, or no such field"))
    try:
        fact: Fact = shape.model_validate({**_addresses(fields), "type": detail_type})
    except ValidationError as error:
        problems += [(place(("detail", *e["loc"])), _expected(e["type"], e["msg"], detail_type)) for e in error.errors()]
        return None, problems
    problems += dict.fromkeys(problem for told in _facts(fact) for problem in _lacking(told))
    return fact, problems


def _addresses(fields: dict[str, Any]) -> dict[str, Any]:
    """Empty texts of a contact are no addresses, and an address has one spelling."""
    order = fields.get("order")
    if isinstance(order, dict) and isinstance(order.get("contact"), dict):
        fields = {**fields, "order": {**order, "contact": _contact(order["contact"])}}
    if isinstance(fields.get("contact"), dict):
        fields = {**fields, "contact": _contact(fields["contact"])}
    return fields


def _contact(contact: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in contact.items() if value != ""}
    email, phone = given.get("email"), given.get("phone")
    if isinstance(email, str):
        given["email"] = identity.email(email) or email
    if isinstance(phone, str):
        given["phone"] = identity.phone(phone) or phone
    return given


def _lacking(fact: Fact) -> list[Problem]:
    problems: list[Problem] = []
    if isinstance(fact, OrderFact):
        if fact.type in (OrderFactType.PLACED, OrderFactType.UPDATED) and fact.order is None:
            problems.append(("detail.order", f"{fact.type} needs the order as the shopper knows it"))
        if fact.type is OrderFactType.REFUNDED and fact.refund is None:
            problems.append(("detail.refund", f"{fact.type} needs what was given back"))
        if fact.order and fact.order.contact.email and not identity.email(fact.order.contact.email):
            problems.append(("detail.order.contact.email", "expected an e-mail address, or no such field"))
    if isinstance(fact, ShipmentFact):
        problems += _lacking_shipment(fact)
    if isinstance(fact, (ReturnFact, SubscriptionFact)) and fact.type in _OF_AN_ORDER and fact.order_ref is None:
        problems.append(("detail.order_ref", f"{fact.type} needs the order that it is about"))
    if isinstance(fact, CaseFact) and fact.text and fact.type != "SupportCaseOpened":
        problems.append(("detail.text", "expected with SupportCaseOpened only: it holds the customer's own words"))
    if fact.type == "ReviewPosted" and not any(getattr(fact, part) for part in ("score", "title", "text")):
        problems.append(("detail.score", "ReviewPosted needs a score or a text"))
    if isinstance(fact, OfSomebody) and not (fact.order_ref or fact.customer_ref or fact.contact.email):
        problems.append(("detail.customer_ref", "expected order_ref, customer_ref or contact.email to know the customer by"))
    if isinstance(fact, (ConsentFact, CustomerFact)):
        if fact.contact.email and not identity.email(fact.contact.email):
            problems.append(("detail.contact.email", "expected an e-mail address, or no such field"))
        if not fact.customer_ref and not fact.contact.email:
            problems.append(("detail.customer_ref", "expected a customer_ref or a contact.email to know the customer by"))
    return problems


def _lacking_shipment(fact: ShipmentFact) -> list[Problem]:
    problems: list[Problem] = []
    numbers = [parcel_number(parcel.number) for parcel in fact.parcels]
    if None in numbers:
        problems.append(("detail.parcels", "expected numbers of 1 to 64 letters and digits; a link goes into url"))
    if fact.ref is None and not numbers:
        problems.append(("detail.ref", "expected the shipment's ref, or parcels with their numbers"))
    if fact.type in (ShipmentFactType.CREATED, ShipmentFactType.UPDATED) and not (fact.ref and fact.orders):
        problems.append(("detail.order_ref", f"{fact.type} needs ref and order_ref"))
    if fact.type is ShipmentFactType.MOVED and not (fact.scans or any(parcel.scans for parcel in fact.parcels)):
        problems.append(("detail.scans", "ShipmentMoved needs a scan: status and at"))
    if fact.type is ShipmentFactType.ETA_CHANGED and not (fact.eta or any(parcel.eta for parcel in fact.parcels)):
        problems.append(("detail.eta", "ShipmentEtaChanged needs until and told_at"))
    return problems


def _expected(kind: str, message: str, detail_type: str) -> str:
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return f"is no field of {detail_type}"
    return message[:1].lower() + message[1:]

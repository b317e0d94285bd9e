"""A scenario's file: its fields, and a reader that says with file, line, field and expectation what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from aftercare.answer_words import Part, Wish
from aftercare.consent import Channel, Purpose
from aftercare.identity import phone
from aftercare.money import Money
from aftercare.switch import Mode
from simulator.faults import Fault
from simulator.scenario.times import EXPECTED, When, read_span, read_start, read_when


class ScenarioError(ValueError):
    """The file is no scenario: the text names file, line, field and what was expected."""


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _listed(value: object) -> object:
    """A single thing where a list is expected is a list of one."""
    return [value] if isinstance(value, (str, dict)) else value


def _money(value: object) -> object:
    if isinstance(value, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Z]{3})", value.strip())
        if not found:
            raise ValueError("expected an amount with its currency, such as `649.00 EUR`")
        return {"amount": found[1], "currency": found[2]}
    return value


def _span(value: object) -> object:
    return read_span(value) if isinstance(value, str) else value


def _start(value: object) -> object:
    return read_start(value) if isinstance(value, str) else value


def _time_text(value: str) -> str:
    read_when(value, read_start("2026-01-01"), read_start("2026-01-01"))
    return value


Amount = Annotated[Money, BeforeValidator(_money)]
Time = Annotated[str, AfterValidator(_time_text)]
Span = Annotated[timedelta, BeforeValidator(_span)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
By = Literal["shopify", "shopify-bus", "store"]
"""Which way a fact comes: Shopify's signed HTTPS request, Shopify's partner bus, a custom store's event."""


class Product(_Shape):
    """What a line of an order holds. `type` and `tags` decide with the catalogue what the product is."""

    title: str
    price: Amount
    type: str | None = None
    tags: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    sku: str | None = None
    variant: str | None = None
    plan: str | None = None
    shipped: bool = True


class Person(_Shape):
    """A customer. `account` is the platform's id; without one the order is a guest's. `marketing` as Shopify names it.

    `opt_in` is how the shop took the consent: confirmed by the shop's own mail (double opt-in), or single.
    """

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    locale: str = "en"
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"
    account: str | None = None
    marketing: Literal["subscribed", "reminders", "not_subscribed", "unsubscribed", "pending"] | None = None
    opt_in: Literal["confirmed", "single"] = "confirmed"


class Tax(_Shape):
    title: str
    rate: Annotated[Decimal, Field(ge=0, lt=1)]


class Shop(_Shape):
    """Who sells. `domain` is the shop's name on Shopify, `store` the name in the source of a custom store's events."""

    domain: Annotated[str, Field(pattern=r"^[a-z0-9-]+\.myshopify\.com$")] = "larkfield.myshopify.com"
    store: Name = "larkfield"
    tax: Tax | None = None
    shipping: Amount | None = None


class Line(_Shape):
    product: Name
    quantity: Annotated[int, Field(ge=1)] = 1


def _line(value: object) -> object:
    return {"product": value} if isinstance(value, str) else value


Lines = Annotated[tuple[Annotated[Line, BeforeValidator(_line)], ...], BeforeValidator(_listed), Field(min_length=1)]


class Discount(_Shape):
    code: str
    amount: Amount


class OrderPlaced(_Shape):
    ref: Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]
    customer: Name
    lines: Lines
    by: By = "shopify"
    test: bool = False
    tags: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    discount: Discount | None = None
    arrives: tuple[Time, Time] | None = None
    signature: Literal["right", "wrong", "missing"] = "right"


class OrderChanged(_Shape):
    order: str
    by: By | None = None
    reason: str = "customer"


class OrderRefunded(_Shape):
    order: str
    amount: Amount | None = None
    by: By | None = None


class SentAgain(_Shape):
    """The request about an order once more: the same delivery, or by another way (`by`) as a delivery of its own."""

    order: str
    by: By | None = None


class ConsentSaid(_Shape):
    customer: Name
    says: Literal["given", "withdrawn"]
    purposes: Annotated[tuple[Purpose, ...], BeforeValidator(_listed)] = (Purpose.PROMOTIONAL, Purpose.REORDER, Purpose.SURVEY)
    by: By = "shopify"
    opt_in: Literal["confirmed", "single"] = "confirmed"
    channel: Channel = Channel.EMAIL

    @model_validator(mode="after")
    def _who_can_say(self) -> ConsentSaid:
        if self.channel is not Channel.EMAIL and self.by != "store":
            raise ValueError("by: expected store, which tells of consent on every channel")
        return self


class StoreTold(_Shape):
    """Any event that a custom store may put (docs/store-events.md), with its fields as they are; what is not given of
    `occurred_at` and `event_id` is the step's own time and a name made of it."""

    type: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]{2,60}$")]
    detail: dict[str, Any] = Field(default_factory=dict)


class MailReported(_Shape):
    """What the mail provider tells of the newest mail to a customer."""

    customer: Name
    says: Literal["open", "click", "bounce", "complaint"]


class PersonWrote(_Shape):
    """What a customer writes to the store's number, as a text message or on WhatsApp."""

    customer: Name
    says: Annotated[str, Field(min_length=1, max_length=1600)]
    by: Literal["sms", "whatsapp"] = "sms"


class SurveyAnswered(_Shape):
    """What a customer says on the page that the newest mail with a survey opens; what is not given is left out there."""

    customer: Name
    score: Literal["1", "2", "3", "4", "5"] | None = None
    stood_out: Annotated[tuple[Part, ...], BeforeValidator(_listed)] = ()
    slowed_down: Annotated[tuple[Part, ...], BeforeValidator(_listed)] = ()
    wish: Wish | None = None
    text: Annotated[str, Field(max_length=2000)] = ""
    call: bool = False

    def form(self) -> dict[str, str]:
        """The fields of the page's form."""
        told = {"score": self.score or "", "wish": self.wish or "", "text": self.text}
        ticked = {**{f"good-{part}": "on" for part in self.stood_out}, **{f"slow-{part}": "on" for part in self.slowed_down}}
        return {name: value for name, value in told.items() if value} | ticked | ({"call": "on"} if self.call else {})


class SwitchSet(_Shape):
    mode: Mode
    purpose: Purpose | None = None
    channel: Channel | None = None
    allow: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()


def _mode(value: object) -> object:
    return {"mode": value} if isinstance(value, str) else value


Switching = Annotated[SwitchSet, BeforeValidator(_mode)]


Effect = Literal[
    "tables.read",
    "tables.write",
    "bus.put",
    "queues.send",
    "waits.start",
    "slots.set",
    "mail.send",
    "texts.send",
    "pushes.send",
    "chats.send",
]


class FaultSet(_Shape):
    """The next `times` effects of this name in this function fail."""

    function: Name | Annotated[str, Field(pattern=r"^[a-z_]+$")]
    effect: Literal[
        "tables.read",
        "tables.write",
        "bus.put",
        "queues.send",
        "waits.start",
        "slots.set",
        "mail.send",
        "texts.send",
        "pushes.send",
        "chats.send",
    ]
    kind: Fault
    times: Annotated[int, Field(ge=1, le=1000)] = 1


VERBS = ("order", "paid", "cancel", "refund", "again", "consent", "event", "mail", "writes", "answers", "switch", "fault")


class Step(_Shape):
    """One thing that happens, at its time (default: together with the one before)."""

    at: Time = "+0 s"
    order: OrderPlaced | None = None
    paid: OrderChanged | None = None
    cancel: OrderChanged | None = None
    refund: OrderRefunded | None = None
    again: SentAgain | None = None
    consent: ConsentSaid | None = None
    event: StoreTold | None = None
    mail: MailReported | None = None
    writes: PersonWrote | None = None
    answers: SurveyAnswered | None = None
    switch: Switching | None = None
    fault: FaultSet | None = None

    @model_validator(mode="after")
    def _one_verb(self) -> Step:
        given = [verb for verb in VERBS if getattr(self, verb) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(VERBS)}; found {', '.join(given) or 'none'}")
        return self

    @property
    def verb(self) -> str:
        return next(verb for verb in VERBS if getattr(self, verb) is not None)


Settlement = Literal["SENT", "HELD", "CLAIMED", "UNKNOWN", "PARKED", "REFUSED", "EXPIRED", "SUPERSEDED", "none"]


class Expected(_Shape):
    """One message that must (or, with `none`, must not) have been considered; `*` in the key stands for anything."""

    message: str
    settlement: Settlement
    customer: Name | None = None
    reason: str | None = None
    channel: Channel | None = None
    at: Time | None = None


class Scenario(_Shape):
    """A whole journey."""

    scenario: str
    start: Annotated[datetime, BeforeValidator(_start)] = read_start("2026-03-02 09:00")
    until: Time | None = None
    shop: Shop = Shop()
    channels: Annotated[tuple[Channel, ...], BeforeValidator(_listed)] = ()
    customers: dict[Name, Person]
    products: dict[Name, Product] = Field(default_factory=dict)
    switch: Switching = SwitchSet(mode=Mode.ON)
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    expect: tuple[Expected, ...] = ()
    exactly: bool = False

    def when(self, text: str, previous: datetime) -> When:
        return read_when(text, self.start, previous)


# ---------------------------------------------------------------- reading


def load(path: Path) -> Scenario:
    """Read a scenario's file. ScenarioError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: expected text in UTF-8") from error
    except ValueError as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> Scenario:
    """Read a scenario's text; `name` is what errors call it."""
    try:
        # Everything is text here: money stays exact, `NO` stays Norway, and a time keeps the precision it was written in.
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - the loader that knows text, lists and maps only
        tree = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise ScenarioError(f"{name}{where}: not readable as YAML: {getattr(error, 'problem', error)}") from error
    except RecursionError as error:
        raise ScenarioError(f"{name}: expected YAML that is nested less deeply") from error
    if not isinstance(document, dict):
        raise ScenarioError(f"{name}: expected a map with the fields {', '.join(Scenario.model_fields)}")
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        raise ScenarioError(_first(error, tree, name)) from error
    _check(scenario, tree, name)
    return scenario


def _first(error: ValidationError, tree: Any, name: str) -> str:
    first = error.errors(include_url=False)[0]
    place = tuple(first["loc"])
    return f"{name}:{_line_of(tree, place)}: {_path(place)}: {_expectation(first['type'], first['msg'], place, first.get('ctx'))}"


def _expectation(kind: str, message: str, place: Sequence[int | str], context: Mapping[str, Any] | None) -> str:
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return f"is no field here; expected {_known_fields(place)}"
    if kind == "value_error":
        return str((context or {}).get("error", message))
    return message[:1].lower() + message[1:].replace("Input should", "should")


def _known_fields(place: Sequence[int | str]) -> str:
    shape: Any = Scenario
    for part in place[:-1]:
        if isinstance(part, str) and isinstance(shape, type) and issubclass(shape, _Shape) and part in shape.model_fields:
            shape = _shape_in(shape.model_fields[part].annotation)
    return ", ".join(shape.model_fields) if isinstance(shape, type) and issubclass(shape, _Shape) else "another one"


def _shape_in(annotation: Any) -> Any:
    """The shape inside `X | None`, `tuple[X, ...]`, `dict[str, X]` or Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, _Shape):
        return annotation
    found = (_shape_in(part) for part in get_args(annotation))
    return next((shape for shape in found if shape is not None), None)


def _path(place: Sequence[int | str]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place if part not in ("[key]",)]
    return "".join(parts).lstrip(".") or "the file"


def _line_of(tree: Any, place: Sequence[int | str]) -> int:
    """The line of a field, or of the nearest thing around it that stands in the file."""
    node = tree
    line = int(node.start_mark.line) + 1
    for part in place:
        following = None
        if isinstance(node, yaml.MappingNode):
            following = next(((key, value) for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            following = (node.value[part], node.value[part])
        if following is None:
            break
        line, node = int(following[0].start_mark.line) + 1, following[1]
    return line


def _check(scenario: Scenario, tree: Any, name: str) -> None:
    """What refers to something must find it, and time must not go back."""

    def wrong(place: Sequence[int | str], expected: str) -> ScenarioError:
        return ScenarioError(f"{name}:{_line_of(tree, place)}: {_path(place)}: {expected}")

    def known_customer(place: Sequence[int | str], customer: str) -> None:
        if customer not in scenario.customers:
            raise wrong(place, f"expected one of the customers: {', '.join(scenario.customers)}")

    orders: set[str] = set()
    now = scenario.start
    for n, step in enumerate(scenario.steps):
        place = ("steps", n)
        when = scenario.when(step.at, now).instant
        if when < now:
            raise wrong((*place, "at"), f"expected a time not before {now:%Y-%m-%d %H:%M} UTC: steps stand in their order")
        now = when
        if step.order:
            known_customer((*place, "order", "customer"), step.order.customer)
            currencies = set()
            for m, line in enumerate(step.order.lines):
                if line.product not in scenario.products:
                    expected = f"expected one of the products: {', '.join(scenario.products) or 'none is described'}"
                    raise wrong((*place, "order", "lines", m), expected)
                currencies.add(scenario.products[line.product].price.currency)
            if len(currencies) > 1:
                raise wrong((*place, "order", "lines"), "expected products of one currency in one order")
            orders.add(step.order.ref)
        for verb in ("paid", "cancel", "refund", "again"):
            told = getattr(step, verb)
            if told is not None and told.order not in orders:
                raise wrong(
                    (*place, verb, "order"), f"expected an order placed before: {', '.join(sorted(orders)) or 'there is none'}"
                )
        for verb in ("consent", "mail", "writes", "answers"):
            told = getattr(step, verb)
            if told is not None:
                known_customer((*place, verb, "customer"), told.customer)
        if step.writes is not None and phone(scenario.customers[step.writes.customer].phone) is None:
            raise wrong((*place, "writes", "customer"), "expected a customer with a phone, such as +4915112345678")
    for n, message in enumerate(scenario.expect):
        if message.customer:
            known_customer(("expect", n, "customer"), message.customer)
    if scenario.until is not None and scenario.when(scenario.until, now).instant < now:
        raise wrong(("until",), f"expected a time not before the last step, {now:%Y-%m-%d %H:%M} UTC")


__all__ = ["EXPECTED", "Scenario", "ScenarioError", "load", "parse"]

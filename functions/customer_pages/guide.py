"""The guide's page: steps to tick off, and the word that it is in use. GET shows, POST saves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aftercare import events, keys, telemetry
from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.consent_log import KeepsChanging
from aftercare.customer import Customer, Order
from aftercare.event import Event
from aftercare.feedback_events import MilestoneData
from aftercare.language import pick
from aftercare.links import LinkPurpose
from aftercare.outside import Outside, current
from aftercare.retention import JOURNAL
from aftercare.setup import FIRST_USE, Guided, SetUp, guided, ticked
from aftercare.store import load, versioned
from aftercare.table import Absent, Check, Write
from customer_pages.choices import ATTEMPTS, delivery, written
from customer_pages.render import page
from customer_pages.request import Answer, app, country_of, form_of, its_order, locale_of, opened, safely


@app.get("/g/<token>")
def show_guide(token: str) -> Answer:
    return safely(lambda: _show(current(), token))


def _show(outside: Outside, token: str) -> Answer:
    link = opened(outside, LinkPurpose.GUIDE, token, outside.clock.now())
    customer = load(outside.tables, link.customer_id, link.about)
    order = its_order(customer, link)
    return _page(customer, order, _kept(outside, customer, order))


@app.post("/g/<token>")
def tick_steps(token: str) -> Answer:
    return safely(lambda: _tick(current(), token, form_of()))


def _tick(outside: Outside, token: str, form: Mapping[str, str]) -> Answer:
    """What is ticked is kept; that something is used for the first time is told with it, in one transaction."""
    link = opened(outside, LinkPurpose.GUIDE, token, outside.clock.now())
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = load(outside.tables, link.customer_id, link.about)
        order = its_order(customer, link)
        before, guides = _kept(outside, customer, order), guided(order.lines, catalogue())
        after = ticked(before, steps_of(form, guides), {g.family.name for g in guides if f"used-{g.family.name}" in form}, now)
        if after.families == before.families:
            return _page(customer, order, before, saved=True)
        told = _first_used(customer, order, before, after, guides, now)
        key = f"setup#{order.key}#{after.version}"
        place = keys.setup(customer.id, order.key)
        writes: list[Write] = [
            delivery(key, "setup", customer.id, now, told).put(),
            Check(keys.customer(customer.id, keys.ERASED), Absent()),
            versioned(place, after.to_json(), before.version, expires_at=JOURNAL.ends(now)),
        ]
        if written(outside, writes):
            telemetry.count("StepsTicked")
            delivered = customer.delivered_at(order.key)
            if told and delivered:
                telemetry.gauge("FirstUseSeconds", (now - delivered).total_seconds())
            return _page(customer, order, after, saved=True)
    raise KeepsChanging("the record changed under every attempt")


def steps_of(form: Mapping[str, str], guides: tuple[Guided, ...]) -> dict[str, tuple[int, ...]]:
    """The steps that a form ticks, by family; a step that the guide does not have is none."""
    most = {g.family.name: max(len(steps) for steps in g.steps.values()) for g in guides}
    return {name: tuple(n for n in range(count) if form.get(f"step-{name}-{n}") == "on") for name, count in most.items()}


def _first_used(
    customer: Customer, order: Order, before: SetUp, after: SetUp, guides: tuple[Guided, ...], now: datetime
) -> tuple[Event, ...]:
    """MilestoneReached for what was not in use before."""
    found = []
    for guide in guides:
        name = guide.family.name
        if after.of(name).used_at and not before.of(name).used_at:
            event_id = keys.message_id(f"setup#{order.key}#{name}#{FIRST_USE}")
            data = MilestoneData(customer_id=customer.id, milestone=FIRST_USE, order=order.key, sku=guide.sku)
            found.append(events.make("MilestoneReached", event_id, now, event_id, data))
    return tuple(found)


def _kept(outside: Outside, customer: Customer, order: Order) -> SetUp:
    place = keys.setup(customer.id, order.key)
    item = outside.tables.read([place]).get(place)
    return SetUp.model_validate_json(str(item["doc"])) if item else SetUp()


def _page(customer: Customer, order: Order, kept: SetUp, saved: bool = False) -> Answer:
    locale = locale_of(customer, order)

    def own(parts: Mapping[str, Any]) -> Any:
        return pick(parts, locale, brand().default_locale)

    guides = [
        {
            "name": guide.family.name,
            "title": own(guide.family.title),
            "steps": [
                {"number": n, "text": text, "ticked": n in kept.of(guide.family.name).ticked}
                for n, text in enumerate(own(guide.steps))
            ],
            "url": own(guide.family.onboarding.start_url) if guide.family.onboarding else own(_film(guide)),
            "film": guide.family.onboarding is None,
            "used_at": kept.of(guide.family.name).used_at,
        }
        for guide in guided(order.lines, catalogue())
    ]
    return page(
        200,
        "guide",
        locale,
        country_of(customer, order),
        order=order,
        guides=guides,
        saved=saved,
        all_used=bool(guides) and all(guide["used_at"] for guide in guides),
        support=brand().support,
    )


def _film(guide: Guided) -> Mapping[str, str]:
    return guide.family.quick_start.video_url if guide.family.quick_start else {}

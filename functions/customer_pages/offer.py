"""What a customer says of a reminder or an offer: useful, later, so much is left, not for me. GET shows, POST saves."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from aftercare import events, reorders, telemetry
from aftercare.brand import brand
from aftercare.catalogue import Catalogue, catalogue
from aftercare.consent_log import KeepsChanging
from aftercare.customer import Customer
from aftercare.feedback_events import OfferAnsweredData
from aftercare.keys import ERASED, WISHES, message_id
from aftercare.keys import customer as own_key
from aftercare.language import Texts, pick
from aftercare.links import BadLink, Link, LinkPurpose, read_keys, sign
from aftercare.offer_words import FOR_BUYERS, FOR_FEEDBACK, SAYINGS, Saying
from aftercare.outside import Outside, current
from aftercare.reorders import AGAIN, LATER_DAYS, MOST_LEFT, Remark, Reorders
from aftercare.store import load, versioned
from aftercare.table import Absent, Check, Write
from aftercare.wishes import NEVER, Wishes
from customer_pages.choices import ATTEMPTS, delivery, written
from customer_pages.render import page
from customer_pages.request import Answer, app, country_of, form_of, locale_of, opened, safely


@app.get("/n/<token>")
def show_offer(token: str) -> Answer:
    query = app.current_event.raw_event.get("queryStringParameters") or {}
    return safely(lambda: _show(current(), token, query.get("said")))


def _show(outside: Outside, token: str, tapped: str | None) -> Answer:
    """What was tapped in the message is chosen already; the tap on the button saves it."""
    now = outside.clock.now()
    link = opened(outside, LinkPurpose.OFFER, token, now)
    customer, (order, family, offer) = load(outside.tables, link.customer_id), about(link, catalogue())
    del order
    kept = reorders.read(outside.tables, customer.id)
    return _page(customer, family, offer, kept, now, tapped if tapped in SAYINGS else None)


@app.post("/n/<token>")
def answer_offer(token: str) -> Answer:
    return safely(lambda: _answer(current(), token, form_of()))


def _answer(outside: Outside, token: str, form: Mapping[str, str]) -> Answer:
    """What is said lies on the record with its event in one transaction; the same said again changes nothing."""
    link = opened(outside, LinkPurpose.OFFER, token, outside.clock.now())
    order, family, offer = about(link, catalogue())
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer, kept = load(outside.tables, link.customer_id), reorders.read(outside.tables, link.customer_id)
        said = said_of(form, offer, now)
        if said is None:
            return _page(customer, family, offer, kept, now, None, status=400)
        after, wishes = reorders.taken_in(kept, family, said), _wishes(customer.wishes, said, now)
        place = reorders.place_of(family, offer)
        before = kept.said.get(place)
        as_said = before is not None and before.model_copy(update={"at": now}) == after.said[place]
        if before is not None and as_said and kept.never == after.never and wishes == customer.wishes:
            return _page(customer, family, offer, kept, now, before.what, saved=True)
        key = f"offer#{customer.id}#{place}#{kept.version + 1}"
        data = OfferAnsweredData(
            customer_id=customer.id, order=_running(kept, family) or order, family=family, offer=offer, said=said.what
        )
        told = events.make("OfferAnswered", message_id(key), now, message_id(key), data)
        writes: list[Write] = [
            delivery(key, "offer", customer.id, now, (told,)).put(),
            Check(own_key(customer.id, ERASED), Absent()),
            versioned(
                reorders.place(customer.id), after.model_copy(update={"version": kept.version + 1}).to_json(), kept.version
            ),
        ]
        if wishes != customer.wishes:
            version = customer.wishes.version
            new = wishes.model_copy(update={"version": version + 1})
            writes.append(versioned(own_key(customer.id, WISHES), new.to_json(), version))
            customer = replace(customer, wishes=new)
        if written(outside, writes):
            telemetry.count("OfferAnswered")
            return _page(customer, family, offer, after, now, said.what, saved=True)
    raise KeepsChanging("the record changed under every attempt")


def _wishes(wishes: Wishes, said: Remark, now: datetime) -> Wishes:
    """Of another offer than to buy the same again: not for me holds until they say otherwise, later for so many days. Whoever
    finds it useful wants it."""
    if said.offer == AGAIN:
        return wishes
    if said.what == "useful":
        return wishes.with_offer(said.offer, None, now) if said.offer in wishes.offers else wishes
    until = NEVER if said.what == "not-for-me" else (now + timedelta(days=said.days or 0)).date()
    return wishes.with_offer(said.offer, until, now)


def _running(kept: Reorders, family: str) -> str | None:
    running = kept.running.get(family)
    return running.order if running else None


def about(link: Link, goods: Catalogue) -> tuple[str, str, str]:
    """The order, the family and the offer that a link is about. BadLink where the catalogue has them no more."""
    order, _, rest = link.about.partition("|")
    family, _, offer = rest.partition("|")
    if family not in goods.families or (offer != AGAIN and offer not in goods.add_ons and _without_product(offer) is None):
        raise BadLink("no such offer")
    return order, family, offer


def _without_product(offer: str) -> Texts | None:
    """The title of an offer of feedback.yaml or segments.yaml by its name in taps; None where there is none such (any more)."""
    if offer.startswith(FOR_FEEDBACK):
        from aftercare.feedback_policy import feedback_policy

        made = feedback_policy().offers.get(offer.removeprefix(FOR_FEEDBACK))
        return made.title if made else None
    from aftercare.segment_policy import segment_policy

    content = segment_policy().contents.get(offer.removeprefix(FOR_BUYERS)) if offer.startswith(FOR_BUYERS) else None
    return content.title if content else None


def _title(family: str, offer: str, locale: str) -> str:
    goods = catalogue()
    made = goods.add_ons.get(offer)
    texts = goods.families[family].title if offer == AGAIN else made.name if made else _without_product(offer)
    return pick(texts or goods.families[family].title, locale, brand().default_locale)


def said_of(form: Mapping[str, str], offer: str, now: datetime) -> Remark | None:
    """What a form says; None where it says nothing that it could. `later` and `left` are of what runs out alone."""
    what: Saying | None = next((word for word in SAYINGS if word == form.get("said")), None)
    if what is None or (offer != AGAIN and what == "left"):
        return None
    days = left = None
    if what == "later":
        if form.get("days") not in tuple(map(str, LATER_DAYS)):
            return None
        days = int(form["days"])
    if what == "left":
        told = form.get("left", "").strip()
        if not (told.isascii() and told.isdigit() and len(told) <= 4 and int(told) <= MOST_LEFT):
            return None
        left = int(told)
    return Remark(what=what, at=now, offer=offer, days=days, left=left)


def own_reminders(outside: Outside, customer: Customer, locale: str, ends_at: int) -> list[dict[str, str]]:
    """A link for each family that runs out for this customer, and for each offer of which they want to hear nothing: for the
    preference page."""
    goods = catalogue()
    kept = reorders.read(outside.tables, customer.id)
    unwanted = [name for name in customer.wishes.offers if name in goods.add_ons or _without_product(name)]
    pairs = [(name, AGAIN) for name in reorders.offers(kept, goods.families)]
    pairs += [(_family_of(goods, name), name) for name in unwanted if customer.wishes.offers[name] == NEVER]
    if not pairs:
        return []
    link_keys = read_keys(outside.secrets.text(outside.settings.need("link_secret")))
    return [
        {
            "title": _title(name, offer, locale),
            "url": "/n/"
            + sign(link_keys, LinkPurpose.OFFER, Link(customer.id, f"{_running(kept, name) or '-'}|{name}|{offer}", ends_at)),
            "never": "yes" if offer != AGAIN or name in kept.never else "",
        }
        for name, offer in pairs
    ]


def _family_of(goods: Catalogue, offer: str) -> str:
    """A family that an offer goes with."""
    return next((name for name, family in goods.families.items() if offer in family.cross_sells), goods.default)


def _page(
    customer: Customer,
    family: str,
    offer: str,
    kept: Reorders,
    now: datetime,
    chosen: str | None,
    saved: bool = False,
    status: int = 200,
) -> Answer:
    locale, again = locale_of(customer), offer == AGAIN
    running, until = kept.running.get(family), customer.wishes.offers.get(offer)
    later_until: datetime | None = running.later_until if running and again else None
    if until and now.date() < until < NEVER:
        later_until = datetime.combine(until, time(12), UTC)
    return page(
        status,
        "offer",
        locale,
        country_of(customer),
        title=_title(family, offer, locale),
        again=again,
        chosen=chosen,
        days=LATER_DAYS,
        later_until=later_until,
        never=family in kept.never if again else until == NEVER,
        most=MOST_LEFT,
        saved=saved,
        problem=status == 400,
    )

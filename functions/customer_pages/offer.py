"""What a customer says of a reminder or an offer: useful, later, so much is left, not for me. GET shows, POST saves."""

from collections.abc import Mapping
from datetime import datetime

from aftercare import events, reorders, telemetry
from aftercare.brand import brand
from aftercare.catalogue import Catalogue, catalogue
from aftercare.consent_log import KeepsChanging
from aftercare.customer import Customer
from aftercare.feedback_events import OfferAnsweredData
from aftercare.keys import ERASED, message_id
from aftercare.keys import customer as own_key
from aftercare.language import pick
from aftercare.links import BadLink, Link, LinkPurpose, read_keys, sign
from aftercare.offer_words import SAYINGS, Saying
from aftercare.outside import Outside, current
from aftercare.reorders import AGAIN, LATER_DAYS, MOST_LEFT, Remark, Reorders
from aftercare.store import load, versioned
from aftercare.table import Absent, Check, Write
from customer_pages.choices import ATTEMPTS, delivery, written
from customer_pages.render import page
from customer_pages.request import Answer, app, country_of, form_of, locale_of, opened, safely


@app.get("/n/<token>")
def show_offer(token: str) -> Answer:
    query = app.current_event.raw_event.get("queryStringParameters") or {}
    return safely(lambda: _show(current(), token, query.get("said")))


def _show(outside: Outside, token: str, tapped: str | None) -> Answer:
    """What was tapped in the message is chosen already; the tap on the button saves it."""
    link = opened(outside, LinkPurpose.OFFER, token, outside.clock.now())
    customer, (order, family, offer) = load(outside.tables, link.customer_id), about(link, catalogue())
    del order
    kept = reorders.read(outside.tables, customer.id)
    return _page(customer, family, offer, kept, tapped if tapped in SAYINGS else None)


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
            return _page(customer, family, offer, kept, None, status=400)
        after = reorders.taken_in(kept, family, said)
        before = kept.said.get(family)
        if before is not None and before.model_copy(update={"at": now}) == after.said[family] and kept.never == after.never:
            return _page(customer, family, offer, kept, before.what, saved=True)
        key = f"offer#{customer.id}#{family}#{kept.version + 1}"
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
        if written(outside, writes):
            telemetry.count("OfferAnswered")
            return _page(customer, family, offer, after, said.what, saved=True)
    raise KeepsChanging("the record changed under every attempt")


def _running(kept: Reorders, family: str) -> str | None:
    running = kept.running.get(family)
    return running.order if running else None


def about(link: Link, goods: Catalogue) -> tuple[str, str, str]:
    """The order, the family and the offer that a link is about. BadLink where the catalogue has them no more."""
    order, _, rest = link.about.partition("|")
    family, _, offer = rest.partition("|")
    if family not in goods.families or (offer != AGAIN and offer not in goods.add_ons):
        raise BadLink("no such offer")
    return order, family, offer


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
    """A link for each family that runs out for this customer, or of which they want to hear nothing: for the preference page."""
    goods = catalogue()
    titles = {name: pick(family.title, locale, brand().default_locale) for name, family in goods.families.items()}
    kept = reorders.read(outside.tables, customer.id)
    names = reorders.offers(kept, titles)
    if not names:
        return []
    link_keys = read_keys(outside.secrets.text(outside.settings.need("link_secret")))
    return [
        {
            "title": titles[name],
            "url": "/n/"
            + sign(link_keys, LinkPurpose.OFFER, Link(customer.id, f"{_running(kept, name) or '-'}|{name}|{AGAIN}", ends_at)),
            "never": "yes" if name in kept.never else "",
        }
        for name in names
    ]


def _page(
    customer: Customer, family: str, offer: str, kept: Reorders, chosen: str | None, saved: bool = False, status: int = 200
) -> Answer:
    locale, goods = locale_of(customer), catalogue()
    title = goods.families[family].title if offer == AGAIN else goods.add_ons[offer].name
    running = kept.running.get(family)
    return page(
        status,
        "offer",
        locale,
        country_of(customer),
        title=pick(title, locale, brand().default_locale),
        again=offer == AGAIN,
        chosen=chosen,
        days=LATER_DAYS,
        later_until=running.later_until if running and offer == AGAIN else None,
        never=family in kept.never and offer == AGAIN,
        most=MOST_LEFT,
        saved=saved,
        problem=status == 400,
    )

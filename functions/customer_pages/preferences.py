"""The preference centre: what a customer hears on which channel, how often, when and in which language. GET shows, POST acts."""

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aftercare import telemetry
from aftercare.brand import brand
from aftercare.consent import Channel, Purpose, Says
from aftercare.customer import Customer
from aftercare.fresh_links import Opens
from aftercare.ground import reached_at
from aftercare.links import Link, LinkPurpose
from aftercare.outside import Outside, current
from aftercare.places import whereabouts, zone_of
from aftercare.store import load
from aftercare.wishes import Frequency, QuietHours, Wishes
from customer_pages.choices import LESS, Place, decide, is_on, is_supposed, reachable, waits
from customer_pages.offer import own_reminders
from customer_pages.render import page, page_words, words_in
from customer_pages.request import MOST_FIELDS, Answer, app, came, country_of, form_of, locale_of, opened, safely
from customer_pages.words import languages

PAUSES = (7, 14, 30, 90)
PLACES = tuple((channel, purpose) for channel in Channel for purpose in Purpose)
MOST_ZONES = 8
"""So many zones an address may leave open for its owner to choose from."""

USUAL = QuietHours(start=time(22), end=time(8), zone="UTC")
"""What the page offers to who has said no quiet hours."""


class BadChoice(ValueError):
    """The form does not say what it must; the text is a word's key."""


@app.get("/p/<token>")
def show_preferences(token: str) -> Answer:
    return safely(lambda: _show(current(), token), closed="leave")


def _show(outside: Outside, token: str) -> Answer:
    link = opened(outside, LinkPurpose.PREFERENCES, token, outside.clock.now())
    return _page(outside, load(outside.tables, link.customer_id), link, token)


@app.post("/p/<token>")
def save_preferences(token: str) -> Answer:
    return safely(lambda: _save(current(), token, form_of()), closed="leave")


def _save(outside: Outside, token: str, form: Mapping[str, str]) -> Answer:
    """What the form names is decided; the page names every choice that it shows, as a no unless it is ticked (rule C03)."""
    now = outside.clock.now()
    link = opened(outside, LinkPurpose.PREFERENCES, token, now)
    before = load(outside.tables, link.customer_id)
    try:
        changed = decided(form)
        choices = choices_of(changed, before)
        wish = wish_of(changed, before, reachable(before, outside.settings), now)
    except BadChoice as problem:
        return _page(outside, before, link, token, problem=str(problem))
    after = decide(outside, link.customer_id, choices, "preferences", locale_of(before), came(), wish, leave_of(changed))
    telemetry.count("PreferencesSaved")
    return _page(outside, after, link, token, saved=True)


# ---------------------------------------------------------------- what the form says


TOGETHER = frozenset(("quiet", "quiet-from", "quiet-until", "zone"))
"""Fields that say one thing together."""


def decided(form: Mapping[str, str]) -> Mapping[str, str]:
    """What the form says otherwise than the page that it came from. What stands as it was shown was not decided: an older copy of
    the page changes nothing but what was changed on it (decision 0044). BadChoice for a form that names nothing it could."""
    if not {"all", "frequency", "behaviour"} & form.keys() and not any("-".join(place) in form for place in PLACES):
        raise BadChoice("unread")
    try:
        shown = dict(parse_qsl(form.get("shown", ""), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise BadChoice("unread") from None
    other = {name for name, told in form.items() if shown.get(name) != told}
    return {name: told for name, told in form.items() if name in other or (name in TOGETHER and other & TOGETHER)}


def choices_of(form: Mapping[str, str], customer: Customer) -> dict[Place, Says]:
    """Each channel and purpose that the form names; only `on` is a yes.

    What was never spoken of is no news as a no, save where something comes without a word of theirs: what the law supposes, and
    what needs no opt-in.
    """
    if form.get("all") == "off":
        return {(channel, purpose): Says.WITHDRAWN for channel in Channel for purpose in LESS}
    named = {place: form["-".join(place)] for place in PLACES if "-".join(place) in form}
    said = {(head.channel, head.purpose) for head in customer.consent.heads}
    return {
        place: Says.GIVEN if told == "on" else Says.WITHDRAWN
        for place, told in named.items()
        if told == "on" or place in said or place[0] in (Channel.EMAIL, Channel.INBOX)
    }


def leave_of(form: Mapping[str, str]) -> bool | None:
    """Whether what they do in the store may be noted; None where the form does not say. Only `on` is a yes."""
    if form.get("all") == "off":
        return False
    return form["behaviour"] == "on" if "behaviour" in form else None


def wish_of(
    form: Mapping[str, str], customer: Customer, offered: tuple[Channel, ...], now: datetime
) -> Callable[[Wishes], Wishes]:
    """How the form changes the wishes: each part that it names, and nothing else. BadChoice."""
    changes: dict[str, Any] = {}
    if form.get("frequency") in tuple(Frequency):
        changes["frequency"] = Frequency(form["frequency"])
    if "language" in form:
        changes["language"] = form["language"] if form["language"] in offered_languages() else None
    if form.get("pause") in tuple(map(str, PAUSES)):
        changes["paused_until"] = now + timedelta(days=int(form["pause"]))
    elif form.get("pause") == "none":
        changes["paused_until"] = None
    if "quiet" in form:
        changes["quiet"] = quiet_of(form, zones_of(customer)) if form["quiet"] == "on" else None
    if "first" in form:
        changes["channels"] = tuple(channel for channel in offered if channel == form["first"])
    return partial(Wishes.model_copy, update=changes)


def quiet_of(form: Mapping[str, str], zones: tuple[str, ...]) -> QuietHours:
    """BadChoice where the hours cannot be read, or are none."""
    try:
        start, end = (time.fromisoformat(form.get(name, "")) for name in ("quiet-from", "quiet-until"))
    except ValueError:
        raise BadChoice("quiet_unread") from None
    if start == end or start.tzinfo or end.tzinfo:
        raise BadChoice("quiet_unread")
    zone = form.get("zone")
    return QuietHours(start=start, end=end, zone=zone if zone in zones else zones[0])


def offered_languages() -> dict[str, str]:
    """The languages that messages and pages are complete in, by their own names."""
    told = {locale.partition("-")[0] for locale in brand().locales}
    return {locale: words.language for locale, words in languages().items() if locale in told}


def zones_of(customer: Customer) -> tuple[str, ...]:
    """The zones in which this person may count hours, the likeliest first; what they chose before comes before all."""
    latest = max((o for o in customer.orders if o.country), key=lambda o: (o.placed_at or o.as_of, o.key), default=None)
    where = (latest.country, latest.region, latest.postcode) if latest else (customer.profile.country, None, None)
    country, region, postcode = where
    likely = zone_of(country, brand().timezone, region, postcode).key
    others = whereabouts(*where).zones
    chosen = (customer.wishes.quiet.zone,) if customer.wishes.quiet else ()
    return tuple(dict.fromkeys((*chosen, likely, *(others if len(others) <= MOST_ZONES else ()))))


# ---------------------------------------------------------------- the page


def masked(address: str) -> str:
    """Enough of an address for its owner to know it again: `a•••@example.com`, `+49 ••• 67`."""
    name, at, domain = address.partition("@")
    return f"{name[:1]}•••{at}{domain}" if at else f"{address[:3]} ••• {address[-2:]}"


def _address(customer: Customer, channel: Channel) -> str | None:
    contacts = (customer.profile.contact, *(order.contact for order in customer.orders))
    field = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.WHATSAPP: "phone"}.get(channel)
    known = next((address for c in contacts if field and (address := getattr(c, field))), None)
    return masked(known) if known else None


def _channels(
    customer: Customer, offered: tuple[Channel, ...], addresses: Mapping[Channel, str], locale: str, now: datetime
) -> list[dict[str, Any]]:
    """The channels and what may come on each."""
    texts, consent = words_in(locale), customer.consent
    found = []
    for channel in offered:
        address = addresses.get(channel)
        rows = [
            {
                "name": f"{channel}-{purpose}",
                "title": texts.purposes[purpose][0],
                "about": texts.purposes[purpose][1],
                "on": is_on(customer, channel, purpose, address, now),
                "supposed": is_supposed(customer, channel, purpose, now),
                "pending": waits(consent, channel, purpose, address, now),
            }
            for purpose in Purpose
        ]
        found.append(
            {
                "name": str(channel),
                "title": texts.channels[channel],
                "address": _address(customer, channel),
                "terms": page_words(locale).get(f"terms_{channel}"),
                "rows": rows,
                "open": channel is Channel.EMAIL or any(row["on"] for row in rows),
            }
        )
    return found


def _page(
    outside: Outside, customer: Customer, link: Link, token: str, saved: bool = False, problem: str | None = None
) -> Answer:
    now = outside.clock.now()
    locale, wishes = locale_of(customer), customer.wishes
    addresses = reached_at(customer, outside.secrets.text(outside.settings.need("identity_secret")))
    channels = _channels(customer, reachable(customer, outside.settings), addresses, locale, now)
    zones = zones_of(customer)
    paused = wishes.paused_until if wishes.paused_until and wishes.paused_until > now else None
    hours = wishes.quiet or USUAL
    leave = customer.consent.behaviour
    chosen = {
        "behaviour": "on" if leave and not leave.opted_out else "off",
        "frequency": str(wishes.frequency),
        "pause": "keep" if paused else "none",
        "quiet": "on" if wishes.quiet else "off",
        "quiet-from": f"{hours.start:%H:%M}",
        "quiet-until": f"{hours.end:%H:%M}",
        "zone": zones[0],
        "first": next((channel["name"] for channel in channels if channel["name"] in wishes.channels[:1]), ""),
        "language": wishes.language if wishes.language in offered_languages() else "",
    }
    boxes = {row["name"]: "on" if row["on"] else "off" for channel in channels for row in channel["rows"]}
    return page(
        400 if problem else 200,
        "preferences",
        locale,
        country_of(customer),
        own=f"/p/{token}",
        channels=channels,
        chosen=chosen,
        shown=urlencode({**boxes, **chosen}),
        frequencies=[str(frequency) for frequency in Frequency],
        paused=paused,
        pauses=PAUSES,
        languages=offered_languages(),
        hours=sorted({*(f"{hour:02d}:00" for hour in range(24)), chosen["quiet-from"], chosen["quiet-until"]}),
        zones=zones,
        why=f"/p/{token}/why" if message_of(link) else None,
        data=[{"word": str(opens), "action": f"/p/{token}/{opens}"} for opens in Opens],
        reminders=own_reminders(outside, customer, locale, link.expires_at),
        saved=saved,
        problem=problem,
    )


def message_of(link: Link) -> str | None:
    """The short name of the message that a preference link came in, where it says so: `<channel>:<message>`."""
    return link.about.partition(":")[2] or None

"""Ways out: the unsubscribe link with its one-click POST, and the page that needs nothing but an address."""

from collections.abc import Mapping

from aftercare import identity, keys, telemetry
from aftercare.brand import brand
from aftercare.consent import Channel, Purpose, Says
from aftercare.links import BadLink, Link, LinkPurpose
from aftercare.outside import Outside, current
from aftercare.store import CustomerUnknown, load
from customer_pages.choices import LESS, decide
from customer_pages.render import page, words_in
from customer_pages.request import EVER, Answer, accepted, app, came, form_of, locale_of, message, opened, safely


@app.get("/u/<token>")
def show_unsubscribe(token: str) -> Answer:
    return safely(lambda: _unsubscribe(current(), token, act=False), closed="leave")


@app.post("/u/<token>")
def unsubscribe(token: str) -> Answer:
    """RFC 8058: one POST, no cookie, no redirect, 2xx. The button on our own page posts the same."""
    return safely(lambda: _unsubscribe(current(), token, act=True), closed="leave")


def _unsubscribe(outside: Outside, token: str, act: bool) -> Answer:
    link = opened(outside, LinkPurpose.UNSUBSCRIBE, token, EVER)
    channel, purposes = subject_of(link)
    locale = brand().locale_for(None, *accepted())
    try:
        locale = locale_of(load(outside.tables, link.customer_id))
        if act:
            no = {(channel, purpose): Says.WITHDRAWN for purpose in purposes}
            decide(outside, link.customer_id, no, "unsubscribe", locale, came())
            telemetry.count("Unsubscribed")
    except CustomerUnknown:
        # Nobody is left whom anything could be sent to: what was asked for is so.
        telemetry.count("UnsubscribedUnknown")
    texts = words_in(locale)
    names = [texts.purposes[purpose][0] for purpose in purposes]
    return page(200, "unsubscribe", locale, done=act, names=names, channel=texts.channels[channel])


def subject_of(link: Link) -> tuple[Channel, tuple[Purpose, ...]]:
    """The channel and purpose that an unsubscribe link is about; of a digest, the purposes of all that is in it. BadLink."""
    channel, _, named = link.about.partition(":")
    try:
        return Channel(channel), tuple(Purpose(purpose) for purpose in named.split(","))
    except ValueError as error:
        raise BadLink("not about a channel and purpose") from error


# ---------------------------------------------------------------- with an address only


@app.get("/leave")
def show_leaving() -> Answer:
    return safely(lambda: message(200, "leave", "leave"))


@app.post("/leave")
def leave() -> Answer:
    return safely(lambda: _leave(current(), form_of()))


def _leave(outside: Outside, form: Mapping[str, str]) -> Answer:
    """An opt-out needs the address and no more (16 CFR 316.5; rule C06); nobody learns here whether it is known."""
    locale = brand().locale_for(None, *accepted())
    address = identity.email(form.get("address"))
    if address is None:
        return page(400, "leave", locale, word="leave", state="unread")
    alias = keys.email_alias(identity.keyed_hash(outside.secrets.text(outside.settings.need("identity_secret")), address))
    found = outside.tables.read([alias]).get(alias)
    if found:
        try:
            choices = {(Channel.EMAIL, purpose): Says.WITHDRAWN for purpose in LESS}
            decide(outside, str(found["customer_id"]), choices, "leave", locale, came())
        except CustomerUnknown:
            # The alias outlived its customer: nobody is left to write to.
            telemetry.count("UnsubscribedUnknown")
    telemetry.count("LeftByAddress")
    return page(200, "leave", locale, word="leave", state="done")

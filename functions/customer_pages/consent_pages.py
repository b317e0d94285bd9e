"""The routes of consent: confirming one from the mailbox (rule C15), an agent's entry, and the privacy signal (rule C30)."""

import json
from collections.abc import Mapping
from datetime import datetime

from aws_lambda_powertools.event_handler import Response

from aftercare import telemetry
from aftercare.agent_entry import BadEntry, Entry, Heard, Manner, check, speaker
from aftercare.clock import parse_iso
from aftercare.consent import Actor, Channel, Head, Purpose, Says, Statement
from aftercare.consent_log import Spoken, Wording, after_all_before, keep_wording, record
from aftercare.consent_policy import consent_policy
from aftercare.customer import Customer
from aftercare.links import BadLink, Link, LinkPurpose
from aftercare.outside import Outside, current
from aftercare.store import load
from customer_pages.choices import signalled, waiting, wording
from customer_pages.render import page, words_in
from customer_pages.request import Answer, app, came, form_of, locale_of, opened, safely

LONGEST_WORDING = 1000


# ---------------------------------------------------------------- double opt-in


@app.get("/k/<token>")
def show_confirmation(token: str) -> Answer:
    return safely(lambda: _confirmation(current(), token, act=False))


@app.post("/k/<token>")
def confirm(token: str) -> Answer:
    return safely(lambda: _confirmation(current(), token, act=True))


def subject_of(link: Link) -> tuple[str, tuple[Purpose, ...]]:
    """The address (its keyed hash) and purposes that a confirmation link is about. BadLink."""
    address, _, named = link.about.partition(":")
    try:
        return address, tuple(Purpose(word) for word in named.split(","))
    except ValueError as error:
        raise BadLink("not about an address and purposes") from error


def _waiting(customer: Customer, address: str, purposes: tuple[Purpose, ...], now: datetime) -> tuple[Head, ...]:
    return tuple(head for head in waiting(customer.consent, address, now) if head.purpose in purposes)


def _confirmation(outside: Outside, token: str, act: bool) -> Answer:
    link = opened(outside, LinkPurpose.CONFIRM, token, outside.clock.now())
    address, purposes = subject_of(link)
    customer = load(outside.tables, link.customer_id)
    locale = locale_of(customer)
    still = _waiting(customer, address, purposes, outside.clock.now())
    if act and still:
        customer = _confirmed(outside, link.customer_id, address, purposes, locale)
        telemetry.count("ConsentConfirmed")
    heads = [customer.consent.head(Channel.EMAIL, purpose) for purpose in purposes]
    given = [h.purpose for h in heads if h and h.says is Says.GIVEN]
    shown = given if act or not still else [h.purpose for h in still]
    texts = words_in(locale).purposes
    state = "open" if still and not act else "given" if given else "over"
    return page(200, "confirm", locale, state=state, choices=[texts[p] for p in shown if p in texts])


def _confirmed(outside: Outside, customer_id: str, address: str, purposes: tuple[Purpose, ...], locale: str) -> Customer:
    text = wording(locale, [(Channel.EMAIL, purpose) for purpose in purposes], "confirm")
    kept, how = keep_wording(outside.tables, text), came()

    def speak(customer: Customer, now: datetime, sequence: str) -> Spoken:
        return Spoken(
            tuple(
                Statement(
                    channel=Channel.EMAIL,
                    purpose=head.purpose,
                    says=Says.GIVEN,
                    said_at=after_all_before(head, now),
                    heard_at=now,
                    sequence=f"{sequence}#{number:02d}",
                    source="page:confirm",
                    actor=Actor.CONFIRMATION,
                    by=head.proof,
                    url=how.route,
                    wording=f"{locale}:{text.version}",
                    wording_hash=kept,
                    locale=locale,
                    network=how.network,
                    device=how.device,
                    address=address,
                    confirmed=True,
                )
                for number, head in enumerate(_waiting(customer, address, purposes, now))
            ),
            declarations=signalled(customer.consent, how, now, sequence, "confirm"),
        )

    return record(outside, customer_id, speak, sender="customer", topic="confirm")


# ---------------------------------------------------------------- a support agent's entry


@app.get("/a/<token>")
def show_entry(token: str) -> Answer:
    return safely(lambda: _entry(current(), token, None))


@app.post("/a/<token>")
def enter(token: str) -> Answer:
    return safely(lambda: _entry(current(), token, form_of()))


def _entry(outside: Outside, token: str, form: Mapping[str, str] | None) -> Answer:
    """The form names what was heard; whose record it is about and who the agent is, only the link says."""
    now = outside.clock.now()
    link = opened(outside, LinkPurpose.AGENT, token, now)
    customer = load(outside.tables, link.customer_id)
    locale = locale_of(customer)
    problem, done = None, False
    if form is not None:
        try:
            entry = _read(outside, form, link.about, locale, now)
            check(entry, now)
        except BadEntry as error:
            problem = str(error)
        else:
            secret = outside.secrets.text(outside.settings.need("identity_secret"))
            speak = speaker(entry, consent_policy().double_opt_in, secret)
            record(outside, link.customer_id, speak, "agent", str(entry.heard))
            telemetry.count("AgentEntry")
            done = True
    texts = words_in(locale).purposes
    return page(
        400 if problem else 200,
        "agent",
        locale,
        agent=link.about,
        customer=link.customer_id,
        problem=problem,
        done=done,
        heard=list(Heard),
        manners=list(Manner),
        channels=list(Channel),
        purposes=[(str(p), texts[p][0]) for p in texts],
    )


def _read(outside: Outside, form: Mapping[str, str], agent: str, locale: str, now: datetime) -> Entry:
    """BadEntry. A text that was read out is kept before it is referred to."""
    how = came()
    try:
        heard, manner = Heard(form.get("heard", "")), Manner(form.get("manner", ""))
        at = parse_iso(form["at"]) if form.get("at") else None
    except ValueError as error:
        raise BadEntry("expected what was heard, how, and a time such as 2026-03-02T09:15:00Z") from error
    text = form.get("wording", "").strip()[:LONGEST_WORDING]
    kept = None
    if heard is Heard.CONSENT and text and (at is None or at <= now):
        kept = keep_wording(outside.tables, Wording(version=f"agent:{manner}", text=text, locale=locale))
    return Entry(
        heard=heard,
        agent=agent,
        manner=manner,
        at=at,
        channels=tuple(c for c in Channel if form.get(f"channel-{c}") == "on"),
        purposes=tuple(p for p in Purpose if form.get(f"purpose-{p}") == "on"),
        wording=f"agent:{manner}" if kept else None,
        wording_hash=kept,
        locale=locale,
        url=how.route,
        network=how.network,
        device=how.device,
    )


# ---------------------------------------------------------------- the privacy signal


@app.get("/.well-known/gpc.json")
def privacy_signal() -> Response[str]:
    """That the signal is honoured here (Global Privacy Control, section 4)."""
    body = json.dumps({"gpc": True, "lastUpdate": "2026-11-27"})
    return Response(status_code=200, content_type="application/json", body=body)

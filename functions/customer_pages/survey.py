"""How an order was: the survey's page. GET shows, POST saves; any part may be missing, and what is there is kept."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import get_args

from aftercare import feedback, keys, telemetry
from aftercare.answer_words import Part, Wish
from aftercare.brand import brand
from aftercare.consent_log import KeepsChanging
from aftercare.customer import Customer, Order
from aftercare.feedback import LONGEST, PARTS, SCORES, WISHES, Answer, Given, content, open_until, said, standing, taken
from aftercare.identity import phone
from aftercare.links import LinkPurpose
from aftercare.outside import Outside, current
from aftercare.store import load
from customer_pages.choices import ATTEMPTS, delivery, written
from customer_pages.preferences import masked
from customer_pages.render import page, page_words
from customer_pages.request import Answer as Response
from customer_pages.request import app, country_of, form_of, its_order, locale_of, opened, safely


@app.get("/s/<token>")
def show_survey(token: str) -> Response:
    query = app.current_event.raw_event.get("queryStringParameters") or {}
    return safely(lambda: _show(current(), token, query.get("score")))


def _show(outside: Outside, token: str, tapped: str | None) -> Response:
    """The score that was tapped in the message is chosen already; the tap on the button saves it."""
    now = outside.clock.now()
    link = opened(outside, LinkPurpose.SURVEY, token, now)
    customer = load(outside.tables, link.customer_id, link.about)
    order = its_order(customer, link)
    earlier = said(customer).of(order.key)
    given = content(outside.tables, customer.id, earlier) or feedback.NOTHING_GIVEN
    score = score_of(tapped)
    if score and not closed(customer, earlier, now):
        given = given.model_copy(update={"score": score})
    return _page(customer, order, given, earlier, now)


@app.post("/s/<token>")
def answer_survey(token: str) -> Response:
    return safely(lambda: _answer(current(), token, form_of()))


def _answer(outside: Outside, token: str, form: Mapping[str, str]) -> Response:
    """What was given is saved with its event in one transaction; sent twice it is saved once."""
    link = opened(outside, LinkPurpose.SURVEY, token, outside.clock.now())
    given, problem = given_of(form)
    typed = form.get("number") if problem else None
    for attempt in range(ATTEMPTS):
        now = outside.clock.now()
        customer = load(outside.tables, link.customer_id, link.about)
        order = its_order(customer, link)
        earlier = said(customer).of(order.key)
        if attempt and earlier is None and _answered_long_ago(outside, customer, order):
            return _page(customer, order, feedback.NOTHING_GIVEN, None, now, status=409)
        before = content(outside.tables, customer.id, earlier)
        key = f"answer#{order.key}#{earlier.version + 1 if earlier else 1}"
        found = taken(customer, order, before, given, "page", now, keys.message_id(key))
        if found == "closed":
            return _page(customer, order, before or feedback.NOTHING_GIVEN, earlier, now, status=409)
        if found == "empty":
            return _page(customer, order, given, earlier, now, status=400, problem=problem or "survey_nothing", number=typed)
        if found == "same":
            return _page(customer, order, given, earlier, now, saved=True, problem=problem, number=typed)
        if written(outside, [delivery(key, "survey", customer.id, now, (found.told,)).put(), *found.writes]):
            telemetry.count("SurveyAnswered")
            return _page(customer, order, given, found.answer, now, saved=True, problem=problem, number=typed)
    raise KeepsChanging("the record changed under every attempt")


def _answered_long_ago(outside: Outside, customer: Customer, order: Order) -> bool:
    """Whether there is an answer that is not among the newest any more: it has long been closed."""
    first = keys.answer(customer.id, order.key, 1)
    return first in outside.tables.read([first])


# ---------------------------------------------------------------- what the form says


def score_of(told: str | None) -> int | None:
    return int(told) if told in tuple(map(str, SCORES)) else None


def given_of(form: Mapping[str, str]) -> tuple[Given, str | None]:
    """What a form gives, and the word for what of it cannot be kept. What it cannot name is not given."""
    text = form.get("text", "").replace("\r\n", "\n").strip()[:LONGEST]
    told = form.get("number", "").strip()
    number = phone(told) if told else None
    wish: Wish | None = next((word for word in WISHES if word == form.get("wish")), None)
    given = Given(
        score=score_of(form.get("score")),
        stood_out=_parts(form, "good"),
        slowed_down=_parts(form, "slow"),
        wish=wish,
        text=text,
        call=form.get("call") == "on",
        number=number,
    )
    return given, "survey_number" if told and number is None else None


def _parts(form: Mapping[str, str], kind: str) -> tuple[Part, ...]:
    return tuple(part for part in PARTS if form.get(f"{kind}-{part}") == "on")


# ---------------------------------------------------------------- the page


def closed(customer: Customer, earlier: Answer | None, now: datetime) -> bool:
    """Whether an answer cannot be changed any more."""
    return earlier is not None and now >= open_until(customer, earlier)


def _page(
    customer: Customer,
    order: Order,
    given: Given,
    answer: Answer | None,
    now: datetime,
    status: int = 200,
    saved: bool = False,
    problem: str | None = None,
    number: str | None = None,
) -> Response:
    locale = locale_of(customer, order)
    words = page_words(locale)
    over = status == 409 or closed(customer, answer, now)
    lacks_score = saved and given.score is None
    return page(
        status,
        "survey",
        locale,
        country_of(customer, order),
        order=order,
        given=given,
        scores=[{"score": score, "name": words[f"survey_score_{score}"]} for score in SCORES],
        parts=[{"part": part, "name": words[f"survey_part_{part}"]} for part in get_args(Part)],
        wishes=[{"wish": wish, "name": words[f"survey_wish_{wish}"]} for wish in get_args(Wish)],
        number=number or given.number or "",
        phone=_phone(customer, order),
        support=brand().support,
        state="closed" if over else "saved" if saved else "given" if answer else "open",
        changes_until=open_until(customer, answer) - timedelta(seconds=1) if answer else None,
        thanks=_thanks(customer, order, given),
        lacks_score=lacks_score,
        unfolded=lacks_score or problem is not None,
        problem=problem,
        longest=LONGEST,
    )


def _thanks(customer: Customer, order: Order, given: Given) -> str:
    """What is said to an answer: nobody is thanked cheerfully whose order went wrong, or felt so."""
    bad = given.score in feedback.BAD or standing(customer, order) != "stands"
    return "survey_thanks_bad" if bad else "survey_thanks"


def _phone(customer: Customer, order: Order) -> str | None:
    known = order.contact.phone or customer.profile.contact.phone
    return masked(known) if known else None

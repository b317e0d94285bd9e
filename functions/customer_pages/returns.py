"""Asking for a return, in two steps: what and what for, then what it costs. The second records it and tells the store."""

from collections.abc import Mapping
from datetime import datetime

from aftercare import events, keys, telemetry
from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.consent_log import KeepsChanging
from aftercare.customer import Customer, Order
from aftercare.feedback import LONGEST
from aftercare.one_line import plain
from aftercare.outside import Outside, current
from aftercare.return_reasons import UNSAID, offered
from aftercare.returns import Request, request_ref, return_data, returns_after
from aftercare.store import load
from customer_pages.account import asks_for_json, json_account, order_of, setting_for, told_as_json
from customer_pages.account_view import support
from customer_pages.choices import ATTEMPTS, delivery, order_writes, written
from customer_pages.going_back import Returns, Wanted, against, returns_of, terms_of
from customer_pages.origins import framed_by
from customer_pages.qr import code_of
from customer_pages.render import page
from customer_pages.request import Answer, app, country_of, form_of, safely
from customer_pages.why_returned import explained, reason_of, text_of

LONGEST_NONCE = 64


@app.get("/o/<token>/return")
def show_return(token: str) -> Answer:
    return safely(lambda: _step(current(), token, "choose"))


@app.post("/o/<token>/return")
def ask_for_return(token: str) -> Answer:
    if asks_for_json():
        return safely(lambda: _asked_by_script(current(), token, form_of()), tell=told_as_json)
    return safely(lambda: _asked(current(), token, form_of()))


def wanted_of(form: Mapping[str, str], returns: Returns) -> Wanted:
    """What a form chooses. A number, a reason or an outcome that it cannot name is none."""
    lines: dict[str, int] = {}
    for field, told in form.items():
        if field.startswith("line-") and told.isascii() and told.isdigit() and int(told[:9]) > 0:
            lines[field.removeprefix("line-")] = int(told[:9])
    wish = next((word for word in returns.outcomes if word == form.get("wish")), None)
    return Wanted(lines, reason_of(form.get("reason")) or UNSAID, wish, text_of(form))


def _asked(outside: Outside, token: str, form: Mapping[str, str]) -> Answer:
    """Nothing is recorded before the second step was confirmed; confirmed twice is asked once."""
    nonce = form.get("request", "")
    _, customer, order = order_of(outside, token)
    wanted = wanted_of(form, _returns(customer, order, outside.clock.now()))
    if not 0 < len(nonce) <= LONGEST_NONCE:
        return _step(outside, token, "confirm", wanted)
    ref = request_ref(order.key, nonce)
    problem = ask(outside, customer.id, order.key, ref, wanted)
    if problem:
        return _step(outside, token, "choose", wanted, problem)
    telemetry.count("ReturnAsked")
    return _step(outside, token, "done", done=ref)


def _asked_by_script(outside: Outside, token: str, form: Mapping[str, str]) -> Answer:
    """For a store that draws both steps itself: `request` is its own name for the form, the same however often it is sent."""
    _, customer, order = order_of(outside, token)
    wanted = wanted_of(form, _returns(customer, order, outside.clock.now()))
    nonce = form.get("request", "")
    ref = request_ref(order.key, nonce)
    named = 0 < len(nonce) <= LONGEST_NONCE
    problem = ask(outside, customer.id, order.key, ref, wanted) if named else "no_request"
    if problem:
        return told_as_json(400, problem)
    telemetry.count("ReturnAsked")
    return json_account(outside, token, return_ref=ref)


def ask(outside: Outside, customer_id: str, order_key: str, ref: str, wanted: Wanted) -> str | None:
    """Record the request and why it is made, with their events, in one transaction.

    A word for why not; None once it is recorded, however often. BadLink, CustomerUnknown, TableError.
    """
    for _ in range(ATTEMPTS):
        now = outside.clock.now()
        customer = load(outside.tables, customer_id, order_key)
        order = customer.order(order_key)
        if order is None:
            return "closed"
        if order.returned(ref):
            return None
        problem = against(wanted, _returns(customer, order, now))
        if problem:
            return problem
        request = Request(now, ref, wanted.lines, wanted.reason, wanted.wish)
        after = order.model_copy(update={"returns": returns_after(order.returns, request), "version": order.version + 1})
        event_id = keys.message_id(f"page#{order_key}#{ref}")
        told = events.make("ReturnRequested", event_id, now, event_id, return_data(customer_id, after, ref))
        why = explained(customer, after, ref, wanted.reason, wanted.text, now)
        writes = [
            delivery(f"{order_key}#{ref}", "return", customer_id, now, (told, why.told) if why else (told,)).put(),
            *(why.writes if why else ()),
            *order_writes(customer, order, after),
        ]
        if written(outside, writes):
            return None
    raise KeepsChanging("the record changed under every attempt")


def _returns(customer: Customer, order: Order, now: datetime) -> Returns:
    return returns_of(customer, order, brand(), catalogue(), now)


def _step(
    outside: Outside,
    token: str,
    step: str,
    wanted: Wanted | None = None,
    problem: str | None = None,
    done: str | None = None,
) -> Answer:
    """One of the steps, as the record is now. A choice that cannot be is told at once, with who helps."""
    link, customer, order = order_of(outside, token)
    setting = setting_for(outside, token, link, customer, order)
    returns = _returns(customer, order, setting.now)
    problem = problem or (against(wanted, returns) if step == "confirm" and wanted else None)
    if problem:
        step = "choose"
    chosen = wanted.lines if wanted else {}
    terms = terms_of(chosen, order, brand(), catalogue(), country_of(customer, order))
    asked = next((one for one in returns.asked if one.ref == done), None)
    return page(
        400 if problem else 200,
        "return",
        setting.locale,
        country_of(customer, order),
        framed_by=framed_by(outside),
        step=step,
        number=plain(order.name, 60),
        returns=returns,
        support=support(customer, order, setting),
        wanted=wanted,
        terms=terms,
        problem=problem,
        asked=asked,
        code=code_of(asked.ref) if asked and asked.code else None,
        reasons=offered(
            [line for line in order.lines if line.line_ref in {item.line_ref for item in returns.items}], catalogue()
        ),
        longest=LONGEST,
        nonce=outside.ids.new() if step == "confirm" else None,
        back=setting.links["self"],
    )

"""The desk's page, for a store without a helpdesk: customers who are not content, what they wrote, and what might be answered.

It is read and worked on by staff, with a link of their own that runs out; the link names who it was given to, and opens no
customer's page.
"""

from collections.abc import Mapping
from typing import Any, get_args

from aftercare import telemetry
from aftercare.brand import brand
from aftercare.case_record import desk_says
from aftercare.case_topic import CaseResult
from aftercare.feedback_policy import feedback_policy
from aftercare.language import pick
from aftercare.links import LinkPurpose
from aftercare.outside import Outside, current
from aftercare.rescues import Open, is_late, open_rescues, words_of
from aftercare.store import find
from customer_pages.render import page
from customer_pages.request import Answer, accepted, app, form_of, locale_of, opened, safely

MOST = 30
"""So many are shown on a page: the most pressing ones."""


@app.get("/d/<token>")
def show_desk(token: str) -> Answer:
    return safely(lambda: _desk(current(), token, None))


@app.post("/d/<token>")
def work(token: str) -> Answer:
    return safely(lambda: _desk(current(), token, form_of()))


def _desk(outside: Outside, token: str, form: Mapping[str, str] | None) -> Answer:
    now = outside.clock.now()
    link = opened(outside, LinkPurpose.DESK, token, now)
    done = _note(outside, form) if form is not None else None
    locale = brand().locale_for(None, *accepted())
    rescues = open_rescues(outside.tables)
    return page(
        200,
        "desk",
        locale,
        agent=link.about,
        done=done,
        rescues=[row for one in rescues[:MOST] if (row := _row(outside, one))],
        more=max(len(rescues) - MOST, 0),
        results=get_args(CaseResult),
    )


def _note(outside: Outside, form: Mapping[str, str]) -> str:
    """What was done with one case: `answer`, `close`, or `gone` where it cannot be any more."""
    what, ref, result = form.get("did", ""), form.get("case", ""), form.get("result", "nothing")
    one = next((one for one in open_rescues(outside.tables) if one.case.ref == ref), None)
    if one is None or what not in ("answer", "close") or result not in get_args(CaseResult):
        return "gone"
    customer = find(outside.tables, one.customer_id, cases=[ref])
    case = next((c for c in customer.cases if c.ref == ref), None) if customer else None
    if customer is None or case is None:
        return "gone"
    given = next(known for known in get_args(CaseResult) if known == result) if what == "close" else None
    if not desk_says(outside.tables, customer, case, what, outside.clock.now(), given):
        return "gone"
    telemetry.count("DeskNoted")
    return what


def _row(outside: Outside, one: Open) -> dict[str, Any] | None:
    """One rescue as the page shows it; None for one whose customer is gone."""
    case, rescue, now = one.case, one.case.rescue, outside.clock.now()
    customer = find(outside.tables, one.customer_id, case.order_key)
    if customer is None or rescue is None:
        return None
    order = customer.order(case.order_key or "")
    given = words_of(outside.tables, customer, case)
    theirs, replies = locale_of(customer, order), feedback_policy().rescue.replies
    ways = sorted(replies, key=lambda way: way != rescue.way)
    return {
        "ref": case.ref,
        "order": order.name if order else None,
        "due": case.due,
        "answered": case.answered_at is not None,
        "late": is_late(case, now),
        "first": rescue.priority == "high",
        "score": rescue.score,
        "themes": rescue.themes,
        "call": rescue.call,
        "text": given.text if given else "",
        "name": customer.profile.contact.name,
        "email": customer.profile.contact.email,
        "phone": (given.number if given else None) or customer.profile.contact.phone,
        "replies": [(way, pick(replies[way], theirs, brand().default_locale)) for way in ways],
    }

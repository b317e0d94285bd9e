"""Messages on the account page: opening one marks it read, and what was read here is not sent elsewhere any more."""

from collections.abc import Callable, Iterable

from aftercare import keys, ledger, telemetry
from aftercare.customer import Customer
from aftercare.decision import Decision, Message, Reason, State
from aftercare.ledger import message_from
from aftercare.outside import Outside, current
from customer_pages.account import account_page, asks_for_json, json_account, order_of, show_account, told_as_json
from customer_pages.account_view import is_about
from customer_pages.request import Answer, app, form_of, safely

WHERE = frozenset(("channel", "number"))
"""References that say where a message goes, and nothing of what it is about."""

LONGEST_ID = 64


@app.get("/o/<token>/read")
def back_to_account(token: str) -> Answer:
    """Where a browser comes back to that opens again what it showed after a message was read."""
    return show_account(token)


@app.post("/o/<token>/read")
def read_message(token: str) -> Answer:
    if asks_for_json():
        return safely(lambda: _read(current(), token, json_account), tell=told_as_json)
    return safely(lambda: _read(current(), token, account_page))


def _read(outside: Outside, token: str, show: Callable[..., Answer]) -> Answer:
    """A message about this order: one that was sent is opened, one that waits needs not be sent. Twice is the same as once."""
    message_id = form_of().get("message", "")
    _, customer, order = order_of(outside, token)
    now = outside.clock.now()
    waiting = next((m for m in customer.held if m.proposal.message_id == message_id and is_about(m, order)), None)
    if waiting:
        settle_copies(outside, customer, [waiting], waiting)
        return show(outside, token, opened_message="skipped")
    place = keys.ledger(customer.id, message_id[:LONGEST_ID])
    item = outside.tables.read([place]).get(place)
    message = message_from(item) if item else None
    if message is None or message.state is not State.SENT or not is_about(message, order):
        return show(outside, token, 404, opened_message="gone")
    if ledger.mark_read(outside.tables, customer.id, message_id, now):
        telemetry.count("MessageRead")
    settle_copies(outside, customer, copies_of(message, customer.held), message)
    return show(outside, token, opened_message=message_id)


def copies_of(read: Message, held: Iterable[Message]) -> list[Message]:
    """What waits to say the same of the same thing, by whatever way: who has read the one needs none of them."""
    return [other for other in held if _said(other) == _said(read)]


def _said(message: Message) -> tuple[str, frozenset[tuple[str, str]]]:
    told = message.proposal.references.items()
    return message.proposal.template, frozenset((name, value) for name, value in told if name not in WHERE)


def settle_copies(outside: Outside, customer: Customer, copies: Iterable[Message], read: Message) -> None:
    """Each waiting copy is superseded, unless the gate has claimed it meanwhile: then it is on its way. TableError."""
    for copy in copies:
        now = outside.clock.now()
        decision = Decision(at=now, state=State.SUPERSEDED, reason=Reason.READ_ELSEWHERE, note=read.proposal.key)
        if ledger.close(outside.tables, customer.id, ledger.decided(copy, decision), now, held=True) is None:
            telemetry.count("CopySettled")

"""One person's life in the records, through the intake and beside it; no value of theirs is anyone else's."""

import copy
import json
from datetime import timedelta
from typing import Any

from aftercare import keys, ledger, waits
from aftercare.clock import iso
from aftercare.consent import Purpose
from aftercare.decision import Decision, Message, Reason, State
from aftercare.proposal import Proposal
from aftercare.store import load
from store_intake.handler import handle
from tests.small_outside import Context, sample


def addresses(name: str) -> tuple[str, str]:
    """Their e-mail address and phone number: the same for the same name."""
    return f"{name}@example.com", f"+49170{sum(name.encode()):07d}"


def tell(detail_type: str, shop: str = "example", **changes: Any) -> Any:
    """One event of a store, as its sample has it but for what is given."""
    event = copy.deepcopy(sample(f"store/{detail_type}"))
    event["source"] = f"store.{shop}"
    event["detail"] = {**event["detail"], **changes}
    named = keys.message_id(json.dumps(changes, sort_keys=True))[:12]
    event["detail"]["event_id"] = changes.get("event_id") or f"{detail_type}-{named}"
    return handle(event, Context())


def order(name: str, ref: str, at: Any, **more: Any) -> dict[str, Any]:
    """The detail of OrderPlaced for an order of theirs."""
    email, phone = addresses(name)
    described = copy.deepcopy(sample("store/OrderPlaced")["detail"]["order"])
    described |= {"contact": {"email": email, "phone": phone, "name": f"{name.title()} Beispiel"}, "customer_ref": f"C-{name}"}
    described |= {"placed_at": iso(at), "as_of": iso(at), "name": f"#{ref}", **more}
    return {"ref": ref, "occurred_at": iso(at), "order": described}


def parcel(name: str) -> str:
    return f"0034043416109{sum(name.encode()):07d}"


def live(small: Any, name: str = "anna", shop: str = "example") -> str:
    """An order with its parcel, consent, a case, a held and a sent message, a wait, a body that cannot be read. Whose id."""
    email, phone = addresses(name)
    contact, account = {"email": email, "phone": phone}, {"customer_ref": f"C-{name}"}
    ref, at = f"{name}-1", small.clock.now()
    tell("OrderPlaced", shop, **order(name, ref, at))
    tell("CustomerCreated", shop, **account, contact=contact, occurred_at=iso(at))
    shipped = {"ref": f"S-{name}", "order_ref": ref, "parcels": [{"number": parcel(name), "carrier": "DHL"}]}
    tell("ShipmentCreated", shop, **shipped)
    said = [{"channel": "email", "purpose": "reorder", "says": "given", "confirmed": True}]
    tell("ConsentChanged", shop, **account, contact=contact, said=said, occurred_at=iso(at))
    tell("SupportCaseOpened", shop, **account, ref=f"T-{name}", order_ref=ref, contact=contact)
    tell("SubscriptionUpdated", shop, **account, ref=f"SUB-{name}", order_ref=ref)
    tell("RestockRequested", shop, **account, product_ref=f"P-{name}", contact=contact, occurred_at=iso(at))
    tell("OrderPlaced", shop, ref="broken", occurred_at="never", order={"contact": contact}, event_id=f"broken-{name}")
    place = keys.email_alias(small.email_hash(email))
    customer_id = str(small.tables.twin.read([place])[place]["customer_id"])
    held = message(small, customer_id, f"{shop}:{ref}", "reorder-reminder", State.HELD)
    ledger.hold(small.tables.twin, load(small.tables.twin, customer_id), held, at + timedelta(days=1), at)
    ledger.close(small.tables.twin, customer_id, message(small, customer_id, f"{shop}:{ref}"), at, held=False)
    small.slots.set(customer_id, at + timedelta(days=1))
    wait = {"order": f"{shop}:{ref}", "correlation_id": "k1"}
    waits.start(small, MACHINE, f"reorder-reminder#{shop}:{ref}:coffee", customer_id, at + timedelta(days=30), wait)
    return customer_id


MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:aftercare-dev-reorder-reminder"


def message(
    small: Any, customer_id: str, order_key: str, template: str = "order-confirmation", state: State = State.SENT
) -> Message:
    at = small.clock.now()
    proposal = Proposal(
        key=f"{template}#{order_key}",
        customer_id=customer_id,
        purpose=Purpose.REORDER if state is State.HELD else Purpose.TRANSACTIONAL,
        template=template,
        references={"order": order_key},
        not_after=at + timedelta(days=2),
        proposed_at=at,
        caused_by="e1",
        correlation_id="k1",
    )
    until = at + timedelta(days=1) if state is State.HELD else None
    return Message(proposal=proposal, state=state, decisions=(Decision(at=at, state=state, reason=Reason.SENT, until=until),))

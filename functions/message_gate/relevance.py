"""Whether what a message is about still holds: the conditions that a proposal names, by the customer's record now."""

from collections.abc import Callable

from aftercare.clock import iso
from aftercare.consent import Channel, asked_of
from aftercare.decision import Pass, Reason, Refuse, Verdict
from aftercare.offer_words import FOR_BUYERS, FOR_FEEDBACK
from aftercare.parcel_status import FINAL, ShipmentStatus
from aftercare.proposal import Unless
from message_gate.candidate import Candidate


def relevant(candidate: Candidate) -> Verdict:
    """What the message is about still holds, by the customer's record at this instant; a test order reaches nobody."""
    order = candidate.order
    if order and order.is_test:
        return Refuse(because=Reason.TEST_ORDER, saw={"order": order.key})
    for word in candidate.proposal.unless:
        verdict = _UNLESS[word](candidate)
        if verdict:
            return verdict
    return Pass(saw={"unless": tuple(str(word) for word in candidate.proposal.unless)})


def _order_unknown(candidate: Candidate) -> Refuse | None:
    if candidate.order is None:
        return Refuse(because=Reason.ORDER_UNKNOWN, saw={"order": candidate.proposal.references.get("order")})
    return None


def _order_cancelled(candidate: Candidate) -> Refuse | None:
    """A deleted order stands no more than a cancelled one. News of the cancellation itself does not ask for this."""
    order = candidate.order
    if order and order.deleted_at:
        return Refuse(because=Reason.ORDER_DELETED, saw={"deleted_at": iso(order.deleted_at)})
    if order and order.cancelled_at:
        return Refuse(because=Reason.ORDER_CANCELLED, saw={"cancelled_at": iso(order.cancelled_at)})
    return None


def _order_refunded(candidate: Candidate) -> Refuse | None:
    order = candidate.order
    if order and order.refunded_in_whole:
        return Refuse(because=Reason.ORDER_REFUNDED, saw={"refunds": len(order.refunds)})
    return None


def _reordered(candidate: Candidate) -> Refuse | None:
    order = candidate.order
    if order is None or order.placed_at is None:
        return None
    family = candidate.proposal.references.get("family")
    for later in candidate.customer.ordered_since(order.placed_at):
        if any(candidate.catalogue().family_of(line).name == family for line in later.lines):
            return Refuse(because=Reason.ALREADY_REORDERED, saw={"order": later.key})
    return None


def _order_shipped(candidate: Candidate) -> Refuse | None:
    """The shipment named is on its way; where none is named, any of the order's."""
    order, named = candidate.order, candidate.shipment
    if order is None:
        return None
    shipments = (named,) if named else candidate.customer.shipments_of(order.key)
    sent = next((s.shipped_at for s in shipments if s.shipped_at), None) or (None if named else order.completed_at)
    return Refuse(because=Reason.ORDER_SHIPPED, saw={"shipped_at": iso(sent)}) if sent else None


def _shipment_known(candidate: Candidate) -> Refuse | None:
    """A shipment of the order is on record: its own message says more."""
    order = candidate.order
    shipments = candidate.customer.shipments_of(order.key) if order else ()
    return Refuse(because=Reason.SHIPMENT_KNOWN, saw={"shipment": shipments[0].key}) if shipments else None


def _status(candidate: Candidate) -> ShipmentStatus | None:
    """Where the parcel (or the whole shipment) that the proposal is about is now."""
    shipment = candidate.shipment
    if shipment is None:
        return None
    parcel = shipment.parcel(candidate.proposal.references.get("parcel"))
    return parcel.status if parcel else shipment.status


def _parcel_arrived(candidate: Candidate) -> Refuse | None:
    """Nothing is on its way any more: delivered, gone back, taken for delivered, or taken back by the shop (rule I6)."""
    shipment, status = candidate.shipment, _status(candidate)
    if shipment is None:
        return None
    over = status in FINAL or shipment.delivered_at or shipment.assumed_at or shipment.cancelled_at
    return Refuse(because=Reason.PARCEL_ARRIVED, saw={"status": status}) if over else None


def _parcel_moved_on(candidate: Candidate) -> Refuse | None:
    """The parcel is not any more where the message says it is."""
    status, said = _status(candidate), candidate.proposal.references.get("status")
    if status is None or said is None or status == said:
        return None
    return Refuse(because=Reason.PARCEL_MOVED_ON, saw={"said": said, "status": status})


def _parcel_recovered(candidate: Candidate) -> Refuse | None:
    """No notice of a delay stands on the shipment any more."""
    shipment = candidate.shipment
    if shipment is None or shipment.late:
        return None
    return Refuse(because=Reason.PARCEL_RECOVERED, saw={"shipment": shipment.key})


def _survey_answered(candidate: Candidate) -> Refuse | None:
    """Who has answered, in whatever way, is not asked and not reminded."""
    order, feedback = candidate.order, candidate.customer.feedback
    answer = feedback.of(order.key) if order and feedback else None
    return Refuse(because=Reason.ALREADY_ANSWERED, saw={"at": iso(answer.at)}) if answer else None


def _answered_anew(candidate: Candidate) -> Refuse | None:
    """An offer follows from what was said: who has changed that, or is unhappy since, gets none for it. Other good words take
    nothing back."""
    signals, proposal = candidate.customer.signals, candidate.proposal
    if signals is None:
        return None
    chosen = next((block.variant for block in proposal.blocks if block.kind == "offer"), None)
    same = proposal.key.partition("#")[2] == f"{signals.origin}:{signals.about}"
    if signals.mood != "negative" and not (same and signals.offer != chosen):
        return None
    return Refuse(because=Reason.ALREADY_ANSWERED, saw={"mood": signals.mood, "offer": signals.offer})


def _return_explained(candidate: Candidate) -> Refuse | None:
    """Whoever said why something goes back, on a page or to the shop, is not asked; nor of what does not go back any more."""
    order, ref = candidate.order, candidate.proposal.references.get("return", "")
    back = order.returned(ref) if order else None
    if back is None:
        return None
    if back.is_over:
        return Refuse(because=Reason.ORDER_WENT_WRONG, saw={"standing": back.state})
    return Refuse(because=Reason.ALREADY_ANSWERED, saw={"reason": back.reason}) if back.reason else None


def _order_went_wrong(candidate: Candidate) -> Refuse | None:
    """Whose order was given back, refunded or lost is not asked as if all were well. An open case holds it: it may be mended."""
    order = candidate.order
    if order is None:
        return None
    from aftercare.feedback import standing  # here: few messages ask for it

    found = standing(candidate.customer, order)
    return Refuse(because=Reason.ORDER_WENT_WRONG, saw={"standing": found}) if found in _WRONG else None


_WRONG = ("refunded", "returned", "lost")


def _case_closed(candidate: Candidate) -> Refuse | None:
    """What is said because of a case has lost its point when the case is over."""
    ref = candidate.proposal.references.get("case")
    return None if _is_open(candidate, ref) else Refuse(because=Reason.CASE_CLOSED, saw={"case": ref})


def _case_open(candidate: Candidate) -> Refuse | None:
    """Whether all is well now is not asked while the case is open again."""
    ref = candidate.proposal.references.get("case")
    return Refuse(because=Reason.OPEN_CASE, saw={"case": ref}) if _is_open(candidate, ref) else None


def _is_open(candidate: Candidate, ref: str | None) -> bool:
    return any(case.open for case in candidate.customer.cases if case.ref == ref)


_CALLED = {"goes-with": "", "offer": FOR_FEEDBACK, "content": FOR_BUYERS}
"""Blocks that are offers, and what stands before their names in taps."""


def _segment_left(candidate: Candidate) -> Refuse | None:
    """What is said to a kind of buyer has lost its point when they are another by now."""
    from aftercare.segments import segments_of

    now = segments_of(candidate.customer)
    if candidate.proposal.references.get("segment") in now:
        return None
    return Refuse(because=Reason.SEGMENT_LEFT, saw={"is": tuple(now)})


def _offer_unwanted(candidate: Candidate) -> Refuse | None:
    """An offer is not made that the customer did not want when another message made it."""
    names = {_CALLED[block.kind] + (block.variant or "") for block in candidate.proposal.blocks if block.kind in _CALLED}
    found = sorted(names & candidate.customer.wishes.unwanted(candidate.now))
    return Refuse(because=Reason.OFFER_UNWANTED, saw={"offer": found[0]}) if found else None


def _consent_settled(candidate: Candidate) -> Refuse | None:
    """A confirmation goes to the mailbox that the consent was given for, and only while it waits."""
    known = candidate.addresses.get(Channel.EMAIL)
    if known and asked_of(candidate.customer.consent, known[1]):
        return None
    return Refuse(because=Reason.CONSENT_SETTLED)


def _not_asked(candidate: Candidate) -> Refuse | None:
    """The customer still waits for the product: the wish has not run out, and it was not bought since."""
    product = candidate.proposal.references.get("product")
    alert = next((alert for alert in candidate.customer.alerts if alert.product == product), None)
    if alert and alert.stands(candidate.customer):
        return None
    return Refuse(because=Reason.NOT_ASKED, saw={"product": product})


def _nothing_to_review(candidate: Candidate) -> Refuse | None:
    """What was reviewed, or is not with the customer, is not asked about; what somebody said of it is no reason here."""
    order = candidate.order
    if order is None:
        return None
    from aftercare.reviews import reviewable  # here: few messages ask for it

    found = reviewable(candidate.customer, order)
    if found == "reviewed":
        return Refuse(because=Reason.ALREADY_REVIEWED, saw={"order": order.key})
    return Refuse(because=Reason.ORDER_WENT_WRONG, saw={"standing": found}) if isinstance(found, str) else None


_UNLESS: dict[Unless, Callable[[Candidate], Refuse | None]] = {
    Unless.ORDER_UNKNOWN: _order_unknown,
    Unless.ORDER_CANCELLED: _order_cancelled,
    Unless.ORDER_REFUNDED: _order_refunded,
    Unless.REORDERED: _reordered,
    Unless.ORDER_SHIPPED: _order_shipped,
    Unless.SHIPMENT_KNOWN: _shipment_known,
    Unless.PARCEL_ARRIVED: _parcel_arrived,
    Unless.PARCEL_MOVED_ON: _parcel_moved_on,
    Unless.PARCEL_RECOVERED: _parcel_recovered,
    Unless.SURVEY_ANSWERED: _survey_answered,
    Unless.RETURN_EXPLAINED: _return_explained,
    Unless.ANSWERED_ANEW: _answered_anew,
    Unless.ORDER_WENT_WRONG: _order_went_wrong,
    Unless.CASE_CLOSED: _case_closed,
    Unless.CASE_OPEN: _case_open,
    Unless.CONSENT_SETTLED: _consent_settled,
    Unless.SEGMENT_LEFT: _segment_left,
    Unless.OFFER_UNWANTED: _offer_unwanted,
    Unless.NOT_ASKED: _not_asked,
    Unless.NOTHING_TO_REVIEW: _nothing_to_review,
}

OF_SHIPMENT = (Unless.ORDER_SHIPPED, Unless.PARCEL_ARRIVED, Unless.PARCEL_MOVED_ON, Unless.PARCEL_RECOVERED)
"""What is looked for on the record of the shipment that a proposal names."""

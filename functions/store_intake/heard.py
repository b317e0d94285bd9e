"""What customers say and do beside their orders: their cases, and their words in the history. Loaded with the first of it."""

from __future__ import annotations

from datetime import datetime

from aftercare import events, keys
from aftercare.cases import attributes
from aftercare.customer import Customer
from aftercare.facts import CaseFact, Fact, OfSomebody
from aftercare.feedback_events import MediaData, MentionData, MilestoneData, ReviewData
from aftercare.heard import Words
from aftercare.heard_facts import MediaFact, MentionFact, MilestoneFact, ReviewFact
from aftercare.media import Media
from aftercare.retention import CASE, JOURNAL
from aftercare.store import versioned
from aftercare.table import Absent, Check, Is, Item, Put, Remove
from store_intake.archive import surplus
from store_intake.draft import Draft
from store_intake.record import case_after
from store_intake.whose import Names


def write_cases(draft: Draft, customer: Customer | None, facts: list[Fact], names: Names) -> None:
    """Support cases on the customer's record; one that is over is kept a while, because it spaces what is said."""
    known = {case.ref: case for case in (customer.cases if customer else ())}
    written: set[str] = set()
    for fact in (f for f in facts if isinstance(f, CaseFact)):
        ref = f"{names.shop}:{fact.ref}"
        before = known.get(ref)
        after = case_after(before, ref, fact, names.key_of(fact.order_ref), draft.received.sender)
        if before is not None and after == before:
            continue
        version = before.version if before else 0
        known[ref] = after.model_copy(update={"version": version + 1})
        over = {} if after.open else {"expires_at": CASE.ends(draft.received.received_at)}
        place = customer.case_place(ref) if customer else keys.case(draft.customer_id, ref)
        draft.writes.append(versioned(place, known[ref].to_json(), version, **over, **attributes(known[ref])))
        written.add(ref)
        case = events.CaseData(
            customer_id=draft.customer_id,
            case=ref,
            topic=after.topic,
            order=after.order_key,
            words=bool(fact.text),
        )
        # That a closed case is closed comes back from tools that were told so: it is no news.
        if fact.type != "SupportCaseClosed" or before is None or before.open or before.closed_at is None:
            draft.tell(fact.type, fact.occurred_at, case)
    hot = [case for case in known.values() if customer is None or keys.CASE + case.ref not in customer.archived]
    for old in surplus(hot, written) if written else ():
        over = {} if old.open else {"expires_at": CASE.ends(draft.received.received_at)}
        item: Item = {"doc": old.to_json(), "version": old.version, **over, **attributes(old)}
        draft.writes.append(Put(keys.case(draft.customer_id, old.ref, archived=True), item, when=Absent()))
        draft.writes.append(Remove(keys.case(draft.customer_id, old.ref), when=Is("version", old.version)))


def write_said(draft: Draft, facts: list[Fact], names: Names) -> None:
    """What a customer wrote elsewhere lies in their history, beside nothing hot, and is told of without a word of it."""
    kept: list[Put] = []

    def keep(kind: str, ref: str, at: datetime, words: Words) -> bool:
        """The same words told by another delivery are the same item."""
        if not words.any:
            return False
        item: Item = {"doc": words.to_json(), "expires_at": JOURNAL.ends(draft.received.received_at)}
        kept.append(Put(keys.words(draft.customer_id, kind, ref, at), item))
        return True

    for fact in facts:
        if not isinstance(fact, OfSomebody):
            continue
        customer_id, order, at = draft.customer_id, names.key_of(fact.order_ref), fact.occurred_at
        data: events.CustomerData
        if isinstance(fact, MilestoneFact):
            data = MilestoneData(customer_id=customer_id, milestone=fact.milestone, order=order, sku=fact.sku)
            draft.tell(fact.type, at, data)
            continue
        if not isinstance(fact, (CaseFact, ReviewFact, MentionFact, MediaFact)):
            continue
        ref = f"{names.shop}:{fact.ref}"
        if isinstance(fact, MediaFact):
            about = {"kind": fact.kind, "network": fact.network, "order": order, "sku": fact.sku}
            media = Media.model_validate({"ref": ref, "at": at, "url": fact.url, **about})
            kept.append(Put(keys.media(customer_id, ref), {"doc": media.to_json()}))
            draft.tell(fact.type, at, MediaData.model_validate({"customer_id": customer_id, "media": ref, **about}))
            continue
        if isinstance(fact, CaseFact):
            keep("case", ref, at, Words(order=order, text=fact.text, locale=fact.locale))
        elif isinstance(fact, ReviewFact):
            words = Words(order=order, sku=fact.sku, score=fact.score, title=fact.title, text=fact.text, locale=fact.locale)
            written = keep("review", ref, at, words)
            data = ReviewData(customer_id=customer_id, review=ref, order=order, sku=fact.sku, score=fact.score, words=written)
            draft.tell(fact.type, at, data)
        else:
            written = keep("mention", ref, at, Words(order=order, sku=fact.sku, text=fact.text, locale=fact.locale))
            data = MentionData(
                customer_id=customer_id, mention=ref, network=fact.network, order=order, sku=fact.sku, words=written
            )
            draft.tell(fact.type, at, data)
    if kept:
        draft.writes += [*kept, Check(keys.customer(draft.customer_id, keys.ERASED), Absent())]

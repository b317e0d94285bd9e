"""Who a customer is after a delivery: the profile, what kind of buyer they are, and the names that lead to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aftercare import events, identity, keys
from aftercare.customer import Customer, Order, Profile
from aftercare.facts import ConsentFact, CustomerFact, Fact, OrderFact
from aftercare.store import versioned
from aftercare.table import Item, Put
from store_intake.draft import Draft
from store_intake.known import Known
from store_intake.record import devices_after, person_of, profile_after
from store_intake.whose import Names, Places


def new_profile(draft: Draft, before: Profile | None, facts: list[Fact], names: Names) -> Profile | None:
    """The profile after the facts about the person; what is new is told."""
    received, after = draft.received, before
    for fact in facts:
        if isinstance(fact, (OrderFact, CustomerFact, ConsentFact)):
            told, rank, at = person_of(fact)
            tags = (fact.tags, fact.tags_removed) if isinstance(fact, CustomerFact) else ((), ())
            after = profile_after(after, told, rank, at, received.received_at, names.shop_ref, tags)
            after = _of_shop(draft, after)
            if isinstance(fact, CustomerFact):
                after = after.model_copy(update={"devices": devices_after(after.devices, fact.devices, at)})
    if after is None:
        return None
    changed = before is None or after.model_copy(update={"told": before.told}) != before
    for fact in facts:
        if isinstance(fact, CustomerFact) and changed:
            draft.tell(fact.type, fact.occurred_at, events.CustomerData(customer_id=draft.customer_id))
    return after


def country_told(fact: Fact) -> str | None:
    """The country, as ISO 3166-1 alpha-2, that a fact gives for the person: of the account, or to which an order goes."""
    if isinstance(fact, OrderFact):
        return fact.order.country if fact.order else None
    return fact.country if isinstance(fact, CustomerFact) else None


def with_purchases(
    draft: Draft, profile: Profile, before: Order | None, now: Order, orders: Mapping[str, Order], buyers: Item | None
) -> Profile:
    """The sums of what the customer bought; what kind of buyer that makes of them is told where it is news.

    That somebody begins with a first order, as everyone does, is none: the order was told.
    """
    from aftercare import segments  # few deliveries change an order

    noted = segments.after(profile, before, now, orders, buyers, draft.received.received_at.date())
    if noted == profile.bought:
        return profile
    was, profile = segments.noted_segments(profile), profile.model_copy(update={"bought": noted})
    after = segments.noted_segments(profile)
    if after != was and (was, after) != (segments.NOBODY, segments.BEGINS):
        from aftercare.feedback_events import SegmentData

        ids = {"customer_id": draft.customer_id, "shop": now.shop}
        told = {**after._asdict(), "lifecycle_before": was.lifecycle, "value_before": was.value}
        draft.tell("SegmentChanged", draft.received.received_at, SegmentData.model_validate({**ids, **told}))
    return profile


def write_profile(draft: Draft, before: Profile | None, after: Profile | None) -> None:
    """Write the profile where it changed, on the version that was read."""
    if after is None or after == before:
        return
    version = before.version if before else 0
    doc = after.model_copy(update={"version": version + 1}).to_json()
    draft.writes.append(versioned(keys.customer(draft.customer_id, keys.PROFILE), doc, version))


def _of_shop(draft: Draft, profile: Profile) -> Profile:
    """The shop that speaks of a person is noted once, and the person among those of the shop: who they are can be told when a
    shop is erased, and to whom when data was lost (rule C34)."""
    shop, heard_at = draft.received.shop, draft.received.received_at
    if not shop or shop in profile.shops:
        return profile
    draft.writes.append(Put(keys.of_shop(shop, heard_at, draft.customer_id), {"customer_id": draft.customer_id}))
    return profile.model_copy(update={"shops": tuple(sorted((*profile.shops, shop)))})


def write_numbers(draft: Draft, before: Customer | None, profile: Profile | None, orders: Iterable[Order], secret: str) -> None:
    """Whose each number is, once: a person who writes is known by nothing else, and may write from any to which something is
    sent. An order's number need not be the account's."""
    known = _numbers_of(before.profile, before.orders) if before else set()
    for number in sorted(_numbers_of(profile, orders) - known):
        place = keys.phone_owner(identity.keyed_hash(secret, number), draft.customer_id)
        draft.writes.append(Put(place, {"customer_id": draft.customer_id}))


def _numbers_of(profile: Profile | None, orders: Iterable[Order]) -> set[str]:
    contacts = (*((profile.contact,) if profile else ()), *(order.contact for order in orders))
    return {contact.phone for contact in contacts if contact.phone}


def lead_to_customer(draft: Draft, at: Places, known: Known, with_order: bool) -> None:
    """Names that nobody has yet now lead to this customer; a name that leads elsewhere stays where it is."""
    for place in (at.platform, at.email, *at.subscriptions):
        if place is not None and place not in known.aliases:
            draft.writes.append(Put(place, {"customer_id": draft.customer_id}, when=known.as_read(place)))
    there = known.aliases.get(at.order) if at.order else None
    if with_order and at.order is not None and (there is None or "customer_id" not in there):
        draft.writes.append(Put(at.order, {"customer_id": draft.customer_id}, when=known.as_read(at.order)))

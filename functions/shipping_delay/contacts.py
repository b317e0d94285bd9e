"""Where-is-my-order contacts per 100 parcels: of those whose customers were told, of those that were held out, of all others.

Told and held-out parcels were found late alike, by one threshold; the difference between the two is what a notice does.
Counts lie by calendar month (UTC) of the hand-over or the contact, in KnowledgeTable, without anything of a person.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, get_args

from aftercare.case_topic import CaseTopic
from aftercare.customer import Customer
from aftercare.shipment import Shipment
from shipping_delay.parcel import Counters, Increments

Group = Literal["told", "held_out", "not_told"]
GROUPS: tuple[Group, ...] = get_args(Group)
_ASKED = {"told": 2, "held_out": 3, "not_told": 4}
"""Places in a month's item: 0 counts all parcels, 1 those told, 2 to 4 the contacts of each group, 5 those held out."""

REMEMBERED = 5
"""So many cases are remembered with a shipment, so that none counts twice."""


def key(at: datetime) -> str:
    return f"asked:{at:%Y-%m}"


def of_departure(at: datetime) -> Increments:
    return {key(at): (1.0,)}


def of_notice(at: datetime) -> Increments:
    """A parcel's customer is told for the first time."""
    return {key(at): (0.0, 1.0)}


def of_withheld(at: datetime) -> Increments:
    return {key(at): (0.0, 0.0, 0.0, 0.0, 0.0, 1.0)}


def of_case(shipment: Shipment, at: datetime) -> Increments:
    """One contact about a parcel, in the group that it is in when its customer asks."""
    found = [0.0] * 5
    found[_ASKED[group_of(shipment)]] = 1.0
    return {key(at): tuple(found)}


def group_of(shipment: Shipment) -> Group:
    if shipment.notices:
        return "told"
    return "held_out" if shipment.held_out_at else "not_told"


def asked_about(customer: Customer | None, order_key: str | None, topic: CaseTopic, now: datetime) -> Shipment | None:
    """The shipment whose customer asks where it is: of the order named, else of all; the latest that was on its way."""
    if customer is None or topic is not CaseTopic.WHERE_IS_MY_ORDER:
        return None
    shipments = customer.shipments_of(order_key) if order_key else [s for s in customer.shipments if s.stands]
    sent = [s for s in shipments if s.shipped_at and s.shipped_at <= now and not s.is_test]
    open_ = [s for s in sent if s.delivered_at is None] or sent
    return max(open_, key=lambda s: (s.shipped_at or s.as_of, s.key), default=None)


def report(knowledge: Counters, months: Sequence[str]) -> dict[str, object]:
    """Parcels, contacts and contacts per 100 parcels of each group over some months (`2026-03`)."""
    total = [0.0] * 6
    for month in months:
        for place, value in enumerate(knowledge.get(f"asked:{month}", ())):
            total[place] += value
    parcels = {"told": total[1], "held_out": total[5], "not_told": max(0.0, total[0] - total[1] - total[5])}
    found: dict[str, object] = {"months": list(months), "parcels": int(total[0])}
    for group in GROUPS:
        asked = total[_ASKED[group]]
        found[group] = {
            "parcels": int(parcels[group]),
            "contacts": int(asked),
            "per_100": round(100 * asked / parcels[group], 2) if parcels[group] else None,
        }
    return found


def keys_of(months: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"asked:{month}" for month in months)

"""Shipments and their scans."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aftercare.facts import Fact, Scan, ShipmentFact, ShipmentFactType, ToldParcel
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment_details import PARCELS, Eta, Origin, ShippedLine
from store_intake.received import Unreadable, word
from store_intake.shopify.orders import TEST_ORDER_IDS, TEST_ORDER_NAMES
from store_intake.shopify.payload import Hook, Payload, country_of, https_of, instant_of, object_of, objects_of, ref_of, text_of
from store_intake.tracking import code

STATUSES: Mapping[str, ShipmentStatus] = {
    **dict.fromkeys(("label_printed", "label_purchased", "confirmed"), ShipmentStatus.LABEL_CREATED),
    **dict.fromkeys(("in_transit", "carrier_picked_up"), ShipmentStatus.IN_TRANSIT),
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    **dict.fromkeys(("ready_for_pickup", "ready_for_recipient_pickup"), ShipmentStatus.READY_FOR_PICKUP),
    "attempted_delivery": ShipmentStatus.DELIVERY_ATTEMPTED,
    "delayed": ShipmentStatus.DELAYED,
    **dict.fromkeys(("failure", "buyer_action_required"), ShipmentStatus.EXCEPTION),
    "returning_to_sender": ShipmentStatus.RETURN_TO_SENDER,
    **dict.fromkeys(("delivered", "picked_up"), ShipmentStatus.DELIVERED),
}
"""`fulfillment_events.status`; `picked_up` is the shopper's own collection, the carrier's is `carrier_picked_up` (2025-10)."""

NOT_SENT = ("cancelled", "error", "failure")
"""A fulfilment in one of these states holds nothing any more; `pending` and `open` are not shipped yet."""


def strange_status(topic: str, payload: Payload) -> str | None:
    """A status that the table does not have: an API version added it."""
    given = payload.get("status") if topic == "fulfillment_events/create" else None
    return f"status: nothing reads {word(given)[:40]}" if _status(given) is None and isinstance(given, str) and given else None


def _status(given: object) -> ShipmentStatus | None:
    return STATUSES.get(str(given).strip().lower())


def fulfilment_facts(kind: ShipmentFactType) -> Callable[[Payload, Hook], Iterable[Fact]]:
    """A fulfilment: what is in it, its parcels, and whether it left. Scans come by fulfillment_events; of the fulfilment's own
    `shipment_status`, which has no time, only `delivered` is taken: no later change of the fulfilment can be mistaken for it."""

    def reader(payload: Payload, hook: Hook) -> Iterable[Fact]:
        ref = ref_of(payload.get("id"), payload.get("admin_graphql_api_id"))
        order = ref_of(payload.get("order_id")) or hook.order_ref
        if ref is None or order is None:
            raise Unreadable("id, order_id: expected the fulfilment's id and its order's")
        updated = instant_of(payload.get("updated_at")) or hook.triggered_at
        created, status = instant_of(payload.get("created_at")) or updated, str(payload.get("status")).strip().lower()
        scans = [Scan(status=ShipmentStatus.LABEL_CREATED, at=created)]
        if _status(payload.get("shipment_status")) is ShipmentStatus.DELIVERED:
            scans.append(Scan(status=ShipmentStatus.DELIVERED, at=updated))
        start = object_of(payload.get("origin_address"))
        yield ShipmentFact(
            type=kind,
            occurred_at=created if kind is ShipmentFactType.CREATED else updated,
            as_of=updated,
            ref=ref,
            order_ref=order,
            parcels=_parcels(payload),
            lines=tuple(_shipped(payload)),
            scans=tuple(scans),
            shipped_at=created if status == "success" else None,
            cancelled_at=updated if status in NOT_SENT else None,
            origin=Origin(
                location=ref_of(payload.get("location_id")),
                country=country_of(start.get("country_code")),
                region=code(start.get("province_code")),
                postcode=code(start.get("zip")),
            ),
            service=code(payload.get("service")),
            is_test=hook.is_test or order in TEST_ORDER_IDS or str(payload.get("name", "")).split(".")[0] in TEST_ORDER_NAMES,
        )

    return reader


def _parcels(payload: Payload) -> tuple[ToldParcel, ...]:
    """The fulfilment's numbers, each with its link where there are as many links, else with the only one."""
    listed, links = payload.get("tracking_numbers"), payload.get("tracking_urls")
    several: list[Any] = listed if isinstance(listed, list) and any(text_of(number, 80) for number in listed) else []
    numbers = several or [payload.get("tracking_number")]
    urls: list[Any] = (links if isinstance(links, list) else []) or [payload.get("tracking_url")]
    company = text_of(payload.get("tracking_company"), 80)
    parcels = {}
    for place, number in enumerate(numbers):
        named = text_of(number, 80)
        if named:
            url = urls[place] if len(urls) == len(numbers) else urls[0] if len(urls) == 1 else None
            parcels[named] = ToldParcel(number=named, carrier=company, url=https_of(url))
    return tuple(parcels.values())[:PARCELS]


def _shipped(payload: Payload) -> Iterable[ShippedLine]:
    for line in objects_of(payload.get("line_items"))[:200]:
        ref, quantity = ref_of(line.get("id"), line.get("admin_graphql_api_id")), line.get("quantity")
        if ref and isinstance(quantity, int) and not isinstance(quantity, bool) and quantity > 0:
            yield ShippedLine(line_ref=ref, quantity=quantity)


def scan_facts(payload: Payload, hook: Hook) -> Iterable[Fact]:
    """A scan of a fulfilment: it names no number, so it speaks of the fulfilment as a whole."""
    ref, order = ref_of(payload.get("fulfillment_id")), ref_of(payload.get("order_id")) or hook.order_ref
    if ref is None:
        raise Unreadable("fulfillment_id: expected the fulfilment's id")
    at = instant_of(payload.get("happened_at")) or instant_of(payload.get("created_at")) or hook.triggered_at
    status, until = _status(payload.get("status")) or ShipmentStatus.UNKNOWN, instant_of(payload.get("estimated_delivery_at"))
    where = country_of(payload.get("country"))
    yield ShipmentFact(
        type=ShipmentFactType.MOVED,
        occurred_at=at,
        ref=ref,
        order_ref=order,
        scans=(Scan(status=status, at=at, country=where, region=code(payload.get("province")) if where else None),),
        eta=Eta(until=until, told_at=instant_of(payload.get("created_at")) or at) if until else None,
        is_test=hook.is_test or order in TEST_ORDER_IDS,
    )

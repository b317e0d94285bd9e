"""A shop that has left: its customers are erased one by one; who is another shop's customer too loses what was of this one.

The rows of the shop's customers are the work that is left: each goes with its customer, and nothing else counts.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from aftercare import forgotten, holdings, keys, requests, telemetry
from aftercare.carriers import parcel_number
from aftercare.clock import iso, parse_iso
from aftercare.customer import Contact, Order, Profile
from aftercare.erasure import GRACE, LOOK_AGAIN, NEEDED, Eraser, KeepsChanging, Outcome
from aftercare.keys import Key
from aftercare.shipment import Shipment
from aftercare.store import versioned
from aftercare.table import ConditionFailed, Conflict, Item, Put, Remove, Write

ATTEMPTS = 6
AT_ONCE = 200
SETTLED = 2 * LOOK_AGAIN
"""After so long without a customer left, every second look has been taken."""


class ShopOutcome(StrEnum):
    MORE = "customers are left"
    WAITS = "no customer is left; waits for their second looks"
    ERASED = "the shop is erased"


def erase_shop(eraser: Eraser, shop: str, ref: str = "") -> str:
    """One look at a shop; `ref` is the request that began it. TableError: the sweep brings it again."""
    tables, now = eraser.tables, eraser.outside.clock.now()
    place = keys.of_shop(shop)
    mark = tables.read([place]).get(place)
    asked = str(mark["requests"]) if mark else ref
    if mark is None:
        tables.write([_mark(shop, asked, now, now + GRACE)])
    rows = tables.partition("customers", place.pk, "2", AT_ONCE)
    for row in rows:
        if eraser.time_left() < NEEDED:
            break
        _leave(eraser, shop, row, str(row["customer_id"]))
    if rows:
        tables.write([_mark(shop, asked, now, now + GRACE)])
        return ShopOutcome.MORE
    if mark is None or "settles_at" not in mark:
        tables.write([_mark(shop, asked, now, now + SETTLED, settles_at=iso(now + SETTLED))])
        return ShopOutcome.WAITS
    if parse_iso(str(mark["settles_at"])) > now:
        return ShopOutcome.WAITS
    eraser.answered(keys.request(requests.Asked.SHOP_ERASURE, asked), None, "erased")
    tables.write([Remove(place)])
    telemetry.count("ShopErased")
    return ShopOutcome.ERASED


def _mark(shop: str, asked: str, begun_at: datetime, due_at: datetime, **more: str) -> Put:
    item: Item = {"requests": asked, "begun_at": iso(begun_at), "due_kind": "erasure", "due_at": iso(due_at), **more}
    return Put(keys.of_shop(shop), item)


def _leave(eraser: Eraser, shop: str, row: Item, customer_id: str) -> None:
    """One customer leaves the shop; their row goes last."""
    place = keys.customer(customer_id, keys.PROFILE)
    item = eraser.tables.read([place]).get(place)
    profile = Profile.model_validate_json(str(item["doc"])) if item else None
    if profile is not None and set(profile.shops) - {shop}:
        done = _part(eraser, shop, customer_id, profile)
    else:
        done = eraser.erase(customer_id) is not Outcome.MORE
    if done:
        eraser.write([Remove(Key("customers", str(row["pk"]), str(row["sk"])))])


def _part(eraser: Eraser, shop: str, customer_id: str, profile: Profile) -> bool:
    """Take away what is of one shop. False while a message about an order of it is being sent."""
    now = eraser.outside.clock.now()
    items = holdings.partition(eraser.tables, customer_id, expired=True)
    going = [item for item in items if _is_of(item, shop)]
    if any(item.get("state") == "CLAIMED" and parse_iso(str(item["due_at"])) > now for item in going):
        return False
    numbers = set(_numbers(going))
    for name in eraser.tables.owned(customer_id):
        if _names_it(name, shop, numbers):
            eraser.write([forgotten.left(eraser.secret, name, now), Remove(name)])
    for item in going:
        if str(item["sk"]).startswith(keys.WAIT):
            eraser.outside.waits.stop(str(item["machine"]), str(item["sk"]).removeprefix(keys.WAIT))
    _forget_shop(eraser, shop, customer_id, profile, items, going)
    return eraser.remove([Key("customers", str(item["pk"]), str(item["sk"])) for item in going])


def _is_of(item: Item, shop: str) -> bool:
    """Whether an item of a partition is about an order, shipment or case of the shop."""
    sk, start = str(item["sk"]).removeprefix(keys.ARCHIVE), f"{shop}:"
    if sk.startswith((keys.ORDER, keys.SHIPMENT, keys.CASE)):
        return sk.split("#", 2)[2].startswith(start)
    if sk.startswith((keys.HELD, keys.LEDGER)):
        proposal = json.loads(str(item["doc"]))["proposal"]
        return str(proposal.get("references", {}).get("order", "")).startswith(start)
    return sk.startswith(keys.WAIT) and f"#{start}" in str(item.get("key", ""))


def _numbers(items: Iterable[Item]) -> Iterable[str]:
    for item in items:
        if str(item["sk"]).removeprefix(keys.ARCHIVE).startswith(keys.SHIPMENT):
            for parcel in Shipment.model_validate_json(str(item["doc"])).parcels:
                yield from (number for text in (parcel.number, *parcel.other_numbers) if (number := parcel_number(text)))


def _names_it(name: Key, shop: str, numbers: set[str]) -> bool:
    if name.pk.startswith("PARCEL#"):
        return name.pk.rpartition("#")[2] in numbers
    kind, _, rest = name.pk.removeprefix("ALIAS#").partition("#")
    return kind in ("platform", "order", "shipment", "subscription") and rest.startswith(f"{shop}:")


def _forget_shop(
    eraser: Eraser, shop: str, customer_id: str, profile: Profile, items: Sequence[Item], going: Sequence[Item]
) -> None:
    """The profile without the shop: its references, and an address that only its orders gave."""
    left, gone = (
        [Order.model_validate_json(str(i["doc"])) for i in some if keys.ORDER in str(i["sk"])]
        for some in ([i for i in items if i not in going], going)
    )
    after = profile.model_copy(
        update={
            "version": profile.version + 1,
            "shops": tuple(other for other in profile.shops if other != shop),
            "shop_refs": tuple(ref for ref in profile.shop_refs if not ref.startswith(f"{shop}:")),
            "contact": _contact(profile.contact, [o.contact for o in gone], [o.contact for o in left]),
        }
    )
    write: Write = versioned(keys.customer(customer_id, keys.PROFILE), after.to_json(), profile.version)
    try:
        eraser.tables.write([write])
    except (ConditionFailed, Conflict) as error:
        raise KeepsChanging("the profile changed meanwhile") from error


def _contact(ours: Contact, gone: Sequence[Contact], left: Sequence[Contact]) -> Contact:
    only_there = ours.email in {c.email for c in gone} - {c.email for c in left}
    return left[-1] if only_there and left else ours

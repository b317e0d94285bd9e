"""All that lies about one person, found by the four ways of kept.py. Erasure and export both start here, and nowhere else."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aftercare import identity, keys
from aftercare.keys import Key
from aftercare.store import READ
from aftercare.table import Item, Tables


@dataclass(frozen=True, slots=True)
class Holdings:
    """What lies in their partition and in that of their evidence, what names them, and bodies that mention them (with the
    `MENTION#` items that lead there)."""

    items: tuple[Item, ...]
    evidence: tuple[Item, ...]
    owned: tuple[Key, ...]
    mentioned: tuple[Key, ...]

    @property
    def elsewhere(self) -> tuple[Key, ...]:
        """What lies outside the two partitions, each place once."""
        return tuple(dict.fromkeys((*self.owned, *self.mentioned)))


def found(tables: Tables, customer_id: str, hashes: Iterable[str], *, expired: bool = False) -> Holdings:
    """All of one person; `hashes` are of the addresses by which bodies mention them. Throttled.

    `expired` finds what is absent and not yet deleted, too: for who removes it.
    """
    return Holdings(
        items=tuple(partition(tables, customer_id, expired=expired)),
        evidence=tuple(evidence(tables, customer_id, expired=expired)),
        owned=tuple(tables.owned(customer_id)),
        mentioned=tuple(mentioned(tables, hashes, expired=expired)),
    )


def partition(tables: Tables, customer_id: str, *, expired: bool = False) -> list[Item]:
    pk = keys.customer(customer_id, keys.PROFILE).pk
    parts = (tables.partition("customers", pk, start, expired=expired) for start in (keys.HOT, keys.HISTORY))
    return [item for part in parts for item in part]


def evidence(tables: Tables, customer_id: str, *, expired: bool = False) -> list[Item]:
    # A sequence starts with our time, and a condition on a sort key takes no empty text.
    return tables.partition("customers", keys.evidence(customer_id, "-").pk, "2", expired=expired)


def mentioned(tables: Tables, hashes: Iterable[str], *, expired: bool = False) -> Iterator[Key]:
    """The bodies that mention an address of these hashes, each with the item that says so."""
    for one in hashes:
        pk = keys.mention(one).pk
        for item in tables.partition("customers", pk, "PARKED#", expired=expired):
            parked, _, sk = str(item["sk"]).partition("|")
            yield from (Key("customers", parked, sk), Key("customers", pk, str(item["sk"])))


def read(tables: Tables, places: Iterable[Key]) -> Iterator[tuple[Key, Item]]:
    """What lies at these places, in their order. Throttled."""
    wanted = list(places)
    for start in range(0, len(wanted), READ):
        there = tables.read(wanted[start : start + READ])
        yield from ((place, there[place]) for place in wanted[start : start + READ] if place in there)


# ---------------------------------------------------------------- addresses


def contacts(items: Iterable[Item]) -> Iterator[tuple[str | None, str | None]]:
    """Every e-mail address and phone number of a record, as far as they are ones."""
    for item in items:
        if str(item["sk"]).removeprefix(keys.ARCHIVE).startswith((keys.PROFILE, keys.ORDER)):
            contact = json.loads(str(item["doc"])).get("contact") or {}
            yield identity.email(contact.get("email")), identity.phone(contact.get("phone"))


def names_of(identity_secret: str, email: str | None, phone: str | None) -> tuple[Key, ...]:
    """The aliases of a normalised address and number."""
    names = (
        keys.email_alias(identity.keyed_hash(identity_secret, email)) if email else None,
        keys.phone_owner(identity.keyed_hash(identity_secret, phone), "") if phone else None,
    )
    return tuple(name for name in names if name)


def hash_of(name: Key) -> str:
    """The keyed hash in the alias of an address, by which bodies that mention the address are found."""
    return name.pk.rpartition("#")[2]

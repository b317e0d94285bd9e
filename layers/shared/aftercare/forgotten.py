"""What is left of an erased person: a keyed hash of each name they were known by, and when they were erased.

An address that was erased refuses marketing for ever (GDPR 21(3): the objection stays), the names of orders, parcels and
accounts keep late news from making the person anew, for as long as such news may come.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from aftercare import identity, keys
from aftercare.clock import iso, parse_iso
from aftercare.keys import Key
from aftercare.retention import JOURNAL, NUMBER, REFUSAL, Retention
from aftercare.table import Item, Put, Tables

ADDRESSES = ("ALIAS#email#", "PHONE#")
READ = 100


def place(secret: str, name: Key) -> Key:
    """Where the keyed hash of an alias lies. The key of the hash is not that of the aliases: neither leads to the other."""
    return keys.erased(identity.keyed_hash(secret, name.pk))


def kept_as(name: Key) -> Retention:
    """Its class: an address's refusal does not end."""
    if name.pk.startswith(ADDRESSES):
        return REFUSAL
    return NUMBER if name.pk.startswith("PARCEL#") else JOURNAL


def left(secret: str, name: Key, erased_at: datetime) -> Put:
    """The write that leaves it."""
    item: Item = {"erased_at": iso(erased_at)}
    kept = kept_as(name)
    if kept is not REFUSAL:
        item["expires_at"] = kept.ends(erased_at)
    return Put(place(secret, name), item)


def erased(tables: Tables, secret: str, names: Iterable[Key]) -> Mapping[Key, datetime]:
    """Those of the names that were an erased person's, with when they were erased. Throttled."""
    wanted = {place(secret, name): name for name in names}
    at = list(wanted)
    found: dict[Key, Item] = {}
    for start in range(0, len(at), READ):
        found |= tables.read(at[start : start + READ])
    return {wanted[key]: parse_iso(str(item["erased_at"])) for key, item in found.items()}


def in_body(tables: Tables, identity_secret: str, secret: str, body: bytes) -> bool:
    """Whether a body that nobody can read as facts names a person who was erased and is no customer now. Throttled.

    By their e-mail address; by a phone number only where no address stands beside it, because a family may share one.
    """
    from aftercare.mentioned import mentioned  # here: most bodies can be read

    named = mentioned(body)
    emails = {keys.email_alias(identity.keyed_hash(identity_secret, name)) for name in named if "@" in name}
    phones = {keys.phone_owner(identity.keyed_hash(identity_secret, name), "") for name in named if "@" not in name}
    gone = erased(tables, secret, emails or phones)
    if not gone or not emails:
        return bool(gone)
    return any(alias not in tables.read(list(emails)) for alias in gone)

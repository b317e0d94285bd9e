"""Every key of both tables, and the two names of a message. Keys are text and are built nowhere else.

In a customer's partition `1#` is hot (one Query loads it for the gate) and `9#` is history.
"""

import hashlib
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple

TableName = Literal["customers", "knowledge"]

PROFILE = "1#PROFILE"
CONSENT = "1#CONSENT"
WISHES = "1#WISHES"
SLOT = "1#SLOT"
HOT = "1#"
ORDER = "1#ORDER#"
SHIPMENT = "1#SHIPMENT#"
HELD = "1#HELD#"
CAPS = "1#CAPS"
CASE = "1#CASE#"
LEARNED = "1#LEARNED"  # how the customer answers on each channel, and at which hours: sums, no message and no text
LEDGER = "9#LEDGER#"
HISTORY = "9#"
ARCHIVE = "9#ARCHIVE#"
WAIT = "9#WAIT#"
ERASED = "1#ERASED"
ONLY = "-"


class Key(NamedTuple):
    """Where one item lies."""

    table: TableName
    pk: str
    sk: str


@lru_cache(maxsize=1024)
def customer(customer_id: str, sk: str) -> Key:
    return Key("customers", f"CUSTOMER#{customer_id}", sk)


def customer_id_of(pk: str) -> str:
    """The customer's id in a partition key that customer() made."""
    return pk.removeprefix("CUSTOMER#")


def order(customer_id: str, order_key: str, *, archived: bool = False) -> Key:
    place = customer(customer_id, ORDER + order_key)
    return in_archive(place) if archived else place


def held(customer_id: str, message_id: str) -> Key:
    return customer(customer_id, HELD + message_id)


def in_archive(hot: Key) -> Key:
    """Where an order, a shipment or a case lies once it has moved."""
    return Key(hot.table, hot.pk, ARCHIVE + hot.sk)


def case(customer_id: str, case_ref: str, *, archived: bool = False) -> Key:
    place = customer(customer_id, CASE + case_ref)
    return in_archive(place) if archived else place


def ledger(customer_id: str, message_id: str) -> Key:
    """By the message's short name, because that is all a provider's event brings back."""
    return customer(customer_id, LEDGER + message_id)


def evidence(customer_id: str, sequence: str) -> Key:
    """Consent evidence is a partition of its own: append-only can be granted by partition only."""
    return Key("customers", f"EVIDENCE#{customer_id}", sequence)


def wait(customer_id: str, name: str) -> Key:
    """A workflow that waits for this customer, by its name: what erasure has to stop."""
    return customer(customer_id, WAIT + name)


def wording(text_hash: str) -> Key:
    """A text that somebody agreed to, by its hash: no personal data, and it outlives every customer."""
    return Key("knowledge", f"WORDING#{text_hash}", ONLY)


def request(kind: str, ref: str) -> Key:
    """A person's legal request, open until it is answered; `ref` names the delivery that brought it."""
    return Key("customers", f"REQUEST#{kind}#{ref}", ONLY)


def email_alias(keyed_hash: str) -> Key:
    return Key("customers", f"ALIAS#email#{keyed_hash}", ONLY)


def email_hash_of(alias: Key | None) -> str | None:
    """The keyed hash in a key that email_alias() made."""
    return alias.pk.removeprefix("ALIAS#email#") if alias else None


def platform_alias(shop: str, customer_ref: str) -> Key:
    return Key("customers", f"ALIAS#platform#{shop}:{customer_ref}", ONLY)


def order_alias(order_key: str) -> Key:
    return Key("customers", f"ALIAS#order#{order_key}", ONLY)


def shipment(customer_id: str, shipment_key: str, *, archived: bool = False) -> Key:
    place = customer(customer_id, SHIPMENT + shipment_key)
    return in_archive(place) if archived else place


def shipment_alias(shipment_key: str) -> Key:
    return Key("customers", f"ALIAS#shipment#{shipment_key}", ONLY)


def subscription_alias(subscription_key: str) -> Key:
    return Key("customers", f"ALIAS#subscription#{subscription_key}", ONLY)


def parcel(number: str, carrier: str | None = None) -> Key:
    """By the normalised number, with or without its carrier: scans wait at the bare number until a shipment names it."""
    return Key("customers", f"PARCEL#{carrier or ONLY}#{number}", ONLY)


def erased(keyed_hash: str) -> Key:
    """What is left of a name that an erased person was known by: the keyed hash of its alias, and nothing else."""
    return Key("customers", f"ERASED#{keyed_hash}", ONLY)


def of_shop(shop: str, first_seen: datetime | None = None, customer_id: str = "") -> Key:
    """One row for each customer of a shop, in the order in which they came."""
    return Key("customers", f"SHOP#{shop}", f"{first_seen:%Y-%m-%dT%H:%M:%SZ}#{customer_id}" if first_seen else ONLY)


def mention(keyed_hash: str, place: Key | None = None) -> Key:
    """That a parked body names this address: what cannot be read as a fact is found by it."""
    return Key("customers", f"MENTION#{keyed_hash}", f"{place.pk}|{place.sk}" if place else ONLY)


def delivery(delivery_key: str) -> Key:
    """Dedupe marker, journal row and outbox of one delivery, in one item."""
    return Key("customers", f"DELIVERY#{delivery_key}", ONLY)


def parked(sender: str, received_at: datetime, delivery_key: str) -> Key:
    return Key("customers", f"PARKED#{sender}#{received_at:%Y-%m-%d}", delivery_key)


def switch() -> Key:
    """The kill switch of the stage: one item, read strongly consistent by every gate invocation."""
    return Key("knowledge", "SETTINGS", "SWITCH")


_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]


def base32(raw: bytes) -> str:
    """Base32 in lower case without padding (RFC 4648), two characters at a time: in half the time of the standard library."""
    bits = 8 * len(raw)
    filled = bits + -bits % 10
    number = int.from_bytes(raw, "big") << filled - bits
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(filled - 10, -1, -10)])[: -(-bits // 5)]


def quota() -> Key:
    """What the mail provider allows the account, as it was last read."""
    return Key("knowledge", "SETTINGS", "QUOTA")


def endpoint(name: str) -> Key:
    """That an endpoint of the store's webhooks is closed; absent while it is open."""
    return Key("knowledge", "SETTINGS", f"ENDPOINT#{name}")


def cadence() -> Key:
    """How the segments answer digests and single messages: sums that only grow."""
    return Key("knowledge", "CADENCE", ONLY)


def rate(channel: str, shard: int) -> Key:
    """One share of a channel's sending rate: the instant from which the next place is free."""
    return Key("knowledge", f"RATE#{channel}#{shard}", ONLY)


def response(shard: int) -> Key:
    """How all customers together answer on each channel: one share of the sums."""
    return Key("knowledge", f"RESPONSE#{shard}", ONLY)


def phone_owner(keyed_hash: str, customer_id: str) -> Key:
    """Whose number it is that somebody writes from, by its keyed hash. It may belong to several customers, who stay several: a
    partition for each number, with an item for each customer. What is erased by customer finds it by their numbers."""
    return Key("customers", f"PHONE#{keyed_hash}", f"C#{customer_id}")


def chat_alias(provider_id: str) -> Key:
    """Whose message a WhatsApp message is, by the only name that its events have; gone after 90 days. What is erased by customer
    finds it by the provider's ids in their ledger."""
    return Key("customers", f"ALIAS#chat#{provider_id}", ONLY)


@lru_cache(maxsize=4096)
def message_id(message_key: str) -> str:
    """The short name of a message outside our tables: 32 characters of a-z2-7, safe as tag, execution, schedule or link."""
    # 20 bytes are 32 characters, without padding.
    return base32(hashlib.sha256(message_key.encode()).digest()[:20])


def share(name: str) -> float:
    """A number from 0 to 1 (without it) that is the same for the same name, and even over many names."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48

"""Every key of both tables, and the two names of a message. Keys are text and are built nowhere else.

In a customer's partition `1#` is hot (one Query loads it for the gate) and `9#` is history.
"""

import hashlib
from datetime import UTC, datetime
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
ALERT = "1#ALERT#"
LEARNED = "1#LEARNED"  # how the customer answers on each channel, and at which hours: sums, no message and no text
FEEDBACK = "1#FEEDBACK"  # the newest answers, a line each: no text
BEHAVIOUR = "1#BEHAVIOUR"  # on which of the last days the customer looked at what, where they agreed to that
SIGNALS = "1#SIGNALS"  # what the newest feedback came to: closed words
LEDGER = "9#LEDGER#"
ANSWER = "9#ANSWER#"
WORDS = "9#WORDS#"
LESSON = "L#"  # in a partition of its own: what waits to teach the reading of customers' words
SETUP = "9#SETUP#"
MEDIA = "9#MEDIA#"
REPOST = "9#REPOST#"
HISTORY = "9#"
COUNTED = "T#"  # in a week's partition: a part of what was counted in one shop
OWNERS = "OWNS#"
ASKED = "ASKED#"
ARCHIVE = "9#ARCHIVE#"
WAIT = "9#WAIT#"
INBOUND = "9#INBOUND#"
ERASED = "1#ERASED"
FRESH = "9#FRESH"
REORDERS = "9#REORDERS"  # what runs out when, by family, and what the customer said of it
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


def alert(customer_id: str, product_key: str) -> Key:
    return customer(customer_id, ALERT + product_key)


def product(product_key: str) -> str:
    """The partition of a product's index: who asked for it, and who has bought it, by customer id."""
    return f"PRODUCT#{product_key}"


def product_owner(product_key: str, customer_id: str, order_key: str) -> Key:
    """One for each order that has the product, so that what becomes of one order leaves the others alone."""
    return Key("customers", product(product_key), f"{OWNERS}{customer_id}#{order_key}")


def product_asker(product_key: str, customer_id: str) -> Key:
    return Key("customers", product(product_key), ASKED + customer_id)


def out_of_stock(product_key: str) -> Key:
    """That a product cannot be sent at present; absent while nobody says so."""
    return Key("knowledge", f"STOCK#{product_key}", ONLY)


def publication(publication_key: str) -> Key:
    """What a store published about its products: texts of the store's, nobody's data."""
    return Key("knowledge", f"PUBLICATION#{publication_key}", ONLY)


def wave(publication_key: str) -> Key:
    """How far a publication has come through its readers."""
    return Key("knowledge", f"WAVE#{publication_key}", ONLY)


def case(customer_id: str, case_ref: str, *, archived: bool = False) -> Key:
    place = customer(customer_id, CASE + case_ref)
    return in_archive(place) if archived else place


def ledger(customer_id: str, message_id: str) -> Key:
    """By the message's short name, because that is all a provider's event brings back."""
    return customer(customer_id, LEDGER + message_id)


def answer(customer_id: str, order_key: str, version: int) -> Key:
    """One version of what a customer said of an order."""
    return customer(customer_id, f"{ANSWER}{order_key}#{version:03d}")


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def words(customer_id: str, kind: str, ref: str, said_at: datetime) -> Key:
    """What a customer wrote elsewhere (a review, a mention, to support); a changed review is another one of its ref."""
    return customer(customer_id, f"{WORDS}{kind}#{ref}#{_instant(said_at)}")


def of_return(order_key: str, return_ref: str) -> str:
    """What was said of a return is named by it: `<shop>:<the return's reference>`."""
    return f"{order_key.partition(':')[0]}:{return_ref}"


def lesson(shop: str, language: str, at: datetime | None = None, customer_id: str = "") -> Key:
    """A text of a customer that has not taught its shop's reading yet: a pointer to where it lies."""
    name = f"{_instant(at)}#{customer_id}" if at else ONLY
    return Key("customers", f"LESSONS#{shop}#{language}", LESSON + name)


def reading_model(shop: str, language: str) -> Key:
    """What a shop's answers in a language have taught about words."""
    return Key("knowledge", f"READING#{shop}#{language}", "MODEL")


def reading_turn(shop: str, language: str) -> Key:
    """When somebody last took the turn to teach it."""
    return Key("knowledge", f"READING#{shop}#{language}", "TURN")


def media(customer_id: str, ref: str) -> Key:
    """A picture or film that a customer shared."""
    return customer(customer_id, MEDIA + ref)


def repost(customer_id: str, ref: str) -> Key:
    """That it was counted, and whether the store may show it."""
    return customer(customer_id, REPOST + ref)


def media_count(shop: str, product: str, at: datetime) -> Key:
    """How many pictures and films of a product were shared in a calendar quarter (UTC)."""
    day = at.astimezone(UTC)
    return Key("knowledge", f"MEDIA#{shop}", f"{day.year}-Q{(day.month + 2) // 3}#{product}")


def setup(customer_id: str, order_key: str) -> Key:
    """How far the products of an order are set up."""
    return customer(customer_id, SETUP + order_key)


def evidence(customer_id: str, sequence: str) -> Key:
    """Consent evidence is a partition of its own: append-only can be granted by partition only."""
    return Key("customers", f"EVIDENCE#{customer_id}", sequence)


def wait(customer_id: str, name: str) -> Key:
    """A workflow that waits for this customer, by its name: what erasure has to stop."""
    return customer(customer_id, WAIT + name)


def inbound(customer_id: str, ref: str) -> Key:
    """What this customer wrote, by the name that its event has."""
    return customer(customer_id, INBOUND + ref)


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
    """How the groups of customers answer digests and single messages: sums that only grow."""
    return Key("knowledge", "CADENCE", ONLY)


def buyers(shop: str) -> Key:
    """What a shop's customers have taught about how people buy there: quantiles and parameters, nobody's."""
    return Key("knowledge", f"BUYERS#{shop}", "MODEL")


def reorder(taught: str) -> Key:
    """One of the sums that purchases teach: `store`, a family's (`f:`), a product's (`p:`), the gate's, an offer's (`o:`)."""
    return Key("knowledge", f"REORDER#{taught}", ONLY)


def came_back(shop: str, week: str = "") -> Key:
    """How many of a shop's customers came back, as it was in a week; all weeks of a shop lie together."""
    return Key("knowledge", f"RETENTION#{shop}", week)


def prices(shop: str) -> Key:
    """What the things of each family cost in a shop, in thirds."""
    return Key("knowledge", f"BUYERS#{shop}", "PRICES")


def rate(channel: str, shard: int) -> Key:
    """One share of a channel's sending rate: the instant from which the next place is free."""
    return Key("knowledge", f"RATE#{channel}#{shard}", ONLY)


def response(shard: int) -> Key:
    """How all customers together answer on each channel: one share of the sums."""
    return Key("knowledge", f"RESPONSE#{shard}", ONLY)


def call(week: str, saves: int | None = None, customer_id: str = "") -> Key:
    """Somebody whom a call might keep, of a week: those first whom it is expected to save most, in cents."""
    return Key("customers", f"CALLS#{week}", f"{10**10 - saves:011d}#{customer_id}" if saves is not None else ONLY)


def call_budget(week: str) -> Key:
    """How many of a week's calls are given out."""
    return Key("knowledge", f"CALLS#{week}", ONLY)


def tally(week: str, shop: str, part: str) -> Key:
    """One part of what was counted in a week in a shop; all of a week lie together."""
    return Key("knowledge", f"TALLY#{week}", f"{COUNTED}{shop}#{part}")


def report(shop: str, week: str) -> Key:
    """What is told of a week, as its page and as data."""
    return Key("knowledge", f"REPORT#{shop}", week)


def review_arms(choice: str) -> Key:
    """How requests for reviews are answered, by the arms of one choice (their words, a family's days, the thanks): sums that only
    grow."""
    return Key("knowledge", f"REVIEWS#{choice}", "ARMS")


def promised(kind: str, at: datetime) -> Key:
    """What was promised for reviews of one kind of thanks in a calendar month (UTC)."""
    return Key("knowledge", f"PROMISED#{kind}", f"{at.astimezone(UTC):%Y-%m}")


def exposures(experiment: str, at: datetime) -> Key:
    """How many messages showed each arm of an experiment in a calendar month (UTC)."""
    return Key("knowledge", f"EXPOSED#{experiment}", f"{at.astimezone(UTC):%Y-%m}")


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

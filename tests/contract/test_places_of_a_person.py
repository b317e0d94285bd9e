"""Erasure reaches every place that keys.py can build: with something of a person at each, it leaves what its list says."""

import json
from datetime import timedelta

import pytest

from aftercare import keys, requests
from aftercare.erasure import LOOK_AGAIN, Eraser, Outcome
from aftercare.kept import Erasure, Found, kind_of
from aftercare.requests import Asked
from aftercare.store import CustomerErased, load
from aftercare.table import Put
from tests.contract.test_kept import built
from tests.small_outside import START, small

__all__ = ["small"]

ANNA, BEN, EMAIL = "c0anna", "c0ben", "anna@example.com"


def places(small, customer_id=ANNA, email=EMAIL):
    """Every key of a person, by the function of keys.py that builds it; addresses are theirs, nobody's places are left out."""
    # What names a person without their id has their name in it.
    given = dict.fromkeys(("shop", "order_key", "shipment_key", "subscription_key", "customer_ref", "delivery_key"), customer_id)
    given |= dict.fromkeys(("provider_id", "number", "ref", "name", "message_id", "case_ref"), customer_id)
    given |= {
        "kind": "export",
        "customer_id": customer_id,
        "keyed_hash": small.email_hash(email),
        "received_at": START,
        "first_seen": START,
    }
    given["place"] = keys.parked("shopify", START, customer_id)
    found = {name: key for name, key in built(**given).items() if not name.startswith("customer:") and key.table == "customers"}
    hot = ("PROFILE", "CONSENT", "WISHES", "SLOT", "CAPS", "LEARNED", "FEEDBACK", "SIGNALS", "BEHAVIOUR", "FRESH", "REORDERS")
    found |= {f"customer:{name}": keys.customer(customer_id, getattr(keys, name)) for name in hot}
    found["shipment:archived"] = keys.shipment(customer_id, customer_id, archived=True)
    found["case:archived"] = keys.case(customer_id, customer_id, archived=True)
    return {name: key for name, key in found.items() if name not in ("customer", "in_archive", "erased")}


def item(key, customer_id=ANNA, email=EMAIL):
    """Something of the person, as far as erasure reads it."""
    kind = kind_of(key)
    kept = {"doc": json.dumps({"contact": {"email": email}}), "version": 1, "sign": email}
    if kind.found is Found.OWNER:
        kept["customer_id"] = customer_id
    if kind.name == "wait":
        kept |= {"machine": "arn:aws:states:eu-central-1:123456789012:stateMachine:remind", "key": "k"}
    if kind.name == "request":
        asked = requests.opened(Asked.EXPORT, customer_id, "shopify", "shopify", START, (customer_id,), email=email)
        kept["doc"] = asked.to_json()
    return kept


def live(small, customer_id=ANNA, email=EMAIL):
    there = places(small, customer_id, email)
    for key in there.values():
        small.tables.twin.write([Put(key, item(key, customer_id, email))])
    small.tables.looked.clear()  # these items are signs and keep to no class
    return there


def erase(small):
    eraser = Eraser(small, lambda: timedelta(minutes=5))
    assert eraser.erase(ANNA) is Outcome.WAITS
    small.clock.at += LOOK_AGAIN
    assert eraser.erase(ANNA) is Outcome.ERASED


def there(small, found):
    return {name: small.tables.twin.read([key]).get(key) for name, key in found.items()}


def test_every_place_of_a_person_is_removed_reduced_or_says_why_it_stays(small):
    found = live(small)
    assert {kind_of(key).found for key in found.values()} == set(Found)
    assert all(there(small, found).values())
    erase(small)
    for name, left in there(small, found).items():
        kind = kind_of(found[name])
        if kind.erasure is Erasure.REMOVED:
            assert left is None, name
        elif kind.erasure is Erasure.REDUCED:
            assert left is not None and EMAIL not in json.dumps({**left, "sign": ""}), name
        else:
            assert (name, bool(kind.because)) == ("delivery", True)
    with pytest.raises(CustomerErased):
        load(small.tables.twin, ANNA)


def test_every_function_that_builds_a_key_is_held_against_erasure(small):
    """One that is new is of a person (and above), or of nobody, which its kind says with a reason."""
    nobodys = {name for name, key in built().items() if kind_of(key).found is Found.NOBODY}
    own = places(small).keys() | {"customer", "in_archive", "customer:ERASED"}
    assert built().keys() - own == nobodys - {"delivery"}
    assert all(kind_of(built()[name]).because for name in nobodys)


def test_and_every_place_of_another_person_is_as_it_was(small):
    others = live(small, BEN, "ben@example.com")
    before = there(small, others)
    assert all(before.values())
    live(small)
    erase(small)
    assert there(small, others) == before


def test_what_has_expired_and_is_not_deleted_yet_goes_with_the_person(small):
    live(small)
    old = keys.ledger(ANNA, "old")
    small.tables.twin.write([Put(old, {"doc": json.dumps({"text": EMAIL}), "expires_at": int(START.timestamp())})])
    assert small.tables.twin.read([old]) == {}
    assert any(i["sk"] == old.sk for i in small.items("CUSTOMER#"))
    erase(small)
    assert [i["sk"] for i in small.items(f"CUSTOMER#{ANNA}")] == [keys.CONSENT, keys.ERASED]

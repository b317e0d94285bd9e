"""Nothing of one customer reaches another: with the other's data changed, every byte of the first stays as it was (I10)."""

import pytest

from aftercare import keys
from aftercare.clock import iso
from simulator.cloud import LocalCloud
from tests.journeys.conftest import Shop

ANNA = "anna@example.com"
MILD = {"email": "ben@example.com", "name": "Ben", "title": "Filter coffee", "amount": "12.00", "country": "DE", "shade": "mild"}
MILD["signs"] = ("ben@example.com", "Filter coffee")
WILD = {
    "email": "zoe@other.example",
    "name": "{{7*7}}<script>Zoë</script>",
    "title": "=cmd|'/c calc'!A1 \u202e",
    "amount": "99999.99",
    "country": "US",
    "shade": "anna@example.com",
    "signs": ("zoe@other", "7*7", "calc", "99999", "99,999"),
}


def world(other):
    """Anna's records and letters in a world where the other customer is as given; both do the same things at the same times."""
    with LocalCloud("memory", seed=23, switch="on") as cloud:
        shop = Shop(cloud)
        for ref in ("1", "2"):
            contact = {"email": other["email"], "name": other["name"]}
            total = {"amount": other["amount"], "currency": "EUR"}
            more = {"contact": contact, "country": other["country"], "total": total, "region": other["shade"]}
            shop.order(f"B{ref}", email=None, title=other["title"], consent=("reorder",), **more)
            shop.order(f"A{ref}", consent=("reorder",))
            cloud.advance(days=1)
        for ref, number in (("B2", "00340434161094000011"), ("A2", "00340434161094000028")):
            parcels = [{"number": number, "carrier": "DHL"}]
            shop.put("ShipmentCreated", ref=f"S-{ref}", order_ref=ref, occurred_at=iso(cloud.now), parcels=parcels)
        cloud.advance(days=40)
        items = list(cloud.items("CustomerTable"))
        (pk,) = {
            str(i["pk"])
            for i in items
            if i["sk"] == keys.PROFILE and ANNA in str(i["doc"]) and other["email"] not in str(i["doc"])
        }
        anna = keys.customer_id_of(pk)
        kept = [item for item in items if anna in str(item["pk"]) or item.get("customer_id") == anna]
        letters = [(m.mail.subject, m.mail.html, m.mail.text, m.mail.mime(), dict(m.tags)) for m in shop.letters(ANNA)]
        return kept, letters


def test_another_customers_data_changes_no_byte_of_hers():
    mild, wild = world(MILD), world(WILD)
    assert len(mild[1]) >= 3
    assert mild[0] == wild[0]
    assert mild[1] == wild[1]


@pytest.mark.parametrize("other", [MILD, WILD], ids=["mild", "wild"])
def test_and_nothing_of_it_stands_in_her_records_or_letters(other):
    kept, letters = world(other)
    text = repr(kept) + repr(letters)
    assert [sign for sign in other["signs"] if sign in text] == []
    assert ANNA in text

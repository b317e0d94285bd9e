"""Nothing of one customer reaches another: with the other's data changed, every byte of the first stays as it was (I10)."""

import re
from email import message_from_bytes, policy
from functools import cache
from urllib.parse import urlsplit

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


def lives(shop, ref, other):
    """What the other customer does besides ordering, each at the same instants in both worlds."""
    contact, at = {"email": other["email"], "name": other["name"]}, iso(shop.cloud.now)
    said = [{"channel": "email", "purpose": "promotional", "says": "given", "confirmed": True, "text": other["title"]}]
    shop.put("CustomerUpdated", customer_ref="C-B", contact=contact, tags=[other["shade"]], occurred_at=at)
    shop.put("ConsentChanged", customer_ref="C-B", contact=contact, said=said, occurred_at=at)
    shop.put("SupportCaseOpened", ref="T-B", order_ref=ref, customer_ref="C-B", contact=contact, occurred_at=at)
    shop.put("ReturnRequested", ref="R-B", order_ref=ref, occurred_at=at, reason="damaged", wish="refund")
    shop.put("OrderPlaced", ref="broken", occurred_at="never", order={"contact": contact, "name": other["title"]})
    shop.put("SupportCaseClosed", ref="T-B", order_ref=ref, customer_ref="C-B", contact=contact, occurred_at=at)


def seen(cloud, letters):
    """What every link of her letters shows, and the pages behind them."""
    shown = {}
    for letter in letters:
        for link in re.findall(r"https?://[^\s\"<>]+", letter.get_body(("plain",)).get_content()):
            path = urlsplit(link.rstrip(".,)")).path
            if re.match(r"/[a-z]/[\w-]{40,}", path):
                shown[path] = cloud.http("GET", path).text
                for more in ("/why", "/return", ".json"):
                    shown[path + more] = cloud.http("GET", path + more).text
    return shown


def unnumbered(item):
    """Her record without the provider's running number, which counts all mail of a world: how much the other gets is not hers.
    What the provider told of a message is marked by a hash of that number; how often it told stays."""
    doc = re.sub(r'("provider_id":)"[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{6}"', r'\1"numbered"', str(item.get("doc", "")))
    told = [name for name in item if name.startswith("seen_")]
    rest = {name: value for name, value in item.items() if name not in told}
    return {**rest, "doc": doc, "told": [item[name] for name in told]}


@cache
def world(backend, wild):
    """Anna's records, letters and pages in a world where the other customer is as given; both do the same at the same times."""
    other = WILD if wild else MILD
    with LocalCloud(backend, seed=23, switch="on") as cloud:
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
        lives(shop, "B2", other)
        cloud.advance(days=40)
        items = list(cloud.items("CustomerTable"))
        (pk,) = {
            str(i["pk"])
            for i in items
            if i["sk"] == keys.PROFILE and ANNA in str(i["doc"]) and other["email"] not in str(i["doc"])
        }
        anna = keys.customer_id_of(pk)
        kept = [item for item in items if anna in str(item["pk"]) or item.get("customer_id") == anna]
        sent = [(letter.mime(), dict(letter.tags)) for letter in shop.letters(ANNA)]
        return kept, sent, seen(cloud, [message_from_bytes(mime, policy=policy.default) for mime, _ in sent])


@pytest.mark.parametrize("backend", ["memory", "moto"])
def test_another_customers_data_changes_no_byte_of_hers(backend):
    mild, wild = world(backend, False), world(backend, True)
    assert len(mild[1]) >= 3
    assert len([page for page in mild[2].values() if "Filter" not in page and "espresso" in page]) >= 3
    assert [unnumbered(item) for item in mild[0]] == [unnumbered(item) for item in wild[0]]
    assert mild[1] == wild[1]
    assert mild[2] == wild[2]


@pytest.mark.parametrize("backend", ["memory", "moto"])
@pytest.mark.parametrize("other", [MILD, WILD], ids=["mild", "wild"])
def test_and_nothing_of_it_stands_in_her_records_letters_or_pages(backend, other):
    kept, letters, shown = world(backend, other is WILD)
    read = [message_from_bytes(mime, policy=policy.default) for mime, _ in letters]
    parts = [(letter.items(), [part.get_content() for part in letter.walk() if not part.is_multipart()]) for letter in read]
    text = repr(kept) + repr(letters) + repr(parts) + repr(shown)
    assert [sign for sign in other["signs"] if sign in text] == []
    assert ANNA in text


def test_both_backends_show_her_the_same():
    """The same letters and pages but for ids that a backend gives itself."""
    on_memory, on_moto = world("memory", True), world("moto", True)
    assert on_memory[1] == on_moto[1]
    assert on_memory[2] == on_moto[2]

"""The list of what is kept holds every place that is written, and each place once; whoever writes elsewhere fails here."""

import ast
import inspect
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from aftercare import keys
from aftercare.kept import KINDS, Erasure, Found, kind_of
from aftercare.keys import Key
from shipping_delay import knowledge

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
GIVEN = {
    "sk": "1#PROFILE",
    "customer_id": "c0anna",
    "order_key": "shop:1070",
    "message_id": "m1",
    "case_ref": "shop:T-1",
    "product_key": "shop:P-100",
    "publication_key": "shop:restock-1",
    "saves": 4200,
    "sequence": "2026-03-02T09:15:00Z#d1#00",
    "name": "w1",
    "text_hash": "h1",
    "kind": "erasure",
    "choice": "wording",
    "product": "COF-1",
    "experiment": "review-incentive",
    "ref": "r1",
    "keyed_hash": "h1",
    "shop": "shop",
    "customer_ref": "C-1",
    "shipment_key": "shop:S-1",
    "subscription_key": "shop:SUB-1",
    "provider_id": "p1",
    "number": "JD014600003",
    "carrier": "dhl",
    "delivery_key": "d1",
    "sender": "shopify",
    "received_at": AT,
    "first_seen": AT,
    "at": AT,
    "said_at": AT,
    "language": "de",
    "shard": 1,
    "version": 2,
    "channel": "email",
    "place": Key("customers", "PARKED#shopify#2026-03-02", "d1"),
    "hot": Key("customers", "CUSTOMER#c0anna", "1#ORDER#shop:1070"),
    "archived": False,
    "alias": None,
    "week": "2026-W10",
    "part": "feedback",
    "taught": "f:coffee",
}
ONE_EACH = (
    "PROFILE",
    "CONSENT",
    "WISHES",
    "SLOT",
    "CAPS",
    "LEARNED",
    "FEEDBACK",
    "SIGNALS",
    "BEHAVIOUR",
    "ERASED",
    "FRESH",
    "REORDERS",
)


def built(**given):
    """An example of every key that keys.py builds, by the function that builds it."""
    found, given = {}, {**GIVEN, **given}
    for name, function in inspect.getmembers(keys, inspect.isfunction):
        if function.__module__ == keys.__name__ and inspect.signature(function).return_annotation is Key:
            found[name] = function(**{parameter: given[parameter] for parameter in inspect.signature(function).parameters})
    found |= {f"customer:{name}": keys.customer("c0anna", getattr(keys, name)) for name in ONE_EACH}
    found["shipment:archived"] = keys.in_archive(keys.shipment("c0anna", "shop:S-1"))
    found["case:archived"] = keys.in_archive(keys.case("c0anna", "shop:T-1"))
    found["forecast knowledge"] = knowledge.place("lane:de:de")
    return found


@pytest.mark.parametrize(("name", "key"), built().items(), ids=list(built()))
def test_every_key_that_is_built_is_of_exactly_one_kind(name, key):
    matching = [k for k in KINDS if k.table == key.table and fnmatchcase(key.pk, k.pk) and fnmatchcase(key.sk, k.sk)]
    assert [k.name for k in matching] == [kind_of(key).name]


def test_every_kind_is_of_a_key_that_is_built():
    assert {kind_of(key).name for key in built().values()} == {kind.name for kind in KINDS}


def test_nothing_builds_a_key_elsewhere():
    """A partition key is put together in keys.py, and in the one place for the sums that a function alone knows."""
    elsewhere = set()
    for file in [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers/shared/aftercare").rglob("*.py")]:
        calls = (node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
        made = (c for c in calls if ast.unparse(c.func).split(".")[-1] == "Key" and len(c.args) == 3)
        if any(isinstance(call.args[1], ast.JoinedStr | ast.Constant) for call in made):
            elsewhere.add(file.name)
    assert elsewhere == {"keys.py", "knowledge.py"}


def test_every_prefix_of_a_partition_is_known():
    """A sort key's constant of keys.py leads to a kind: a new one is listed before it is written."""
    constants = {n: v for n, v in vars(keys).items() if n.isupper() and isinstance(v, str) and v[:2] in ("1#", "9#")}
    groups = {"HOT", "HISTORY", "ARCHIVE"}
    for name, start in constants.items():
        if name not in groups:
            assert kind_of(keys.customer("c0anna", start if not start.endswith("#") else f"{start}x")), name


def test_what_is_a_persons_is_found_and_what_stays_says_why():
    for kind in KINDS:
        assert (kind.found is Found.NOBODY) <= (kind.erasure is Erasure.STAYS), kind.name
        assert bool(kind.because) == (kind.erasure is not Erasure.REMOVED), kind.name
        if kind.found in (Found.PARTITION, Found.EVIDENCE):
            assert kind.pk.startswith(("CUSTOMER#", "EVIDENCE#"))

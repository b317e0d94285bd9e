"""Each kind of item has its class of retention, and whatever is written keeps to it: in a life in which every kind is written.

tests/kept_items.py looks in the same way at all that unit tests and journeys write.
"""

import inspect
import re
from urllib.parse import urlencode

import pytest

from aftercare import retention
from aftercare.clock import iso
from aftercare.kept import KINDS
from aftercare.retention import CLASSES, PACE, PERSON, Retention
from simulator.cloud import LocalCloud
from tests.builders import NOON
from tests.journeys import test_forgotten as forgotten
from tests.journeys.test_channels import PHONE, Store
from tests.kept_items import Looked, wrong

WHATSAPP = "arn:aws:social-messaging:us-east-1:123456789012:phone-number-id/574086085794038"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def calls_of_a_week(shop):
    """Somebody who spent much and stays away, and the list of whom to call."""
    cloud = shop.cloud
    for ref in ("far-1", "far-2", "far-3", "far-4", "far-5", "far-6"):
        total = {"amount": "900", "currency": "EUR"}
        shop.order(ref, email="far@example.com", total=total)
        cloud.advance(days=7)
    cloud.advance(days=45)


def everything(shop):
    """One life in which each kind of item is written, and its end."""
    cloud = shop.cloud
    forgotten.lived(shop)
    at = iso(cloud.now)
    account = {"email": forgotten.EMAIL, "phone": forgotten.PHONE, "name": forgotten.NAME}
    text = {"wording": "newsletter-3", "text": "Write to me about offers."}
    leave = {"purpose": "behaviour", "says": "given", "text": "You may note what I look at."}
    said = [leave, {"channel": "email", "purpose": "promotional", "says": "given", "confirmed": True, **text}]
    shop.put("ConsentChanged", customer_ref="C-1", contact=account, said=said, occurred_at=at)
    shop.put("ProductViewed", sku="CAM-1", customer_ref="C-1", occurred_at=at)
    shop.put("SubscriptionUpdated", ref="SUB-1", customer_ref="C-1", order_ref="2", occurred_at=at)
    shop.put("SubscriptionRenewed", ref="SUB-2", occurred_at=at)
    shop.put("OrderCancelled", ref="early", occurred_at=at)
    shop.put("ShipmentMoved", ref="S-early", occurred_at=at, scans=[{"status": "in_transit", "at": at}])
    forgotten.scan(shop, number="00340434161094999988")
    for case in range(12):
        shop.put("SupportCaseOpened", ref=f"T-{case}", order_ref="2", occurred_at=at)
        shop.put("SupportCaseClosed", ref=f"T-{case}", order_ref="2", occurred_at=at)
    lines = [{"line_ref": str(n), "title": "A coffee of many words " * 5, "quantity": 1} for n in range(20)]
    for ref in range(100, 106):
        forgotten.placed(shop, str(ref), lines=lines)
        forgotten.parcel(shop, str(ref), number=f"00340434161094{ref:06d}")
    mail = shop.letters(forgotten.EMAIL)[-1].mail.text
    path = re.search(r"https://[^/\s]+(/p/\S+)", mail)[1]
    assert cloud.http("POST", path, FORM, urlencode({"frequency": "weekly"}).encode()).status == 200
    assert cloud.http("POST", f"{path}/export", FORM, b"").status == 200
    for n in range(11):  # so many have to write before the reading of words is taught
        shop.order(f"r{n}", email=f"reader{n}@example.com")
        shop.put("ReviewPosted", ref=f"r{n}", order_ref=f"r{n}", occurred_at=iso(cloud.now), score=4, text="Lovely coffee")
    shop.put("ItemOutOfStock", order_ref="r1", line_refs=["1"], occurred_at=iso(cloud.now))
    for name in ("third", "fourth"):
        shop.order(name, "Camera", "Camera", email=f"{name}@example.com", consent=("reorder", "survey"))
    forgotten.parcel(shop, "third", number="00340434161094777777")
    forgotten.scan(shop, "delivered", number="00340434161094777777")
    for n in range(8):  # of whom some are drawn for thanks
        shop.order(f"p{n}", email=f"reviewer{n}@example.com", consent=("promotional", "survey"))
        forgotten.parcel(shop, f"p{n}", number=f"0034043416109466666{n}")
        forgotten.scan(shop, "delivered", number=f"0034043416109466666{n}")
    shop.put("MediaShared", ref="P-1", network="instagram", order_ref="third", occurred_at=iso(cloud.now))
    shop.place([("whatsapp", "transactional")])
    cloud.advance(hours=2)
    cloud.chat_in({"from": PHONE[1:], "id": "wamid.1", "type": "text", "text": {"body": "Is it on its way?"}})
    shop.parcel("shipped")
    forgotten.scan(shop, "delivered")
    cloud.advance(days=45)
    asked = "".join(letter.mail.text for letter in shop.letters("third@example.com"))
    for kind, form in (("s", {"score": "4", "text": "Good"}), ("g", {"step-camera-0": "on"}), ("m", {"says": "yes"})):
        path = re.search(rf"https://[^/\s]+(/{kind}/[\w-]+)", asked)[1]
        assert cloud.http("POST", path, FORM, urlencode(form).encode()).status == 200
    calls_of_a_week(shop)
    cloud.run()
    forgotten.erase(shop)


@pytest.fixture(scope="module")
def looked():
    with LocalCloud("memory", seed=7, switch="on", parameters={"WhatsAppPhoneNumberArn": WHATSAPP}) as cloud:
        found = [Looked("customers"), Looked("knowledge")]
        for look in found:
            cloud.backend.tables.listen(look.table, look)
        everything(Store(cloud))
        yield found


def test_every_kind_is_written_in_a_life_and_kept_as_its_class_says(looked):
    assert {kind.name for kind in KINDS} - {name for look in looked for name in look.kinds} == set()
    assert [trouble for look in looked for trouble in look.found] == []


def test_every_kind_has_a_class_and_every_class_a_kind():
    assert [kind.name for kind in KINDS if not kind.kept] == []
    assert {kept for kind in KINDS for kept in kind.kept} == set(CLASSES)
    assert [value for _, value in inspect.getmembers(retention) if isinstance(value, Retention) and value not in CLASSES] == []
    assert len({kept.name for kept in CLASSES}) == len(CLASSES)


def test_what_is_a_persons_ends_with_them_or_by_itself():
    for kind in KINDS:
        if str(kind.erasure) == "removed":
            assert all(kept.kept or kept in (PERSON, retention.OPEN) for kept in kind.kept), kind.name


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"pk": "DIARY#1", "sk": "-"}, "of no kind"),
        ({"pk": "CUSTOMER#c1", "sk": "1#DIARY"}, "of no kind"),
        ({"pk": "DELIVERY#d1", "sk": "-"}, "has no end"),
        ({"pk": "CUSTOMER#c1", "sk": "1#PROFILE", "expires_at": int(NOON.timestamp()) + 60}, "that ends"),
        ({"pk": "DELIVERY#d1", "sk": "-", "expires_at": int(NOON.timestamp()) + 401 * 86_400}, "kept longer than 400 days"),
        ({"pk": "PARCEL#-#1", "sk": "-", "doc": "[]"}, "has no end"),
        ({"pk": "PARCEL#-#1", "sk": "-", "customer_id": "c1", "expires_at": int(NOON.timestamp()) + 60}, "that ends"),
        (
            {"pk": "CUSTOMER#c1", "sk": "1#CASE#a:1", "doc": '{"ref":"a:1","closed_at":"2026-03-02T09:00:00Z"}'},
            "has no end",
        ),
    ],
    ids=lambda value: value["pk"] if isinstance(value, dict) else value,
)
def test_an_item_without_its_class_is_found(item, says):
    assert says in (wrong("customers", item, NOON) or "")


def test_a_class_without_a_set_time_gives_no_end():
    assert PERSON.kept is None
    for kept in CLASSES:
        if kept.kept is None:
            with pytest.raises(ValueError, match="has no set time"):
                kept.ends(NOON)
        else:
            assert kept.ends(NOON) == int((NOON + kept.kept).timestamp())
    assert PACE.kept is None

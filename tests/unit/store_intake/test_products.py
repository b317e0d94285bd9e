"""Who asked for a product and who has bought it lead from the product to them; what is published lies under its key."""

from dataclasses import replace

import pytest

from aftercare import keys
from aftercare.alerts import MOST_ALERTS, MOST_PRODUCTS
from aftercare.clock import parse_iso
from aftercare.consent import Channel, Purpose, Says
from aftercare.published import read
from aftercare.retention import ALERT
from tests.small_outside import sample
from tests.unit.store_intake.test_intake import put

PRODUCT = "example:P-100"


def lines(*refs, quantity=1):
    return [
        {"line_ref": str(n), "product_ref": ref, "title": f"Some {ref}", "quantity": quantity} for n, ref in enumerate(refs, 1)
    ]


def order(**more):
    return {**sample("store/OrderPlaced")["detail"]["order"], **more}


# ---------------------------------------------------------------- who asked


def test_a_wish_lies_on_the_record_and_leads_from_the_product_to_who_has_it(small):
    assert put("RestockRequested")["facts"] == ["CustomerUpdated", "ConsentChanged", "RestockRequested"]
    customer = small.customer()
    (alert,) = customer.alerts
    asked = parse_iso("2026-03-02T09:15:28Z")
    assert (alert.product, alert.asked_at) == (PRODUCT, asked)
    assert customer.profile.contact.email == "anna@example.com"
    assert customer.consent.head(Channel.EMAIL, Purpose.PROMOTIONAL).says is Says.PENDING, "Germany asks for a confirmation"
    place = keys.product_asker(PRODUCT, customer.id)
    (item,) = small.items(keys.product(PRODUCT))
    assert (item["sk"], item["customer_id"]) == (place.sk, customer.id)
    assert set(item) == {"pk", "sk", "customer_id", "asked_at", "expires_at"}
    assert item["expires_at"] == ALERT.ends(asked)


def test_a_wish_that_is_told_again_lasts_longer_and_an_older_one_changes_nothing(small):
    put("RestockRequested", occurred_at="2026-03-01T09:00:00Z", event_id="first")
    put("RestockRequested", occurred_at="2026-03-02T09:00:00Z", event_id="again")
    put("RestockRequested", occurred_at="2026-02-01T09:00:00Z", event_id="late")
    (alert,) = small.customer().alerts
    assert alert.asked_at == parse_iso("2026-03-02T09:00:00Z")
    assert len(small.items(keys.product(PRODUCT))) == 1


def test_a_wish_of_long_ago_makes_a_record_and_no_wish(small):
    put("RestockRequested", occurred_at="2025-01-01T09:00:00Z")
    assert small.customer().alerts == ()
    assert small.items("PRODUCT#") == []


def test_a_wish_of_nobody_is_refused_with_what_it_lacks(small):
    answer = put("RestockRequested", contact={"email": "not an address"}, customer_ref=None)
    assert "detail.contact.email" in answer["parked"] and answer["parked"].count("contact.email: expected an e-mail") == 1
    assert "product_ref" in put("RestockRequested", product_ref="what is this?", event_id="x")["parked"]


def test_a_wish_is_over_when_its_time_is_or_the_product_was_bought(small):
    put("RestockRequested", occurred_at="2026-03-02T09:00:00Z")
    (alert,) = small.customer().alerts
    assert alert.stands(small.customer())
    later = order(placed_at="2026-03-02T09:10:00Z", as_of="2026-03-02T09:10:00Z")
    put("OrderPlaced", order={**later, "lines": lines("P-9")}, ref="1071", event_id="o1")
    assert alert.stands(small.customer())
    put("OrderPlaced", order={**later, "lines": lines("P-100")}, ref="1072", event_id="o2")
    assert not alert.stands(small.customer())
    small.later(days=179)
    assert small.customer().alerts
    small.later(days=1)
    assert not small.customer().alerts


def test_of_very_many_wishes_the_latest_stand_on_the_record_and_in_the_index(small):
    for n in range(MOST_ALERTS + 5):
        put("RestockRequested", product_ref=f"P-{n}", occurred_at=f"2026-03-02T09:00:{n:02}Z", event_id=f"w{n}")
    products = {f"example:P-{n}" for n in range(5, MOST_ALERTS + 5)}
    assert {alert.product for alert in small.customer().alerts} == products
    assert {str(item["pk"]) for item in small.items("PRODUCT#")} == {keys.product(product) for product in products}
    put("RestockRequested", product_ref="P-9", occurred_at="2026-03-02T09:01:00Z", event_id="again")
    assert len(small.customer().alerts) == MOST_ALERTS


# ---------------------------------------------------------------- who bought


def test_where_the_setting_says_so_no_product_leads_anywhere(small):
    small.settings = replace(small.settings, product_owners="off")
    put("OrderPlaced")
    assert small.items("PRODUCT#") == []


def test_an_orders_products_lead_to_its_customer_in_the_orders_own_transaction(small):
    before = len(small.tables.calls)
    put("OrderPlaced")
    assert small.tables.calls[before:].count("write") == 1
    customer = small.customer()
    for product in ("example:P-100", "example:P-200"):
        (item,) = small.items(keys.product(product))
        assert set(item) == {"pk", "sk", "customer_id", "order", "expires_at"}
        assert (item["sk"], item["order"]) == (f"OWNS#{customer.id}#example:1070", "example:1070")


def test_the_same_order_told_again_writes_nothing_more_to_the_index(small):
    put("OrderPlaced")
    made = len(small.tables.made)
    put("OrderUpdated", event_id="u1")
    assert not [item for item in small.tables.made[made:] if str(item["pk"]).startswith("PRODUCT#")]


@pytest.mark.parametrize(
    "way",
    [
        {"order": order(lines=lines("P-200"), as_of="2026-03-02T10:00:00Z")},
        {"order": order(lines=[*lines("P-200"), *lines("P-100", quantity=0)], as_of="2026-03-02T10:00:00Z")},
    ],
)
def test_what_is_taken_off_the_order_leads_nowhere_any_more(small, way):
    put("OrderPlaced")
    put("OrderUpdated", event_id="u1", **way)
    assert small.items(keys.product("example:P-100")) == []
    assert len(small.items(keys.product("example:P-200"))) == 1


def test_a_cancelled_order_leads_nowhere_and_others_with_the_same_product_still_do(small):
    put("OrderPlaced")
    put("OrderPlaced", ref="1071", order=order(lines=lines("P-100")), event_id="o2")
    put("OrderCancelled", ref="1071", event_id="c1")
    assert [item["order"] for item in small.items(keys.product("example:P-100"))] == ["example:1070"]
    put("OrderCancelled", ref="1070", event_id="c2")
    assert small.items("PRODUCT#") == []


def test_an_order_of_very_many_products_that_becomes_another_is_recorded(small):
    put("OrderPlaced", order=order(lines=lines(*(f"P-{n}" for n in range(60)))))
    other = order(lines=lines(*(f"Q-{n}" for n in range(60))), as_of="2026-03-02T10:00:00Z")
    assert put("OrderUpdated", order=other, event_id="u1")["status"] == "recorded"
    assert {str(item["pk"])[:17] for item in small.items("PRODUCT#")} == {"PRODUCT#example:Q"}


def test_tests_gift_cards_and_references_that_are_no_key_are_left_out(small):
    card = {**lines("P-1")[0], "gift_card": True}
    odd = {**lines("P-2")[0], "product_ref": "a b/ü", "line_ref": "2"}
    put("OrderPlaced", order=order(lines=[card, odd]), event_id="o1")
    put("OrderPlaced", ref="1071", order=order(is_test=True), event_id="o2")
    assert small.items("PRODUCT#") == []


def test_an_order_of_very_many_products_is_recorded_and_leads_from_the_first_of_them(small):
    assert put("OrderPlaced", order=order(lines=lines(*(f"P-{n}" for n in range(300)))))["status"] == "recorded"
    assert len(small.items("PRODUCT#")) == MOST_PRODUCTS


def test_what_erasure_looks_through_has_every_place_in_the_index(small):
    put("OrderPlaced")
    put("OrderPlaced", ref="1071", order=order(lines=lines("P-7", "P-8")), event_id="o2")
    put("RestockRequested", product_ref="P-300", occurred_at="2026-03-02T09:00:00Z")
    there = {(str(i["pk"]), str(i["sk"])) for i in small.items("PRODUCT#")}
    assert there <= {(place.pk, place.sk) for place in small.tables.owned(small.customer().id)}
    assert len(there) == 5


# ---------------------------------------------------------------- what is published


def test_a_publication_lies_under_its_key_and_its_event_names_only_that(small):
    answer = put("AnnouncementPublished")
    assert answer["facts"] == ["AnnouncementPublished"]
    told = read(small.tables, "example:recall-2026-1")
    assert (told.kind, told.products, told.audience) == ("safety", ("example:P-200",), ("owners",))
    (delivery,) = small.items("DELIVERY#")
    assert '"publication":"example:recall-2026-1"' in str(delivery["events"])
    assert "slip" not in str(delivery["events"]) and "customer_id" not in delivery


def test_a_restock_is_told_to_who_asked_unless_the_store_says_otherwise(small):
    detail = sample("store/ProductRestocked")["detail"]
    put("ProductRestocked", audience=detail["audience"])
    assert read(small.tables, "example:restock-2026-12").audience == ("asked", "owners")
    put("ProductRestocked", ref="second", audience=["asked"], event_id="s")
    told = read(small.tables, "example:second")
    assert (told.kind, told.title) == ("restock", {"en": "House Espresso"})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "threat"}, "detail.kind"),
        ({"url": "javascript:alert(1)"}, "detail.url"),
        ({"product_refs": []}, "detail.product_refs"),
        ({"title": {}}, "detail.title"),
        ({"text": {"en": "x" * 700}}, "detail.text.en"),
        ({"audience": ["everyone"]}, "detail.audience"),
        ({"audience": ["owners", "asked"]}, "detail.audience"),
    ],
)
def test_a_publication_that_is_not_as_expected_is_parked_with_the_field(small, change, field):
    assert field in put("AnnouncementPublished", **change)["parked"]
    assert not [i for i in small.tables.twin.items("knowledge") if str(i["pk"]).startswith("PUBLICATION#")]


def test_the_same_publication_delivered_twice_is_told_once(small):
    put("AnnouncementPublished", event_id="same")
    assert put("AnnouncementPublished", event_id="same")["status"] == "duplicate"
    assert len(small.items("DELIVERY#")) == 1


def test_what_asked_before_still_stands_beside_what_is_bought_after(small):
    put("RestockRequested", occurred_at="2026-03-02T08:00:00Z")
    put("OrderPlaced")
    kinds = sorted(str(i["sk"]).partition("#")[0] for i in small.items(keys.product(PRODUCT)))
    assert kinds == ["ASKED", "OWNS"]
    (alert,) = small.customer().alerts
    assert not alert.stands(small.customer())

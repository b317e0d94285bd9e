"""What returns add to a week's sums: each once, with its reason once, and a sample of what was sold."""

from aftercare import tally
from aftercare.catalogue import catalogue
from aftercare.customer import OrderLine, Return
from feedback_survey.returned import SAMPLE, count_returned, count_sold, in_sample, pieces
from tests.builders import a_customer, an_order
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import START

BOOT = OrderLine(line_ref="1", title="Boot", quantity=2, product_type="Clothing", sku="BOOT-1")
BEANS = OrderLine(line_ref="2", title="House espresso", quantity=3, product_type="Coffee")
PART = "product#clothing:BOOT-1"


def counted(small, part=PART):
    week = tally.week_at(START, tally.store_zone())
    return tally.of_week(small.tables.twin, week).get("example", {}).get(part, {})


def record(small, **more):
    back = Return(**{"ref": "RET-1", "requested_at": START, "lines": {"1": 1}, **more})
    return a_profile(small, order=an_order(lines=(BOOT, BEANS), returns=(back,)))


def test_a_return_counts_once_however_often_it_is_told_of_and_its_reason_once_it_is_known(small):
    anna = record(small)
    for _ in range(3):
        count_returned(small, anna, "example:1070", "RET-1")
    assert counted(small) == {"return/n": 1, "return/units": 1}
    back = Return(ref="RET-1", requested_at=START, lines={"1": 1}, reason="too-small")
    order = anna.order("example:1070").model_copy(update={"returns": (back,)})
    told = a_customer(order)
    small.later(days=8)
    for _ in range(2):
        count_returned(small, told, "example:1070", "RET-1")
    assert counted(small) == {"return/n": 1, "return/units": 1, "return/too-small": 1}, "in the week in which it began"


def test_what_is_over_a_test_or_nobodys_is_not_counted(small):
    for more, order in (({"declined_at": START}, {}), ({}, {"is_test": True})):
        back = Return(**{"ref": "RET-1", "requested_at": START, "lines": {"1": 1}, **more})
        made = a_customer(an_order(lines=(BOOT,), returns=(back,), **order))
        count_returned(small, made, made.orders[0].key, "RET-1")
    count_returned(small, None, "example:1070", "RET-1")
    assert counted(small) == {}


def test_unsaid_is_no_reason_and_a_return_without_lines_is_all_of_its_order(small):
    anna = record(small, lines={}, reason="unsaid")
    count_returned(small, anna, "example:1070", "RET-1")
    assert counted(small) == {"return/n": 1, "return/units": 2}
    assert counted(small, "product#coffee:") == {"return/n": 1, "return/units": 3}, "without a SKU it counts for its family"


def test_one_order_in_eight_counts_as_sold_and_always_the_same():
    seen = [order for n in range(4000) if in_sample(order := an_order(str(n)))]
    assert abs(len(seen) / 4000 - SAMPLE) < 0.02
    assert all(in_sample(order) for order in seen)
    assert not any(in_sample(order.model_copy(update={"is_test": True})) for order in seen[:20])


def test_what_was_sold_is_counted_in_pieces(small):
    count_sold(small, an_order(lines=(BOOT, BEANS, BOOT.model_copy(update={"line_ref": "3"}))), catalogue())
    assert counted(small) == {"sold/units": 4}
    assert counted(small, "product#coffee:") == {"sold/units": 3}


def test_a_strange_sku_makes_no_part_of_its_own_that_the_tally_would_refuse(small):
    strange = BOOT.model_copy(update={"sku": "x\n" * 400})
    for part, _ in pieces([strange], catalogue(), {}):
        tally.change("example", tally.week_at(START, "UTC"), part, {"sold/units": 1})


def test_the_customer_is_nowhere_in_what_is_counted(small):
    count_returned(small, record(small, reason="late"), "example:1070", "RET-1")
    for item in small.tables.twin.partition("knowledge", f"TALLY#{tally.week_at(START, tally.store_zone())}", "T#"):
        assert CUSTOMER not in str(item) and "1070" not in str(item)

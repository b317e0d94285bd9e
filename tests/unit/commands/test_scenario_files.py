"""A scenario's file is read, or refused in one line with file, line, field and expectation."""

from decimal import Decimal

import pytest

from simulator.scenario.shape import ScenarioError, parse

GOOD = """\
scenario: One order
start: 2026-03-02 09:00
customers:
  anna: {name: Anna, email: anna@example.com, country: NO}
products:
  coffee: {title: House espresso, type: Coffee, price: 23.90 EUR}
steps:
  - at: day 0 09:15
    order: {ref: "1", customer: anna, lines: [coffee, {product: coffee, quantity: 2}]}
  - {at: +2 h, cancel: {order: "1"}}
expect:
  - {message: "order-confirmation#*:1", settlement: SENT}
"""


def test_a_good_file_is_read_as_text_so_that_money_is_exact_and_norway_a_country():
    scenario = parse(GOOD, "good.yaml")
    assert scenario.products["coffee"].price.amount == Decimal("23.90")
    assert scenario.customers["anna"].country == "NO"
    assert [line.quantity for line in scenario.steps[0].order.lines] == [1, 2]
    assert scenario.switch.mode == "on"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("settlement: SENT", "settlement: SEND", 12, "expect[0].settlement"),
        ("customer: anna", "customer: bob", 9, "expected one of the customers: anna"),
        ("lines: [coffee,", "lines: [tea,", 9, "expected one of the products: coffee"),
        ('cancel: {order: "1"}', 'cancel: {order: "9"}', 10, "expected an order placed before: 1"),
        ("at: +2 h", "at: 2026-03-01 09:00", 10, "expected a time not before"),
        ("at: +2 h", "at: later", 10, "expected `day 3 14:00`"),
        ("23.90 EUR", "23.90", 6, "expected an amount with its currency"),
        ("scenario: One order", "name: One order", 1, "scenario: is required"),
        ("country: NO", "country: Norway", 4, "customers.anna.country"),
        ('cancel: {order: "1"}', 'cancel: {order: "1"}, switch: off', 10, "expected exactly one of"),
        ("title: House espresso", "titel: House espresso", 6, "products.coffee"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(old, new, line, words):
    assert old in GOOD
    with pytest.raises(ScenarioError) as error:
        parse(GOOD.replace(old, new), "journeys/bad.yaml")
    text = str(error.value)
    assert text.startswith(f"journeys/bad.yaml:{line}: ")
    assert words in text
    assert "\n" not in text


def test_an_unknown_field_names_those_that_are_known():
    with pytest.raises(ScenarioError, match=r"is no field here; expected title, price, type"):
        parse(GOOD.replace("price: 23.90 EUR}", "price: 23.90 EUR, colour: red}"), "bad.yaml")


def test_what_is_no_yaml_is_said_with_its_line():
    with pytest.raises(ScenarioError, match=r"^bad.yaml:2: not readable as YAML"):
        parse("scenario: x\n  steps: [", "bad.yaml")


def test_what_is_no_map_is_said():
    with pytest.raises(ScenarioError, match=r"^bad.yaml: expected a map with the fields scenario"):
        parse("- a\n- b\n", "bad.yaml")

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.input_transformer import TransformError, target_input

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "7bf73129",
    "detail-type": "OrderPlaced",
    "source": "aftercare.orders",
    "account": "123456789012",
    "time": "2026-03-01T09:00:00Z",
    "region": "eu-central-1",
    "resources": [],
    "detail": {"order-id": "shop:1070", "total": 12.5, "paid": True, "lines": [{"sku": "A"}, {"sku": "B"}], "note": None},
}
RULE = {"rule_name": "orders", "rule_arn": "arn:aws:events:eu-central-1:123456789012:rule/store/orders"}
INGESTED = datetime(2026, 3, 1, 9, 0, 2, tzinfo=UTC)


def sent(**target: Any) -> Any:
    return target_input({"Id": "t1", **target}, **RULE)(EVENT, INGESTED)


def transformed(template: str, **paths: str) -> Any:
    return sent(InputTransformer={"InputPathsMap": paths, "InputTemplate": template})


def test_without_a_setting_the_target_gets_the_event() -> None:
    assert sent() == EVENT


def test_input_is_the_constant_and_nothing_of_the_event() -> None:
    assert sent(Input='{"sweep": ["held", 1]}') == {"sweep": ["held", 1]}
    assert sent(Input='"text"') == "text"


def test_input_must_be_json() -> None:
    with pytest.raises(TransformError, match="Input of target t1"):
        sent(Input="sweep")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", EVENT),
        ("$.detail", EVENT["detail"]),
        ("$.detail-type", "OrderPlaced"),
        ("$.detail.order-id", "shop:1070"),
        ("$.detail.lines[1].sku", "B"),
        ("$.detail['order-id']", "shop:1070"),
        ("$.detail.total", 12.5),
        ("$.detail.missing", ""),
        ("$.detail.lines[9]", ""),
        ("$.detail.total.cents", ""),
    ],
)
def test_input_path_picks_a_part_of_the_event(path: str, expected: Any) -> None:
    assert sent(InputPath=path) == expected


@pytest.mark.parametrize("path", ["detail", "$..detail", "$.detail.*", "$.detail[?(@.x)]", "$.detail.", "$detail", 5])
def test_a_path_outside_the_subset_is_refused(path: Any) -> None:
    with pytest.raises(TransformError, match="InputPath of target t1"):
        sent(InputPath=path)


def test_only_one_of_the_three_settings_may_be_given() -> None:
    with pytest.raises(TransformError, match="Only one of Input, InputPath, or InputTransformer"):
        sent(Input="{}", InputPath="$")


def test_a_variable_outside_quotes_becomes_json() -> None:
    template = '{"id": <id>, "total": <total>, "paid": <paid>, "lines": <lines>, "fixed": [9, <id>, true]}'
    assert transformed(
        template, id="$.detail.order-id", total="$.detail.total", paid="$.detail.paid", lines="$.detail.lines"
    ) == {
        "id": "shop:1070",
        "total": 12.5,
        "paid": True,
        "lines": [{"sku": "A"}, {"sku": "B"}],
        "fixed": [9, "shop:1070", True],
    }


def test_a_variable_inside_quotes_becomes_text() -> None:
    template = '{"id": "order/<id>", "says": "order \\"<id>\\" costs <total>, paid: <paid>"}'
    assert transformed(template, id="$.detail.order-id", total="$.detail.total", paid="$.detail.paid") == {
        "id": "order/shop:1070",
        "says": 'order "shop:1070" costs 12.5, paid: true',
    }


def test_a_template_may_be_one_string() -> None:
    assert transformed('"<type> at <time>"', type="$.detail-type", time="$.time") == "OrderPlaced at 2026-03-01T09:00:00Z"


def test_a_string_may_begin_like_json() -> None:
    assert transformed('"{[/<type>"', type="$.detail-type") == "{[/OrderPlaced"


def test_a_template_may_be_one_variable() -> None:
    assert transformed("<detail>", detail="$.detail") == EVENT["detail"]


def test_a_path_that_the_event_does_not_have_becomes_an_empty_string() -> None:
    assert transformed('{"quoted": "a <x> b", "bare": <x>}', x="$.detail.nope") == {"quoted": "a  b", "bare": ""}
    assert transformed('{"null": <x>}', x="$.detail.note") == {"null": ""}


def test_predefined_variables_need_no_path() -> None:
    template = (
        '{"name": <aws.events.rule-name>, "arn": "<aws.events.rule-arn>", "at": <aws.events.event.ingestion-time>,'
        ' "event": <aws.events.event.json>}'
    )
    assert transformed(template) == {
        "name": "orders",
        "arn": RULE["rule_arn"],
        "at": "2026-03-01T09:00:02Z",
        "event": EVENT,
    }


def test_the_event_variable_has_no_detail_and_spells_the_detail_type_in_camel_case() -> None:
    envelope = transformed('{"event": <aws.events.event>}')["event"]
    assert "detail" not in envelope
    assert envelope["detailType"] == "OrderPlaced"
    assert "detail-type" not in envelope
    assert envelope["id"] == "7bf73129"


def test_the_transformer_may_come_without_paths() -> None:
    assert sent(InputTransformer={"InputTemplate": '"<aws.events.rule-name> triggered"'}) == "orders triggered"


def test_a_less_than_sign_that_is_no_placeholder_stays() -> None:
    assert transformed('"a < b and <id>"', id="$.detail.order-id") == "a < b and shop:1070"


def test_an_undefined_placeholder_is_refused() -> None:
    with pytest.raises(TransformError, match="contains invalid placeholder nope"):
        transformed('"<nope>"')


@pytest.mark.parametrize("template", ["<id> was placed", '{"a": <id>', "{<id>: 1}", '{"a" <id>}'])
def test_a_template_that_cannot_be_json_is_refused_when_it_is_set(template: str) -> None:
    with pytest.raises(TransformError, match="does not give valid JSON"):
        target_input({"Id": "t1", "InputTransformer": {"InputPathsMap": {"id": "$.id"}, "InputTemplate": template}}, **RULE)


def test_values_are_not_escaped_so_a_quote_in_the_event_breaks_the_delivery() -> None:
    transform = target_input(
        {"Id": "t1", "InputTransformer": {"InputPathsMap": {"x": "$.detail.x"}, "InputTemplate": '"says <x>"'}}, **RULE
    )
    assert transform({"detail": {"x": "hi"}}, INGESTED) == "says hi"
    with pytest.raises(TransformError, match="does not give valid JSON"):
        transform({"detail": {"x": 'say "hi"'}}, INGESTED)


def test_a_quote_in_the_event_is_escaped_outside_quotes() -> None:
    transform = target_input(
        {"Id": "t1", "InputTransformer": {"InputPathsMap": {"x": "$.detail.x"}, "InputTemplate": '{"x": <x>}'}}, **RULE
    )
    assert transform({"detail": {"x": 'say "hi" <b>'}}, INGESTED) == {"x": 'say "hi" <b>'}


@pytest.mark.parametrize(
    ("transformer", "problem"),
    [
        ({}, "needs an InputTemplate"),
        ({"InputPathsMap": {"a": "$.id"}}, "needs an InputTemplate"),
        ({"InputTemplate": "1", "Paths": {}}, "unknown field Paths"),
        ({"InputTemplate": "1", "InputPathsMap": {"aws.events.rule-name": "$.id"}}, "reserved"),
        ({"InputTemplate": "1", "InputPathsMap": {"a": "id"}}, "variable 'a': a path starts with"),
        ({"InputTemplate": "1", "InputPathsMap": {f"v{i}": "$.id" for i in range(101)}}, "more than 100 variables"),
    ],
)
def test_a_bad_transformer_is_refused(transformer: dict[str, Any], problem: str) -> None:
    with pytest.raises(TransformError, match=problem):
        sent(InputTransformer=transformer)

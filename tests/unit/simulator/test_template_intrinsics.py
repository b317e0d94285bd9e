from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest

from simulator.template_intrinsics import (
    NO_VALUE,
    DependencyCycleError,
    Environment,
    TemplateError,
    creation_order,
    dependencies,
    resolve,
)


class Stack:
    """Resources answer with their own names."""

    known = ("Bus", "Table", "Queue")

    def ref(self, logical_id: str) -> Any:
        if logical_id not in self.known:
            raise KeyError(logical_id)
        return f"ref-{logical_id}"

    def get_att(self, logical_id: str, attribute: str) -> Any:
        if logical_id not in self.known or attribute == "Nope":
            raise KeyError(attribute)
        return f"att-{logical_id}-{attribute}"


@pytest.fixture
def environment() -> Environment:
    return Environment(
        parameters={"Stage": "prod", "Zones": ["a", "b"], "Days": 90, "Debug": False, "Empty": ""},
        resources=Stack(),
        mappings={"Limits": {"prod": {"Rate": 14, "Names": ["x", "y"]}, "123456789012": {"Rate": 1}}},
        conditions={
            "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
            "IsDev": {"Fn::Not": [{"Condition": "IsProd"}]},
            "HasDebug": {"Fn::Equals": [{"Ref": "Debug"}, "true"]},
            "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Fn::Equals": [{"Ref": "Days"}, "90"]}]},
            "Either": {"Fn::Or": [{"Condition": "IsDev"}, {"Condition": "HasDebug"}]},
            "InEurope": {"Fn::Equals": [{"Fn::Select": [0, {"Fn::Split": ["-", {"Ref": "AWS::Region"}]}]}, "eu"]},
            "A": {"Condition": "B"},
            "B": {"Fn::Not": [{"Condition": "A"}]},
        },
        region="eu-central-1",
        stack_name="store",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        (5, 5),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        ({"Ref": "Stage"}, "prod"),
        ({"Ref": "Zones"}, ["a", "b"]),
        ({"Ref": "Empty"}, ""),
        ({"Ref": "Bus"}, "ref-Bus"),
        ({"Ref": "AWS::Region"}, "eu-central-1"),
        ({"Ref": "AWS::AccountId"}, "123456789012"),
        ({"Ref": "AWS::Partition"}, "aws"),
        ({"Ref": "AWS::StackName"}, "store"),
        ({"Ref": "AWS::URLSuffix"}, "amazonaws.com"),
        ({"Ref": "AWS::StackId"}, "arn:aws:cloudformation:eu-central-1:123456789012:stack/store/0"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "att-Table-Arn"),
        ({"Fn::GetAtt": "Table.StreamArn"}, "att-Table-StreamArn"),
        ({"Fn::GetAtt": ["Table", "Outputs.Url"]}, "att-Table-Outputs.Url"),
        ({"Fn::GetAtt": "Table.Outputs.Url"}, "att-Table-Outputs.Url"),
        ({"Fn::GetAtt": ["Table", {"Ref": "Stage"}]}, "att-Table-prod"),
        ({"Fn::Sub": "nothing to do"}, "nothing to do"),
        ({"Fn::Sub": "${Stage}-${Days}-${Debug}-${Bus}"}, "prod-90-false-ref-Bus"),
        ({"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:*"}, "arn:aws:sqs:eu-central-1:*"),
        ({"Fn::Sub": "${Table.Arn}/index/*"}, "att-Table-Arn/index/*"),
        ({"Fn::Sub": "${!Literal} and ${Stage}"}, "${Literal} and prod"),
        ({"Fn::Sub": "cost $5 {x}"}, "cost $5 {x}"),
        ({"Fn::Sub": ["${Name}-${Stage}", {"Name": {"Ref": "Bus"}}]}, "ref-Bus-prod"),
        ({"Fn::Sub": ["${Stage}", {"Stage": "mine"}]}, "mine"),
        ({"Fn::Sub": ["${a.b}", {"a.b": "dotted"}]}, "dotted"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, 5]]}, "a-prod-5"),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b"),
        ({"Fn::Join": ["", ["a", {"Ref": "AWS::NoValue"}, "b"]]}, "ab"),
        ({"Fn::Split": ["|", "a|b||c"]}, ["a", "b", "", "c"]),
        ({"Fn::Split": ["-", {"Ref": "AWS::Region"}]}, ["eu", "central", "1"]),
        ({"Fn::Select": [1, ["a", "b"]]}, "b"),
        ({"Fn::Select": ["0", {"Fn::Split": [":", "x:y"]}]}, "x"),
        ({"Fn::Select": [0, {"Ref": "Zones"}]}, "a"),
        ({"Fn::FindInMap": ["Limits", {"Ref": "Stage"}, "Rate"]}, 14),
        ({"Fn::FindInMap": ["Limits", {"Ref": "AWS::AccountId"}, "Rate"]}, 1),
        ({"Fn::FindInMap": ["Limits", "prod", "Names"]}, ["x", "y"]),
        ({"Fn::If": ["IsProd", {"Ref": "Bus"}, "other"]}, "ref-Bus"),
        ({"Fn::If": ["IsDev", {"Ref": "Missing"}, "chosen"]}, "chosen"),
        ({"a": {"Fn::If": ["IsDev", 1, {"Ref": "AWS::NoValue"}]}, "b": 2}, {"b": 2}),
        ({"a": [1, {"Fn::If": ["IsDev", 2, {"Ref": "AWS::NoValue"}]}, 3]}, {"a": [1, 3]}),
        ({"a": {"b": {"Ref": "AWS::NoValue"}}}, {"a": {}}),
        ({"Ref": "Bus", "Other": 1}, {"Ref": "Bus", "Other": 1}),
        ({"Effect": "Allow", "Condition": {"StringLike": {"events:source": "store.*"}}},
         {"Effect": "Allow", "Condition": {"StringLike": {"events:source": "store.*"}}}),
    ],
)  # fmt: skip
def test_a_value_resolves_to(environment: Environment, value: Any, expected: Any) -> None:
    before = copy.deepcopy(value)
    assert resolve(value, environment) == expected
    assert value == before


def test_no_value_at_the_top_is_told() -> None:
    assert resolve({"Ref": "AWS::NoValue"}, Environment()) is NO_VALUE


@pytest.mark.parametrize(
    ("condition", "expected"),
    [("IsProd", True), ("IsDev", False), ("HasDebug", False), ("Both", True), ("Either", False), ("InEurope", True)],
)
def test_a_condition_holds(environment: Environment, condition: str, expected: bool) -> None:
    assert environment.holds(condition) is expected


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"Ref": "Missing"}, "p.Ref: there is no parameter or resource 'Missing'"),
        ({"Ref": 5}, "p.Ref: needs a name"),
        ({"Ref": "AWS::Nope"}, "the pseudo parameter AWS::Nope is not supported"),
        ({"Ref": "AWS::NotificationARNs"}, "AWS::NotificationARNs is not supported"),
        ({"Fn::GetAtt": "Table"}, "p.Fn::GetAtt: needs a resource and an attribute"),
        ({"Fn::GetAtt": ["Table"]}, "needs a resource and an attribute"),
        ({"Fn::GetAtt": ["Table", "Nope"]}, "there is no attribute Table.Nope"),
        ({"Fn::GetAtt": "Missing.Arn"}, "there is no attribute Missing.Arn"),
        ({"Fn::Sub": "${Missing}"}, "p.Fn::Sub: there is no parameter or resource 'Missing'"),
        ({"Fn::Sub": "${Zones}"}, "p.Fn::Sub: needs a text"),
        ({"Fn::Sub": ["${a}"]}, "needs a text, or a text and an object"),
        ({"Fn::Sub": ["${a}", "b"]}, "needs a text, or a text and an object"),
        ({"Fn::Sub": "${AWS::NoValue}"}, "needs a text"),
        ({"Fn::Join": ["-"]}, "p.Fn::Join: needs a list of 2"),
        ({"Fn::Join": [1, ["a"]]}, "needs a text as delimiter"),
        ({"Fn::Join": ["-", "abc"]}, "needs a list of texts"),
        ({"Fn::Join": ["-", [{"a": 1}]]}, "needs a text"),
        ({"Fn::Split": ["", "abc"]}, "needs a delimiter and a text"),
        ({"Fn::Split": ["-", ["abc"]]}, "needs a delimiter and a text"),
        ({"Fn::Select": [2, ["a", "b"]]}, "index 2 is outside a list of 2"),
        ({"Fn::Select": [-1, ["a"]]}, "needs an index and a list"),
        ({"Fn::Select": [0, "abc"]}, "needs an index and a list"),
        ({"Fn::FindInMap": ["Limits", "dev", "Rate"]}, "there is no Limits.dev.Rate in Mappings"),
        ({"Fn::FindInMap": ["Limits", "prod"]}, "needs a list of 3"),
        ({"Fn::FindInMap": ["Limits", "prod", "X", {"DefaultValue": 1}]}, "needs a list of 3"),
        ({"Fn::If": ["Nope", 1, 2]}, "Conditions.Nope: there is no such condition"),
        ({"Fn::If": [{"Fn::Equals": [1, 1]}, 1, 2]}, "needs the name of a condition"),
        ({"Fn::If": ["IsProd", 1]}, "needs a list of 3"),
        ({"Fn::If": ["A", 1, 2]}, "the condition depends on itself"),
        ({"Fn::ImportValue": "Other-Vpc"}, "p.Fn::ImportValue: Fn::ImportValue is not supported: 'Other-Vpc'"),
        ({"Fn::Base64": "x"}, "p: Fn::Base64 is not supported"),
        ({"Fn::GetAZs": ""}, "Fn::GetAZs is not supported"),
        ({"Fn::Transform": {}}, "Fn::Transform is not supported"),
        ({"Fn::Nonsense": 1}, "Fn::Nonsense is not supported"),
        ({"Fn::Sub": "a", "Extra": 1}, "p: Fn::Sub must stand alone"),
        ({"Fn::Equals": [1, 1]}, "a condition function can be used in Conditions only"),
        ({"Deep": [{"Er": {"Ref": "Missing"}}]}, r"p\.Deep\[0\]\.Er\.Ref: there is no"),
    ],
)
def test_what_cannot_be_resolved_is_refused_by_place_and_name(environment: Environment, value: Any, problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        resolve(value, environment, "p")


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        (True, "needs one condition function"),
        ({"Fn::Equals": [1]}, "needs a list of 2"),
        ({"Fn::Not": [1, 2]}, "needs a list of 1"),
        ({"Fn::And": [{"Fn::Equals": [1, 1]}]}, "needs a list of 2 to 10"),
        ({"Fn::Or": [{"Fn::Equals": [1, 1]}] * 11}, "needs a list of 2 to 10"),
        ({"Fn::If": ["X", 1, 2]}, "Fn::If is no condition function"),
        ({"Condition": "Nope"}, "Conditions.Nope: there is no such condition"),
        ({"Fn::Equals": [{"Ref": "Missing"}, 1]}, "Conditions.X.Fn::Equals.Ref: there is no parameter"),
    ],
)
def test_a_bad_condition_is_refused(condition: Any, problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        Environment(conditions={"X": condition}).holds("X")


def test_equals_compares_parameters_as_texts() -> None:
    conditions = {
        "number": {"Fn::Equals": [5, "5"]},
        "boolean": {"Fn::Equals": [True, "true"]},
        "lists": {"Fn::Equals": [["a"], ["a"]]},
        "case": {"Fn::Equals": ["A", "a"]},
    }
    environment = Environment(conditions=conditions)
    assert [environment.holds(name) for name in conditions] == [True, True, True, False]


# --- order


def resource(properties: Any = None, **more: Any) -> dict[str, Any]:
    return {"Type": "Some::Type", "Properties": properties or {}, **more}


def test_independent_resources_keep_the_order_of_the_template() -> None:
    assert creation_order({"C": resource(), "A": resource(), "B": resource()}) == ["C", "A", "B"]


@pytest.mark.parametrize(
    "reference",
    [
        {"Ref": "B"},
        {"Fn::GetAtt": ["B", "Arn"]},
        {"Fn::GetAtt": "B.Arn"},
        {"Fn::Sub": "x-${B}"},
        {"Fn::Sub": "x-${B.Arn}"},
        {"Fn::Sub": ["${v}", {"v": {"Ref": "B"}}]},
        {"Fn::Sub": ["${v} ${B}", {"v": 1}]},
        {"Fn::Join": ["", ["a", {"Ref": "B"}]]},
        {"Fn::If": ["X", {"Ref": "B"}, 1]},
        {"deep": [{"er": {"Ref": "B"}}]},
    ],
)
def test_a_resource_comes_after_what_it_refers_to(reference: Any) -> None:
    assert creation_order({"A": resource({"p": reference}), "B": resource()}) == ["B", "A"]


@pytest.mark.parametrize(
    "no_reference",
    [
        {"Ref": "Parameter"},
        {"Ref": "AWS::Region"},
        {"Fn::Sub": "${!B} ${AWS::Region}"},
        {"Fn::Sub": ["${B}", {"B": "mine"}]},
        {"Ref": "B", "Other": 1},
        "B",
    ],
)
def test_what_is_no_reference_orders_nothing(no_reference: Any) -> None:
    assert creation_order({"A": resource({"p": no_reference}), "B": resource()}) == ["A", "B"]


def test_depends_on_is_a_name_or_a_list() -> None:
    resources = {"A": resource(DependsOn=["C", "B"]), "B": resource(DependsOn="C"), "C": resource()}
    assert creation_order(resources) == ["C", "B", "A"]
    assert dependencies("A", resources) == ["C", "B"]


def test_a_depends_on_that_names_nothing_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"Resources\.A\.DependsOn: there is no resource 'Z'"):
        creation_order({"A": resource(DependsOn="Z")})


def test_a_circle_is_refused_and_shown() -> None:
    resources = {
        "Start": resource({"p": {"Ref": "A"}}),
        "A": resource({"p": {"Ref": "B"}}),
        "B": resource({"p": {"Fn::Sub": "${C.Arn}"}}),
        "C": resource(DependsOn="A"),
    }
    with pytest.raises(DependencyCycleError, match=r"A -> B -> C -> A$"):
        creation_order(resources)


def test_a_resource_that_refers_to_itself_is_a_circle() -> None:
    with pytest.raises(DependencyCycleError, match="A -> A"):
        creation_order({"A": resource({"p": {"Ref": "A"}})})


def test_the_side_of_an_if_that_is_not_chosen_orders_nothing() -> None:
    resources = {
        "A": resource({"p": {"Fn::If": ["Yes", 1, {"Ref": "B"}]}}),
        "B": resource({"p": {"Ref": "A"}}),
    }
    environment = Environment(conditions={"Yes": {"Fn::Equals": [1, 1]}})
    assert creation_order(resources, environment) == ["A", "B"]
    with pytest.raises(DependencyCycleError):
        creation_order(resources)


def test_an_unsupported_function_is_refused_while_ordering_too() -> None:
    with pytest.raises(TemplateError, match=r"Resources\.A\.Properties\.p: Fn::Base64 is not supported"):
        creation_order({"A": resource({"p": {"Fn::Base64": "x"}})})


def test_a_long_chain_is_ordered() -> None:
    names = [f"R{number}" for number in range(300)]
    resources = {name: resource({"p": {"Ref": following}}) for name, following in pairwise(names)}
    resources["R299"] = resource()
    assert creation_order(resources) == names[::-1]

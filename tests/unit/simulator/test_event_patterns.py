from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import event_patterns
from simulator.event_patterns import FILTER_OPERATORS, PatternError, compile_pattern
from tests.examples import tries


def detail(**fields: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "6a7e8feb",
        "detail-type": "OrderPlaced",
        "source": "aftercare.orders",
        "account": "123456789012",
        "time": "2026-03-01T09:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": fields,
    }


def field(*values: Any) -> dict[str, Any]:
    return {"detail": {"x": list(values)}}


MATCHES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("one of several values", {"source": ["aftercare.surveys", "aftercare.orders"]}, detail()),
    ("every field", {"source": ["aftercare.orders"], "detail-type": ["OrderPlaced"]}, detail()),
    ("a nested field", {"detail": {"a": {"b": {"c": [1]}}}}, detail(a={"b": {"c": 1}})),
    ("an empty string", field(""), detail(x="")),
    ("null", field(None), detail(x=None)),
    ("true", field(True), detail(x=True)),
    ("false", field(False), detail(x=False)),
    ("1 is 1.0", field(1), detail(x=1.0)),
    ("1.0 is 1", field(1.0), detail(x=1)),
    ("300 is 3.0e2", field(3.0e2), detail(x=300)),
    ("a number beyond numeric matching, exactly", field(123456789012), detail(x=123456789012)),
    ("any element of an array", field("b"), detail(x=["a", "b"])),
    ("any element of nested arrays", field("c"), detail(x=[["a"], ["b", ["c"]]])),
    ("an intersection of arrays", field("b", "z"), detail(x=["a", "b"])),
    ("prefix", field({"prefix": "arn:aws"}), detail(x="arn:aws:s3")),
    ("an empty prefix", field({"prefix": ""}), detail(x="anything")),
    ("prefix of the time", {"time": [{"prefix": "2026-03-01"}]}, detail()),
    ("prefix ignoring case", field({"prefix": {"equals-ignore-case": "EventB"}}), detail(x="eventbridge")),
    ("suffix", field({"suffix": ".png"}), detail(x="a.png")),
    ("suffix ignoring case", field({"suffix": {"equals-ignore-case": ".PNG"}}), detail(x="a.pNg")),
    ("equals ignoring case", field({"equals-ignore-case": "aLiCe"}), detail(x="ALICE")),
    ("equals-ignore-case of nothing", field({"equals-ignore-case": ""}), detail(x="")),
    ("anything but a string", field({"anything-but": "init"}), detail(x="running")),
    ("anything but a string: a number is not it", field({"anything-but": "404"}), detail(x=404)),
    ("anything but a string: null is not it", field({"anything-but": "init"}), detail(x=None)),
    ("anything but a string: true is not it", field({"anything-but": "true"}), detail(x=True)),
    ("anything but a number", field({"anything-but": 123}), detail(x=124)),
    ("anything but zero: false is not it", field({"anything-but": 0}), detail(x=False)),
    ("anything but a number: a string is not it", field({"anything-but": 123}), detail(x="123")),
    ("anything but strings", field({"anything-but": ["a", "b"]}), detail(x="c")),
    ("anything but numbers", field({"anything-but": [1, 2]}), detail(x=3)),
    ("anything but, one element of an array is enough", field({"anything-but": "a"}), detail(x=["a", "b"])),
    ("anything but a prefix", field({"anything-but": {"prefix": "init"}}), detail(x="running")),
    ("anything but a prefix: a number", field({"anything-but": {"prefix": "init"}}), detail(x=12)),
    ("anything but a prefix: null", field({"anything-but": {"prefix": "init"}}), detail(x=None)),
    ("anything but prefixes", field({"anything-but": {"prefix": ["a", "b"]}}), detail(x="c")),
    ("anything but a suffix", field({"anything-but": {"suffix": ".png"}}), detail(x="a.gif")),
    ("anything but suffixes", field({"anything-but": {"suffix": [".png", ".gif"]}}), detail(x="a.txt")),
    ("anything but, ignoring case", field({"anything-but": {"equals-ignore-case": "INIT"}}), detail(x="run")),
    ("anything but these, ignoring case", field({"anything-but": {"equals-ignore-case": ["A", "B"]}}), detail(x="c")),
    ("anything but a wildcard", field({"anything-but": {"wildcard": "*/lib/*"}}), detail(x="dir/bin/file")),
    ("anything but wildcards", field({"anything-but": {"wildcard": ["*/a/*", "*/b/*"]}}), detail(x="x/c/y")),
    ("anything but an empty wildcard", field({"anything-but": {"wildcard": ""}}), detail(x="dir/file")),
    ("numeric =", field({"numeric": ["=", 100]}), detail(x=100.0)),
    ("numeric <", field({"numeric": ["<", 10]}), detail(x=9)),
    ("numeric <=", field({"numeric": ["<=", 10]}), detail(x=10)),
    ("numeric >", field({"numeric": [">", 10]}), detail(x=10.5)),
    ("numeric >=", field({"numeric": [">=", -1.5]}), detail(x=-1.5)),
    ("numeric range", field({"numeric": [">", 10, "<=", 20]}), detail(x=20)),
    ("numeric range of an array", field({"numeric": [">", 10, "<=", 20]}), detail(x=[1, 15, 99])),
    ("numeric at the bound of what works", field({"numeric": ["<=", 5e9]}), detail(x=-5e9)),
    ("exists", field({"exists": True}), detail(x="here")),
    ("exists with null", field({"exists": True}), detail(x=None)),
    ("exists with false", field({"exists": True}), detail(x=False)),
    ("exists in one element of an array", {"detail": {"a": {"id": [{"exists": True}]}}}, detail(a=[{"k": 1}, {"id": 2}])),
    ("does not exist", field({"exists": False}), detail(y=1)),
    ("does not exist: the parent is missing", {"detail": {"a": {"x": [{"exists": False}]}}}, detail()),
    ("does not exist: an empty array has no leaf", field({"exists": False}), detail(x=[])),
    ("does not exist: an empty object has no leaf", field({"exists": False}), detail(x={})),
    ("does not exist: an object is no leaf", field({"exists": False}), detail(x={"c1": 100})),
    ("a value or missing: missing", field("a", {"exists": False}), detail()),
    ("a value or missing: the value", field("a", {"exists": False}), detail(x="a")),
    ("does not exist, beside a field that must match", {"detail": {"x": [{"exists": False}], "y": [1]}}, detail(y=1)),
    ("cidr, IPv4", field({"cidr": "10.0.0.0/24"}), detail(x="10.0.0.255")),
    ("cidr with host bits", field({"cidr": "10.0.0.7/24"}), detail(x="10.0.0.1")),
    ("cidr, IPv6", field({"cidr": "2001:db8::/32"}), detail(x="2001:db8:1::5")),
    ("wildcard at the end", field({"wildcard": "arn:*"}), detail(x="arn:aws:s3")),
    ("wildcard in the middle", field({"wildcard": "dir/*.png"}), detail(x="dir/a/b.png")),
    ("wildcard matches nothing too", field({"wildcard": "a*b"}), detail(x="ab")),
    ("several wildcards", field({"wildcard": "*a*b*"}), detail(x="xxaxxbxx")),
    ("wildcard over a newline", field({"wildcard": "a*c"}), detail(x="a\nb\nc")),
    ("only a wildcard", field({"wildcard": "*"}), detail(x="")),
    ("an escaped asterisk", field({"wildcard": r"a\*b*"}), detail(x="a*bc")),
    ("an escaped backslash", field({"wildcard": r"a\\b"}), detail(x="a\\b")),
    ("no wildcard in a wildcard", field({"wildcard": "exact"}), detail(x="exact")),
    ("regex signs in a wildcard mean themselves", field({"wildcard": "a.(b)*"}), detail(x="a.(b)c")),
    ("$or, first", {"$or": [{"source": ["aftercare.orders"]}, {"detail": {"x": [1]}}]}, detail()),
    ("$or, second", {"$or": [{"source": ["other"]}, {"detail": {"x": [1]}}]}, detail(x=1)),
    ("$or below detail", {"detail": {"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}}, detail(b=2, c=3)),
    ("$or with and inside", {"detail": {"$or": [{"a": [1], "b": [2]}, {"c": [3]}]}}, detail(a=1, b=2)),
    ("$or in $or", {"detail": {"$or": [{"a": [1]}, {"b": [2], "$or": [{"c": [3]}, {"d": [4]}]}]}}, detail(b=2, d=4)),
    ("two $or side by side", {"$or": [{"source": ["x"]}, {"source": ["aftercare.orders"]}],
                              "detail": {"$or": [{"a": [1]}, {"b": [2]}]}}, detail(b=2)),
    ("a matcher or a value: the value", field("exact", {"prefix": "pre"}), detail(x="exact")),
    ("a matcher or a value: the matcher", field("exact", {"prefix": "pre"}), detail(x="prefixed")),
    ("null or a range: null", field(None, {"numeric": [">", 5]}), detail(x=None)),
    ("array of objects", {"detail": {"items": {"sku": ["A"]}}}, detail(items=[{"sku": "B"}, {"sku": "A"}])),
    ("array of objects, two fields of one element",
     {"detail": {"items": {"sku": ["A"], "qty": [2]}}}, detail(items=[{"sku": "A", "qty": 1}, {"sku": "A", "qty": 2}])),
    ("array of arrays of objects", {"detail": {"items": {"sku": ["C"]}}}, detail(items=[[{"sku": "A"}], [{"sku": "C"}]])),
    ("array in an array of objects",
     {"detail": {"items": {"tags": ["hot"], "sku": ["B"]}}},
     detail(items=[{"sku": "A", "tags": []}, {"sku": "B", "tags": ["new", "hot"]}])),
    ("objects and scalars mixed in an array", {"detail": {"items": {"sku": ["A"]}}}, detail(items=[1, "A", {"sku": "A"}])),
    ("$or within one element",
     {"detail": {"items": {"color": ["red"], "$or": [{"sku": ["A"]}, {"qty": [2]}]}}},
     detail(items=[{"color": "red", "qty": 2}, {"color": "blue", "sku": "A"}])),
    ("absent in the element that another field picks",
     {"detail": {"items": {"sku": ["A"], "returned": [{"exists": False}], "qty": [1]}}},
     detail(items=[{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}])),
    ("absent after the field that picks the element",
     {"detail": {"items": {"a": ["A"], "z": [{"exists": False}]}}}, detail(items=[{"a": "A"}, {"a": "B", "z": 1}])),
    ("a dotted key finds the nested path", {"detail": {"state.status": ["running"]}}, detail(state={"status": "running"})),
    ("a dotted key finds the dotted key", {"detail": {"state.status": ["running"]}}, detail(**{"state.status": "running"})),
    ("a field and what is below it, from a dotted event",
     {"detail": {"a": [1], "a.b": [2]}}, detail(a=1, **{"a.b": 2})),
    ("a DynamoDB stream record",
     {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"sk": {"S": [{"prefix": "DELIVERY#"}]}}}},
     {"eventName": "INSERT", "dynamodb": {"NewImage": {"sk": {"S": "DELIVERY#1"}}}}),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "event"), [case[1:] for case in MATCHES], ids=[case[0] for case in MATCHES])
def test_a_pattern_matches(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    assert compile_pattern(pattern)(event) is True


DOES_NOT_MATCH: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("another value", {"source": ["aftercare.surveys"]}, detail()),
    ("one field of two", {"source": ["aftercare.orders"], "detail-type": ["OrderCancelled"]}, detail()),
    ("a missing field", field("a"), detail()),
    ("a missing parent", {"detail": {"a": {"b": ["x"]}}}, detail()),
    ("keys are case-sensitive", {"Source": ["aftercare.orders"]}, detail()),
    ("values are case-sensitive", {"source": ["Aftercare.Orders"]}, detail()),
    ("true is not 1", field(True), detail(x=1)),
    ("1 is not true", field(1), detail(x=True)),
    ("false is not 0", field(False), detail(x=0)),
    ("0 is not false", field(0), detail(x=False)),
    ("the string true is not true", field("true"), detail(x=True)),
    ("1 is not the string 1", field(1), detail(x="1")),
    ("null is not missing", field(None), detail()),
    ("null is not an empty array", field(None), detail(x=[])),
    ("null is not an empty string", field(None), detail(x="")),
    ("null is not false", field(None), detail(x=False)),
    ("no element of an array", field("c"), detail(x=["a", "b"])),
    ("a value where the event has an object", field("a"), detail(x={"a": "a"})),
    ("an object where the event has a value", {"detail": {"x": {"y": ["a"]}}}, detail(x="a")),
    ("prefix of another string", field({"prefix": "a"}), detail(x="ba")),
    ("prefix of a number", field({"prefix": "1"}), detail(x=12)),
    ("prefix is case-sensitive", field({"prefix": "A"}), detail(x="ab")),
    ("suffix of another string", field({"suffix": "a"}), detail(x="ab")),
    ("suffix ignoring case of another", field({"suffix": {"equals-ignore-case": "A"}}), detail(x="ab")),
    ("prefix ignoring case of another", field({"prefix": {"equals-ignore-case": "B"}}), detail(x="ab")),
    ("equals ignoring case of a longer one", field({"equals-ignore-case": "al"}), detail(x="ali")),
    ("equals ignoring case of a number", field({"equals-ignore-case": "1"}), detail(x=1)),
    ("anything but it", field({"anything-but": "init"}), detail(x="init")),
    ("anything but it, when missing", field({"anything-but": "init"}), detail()),
    ("anything but it, of an empty array", field({"anything-but": "init"}), detail(x=[])),
    ("anything but it, when all elements are it", field({"anything-but": "a"}), detail(x=["a", "a"])),
    ("anything but them", field({"anything-but": ["a", "b"]}), detail(x="b")),
    ("anything but the number", field({"anything-but": 1}), detail(x=1.0)),
    ("anything but the numbers", field({"anything-but": [1, 2]}), detail(x=2)),
    ("anything but the prefix", field({"anything-but": {"prefix": "in"}}), detail(x="init")),
    ("anything but the prefix, when missing", field({"anything-but": {"prefix": "in"}}), detail()),
    ("anything but the prefixes", field({"anything-but": {"prefix": ["a", "b"]}}), detail(x="bc")),
    ("anything but the suffix", field({"anything-but": {"suffix": "it"}}), detail(x="init")),
    ("anything but, ignoring case, it", field({"anything-but": {"equals-ignore-case": ["A", "B"]}}), detail(x="b")),
    ("anything but the wildcard", field({"anything-but": {"wildcard": "*/lib/*"}}), detail(x="a/lib/b")),
    ("numeric below", field({"numeric": [">", 10, "<=", 20]}), detail(x=10)),
    ("numeric above", field({"numeric": [">=", 10, "<", 20]}), detail(x=20)),
    ("numeric of a string", field({"numeric": ["=", 1]}), detail(x="1")),
    ("numeric of true", field({"numeric": ["=", 1]}), detail(x=True)),
    ("numeric of false", field({"numeric": ["<", 5]}), detail(x=False)),
    ("numeric of null", field({"numeric": ["<", 5]}), detail(x=None)),
    ("numeric beyond what numeric matching covers", field({"numeric": [">", 0]}), detail(x=5e9 + 1)),
    ("exists, missing", field({"exists": True}), detail(y={"x": 1})),
    ("exists on an empty array", field({"exists": True}), detail(x=[])),
    ("exists on an object", field({"exists": True}), detail(x={"y": 1})),
    ("does not exist, but is null", field({"exists": False}), detail(x=None)),
    ("does not exist, but does", field({"exists": False}), detail(x="here")),
    ("does not exist, but in one element", {"detail": {"a": {"x": [{"exists": False}]}}}, detail(a=[{"x": 1}, {"y": 1}])),
    ("a value or missing, another value", field("a", {"exists": False}), detail(x="b")),
    ("cidr outside", field({"cidr": "10.0.0.0/24"}), detail(x="10.0.1.0")),
    ("cidr of a number", field({"cidr": "10.0.0.0/24"}), detail(x=123)),
    ("cidr of no address", field({"cidr": "10.0.0.0/24"}), detail(x="10.0.0")),
    ("cidr of the other family", field({"cidr": "10.0.0.0/24"}), detail(x="::1")),
    ("wildcard elsewhere", field({"wildcard": "a*c"}), detail(x="abcd")),
    ("wildcard whose ends overlap", field({"wildcard": "aba*ba"}), detail(x="aba")),
    ("wildcard pieces out of order", field({"wildcard": "*b*a*"}), detail(x="ab")),
    ("wildcard middle inside the end", field({"wildcard": "a*bc*c"}), detail(x="abc")),
    ("wildcard of a number", field({"wildcard": "1*"}), detail(x=12)),
    ("an escaped asterisk is not a wildcard", field({"wildcard": r"a\*b"}), detail(x="axb")),
    ("$or, neither", {"detail": {"$or": [{"a": [1]}, {"b": [2]}]}}, detail(a=2, b=1)),
    ("$or matched, the rest not", {"detail": {"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}}, detail(a=1, c=4)),
    ("two fields of different elements",
     {"detail": {"items": {"sku": ["A"], "qty": [2]}}}, detail(items=[{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}])),
    ("two fields of different elements, through $or",
     {"detail": {"items": {"color": ["red"]}, "$or": [{"items": {"sku": ["A"]}}, {"items": {"qty": [2]}}]}},
     detail(items=[{"color": "red"}, {"sku": "A"}, {"qty": 2}])),
    ("first and last names of different people, in nested arrays",
     {"employees": {"first": ["Anna"], "last": ["Jones"]}},
     {"employees": [[{"first": "John", "last": "Doe"}, {"first": "Anna", "last": "Smith"}],
                    [{"first": "Peter", "last": "Jones"}]]}),
    ("array of objects without the field", {"detail": {"items": {"sku": ["A"]}}}, detail(items=[{"qty": 1}, {}])),
    ("an empty array of objects", {"detail": {"items": {"sku": ["A"]}}}, detail(items=[])),
    ("absent before the field that picks the element is absent everywhere",
     {"detail": {"items": {"a": [{"exists": False}], "z": ["Z"]}}}, detail(items=[{"z": "Z"}, {"a": 1}])),
    ("absent, but present in the picked element",
     {"detail": {"items": {"a": ["A"], "z": [{"exists": False}]}}}, detail(items=[{"a": "A", "z": 1}, {"a": "B"}])),
    ("a plain pattern does not look for dotted keys",
     {"detail": {"state": {"status": ["running"]}}}, detail(**{"state.status": "running"})),
    ("a field and what is below it in one document", {"detail": {"a": [1], "a.b": [2]}}, detail(a=[1, {"b": 2}])),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "event"), [case[1:] for case in DOES_NOT_MATCH], ids=[case[0] for case in DOES_NOT_MATCH])
def test_a_pattern_does_not_match(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    assert compile_pattern(pattern)(event) is False


INVALID: list[tuple[str, Any, str]] = [
    ("not an object", ["a"], "must be an object"),
    ("an empty pattern", {}, "empty objects"),
    ("an empty object inside", {"detail": {}}, "detail: empty objects"),
    ("a leaf that is a string", {"source": "aftercare.orders"}, "source: must be an object or a list"),
    ("a leaf that is a number", {"detail": {"x": 5}}, r"detail\.x: must be an object or a list, not 5"),
    ("a leaf that is null", {"detail": {"x": None}}, r"detail\.x: .*not null"),
    ("an empty list", field(), r"detail\.x: empty lists"),
    ("a list in a list", field(["a"]), r"detail\.x: .*not a list"),
    ("an unknown operator", field({"prefx": "a"}), r"detail\.x: unknown operator 'prefx'"),
    ("the undocumented exactly", field({"exactly": "a"}), "unknown operator 'exactly'"),
    ("two operators in one matcher", field({"prefix": "a", "suffix": "b"}), "exactly one operator, found 'prefix', 'suffix'"),
    ("no operator in a matcher", field({}), "exactly one operator, found none"),
    ("prefix with a number", field({"prefix": 3}), r"detail\.x: 'prefix' needs a string, not 3"),
    ("prefix with a list", field({"prefix": ["a"]}), "'prefix' needs a string, not a list"),
    ("prefix with an unknown operator", field({"prefix": {"suffix": "a"}}), "'prefix' takes a string or"),
    ("prefix with two operators", field({"prefix": {"equals-ignore-case": "a", "x": 1}}), "'prefix' takes a string or"),
    ("prefix ignoring case of a number", field({"prefix": {"equals-ignore-case": 1}}), "prefix.equals-ignore-case"),
    ("suffix with null", field({"suffix": None}), "'suffix' needs a string, not null"),
    ("equals-ignore-case with a list", field({"equals-ignore-case": ["a"]}), "'equals-ignore-case' needs a string"),
    ("wildcard with a number", field({"wildcard": 1}), "'wildcard' needs a string"),
    ("consecutive wildcards", field({"wildcard": "a**b"}), "consecutive wildcard"),
    ("leading consecutive wildcards", field({"wildcard": "**"}), "consecutive wildcard"),
    ("a wildcard that escapes a letter", field({"wildcard": r"a\b"}), "can escape"),
    ("a wildcard that ends in an escape", field({"wildcard": "a\\"}), "ends in an escape"),
    ("exists with a string", field({"exists": "yes"}), "'exists' needs true or false, not 'yes'"),
    ("exists with 1", field({"exists": 1}), "'exists' needs true or false"),
    ("cidr with a number", field({"cidr": 1}), "'cidr' needs a string"),
    ("cidr of words", field({"cidr": "bad-filter"}), "'cidr' needs a block"),
    ("cidr without a mask", field({"cidr": "10.0.0.0"}), "'cidr' needs a block"),
    ("cidr with a bad address", field({"cidr": "xx.11.0.0/8"}), "'cidr' needs a block"),
    ("cidr with a bad mask", field({"cidr": "10.0.0.0/64"}), "'cidr' needs a block"),
    ("cidr with a bad IPv6 address", field({"cidr": "xx/64"}), "'cidr' needs a block"),
    ("numeric with a number", field({"numeric": 5}), "'numeric' needs a list"),
    ("numeric with an empty list", field({"numeric": []}), "'numeric' needs a list"),
    ("numeric with no bound", field({"numeric": [">"]}), "'numeric' needs a list"),
    ("numeric with a bad operator", field({"numeric": ["=>", 5]}), r"detail\.x: 'numeric' has an unknown comparison '=>'"),
    ("numeric with !=", field({"numeric": ["!=", 5]}), "unknown comparison '!='"),
    ("numeric with a string bound", field({"numeric": ["=", "5"]}), "'numeric' = needs a number, not '5'"),
    ("numeric with a boolean bound", field({"numeric": ["=", True]}), "needs a number, not true"),
    ("numeric with two lower bounds", field({"numeric": [">", 0, ">", 0]}), "range must be"),
    ("numeric range upside down", field({"numeric": ["<", 10, ">", 0]}), "range must be"),
    ("numeric range of equality", field({"numeric": ["=", 1, "<", 3]}), "range must be"),
    ("numeric range that is empty", field({"numeric": [">", 10, "<", 10]}), "range is empty"),
    ("numeric with too many terms", field({"numeric": [">", 0, "<", 9, "<", 8]}), "'numeric' needs a list"),
    ("numeric beyond five billion", field({"numeric": ["<", 5e9 + 1]}), "between -5.0e9 and 5.0e9"),
    ("anything-but with null", field({"anything-but": None}), "'anything-but' needs"),
    ("anything-but with true", field({"anything-but": True}), "'anything-but' needs"),
    ("anything-but with an empty list", field({"anything-but": []}), "'anything-but' needs"),
    ("anything-but with mixed types", field({"anything-but": ["a", 1]}), "'anything-but' needs"),
    ("anything-but with a null inside", field({"anything-but": ["a", None]}), "'anything-but' needs"),
    ("anything-but with an unknown operator", field({"anything-but": {"numeric": ["=", 1]}}), "'anything-but' takes one of"),
    ("anything-but with two operators", field({"anything-but": {"prefix": "a", "suffix": "b"}}), "'anything-but' takes one of"),
    ("anything-but with an empty prefix", field({"anything-but": {"prefix": ""}}), "does not allow an empty string"),
    ("anything-but with an empty suffix in a list", field({"anything-but": {"suffix": ["a", ""]}}), "empty string"),
    ("anything-but with a prefix of a number", field({"anything-but": {"prefix": 1}}), "anything-but.prefix"),
    ("anything-but with a list of numbers ignoring case",
     field({"anything-but": {"equals-ignore-case": [1]}}), "anything-but.equals-ignore-case"),
    ("anything-but with a prefix ignoring case",
     field({"anything-but": {"prefix": {"equals-ignore-case": "a"}}}), "anything-but.prefix"),
    ("anything-but with no wildcard", field({"anything-but": {"wildcard": []}}), "at least one string"),
    ("anything-but with a bad wildcard", field({"anything-but": {"wildcard": "a**"}}), "consecutive wildcard"),
    ("$or with one clause", {"$or": [{"source": ["a"]}]}, r"\$or: \$or must be a list of at least two"),
    ("$or with an object", {"$or": {"source": ["a"]}}, r"\$or must be a list"),
    ("$or of strings", {"$or": ["a", "b"]}, r"\$or holds objects only"),
    ("$or with an empty clause", {"$or": [{"source": ["a"]}, {}]}, "empty objects"),
    ("$or of matchers", {"detail": {"$or": [{"numeric": ["=", 1]}, {"prefix": ["a"]}]}}, r"detail\.numeric: .*reserved word"),
    ("a field inside and outside $or", {"source": ["a"], "$or": [{"source": ["b"]}, {"id": ["c"]}]}, "source: .*given twice"),
    ("a dotted and a nested name", {"detail": {"a": {"b": [1]}, "a.b": [2]}}, r"detail\.a\.b: .*given twice"),
    ("more than a thousand combinations",
     {f"f{i}": {"$or": [{c: [1]} for c in "abcdefghijk"]} for i in range(3)}, "more than 1000 combinations"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "problem"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID])
def test_an_invalid_pattern_is_refused_by_field_and_operator(pattern: Any, problem: str) -> None:
    with pytest.raises(PatternError, match=problem):
        compile_pattern(pattern)


def test_the_error_carries_the_path() -> None:
    with pytest.raises(PatternError) as refused:
        compile_pattern({"detail": {"order": {"total": [{"numeric": ["~", 1]}]}}})
    assert refused.value.path == "detail.order.total"


@pytest.mark.parametrize("operator", [{"wildcard": "a*"}, {"cidr": "10.0.0.0/8"}])
def test_a_filter_of_an_event_source_mapping_refuses_what_lambda_refuses(operator: dict[str, str]) -> None:
    compile_pattern(field(operator))
    with pytest.raises(PatternError, match="cannot be used here"):
        compile_pattern(field(operator), operators=FILTER_OPERATORS)


def test_a_thousand_combinations_are_allowed() -> None:
    pattern = {f"f{i}": {"$or": [{c: [1]} for c in "abcdefghij"]} for i in range(3)}
    assert compile_pattern(pattern)({"f0": {"a": 1}, "f1": {"j": 1}, "f2": {"e": 1}})


def test_the_compiled_pattern_does_not_follow_later_changes_of_its_source() -> None:
    pattern = {"source": ["a"]}
    matches = compile_pattern(pattern)
    pattern["source"].append("b")
    assert not matches({"source": "b"})


def test_an_enumerated_word_is_a_string_and_a_tuple_is_an_array() -> None:
    class Word(StrEnum):
        PLACED = "placed"

    assert compile_pattern(field("placed"))(detail(x=Word.PLACED))
    assert compile_pattern(field("placed", {"exists": False}))(detail(x=Word.PLACED))
    assert compile_pattern(field("p", {"exists": False}))(detail(x=Word.PLACED)) is False
    assert compile_pattern(field({"prefix": "pla"}))(detail(x=(Word.PLACED,)))


KEYS = st.sampled_from(["a", "b", "c"])
SCALARS = st.sampled_from(["x", "y", 0, 1, True, False, None])
EVENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
TESTS: list[dict[str, Any]] = [{"anything-but": "x"}, {"exists": True}, {"numeric": ["<", 1]}]
LEAVES = st.lists(SCALARS | st.sampled_from(TESTS), min_size=1, max_size=2)
NESTED = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3), max_leaves=4)
PATTERNS = st.dictionaries(KEYS, NESTED, min_size=1)


@settings(max_examples=tries(400), deadline=None)
@given(PATTERNS, st.dictionaries(KEYS, EVENTS, max_size=3))
def test_the_walk_down_the_tree_says_what_the_search_for_consistent_elements_says(
    pattern: dict[str, Any], event: dict[str, Any]
) -> None:
    [branch] = event_patterns._parse(pattern, event_patterns._Place(event_patterns.OPERATORS), [{}])
    search = event_patterns._consistent_matcher(event_patterns._tree(branch), branch)
    assert compile_pattern(pattern)(event) == search(event)

"""EventBridge event patterns, compiled once and matched many times.

The language is that of "Comparison operators for use in event patterns in Amazon EventBridge"; where the guide is
silent, the behaviour is that of Event Ruler (github.com/aws/event-ruler), the matcher EventBridge itself runs. The same
language filters event source mappings, over the record instead of the event ("Lambda event filtering").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any, Final

Matcher = Callable[[Mapping[str, Any]], bool]
_Test = Callable[[Any], bool]

OPERATORS: Final = frozenset({"prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "cidr", "wildcard"})
FILTER_OPERATORS: Final = OPERATORS - {"cidr", "wildcard"}
"""What an event source mapping's filter may use ("Filter rule syntax", Lambda developer guide)."""

MAXIMUM_COMBINATIONS: Final = 1000
"""A pattern whose $or gives more combinations than this is refused by EventBridge."""

NUMERIC_BOUND: Final = 5e9
"""Numeric matching works between -5.0e9 and +5.0e9 inclusive."""

# By class: bool is a subclass of int in Python and no number in JSON.
_NUMBERS: Final = frozenset({int, float, Decimal})
_SCALARS: Final = _NUMBERS | {str, bool, type(None)}

# Event Ruler refuses these as field names inside $or (Constants.RESERVED_FIELD_NAMES_IN_OR_RELATIONSHIP).
_RESERVED_IN_OR: Final = OPERATORS | {
    "exactly", "=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case", "date-after",
    "date-on-or-after", "date-before", "date-on-or-before", "in-date-range", "ip-address-in-range",
    "ip-address-not-in-range",
}  # fmt: skip


class PatternError(ValueError):
    """A pattern that EventBridge would refuse. `path` is the field's dotted path, "" for the pattern itself."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or 'pattern'}: {problem}")
        self.path = path
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What one field must satisfy: `test` for a scalar, `absent` if it may be missing; `dotted` if a key has a dot."""

    test: _Test
    absent: bool
    dotted: bool


@dataclass(slots=True)
class _Node:
    name: str = ""
    leaf: _Leaf | None = None
    children: dict[str, _Node] = field(default_factory=dict)


_Branch = dict[str, _Leaf]


def compile_pattern(pattern: Mapping[str, Any], operators: frozenset[str] = OPERATORS) -> Matcher:
    """A function that says whether a whole event matches.

    A field's values are alternatives, fields are all required, and an array in the event matches when any element does.
    Fields below one array of objects must be satisfied by the same element. `operators` restricts what may be used
    (`FILTER_OPERATORS`). Two limits against Event Ruler: an event key that contains a dot is found only by a pattern
    that writes the dot, and a field may be named once per combination (Ruler silently lets the later one win).

    Raises PatternError, naming field and operator.
    """
    if not isinstance(pattern, Mapping):
        raise PatternError("", f"must be an object, not {_name(pattern)}")
    matchers = [_branch_matcher(branch) for branch in _parse(pattern, _Place(operators), [{}])]
    if len(matchers) == 1:
        return matchers[0]
    return lambda event: any(matcher(event) for matcher in matchers)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the parser is."""

    operators: frozenset[str]
    path: str = ""
    inside_or: bool = False
    dotted: bool = False

    def below(self, key: str) -> _Place:
        path = f"{self.path}.{key}" if self.path else key
        return _Place(self.operators, path, self.inside_or, self.dotted or "." in key)


def _parse(pattern: Mapping[str, Any], place: _Place, branches: list[_Branch]) -> list[_Branch]:
    if not pattern:
        raise PatternError(place.path, "empty objects are not allowed")
    for key, value in pattern.items():
        here = place.below(key)
        if key == "$or":
            branches = _parse_or(value, place, branches)
        elif place.inside_or and key in _RESERVED_IN_OR:
            raise PatternError(here.path, f"{key!r} is a reserved word and not a field name inside $or")
        elif isinstance(value, Mapping):
            branches = _parse(value, here, branches)
        elif isinstance(value, list | tuple):
            leaf = _parse_leaf(value, here)
            for branch in branches:
                if here.path in branch:
                    raise PatternError(here.path, "the same field is given twice")
                branch[here.path] = leaf
        else:
            raise PatternError(here.path, f"must be an object or a list, not {_name(value)}")
    return branches


def _parse_or(clauses: Any, place: _Place, branches: list[_Branch]) -> list[_Branch]:
    here = place.below("$or").path
    if not isinstance(clauses, list | tuple) or len(clauses) < 2:
        raise PatternError(here, "$or must be a list of at least two objects")
    combined: list[_Branch] = []
    for clause in clauses:
        if not isinstance(clause, Mapping):
            raise PatternError(here, f"$or holds objects only, not {_name(clause)}")
        inside = replace(place, inside_or=True)
        combined += _parse(clause, inside, [dict(branch) for branch in branches])
        if len(combined) > MAXIMUM_COMBINATIONS:
            raise PatternError(here, f"$or leads to more than {MAXIMUM_COMBINATIONS} combinations")
    return combined


def _parse_leaf(values: Sequence[Any], place: _Place) -> _Leaf:
    path = place.path
    if not values:
        raise PatternError(path, "empty lists are not allowed")
    literals: list[Any] = []
    tests: list[_Test] = []
    absent = False
    for value in values:
        if isinstance(value, Mapping):
            operator, operand = _operation(value, path, place.operators)
            if operator == "exists" and operand is False:
                absent = True
            else:
                tests.append(_PARSERS[operator](operand, path))
        elif value is None or isinstance(value, str | bool | int | float | Decimal):
            literals.append(value)
        else:
            raise PatternError(path, f"a value must be a scalar or a matcher, not {_name(value)}")
    return _Leaf(_any_of(literals, tests), absent, place.dotted)


def _operation(matcher: Mapping[str, Any], path: str, operators: frozenset[str]) -> tuple[str, Any]:
    if len(matcher) != 1:
        found = ", ".join(repr(key) for key in matcher) or "none"
        raise PatternError(path, f"a matcher holds exactly one operator, found {found}")
    [(operator, operand)] = matcher.items()
    if operator not in OPERATORS:
        raise PatternError(path, f"unknown operator {operator!r}")
    if operator not in operators:
        raise PatternError(path, f"operator {operator!r} cannot be used here")
    if operator == "exists" and not isinstance(operand, bool):
        raise PatternError(path, f"'exists' needs true or false, not {_name(operand)}")
    return operator, operand


def _any_of(literals: list[Any], tests: list[_Test]) -> _Test:
    # True == 1 in Python and true is not 1 in JSON, so each type has its own home.
    strings = frozenset(value for value in literals if isinstance(value, str))
    numbers = frozenset(value for value in literals if _is_number(value))
    words = tuple(value for value in literals if value is None or isinstance(value, bool))
    if not numbers and not words and not tests:
        return strings.__contains__
    if not literals and len(tests) == 1:
        return tests[0]

    def matches(value: Any) -> bool:
        if isinstance(value, str):
            if value in strings:
                return True
        elif value is None or value is True or value is False:
            if any(value is word for word in words):
                return True
        elif value in numbers:
            return True
        return bool(tests) and any(test(value) for test in tests)

    return matches


def _text(operand: Any, path: str, operator: str) -> str:
    if not isinstance(operand, str):
        raise PatternError(path, f"{operator!r} needs a string, not {_name(operand)}")
    return operand


def _affix(operand: Any, path: str, operator: str) -> _Test:
    ignore_case = isinstance(operand, Mapping)
    if ignore_case:
        if list(operand) != ["equals-ignore-case"]:
            raise PatternError(path, f"{operator!r} takes a string or {{'equals-ignore-case': string}}")
        operand = operand["equals-ignore-case"]
        operator = f"{operator}.equals-ignore-case"
    text = _text(operand, path, operator)
    if ignore_case:
        lowered = text.lower()
        if operator.startswith("prefix"):
            return lambda value: isinstance(value, str) and value.lower().startswith(lowered)
        return lambda value: isinstance(value, str) and value.lower().endswith(lowered)
    if operator == "prefix":
        return lambda value: isinstance(value, str) and value.startswith(text)
    return lambda value: isinstance(value, str) and value.endswith(text)


def _prefix(operand: Any, path: str) -> _Test:
    return _affix(operand, path, "prefix")


def _suffix(operand: Any, path: str) -> _Test:
    return _affix(operand, path, "suffix")


def _equals_ignore_case(operand: Any, path: str) -> _Test:
    lowered = _text(operand, path, "equals-ignore-case").lower()
    return lambda value: isinstance(value, str) and value.lower() == lowered


def _exists(_operand: Any, _path: str) -> _Test:
    return lambda _value: True


def _cidr(operand: Any, path: str) -> _Test:
    text = _text(operand, path, "cidr")
    try:
        if "/" not in text:
            raise ValueError("a mask is required")
        network = ip_network(text, strict=False)
    except ValueError as problem:
        raise PatternError(path, f"'cidr' needs a block such as 10.0.0.0/24: {problem}") from None

    def inside(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return ip_address(value) in network
        except ValueError:
            return False

    return inside


def _wildcard(operand: Any, path: str) -> _Test:
    pieces = _wildcard_pieces(_text(operand, path, "wildcard"), path)
    if len(pieces) == 1:
        exact = pieces[0]
        return lambda value: isinstance(value, str) and value == exact
    first, *middle, last = pieces
    shortest = len(first) + len(last)

    def matches(value: Any) -> bool:
        if not isinstance(value, str) or len(value) < shortest:
            return False
        if not value.startswith(first) or not value.endswith(last):
            return False
        position, end = len(first), len(value) - len(last)
        for piece in middle:
            found = value.find(piece, position, end)
            if found < 0:
                return False
            position = found + len(piece)
        return True

    return matches


def _wildcard_pieces(text: str, path: str) -> list[str]:
    pieces: list[str] = []
    piece, escaped = "", False
    for character in text:
        if escaped:
            if character not in "*\\":
                raise PatternError(path, f"'wildcard' can escape * and \\ only, not {character!r}")
            piece, escaped = piece + character, False
        elif character == "\\":
            escaped = True
        elif character == "*":
            if not piece and pieces:
                raise PatternError(path, "'wildcard' does not allow consecutive wildcard characters")
            pieces.append(piece)
            piece = ""
        else:
            piece += character
    if escaped:
        raise PatternError(path, "'wildcard' ends in an escape character")
    return [*pieces, piece]


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda value, bound: bool(value == bound),
    "<": lambda value, bound: bool(value < bound),
    "<=": lambda value, bound: bool(value <= bound),
    ">": lambda value, bound: bool(value > bound),
    ">=": lambda value, bound: bool(value >= bound),
}


def _numeric(operand: Any, path: str) -> _Test:
    if not isinstance(operand, list | tuple) or len(operand) not in (2, 4):
        raise PatternError(path, "'numeric' needs a list of one comparison or of a range")
    comparisons = [(operand[i], operand[i + 1]) for i in range(0, len(operand), 2)]
    for symbol, bound in comparisons:
        if symbol not in _COMPARISONS:
            raise PatternError(path, f"'numeric' has an unknown comparison {symbol!r}")
        if not _is_number(bound):
            raise PatternError(path, f"'numeric' {symbol} needs a number, not {_name(bound)}")
        if not -NUMERIC_BOUND <= bound <= NUMERIC_BOUND:
            raise PatternError(path, f"'numeric' works between -5.0e9 and 5.0e9, not at {bound}")
    if len(comparisons) == 1:
        [(symbol, bound)] = comparisons
        compare = _COMPARISONS[symbol]
        return lambda value: _is_number(value) and -NUMERIC_BOUND <= value <= NUMERIC_BOUND and compare(value, bound)
    (bottom_symbol, bottom), (top_symbol, top) = comparisons
    if bottom_symbol not in (">", ">=") or top_symbol not in ("<", "<="):
        raise PatternError(path, f"'numeric' range must be > or >= and then < or <=, not {bottom_symbol} {top_symbol}")
    if bottom >= top:
        raise PatternError(path, f"'numeric' range is empty: {bottom} is not below {top}")
    above, below = _COMPARISONS[bottom_symbol], _COMPARISONS[top_symbol]
    return lambda value: _is_number(value) and above(value, bottom) and below(value, top)


def _anything_but(operand: Any, path: str) -> _Test:
    if isinstance(operand, Mapping):
        return _anything_but_like(operand, path)
    values = operand if isinstance(operand, list | tuple) else [operand]
    if values and all(isinstance(value, str) for value in values):
        strings = frozenset(values)
        return lambda value: not (isinstance(value, str) and value in strings)
    if values and all(_is_number(value) for value in values):
        numbers = frozenset(values)
        return lambda value: not (_is_number(value) and value in numbers)
    raise PatternError(path, "'anything-but' needs a string or a number, or a list of only strings or only numbers")


def _anything_but_like(operand: Mapping[str, Any], path: str) -> _Test:
    if len(operand) != 1 or next(iter(operand)) not in _NEGATABLE:
        found = ", ".join(repr(key) for key in operand) or "none"
        raise PatternError(path, f"'anything-but' takes one of {', '.join(_NEGATABLE)}, found {found}")
    [(operator, inner)] = operand.items()
    texts = inner if isinstance(inner, list | tuple) else [inner]
    if not texts:
        raise PatternError(path, f"'anything-but' {operator!r} needs at least one string")
    tests = []
    for text in texts:
        if _text(text, path, f"anything-but.{operator}") == "" and operator in ("prefix", "suffix"):
            raise PatternError(path, f"'anything-but' {operator!r} does not allow an empty string")
        tests.append(_PARSERS[operator](text, path))
    return lambda value: not any(test(value) for test in tests)


_NEGATABLE: Final = ("prefix", "suffix", "equals-ignore-case", "wildcard")
_PARSERS: Final[Mapping[str, Callable[[Any, str], _Test]]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
    "wildcard": _wildcard,
}


def _branch_matcher(branch: _Branch) -> _Test:
    root = _tree(branch)
    return _path_matcher(branch, _tree_matcher(root)) if _is_simple(branch) else _consistent_matcher(root, branch)


def _tree(branch: _Branch) -> _Node:
    root = _Node()
    for name, leaf in branch.items():
        node = root
        for part in name.split("."):
            node = node.children.setdefault(part, _Node())
        node.name, node.leaf = name, leaf
    return root


def _is_simple(branch: _Branch) -> bool:
    """Whether the walk down the tree says the same as Event Ruler's search: nothing absent, no field above another."""
    if any(leaf.absent or leaf.dotted for leaf in branch.values()):
        return False
    return not any(other.startswith(f"{name}.") for name in branch for other in branch)


def _path_matcher(branch: _Branch, walk: _Test) -> _Test:
    """The walk down the tree, field by field: most events have objects above each field and a scalar in it."""
    fields = tuple((tuple(name.split(".")), leaf.test) for name, leaf in branch.items())

    def matches(event: Any) -> bool:
        for path, test in fields:
            value = event
            for key in path:
                if value.__class__ is not dict:
                    return walk(event)
                if key not in value:
                    return False
                value = value[key]
            if value.__class__ not in _SCALARS:
                return walk(event)
            if not test(value):
                return False
        return True

    return matches


def _tree_matcher(node: _Node) -> _Test:
    if node.leaf is not None:
        return _leaf_matcher(node.leaf.test)
    children = tuple((key, _tree_matcher(child)) for key, child in node.children.items())

    def matches(value: Any) -> bool:
        if value.__class__ in _SCALARS:
            return False
        if value.__class__ is dict or isinstance(value, Mapping):
            for key, child in children:  # noqa: SIM110 - a loop is half the time of all() here
                if key not in value or not child(value[key]):
                    return False
            return True
        return isinstance(value, (list, tuple)) and any(matches(element) for element in value)

    return matches


def _leaf_matcher(test: _Test) -> _Test:
    def matches(value: Any) -> bool:
        if value.__class__ in _SCALARS:
            return test(value)
        if isinstance(value, (list, tuple)):
            return any(matches(element) for element in value)
        return not isinstance(value, Mapping) and test(value)

    return matches


_Membership = Mapping[int, int]
_Fields = dict[str, list[tuple[Any, _Membership]]]


def _consistent_matcher(root: _Node, branch: _Branch) -> _Test:
    """Event Ruler's own search: the named fields with the array elements they come from, in order of their names.

    A field is absent when no value of it is consistent with the elements chosen so far (NameState.getNameTransitions).
    """
    names = sorted(branch)

    def matches(event: Any) -> bool:
        fields: _Fields = {}
        _collect(event, root, {}, fields, [0])
        return search(fields, 0, {})

    def search(fields: _Fields, index: int, chosen: _Membership) -> bool:
        if index == len(names):
            return True
        name = names[index]
        leaf = branch[name]
        present = False
        for value, membership in fields.get(name, ()):
            if any(chosen.get(array, element) != element for array, element in membership.items()):
                continue
            present = True
            if leaf.test(value) and search(fields, index + 1, {**chosen, **membership}):
                return True
        return leaf.absent and not present and search(fields, index + 1, chosen)

    return matches


def _collect(value: Any, node: _Node, membership: _Membership, fields: _Fields, arrays: list[int]) -> None:
    if value.__class__ is dict or isinstance(value, Mapping):
        for key, inner in value.items():
            child = node.children.get(key)
            if child is None and "." in key:
                child = node
                for part in key.split("."):
                    child = child.children.get(part) if child is not None else None
            if child is not None:
                _collect(inner, child, membership, fields, arrays)
    elif isinstance(value, (list, tuple)):
        arrays[0] += 1
        array = arrays[0]
        for index, element in enumerate(value):
            _collect(element, node, {**membership, array: index}, fields, arrays)
    elif node.leaf is not None:
        fields.setdefault(node.name, []).append((value, membership))


def _is_number(value: Any) -> bool:
    return value.__class__ in _NUMBERS


def _name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return repr(value)

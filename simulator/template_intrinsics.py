"""CloudFormation's intrinsic functions on a plain template: references, text, conditions, mappings, and creation order.

Source: "Intrinsic function reference", AWS CloudFormation template reference. What is not here (ImportValue, Base64,
GetAZs, Transform, language extensions, ...) is refused by its name, so that a template cannot mean less here than there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

_PLACEHOLDER: Final = re.compile(r"\$\{([^${}]*)\}")
_CONDITION_FUNCTIONS: Final = frozenset({"Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not"})


class TemplateError(ValueError):
    """A template that CloudFormation would refuse, or that uses what is not supported; names the place."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place = place
        self.problem = problem


class DependencyCycleError(TemplateError):
    """Resources that need each other; the message lists them in a circle."""


class Resources(Protocol):
    """What the environment knows about resources."""

    def ref(self, logical_id: str) -> Any:
        """What Ref gives. Raises KeyError for a resource that does not exist."""
        ...

    def get_att(self, logical_id: str, attribute: str) -> Any:
        """What Fn::GetAtt gives; `attribute` may have dots. Raises KeyError for what does not exist."""
        ...


class _NoResources:
    def ref(self, logical_id: str) -> Any:
        raise KeyError(logical_id)

    def get_att(self, logical_id: str, attribute: str) -> Any:
        raise KeyError(f"{logical_id}.{attribute}")


class _NoValue:
    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE: Final = _NoValue()
"""What Ref AWS::NoValue gives: the property or list element that holds it is left out."""


@dataclass(slots=True)
class Environment:
    """What a template is resolved against.

    `parameters` holds every parameter's value (defaults filled in; a CommaDelimitedList as a list), `mappings` and
    `conditions` are the template's sections as written. `resources` answers Ref and GetAtt of resources.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources = field(default_factory=_NoResources)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    region: str = "us-east-1"
    account_id: str = "123456789012"
    partition: str = "aws"
    stack_name: str = "aftercare"
    url_suffix: str = "amazonaws.com"
    _held: dict[str, bool | None] = field(default_factory=dict)

    def pseudo(self, name: str) -> Any:
        """The value of an AWS:: pseudo parameter; KeyError for one that is not supported."""
        return {
            "AWS::AccountId": self.account_id,
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": f"arn:{self.partition}:cloudformation:{self.region}:{self.account_id}:stack/{self.stack_name}/0",
            "AWS::StackName": self.stack_name,
            "AWS::URLSuffix": self.url_suffix,
        }[name]

    def holds(self, condition: str) -> bool:
        """Whether a named condition is true. Raises TemplateError for an unknown or circular one."""
        place = f"Conditions.{condition}"
        if condition not in self.conditions:
            raise TemplateError(place, "there is no such condition")
        if condition not in self._held:
            self._held[condition] = None
            self._held[condition] = _condition(self.conditions[condition], self, place)
        held = self._held[condition]
        if held is None:
            raise TemplateError(place, "the condition depends on itself")
        return held


def resolve(value: Any, environment: Environment, place: str = "") -> Any:
    """`value` with every intrinsic function replaced, as a new structure; the template is not changed.

    Properties and list elements that resolve to AWS::NoValue are left out. `place` names the value in errors, which are
    TemplateError.
    """
    if isinstance(value, Mapping):
        function = _function_of(value, place)
        if function is not None:
            return _FUNCTIONS[function](value[function], environment, _below(place, function))
        resolved = ((key, resolve(inner, environment, _below(place, key))) for key, inner in value.items())
        return {key: inner for key, inner in resolved if inner is not NO_VALUE}
    if isinstance(value, list | tuple):
        items = (resolve(inner, environment, f"{place}[{index}]") for index, inner in enumerate(value))
        return [item for item in items if item is not NO_VALUE]
    return value


def creation_order(resources: Mapping[str, Any], environment: Environment | None = None) -> list[str]:
    """Logical ids, each after what it refers to (Ref, GetAtt, Sub, DependsOn), otherwise as the template has them.

    With an environment, Fn::If counts its chosen side only. Raises DependencyCycleError, and TemplateError for a DependsOn
    that names no resource.
    """
    order: list[str] = []
    state: dict[str, bool] = {}
    path: list[str] = []

    def visit(logical_id: str) -> None:
        if state.get(logical_id):
            return
        if logical_id in state:
            circle = [*path[path.index(logical_id) :], logical_id]
            raise DependencyCycleError("Resources", f"circular dependency {' -> '.join(circle)}")
        state[logical_id] = False
        path.append(logical_id)
        for needed in dependencies(logical_id, resources, environment):
            visit(needed)
        path.pop()
        state[logical_id] = True
        order.append(logical_id)

    for logical_id in resources:
        visit(logical_id)
    return order


def dependencies(logical_id: str, resources: Mapping[str, Any], environment: Environment | None = None) -> list[str]:
    """The resources that one resource refers to, in the order it mentions them."""
    resource = resources[logical_id]
    place = f"Resources.{logical_id}"
    explicit = resource.get("DependsOn", [])
    found = dict.fromkeys([explicit] if isinstance(explicit, str) else explicit)
    for name in found:
        if name not in resources:
            raise TemplateError(f"{place}.DependsOn", f"there is no resource {name!r}")
    for name in _references(resource.get("Properties", {}), environment, f"{place}.Properties"):
        if name in resources:
            found[name] = None
    return list(found)


def _references(value: Any, environment: Environment | None, place: str) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _references(inner, environment, f"{place}[{index}]")
        return
    if not isinstance(value, Mapping):
        return
    function = _function_of(value, place)
    inner = value.get(function) if function else None
    if function == "Ref":
        yield str(inner)
    elif function == "Fn::GetAtt":
        yield _attribute(inner, place)[0]
    elif function == "Fn::Sub":
        text, variables = _sub_parts(inner, place)
        yield from (name.split(".")[0] for name in _placeholders(text) if name not in variables)
        yield from _references(variables, environment, place)
    elif function == "Fn::If" and environment is not None:
        name, yes, no = _items(inner, place, 3)
        yield from _references(yes if environment.holds(name) else no, environment, place)
    else:
        for key, part in value.items():
            yield from _references(part, environment, _below(place, key))


def _function_of(value: Mapping[str, Any], place: str) -> str | None:
    functions = [key for key in value if isinstance(key, str) and key.startswith("Fn::")]
    if len(value) == 1 and "Ref" in value:
        functions = ["Ref"]
    if not functions:
        return None
    if len(value) > 1:
        raise TemplateError(place, f"{functions[0]} must stand alone, it has {len(value) - 1} other keys beside it")
    if functions[0] not in _FUNCTIONS:
        raise TemplateError(place, f"{functions[0]} is not supported")
    return functions[0]


# --- functions


def _ref(argument: Any, environment: Environment, place: str) -> Any:
    if not isinstance(argument, str):
        raise TemplateError(place, f"needs a name, not {argument!r}")
    if argument.startswith("AWS::"):
        try:
            return environment.pseudo(argument)
        except KeyError:
            raise TemplateError(place, f"the pseudo parameter {argument} is not supported") from None
    if argument in environment.parameters:
        return environment.parameters[argument]
    try:
        return environment.resources.ref(argument)
    except KeyError:
        raise TemplateError(place, f"there is no parameter or resource {argument!r}") from None


def _get_att(argument: Any, environment: Environment, place: str) -> Any:
    logical_id, attribute = _attribute(argument, place)
    name = resolve(attribute, environment, place)
    try:
        return environment.resources.get_att(logical_id, str(name))
    except KeyError:
        raise TemplateError(place, f"there is no attribute {logical_id}.{name}") from None


def _attribute(argument: Any, place: str) -> tuple[str, Any]:
    if isinstance(argument, str) and "." in argument:
        logical_id, _, attribute = argument.partition(".")
        return logical_id, attribute
    if isinstance(argument, list | tuple) and len(argument) == 2 and isinstance(argument[0], str):
        return argument[0], argument[1]
    raise TemplateError(place, f"needs a resource and an attribute, not {argument!r}")


def _sub(argument: Any, environment: Environment, place: str) -> str:
    text, variables = _sub_parts(argument, place)
    values = {name: resolve(value, environment, _below(place, name)) for name, value in variables.items()}

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        if name in values:
            return _as_text(values[name], place)
        if "." in name:
            return _as_text(_get_att(name, environment, place), place)
        return _as_text(_ref(name, environment, place), place)

    return _PLACEHOLDER.sub(value, text)


def _sub_parts(argument: Any, place: str) -> tuple[str, Mapping[str, Any]]:
    if isinstance(argument, str):
        return argument, {}
    if isinstance(argument, list | tuple) and len(argument) == 2:
        text, variables = argument
        if isinstance(text, str) and isinstance(variables, Mapping):
            return text, variables
    raise TemplateError(place, "needs a text, or a text and an object of its variables")


def _placeholders(text: str) -> list[str]:
    return [name for name in _PLACEHOLDER.findall(text) if not name.startswith("!")]


def _join(argument: Any, environment: Environment, place: str) -> str:
    delimiter, values = _items(argument, place, 2)
    if not isinstance(delimiter, str):
        raise TemplateError(place, f"needs a text as delimiter, not {delimiter!r}")
    parts = resolve(values, environment, place)
    if not isinstance(parts, list | tuple):
        raise TemplateError(place, f"needs a list of texts, not {parts!r}")
    return delimiter.join(_as_text(part, place) for part in parts)


def _split(argument: Any, environment: Environment, place: str) -> list[str]:
    delimiter, value = _items(argument, place, 2)
    text = resolve(value, environment, place)
    if not isinstance(delimiter, str) or not delimiter or not isinstance(text, str):
        raise TemplateError(place, "needs a delimiter and a text")
    return text.split(delimiter)


def _select(argument: Any, environment: Environment, place: str) -> Any:
    position, values = _items(argument, place, 2)
    position = resolve(position, environment, place)
    items = resolve(values, environment, place)
    if isinstance(position, bool) or not str(position).isdigit() or not isinstance(items, list | tuple):
        raise TemplateError(place, "needs an index and a list")
    if int(position) >= len(items):
        raise TemplateError(place, f"index {position} is outside a list of {len(items)}")
    return items[int(position)]


def _find_in_map(argument: Any, environment: Environment, place: str) -> Any:
    names = [resolve(name, environment, place) for name in _items(argument, place, 3)]
    here: Any = environment.mappings
    for name in names:
        if not isinstance(here, Mapping) or str(name) not in here:
            raise TemplateError(place, f"there is no {'.'.join(map(str, names))} in Mappings")
        here = here[str(name)]
    return here


def _if(argument: Any, environment: Environment, place: str) -> Any:
    condition, yes, no = _items(argument, place, 3)
    if not isinstance(condition, str):
        raise TemplateError(place, f"needs the name of a condition, not {condition!r}")
    return resolve(yes if environment.holds(condition) else no, environment, place)


def _refuse_import(argument: Any, _environment: Environment, place: str) -> Any:
    raise TemplateError(place, f"Fn::ImportValue is not supported: {argument!r} is another stack's")


def _outside_conditions(_argument: Any, _environment: Environment, place: str) -> Any:
    raise TemplateError(place, "a condition function can be used in Conditions only")


# --- conditions


def _condition(value: Any, environment: Environment, place: str) -> bool:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise TemplateError(place, f"needs one condition function, not {value!r}")
    [(function, argument)] = value.items()
    here = _below(place, str(function))
    if function == "Condition":
        return environment.holds(argument)
    if function == "Fn::Equals":
        left, right = (resolve(side, environment, here) for side in _items(argument, here, 2))
        return bool(_comparable(left) == _comparable(right))
    if function == "Fn::Not":
        [inner] = _items(argument, here, 1)
        return not _condition(inner, environment, here)
    if function in ("Fn::And", "Fn::Or"):
        if not isinstance(argument, list | tuple) or not 2 <= len(argument) <= 10:
            raise TemplateError(here, "needs a list of 2 to 10 conditions")
        holds = [_condition(inner, environment, f"{here}[{index}]") for index, inner in enumerate(argument)]
        return all(holds) if function == "Fn::And" else any(holds)
    raise TemplateError(place, f"{function} is no condition function")


def _comparable(value: Any) -> Any:
    """Parameters are texts to CloudFormation: 5 equals "5" and true equals "true"."""
    return _as_text(value, "") if isinstance(value, str | bool | int | float) else value


def _as_text(value: Any, place: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TemplateError(place, f"needs a text, not {value!r}")


def _items(argument: Any, place: str, count: int) -> list[Any]:
    if not isinstance(argument, list | tuple) or len(argument) != count:
        raise TemplateError(place, f"needs a list of {count}, not {argument!r}")
    return list(argument)


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


_FUNCTIONS: Final[Mapping[str, Callable[[Any, Environment, str], Any]]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::FindInMap": _find_in_map,
    "Fn::If": _if,
    "Fn::ImportValue": _refuse_import,
    **dict.fromkeys(sorted(_CONDITION_FUNCTIONS), _outside_conditions),
}

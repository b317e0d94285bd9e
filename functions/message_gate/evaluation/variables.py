"""Every variable of every branch of a template, held against what its view has: nothing is rendered.

A sample takes one way through a template; a customer may take another. So the tree is walked whole: each `if` and `else`,
each loop and its `else`, what is included and what is extended.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from jinja2 import Environment, TemplateSyntaxError, nodes


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is: names with kinds of their own, entries of one kind, or (with neither) a text."""

    names: Mapping[str, "Kind"] | None = None
    entries: "Kind | None" = None
    may_miss: bool = False

    def __str__(self) -> str:
        return "a group of names" if self.names is not None else "a list" if self.entries else "a text"


TEXT = Kind()
LOOP = Kind(dict.fromkeys(("index", "index0", "revindex", "revindex0", "first", "last", "length"), TEXT))
SHOWN_NAMES = 40
_SAME = {"sort", "reverse", "list", "unique", "select", "reject", "selectattr", "rejectattr"}
_ONE = {"first", "last", "random", "min", "max"}


def kind_of(declared: Any) -> Kind:
    """The kind of a declared type: a TypedDict, a list of something, a text; each perhaps None."""
    if get_origin(declared) in (Union, UnionType):
        (real,) = (part for part in get_args(declared) if part is not NoneType)
        found = kind_of(real)
        return Kind(found.names, found.entries, may_miss=True)
    if is_typeddict(declared):
        return Kind({name: kind_of(part) for name, part in get_type_hints(declared).items()})
    if get_origin(declared) is list:
        return Kind(entries=kind_of(get_args(declared)[0]))
    return TEXT


@dataclass(frozen=True, slots=True)
class Missing:
    """A variable that is not there, or that is shown without asking whether it is."""

    file: str
    line: int
    what: str
    expected: str


def differences(value: Any, declared: Kind, path: str) -> Iterator[tuple[str, str, str]]:
    """Where a view is not as it is declared: path, what is there, what was expected."""
    if value is None:
        if not declared.may_miss:
            yield path, "is None", f"{declared}, as view_model.py has it"
    elif declared.names is not None:
        if not isinstance(value, Mapping):
            yield path, f"is {type(value).__name__}", f"{declared}, as view_model.py has it"
            return
        for name in sorted(declared.names.keys() | value.keys()):
            inner = f"{path}.{name}" if path else name
            if name not in value or name not in declared.names:
                yield inner, "not in the view" if name not in value else "not in view_model.py", "both"
            else:
                yield from differences(value[name], declared.names[name], inner)
    elif declared.entries:
        if not isinstance(value, (list, tuple)):
            yield path, f"is {type(value).__name__}", f"{declared}, as view_model.py has it"
            return
        for one in value:
            yield from differences(one, declared.entries, f"{path}[]")
    elif isinstance(value, (Mapping, list, tuple)):
        yield path, f"is {type(value).__name__}", f"{declared}, as view_model.py has it"


@dataclass(slots=True)
class Walk:
    """One walk over a template and all that it is made of. `names` are those that the view gives."""

    root: Path
    environment: Environment
    names: Mapping[str, Kind]
    styles: frozenset[str]
    found: list[Missing] = field(default_factory=list)
    _blocks: dict[str, tuple[str, nodes.Block]] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def template(self, file: str, scope: Mapping[str, Kind] | None = None, sure: frozenset[str] = frozenset()) -> None:
        """Walk a file. A file that is not there or cannot be read is a finding of whoever reads templates."""
        if file in self._open:
            self._say(file, 1, f"{file} includes itself", "an end")
            return
        try:
            source = (self.root / file).read_text(encoding="utf-8")
            # Styles are filled in before a template is read, so only what is written in just this way is one.
            tree = _tree(self.environment, re.sub(r"\{\{ css\.([a-z_]+) \}\}", self._style, source), file)
        except (OSError, TemplateSyntaxError):
            return
        self._open.append(file)
        parents = list(tree.find_all(nodes.Extends))
        for block in tree.find_all(nodes.Block):
            self._blocks.setdefault(block.name, (file, block))
        if parents and isinstance(parents[0].template, nodes.Const):
            self.template(str(parents[0].template.value), scope, sure)
        else:
            self._body(tree.body, file, dict(scope or self.names), sure)
        self._open.pop()

    def _style(self, found: re.Match[str]) -> str:
        return "" if found[1] in self.styles else found[0]

    def _say(self, file: str, line: int, what: str, expected: str) -> None:
        missing = Missing(file, line, what, expected)
        if missing not in self.found:
            self.found.append(missing)

    # ------------------------------------------------------------ statements

    def _body(self, body: list[nodes.Node], file: str, scope: dict[str, Kind], sure: frozenset[str]) -> None:
        for node in body:
            self._statement(node, file, scope, sure)

    def _statement(self, node: nodes.Node, file: str, scope: dict[str, Kind], sure: frozenset[str]) -> None:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    self._shown(part, file, scope, sure)
            case nodes.If():
                self._if(node, file, scope, sure)
            case nodes.For():
                entries = self._kind(node.iter, file, scope, sure)
                self._never_none(node.iter, entries, file, sure)
                if entries.names is not None or not entries.entries:
                    self._say(file, node.lineno, f"a loop over {_path(node.iter) or 'a value'}, which is {entries}", "a list")
                inner = {**scope, "loop": LOOP}
                self._bind(node.target, entries.entries or TEXT, file, inner)
                sure = frozenset(known for known in sure if known.partition(".")[0] != _path(node.target))
                if node.test:
                    self._kind(node.test, file, inner, sure)
                self._body(node.body, file, inner, sure | (_implied(node.test) if node.test else frozenset()))
                self._body(node.else_, file, dict(scope), sure)
            case nodes.Include():
                self._include(node, file, scope, sure)
            case nodes.Block():
                where, block = self._blocks.get(node.name, (file, node))
                self._body(block.body, where, dict(self.names), sure)
            case nodes.Assign():
                self._bind(node.target, self._kind(node.node, file, scope, sure), file, scope)
            case nodes.With():
                inner = dict(scope)
                for target, value in zip(node.targets, node.values, strict=True):
                    self._bind(target, self._kind(value, file, scope, sure), file, inner)
                self._body(node.body, file, inner, sure)
            case nodes.Extends():
                pass
            case _:
                name = type(node).__name__.lower()
                self._say(file, node.lineno, f"{{% {name} %}} cannot be checked", "if, for, set, with, include, block")

    def _if(self, node: nodes.If, file: str, scope: dict[str, Kind], sure: frozenset[str]) -> None:
        """Each branch with what its own test, and the tests before it that failed, make sure."""
        self._kind(node.test, file, scope, sure)
        self._body(node.body, file, dict(scope), sure | _implied(node.test))
        after = sure | _implied(node.test, holds=False)
        for branch in node.elif_:
            self._kind(branch.test, file, scope, after)
            self._body(branch.body, file, dict(scope), after | _implied(branch.test))
            after |= _implied(branch.test, holds=False)
        self._body(node.else_, file, dict(scope), after)

    def _include(self, node: nodes.Include, file: str, scope: dict[str, Kind], sure: frozenset[str]) -> None:
        wanted = node.template
        parts = wanted.items if isinstance(wanted, nodes.Tuple | nodes.List) else [wanted]
        values = [part.value for part in parts if isinstance(part, nodes.Const)]
        names = [name for value in values for name in (value if isinstance(value, list | tuple) else (value,))]
        for name in names:
            if (self.root / str(name)).is_file():
                self.template(str(name), dict(scope), sure)
            else:
                self._say(file, node.lineno, f"no file {name}", "a file that is there")

    def _bind(self, target: nodes.Node, value: Kind, file: str, scope: dict[str, Kind]) -> None:
        if isinstance(target, nodes.Name):
            scope[target.name] = value
        else:
            self._say(file, target.lineno, "several names at once", "one name")

    # ------------------------------------------------------------ expressions

    def _shown(self, node: nodes.Expr, file: str, scope: Mapping[str, Kind], sure: frozenset[str]) -> None:
        if isinstance(node, nodes.TemplateData):
            return
        found = self._kind(node, file, scope, sure)
        if found.names is not None or found.entries:
            self._say(file, node.lineno, f"{_path(node) or 'a value'} is shown, which is {found}", "a text")
        self._never_none(node, found, file, sure)

    def _never_none(self, node: nodes.Node, found: Kind, file: str, sure: frozenset[str]) -> None:
        path = _path(node)
        if path and found.may_miss and path not in sure:
            self._say(file, node.lineno, f"variable that may be empty: {path}", f"it inside {{% if {path} %}}")

    def _kind(self, node: nodes.Node, file: str, scope: Mapping[str, Kind], sure: frozenset[str]) -> Kind:
        match node:
            case nodes.Name():
                if node.name in scope:
                    return scope[node.name]
                self._say(
                    file,
                    node.lineno,
                    f"missing variable: {node.name!r} is not in the view",
                    f"one of {_listed(scope, node.name)}",
                )
                return TEXT
            case nodes.Getattr():
                return self._inside(node, node.attr, file, scope, sure)
            case nodes.Getitem():
                if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
                    return self._inside(node, node.arg.value, file, scope, sure)
                base = self._kind(node.node, file, scope, sure)
                self._kind(node.arg, file, scope, sure)
                if base.names is not None:
                    self._say(file, node.lineno, f"a name of {_path(node.node)} that is computed", "the name itself")
                    return TEXT
                return base if isinstance(node.arg, nodes.Slice) else base.entries or TEXT
            case nodes.Filter():
                return self._filter(node, file, scope, sure)
            case nodes.Test():
                if node.name not in self.environment.tests:
                    self._say(file, node.lineno, f"no test {node.name}", "a test of Jinja")
            case nodes.CondExpr():
                self._kind(node.test, file, scope, sure)
                first = self._kind(node.expr1, file, scope, sure | _implied(node.test))
                second = self._kind(node.expr2, file, scope, sure | _implied(node.test, holds=False)) if node.expr2 else TEXT
                for part, found, known in (
                    (node.expr1, first, _implied(node.test)),
                    (node.expr2, second, _implied(node.test, False)),
                ):
                    if part is not None:
                        self._never_none(part, found, file, sure | known)
                return first if first.names is not None or first.entries else second
            case nodes.Call():
                self._say(file, node.lineno, f"a call of {_path(node.node) or 'a value'}", "a value of the view, or a filter")
                return TEXT
        for child in node.iter_child_nodes():
            self._kind(child, file, scope, sure)
            if isinstance(node, nodes.Concat | nodes.BinExpr) and not isinstance(node, nodes.And | nodes.Or):
                self._never_none(child, self._kind(child, file, scope, sure), file, sure)
        return TEXT

    def _inside(
        self, node: nodes.Getattr | nodes.Getitem, name: str, file: str, scope: Mapping[str, Kind], sure: frozenset[str]
    ) -> Kind:
        base = self._kind(node.node, file, scope, sure)
        whole = f"{_path(node.node) or 'value'}.{name}"
        if base.names is None:
            self._say(
                file, node.lineno, f"missing variable: {whole!r}, but {_path(node.node) or 'it'} is {base}", "its own name only"
            )
            return TEXT
        if base.may_miss:
            self._never_none(node.node, base, file, sure)
        if name not in base.names:
            self._say(file, node.lineno, f"missing variable: {whole!r} is not in the view", f"one of {_listed(base.names, name)}")
            return TEXT
        return base.names[name]

    def _filter(self, node: nodes.Filter, file: str, scope: Mapping[str, Kind], sure: frozenset[str]) -> Kind:
        if node.name not in self.environment.filters:
            self._say(file, node.lineno, f"no filter {node.name}", "a filter of Jinja")
        base = self._kind(node.node, file, scope, sure) if node.node else TEXT
        if node.node and node.name not in ("default", "d"):
            self._never_none(node.node, base, file, sure)
        for part in (*node.args, *(given.value for given in node.kwargs)):
            self._kind(part, file, scope, sure)
        named = [given.value for given in node.kwargs if given.key == "attribute"]
        named += node.args[:1] if node.name in ("selectattr", "rejectattr", "groupby") else []
        for part in named:
            if base.entries and isinstance(part, nodes.Const) and part.value not in (base.entries.names or {}):
                what = f"missing variable: {f'{_path(node.node)}[].{part.value}'!r} is not in the view"
                self._say(file, node.lineno, what, f"one of {_listed(base.entries.names or {})}")
        if node.name in _SAME:
            return base
        return (base.entries or TEXT) if node.name in _ONE else TEXT if node.name != "map" else Kind(entries=TEXT)


@lru_cache(maxsize=256)
def _tree(environment: Environment, source: str, file: str) -> nodes.Template:
    """A file's tree, read once for all templates and languages that walk it."""
    return environment.parse(source, filename=file)


def _path(node: nodes.Node | None) -> str:
    """`guide.link_url` of a name or a name inside one; empty for anything else."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        base = _path(node.node)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _implied(test: nodes.Node, holds: bool = True) -> frozenset[str]:
    """The paths that are there for sure when the test holds, or when it does not."""
    if isinstance(test, nodes.Not):
        return _implied(test.node, not holds)
    if isinstance(test, nodes.And if holds else nodes.Or):
        return _implied(test.left, holds) | _implied(test.right, holds)
    path = _path(test)
    return frozenset((path,)) if path and holds else frozenset()


def _listed(names: Mapping[str, Kind], wrong: str = "") -> str:
    """The names there are, likely ones first; no more than a reader takes in."""
    likely = get_close_matches(wrong, names, 3)
    ordered = [*likely, *sorted(names.keys() - set(likely))]
    more = ", …" if len(ordered) > SHOWN_NAMES else ""
    return ", ".join(ordered[:SHOWN_NAMES]) + more if ordered else "none: it is empty"
